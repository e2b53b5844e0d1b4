"""A plan for a pull request: the sentence that counts, tables, and the graph in a fold.

What the spec's authors wrote stands in code spans or is escaped, so that it can neither break a
table nor call a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from amlshare.diagnostics import Diagnostic
from amlshare.movement import EdgeBytes, Movement, Moves
from amlshare.movement.known import Known
from amlshare.pipeline import Data, Output, Step, edges, programs
from amlshare.plan import Plan
from amlshare.render import words
from amlshare.render.budget import budget_markdown
from amlshare.render.built import HERE, Built
from amlshare.render.diagnostics import SEVERITIES, tally
from amlshare.render.impacts import impacts_of, phrase, summary
from amlshare.render.mermaid import MOST_EDGES, plan_mermaid
from amlshare.render.paper import clean

if TYPE_CHECKING:
    from amlshare.impacts import Since, StepImpact
    from amlshare.movement.budget import Verdict

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!~$-])")
_TICKS = re.compile(r"`+")


def plan_markdown(
    plan: Plan,
    found: Moves,
    built: Built = HERE,
    since: Since | None = None,
    verdict: Verdict | None = None,
) -> str:
    """The summary of ``plan`` in GitHub's Markdown: what moves in it (``found``), what a backend
    makes of it, what became of its steps, and whether it keeps within a budget.
    """
    chosen = None if plan.selected is None else frozenset(plan.selected)
    steps = [step for step in plan.pipeline.steps if chosen is None or step.name in chosen]
    lines = [
        f"### {code(plan.pipeline.name)} on {plan.backend}{_target(plan)}",
        "",
        *([escaped(plan.pipeline.description), ""] if plan.pipeline.description else []),
        f"**{words.totals(plan.pipeline, found.movement, chosen, found.waiting)}**",
        *(["", budget_markdown(verdict)] if verdict else []),
        *_since(since, plan),
        *_untimed(found),
        *_origins(plan, found),
        *(["", escaped(built.summary)] if built.summary else []),
        *_duplicates(found.movement),
        *_steps(plan, steps, found, built, impacts_of(since)),
        *_data(plan, steps),
        *_diagnostics(plan.diagnostics),
        *_graph(plan, sum(len(step.inputs) for step in steps)),
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """``text`` as it is read, whatever is in it."""
    plain = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(r"\\\1", plain).replace("@", "&#64;")


def code(text: str) -> str:
    """``text`` as a code span."""
    shown = clean(text)
    ticks = "`" * (1 + max(map(len, _TICKS.findall(shown)), default=0))
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{space}{shown}{space}{ticks}" if shown else ""


def _target(plan: Plan) -> str:
    return f", target {code(plan.pipeline.target)}" if plan.pipeline.target else ""


def _duplicates(movement: Movement) -> Iterator[str]:
    if movement.duplicates:
        yield ""
    for duplicate in movement.duplicates:
        yield f"- {code(duplicate.source)} is {words.fetched(duplicate)}"


def _since(since: Since | None, plan: Plan) -> Iterator[str]:
    if impacts_of(since):
        assert since is not None
        yield from ("", f"**{escaped(summary(since, plan.selected))}**")


def _untimed(found: Moves) -> Iterator[str]:
    if text := words.untimed(found.waiting):
        yield from ("", escaped(text))


def _origins(plan: Plan, found: Moves) -> Iterator[str]:
    chosen = plan.selected
    shown = (each for each in found.edges if chosen is None or each.edge.step in chosen)
    if text := words.origins(shown):
        yield from ("", escaped(text))


def _steps(
    plan: Plan,
    steps: list[Step],
    found: Moves,
    built: Built,
    impacts: Mapping[str, StepImpact],
) -> Iterator[str]:
    sizes: dict[str, list[EdgeBytes]] = {}
    for each in found.edges:
        sizes.setdefault(each.edge.step, []).append(each)
    yield from ("", "| | step | runs | reads | writes |", "|--:|---|---|---|---|")
    numbers = {step.name: number for number, step in enumerate(plan.pipeline.steps, 1)}
    for step in steps:
        name = f"{code(step.name)} {escaped(step.title)}" if step.title else code(step.name)
        name = _cell([name, *_became(impacts.get(step.name))])
        reads = _cell(_read(each, built) for each in sizes.get(step.name, []))
        writes = _cell(_written(step, output, built) for output in step.outputs)
        made = map(escaped, built.steps.get(step.name, ()))
        settings = words.mount_settings(plan.mount_settings.get(step.name, {}))
        ran = _cell(
            [
                *map(code, _ran(step)),
                *_about(plan, step),
                *made,
                *filter(None, [escaped(" ".join(settings))]),
                *_waits(step, found),
            ]
        )
        yield _row(str(numbers[step.name]), name, ran, reads, writes)


def _became(impact: StepImpact | None) -> Iterator[str]:
    """What became of a step: the word in bold where it is another one now."""
    if impact is not None:
        word, colon, rest = (phrase(impact) or "unchanged").partition(":")
        bold = impact.impact in ("added", "changed")
        yield (f"**{word}**" if bold else escaped(word)) + escaped(colon + rest)


def _row(*cells: str) -> str:
    """A table's row: a pipe in a cell, even in its code, would end the cell."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _ran(step: Step) -> Iterator[str]:
    """The scripts and shell lines; a script's arguments are in the spec's own difference."""
    for each in programs(step.run):
        yield " ".join(words.command(each)) if each.kind == "command" else each.file


