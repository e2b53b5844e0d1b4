"""Runs that are killed or stopped at any moment, and go on."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from backends.local.plans import Project, command, data, output, reading

from amlshare.backends.interface import RunStarted, StepFinished, StepStarted
from amlshare.backends.local.records import (
    DatasetRecord,
    Publication,
    Records,
    RunRecord,
    StepRecord,
)
from amlshare.plan import Plan


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that happens soon."""
    for _ in range(1000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")


def wait(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    assert wait(child) == -signal.SIGKILL


def busy_pipeline(project: Project, ran: Path) -> Plan:
    """Steps with every kind of output; each notes in ``ran`` that its program has ended."""
    project.write("data/raw/x", "raw")
    done = f"sleep 0.01; echo {{}} >> '{ran}'"
    swapped = output("s", location="swapped/", overwrite=True)
    registered = output("d", type="dataset", dataset="names", location="names/{run-id}/")
    return project.plan(
        command("a", "cp ${inputs.raw}/x ${outputs.o}/x;" + done.format("a"), reads=["raw"],
                writes=[output("o", location="a/{run-id}/")]),
        command("b", "cat ${inputs.o}/x > ${outputs.o2}/y;" + done.format("b"), reads=["a.o"],
                writes=[output("o2", location="b/{run-id}/")], reuse=False),
        command("c", "cat ${inputs.o}/x > ${outputs.f};" + done.format("c"), reads=["a.o"],
                writes=[output("f", format="file", location="c/{run-id}/c.txt")]),
        command("d", "cat ${inputs.f} > ${outputs.s}/z; echo 1 > ${outputs.d}/n;"
                + done.format("d"), reads=[reading("c.f", format="file")],
                writes=[swapped, registered], reuse=False),
        command("e", "cat ${inputs.s}/z ${inputs.o2}/y > ${outputs.e}/w;" + done.format("e"),
                reads=["d.s", "b.o2"], writes=[output("e", location="e/{run-id}/")]),
        data=[data("raw", "raw")],
    )  # fmt: skip


def end_state(project: Project) -> dict[str, str]:
    """What a finished run leaves for people: files, without its id in their paths, and datasets."""
    with closing(Records(project.state / "state.db")) as records:
        (run,) = records.find(RunRecord)
        datasets = records.find(DatasetRecord)
        steps = {step.step: step.status for step in records.steps(run.id)}
    found = {
        str(path.relative_to(project.store)).replace(run.id, "RUN"): path.read_text()
        for path in project.store.rglob("*")
        if path.is_file() and "locks" not in path.parts
    }
    found |= {f"dataset {each.name} {each.version}": each.digest for each in datasets}
    return found | steps


def finished(project: Project) -> set[str]:
    """The steps that the records know as over, or about to be."""
    path = project.state / "state.db"
    if not path.exists():
        return set()
    with closing(Records(path)) as records:
        steps = records.find(StepRecord, "WHERE status IN ('completed', 'publishing')")
    return {step.step for step in steps}


@pytest.mark.parametrize("seed", range(3))
def test_after_any_kills_the_end_is_that_of_a_run_that_was_never_killed(
    tmp_path: Path, seed: int
) -> None:
    whole = Project(tmp_path / "whole")
    assert whole.submit(busy_pipeline(whole, tmp_path / "ran once")).status == "completed"
    ran = tmp_path / "ran"
    ran.touch()
    project = Project(tmp_path / "killed")
    plan = busy_pipeline(project, ran)
    over: dict[str, int] = {}
    chance = random.Random(seed)
    longest = 0.12
    while killed_after(project.start(plan), chance.uniform(0.0, longest)):
        longest *= 1.2  # a slow machine comes to an end too
        if is_completed(project):
            break  # it was killed on its way out
        counts = Counter(ran.read_text().split())
        over = {name: counts[name] for name in finished(project)} | over
    assert end_state(project) == end_state(whole)
    counts = Counter(ran.read_text().split())
    assert {name: counts[name] for name in over} == over


def is_completed(project: Project) -> bool:
    if not (project.state / "state.db").exists():
        return False
    with closing(Records(project.state / "state.db")) as records:
        return any(run.status == "completed" for run in records.find(RunRecord))


def killed_after(child: int, seconds: float) -> bool:
    """Let a run go on for a while, then kill it; false where it was faster, and completed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            assert status == 0
            return False
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    return wait(child) != 0


def test_a_killed_run_goes_on_under_its_id(project: Project) -> None:
    gate = project.base / "gate"
    plan = project.plan(
        command("a", "echo 1 > ${outputs.o}/x", writes=["o"], reuse=False),
        command("b", f"cat ${{inputs.o}}/x; while [ ! -e '{gate}' ]; do sleep 0.02; done",
                reads=["a.o"]),
    )  # fmt: skip
    child = project.start(plan)
    until(lambda: "a" in finished(project))
    kill(child)
    gate.touch()
    out = project.submit(plan)
    (started,) = project.of(RunStarted)
    assert (started.resumed, started.finished_before, started.run) == (True, 1, out.run)
    assert [event.step for event in project.of(StepStarted)] == ["b"]
    assert {event.step: event.status for event in project.of(StepFinished)} == {
        "a": "completed", "b": "completed",
    }  # fmt: skip


@pytest.mark.parametrize("how", ["changed", "regenerated"])
def test_another_job_does_not_go_on_with_a_killed_run(project: Project, how: str) -> None:
    child = project.start(project.plan(command("a", "sleep 60")))
    until(lambda: bool(started_steps(project)))
    kill(child)
    line = "sleep 0" if how == "changed" else "true"
    project.run(command("a", line), regenerate=how == "regenerated")
    assert project.of(RunStarted)[0].resumed is False


def started_steps(project: Project) -> list[Path]:
    return list((project.state / "runs").glob("*/*/log.txt"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_ends_its_steps_and_goes_on_later(project: Project, number: int) -> None:
    note = project.base / "note"
    line = (
        f"trap \"echo ended > '{note}'; exit 0\" TERM; [ -e '{note}' ] || (echo; sleep 60) & wait"
    )
    plan = project.plan(command("a", line, writes=["o"]))
    child = project.start(plan)
    until(lambda: any(log.read_text() for log in started_steps(project)))
    os.kill(child, number)
    assert wait(child) == 130
    assert note.read_text() == "ended\n"
    project.submit(plan)
    assert project.of(RunStarted)[0].resumed is True


def test_a_step_that_ignores_being_asked_is_killed_at_the_second_time(project: Project) -> None:
    plan = project.plan(command("a", "trap '' TERM; echo; while true; do sleep 0.1; done"))
    child = project.start(plan)
    until(lambda: any(log.read_text() for log in started_steps(project)))
    os.kill(child, signal.SIGINT)
    time.sleep(0.1)
    os.kill(child, signal.SIGINT)
    assert wait(child) == 130


def test_two_runs_at_once_on_one_state_do_not_harm_each_other(project: Project) -> None:
    place = output("o", location="same/", overwrite=True)
    plan = project.plan(
        *(command(f"s{i}", f"echo {i} > ${{outputs.o{i}}}/x", writes=[output(f"o{i}")])
          for i in range(5)),
        command("end", "for i in 1 2 3; do echo $$ > ${outputs.o}/$i; done", writes=[place]),
        data=[],
    )  # fmt: skip
    children = [project.start(plan, regenerate=True) for _ in range(3)]
    assert [wait(child) for child in children] == [0, 0, 0]
    files = [path.read_text() for path in sorted((project.store / "same").iterdir())]
    assert (len(files), len(set(files))) == (3, 1)
    with closing(Records(project.state / "state.db")) as records:
        assert [run.status for run in records.find(RunRecord)] == ["completed"] * 3


def test_a_killed_run_leaves_nothing_behind_once_another_has_run(project: Project) -> None:
    project.write("data/raw/x", "1")
    slow = command("a", "echo 1 > ${outputs.o}/x; echo; sleep 60", reads=["raw"], writes=["o"])
    child = project.start(project.plan(slow, data=[data("raw", "raw")]))
    until(lambda: any(log.read_text() for log in started_steps(project)))
    kill(child)
    assert (project.store / ".amlshare-staging").exists()
    project.run(command("b", "true"))
    assert [path.name for path in project.store.iterdir()] == ["raw"]
    names = {path.name for path in (project.state / "runs").rglob("*") if path.is_file()}
    assert names <= {"log.txt", "alive", "guarded"}


def test_a_process_that_outlives_its_killed_run_is_waited_for(project: Project) -> None:
    """The guardian holds a lock until it has ended the last of them."""
    slow = project.plan(command("a", "echo; sleep 60"))
    for _ in range(5):
        child = project.start(slow)
        until(lambda: any(log.read_text() for log in started_steps(project)))
        kill(child)
    quick = project.start(slow)
    until(lambda: len(started_steps(project)) == 1)
    kill(quick)
    with closing(Records(project.state / "state.db")) as records:
        assert len(records.find(RunRecord)) == 1


def statuses(project: Project) -> dict[str, str]:
    with closing(Records(project.state / "state.db")) as records:
        return {step.step: step.status for step in records.find(StepRecord)}


def test_a_step_is_recorded_as_running_and_then_as_canceled(project: Project) -> None:
    child = project.start(project.plan(command("a", "echo; sleep 60"), command("b", "true")))
    until(lambda: any(log.read_text() for log in started_steps(project)))
    assert statuses(project)["a"] == "running"
    os.kill(child, signal.SIGINT)
    assert wait(child) == 130
    assert statuses(project)["a"] == "canceled"


def test_what_a_thread_is_still_hashing_is_not_swept_away_under_it(project: Project) -> None:
    line = "truncate -s 40G ${outputs.o}/x; echo; exit 0"
    child = project.start(project.plan(command("a", line, writes=["o"])))
    until(lambda: any(log.read_text() for log in started_steps(project)))
    time.sleep(0.3)
    for _ in range(2):
        os.kill(child, signal.SIGINT)
        time.sleep(0.2)
    assert wait(child) == 130
    (file,) = (path for path in project.store.rglob("*") if path.is_file())
    assert (file.name, ".amlshare-staging" in file.parts) == ("x", True)
    project.run(command("b", "true"))
    assert list(project.store.iterdir()) == []
    assert statuses(project)["a"] == "canceled"


def test_a_publication_that_cannot_be_finished_is_undone(project: Project) -> None:
    """Of two outputs one has come to its place when the run is killed, and the other is lost."""
    two = [output("o"), output("p")]
    run = project.run(command("a", "touch ${outputs.o}/x ${outputs.p}/x", writes=two)).run
    staged = project.store / ".amlshare-staging" / run
    with closing(Records(project.state / "state.db")) as records:
        (step,) = records.steps(run)
        moves = []
        for name in "op":
            path = project.store / name / run
            details = path.stat()
            moves.append(Publication(run=run, step="a", output=name, staged=str(staged / name),
                place=str(path), device=details.st_dev, inode=details.st_ino))  # fmt: skip
        records.put(replace(step, status="publishing"), *moves)
        shutil.rmtree(project.store / "p" / run)
        staged.mkdir(parents=True)
    project.run(command("b", "true"))
    assert [path for path in project.store.rglob("*") if path.is_file()] == []
    with closing(Records(project.state / "state.db")) as records:
        assert [each.status for each in records.steps(run)] == ["canceled"]
        assert records.publications(run, "a") == records.outputs(run, "a") == []


def test_an_unfinished_publication_is_void_once_another_lies_at_its_place(
    project: Project,
) -> None:
    place = output("o", location="fixed/", overwrite=True)
    project.run(command("a", "true"))
    dead = Publication(
        run="dead", step="s", output="o", staged="", place=str(project.store / "fixed")
    )
    with closing(Records(project.state / "state.db")) as records:
        records.put(dead)
        project.run(command("b", "touch ${outputs.o}/x", writes=[place]))
        assert records.find(Publication) == []
