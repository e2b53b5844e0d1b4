"""Where data lies: listing, reading and writing at a datastore, be it a folder or a URL.

A datastore is what ``local.datastores`` names: a folder, or any fsspec URL. Blob storage goes
through adlfs, with credentials from the environment or a SAS in the URL. Locations and paths are
posix and relative to the datastore's root. Every failure is a :class:`DatastoreError`.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from amlshare.datastores.accounts import Container, Credential, find_container
from amlshare.datastores.folder import Folder
from amlshare.datastores.interface import Datastore, DatastoreError, Entry
from amlshare.datastores.location import cut_location, cut_url, is_file, lay_out

__all__ = [
    "Container",
    "Credential",
    "Datastore",
    "DatastoreError",
    "Entry",
    "is_file",
    "lay_out",
    "open_container",
    "open_datastore",
    "open_path",
]

_URL = re.compile(r"[a-z][a-z0-9+.-]*(::|://)", re.IGNORECASE)


def open_datastore(name: str, value: str, base: Path) -> Datastore:
    """The datastore ``name`` that ``value``, a folder (relative to ``base``) or a URL, stands for.

    Blob storage is ``az://CONTAINER/PREFIX``, ``abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/..``
    or ``https://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX?SAS``. No service is asked anything
    here: what is wrong with it shows at its first use.
    """
    value = value.removeprefix("file://")
    if not _URL.match(value):
        return Folder(name, _absolute(value, base))
    container = find_container(value)
    return _open_url(name, value) if container is None else open_container(name, container)


def open_path(value: str, base: Path) -> tuple[Datastore, str]:
    """The datastore around a file, a folder, a URL or a glob of them, and the location in it."""
    value = value.removeprefix("file://")
    if not _URL.match(value):
        folder, location = cut_location(str(_absolute(value, base)))
        return Folder("", Path("/", folder)), location
    container = find_container(value)
    if container is None:
        url, location = cut_url(value)
        return _open_url("", url), location
    prefix, location = cut_location(container.prefix)
    return open_container("", replace(container, prefix=prefix)), location


def _absolute(value: str, base: Path) -> Path:
    return Path(os.path.normpath(base.absolute() / Path(value).expanduser()))


# what only a URL needs is imported only for one


def _open_url(name: str, url: str) -> Datastore:
    from amlshare.datastores.web import Web

    return Web(name, url)


def open_container(name: str, container: Container) -> Datastore:
    """The datastore ``name`` that is a blob container, or a folder in it."""
    from amlshare.datastores.blobs import Blobs

    return Blobs(name, container)
