"""Which killed runs go on, and with which of their steps."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from backends.local.plans import Project, command

from amlshare.backends.interface import RunStarted, StepStarted
from amlshare.backends.local.records import Records, StepRecord
from amlshare.plan import Plan


def killed_after_its_first_step(project: Project, **settings: bool) -> Plan:
    """The plan of a run that was killed in its second step; it can end from now on."""
    gate = project.base / "gate"
    plan = project.plan(
        command("a", "echo 1 > ${outputs.o}/x", writes=["o"]),
        command("b", f"cat ${{inputs.o}}/x; while [ ! -e '{gate}' ]; do sleep 0.02; done",
                reads=["a.o"]),
    )  # fmt: skip
    child = project.start(plan, **settings)
    until(lambda: "a" in finished(project.state / "state.db"))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    gate.touch()
    return plan


def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")


def finished(database: Path) -> set[str]:
    if not database.exists():
        return set()
    with closing(Records(database)) as records:
        return {step.step for step in records.find(StepRecord, "WHERE status='completed'")}


def began(project: Project) -> tuple[bool, list[str]]:
    """Whether the last run went on with an earlier one, and the steps whose programs it ran."""
    (started,) = project.of(RunStarted)
    return started.resumed, [event.step for event in project.of(StepStarted)]


def test_a_killed_regeneration_goes_on_and_repeats_no_finished_step(project: Project) -> None:
    plan = killed_after_its_first_step(project, regenerate=True)
    project.submit(plan, regenerate=True)
    assert began(project) == (True, ["b"])


@pytest.mark.parametrize("first", [True, False])
def test_a_regeneration_is_another_run_than_one_without(project: Project, first: bool) -> None:
    plan = killed_after_its_first_step(project, regenerate=first)
    project.submit(plan, regenerate=not first)
    # what was made is there to be taken over, unless that is not wanted
    assert began(project) == (False, ["b"] if first else ["a", "b"])


@pytest.mark.parametrize("how", ["changed", "removed"])
def test_a_finished_step_whose_output_is_no_longer_as_it_was_runs_again(
    project: Project, how: str
) -> None:
    plan = killed_after_its_first_step(project)
    (file,) = project.store.glob("o/*/x")
    file.write_text("other") if how == "changed" else file.unlink()
    assert project.submit(plan).status == "completed"
    assert began(project) == (False, ["a", "b"])
    assert project.printed("b") == ("1",)
