"""The file of what was done."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from amlshare.backends.interface import BackendError
from amlshare.backends.local.records import (
    _FIRST,
    VERSION,
    InputRecord,
    OutputRecord,
    Records,
    RunRecord,
    StepRecord,
)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with closing(Records(tmp_path / "state.db")) as made:
        yield made


def run(name: str, created: float = 1.0, **more: object) -> RunRecord:
    known = {"pipeline": "p", "target": None, "job": "j", "status": "running"}
    return RunRecord(id=name, created=created, **known | more)


def dataset(run: str, digest: str) -> OutputRecord:
    return OutputRecord(
        run=run, step="s", output="o", type="dataset", format="folder", datastore="d",
        url="/d", location=run, digest=digest, files=1, bytes=1, dataset="names",
        tags={"a": "é"},
    )  # fmt: skip


def finish(records: Records, run: str, digest: str) -> int | None:
    records.put(dataset(run, digest))
    done = StepRecord(run=run, step="s", position=0, status="completed", key="key")
    (made,) = records.finish_step(done, reusable=True)
    return made.version


def test_what_is_written_is_read_back(records: Records) -> None:
    written = run("r", tags={"a": "b"}, staging=("/x", "/y"))
    records.put(written)
    assert records.find(RunRecord) == [written]


def test_the_last_run_is_that_of_its_pipeline_and_target(records: Records) -> None:
    records.put(run("a", 1), run("b", 2, target="prod"), run("c", 3, pipeline="q"))
    assert records.last_run("p", None).id == "a"
    assert records.last_run("p", "prod").id == "b"
    assert records.last_run("p", "dev") is None


def test_the_same_content_keeps_its_version_and_other_content_gets_the_next(
    records: Records,
) -> None:
    assert [finish(records, name, digest) for name, digest in ("ax", "by", "cx")] == [1, 2, 1]
    assert records.dataset("names").version == 1  # it was registered last
    assert records.dataset("names", 1).location == "c"
    assert records.dataset("names", 1).run == "c"
    assert records.dataset("names", 3) is None


def test_what_was_published_last_at_a_place_comes_first(records: Records) -> None:
    for run, finished in (("a", 1.0), ("b", 3.0), ("c", 2.0), ("d", None)):
        done = StepRecord(run=run, step="s", position=0, status="completed", finished=finished)
        records.put(replace(dataset(run, "x"), location="same"), done)
    assert [each.run for each in records.published("d", "same")] == ["b", "c", "a", "d"]


def test_a_finished_step_is_found_by_its_key(records: Records) -> None:
    finish(records, "a", "x")
    assert records.reusable("key") == ("a", "s")
    records.forget_runs(["a"])
    assert records.reusable("key") is None


def test_a_change_that_fails_changes_nothing(records: Records) -> None:
    with suppress(ValueError), records.change():
        records.put(run("r"))
        raise ValueError
    assert records.find(RunRecord) == []


def test_threads_may_write_at_the_same_time(records: Records) -> None:
    def write(thread: int) -> None:
        for i in range(50):
            with records.change():
                records.put(run(f"{thread}-{i}"))

    threads = [Thread(target=write, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(records.find(RunRecord)) == 200


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={VERSION + 1}")
    with pytest.raises(BackendError, match=r"written by a newer amlshare.*upgrade"):
        Records(path)


def test_a_file_of_an_older_version_is_read_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(f"{_FIRST}; PRAGMA user_version=1")
        db.execute(
            "INSERT INTO inputs(run, step, input, source, mode, digest) "
            "VALUES ('r', 's', 'old', 'raw', 'mount', 'd')"
        )
        db.commit()
    given = InputRecord(run="r", step="s", input="old", source="raw", mode="mount", digest="d")
    new = replace(given, input="young", bytes=5, files=1, seconds=0.5, requests=2, url="az://c")
    for _ in range(2):
        with closing(Records(path)) as records:
            records.put(new)
            assert records.inputs("r", "s") == [given, new]


def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(BackendError, match=r"state\.db cannot be used.*remove it"):
        Records(path)
