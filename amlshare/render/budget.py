"""A plan beside its budget: for the log of a CI job, for JSON and for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from amlshare.render.paper import Paper, flow, fold_note, pad, pad_left
from amlshare.render.words import count, listed
from amlshare.units import show_size

if TYPE_CHECKING:
    from amlshare.movement.budget import Fetched, Verdict

_SHOWN = 5
"""Sources that are named; the others are counted."""
_TWICE = "fetched more than once"


class _Row(NamedTuple):
    """A limit of the budget, what was found, and by how much that is over it, if it is."""

    what: str
    budget: str
    found: str
    over: str


def budget_text(verdict: Verdict, paper: Paper) -> str:
    """The table of a budget that is not kept, with the sources that cost most; else one line."""
    if not verdict.over:
        return "\n".join([f"within budget: {_within(verdict)}", *_unknown(verdict, paper)]) + "\n"
    rows = [_Row("", "budget", "found", "over by"), *_rows(verdict)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [paper.red("over budget")]
    for number, row in enumerate(rows):
        cells = [pad(row.what, widths[0])]
        cells += [pad_left(text, width) for text, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  " + (paper.bold if number else paper.dim)("  ".join(cells).rstrip()))
    return "\n".join([*lines, *_costs(verdict, paper), *_unknown(verdict, paper)]) + "\n"


def budget_markdown(verdict: Verdict) -> str:
    """One sentence, in bold where the budget is not kept."""
    if verdict.over:
        rows = (row for row in _rows(verdict) if row.over)
        over = [f"{row.found} {row.what}, {row.budget} allowed" for row in rows]
        said = f"**Over budget: {'; '.join(over)}.**"
    else:
        said = f"Within budget: {_within(verdict)}."
    if verdict.unknown:
        said += f" {count(len(verdict.unknown), 'edge')} of unknown size not counted."
    return said


def budget_document(verdict: Verdict) -> dict[str, Any]:
    """The key `budget` of a plan's JSON."""
    return {
        "max_moved_bytes": verdict.budget.moved_bytes,
        "moved_bytes": verdict.moved_bytes,
        "max_duplicate_percent": verdict.budget.duplicate_percent,
        "duplicate_percent": round(verdict.duplicate_percent, 2),
        "unknown_edges": [edge for edge, _ in verdict.unknown],
        "over": verdict.over,
        "costs": [
            {
                "source": cost.source,
                "consumers": list(cost.consumers),
                "moved_bytes": cost.moved_bytes,
                "duplicate_bytes": cost.duplicate_bytes,
            }
            for cost in verdict.costs
        ],
    }


def _rows(verdict: Verdict) -> Iterator[_Row]:
    moved, percent = verdict.budget.moved_bytes, verdict.budget.duplicate_percent
    if moved is not None:
        over = show_size(verdict.moved_bytes - moved) if verdict.over_moved else ""
        yield _Row("to move", show_size(moved), show_size(verdict.moved_bytes), over)
    if percent is not None:
        found = verdict.duplicate_percent
        over = f"{found - percent:.3g} points" if verdict.over_duplicate else ""
        yield _Row(f"of it {_TWICE}", f"{percent:.3g} %", f"{found:.3g} %", over)


def _within(verdict: Verdict) -> str:
    known = "known " if verdict.unknown else ""
    rows = [f"{row.found} {known}{row.what} (at most {row.budget})" for row in _rows(verdict)]
    return ", ".join(rows)


def _costs(verdict: Verdict, paper: Paper) -> Iterator[str]:
    """The sources that cost most, and what all others cost."""
    shown, rest = verdict.costs[:_SHOWN], verdict.costs[_SHOWN:]
    if not shown:
        return
    yield "what costs most"
    name = max(len(cost.source) for cost in shown)
    size = max(len(show_size(cost.moved_bytes)) for cost in shown)
    for cost in shown:
        moved = pad_left(show_size(cost.moved_bytes), size)
        line = f"  {paper.cyan(pad(cost.source, name))}  {moved}"
        parts = [(_twice(cost), paper.yellow), (f"for {listed(cost.consumers)}", paper.dim)]
        yield from flow(line, name + size + 4, parts, below=6, width=paper.width)
    if rest:
        total = show_size(sum(cost.moved_bytes for cost in rest))
        yield f"  and {count(len(rest), 'other source')}, {total} together"


def _twice(cost: Fetched) -> str:
    return f"{show_size(cost.duplicate_bytes)} of it again" if cost.duplicate_bytes else ""


def _unknown(verdict: Verdict, paper: Paper) -> Iterator[str]:
    """What no budget can hold, and how it becomes known."""
    if verdict.unknown:
        sources = list(dict.fromkeys(source for _, source in verdict.unknown))
        text = (
            f"not counted, since its size is not known: {listed(sources, _SHOWN)}; {_way(sources)}"
        )
        yield from map(paper.yellow, fold_note(text, paper.width))


def _way(sources: Sequence[str]) -> str:
    """How a size becomes known: data is measured, what a step writes is said."""
    made = sum("." in source for source in sources)
    ways = ["`plan --refresh` measures data"] if made < len(sources) else []
    ways += ["a run here, or `size:` beside an output, says what a step writes"] if made else []
    return ", ".join(ways)
