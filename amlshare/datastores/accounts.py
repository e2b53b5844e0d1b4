"""Which blob container a URL names, and the credentials that the URL or the environment has."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from amlshare.datastores.interface import DatastoreError

VARIABLES = (
    "set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME with "
    "AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or put a SAS into the URL"
)

_HOST = re.compile(r"([a-z0-9-]+(?:\.z\d+)?)\.(?:blob|dfs)\.(core\.[a-z.]+|storage\.azure\.net)")
_LOCAL = re.compile(r"localhost|[\d.]+|[0-9a-f:]+")
_SCHEMES = ("az", "abfs", "abfss", "wasb", "wasbs")


class Credential(NamedTuple):
    """Of an account: its key or a SAS; with neither, whoever is signed in, or just anyone."""

    key: str = ""
    sas: str = ""
    sign_in: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """Where blobs lie. ``account_url`` is ``https://ACCOUNT.blob.core.windows.net``.

    ``given`` says for people where the credential comes from, or could.
    """

    account_url: str
    name: str
    prefix: str
    credential: Credential = field(repr=False)
    given: str = VARIABLES

    @property
    def account(self) -> str:
        return _account(self.account_url)


def find_container(url: str) -> Container | None:
    """The container that a URL names, None where it is no URL of blob storage.

    Raises DatastoreError where it is one and names no container, or no credentials are known.
    """
    scheme, _, rest = url.partition("://")
    if scheme.lower() in _SCHEMES:
        return _of_az(rest)
    return _of_http(url) if scheme.lower() in {"http", "https"} else None


def _of_az(rest: str) -> Container:
    """CONTAINER/PREFIX, or CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX."""
    authority, _, prefix = rest.partition("/")
    name, _, host = authority.partition("@")
    account_url, credential = _from_environment(_account_url(host))
    return _container(account_url, [name, prefix], credential)


def _of_http(url: str) -> Container | None:
    """As the portal writes it: percent-encoded, the SAS after the question mark."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    path = [unquote(part) for part in parts.path.split("/") if part]
    account_url = _account_url(host)
    if not account_url:
        # an emulator has the account in its path
        if not path or not _LOCAL.fullmatch(host) or not path[0].startswith("devstoreaccount"):
            return None
        account_url = f"{parts.scheme}://{parts.netloc}/{path.pop(0)}"
    credential = Credential(sas=parts.query)
    if not parts.query:
        account_url, credential = _from_environment(account_url, public=True)
    return _container(account_url, path, credential)


def _container(account_url: str, path: list[str], credential: Credential) -> Container:
    name, *prefix = path or [""]
    if not name:
        raise DatastoreError(f"no container is named at {account_url}", "write ../CONTAINER/PREFIX")
    return Container(
        account_url=account_url,
        name=name,
        prefix="/".join(prefix).strip("/"),
        credential=credential,
    )


def _account_url(host: str) -> str:
    match = _HOST.fullmatch(host.lower())
    return f"https://{match[1]}.blob.{match[2]}" if match else ""


def _account(account_url: str) -> str:
    """The account's name: in the path of an emulator's URL, else the host's first part."""
    parts = urlsplit(account_url)
    return parts.path.strip("/") or (parts.hostname or "").partition(".")[0]


def _from_environment(account_url: str, *, public: bool = False) -> tuple[str, Credential]:
    """The account, which the URL may leave open, and the credential for it.

    Where there is none, a ``public`` URL is read by just anyone, others by who is signed in.
    """
    if text := os.environ.get("AZURE_STORAGE_CONNECTION_STRING"):
        url, credential = _read_connection_string(text)
        if account_url in {"", url}:
            return url, credential
    account = _variable("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT")
    if not account and not account_url:
        raise DatastoreError("no credentials for blob storage are known", VARIABLES)
    url = account_url or f"https://{account}.blob.core.windows.net"
    if account != _account(url):
        return url, Credential(sign_in=not public)
    key = _variable("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY")
    sas = "" if key else _variable("AZURE_STORAGE_SAS_TOKEN").lstrip("?")
    return url, Credential(key, sas, sign_in=not key and not sas)


def _variable(*names: str) -> str:
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def _read_connection_string(text: str) -> tuple[str, Credential]:
    pairs = (part.partition("=") for part in text.strip().split(";") if part)
    fields = {name.strip().lower(): value.strip() for name, _, value in pairs}
    account = fields.get("accountname", "")
    suffix = fields.get("endpointsuffix", "core.windows.net")
    scheme = fields.get("defaultendpointsprotocol", "https")
    url = fields.get("blobendpoint") or (account and f"{scheme}://{account}.blob.{suffix}")
    key, sas = fields.get("accountkey", ""), fields.get("sharedaccesssignature", "")
    if not url or not (key or sas):
        raise DatastoreError(
            "AZURE_STORAGE_CONNECTION_STRING is no connection string",
            "it has AccountName and AccountKey, or BlobEndpoint and SharedAccessSignature",
        )
    return url.rstrip("/"), Credential(key, "" if key else sas.lstrip("?"))