def _cell(lines: Iterable[str]) -> str:
    return "<br>".join(lines)


def _about(plan: Plan, step: Step) -> Iterator[str]:
    where = [f"on {step.compute}"] if step.compute else []
    where += [f"in {step.environment}"] if step.environment else []
    about = [*map(escaped, where), *map(escaped, words.settings(step, plan.backend))]
    if not step.reuse:
        about.append("**always runs**")
    if about:
        yield ", ".join(about)


def _waits(step: Step, found: Moves) -> Iterator[str]:
    if text := words.waits(step.name, found.waiting):
        yield escaped(text)


def _read(each: EdgeBytes, built: Built) -> str:
    edge = each.edge
    mode = built.mode(edge.step, edge.input, words.mode(each))
    parts = [mode, words.kind(edge.type, edge.format)]
    parts += [words.size_or_unknown(each.bytes), escaped(words.lasting(each.time))]
    parts += [*words.slow(each), *map(escaped, built.kind(edge.step, edge.input))]
    why = "".join(f" ({escaped(reason)})" for reason in words.reason(each))
    return f"{code(edge.source)} {', '.join(filter(None, parts))}{why}"


def _written(step: Step, output: Output, built: Built) -> str:
    kind = words.kind(output.type, output.format)
    registered = f" as {code(output.dataset)}" if output.dataset else ""
    made = "".join(f", {escaped(each)}" for each in built.kind(step.name, output.name))
    return f"{code(output.name)} {kind}{registered}{made}"


def _data(plan: Plan, steps: list[Step]) -> Iterator[str]:
    shown = {step.name for step in steps}
    readers: dict[str, dict[str, None]] = {}
    for edge in edges(plan.pipeline):
        if edge.step in shown:
            readers.setdefault(edge.source, {})[edge.step] = None
    whole = len(steps) == len(plan.pipeline.steps)
    entries = [entry for entry in plan.pipeline.data if whole or entry.name in readers]
    if not entries:
        return
    yield from ("", "| data | type | size | where | read by |", "|---|---|--:|---|---|")
    for entry in entries:
        yield _data_row(entry, plan.known, words.listed(readers.get(entry.name, {})) or "no step")


def _data_row(entry: Data, known: Known, readers: str) -> str:
    kind = words.kind(entry.type, entry.format)
    size = words.size_or_unknown(known.size(entry.name, entry).bytes)
    where = code(words.data_place(entry, known))
    return _row(code(entry.name), kind, size, where, escaped(readers))


def _diagnostics(found: tuple[Diagnostic, ...]) -> Iterator[str]:
    if not found:
        return
    yield from ("", f"<details><summary>{tally(found)}</summary>", "")
    for each in sorted(found, key=lambda each: SEVERITIES.index(each.severity)):
        where = f" at {code(f'{each.span.file}:{each.span.line}')}" if each.span else ""
        yield f"- {each.severity} {code(each.code)}{where}: {escaped(each.message)}"
    yield from ("", "</details>")


def _graph(plan: Plan, edges_drawn: int) -> Iterator[str]:
    yield ""
    if edges_drawn > MOST_EDGES:
        yield f"_The graph is left out: Mermaid draws at most {MOST_EDGES} edges._"
        return
    yield from ("<details><summary>Graph</summary>", "", "```mermaid")
    yield plan_mermaid(plan).rstrip("\n")
    yield from ("```", "", "</details>")
