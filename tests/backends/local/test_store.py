from __future__ import annotations

import ctypes
import hashlib
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from azurite import Azurite
from backends.local import apart

from amlshare.backends.local.store import Store
from amlshare.datastores import Datastore, DatastoreError, Entry, open_datastore
from amlshare.datastores.chunks import write_chunks

HELLO = hashlib.sha256(b"hello").hexdigest()


class Slow:
    """A datastore of one file, "hello", that notes in ``log`` how often it is fetched."""

    name = url = key = "slow"
    folder = None

    def __init__(self, log: Path, *, halts: bool = False) -> None:
        self.log = log
        self.halts = halts

    def fetch(self, entry: Entry, target: Path) -> str:
        with self.log.open("a") as log:
            log.write("x")
        if self.halts:
            target.write_bytes(b"he")
            time.sleep(60)
        time.sleep(0.2)
        return write_chunks([b"hello"], target, entry.size)


ENTRY = Entry(path="hello", size=5, version="1")


@pytest.fixture
def data(tmp_path: Path) -> Datastore:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a b.csv").write_bytes(b"hello")
    (tmp_path / "data/copy").write_bytes(b"hello")
    return open_datastore("main", "data", tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def left_over(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "store/partial").iterdir())


# fetching


def test_a_file_is_fetched_once(store: Store, data: Datastore, tmp_path: Path) -> None:
    [entry] = data.list("a b.csv")
    assert store.fetch(data, entry) == (HELLO, 5)
    assert store.fetch(data, entry) == (HELLO, 0)
    assert Store(tmp_path / "store").fetch(data, entry) == (HELLO, 0)
    assert store.object(HELLO).read_bytes() == b"hello"


def test_a_changed_file_is_fetched_anew(store: Store, data: Datastore, tmp_path: Path) -> None:
    [entry] = data.list("copy")
    store.fetch(data, entry)
    (tmp_path / "data/copy").write_bytes(b"other")
    [entry] = data.list("copy")
    assert store.fetch(data, entry).moved == 5
    assert store.fetch(data, entry) == (hashlib.sha256(b"other").hexdigest(), 0)


def test_the_same_content_is_kept_once(store: Store, data: Datastore, tmp_path: Path) -> None:
    assert store.fetch_all(data, data.list("")) == [(HELLO, 5), (HELLO, 5)]
    assert len(list((tmp_path / "store/objects").glob("*/*"))) == 1


def test_many_threads_fetch_a_file_once(store: Store, tmp_path: Path) -> None:
    datastore = Slow(tmp_path / "log")
    with ThreadPoolExecutor(8) as pool:
        fetched = list(pool.map(lambda _: store.fetch(datastore, ENTRY), range(8)))
    assert (tmp_path / "log").read_text() == "x"
    assert sorted(fetched) == [(HELLO, 0)] * 7 + [(HELLO, 5)]


def fetch_slowly(tmp_path: Path) -> tuple[str, int]:
    return tuple(Store(tmp_path / "store").fetch(Slow(tmp_path / "log"), ENTRY))


def test_many_processes_fetch_a_file_once(tmp_path: Path) -> None:
    processes = [apart.start(fetch_slowly, tmp_path) for _ in range(4)]
    fetched = sorted(apart.finish(process) for process in processes)
    assert (tmp_path / "log").read_text() == "x"
    assert fetched == [(HELLO, 0)] * 3 + [(HELLO, 5)]


def test_a_truncated_object_is_fetched_anew(store: Store, data: Datastore) -> None:
    [entry] = data.list("copy")
    store.fetch(data, entry)
    os.truncate(store.object(HELLO), 3)
    assert store.fetch(data, entry) == (HELLO, 5)
    assert store.object(HELLO).read_bytes() == b"hello"


def test_a_fetch_that_fails_leaves_nothing(store: Store, data: Datastore, tmp_path: Path) -> None:
    [entry] = data.list("copy")
    (tmp_path / "data/copy").unlink()
    with pytest.raises(DatastoreError, match="No such file"):
        store.fetch(data, entry)
    assert left_over(tmp_path) == []


def test_a_file_that_came_short_is_not_kept(store: Store, tmp_path: Path) -> None:
    with pytest.raises(DatastoreError, match="5 of 6 bytes came; run again"):
        store.fetch(Slow(tmp_path / "log"), Entry(path="hello", size=6, version="1"))
    assert left_over(tmp_path) == []


