"""How a run ended: a line for each step, where the outputs lie, and what failed and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from amlshare.backends.interface import Outcome, StepFinished, StepOutcome
from amlshare.render.logs import printed
from amlshare.render.paper import Paper, cells, clean, fold, fold_note, pad, pad_left
from amlshare.render.states import state_of, style_of_run
from amlshare.render.words import count, duration
from amlshare.units import show_size

_MOST_STEPS = 60
_MOST_LINES = 12
"""Lines of a failed step's log that are shown; the whole of it is one command away."""


class Ended(Protocol):
    """A step that came to its end, in a run of just now or of long ago."""

    @property
    def name(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def reused(self) -> bool | None: ...
    @property
    def seconds(self) -> float | None: ...
    @property
    def moved_bytes(self) -> int | None: ...


def outcome_text(
    outcome: Outcome,
    failures: Mapping[str, StepFinished],
    paper: Paper,
    *,
    logs: str,
    seconds: float,
) -> str:
    """The screen below a run that took ``seconds``. ``logs`` is the command that shows a log."""
    lines = [
        *step_lines(_worth_a_line(outcome.steps), paper),
        *_outputs(outcome.outputs, paper),
        *_failures(outcome, failures, paper, logs),
        "",
        *_done(outcome, paper),
        *([_summary(outcome, seconds, paper)] if outcome.run else []),
    ]
    return "\n".join(lines).lstrip("\n") + "\n"


def _done(outcome: Outcome, paper: Paper) -> Iterator[str]:
    """What was published, and what else was done in the workspace."""
    if published := outcome.published:
        version = f" {clean(published.version)}" if published.version else ""
        verb = paper.green("published") if published.created else paper.dim("already published")
        yield f"{verb} {paper.bold(clean(published.name))}{version}: {published.id}"
        if published.endpoint:
            yield f"  its endpoint: {clean(published.endpoint)}"
        if published.url:
            yield f"  {published.url}"
    for note in outcome.notes:
        yield from (f"  {line}" for line in fold_note(clean(note), paper.width - 2))


def _worth_a_line(steps: Sequence[StepOutcome]) -> Sequence[StepOutcome]:
    """All steps of a run; of a long one those that did not go well, the summary counts the rest."""
    if len(steps) <= _MOST_STEPS:
        return steps
    return [step for step in steps if step.status != "completed"]


def step_lines(steps: Sequence[Ended], paper: Paper) -> Iterator[str]:
    """A table of steps: how each ended, its seconds and the bytes it moved."""
    width = min(max((cells(step.name) for step in steps), default=0), paper.width - 30)
    for step in steps:
        sign, style, word = state_of(step.status, step.reused, paper)
        took = "" if step.seconds is None or step.reused else duration(step.seconds)
        moved = f"{show_size(step.moved_bytes)} moved" if step.moved_bytes else ""
        line = f"  {pad(step.name, width)}  {style(pad(word, 9))}  {pad_left(took, 10)}"
        yield f"{style(sign)}{line}  {pad_left(moved, 13)}".rstrip()


def _outputs(outputs: Mapping[str, str], paper: Paper) -> Iterator[str]:
    if not outputs:
        return
    yield ""
    width = max(map(cells, outputs))
    for name, place in outputs.items():
        if width + 4 + cells(place) <= paper.width:
            yield f"{paper.green(paper.sign('→'))} {pad(name, width)}  {clean(place)}"
        else:
            yield f"{paper.green(paper.sign('→'))} {name}"
            yield f"     {clean(place)}"


def _failures(
    outcome: Outcome, failures: Mapping[str, StepFinished], paper: Paper, logs: str
) -> Iterator[str]:
    for step in outcome.steps:
        if step.status == "failed":
            yield ""
            yield from _failure(step, failures.get(step.name), paper)
            yield f"  {paper.dim('all of its log:')} {logs} {outcome.run} {step.name}"


def _failure(step: StepOutcome, end: StepFinished | None, paper: Paper) -> Iterator[str]:
    why = clean(end.message) if end and end.message else "no reason is known"
    first, *rest = fold(f"step {step.name} failed: {why}", paper.width)
    yield paper.red(first)
    yield from (paper.red(line) for line in rest)
    for line in end.log_tail[-_MOST_LINES:] if end else ():
        yield f"  {paper.dim('|')} {printed(line, colour=paper.colour)}"


def _summary(outcome: Outcome, seconds: float, paper: Paper) -> str:
    text = f"run {outcome.run} {style_of_run(outcome.status, paper)(outcome.status)}"
    if outcome.status not in ("queued", "running"):
        text += f" in {duration(seconds)}: {_counted(outcome, paper)}"
    return text + (f"\n{outcome.url}" if outcome.url else "")


def _counted(outcome: Outcome, paper: Paper) -> str:
    """``5 steps, 3 ran, 2 reused; 30 MB moved``."""
    numbers = Counter(state_of(step.status, step.reused, paper)[2] for step in outcome.steps)
    told = [f"{number:,} {word}" for word, number in numbers.items()]
    moved = sum(step.moved_bytes or 0 for step in outcome.steps)
    text = ", ".join([count(len(outcome.steps), "step"), *told])
    return text + (f"; {show_size(moved)} moved" if moved else "")
