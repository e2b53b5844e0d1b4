from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from advice.test_fit import planned
from hypothesis import given as drawn
from render.plans import data, given, made, plan, step
from strategies import few, pipelines

from amlshare.advice import Advice, Subject
from amlshare.advice.modes import slow_modes
from amlshare.document.edits import Put
from amlshare.movement.known import Known, Size
from amlshare.movement.modes import choose_modes
from amlshare.pipeline import Compute, Parallel, Pipeline, Reads
from amlshare.plan import Plan, moves_of

GB = 10**9
CPU = Compute(name="cpu", cluster="cpu", vm_size="Standard_DS3_v2")


def advice(
    mode: str = "mount",
    size: int | None = 2 * GB,
    files: int = 20_000,
    reads: Reads | None = None,
    **keys: Any,
) -> list[Advice]:
    """Of a step `s` that reads ``size`` bytes in ``files``; ``keys`` are the step's."""
    entry = data("x", size=size, files=files)
    ports = (given("a", "x", mode=mode, reads=reads),)
    found = plan(step("s", **({"inputs": ports} | keys)), data=(entry,), compute=(CPU,))
    return list(slow_modes(Subject.of(found, moves_of(found))))


def test_many_small_files_that_are_mounted_had_better_be_downloaded():
    (found,) = advice()
    said = found.finding
    assert (said.code, said.severity) == ("slow-mode", "hint")
    assert said.message == (
        "step 's' waits 5-20 min for 'a' by mount, and would wait 20-81 s by download"
    )
    assert said.label == "20,000 files, fetched 16 at a time, fits the 28 GiB disk"
    assert found.edits == (Put(route=("steps", "s", "inputs", "a", "mode"), value="download"),)
    assert found.saved_seconds == pytest.approx(600 - 41, rel=0.05)
    assert found.saved_bytes is None


def test_a_download_of_which_little_is_read_had_better_be_a_mount():
    (found,) = advice("download", 25 * GB, 25, Reads(fraction=0.01))
    assert found.saved_bytes == 24_750_000_000
    assert found.edits[0].value == "mount"


@pytest.mark.parametrize(
    "keys",
    [
        {"mode": "download"},
        {"mode": "auto"},
        {"mode": "direct"},
        {"size": None},
        {"size": 2_000_000, "files": 100},
        {"compute": "elsewhere"},
        {"run": Parallel(file="run.py", over="a")},
        {"mode": "download", "size": 90 * GB},
    ],
)
def test_where_the_choice_is_good_small_or_the_only_one_nothing_is_said(keys):
    assert advice(**keys) == []


def test_what_does_not_fit_beside_other_data_stays_mounted():
    written = (made("s", "o", mode="upload", size=29 * GB),)
    assert advice(outputs=written) == []


def test_what_a_run_of_somebody_has_found_changes_no_advice():
    seen = {"x": Size(bytes=2 * GB, files=20_000, origin="history")}
    found = replace(planned(given("a", "x", mode="mount")), known=Known(sizes=seen))
    assert list(slow_modes(Subject.of(found, moves_of(found)))) == []


def test_this_machine_is_not_advised():
    found = replace(planned(given("a", "x", mode="mount"), sizes={"x": 2 * GB}), backend="local")
    assert list(slow_modes(Subject.of(found, moves_of(found)))) == []


def stated(pipeline: Pipeline) -> Plan:
    """The plan of a pipeline whose author says what `auto` would choose."""
    modes = choose_modes(pipeline)
    steps = (
        replace(
            each,
            inputs=tuple(
                replace(port, mode=modes[f"{each.name}.{port.name}"].mode)
                if port.mode == "auto"
                else replace(port, mode="direct")
                for port in each.inputs
            ),
        )
        for each in pipeline.steps
    )
    return Plan(backend="azureml", pipeline=replace(pipeline, steps=tuple(steps)))


@drawn(pipelines())
@few
def test_no_mode_that_auto_would_choose_is_called_slow(pipeline):
    found = stated(pipeline)
    assert list(slow_modes(Subject.of(found, moves_of(found)))) == []
