"""Any fsspec URL as a datastore, but for blob storage. http(s) has files only: no listing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from uuid import uuid4

from amlshare.datastores.chunks import CHUNK, write_chunks
from amlshare.datastores.interface import DatastoreError, Entries, Entry, Names
from amlshare.datastores.listing import Listing
from amlshare.datastores.location import Location, parse_location
from amlshare.secrets import mask

T = TypeVar("T")

BLOCK = 4 << 20  # bytes asked for in one request
# what the file systems call the thing that changes with a file's content
_AGES = ("ETag", "etag", "md5", "LastModified", "last_modified", "mtime", "created")
_NAMES = 200


class Web(Listing):
    """A place that fsspec can reach."""

    folder = None
    _absent = "check the URL"

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = show_url(url)
        self.key = self.url
        self._is_http = url.lower().startswith(("http:", "https:"))
        self._url, mark, query = url.partition("?") if self._is_http else (url, "", "")
        self._query = mark + query
        # a file whose version nobody tells may be another whenever the datastore is opened anew
        self._session = uuid4().hex

    def __reduce__(self) -> tuple[Any, ...]:
        return Web, (self.name, self._url + self._query)  # another process connects anew

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        try:
            from fsspec.core import url_to_fs

            fs, root = url_to_fs(self._url)
        except ImportError as error:
            raise missing_package(self._url, error) from None
        except Exception as error:  # noqa: BLE001 - each file system has errors of its own
            raise self._failed(error) from None
        return fs, root.rstrip("/")

    @property
    def _fs(self) -> Any:
        return self._opened[0]

    def _ask(self, question: Callable[..., T], *args: Any, **options: Any) -> T | None:
        """The answer of the file system, None where nothing is."""
        try:
            return question(*args, **options)
        except (FileNotFoundError, NotADirectoryError) as error:
            cause = error.__cause__
            # of http, fsspec says so whatever went wrong
            if self._is_http and isinstance(cause, Exception) and not _is_missing(cause):
                raise self._failed(cause) from None
            return None
        except Exception as error:  # noqa: BLE001 - each file system has errors of its own
            raise self._failed(error) from None

    def _full(self, path: str) -> str:
        root = self._opened[1]
        return f"{root}/{path}{self._query}" if path else root or "/"

    def _find_file(self, path: str) -> Entry | None:
        self._fs.invalidate_cache()
        info = self._ask(self._fs.info, self._full(path))
        return self._to_entry(path, info) if info and info["type"] == "file" else None

    def _find_below(self, place: Location) -> Entries | None:
        if self._is_http:
            return None
        folder = self._full(place.parent)
        found = self._ask(self._fs.find, folder, detail=True)
        if not found and not self._ask(self._fs.isdir, folder):
            return None
        cut = len(self._opened[1])
        infos = (found or {}).values()
        return [self._to_entry(info["name"][cut:].lstrip("/"), info) for info in infos]

    def _find_names(self, folder: str) -> Names | None:
        if self._is_http:
            return None
        found = self._ask(self._fs.ls, self._full(folder), detail=False)
        return found and [each.rstrip("/").rpartition("/")[2] for each in found[:_NAMES]]

    def _to_entry(self, path: str, info: dict[str, Any]) -> Entry:
        size = info["size"]
        if size is None:
            what = f"the server does not tell the size of '{path}' in {self._where}"
            raise DatastoreError(what, "fetch it yourself, and name the file")
        age = next((info[each] for each in _AGES if info.get(each)), None)
        if isinstance(age, datetime):  # some file systems list it as a number, others as a date
            age = age.timestamp()
        version = f"{size}-{self._session if age is None else age}"
        return Entry(path=path, size=size, version=version, is_lasting=age is not None)

    def open(self, path: str) -> BinaryIO:
        file = self._ask(self._fs.open, self._full(path), "rb", block_size=BLOCK)
        if file is None:
            raise self._nothing_at(parse_location(path))
        opened: BinaryIO = file
        return opened

    def read(self, entry: Entry, start: int, end: int) -> bytes:
        data = self._ask(self._fs.cat_file, self._full(entry.path), start=start, end=end)
        if data is None:
            raise self._changed(entry)
        if len(data) != min(end, entry.size) - start:
            what = f"the server gives '{entry.path}' in {self._where} only as a whole"
            raise DatastoreError(what, "use `mode: download`")
        return bytes(data)

    def fetch(self, entry: Entry, target: Path) -> str:
        with self.open(entry.path) as file:
            digest = write_chunks(self._read_chunks(file), target, entry.size)
        if self._find_file(entry.path) != entry:
            target.unlink()
            raise self._changed(entry)
        return digest

    def _read_chunks(self, file: BinaryIO) -> Iterator[bytes]:
        while chunk := self._ask(file.read, CHUNK):
            yield chunk

    def put(self, source: Path, path: str) -> None:
        full = self._full(path)
        self._ask(self._fs.makedirs, full.rpartition("/")[0], exist_ok=True)
        self._ask(self._fs.put_file, str(source), full)

    def remove(self, path: str) -> None:
        self._ask(self._fs.rm_file, self._full(path))

    def uri(self, location: str) -> str:
        return f"{self._url.rstrip('/')}/{location}{self._query}"

    def _changed(self, entry: Entry) -> DatastoreError:
        what = f"'{entry.path}' in {self._where} changed since it was listed"
        return DatastoreError(what, "run again")

    def _failed(self, error: Exception) -> DatastoreError:
        return DatastoreError(f"{self._where}: {first_line(error)}", "check the URL and its rights")


def _is_missing(error: Exception) -> bool:
    return isinstance(error, FileNotFoundError) or getattr(error, "status", None) == 404


def show_url(url: str) -> str:
    """A URL for people: no password, no query."""
    scheme, mark, rest = mask(url).partition("://")
    authority, slash, path = rest.partition("?")[0].partition("/")
    return f"{scheme}{mark}{authority.rpartition('@')[2]}{slash}{path.rstrip('/')}"


def first_line(error: Exception) -> str:
    """What an error says, without the pages that some add."""
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__


def missing_package(url: str, error: ImportError) -> DatastoreError:
    """The error for a URL whose kind needs a package that is not installed."""
    scheme = url.partition(":")[0]
    if (error.name or "").partition(".")[0] in {"fsspec", "adlfs", "azure"}:
        what = f"{scheme}: URLs need packages that are not installed"
        return DatastoreError(what, "pip install 'amlshare[blob]'")
    return DatastoreError(f"{scheme}: URLs need a package that is not installed", str(error))
