"""The process that serves a datastore's files as a folder: `fuse` starts it, and tells it what.

Standard input has a pickle of what to serve, and then nothing until it closes, which it does when
the run is over, however that comes. Standard output says when the folder is there. What was read
is counted in a file of the run's, errors go to standard error.
"""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections.abc import Mapping
from errno import EIO, ENOENT
from itertools import count
from pathlib import Path
from stat import S_IFDIR, S_IFREG
from threading import Thread

from fuse import FUSE, FuseOSError, Operations

from amlshare.backends.local.blocks import Blocks, Reader
from amlshare.backends.local.fuse import READY, unmount
from amlshare.backends.local.meter import Meter
from amlshare.datastores import DatastoreError, Entry

_FOREVER = 10**6  # seconds that the kernel may keep what it knows: nothing changes


class Tree:
    """Folders and files by their paths: "/", "/a", "/a/b.csv"."""

    def __init__(self, files: Mapping[str, Entry]) -> None:
        self.files = {f"/{name}": entry for name, entry in files.items()}
        self.folders: dict[str, set[str]] = {"/": set()}
        for path in self.files:
            self._add(path)

    def _add(self, path: str) -> None:
        parent, _, name = path.rpartition("/")
        parent = parent or "/"
        if parent not in self.folders:
            self.folders[parent] = set()
            self._add(parent)
        self.folders[parent].add(name)


class ReadOnly(Operations):  # type: ignore[misc]
    """The file system, as fusepy asks for it. What would write is refused by its base."""

    use_ns = True

    def __init__(self, tree: Tree, blocks: Blocks, meter: Meter) -> None:
        self._tree = tree
        self._blocks = blocks
        self._meter = meter
        self._readers: dict[int, Reader] = {}
        self._numbers = count()
        times = dict.fromkeys(("st_mtime", "st_ctime", "st_atime"), time.time_ns())
        self._all = times | {"st_uid": os.getuid(), "st_gid": os.getgid()}

    def init(self, _path: str) -> None:
        os.write(sys.stdout.fileno(), READY)

    def getattr(self, path: str, _handle: int | None = None) -> dict[str, int]:
        if path in self._tree.folders:
            return self._all | {"st_mode": S_IFDIR | 0o555, "st_nlink": 2}
        entry = self._tree.files.get(path)
        if entry is None:
            raise FuseOSError(ENOENT)
        size = {"st_size": entry.size, "st_blocks": -(-entry.size // 512)}
        return self._all | size | {"st_mode": S_IFREG | 0o444, "st_nlink": 1}

    def readdir(self, path: str, _handle: int) -> list[str]:
        return [".", "..", *sorted(self._tree.folders[path])]

    def open(self, path: str, _flags: int) -> int:
        number = next(self._numbers)
        self._readers[number] = Reader(self._blocks, self._tree.files[path])
        return number

    def read(self, _path: str, size: int, offset: int, handle: int) -> bytes:
        try:
            with self._meter.waiting():
                return self._readers[handle].read(offset, size)
        except DatastoreError as error:
            sys.stderr.write(f"{error}\n")
            sys.stderr.flush()
            raise FuseOSError(EIO) from None

    def release(self, _path: str, handle: int) -> None:
        del self._readers[handle]


def main() -> None:
    """Serve what standard input tells of, until it closes."""
    datastore, files, target = pickle.load(sys.stdin.buffer)  # noqa: S301 - the run's own words
    Thread(target=_end_with_run, args=(target,), daemon=True).start()
    meter = Meter(int(sys.argv[1]))
    for entry in files.values():
        # connected now, it is no first reader who waits for that; and what is wrong is said at once
        datastore.exists(entry.path)
        break
    FUSE(
        ReadOnly(Tree(files), Blocks(datastore, meter.count), meter),
        str(target),
        foreground=True,
        fsname="amlshare",
        ro=True,
        kernel_cache=True,
        attr_timeout=_FOREVER,
        entry_timeout=_FOREVER,
        negative_timeout=_FOREVER,
    )


def _end_with_run(target: Path) -> None:
    """Wait for the end of standard input, which the run closes, by dying if not before."""
    while sys.stdin.buffer.read(1 << 16):
        pass
    unmount(target)
    os._exit(0)


if __name__ == "__main__":
    main()
