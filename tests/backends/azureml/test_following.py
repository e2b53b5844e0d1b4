"""What is told of a run while it goes on, and how its end is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

pytest.importorskip("azureml.pipeline.core")

from amlshare.backends.azureml import following
from amlshare.backends.azureml.following import Progress, follow
from amlshare.backends.azureml.runs import StepRun
from amlshare.backends.azureml.sdk import ServiceError
from amlshare.backends.azureml.wire import Exchange
from amlshare.backends.interface import Event, Noted, Status, StepFinished, StepStarted

NAMES = ("clean", "train")


@dataclass(kw_only=True)
class Cloud:
    """A run as the service shows it, one look after the other; the last is seen for ever."""

    looks: list[tuple[Status, Sequence[StepRun]]]
    id: str = "f1"
    errors: list[Exception] = field(default_factory=list)
    why: str | None = None
    logs: dict[str, str] = field(default_factory=dict)

    def status(self) -> Status:
        if self.errors:
            raise self.errors.pop(0)
        return self.looks[0][0]

    def steps(self) -> tuple[StepRun, ...]:
        steps = tuple(self.looks[0][1])
        if len(self.looks) > 1:
            self.looks.pop(0)
        return steps

    def log(self, step: StepRun) -> str:
        return self.logs[step.step]

    def error(self) -> str | None:
        return self.why


def step(name: str, status: Status, **more: Any) -> StepRun:
    return StepRun(step=name, position=0, status=status, **more)


def away() -> ServiceError:
    return ServiceError("asking failed", Exchange(method="GET", url="u", error=None, response=_503))


class _503:  # noqa: N801 - a reply of the service
    status_code = 503


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_SHORTEST", 0.0)
    monkeypatch.setattr(following, "_LONGEST", 0.0)


def told(run: Cloud, names: Sequence[str] = NAMES) -> tuple[list[Event], Any]:
    events: list[Event] = []
    return events, follow(run, names, events.append)


def test_steps_are_told_as_they_start_and_end() -> None:
    run = Cloud(
        looks=[
            ("running", [step("clean", "running")]),
            ("running", [step("clean", "completed", seconds=4.0), step("train", "running")]),
            ("completed", [step("clean", "completed", seconds=4.0), step("train", "completed")]),
        ]
    )
    events, (status, steps) = told(run)
    assert status == "completed"
    assert [(type(each).__name__, each.step) for each in events] == [  # type: ignore[union-attr]
        ("StepStarted", "clean"),
        ("StepFinished", "clean"),
        ("StepStarted", "train"),
        ("StepFinished", "train"),
    ]
    assert [(each.name, each.seconds) for each in steps] == [("clean", 4.0), ("train", None)]


def test_a_reused_step_never_starts() -> None:
    run = Cloud(looks=[("completed", [step("clean", "completed", reused=True)])])
    events, _ = told(run, ("clean",))
    assert events == [StepFinished(step="clean", status="completed", reused=True)]


def test_nothing_is_told_twice() -> None:
    events: list[Event] = []
    progress = Progress(run=Cloud(looks=[]), names=NAMES, watch=events.append)
    running = [step("clean", "running")]
    assert progress.tell(running)
    assert not progress.tell(running)
    assert events == [StepStarted(step="clean")]


def test_the_first_step_that_fails_shows_the_end_of_its_log() -> None:
    lines = [f"line {n}" for n in range(50)]
    failed = step("clean", "failed", message="exit code 1")
    run = Cloud(
        looks=[("failed", [failed, step("train", "failed")])],
        logs={"clean": "\n".join(lines), "train": "not shown"},
    )
    events, _ = told(run)
    ends = [each for each in events if isinstance(each, StepFinished)]
    assert (ends[0].message, ends[0].log_tail) == ("exit code 1", tuple(lines[-20:]))
    assert ends[1].log_tail == ()


def test_a_log_that_cannot_be_had_keeps_nobody_from_the_news() -> None:
    run = Cloud(looks=[("failed", [step("clean", "failed")])])
    run.log = lambda _: (_ for _ in ()).throw(away())  # type: ignore[method-assign]
    events, (status, _) = told(run, ("clean",))
    assert status == "failed"
    assert "cannot be read" in events[-1].log_tail[0]  # type: ignore[union-attr]


@pytest.mark.parametrize(("status", "never"), [("failed", "skipped"), ("canceled", "canceled")])
def test_steps_that_never_began_are_said_to_be_left_out(status: Status, never: Status) -> None:
    run = Cloud(looks=[(status, [step("clean", status)])], logs={"clean": ""})
    events, (_, steps) = told(run)
    assert events[-1] == StepFinished(step="train", status=never)
    assert [each.status for each in steps] == [status, never]


def test_a_run_that_is_finished_though_a_step_failed_has_failed() -> None:
    steps = [step("clean", "failed"), step("train", "completed")]
    run = Cloud(looks=[("completed", steps)], logs={"clean": "no column\n"})
    _, (status, outcomes) = told(run)
    assert status == "failed"
    assert [each.status for each in outcomes] == ["failed", "completed"]


def test_a_run_that_failed_without_a_failed_step_says_why() -> None:
    run = Cloud(looks=[("failed", [])], why="no quota")
    events, _ = told(run, ())
    assert events == [Noted(message="the run failed: no quota")]


def test_a_service_that_is_away_for_a_while_is_asked_again_and_told_once() -> None:
    run = Cloud(looks=[("completed", [])], errors=[away(), away(), away()])
    events, (status, _) = told(run, ())
    assert status == "completed"
    (note,) = events
    assert isinstance(note, Noted)
    assert "the run goes on" in note.message


def test_a_refusal_ends_the_waiting_and_says_that_the_run_goes_on() -> None:
    run = Cloud(looks=[("running", [])], errors=[ServiceError("asking was answered 401")])
    with pytest.raises(ServiceError, match=r"401; run f1 goes on .* `amlshare cancel f1`"):
        told(run, ())


def test_who_stops_waiting_is_told_how_to_go_on() -> None:
    run = Cloud(looks=[("running", [])], errors=[KeyboardInterrupt()])  # type: ignore[list-item]
    events: list[Event] = []
    with pytest.raises(KeyboardInterrupt):
        follow(run, (), events.append)
    (note,) = events
    assert "`amlshare logs f1`" in note.message  # type: ignore[union-attr]


def test_pauses_grow_to_a_quarter_of_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    pauses = following._pauses()
    first = [next(pauses) for _ in range(10)]
    assert first == sorted(first)
    assert (first[0], first[-1]) == (1.0, 15.0)
