"""Putting local files where data is said to lie, before a run, when their content is new."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amlshare import units
from amlshare.backends.azureml import sdk
from amlshare.backends.azureml.found import BLOB
from amlshare.backends.interface import BackendError
from amlshare.datastores import DatastoreError, is_file, lay_out, open_path

if TYPE_CHECKING:
    from amlshare.backends.azureml.job import Job, JobData

_CHUNK = 2**20
_ADVICE = {
    403: "check that the key or SAS of the datastore is still good, and that the storage account"
    " lets this machine in",
    404: "check that the container of the datastore still exists",
}


def upload(job: Job, workspace: Any, base: Path) -> list[str]:
    """Put the files of each `upload:` at its location, those that are not there with that content.

    A blob is known to be the same by the MD5 of its content, which is sent along with it. Returns a
    note for each upload that put anything. Nothing there is deleted. Raises BackendError.
    """
    sent = (_put(data, workspace, base) for data in job.data if data.upload is not None)
    return [note for note in sent if note]


def _put(data: JobData, workspace: Any, base: Path) -> str:
    files = _files(data, base)
    store = _datastore(data, workspace)
    with sdk.asking(f"uploading '{data.upload}' to datastore '{data.datastore}'", _ADVICE):
        container = store.blob_service.get_container_client(store.container_name)
        new = [path for path, file in files.items() if not _is_there(container, path, file)]
        for path in new:
            _send(container, path, files[path])
    if not new:
        return ""
    size = units.show_size(sum(files[path].stat().st_size for path in new))
    count = "1 file" if len(new) == 1 else f"{len(new)} files"
    return f"uploaded {count} ({size}) of '{data.upload}' to {data.datastore}:{data.path}"


def _files(data: JobData, base: Path) -> dict[str, Path]:
    """The local files by the path of their blob: a file at the location, or below it."""
    local, at = open_path(data.upload or "", base)
    if local.folder is None:
        raise BackendError(f"data '{data.name}': upload '{data.upload}' is no local file or folder")
    try:
        entries = local.list(at)
    except DatastoreError as error:
        raise BackendError(f"data '{data.name}', upload: {error}") from error
    location = data.path or ""
    target = location.strip("/")
    single = is_file(at, entries) and not location.endswith("/")
    return {
        target if single else f"{target}/{name}".strip("/"): local.folder / entry.path
        for name, entry in lay_out(at, entries).items()
    }


def _datastore(data: JobData, workspace: Any) -> Any:
    """The datastore, with the key or SAS without which the SDK cannot write to it."""
    from azureml.core import Datastore

    with sdk.asking(f"looking up datastore '{data.datastore}'"):
        store = Datastore.get(workspace, data.datastore)
    if store.datastore_type != BLOB:
        raise BackendError(
            f"data '{data.name}' is to be uploaded to datastore '{data.datastore}', which is"
            f" {store.datastore_type}: name one of blob storage"
        )
    if store.credential_type == "None":
        raise BackendError(
            f"data '{data.name}' is to be uploaded to datastore '{data.datastore}', which has no"
            " account key or SAS of its own, and SDK v1 cannot write to it without: give it one,"
            " name another datastore, or take `upload` out and put the files there yourself"
        )
    return store


def _is_there(container: Any, path: str, file: Path) -> bool:
    """Whether a blob has the content of the file. Sizes tell most that are not, without a read."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        known = container.get_blob_client(path).get_blob_properties()
    except ResourceNotFoundError:
        return False
    md5 = known.content_settings.content_md5
    return known.size == file.stat().st_size and md5 is not None and bytes(md5) == _md5(file)


def _send(container: Any, path: str, file: Path) -> None:
    from azureml._vendor.azure_storage import blob

    make: Any = blob.ContentSettings
    settings = make(content_md5=bytearray(_md5(file)))
    with file.open("rb") as content:
        container.upload_blob(path, content, overwrite=True, content_settings=settings)


def _md5(file: Path) -> bytes:
    """The MD5 of a file, which is what Azure keeps of a blob."""
    found = hashlib.md5(usedforsecurity=False)
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            found.update(chunk)
    return found.digest()
