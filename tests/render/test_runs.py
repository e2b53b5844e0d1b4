from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from amlshare.backends.local.records import InputRecord, OutputRecord, StepRecord
from amlshare.backends.local.runs import Candidate, RunDetail, RunSummary, StepDetail
from amlshare.render.paper import Paper, cells
from amlshare.render.runs import (
    candidates_text,
    run_document,
    run_text,
    runs_document,
    runs_text,
)

RUN = RunSummary(
    id="20251123-022845-ab12",
    pipeline="flight_delays",
    target=None,
    status="completed",
    created=1763864925.0,
    seconds=12.3,
    steps={"completed": 2},
    reused=1,
)
FAILED = replace(
    RUN, id="20251122-080000-cd34", target="prod", status="failed", steps={"failed": 1}, reused=0
)
READ = InputRecord(
    run=RUN.id,
    step="clean",
    input="flights",
    source="flights",
    mode="download",
    how="link",
    digest="a1" * 32,
    datastore="blobs",
    location="raw/flights.csv",
    moved_bytes=30_000_000,
    seconds=1.25,
)
WROTE = OutputRecord(
    run=RUN.id,
    step="clean",
    output="cleaned",
    type="dataset",
    format="folder",
    datastore="blobs",
    url="/data",
    location="clean/x/",
    digest="b2" * 32,
    files=3,
    bytes=12_000,
    dataset="cleaned_flights",
    version=2,
)
CLEAN = StepRecord(
    run=RUN.id, step="clean", position=0, status="completed", reused=False, seconds=12.0
)
TRAIN = StepRecord(
    run=RUN.id,
    step="train",
    position=1,
    status="completed",
    reused=True,
    made_by=FAILED.id,
    message="took \x1b over",
)
TAKEN = replace(READ, step="train", source="clean.cleaned", how="direct", mode="direct")
DETAIL = RunDetail(
    run=RUN,
    steps=(
        StepDetail(step=CLEAN, inputs=(READ,), outputs=(WROTE,)),
        StepDetail(
            step=TRAIN, inputs=(replace(TAKEN, moved_bytes=None, made_by=RUN.id),), outputs=()
        ),
    ),
)


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.mark.parametrize("width", [70, 120])
def test_the_list_of_runs(golden, width):
    golden(runs_text([RUN, FAILED], Paper(width=width)), f"render/golden/runs-{width}.txt")


@pytest.mark.parametrize("width", [70, 120])
def test_the_screen_of_a_run_shows_its_lineage(golden, width):
    text = run_text(DETAIL, Paper(width=width), logs="amlshare logs")
    assert all(cells(line) <= width for line in text.splitlines())
    golden(text, f"render/golden/run-{width}.txt")


def test_no_runs_are_said_with_the_way_to_one():
    assert "amlshare submit" in runs_text([], Paper())


def test_a_run_under_way_has_no_time_yet():
    text = runs_text([replace(RUN, seconds=None, status="running")], Paper())
    assert "running" in text
    assert "12 s" not in text


def test_what_would_be_removed_is_listed_and_summed():
    found = [
        Candidate(kind="run", name="r1", path=Path("/x"), bytes=1000, files=2),
        Candidate(kind="output", name="blobs:a/r1/", path=Path("/y"), bytes=2_000_000, files=1),
    ]
    assert candidates_text(found, Paper()) == (
        "run     1 KB  r1  2 files\n"
        "output  2 MB  blobs:a/r1/  1 file\n"
        "\n"
        "2 to remove: 2 MB in 3 files\n"
    )


def test_nothing_to_remove_is_said():
    assert candidates_text([], Paper()).startswith("nothing to remove")


def test_documents_are_plain_json():
    listed = json.loads(json.dumps(runs_document([RUN])))
    assert listed["format"] == 1
    assert listed["runs"][0]["created"] == "2025-11-23T02:28:45+00:00"
    shown = json.loads(json.dumps(run_document(DETAIL)))
    assert shown["run"]["id"] == RUN.id
    clean, train = shown["steps"]
    assert (clean["name"], clean["inputs"][0]["source"]) == ("clean", "flights")
    assert clean["outputs"][0]["version"] == 2
    assert train["made_by"] == FAILED.id
