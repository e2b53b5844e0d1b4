"""The steps of a plan: one block for each, its edges in columns that line up across all of them.

A line is built as a string, not as a table's row: a plan may have tens of thousands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from amlshare.movement import EdgeBytes, Moves
from amlshare.pipeline import Input, Output, Step
from amlshare.plan import Plan
from amlshare.render import words
from amlshare.render.built import Built
from amlshare.render.impacts import SIGNS, step_lines
from amlshare.render.paper import Paper, cells, clean, flow, fold_pieces, pad, pad_left

_LONGEST_NAME = 24
if TYPE_CHECKING:
    from amlshare.impacts import StepImpact

_INDENT = "    "
_GAPS = len(_INDENT) + len("← ") + 5 * len("  ")
_ROOM = 34
"""Columns that notes want below a place; with fewer they begin further left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all steps have in common: said once above them, and by none of them.

    ``env`` are the variables that every step sets to one value, ``datastore`` is where the outputs
    lie that name no location.
    """

    compute: str | None
    environment: str | None
    code: str | None
    env: Mapping[str, str]
    datastore: str | None


def shared_by(plan: Plan, steps: Iterable[Step]) -> Shared:
    """The compute target, environment, code folder and datastore, each where it is only one."""
    ran = tuple(steps)
    return Shared(
        compute=_only({step.compute for step in ran}),
        environment=_only({step.environment for step in ran}),
        code=_only({step.code for step in ran if step.code}),
        env=_common([step.env for step in ran]),
        datastore=_only(
            {
                output.datastore
                for step in ran
                for output in step.outputs
                if output.location == default_location(plan.pipeline.name, step.name, output.name)
            }
        ),
    )


def _common(environments: list[Mapping[str, str]]) -> dict[str, str]:
    """What stands in each of ``environments``."""
    first, *rest = environments or [{}]
    return {
        name: value
        for name, value in first.items()
        if all(each.get(name) == value for each in rest)
    }


def _only(names: set[str | None]) -> str | None:
    return next(iter(names)) if len(names) == 1 else None


def default_location(pipeline: str, step: str, output: str) -> str:
    return f"{pipeline}/{step}/{output}/{{run-id}}/"


class _Row(NamedTuple):
    """An edge's end as words; ``arrow`` points into the step or out of it."""

    arrow: str
    name: str
    mode: str
    kind: str
    size: str
    time: str
    place: str
    notes: str


class _Columns(NamedTuple):
    name: int
    mode: int
    kind: int
    size: int
    time: int


def step_blocks(
    plan: Plan,
    steps: tuple[Step, ...],
    moves: Moves,
    paper: Paper,
    built: Built,
    impacts: Mapping[str, StepImpact],
) -> Iterator[str]:
    """The lines of the blocks of ``steps``, a blank line before each.

    ``impacts`` says what became of each, and has none where nobody knows.
    """
    shared = shared_by(plan, steps)
    rows = _rows(plan, {step.name for step in steps}, shared, moves, built)
    columns = _columns(rows.values(), paper)
    if columns.time and sum(columns) + _GAPS + _ROOM > paper.width:
        rows = {name: [_time_below(row) for row in ends] for name, ends in rows.items()}
        columns = columns._replace(time=0)
    numbers = {step.name: number for number, step in enumerate(plan.pipeline.steps, 1)}
    digits = len(str(len(numbers)))
    for step in steps:
        yield ""
        label = f"{numbers[step.name]:{digits}}."
        impact = impacts.get(step.name)
        label = f"{SIGNS[impact.impact]} {label}" if impact else label
        about = (*_about(step, shared, plan.backend), *built.steps.get(step.name, ()))
        about += tuple(_waits(step, moves, rows[step.name]))
        about += ("unchanged",) if impact and impact.impact == "unchanged" else ()
        yield from _header(step, label, about, paper)
        if impact:
            yield from step_lines(impact, paper, indent=len(_INDENT))
        yield from _commands(step, paper)
        yield from _mount_settings(plan.mount_settings.get(step.name, {}), paper)
        for row in rows[step.name]:
            yield from _row_lines(row, columns, paper)


def _waits(step: Step, moves: Moves, rows: list[_Row]) -> Iterator[str]:
    """For how long a step waits, where no single edge says it already."""
    said = {row.time for row in rows}
    waiting = moves.waiting
    if step.name in waiting.costs or words.wait(waiting.steps.get(step.name)) not in said:
        yield from filter(None, [words.waits(step.name, waiting)])


def _rows(
    plan: Plan, shown: set[str], shared: Shared, moves: Moves, built: Built
) -> dict[str, list[_Row]]:
    """The rows of each step that is shown."""
    rows: dict[str, list[_Row]] = {}
    sizes = iter(moves.edges)
    for step in plan.pipeline.steps:
        ends = [_input_row(given, next(sizes)) for given in step.inputs]
        if step.name in shown:
            ends += [_output_row(plan, step, output, shared) for output in step.outputs]
            rows[step.name] = [_as_built(row, step, built) for row in ends]
    return rows


def _as_built(row: _Row, step: Step, built: Built) -> _Row:
    notes = [*built.kind(step.name, row.name), *filter(None, [row.notes])]
    mode = built.mode(step.name, row.name, row.mode)
    return row._replace(mode=mode, notes=", ".join(notes))


