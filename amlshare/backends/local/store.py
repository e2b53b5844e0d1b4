"""The shared store: every file that was fetched from a datastore, once, under its sha256.

```
objects/ab/cdef..   the files, read-only; one lands by a rename, whole
partial/            files on their way; each is locked by who writes it
locks/              one file is fetched by one at a time, however many threads and processes ask
index.sqlite        what (datastore, path, version) holds, and the digests of local files
```
The index is only a memory: without it everything is fetched or hashed again. A process that is
killed leaves at most a partial file, which the next Store removes.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from shutil import copyfile
from threading import local
from typing import NamedTuple, TypeVar
from uuid import uuid4

from amlshare.datastores import Datastore, DatastoreError, Entry
from amlshare.datastores.chunks import check_space, disk_full, is_full, read_chunks

T = TypeVar("T")

_FICLONE = 0x40049409  # Linux: share the blocks of a file, where the file system can
_LOCKS = 1024
_SMALL = 4 << 20  # bytes: a file of one request
_AT_A_TIME = 8
_PATIENCE = 60  # seconds to wait for another process that writes the index
_SETTLED = 2_000_000_000  # nanoseconds: the coarsest clock of a file system (FAT) ticks every 2 s

_TABLES = """
CREATE TABLE IF NOT EXISTS fetched (
  datastore TEXT, path TEXT, version TEXT, digest TEXT NOT NULL, size INTEGER NOT NULL,
  PRIMARY KEY (datastore, path, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hashed (
  path TEXT PRIMARY KEY, stamp TEXT NOT NULL, digest TEXT NOT NULL) WITHOUT ROWID;
"""


class Fetched(NamedTuple):
    """A file in the store. ``moved`` bytes were read from the datastore for it."""

    digest: str
    moved: int


class Store:
    """The store in the folder ``root``. One may be used by many threads, a folder by many stores.

    What goes wrong is a :class:`DatastoreError`.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._partial = self._root / "partial"
        self._objects = self._root / "objects"
        self._locks = self._root / "locks"
        for folder in (self._partial, self._objects, self._locks):
            folder.mkdir(parents=True, exist_ok=True)
        self._index = _Index(self._root / "index.sqlite")
        self._remove_left_over()

    # fetching

    def fetch(self, datastore: Datastore, entry: Entry) -> Fetched:
        """Have the file in the store, fetched unless it is there already."""
        key = (datastore.key, entry.path, entry.version)
        if known := self._find(key):
            return Fetched(known, 0)
        with self._lock("\0".join(key)):
            if known := self._find(key):  # fetched by another one meanwhile
                return Fetched(known, 0)
            digest = self._bring(datastore, entry)
            self._index.remember_fetched(*key, digest, entry.size)
            return Fetched(digest, entry.size)

    def fetch_all(self, datastore: Datastore, entries: Sequence[Entry]) -> list[Fetched]:
        """Have all the files in the store."""
        return fetch_each(datastore, entries, lambda entry: self.fetch(datastore, entry))

    def _bring(self, datastore: Datastore, entry: Entry) -> str:
        try:
            with self._new_partial() as partial:
                digest = datastore.fetch(entry, partial)
                self._land(partial, digest, entry.size)
        except OSError as error:
            if is_full(error):
                raise disk_full(self._partial / "file", entry.size) from None
            raise
        return digest

    def _find(self, key: tuple[str, str, str]) -> str | None:
        """The digest of what was fetched, if the object is whole: of the size it came with."""
        found = self._index.find_fetched(*key)
        if found is None:
            return None
        digest, size = found
        return digest if self._is_whole(digest, size) else None

    def _is_whole(self, digest: str, size: int) -> bool:
        try:
            return self.object(digest).stat().st_size == size
        except FileNotFoundError:
            return False

    def _land(self, partial: Path, digest: str, size: int) -> None:
        if self._is_whole(digest, size):
            return  # it has come before, from another place
        target = self.object(digest)
        target.parent.mkdir(exist_ok=True)
        partial.chmod(0o444)
        partial.replace(target)

    def object(self, digest: str) -> Path:
        """Where the object with this sha256 lies, when it is in the store."""
        return self._objects / digest[:2] / digest[2:]

    # digests of local files

    def digest(self, path: Path, stat: os.stat_result | None = None) -> str:
        """The sha256 of a local file, read again only when its stat has changed.

        A file written so lately that a further write might not show in its times is not
        remembered: it could change in the same tick of the clock. Raises OSError, too.
        """
        before = stat or path.stat()
        name, stamp = str(path.absolute()), to_stamp(before)
        if known := self._index.find_hashed(name, stamp):
            return known
        started = time.time_ns()
        digest, after = _hash(path)
        if to_stamp(after) != stamp:
            if stat is None:
                raise DatastoreError(f"{path} changed while it was being read", "run again")
            return self.digest(path)  # the stat given was older than the file
        if is_settled(before, started):
            self._index.remember_hashed(name, stamp, digest)
        return digest

    def adopt(self, path: Path, digest: str) -> None:
        """Remember the digest of a file that the caller has just written, and no one else will."""
        self._index.remember_hashed(str(path.absolute()), to_stamp(path.stat()), digest)

    # objects on a step's disk

    def place(self, digest: str, target: Path, *, link: bool) -> None:
        """Put an object at ``target``, whose folder is there.

        With ``link`` it is the object itself, and the caller sees to it that nobody can write;
        else it is a copy, which shares its blocks with the object where the file system can.
        """
        source = self.object(digest)
        if link:
            # another file system, too many links to one file, or a file system without links
            with suppress(OSError):
                os.link(source, target)
                return
        size = source.stat().st_size
        try:
            _copy(source, target, size)
        except OSError as error:
            target.unlink(missing_ok=True)
            if is_full(error):
                raise disk_full(target, size) from None
            raise

    # clean-up

    def sweep(self, in_use: AbstractSet[str]) -> list[tuple[str, int]]:
        """The objects not ``in_use``, as (digest, bytes): those that could be removed."""
        every = ((file.parent.name + file.name, file) for file in self._objects.glob("*/*"))
        return sorted((name, file.stat().st_size) for name, file in every if name not in in_use)

    def remove(self, digest: str) -> None:
        """Remove an object, and what the index says of it."""
        self._index.forget(digest)
        self.object(digest).unlink(missing_ok=True)

    # partial files and locks

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        """One thread of one process at a time. The lock ends with its process."""
        number = int(sha256(name.encode()).hexdigest()[:8], 16) % _LOCKS
        file = os.open(self._locks / str(number), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    @contextmanager
    def _new_partial(self) -> Iterator[Path]:
        """A file to write to, locked as long as its writer lives."""
        path, file = self._partial, -1
        while file < 0:
            path = self._partial / uuid4().hex
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file).st_nlink == 0:  # removed as left over before it was locked
                os.close(file)
                file = -1
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)
            os.close(file)

    def _remove_left_over(self) -> None:
        """Remove the partial files of dead writers: those that nobody has locked."""
        for path in self._partial.iterdir():
            with suppress(FileNotFoundError):
                file = os.open(path, os.O_RDWR)
                with suppress(BlockingIOError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
                os.close(file)


def fetch_each(
    datastore: Datastore, entries: Sequence[Entry], fetch: Callable[[Entry], T]
) -> list[T]:
    """What ``fetch`` gives for each of the files, as a cloud's machine fetches them: small ones
    that lie elsewhere several at a time, a large one alone, in several parts at a time.
    """
    small = [] if datastore.folder else [each for each in entries if each.size <= _SMALL]
    if len(small) < 2:
        return [fetch(entry) for entry in entries]
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        coming = {each.path: pool.submit(fetch, each) for each in small}
        try:
            done = {path: future.result() for path, future in coming.items()}
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [done[each.path] if each.path in done else fetch(each) for each in entries]


def to_stamp(stat: os.stat_result) -> str:
    """What changes when a file does: as far as the clock of its file system tells."""
    return f"{stat.st_size}-{stat.st_mtime_ns}-{stat.st_ctime_ns}-{stat.st_ino}"


def is_settled(stat: os.stat_result, now: int) -> bool:
    """Whether a file is old enough, ``now`` (ns), for any later write to change its ctime.

    The mtime says nothing of it: programs set it as they please, to the future even.
    """
    return stat.st_ctime_ns + _SETTLED < now


def _hash(path: Path) -> tuple[str, os.stat_result]:
    """A file's sha256, and its stat once it was read."""
    digest = sha256()
    with path.open("rb", buffering=0) as file:
        for chunk in read_chunks(file):
            digest.update(chunk)
        return digest.hexdigest(), os.fstat(file.fileno())


def _copy(source: Path, target: Path, size: int) -> None:
    with source.open("rb") as old, target.open("xb") as new, suppress(OSError):
        fcntl.ioctl(new, _FICLONE, old.fileno())
        return
    check_space(target, size)
    copyfile(source, target)


class _Index:
    """The memory of a store: a connection for each thread, and none shared with a child."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = local()
        self._connection()

    def find_fetched(self, datastore: str, path: str, version: str) -> tuple[str, int] | None:
        query = "SELECT digest, size FROM fetched WHERE datastore=? AND path=? AND version=?"
        return self._ask(query, datastore, path, version)

    def remember_fetched(
        self, datastore: str, path: str, version: str, digest: str, size: int
    ) -> None:
        row = (datastore, path, version, digest, size)
        self._ask("INSERT OR REPLACE INTO fetched VALUES (?, ?, ?, ?, ?)", *row)

    def find_hashed(self, path: str, stamp: str) -> str | None:
        found = self._ask("SELECT digest FROM hashed WHERE path=? AND stamp=?", path, stamp)
        return None if found is None else str(found[0])

    def remember_hashed(self, path: str, stamp: str, digest: str) -> None:
        self._ask("INSERT OR REPLACE INTO hashed VALUES (?, ?, ?)", path, stamp, digest)

    def forget(self, digest: str) -> None:
        self._ask("DELETE FROM fetched WHERE digest=?", digest)

    def _ask(self, query: str, *values: str | int) -> tuple[str, int] | None:
        try:
            row: tuple[str, int] | None = self._connection().execute(query, values).fetchone()
        except sqlite3.Error as error:
            raise self._failed(error) from None
        return row

    def _connection(self) -> sqlite3.Connection:
        known: tuple[int, sqlite3.Connection] | None = getattr(self._thread, "known", None)
        if known is None or known[0] != os.getpid():
            known = self._thread.known = (os.getpid(), self._connect())
        return known[1]

    def _connect(self) -> sqlite3.Connection:
        try:
            return _open(self._path)
        except sqlite3.OperationalError as error:
            raise self._failed(error) from None
        except sqlite3.DatabaseError:  # damaged: it was only a memory
            for end in ("", "-wal", "-shm"):
                Path(f"{self._path}{end}").unlink(missing_ok=True)
            return _open(self._path)

    def _failed(self, error: sqlite3.Error) -> DatastoreError:
        return DatastoreError(f"{self._path}: {error}", "make room on its disk, or remove it")


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    # a killed process loses nothing; after a power cut, at worst, files are fetched again
    connection.execute("PRAGMA synchronous=OFF")
    connection.executescript(_TABLES)
    return connection
