"""Which step is next: dependencies, failures and what they skip. No threads, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush

from amlshare.backends.interface import Status
from amlshare.backends.local.job import JobStep


class Schedule:
    """The state of every step of a run. Steps not in ``steps`` count as done."""

    def __init__(self, steps: Iterable[JobStep], *, done: Iterable[str], goes_on: bool) -> None:
        """``done`` are finished already; ``goes_on`` says that a failure stops only what it
        feeds.
        """
        self.steps = {step.name: step for step in steps}
        self.status: dict[str, Status] = dict.fromkeys(self.steps, "queued")
        self._goes_on = goes_on
        self._halted = False
        self._names = list(self.steps)
        self._position = {name: i for i, name in enumerate(self._names)}
        self.running = 0
        self._feeds: dict[str, list[str]] = {name: [] for name in self.steps}
        self._waits: dict[str, int] = {}
        self._ready: list[int] = []
        for step in self.steps.values():
            feeders = [name for name in step.after if name in self.steps]
            self._waits[step.name] = len(feeders)
            for name in feeders:
                self._feeds[name].append(step.name)
        for name in self.steps:
            self._offer(name)
        for name in done:
            self.end(name, "completed")

    def halt(self) -> None:
        """Start nothing more."""
        self._halted = True

    def next(self) -> JobStep | None:
        """A step to start now, the first in run order, or None."""
        while self._ready and not self._halted:
            name = self._names[heappop(self._ready)]
            if self.status[name] == "queued":
                self.status[name] = "running"
                self.running += 1
                return self.steps[name]
        return None

    def end(self, name: str, status: Status) -> None:
        """A step came to its end."""
        self.running -= self.status[name] == "running"
        self.status[name] = status
        if status == "completed":
            for fed in self._feeds[name]:
                self._waits[fed] -= 1
                self._offer(fed)
        elif not self._goes_on:
            self.halt()

    def _offer(self, name: str) -> None:
        if not self._waits[name] and self.status[name] == "queued":
            heappush(self._ready, self._position[name])

    def skipped(self) -> Mapping[str, str]:
        """The steps that will not run any more, each with the failed step that is the cause."""
        causes: dict[str, str] = {}
        for name in self.steps:
            if self.status[name] in ("failed", "canceled"):
                causes.setdefault(name, name)
            for fed in self._feeds[name]:
                if name in causes:
                    causes.setdefault(fed, causes[name])
        failed = next((name for name in causes if self.status[name] != "queued"), "")
        return {
            name: causes.get(name, failed)
            for name, status in self.status.items()
            if status == "queued" and (name in causes or self._halted)
        }