def halt(tmp_path: Path) -> None:
    Store(tmp_path / "store").fetch(Slow(tmp_path / "log", halts=True), ENTRY)


def test_what_a_killed_fetch_leaves_is_removed_by_the_next_store(tmp_path: Path) -> None:
    process = apart.start(halt, tmp_path)
    while not any(path.stat().st_size for path in (tmp_path / "store").glob("partial/*")):
        time.sleep(0.01)
    Store(tmp_path / "store")
    assert len(left_over(tmp_path)) == 1, "its writer is alive"
    apart.kill(process)
    store = Store(tmp_path / "store")
    assert left_over(tmp_path) == []
    assert store.fetch(Slow(tmp_path / "log"), ENTRY) == (HELLO, 5)


def test_an_object_is_not_written_by_accident(store: Store, data: Datastore) -> None:
    store.fetch_all(data, data.list(""))
    assert store.object(HELLO).stat().st_mode & 0o777 == 0o444


def test_blobs_are_fetched_once(
    azurite: Azurite, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azurite.connection_string)
    blobs = {f"many/{number} é": b"%d" % number for number in range(30)}
    datastore = open_datastore("main", f"az://{azurite.container(blobs)}", tmp_path)
    entries = datastore.list("many")
    fetched = store.fetch_all(datastore, entries)
    assert [store.object(each.digest).read_bytes() for each in fetched] == [
        blobs[entry.path] for entry in entries
    ]
    assert sum(each.moved for each in fetched) == sum(map(len, blobs.values()))
    assert not any(each.moved for each in store.fetch_all(datastore, entries))


# limits


def peak_megabytes() -> int:
    """Of this program: getrusage tells the peak of the one that has started it, if larger."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) >> 10


def take_a_large_file(tmp_path: Path) -> tuple[int, int]:
    """The file's way: fetched, hashed, copied to a step. The peak memory and the bytes moved."""
    with (tmp_path / "large").open("wb") as file:
        file.truncate(300 << 20)
    store, datastore = Store(tmp_path / "store"), open_datastore("main", str(tmp_path), tmp_path)
    [entry] = datastore.list("large")
    digest, moved = store.fetch(datastore, entry)
    assert store.digest(tmp_path / "large") == digest
    store.place(digest, tmp_path / "copy", link=False)
    assert (tmp_path / "copy").stat().st_size == moved
    return peak_megabytes(), moved


def test_a_large_file_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    megabytes, moved = apart.call(take_a_large_file, tmp_path)
    assert moved == 300 << 20
    assert megabytes < 150


def take_a_large_blob(folder: Path, container: str) -> int:
    datastore = open_datastore("main", f"az://{container}", folder)
    [entry] = datastore.list("large")
    assert Store(folder / "store").fetch(datastore, entry).moved == 100 << 20
    return peak_megabytes()


def test_a_large_blob_is_never_in_memory_as_a_whole(
    azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azurite.connection_string)
    container = azurite.container({"large": bytes(100 << 20)})
    assert apart.call(take_a_large_blob, tmp_path, container) < 150


def mount_disk(disk: Path) -> None:
    """A disk of 1 MiB, seen by this process only."""
    disk.mkdir()
    result = ctypes.CDLL(None).mount(b"none", os.fsencode(disk), b"tmpfs", 0, b"size=1m")
    assert result == 0


def fetch_to_a_small_disk(tmp_path: Path) -> tuple[str, list[Path]]:
    mount_disk(tmp_path / "disk")
    store = Store(tmp_path / "disk/store")
    (tmp_path / "large").write_bytes(bytes(2 << 20))
    datastore = open_datastore("main", str(tmp_path), tmp_path)
    [entry] = datastore.list("large")
    try:
        store.fetch(datastore, entry)
    except DatastoreError as error:
        return str(error), list((tmp_path / "disk/store/partial").iterdir())
    return "", []


def test_a_disk_without_room_is_named_before_anything_moves(tmp_path: Path) -> None:
    message, left = apart.call_isolated(fetch_to_a_small_disk, tmp_path)
    assert f"the disk at {tmp_path / 'disk'} is full: 2.1 MB are needed, 9" in message
    assert "are free; make room there" in message
    assert left == []


