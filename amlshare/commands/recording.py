"""The history of submits: written as soon as a run has begun, and again when it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from amlshare.backends.interface import Event, Noted, Outcome, RunStarted, StepFinished, Watch
from amlshare.commands.comparing import describe, whole_folders
from amlshare.commands.request import Request, history_key
from amlshare.history import History, HistoryError, code_files
from amlshare.history_document import Begun

if TYPE_CHECKING:
    from amlshare.movement.known import Size
    from amlshare.plan import Plan


class Recorder:
    """Keeps one submit of a plan in the history. A history that fails is a note, and no more."""

    def __init__(self, plan: Plan, request: Request, watch: Watch) -> None:
        self._plan = plan
        self._request = request
        self._watch = watch
        self._key = history_key(request, plan.pipeline)
        self._history = History(request.state)
        # as they are before any of it is uploaded
        self._folders = whole_folders(plan, request)
        self._begun: RunStarted | None = None
        self._statuses: dict[str, str] = {}

    def watch(self, event: Event) -> None:
        """Pass an event on, and remember what it says."""
        self._watch(event)
        if isinstance(event, RunStarted):
            self._begun = event
            self._begin(event.run)
        elif isinstance(event, StepFinished):
            self._statuses[event.step] = event.status

    def done(self, outcome: Outcome) -> None:
        """The submit came to its end."""
        if self._begun is not None:
            statuses = {each.name: each.status for each in outcome.steps}
            ended = {name: each for name, each in statuses.items() if each not in _GOES_ON}
            self._end(ended, outcome.sizes)
        elif outcome.published is not None:
            self._begin(outcome.published.id, published=True)

    def stopped(self) -> None:
        """It ended early: what goes on in a workspace may still end well."""
        if self._begun is not None:
            left = self._begun.steps if self._plan.backend == "local" else ()
            self._end(dict.fromkeys(left, "canceled") | self._statuses, {})

    def _begin(self, id_: str, *, published: bool = False) -> None:
        if self._key is None:
            return
        when = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        begun = Begun(id=id_, when=when, published=published)
        described = describe(self._plan, self._request)
        base = self._request.base
        files = code_files(self._plan)
        try:
            self._history.begin(self._key, self._plan, described, begun, self._folders)
            self._history.keep(
                {sha: (base / folder / name).read_bytes for folder, name, sha in files}
            )
        except HistoryError as error:
            self._watch(Noted(message=f"this submit is not remembered: {error}"))

    def _end(self, statuses: Mapping[str, str], sizes: Mapping[str, Size]) -> None:
        if self._key is None or self._begun is None:
            return
        try:
            self._history.end(self._key, self._begun.run, statuses)
            self._history.measure(self._key, sizes, self._plan.pipeline.data)
        except HistoryError as error:
            self._watch(Noted(message=f"how this submit ended is not remembered: {error}"))


_GOES_ON = ("queued", "running")
