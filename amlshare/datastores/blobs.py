"""Blob storage as a datastore: a container, or a prefix in it.

The client is adlfs's. What adlfs would say no word about (a refused key that looks like an empty
folder, a blob that changes while it is read) is asked of the client itself.
"""

from __future__ import annotations

import os
from asyncio import gather, run_coroutine_threadsafe
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from functools import cached_property
from io import SEEK_CUR, SEEK_END, SEEK_SET, BufferedReader, BytesIO, RawIOBase
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from amlshare.datastores.accounts import Container
from amlshare.datastores.chunks import write_chunks
from amlshare.datastores.interface import DatastoreError, Entries, Entry, Names
from amlshare.datastores.listing import Listing
from amlshare.datastores.location import Location, parse_location
from amlshare.datastores.web import BLOCK, first_line, missing_package

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
Question = Callable[..., Coroutine[Any, Any, T]]

_AHEAD = 4  # requests under way at a time for one file
_MOST_BLOCKS = 50_000  # of one blob, says the service
_NAMES = 200
_PAGE = 2_000  # blobs asked for at a time: 5,000, the most, take 50 MB of the client's objects
_WAITS = (1, 2)  # seconds: the first wait, and what is raised to the power of the next ones
_SIZES = ("max_single_get_size", "max_chunk_get_size", "max_single_put_size", "max_block_size")


class Blobs(Listing):
    """A place in blob storage. The empty blobs by which some tools mark a folder are left out."""

    folder = None
    _absent = "no blob is there: upload some, or name another prefix"

    def __init__(self, name: str, container: Container) -> None:
        self.name = name
        self._container = container
        self._prefix = f"{container.prefix}/" if container.prefix else ""
        self.url = f"{container.account_url}/{container.name}/{self._prefix}".rstrip("/")
        self.key = self.url

    def __reduce__(self) -> tuple[Any, ...]:
        return Blobs, (self.name, self._container)  # another process connects anew

    @cached_property
    def _fs(self) -> Any:
        try:
            return _connect(self._container)
        except ImportError as error:
            raise missing_package(self.url, error) from None
        except Exception as error:  # noqa: BLE001 - adlfs's, the SDK's, the credential's
            raise self._failed(error) from None

    @cached_property
    def _client(self) -> Any:
        return self._fs.service_client.get_container_client(self._container.name)

    def _start(self, question: Question[T], *args: Any) -> Future[T]:
        """Ask in the event loop of fsspec, which all threads share."""
        client = self._client  # where it cannot connect, no coroutine is left unawaited
        return run_coroutine_threadsafe(question(client, *args), self._fs.loop)

    def _answer(self, future: Future[T]) -> T:
        try:
            return future.result()
        except Exception as error:  # noqa: BLE001 - the SDK's, and those of the transport below
            raise self._failed(error) from None

    def _ask(self, question: Question[T], *args: Any) -> T:
        return self._answer(self._start(question, *args))

    def _find_file(self, path: str) -> Entry | None:
        return self._ask(_find_blob, self._prefix, path)

    def _find_below(self, place: Location) -> Entries | None:
        folder = f"{place.parent}/" if place.parent else ""
        found, any_seen = self._ask(_list_blobs, self._prefix, place.prefix or folder)
        # a container is there even when it is empty: else the service had said so
        is_container = not self._prefix and not folder
        return self._only_files(found) if any_seen or is_container else None

    def _find_names(self, folder: str) -> Names | None:
        prefix = self._prefix + (f"{folder}/" if folder else "")
        return self._ask(_list_names, prefix) or ([] if not prefix else None)

    def _only_files(self, found: Entries) -> Entries:
        """Those that can be files on a disk; some folders are marked by an empty blob so named."""
        folders = {folder for entry in found for folder in _folders_of(entry.path)}
        files = [entry for entry in found if entry.size or entry.path not in folders]
        for entry in files:
            if entry.path in folders or {"", ".", ".."} & set(entry.path.split("/")):
                what = f"the blob '{entry.path}' in {self._where} cannot be a file on a disk"
                raise DatastoreError(what, "rename it")
        return files

    def open(self, path: str) -> BinaryIO:
        entry = self._find_file(path)
        if entry is None:
            raise self._nothing_at(parse_location(path))
        return BufferedReader(_Ranges(self, entry), BLOCK)

    def read(self, entry: Entry, start: int, end: int) -> bytes:
        end = min(end, entry.size)
        return self._ask(_read_blob, self._prefix, entry, start, end) if start < end else b""

    def fetch(self, entry: Entry, target: Path) -> str:
        return write_chunks(self._read_blocks(entry), target, entry.size)

    def _read_blocks(self, entry: Entry) -> Iterator[bytes]:
        """The blob's bytes in order, the next few blocks already under way."""
        starts = iter(range(0, entry.size, BLOCK))
        waiting = deque(self._start_block(entry, start) for start in islice(starts, _AHEAD))
        try:
            while waiting:
                yield self._answer(waiting.popleft())
                waiting.extend(self._start_block(entry, start) for start in islice(starts, 1))
        finally:
            for future in waiting:
                future.cancel()

    def _start_block(self, entry: Entry, start: int) -> Future[bytes]:
        return self._start(_read_blob, self._prefix, entry, start, start + BLOCK)

    def put(self, source: Path, path: str) -> None:
        size = max(BLOCK, source.stat().st_size // _MOST_BLOCKS + 1)
        with source.open("rb") as file:
            blocks = iter(lambda: file.read(size), b"")
            self._ask(_write_blob, self._prefix + path, blocks)

    def remove(self, path: str) -> None:
        self._ask(_remove_blob, self._prefix + path)

    def uri(self, location: str) -> str:
        sas = self._container.credential.sas
        if sas:
            return f"{self.url}/{location}?{sas}"
        return f"az://{self._container.name}/{self._prefix}{location}"

    def _failed(self, error: Exception) -> DatastoreError:
        status = getattr(error, "status_code", None)
        code = getattr(error, "error_code", None)
        said = first_line(error)
        if status:
            said = f"{status} {getattr(code, 'value', code) or said}"
        advice = _advice(error, status, self._container)
        return DatastoreError(f"{self._where}: {said}", advice)


def _advice(error: Exception, status: int | None, container: Container) -> str:
    if _is_container_missing(error):
        return f"create the container '{container.name}', or name another"
    if status in {401, 403}:
        return f"check the key or the SAS, what it allows and until when; {container.given}"
    if status in {404, 412}:
        return "it changed since it was listed; run again"
    if status is not None and (status == 429 or status >= 500):
        return "the service is busy or down, and was asked several times; try again later"
    if type(error).__name__ in {"ServiceRequestError", "ServiceResponseError", "TimeoutError"}:
        return "it cannot be reached; check the address, and that the service runs"
    return f"check the address and the credentials; {container.given}"


def _connect(container: Container) -> Any:
    """adlfs, with a client that gives up in seconds where its own takes minutes."""
    from logging import NullHandler, getLogger

    from adlfs import AzureBlobFileSystem
    from azure.storage.blob.aio import BlobServiceClient, ExponentialRetry

    getLogger("azure").addHandler(NullHandler())  # else its warnings go to stderr unasked
    key, sas, sign_in = container.credential
    given = {"account_name": container.account, "account_key": key} if key else sas or None
    # 1 second, then 3 and 5; where nobody listens, only the first
    retry = ExponentialRetry(*_WAITS, retry_total=3, retry_connect=1, random_jitter_range=0)
    options: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 30, "retry_policy": retry}
    options |= dict.fromkeys(_SIZES, BLOCK)
    if trusted := os.environ.get("REQUESTS_CA_BUNDLE"):
        options["connection_verify"] = trusted  # which the SDK v1 goes by, and aiohttp does not

    class Filesystem(AzureBlobFileSystem):  # type: ignore[misc]
        def do_connect(self) -> None:
            self.service_client = BlobServiceClient(
                container.account_url,
                credential=given or self.credential,
                **options,
            )

    return Filesystem(account_name=container.account, anon=not sign_in, skip_instance_cache=True)


