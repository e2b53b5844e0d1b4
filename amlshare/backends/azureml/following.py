"""Waiting for a run: what its steps do, told as it happens, and how it ended."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from amlshare.backends.azureml import wire
from amlshare.backends.azureml.runs import StepRun
from amlshare.backends.azureml.sdk import ServiceError
from amlshare.backends.interface import (
    BackendError,
    Noted,
    Status,
    StepFinished,
    StepOutcome,
    StepStarted,
    Watch,
)

TAIL = 20
"""The last lines of a failed step's log that are shown."""

_ENDED = frozenset({"completed", "failed", "canceled", "skipped"})
_SHORTEST, _LONGEST, _GROWTH = 1.0, 15.0, 1.5
_PATIENCE = 300.0

Answer = TypeVar("Answer")


class Followed(Protocol):
    """A run of the workspace, as far as it is followed."""

    id: str

    def status(self) -> Status: ...
    def steps(self) -> tuple[StepRun, ...]: ...
    def log(self, step: StepRun) -> str: ...
    def error(self) -> str | None: ...


@dataclass(slots=True, kw_only=True)
class Progress:
    """What was told of a run. ``names`` are its steps, in run order."""

    run: Followed
    names: Sequence[str]
    watch: Watch
    seen: dict[str, StepRun] = field(default_factory=dict)
    _failed: bool = False

    def tell(self, steps: Sequence[StepRun]) -> bool:
        """Tell what is new; whether there was anything."""
        news = [step for step in steps if self.seen.get(step.step) != step]
        for step in news:
            before = self.seen.get(step.step)
            self.seen[step.step] = step
            self._tell(step, before.status if before else "queued")
        return bool(news)

    def _tell(self, step: StepRun, before: Status) -> None:
        if before in _ENDED or step.status == before:
            return
        if before == "queued" and not step.reused and step.status != "skipped":
            self.watch(StepStarted(step=step.step))
        if step.status in _ENDED:
            self.watch(self._finished(step))

    def _finished(self, step: StepRun) -> StepFinished:
        is_first = step.status == "failed" and not self._failed
        self._failed = self._failed or is_first
        return StepFinished(
            step=step.step,
            status=step.status,
            reused=step.reused,
            seconds=step.seconds,
            message=step.message,
            log_tail=_tail(self.run, step) if is_first else (),
        )

    def end(self, status: Status) -> tuple[StepOutcome, ...]:
        """How each step ended, those too that never began."""
        never: Status = "canceled" if status == "canceled" else "skipped"
        outcomes = []
        for name in [*self.names, *(name for name in self.seen if name not in self.names)]:
            step = self.seen.get(name)
            if step is None or step.status not in _ENDED:
                self.watch(StepFinished(step=name, status=never))
                outcomes.append(StepOutcome(name=name, status=never))
            else:
                outcomes.append(
                    StepOutcome(
                        name=name,
                        status=step.status,
                        reused=step.reused,
                        seconds=step.seconds,
                        message=step.message,
                        run=step.id,
                    )
                )
        return tuple(outcomes)


def follow(
    run: Followed, names: Sequence[str], watch: Watch, found_with: Sequence[str] = ()
) -> tuple[Status, tuple[StepOutcome, ...]]:
    """Wait for the end of a run; how it ended, and each of its steps.

    Raises ServiceError where the service does not answer for minutes, and KeyboardInterrupt: the
    run goes on in both cases, and ``watch`` is told how to follow it.
    """
    progress = Progress(run=run, names=names, watch=watch)
    try:
        status = _wait(run, progress)
    except KeyboardInterrupt:
        watch(Noted(message=goes_on(run.id, found_with)))
        raise
    except ServiceError as error:
        raise ServiceError(f"{error}; {goes_on(run.id, found_with)}", error.exchange) from None
    steps = progress.end(status)
    if status == "completed" and any(step.status == "failed" for step in steps):
        status = "failed"  # a run that goes on after a failed step may be finished all the same
    if status == "failed" and all(step.status != "failed" for step in steps):
        watch(Noted(message=f"the run failed: {_why(run)}"))
    return status, steps


def goes_on(run: str, found_with: Sequence[str] = ()) -> str:
    """What holds of a run that nobody waits for any more, and the commands that find it."""
    words = shlex.join([*found_with, run])
    return (
        f"run {run} goes on in the workspace: `amlshare logs {words}` shows what its steps print, "
        f"`amlshare cancel {words}` stops it"
    )


def _wait(run: Followed, progress: Progress) -> Status:
    pauses = _pauses()
    while True:
        # in this order: when the run has ended, so have its steps
        status = _patiently(run.status, progress.watch)
        if progress.tell(_patiently(run.steps, progress.watch)):
            pauses = _pauses()
        if status in _ENDED:
            return status
        time.sleep(next(pauses))


def _pauses() -> Iterator[float]:
    pause = _SHORTEST
    while True:
        yield pause
        pause = min(pause * _GROWTH, _LONGEST)


def _patiently(ask: Callable[[], Answer], watch: Watch) -> Answer:
    """An answer, though the service should be away for minutes: the run does not mind."""
    ends = time.monotonic() + wire.seconds("AMLSHARE_RETRY_SECONDS", _PATIENCE)
    is_told = False
    while isinstance(answer := _asked(ask), ServiceError):
        if not answer.is_open or time.monotonic() + _LONGEST > ends:
            raise answer
        if not is_told:
            watch(Noted(message=f"{answer}; the run goes on, and is asked for again"))
            is_told = True
        time.sleep(_LONGEST)
    return answer


def _asked(ask: Callable[[], Answer]) -> Answer | ServiceError:
    try:
        return ask()
    except ServiceError as error:
        return error


def _tail(run: Followed, step: StepRun) -> tuple[str, ...]:
    """The last lines of a log. One that cannot be had keeps nobody from the news."""
    try:
        return tuple(run.log(step).splitlines()[-TAIL:])
    except BackendError as error:
        return (f"(its log cannot be read: {error})",)


def _why(run: Followed) -> str:
    try:
        return run.error() or "no reason is known; its page in the workspace may say more"
    except BackendError as error:
        return f"why cannot be read: {error}"