def _input_row(given: Input, edge: EdgeBytes) -> _Row:
    return _Row(
        arrow="←",
        name=given.name,
        mode=words.mode(edge),
        kind=words.kind(given.type, given.format),
        size=words.size_or_unknown(edge.bytes),
        time=words.lasting(edge.time),
        place=given.source,
        notes=", ".join([*words.input_notes(given), *words.slow(edge), *words.reason(edge)]),
    )


def _output_row(plan: Plan, step: Step, output: Output, shared: Shared) -> _Row:
    return _Row(
        arrow="→",
        name=output.name,
        mode=output.mode,
        kind=words.kind(output.type, output.format),
        size="",
        time="",
        place=_place(plan, step, output, shared),
        notes=", ".join(words.output_notes(output, plan.backend)),
    )


def _place(plan: Plan, step: Step, output: Output, shared: Shared) -> str:
    default = default_location(plan.pipeline.name, step.name, output.name)
    if output.location != default or output.datastore != shared.datastore:
        return words.place(output)
    return f"registers {clean(output.dataset)}" if output.dataset else ""


def _time_below(row: _Row) -> _Row:
    """With the time among the notes: a column of its own would leave the place too little."""
    return row._replace(time="", notes=", ".join(filter(None, [row.time, row.notes])))


def _columns(rows: Iterable[list[_Row]], paper: Paper) -> _Columns:
    every = [row for ends in rows for row in ends]
    longest = min(_LONGEST_NAME, paper.width // 4)
    return _Columns(
        name=min(longest, max((len(row.name) for row in every), default=0)),
        mode=max((len(row.mode) for row in every), default=0),
        kind=max((len(row.kind) for row in every), default=0),
        size=max((len(row.size) for row in every), default=0),
        time=max((len(row.time) for row in every), default=0),
    )


def _header(step: Step, label: str, about: tuple[str, ...], paper: Paper) -> Iterator[str]:
    title = f"  {clean(step.title)}" if step.title else ""
    always = "" if step.reuse else "  always runs"
    dot = f" {paper.sign('·')}"
    quiet = f"{dot} ".join(about)
    head = f"{paper.dim(label)} {paper.bold(step.name)}{title}{paper.yellow(always)}"
    used = cells(f"{label} {step.name}{title}{always}")
    if used + 2 + cells(quiet) <= paper.width:
        yield f"{head}  {paper.dim(quiet)}" if quiet else head
        return
    yield head
    pieces = [*(f"{each}{dot}" for each in about[:-1]), about[-1]]
    for line in fold_pieces(pieces, paper.width - len(_INDENT)):
        yield _INDENT + paper.dim(line)


def _about(step: Step, shared: Shared, backend: str) -> Iterator[str]:
    """Where a step runs and how, quietly."""
    if step.compute and shared.compute is None:
        yield f"on {clean(step.compute)}"
    if step.environment and shared.environment is None:
        yield f"in {clean(step.environment)}"
    if step.code and shared.code is None:
        yield f"code {clean(step.code)}"
    yield from words.settings(step, backend)
    if own := [clean(name) for name in step.env if name not in shared.env]:
        yield f"sets {words.listed(own)}"


def _commands(step: Step, paper: Paper) -> Iterator[str]:
    found = words.commands(step.run)
    for number, each in enumerate(found, 1):
        label = f"{number}/{len(found)} " if step.run.kind == "sequence" else ""
        yield from _command(each, label, paper)


def _command(given: list[str], label: str, paper: Paper) -> Iterator[str]:
    end = paper.sign(words.LINE_END)
    pieces = [piece.replace(words.LINE_END, end) for piece in given]
    first, *lines = fold_pieces(pieces, paper.width - len(_INDENT + label) - 2)
    program, blank, arguments = first.partition(" ")
    yield _INDENT + paper.dim(label) + program + paper.dim(blank + arguments)
    for line in lines:
        yield f"{_INDENT}  {paper.dim(line)}"


def _mount_settings(settings: Mapping[str, str], paper: Paper) -> Iterator[str]:
    """The variables that amlshare sets on the job."""
    if settings:
        first, *rest = words.mount_settings(settings)
        for number, line in enumerate(fold_pieces([first, *rest], paper.width - len(_INDENT) - 2)):
            yield _INDENT + "  " * bool(number) + paper.dim(line)


def _row_lines(row: _Row, columns: _Columns, paper: Paper) -> Iterator[str]:
    """One line; where it does not fit, the place and then the notes go below."""
    arrow = paper.sign(row.arrow)
    cell = f"{_INDENT}{arrow} {pad(row.name, columns.name)}  {pad(row.mode, columns.mode)}  "
    used = len(cell) + columns.kind
    line = cell.replace(arrow, _arrow(row.arrow, paper), 1) + paper.dim(pad(row.kind, columns.kind))
    if row.size:
        size = pad_left(row.size, columns.size)
        line += "  " + (paper.dim(size) if row.size == words.UNKNOWN else size)
        used += 2 + columns.size
    if row.size and columns.time:
        line += "  " + paper.dim(pad_left(row.time, columns.time))
        used += 2 + columns.time
    wanted = max(_ROOM, cells(row.place))
    below = used + 2 if used + 2 + wanted <= paper.width else len(_INDENT) + len(arrow) + 3
    parts = ((row.place, str), (row.notes, paper.dim))
    yield from flow(line, used, parts, below=below, width=paper.width)


def _arrow(arrow: str, paper: Paper) -> str:
    sign = paper.sign(arrow)
    return paper.cyan(sign) if arrow == "←" else paper.green(sign)
