"""Where the data of a spec lies, as the workspace knows it: so that it can be listed there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from amlshare.backends.azureml import online, sdk, signin
from amlshare.backends.azureml.found import BLOB
from amlshare.backends.azureml.job import Job, job_data
from amlshare.backends.interface import NotInWorkspaceError, WorkspaceName
from amlshare.datastores import Container, Credential, Datastore, open_container
from amlshare.datastores.web import show_url

if TYPE_CHECKING:
    from amlshare.pipeline import Data

_LAKE = "AzureDataLakeGen2"
_PATHS = re.compile(
    r"^\s*-\s*(?:file|folder|pattern): *[\"']?azureml://\S*?/datastores/"
    r"(?P<datastore>[^/\s]+)/paths/(?P<path>[^\"'\n]*)",
    re.MULTILINE,
)
_OTHERS = re.compile(r"^\s*-\s*(?:file|folder|pattern): *[\"']?(?P<url>[^\s\"']+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The locations that data is made of. ``version`` is that of a registered dataset.

    With ``problem``, it cannot be listed, and that says why.
    """

    places: tuple[tuple[Datastore, str], ...] = ()
    version: int | None = None
    problem: str = ""


def find(data: Iterable[Data], name: WorkspaceName) -> dict[str, Places]:
    """Where each of ``data`` lies.

    Raises BackendError, and NotInWorkspaceError for all that the workspace does not have.
    """
    entries = {each.name: job_data(each) for each in data}
    workspace = signin.workspace(name)
    job = Job(pipeline="", experiment="", data=tuple(entries.values()))
    if lacking := online.missing(job, workspace):
        raise NotInWorkspaceError(lacking)
    stores = _Datastores(workspace)
    return {
        name: stores.places([(each.datastore or "", each.path or "")])
        if each.dataset is None
        else _of_dataset(each.dataset, each.version, stores)
        for name, each in entries.items()
    }


class _Datastores:
    """The datastores of a workspace, each looked up once."""

    def __init__(self, workspace: Any) -> None:
        self.workspace = workspace
        self._found: dict[str, Datastore | str] = {}

    def places(self, named: Iterable[tuple[str, str]], version: int | None = None) -> Places:
        """Locations by the names of their datastores, as what can be listed."""
        found = [(self._get(name), location) for name, location in named]
        problems = [store for store, _ in found if isinstance(store, str)]
        if problems:
            return Places(version=version, problem=problems[0])
        places = tuple((store, at) for store, at in found if not isinstance(store, str))
        return Places(places=places, version=version)

    def _get(self, name: str) -> Datastore | str:
        """A datastore, or why it cannot be listed."""
        if name not in self._found:
            from azureml.core import Datastore as Registered

            with sdk.asking(f"looking up datastore '{name}'"):
                self._found[name] = _opened(name, Registered.get(self.workspace, name))
        return self._found[name]


def _opened(name: str, store: Any) -> Datastore | str:
    if store.datastore_type not in (BLOB, _LAKE):
        return f"datastore '{name}' is {store.datastore_type}, which cannot be listed from here"
    key = getattr(store, "account_key", None) or ""
    sas = (getattr(store, "sas_token", None) or "").lstrip("?")
    # a datastore without a credential is for whoever is signed in, as a lake's files are
    credential = Credential(key, "" if key else sas, sign_in=not key and not sas)
    scheme, endpoint = store.protocol or "https", store.endpoint or "core.windows.net"
    container = Container(
        account_url=f"{scheme}://{store.account_name}.blob.{endpoint}",
        name=store.container_name,
        prefix="",
        credential=credential,
        given=f"it is that of datastore '{name}' in the workspace"
        if key or sas
        else f"datastore '{name}' has none in the workspace, so yours was taken",
    )
    return open_container(name, container)


def _of_dataset(name: str, version: int | None, stores: _Datastores) -> Places:
    from azureml.core import Dataset

    wanted = "latest" if version is None else version
    with sdk.asking(f"looking up dataset '{name}'"):
        found = Dataset.get_by_name(stores.workspace, name, version=wanted)
        definition = found._definition  # noqa: SLF001 - there is no public way to its places
    number = int(found.version)
    named, others = _read(str(definition))
    if others or not named:
        what = others[0] if others else "no files in datastores"
        return Places(version=number, problem=f"dataset '{name}' is made of {what}")
    return stores.places(named, number)


def _read(definition: str) -> tuple[list[tuple[str, str]], list[str]]:
    """The places in datastores of a dataset's definition, and what else it is made of: URLs without
    what may be a key.
    """
    if definition.lstrip().startswith("{"):
        definition = (json.loads(definition).get("meta") or {}).get("RsDataflow") or ""
    named = list(_named(definition))
    others = [each["url"] for each in _OTHERS.finditer(definition)]
    return named, [show_url(url) for url in others if "/datastores/" not in url]


def _named(definition: str) -> Iterator[tuple[str, str]]:
    for each in _PATHS.finditer(definition):
        yield each["datastore"], unquote(each["path"].strip())
