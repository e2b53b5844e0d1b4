"""What is counted while a folder is served."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from tempfile import TemporaryFile
from threading import Barrier

from amlshare.backends.local.meter import Meter, read
from amlshare.backends.local.view import Transfer


def test_bytes_and_requests_are_there_as_soon_as_they_are_counted():
    with TemporaryFile() as file:
        meter = Meter(file.fileno())
        assert read(file.fileno()) == Transfer()
        for size in (5, 7):
            meter.count(size)
        assert read(file.fileno()) == Transfer(moved=12, requests=2)


def test_readers_that_wait_at_once_count_once():
    barrier = Barrier(4)

    def wait(meter: Meter) -> None:
        with meter.waiting():
            barrier.wait()
            time.sleep(0.05)

    with TemporaryFile() as file, ThreadPoolExecutor(4) as pool:
        meter, started = Meter(file.fileno()), time.monotonic()
        list(pool.map(wait, [meter] * 4))
        took = time.monotonic() - started
        assert 0.05 <= read(file.fileno()).seconds <= took
