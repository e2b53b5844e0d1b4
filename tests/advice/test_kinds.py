"""Which kind of edge serves: what is said, and where nothing is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from render.plans import data, given, made, plan, step

from amlshare import commands
from amlshare.advice import Advice, Subject, advise
from amlshare.advice.kinds import datasets, paths
from amlshare.commands import Request
from amlshare.document.edits import Drop, Put
from amlshare.movement.known import Known
from amlshare.pipeline import Expect, Local, Parallel
from amlshare.plan import moves_of

SPECS = Path(__file__).parents[2] / "specs"
LOCAL = Local(datastores={"blobs": "../store"})


def about_data(readers: int = 2, changes: int = 0, **keys: Any) -> list[Advice]:
    """Of data that ``readers`` steps read."""
    found = plan(
        *(step(f"s{number}", inputs=(given("in", "raw"),)) for number in range(readers)),
        data=(data("raw", size=30_000_000, **keys),),
        local=LOCAL,
    )
    found = replace(found, known=Known(changes={"raw": changes}))
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


@pytest.mark.parametrize(
    "keys",
    [
        {"readers": 1},
        {"readers": 1, "changes": 1},
        {"readers": 0, "changes": 5},
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


@pytest.mark.parametrize(
    ("example", "said"),
    [("path", []), ("directory", []), ("dataset", []), ("flights", ["flights"])],
)
def test_of_the_examples_only_the_raw_table_is_spoken_of(example: str, said: list[str]):
    made = commands.plan(Request(spec=f"{SPECS}/{example}.yaml"))
    about = [each.finding for each in advise(made, moves_of(made)) if "serves" in each.finding.code]
    assert [each.route[-1] for each in about] == said
