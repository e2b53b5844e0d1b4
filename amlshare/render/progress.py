"""A run while it goes on: lines that scroll by, and on a terminal the steps that run below them.

:class:`Lines` turns events into lines and is all that a log needs; :class:`Live` shows the same
lines above a few that it draws again and again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from amlshare.backends.interface import (
    Event,
    Noted,
    RunStarted,
    StepFinished,
    StepPrinted,
    StepStarted,
)
from amlshare.render.logs import printed
from amlshare.render.paper import Paper, clean, fold_note, shorten
from amlshare.render.states import state_of
from amlshare.render.words import count, duration
from amlshare.units import show_size

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live as RichLive
    from typing_extensions import Self

_MOST_RUNNING = 8
_FRAMES = 8  # a second
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ASCII_SPINNER = "|/-\\"


class Lines:
    """Events as lines of text."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._colours: dict[str, Callable[[str], str]] = {}

    def of(self, event: Event) -> Iterator[str]:
        """The lines that ``event`` is worth."""
        match event:
            case RunStarted():
                yield self._run_started(event)
            case StepStarted():
                again = f" again (attempt {event.attempt})" if event.attempt > 1 else ""
                yield f"{self._paper.sign('→')} {event.step} started{again}"
            case StepFinished():
                yield from self._finished(event)
            case StepPrinted():
                yield from self._printed(event)
            case Noted():
                about = f" {event.step}:" if event.step else ""
                note = fold_note(f"note:{about} {clean(event.message)}", self._paper.width)
                yield from map(self._paper.dim, note)

    def _run_started(self, event: RunStarted) -> str:
        steps = count(len(event.steps), "step")
        if not event.resumed:
            return f"run {event.run}: {steps}" + (f", {clean(event.url)}" if event.url else "")
        done = f"{event.finished_before:,} of {steps} had finished"
        return f"run {event.run} goes on where it was interrupted: {done}"

    def _finished(self, event: StepFinished) -> Iterator[str]:
        paper = self._paper
        sign, style, said = state_of(event.status, event.reused, paper)
        facts = [] if event.seconds is None or event.reused else [duration(event.seconds)]
        facts += [f"{show_size(event.moved_bytes)} moved"] if event.moved_bytes else []
        text = f"{event.step} {said}" + (f", {', '.join(facts)}" if facts else "")
        yield f"{style(sign)} {text}" + (f": {clean(event.message)}" if event.message else "")

    def _printed(self, event: StepPrinted) -> Iterator[str]:
        prefix = self._prefix(event.step)
        if event.omitted:
            left = f"{count(event.omitted, 'line')} only in the log"
            yield f"{prefix} {self._paper.dim(f'{self._paper.sign(chr(8230))} {left}')}"
        for line in event.lines:
            yield f"{prefix} {printed(line, colour=self._paper.colour)}"

    def _prefix(self, step: str) -> str:
        """``[step]`` in a colour of its own, the same from the first line to the last."""
        paper = self._paper
        styles = (paper.cyan, paper.magenta, paper.green, paper.yellow, paper.plain_blue)
        style = self._colours.setdefault(step, styles[len(self._colours) % len(styles)])
        return style(f"[{step}]")


class Progress:
    """Writes the lines of events to ``stream`` and remembers how steps ended."""

    def __init__(self, stream: TextIO, paper: Paper) -> None:
        self._stream = stream
        self._lines = Lines(paper)
        self._since = time.monotonic()
        self.failures: dict[str, StepFinished] = {}

    @property
    def seconds(self) -> float:
        """The time since the beginning."""
        return time.monotonic() - self._since

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.flush()

    def watch(self, event: Event) -> None:
        """Take an event; any thread may call."""
        if isinstance(event, StepFinished) and event.status == "failed":
            self.failures[event.step] = event
        self.show(event)

    def show(self, event: Event) -> None:
        self._stream.write("".join(f"{line}\n" for line in self._lines.of(event)))
        self._stream.flush()


@dataclass(slots=True)
class Running:
    """What the drawn lines speak of."""

    steps: int = 0
    done: int = 0
    since: float = field(default_factory=time.monotonic)
    started: dict[str, float] = field(default_factory=dict)


class Live(Progress):
    """On a terminal: finished steps and what steps print scroll by above those that run now."""

    def __init__(self, stream: TextIO, paper: Paper) -> None:
        super().__init__(stream, paper)
        self._paper = paper
        self._running = Running()
        self._console, self._live = self._screen(stream)

    def _screen(self, stream: TextIO) -> tuple[Console, RichLive]:
        from rich.console import Console
        from rich.live import Live as RichLive

        console = Console(file=stream, highlight=False, markup=False, emoji=False)
        live = RichLive(
            console=console,
            get_renderable=self._drawn,
            refresh_per_second=_FRAMES,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        return console, live

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live.is_started:
            self._live.stop()
            self._stream.write("\n")
            self._stream.flush()

    def show(self, event: Event) -> None:
        from rich.text import Text

        # drawing takes a thread, and before its first event a backend may need a process of one
        self._live.start()
        self._note(event)
        # what starts is drawn below already
        lines = [] if isinstance(event, StepStarted) else list(self._lines.of(event))
        if lines:
            self._console.print(Text.from_ansi("\n".join(lines)), soft_wrap=True)

    def _note(self, event: Event) -> None:
        running = self._running
        match event:
            case RunStarted():
                running.steps, running.done = len(event.steps), event.finished_before
            case StepStarted():
                running.started[event.step] = time.monotonic()
            case StepFinished():
                running.started.pop(event.step, None)
                running.done += 1
            case _:
                pass

    def _drawn(self) -> RenderableType:
        from rich.text import Text

        lines = running_lines(self._running, time.monotonic(), self._paper)
        return Text.from_ansi("\n".join(lines), no_wrap=True, overflow="crop")


def running_lines(running: Running, now: float, paper: Paper) -> Iterator[str]:
    """The steps that run at ``now`` and how long already, then how far the whole is."""
    spinner = _SPINNER if paper.unicode else _ASCII_SPINNER
    turn = spinner[int(now * _FRAMES) % len(spinner)]
    started = list(running.started.items())
    for step, since in started[:_MOST_RUNNING]:
        name = shorten(step, max(paper.width - 16, 8), paper)
        yield f"{paper.cyan(turn)} {paper.bold(name)} {paper.dim(duration(now - since))}"
    if more := len(started) - _MOST_RUNNING:
        yield from [f"  and {more:,} more"] if more > 0 else []
    told = f"{running.done:,} of {count(running.steps, 'step')} done"
    yield paper.dim(f"  {told}, {duration(now - running.since)}")
