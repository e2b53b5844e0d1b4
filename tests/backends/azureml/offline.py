"""A workspace without a service: the SDK's own objects, and nothing that opens a socket.

What the SDK would ask the service for is answered from :class:`Catalogue`. Graphs are built with
the SDK's dry-run caller; ``wire`` gives them as they would be sent.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

SUBSCRIPTION = "00000000-0000-0000-0000-00000000000a"
_IDS = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What the workspace holds. Whatever is not named is there too: a blob datastore, a file
    dataset of version 1, an image with a Python.
    """

    tables: frozenset[str] = frozenset()
    datastores: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def offline(catalogue: Catalogue | None = None) -> Iterator[Any]:
    """An ``azureml.core.Workspace`` on which pipelines are built, validated and finalised."""
    catalogue = catalogue or Catalogue()
    with contextlib.ExitStack() as stack:
        for target, answer in _answers(catalogue).items():
            stack.enter_context(patch(target, answer))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        yield _workspace()


def _workspace() -> Any:
    from azureml._restclient.service_context import ServiceContext, _ServiceKeys
    from azureml.core import Workspace
    from azureml.core.authentication import AbstractAuthentication

    class NoSignIn(AbstractAuthentication):
        def __init__(self) -> None:
            super().__init__("AzureCloud")

    class NoDiscovery(ServiceContext):
        def _fetch_endpoints(self) -> dict[str, str]:
            return dict.fromkeys(_ServiceKeys.get_discovery_keys(), "http://127.0.0.1:1")

    names = (SUBSCRIPTION, "group", "workspace")
    workspace = Workspace(
        *names,
        auth=NoSignIn(),
        _location="eastus",
        _disable_service_check=True,
        _workspace_id=_id("workspace"),
    )
    workspace._discovery_url_internal = "http://127.0.0.1:1"
    workspace._service_context = NoDiscovery(
        *names, workspace._workspace_id_internal, "http://127.0.0.1:1", workspace._auth
    )
    return workspace


def _id(name: str) -> str:
    return str(uuid.uuid5(_IDS, name))


def _answers(catalogue: Catalogue) -> dict[str, Any]:
    """What is asked of the service, and who answers."""
    return {
        "azureml.core.Datastore.get": staticmethod(partial(_datastore, catalogue)),
        "azureml.core.Dataset.get_by_name": staticmethod(partial(_dataset, catalogue)),
        "azureml.core.Environment.get": staticmethod(partial(_environment, catalogue)),
        "azureml.data._dataset._Dataset._ensure_saved": _save,
        "azureml.pipeline.core._aeva_provider._AevaWorkflowProvider.create_provider": staticmethod(
            _provider
        ),
    }


def _provider(workspace: Any, **_: Any) -> Any:
    from azureml.pipeline.core._aeva_provider import _AevaWorkflowProvider
    from azureml.pipeline.core._restclients.aeva.dryrun_service_caller import DryRunServiceCaller

    class NoUpload:
        def upload(self, directory: str) -> str:  # noqa: ARG002 # called by name
            return str(uuid.uuid4())

    class Recorder(DryRunServiceCaller):
        """Keeps the body of every module that would be made."""

        def __init__(self) -> None:
            super().__init__()
            self.modules: list[dict[str, Any]] = []

        def create_module_async(self, creation_info: Any) -> Any:
            self.modules.append(creation_info.serialize())
            return super().create_module_async(creation_info)

    return _AevaWorkflowProvider(Recorder(), NoUpload(), workspace)


def _datastore(catalogue: Catalogue, workspace: Any, name: str) -> Any:
    from azureml.data.azure_data_lake_datastore import AzureDataLakeGen2Datastore
    from azureml.data.azure_storage_datastore import AzureBlobDatastore, AzureFileDatastore

    catalogue.asked.append(f"datastore {name}")
    match catalogue.datastores.get(name, "blob"):
        case "file":
            return AzureFileDatastore(workspace, name, "share", "account", account_key="a2V5")
        case "lake":
            return AzureDataLakeGen2Datastore(
                workspace, name, "files", "account", None, None, None, None, None
            )
        case _:
            return AzureBlobDatastore(workspace, name, "box", "account", account_key="a2V5")