def fill_a_disk_on_the_way(disk: Path) -> tuple[str, list[Path]]:
    """A file has room when it begins to come, and then another program writes."""
    mount_disk(disk)

    def chunks() -> Iterator[bytes]:
        yield bytes(100)
        with suppress(OSError), (disk / "other").open("wb") as other:
            other.write(bytes(2 << 20))
        yield bytes(500_000)

    try:
        write_chunks(chunks(), disk / "x", 500_100)
    except DatastoreError as error:
        return str(error), list(disk.iterdir())
    return "", []


def test_a_disk_that_fills_on_the_way_is_named(tmp_path: Path) -> None:
    message, left = apart.call_isolated(fill_a_disk_on_the_way, tmp_path / "disk")
    assert "is full: 500 KB are needed, 0 B are free" in message
    assert left == [tmp_path / "disk/other"]


# digests of local files


def test_a_digest_is_remembered(store: Store, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    store.adopt(tmp_path / "x", "known")
    assert store.digest(tmp_path / "x") == "known"
    assert store.digest(tmp_path / "x", (tmp_path / "x").stat()) == "known"
    assert Store(tmp_path / "store").digest(tmp_path / "x") == "known"


def test_a_digest_is_forgotten_when_the_file_changes(store: Store, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hallo")
    store.adopt(tmp_path / "x", "known")
    (tmp_path / "x").write_bytes(b"hello")
    assert store.digest(tmp_path / "x") == HELLO


def test_a_write_in_the_same_tick_of_the_clock_is_noticed(store: Store, tmp_path: Path) -> None:
    """Even where it shows in no time of the file: what is that young is not remembered."""
    for number in range(50):
        content = b"%05d" % number
        (tmp_path / "x").write_bytes(content)
        assert store.digest(tmp_path / "x") == hashlib.sha256(content).hexdigest()


def test_a_settled_file_is_remembered(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 3_000_000_000)
    assert store.digest(tmp_path / "x") == HELLO
    rows = sqlite3.connect(tmp_path / "store/index.sqlite").execute("SELECT digest FROM hashed")
    assert rows.fetchall() == [(HELLO,)]


def test_a_stat_older_than_the_file_is_not_trusted(store: Store, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")
    before = (tmp_path / "x").stat()
    (tmp_path / "x").write_bytes(b"hello")
    assert store.digest(tmp_path / "x", before) == HELLO


# objects on a step's disk


@pytest.fixture
def filled(store: Store, data: Datastore) -> Store:
    store.fetch_all(data, data.list("copy"))
    return store


def test_an_object_is_linked(filled: Store, tmp_path: Path) -> None:
    filled.place(HELLO, tmp_path / "x", link=True)
    assert (tmp_path / "x").samefile(filled.object(HELLO))


def test_an_object_is_copied(filled: Store, tmp_path: Path) -> None:
    filled.place(HELLO, tmp_path / "x", link=False)
    (tmp_path / "x").write_bytes(b"other")
    assert filled.object(HELLO).read_bytes() == b"hello"


def test_an_object_is_copied_where_it_cannot_be_linked(
    filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(31, "Too many links")

    monkeypatch.setattr(os, "link", refuse)
    filled.place(HELLO, tmp_path / "x", link=True)
    assert (tmp_path / "x").read_bytes() == b"hello"


# clean-up and damage


def test_what_nothing_uses_can_be_removed(filled: Store, data: Datastore) -> None:
    assert filled.sweep({HELLO}) == []
    assert filled.sweep(set()) == [(HELLO, 5)]
    filled.remove(HELLO)
    assert filled.sweep(set()) == []
    [entry] = data.list("copy")
    assert filled.fetch(data, entry) == (HELLO, 5)


def test_a_damaged_index_is_made_anew(store: Store, data: Datastore, tmp_path: Path) -> None:
    [entry] = data.list("copy")
    store.fetch(data, entry)
    for file in (tmp_path / "store").glob("index.sqlite*"):
        file.write_bytes(b"no database" * 1000)
    assert Store(tmp_path / "store").fetch(data, entry) == (HELLO, 5)


def test_an_index_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "store/index.sqlite").mkdir(parents=True)
    with pytest.raises(DatastoreError, match=r"index\.sqlite: unable to open database file"):
        Store(tmp_path / "store")
