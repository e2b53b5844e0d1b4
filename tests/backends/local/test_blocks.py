from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from amlshare.backends.local.blocks import BLOCK, Blocks, Reader
from amlshare.datastores import DatastoreError, Entry, open_datastore

CONTENT = os.urandom(12 * BLOCK + 345)
Open = Callable[[], Reader]


@pytest.fixture
def moved() -> list[int]:
    """The bytes of every block that was moved."""
    return []


@pytest.fixture
def opened(tmp_path: Path, moved: list[int]) -> Open:
    (tmp_path / "large").write_bytes(CONTENT)
    datastore = open_datastore("main", str(tmp_path), tmp_path)
    [entry] = datastore.list("large")
    blocks = Blocks(datastore, moved.append)
    return lambda: Reader(blocks, entry)


def read_all(reader: Reader, size: int = 128 << 10) -> bytes:
    return b"".join(reader.read(start, size) for start in range(0, len(CONTENT), size))


def test_a_file_read_in_order_moves_once(opened: Open, moved: list[int]) -> None:
    assert read_all(opened()) == CONTENT
    assert sum(moved) == len(CONTENT)


def test_two_readers_share_what_was_moved(opened: Open, moved: list[int]) -> None:
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(read_all, [opened(), opened()])) == [CONTENT, CONTENT]
    assert sum(moved) == len(CONTENT)


def test_a_few_bytes_move_one_block(opened: Open, moved: list[int]) -> None:
    assert opened().read(5 * BLOCK + 7, 10) == CONTENT[5 * BLOCK + 7 : 5 * BLOCK + 17]
    assert moved == [BLOCK]


def test_jumps_are_not_read_ahead(opened: Open, moved: list[int]) -> None:
    reader = opened()
    for block in (9, 2, 7, 0, 5):
        reader.read(block * BLOCK, 10)
    assert sum(moved) == 5 * BLOCK


def test_any_part_of_a_file_is_read(opened: Open) -> None:
    reader, random = opened(), Random(1)
    for _ in range(50):
        start, size = random.randrange(len(CONTENT)), random.randrange(3 * BLOCK)
        assert reader.read(start, size) == CONTENT[start : start + size]
    assert reader.read(len(CONTENT), 10) == b""


class Flaky:
    """A datastore that fails at first."""

    failed = False

    def read(self, entry: Entry, start: int, end: int) -> bytes:
        if not self.failed:
            self.failed = True
            raise DatastoreError("busy")
        return bytes(min(end, entry.size) - start)


def test_what_failed_is_asked_again() -> None:
    reader = Reader(Blocks(Flaky(), lambda _: None), Entry(path="x", size=3, version="1"))
    with pytest.raises(DatastoreError, match="busy"):
        reader.read(0, 3)
    assert reader.read(0, 3) == bytes(3)