def _dataset(catalogue: Catalogue, workspace: Any, name: str, version: Any = "latest") -> Any:
    from azureml.data import FileDataset, TabularDataset
    from azureml.data._dataset import _DatasetRegistration

    catalogue.asked.append(f"dataset {name} {version}")
    number = 1 if version == "latest" else int(version)
    kind = TabularDataset if name in catalogue.tables else FileDataset
    registration = _DatasetRegistration(
        workspace,
        saved_id=_id(f"{name} {number}"),
        registered_id=_id(name),
        name=name,
        version=number,
    )
    return kind._create(definition="{}", registration=registration, dataflow_json="{}")


def _environment(catalogue: Catalogue, _: Any, name: str, version: str | None = None) -> Any:
    from azureml.core import Environment

    catalogue.asked.append(f"environment {name} {version}")
    environment = Environment(name)
    environment.version = version or "7"
    environment.docker.base_image = "registered:1"
    environment.python.user_managed_dependencies = True
    return environment


def _save(dataset: Any, workspace: Any) -> str:
    """Give an unregistered dataset the id it would get."""
    from azureml.data._dataset import _DatasetRegistration

    if not dataset.id:
        dataset._registration = _DatasetRegistration(workspace, saved_id=str(uuid.uuid4()))
    return str(dataset.id)


def wire(pipeline: Any) -> dict[str, Any]:
    """What a publication would send: the graph, its interface, and the body of each module.

    Ids are numbered in the order in which they appear; a module is found by its step's name, so
    what the service numbers is left out of it.
    """
    from azureml.pipeline.core._aeva_provider import _AevaGraphProvider

    with contextlib.redirect_stdout(io.StringIO()):
        errors = pipeline.validate()
        assert not errors, errors
        pipeline.graph.finalize()
    caller = pipeline._graph_context.workflow_provider._service_caller
    graph = _AevaGraphProvider._build_graph(pipeline.graph)
    interface = _AevaGraphProvider._get_graph_interface(pipeline.graph)
    assigned = _AevaGraphProvider._get_data_set_definition_assignments(pipeline.graph)
    sent = {
        "graph": graph.serialize(),
        "interface": interface.serialize(),
        "assigned": {name: value.serialize() for name, value in assigned.items()},
        # they are made side by side, in any order
        "modules": sorted(caller.modules, key=_name),
        "sources": sorted(map(_plain, caller._datasource_entities.values()), key=_name),
    }
    nodes = [node.node_id for node in pipeline.graph.nodes]
    return dict(json.loads(_numbered(json.dumps(sent), nodes)))


def _plain(entity: Any) -> dict[str, Any]:
    return dict(entity.serialize())


def _name(entity: dict[str, Any]) -> str:
    return str(entity["Name"])


def _numbered(text: str, nodes: list[str]) -> str:
    ids = {node: f"node-{number}" for number, node in enumerate(nodes)}
    for node, name in ids.items():
        text = text.replace(node, name)
    known: dict[str, str] = {}
    return _GUID.sub(lambda found: known.setdefault(found[0], f"id-{len(known)}"), text)


def fingerprints(pipeline: Any) -> dict[str, str]:
    """What decides about each step's module: its definition and its snapshot."""
    return {
        node.name: node._module_builder.get_fingerprint() for node in pipeline.graph.module_nodes
    }


def put_scripts(job: Any, folder: Path) -> dict[str, Path]:
    """A code folder for each step of a job, with the script that it names."""
    made = {}
    for step in job.steps:
        made[step.name] = folder / step.name
        made[step.name].mkdir(parents=True, exist_ok=True)
        for name in filter(None, (step.script, step.wrapper and "amlshare_step.py")):
            (made[step.name] / name).parent.mkdir(parents=True, exist_ok=True)
            (made[step.name] / name).write_text("print()\n")
    return made
