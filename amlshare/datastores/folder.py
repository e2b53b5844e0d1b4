"""A folder on this machine as a datastore. Links are followed; links to nothing are left out.

So is whatever is called ``.amlshare*``: state, and files that are being written.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from amlshare.datastores.chunks import disk_full, is_full, read_chunks, write_chunks
from amlshare.datastores.interface import DatastoreError, Entries, Entry, Names
from amlshare.datastores.listing import Listing
from amlshare.datastores.location import Location

_OURS = ".amlshare"


class Folder(Listing):
    """A folder stands in for a datastore."""

    _absent = "there is no such folder: create it, or name another"

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.url = str(folder)
        self.key = f"file:{folder}"

    def _find_file(self, path: str) -> Entry | None:
        try:
            found = (self.folder / path).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._failed(error) from None
        return _to_entry(path, found) if stat.S_ISREG(found.st_mode) else None

    def _find_below(self, place: Location) -> Entries | None:
        prefix = f"{place.parent}/" if place.parent else ""
        try:
            return list(_walk(self.folder / place.parent, prefix, place.depth))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._failed(error) from None

    def _find_names(self, folder: str) -> Names | None:
        try:
            return [item.name for item in (self.folder / folder).iterdir()]
        except OSError:
            return None

    def open(self, path: str) -> BinaryIO:
        try:
            return (self.folder / path).open("rb")
        except OSError as error:
            raise self._failed(error) from None

    def read(self, entry: Entry, start: int, end: int) -> bytes:
        with self.open(entry.path) as file:
            self._check_version(entry, file)
            return os.pread(file.fileno(), end - start, start)

    def fetch(self, entry: Entry, target: Path) -> str:
        try:
            with self.open(entry.path) as file:
                self._check_version(entry, file)
                digest = write_chunks(read_chunks(file), target, entry.size)
                self._check_version(entry, file)
        except BaseException as error:
            target.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise self._failed(error) from None
            raise
        return digest

    def _check_version(self, entry: Entry, file: BinaryIO) -> None:
        if _to_entry(entry.path, os.fstat(file.fileno())) != entry:
            what = f"'{entry.path}' in {self._where} changed since it was listed"
            raise DatastoreError(what, "run again")

    def put(self, source: Path, path: str) -> None:
        from shutil import copyfile

        target = self.folder / path
        part = target.with_name(f"{_OURS}-{uuid4().hex}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            copyfile(source, part)
            part.replace(target)
        except OSError as error:
            part.unlink(missing_ok=True)
            if is_full(error):
                raise disk_full(target, source.stat().st_size) from None
            raise self._failed(error) from None

    def remove(self, path: str) -> None:
        try:
            (self.folder / path).unlink(missing_ok=True)
        except OSError as error:
            raise self._failed(error) from None

    def uri(self, location: str) -> str:
        return str(self.folder / location)

    def _failed(self, error: OSError) -> DatastoreError:
        at = f"{error.filename}: " if error.filename else ""
        what = f"{self._where}: {at}{error.strerror}"
        return DatastoreError(what, "check that it is there and may be used")


def _walk(folder: Path | str, prefix: str, depth: int | None) -> Iterator[Entry]:
    with os.scandir(folder) as items:
        for item in items:
            if item.name.startswith(_OURS):
                continue
            path = prefix + item.name
            try:
                if not item.is_dir():
                    found = item.stat()
                    if stat.S_ISREG(found.st_mode):
                        yield _to_entry(path, found)
                elif depth != 1 and not _leads_up(item):
                    yield from _walk(item.path, f"{path}/", depth and depth - 1)
            except FileNotFoundError:
                continue  # a link to nothing, or removed since


def _leads_up(item: os.DirEntry[str]) -> bool:
    """Whether it is a link to a folder that it lies in: following it would never end."""
    if not item.is_symlink():
        return False
    here = os.path.realpath(Path(item.path).parent)
    return f"{here}/".startswith(f"{os.path.realpath(item.path)}/")


def _to_entry(path: str, found: os.stat_result) -> Entry:
    if not path.isascii():
        try:
            path.encode()
        except UnicodeEncodeError:
            raise DatastoreError(f"the name {path!a} is not UTF-8", "rename the file") from None
    version = f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}-{found.st_ctime_ns}"
    return Entry(path=path, size=found.st_size, version=version)
