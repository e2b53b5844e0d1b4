"""Reading parts of remote files: a block at a time, kept for a while, and read ahead."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TypeAlias

from amlshare.datastores import Datastore, Entry

BLOCK = 1 << 20  # bytes: what is moved, at least, for a file that is read
_AHEAD = 8  # blocks, at most, that are fetched before they are asked for
_KEPT = 64  # blocks

Count: TypeAlias = Callable[[int], None]


class Blocks:
    """The blocks of a datastore's files that were read lately. Safe for many threads."""

    def __init__(self, datastore: Datastore, count: Count) -> None:
        """``count`` is told the bytes of every block that was moved."""
        self._datastore = datastore
        self._count = count
        self._kept: OrderedDict[tuple[str, int], Future[bytes]] = OrderedDict()
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(_AHEAD)

    def ask(self, entry: Entry, number: int) -> Future[bytes]:
        """A block that is there, or on its way."""
        key = (entry.path, number)
        with self._lock:
            future = self._kept.get(key)
            if future is None or (future.done() and future.exception()):
                future = self._kept[key] = self._pool.submit(self._fetch, entry, number)
            self._kept.move_to_end(key)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return future

    def _fetch(self, entry: Entry, number: int) -> bytes:
        start = number * BLOCK
        data = self._datastore.read(entry, start, min(start + BLOCK, entry.size))
        self._count(len(data))
        return data


class Reader:
    """One open file. Read in order, it has ever more blocks on their way; else only those read."""

    def __init__(self, blocks: Blocks, entry: Entry) -> None:
        self._blocks = blocks
        self._entry = entry
        self._at = 0  # the furthest block of the present stretch
        self._ahead = 0

    def read(self, offset: int, size: int) -> bytes:
        """Raises DatastoreError."""
        end = min(offset + size, self._entry.size)
        if offset >= end:
            return b""
        first, last = offset // BLOCK, (end - 1) // BLOCK
        self._follow(first, last)
        blocks = [self._blocks.ask(self._entry, number) for number in range(first, last + 1)]
        self._read_ahead(last)
        data = b"".join(block.result() for block in blocks)
        return data[offset - first * BLOCK : end - first * BLOCK]

    def _follow(self, first: int, last: int) -> None:
        """The next block doubles what is read ahead; a jump ends it. Readers overtake a little."""
        if first == self._at + 1 or last == self._at + 1:
            self._ahead = min(max(1, 2 * self._ahead), _AHEAD)
        elif abs(first - self._at) > 1:
            self._ahead = 0
        self._at = last

    def _read_ahead(self, last: int) -> None:
        end = (self._entry.size - 1) // BLOCK
        for number in range(last + 1, min(last + self._ahead, end) + 1):
            self._blocks.ask(self._entry, number)