async def _find_blob(client: Any, prefix: str, path: str) -> Entry | None:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        found = await client.get_blob_client(prefix + path).get_blob_properties()
    except ResourceNotFoundError as error:
        if _is_container_missing(error):
            raise
        return None
    return None if _is_marker(found) else _to_entry(found, prefix)


async def _list_blobs(client: Any, prefix: str, start: str) -> tuple[Entries, bool]:
    """The blobs whose paths start so, and whether there were any, markers included."""
    found, any_seen = [], False
    asked = {"name_starts_with": prefix + start, "include": ["metadata"]}
    async for blob in client.list_blobs(**asked, results_per_page=_PAGE):
        any_seen = True
        if not _is_marker(blob):
            found.append(_to_entry(blob, prefix))
    return found, any_seen


async def _list_names(client: Any, prefix: str) -> Names:
    names: Names = []
    async for blob in client.walk_blobs(name_starts_with=prefix, delimiter="/"):
        names.append(blob.name[len(prefix) :].rstrip("/"))
        if len(names) == _NAMES:
            break
    return names


async def _read_blob(client: Any, prefix: str, entry: Entry, start: int, end: int) -> bytes:
    from azure.core import MatchConditions

    stream = await client.get_blob_client(prefix + entry.path).download_blob(
        offset=start,
        length=min(end, entry.size) - start,
        etag=f'"{entry.version}"',
        match_condition=MatchConditions.IfNotModified,
    )
    data: bytes = await stream.readall()
    return data


async def _write_blob(client: Any, name: str, blocks: Iterator[bytes]) -> None:
    blob = client.get_blob_client(name)
    ids: list[str] = []
    while batch := list(islice(blocks, _AHEAD)):
        new = {f"{len(ids) + at:08}": BytesIO(block) for at, block in enumerate(batch)}
        await gather(*(blob.stage_block(*each) for each in new.items()))
        ids += new
    await blob.commit_block_list(ids)


async def _remove_blob(client: Any, name: str) -> None:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        await client.get_blob_client(name).delete_blob()
    except ResourceNotFoundError as error:
        if _is_container_missing(error):
            raise


def _is_container_missing(error: Exception) -> bool:
    return "ContainerNotFound" in str(getattr(error, "error_code", ""))


def _is_marker(blob: Any) -> bool:
    kinds = {key.lower(): value for key, value in (blob.metadata or {}).items()}
    marked = "true" in {kinds.get("hdi_isfolder"), kinds.get("is_directory")}
    return marked or blob.name.endswith("/")


def _to_entry(blob: Any, prefix: str) -> Entry:
    return Entry(path=blob.name[len(prefix) :], size=blob.size, version=blob.etag.strip('"'))


def _folders_of(path: str) -> Iterator[str]:
    at = path.rfind("/")
    while at > 0:
        yield path[:at]
        at = path.rfind("/", 0, at)


class _Ranges(RawIOBase):
    """A file that asks for the bytes of its blob when they are read."""

    def __init__(self, datastore: Blobs, entry: Entry) -> None:
        self._datastore = datastore
        self._entry = entry
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        start = {SEEK_SET: 0, SEEK_CUR: self._at, SEEK_END: self._entry.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = self._datastore.read(self._entry, self._at, self._at + len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
