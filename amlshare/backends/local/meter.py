"""What was read of a served folder: its process counts, and the run can look at any time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from struct import Struct
from threading import Lock

from amlshare.backends.local.view import Transfer

_SUMS = Struct("<QQQ")  # bytes, requests, nanoseconds of waiting


class Meter:
    """Keeps its sums in an open file. Safe for many threads."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._lock = Lock()
        self._moved = self._requests = self._waited = 0
        self._readers = 0
        self._since = 0

    def count(self, size: int) -> None:
        """A request has brought ``size`` bytes."""
        with self._lock:
            self._moved += size
            self._requests += 1
            self._write()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A reader waits meanwhile. While several do, the time counts once."""
        with self._lock:
            if not self._readers:
                self._since = time.monotonic_ns()
            self._readers += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                if not self._readers:
                    self._waited += time.monotonic_ns() - self._since
                    self._write()

    def _write(self) -> None:
        os.pwrite(self._file, _SUMS.pack(self._moved, self._requests, self._waited), 0)


def read(file: int) -> Transfer:
    """What a meter has written there until now."""
    found = os.pread(file, _SUMS.size, 0)
    if not found:
        return Transfer()
    moved, requests, waited = _SUMS.unpack(found)
    return Transfer(moved=moved, requests=requests, seconds=waited / 1e9)
