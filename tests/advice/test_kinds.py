"""Which kind of edge serves: what is said, and where nothing is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from render.plans import data, given, made, plan, step

from amlshare import commands
from amlshare.advice import Advice, Subject, advise
from amlshare.advice.kinds import datasets, directories, paths
from amlshare.commands import Request
from amlshare.document.edits import Drop, Put
from amlshare.movement.known import Known
from amlshare.pipeline import Expect, Local, Parallel
from amlshare.plan import moves_of

SPECS = Path(__file__).parents[2] / "specs"
LOCAL = Local(datastores={"blobs": "../store"})


def about_data(
    readers: int = 2, changes: int = 0, pinned: bool = False, **keys: Any
) -> list[Advice]:
    """Of data that ``readers`` steps read; ``pinned`` is one whose digest a lock has."""
    found = plan(
        *(step(f"s{number}", inputs=(given("in", "raw"),)) for number in range(readers)),
        data=(data("raw", **({"size": 30_000_000} | keys)),),
        local=LOCAL,
    )
    found = replace(
        found, known=Known(changes={"raw": changes}, digests={"raw": "d"} if pinned else {})
    )
    return list(datasets(Subject.of(found, moves_of(found))))


def test_data_that_several_steps_read_had_better_be_a_dataset():
    (found,) = about_data()
    assert found.finding.message == (
        "data 'raw', 30 MB, has no version: nothing says what a run has read"
    )
    assert found.finding.label == "2 steps read it"
    assert found.edits == (
        Put(route=("data", "raw", "type"), value="dataset"),
        Put(route=("data", "raw", "name"), value="raw", after="type"),
        Put(route=("data", "raw", "version"), value=1, after="name"),
        Drop(route=("data", "raw", "datastore")),
        Drop(route=("data", "raw", "location")),
        Put(route=("local", "datasets", "raw"), value="../store/raw/raw"),
    )


def test_so_had_data_that_one_step_reads_and_that_changes():
    (found,) = about_data(readers=1, changes=3)
    assert found.finding.label == "its content was found changed 3 times"


def test_a_lock_says_what_lies_there_and_not_what_has_lain_there():
    (found,) = about_data(pinned=True, changes=2)
    assert found.finding.message == (
        "data 'raw', 30 MB, changes at its place: what a run has read before is lost"
    )
    assert found.finding.label == "2 steps read it and its content was found changed 2 times"


@pytest.mark.parametrize("keys", [{"size": 10**6}, {"size": None}, {"size": 3, "changes": 2}])
def test_data_that_git_could_keep_needs_no_version_unless_it_changes(keys: dict[str, Any]):
    assert about_data(**keys)
    assert about_data(size=10**6 - 1) == []


@pytest.mark.parametrize(
    "keys",
    [
        {"readers": 1},
        {"readers": 1, "changes": 1},
        {"readers": 0, "changes": 5},
        {"pinned": True},
        {"pinned": True, "changes": 1},
        {"size": 3},
        {"type": "dataset", "dataset": "raw", "version": "1"},
        {"parameter": True},
        {"upload": "raw.csv"},
    ],
    ids=str,
)
def test_other_data_is_well_as_it_is(keys: dict[str, Any]):
    assert about_data(**keys) == []


def about_output(readers: int = 1, parallel: bool = False, mode: str = "auto", **keys: Any) -> Any:
    """Of a directory that ``readers`` steps read."""
    output = made("make", "out", **({"type": "directory"} | keys))
    ports = (given("in", "make.out", type="directory", mode=mode),)
    run = {"run": Parallel(file="s.py", over="in")} if parallel else {}
    others = (step(f"s{number}", inputs=ports, **run) for number in range(readers))
    found = plan(step("make", outputs=(output,)), *others)
    return list(paths(Subject.of(found, moves_of(found))))


def test_a_directory_of_which_nothing_was_chosen_had_better_be_a_path():
    (found,) = about_output()
    assert found.finding.label == "only s0 reads it"
    route = ("steps", "make", "outputs", "out", "type")
    assert found.edits == (Put(route=route, value="path"),)


@pytest.mark.parametrize(
    "keys",
    [
        {"readers": 0},
        {"readers": 2},
        {"type": "path"},
        {"type": "dataset", "dataset": "made"},
        {"location": "kept/{run-id}/"},
        {"expect": Expect(glob="*.csv")},
        {"only": ("*.csv",)},
        {"overwrite": True},
        {"format": "csv"},
        {"mode": "direct"},
        {"parallel": True},
    ],
    ids=str,
)
def test_other_directories_are_well_as_they_are(keys: dict[str, Any]):
    assert about_output(**keys) == []


def about_files(readers: int = 2, exported: bool = False, **keys: Any) -> list[Advice]:
    """Of a path to many files that ``readers`` steps read."""
    output = made("make", "out", **({"size": 4 * 10**9, "files": 20_000} | keys))
    others = (step(f"s{number}", inputs=(given("in", "make.out"),)) for number in range(readers))
    outputs = {"result": "make.out"} if exported else {}
    found = plan(step("make", outputs=(output,)), *others, outputs=outputs)
    return list(directories(Subject.of(found, moves_of(found))))


def test_many_files_that_several_steps_read_had_better_be_a_directory():
    (found,) = about_files()
    assert found.finding.message == (
        "'make.out' is a path to 20,000 files of 4 GB: a directory would keep them"
    )
    assert found.finding.label == "2 steps read them"
    assert found.edits == (
        Put(route=("steps", "make", "outputs", "out", "type"), value="directory"),
    )


def test_so_had_many_files_with_a_contract():
    (found,) = about_files(readers=1, expect=Expect(glob="*.png"))
    assert found.finding.label == "an `expect` says what they are"


@pytest.mark.parametrize(
    "keys",
    [
        {"readers": 1},
        {"readers": 0, "expect": Expect(glob="*.png")},
        {"files": 999},
        {"files": None},
        {"type": "directory"},
        {"type": "dataset", "dataset": "made"},
        {"exported": True},
    ],
    ids=str,
)
def test_other_paths_are_well_as_they_are(keys: dict[str, Any]):
    assert about_files(**keys) == []


def test_a_directory_of_many_files_is_not_said_to_be_better_a_path():
    assert about_output(readers=2, files=20_000) == []
    assert about_output(expect=Expect(glob="*.png"), files=20_000) == []


@pytest.mark.parametrize(
    ("example", "said"),
    [("path", []), ("directory", []), ("dataset", []), ("flights", ["flights"])],
)
def test_of_the_examples_only_the_raw_table_is_spoken_of(example: str, said: list[str]):
    made = commands.plan(Request(spec=f"{SPECS}/{example}.yaml"))
    about = [each.finding for each in advise(made, moves_of(made)) if "serves" in each.finding.code]
    assert [each.route[-1] for each in about] == said
