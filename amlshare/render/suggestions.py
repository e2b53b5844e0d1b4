"""Suggestions below a plan: why, what each saves, and its patch, which is never wrapped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from amlshare.advice.suggestions import Suggestion, Suggestions
from amlshare.diagnostics import Route
from amlshare.movement import Moves
from amlshare.render.markdown import escaped
from amlshare.render.paper import Paper, clean, fold
from amlshare.render.words import count, duration
from amlshare.units import show_size

_NOTICED = 0.05
"""Seconds that are worth a word."""


def suggestions_text(made: Suggestions, moves: Moves, paper: Paper, *, take: str) -> str:
    """Every suggestion for a plan, with its number. ``moves`` is what moves in it, and ``take`` the
    command line that applies the first.
    """
    if not made.found:
        return "\n".join(["", *map(paper.dim, fold(_nothing(moves), paper.width))]) + "\n"
    lines = ["", paper.bold("Suggestions")]
    for number, each in enumerate(made.found, 1):
        lines += ["", *_headline(number, each, paper), ""]
        lines += [_coloured(line, paper) for line in each.patch.removesuffix("\n").split("\n")]
    lines += ["", paper.dim("Apply the first:"), f"  {take}"]
    if made.untried:
        lines += ["", *map(paper.dim, fold(_untried(made), paper.width))]
    return "\n".join(lines) + "\n"


def _headline(number: int, each: Suggestion, paper: Paper) -> Iterator[str]:
    start = f"{number}  "
    width = paper.width - len(start)
    first, *rest = fold(clean(each.finding.message), width)
    yield start + paper.bold(first)
    yield from (" " * len(start) + paper.bold(line) for line in rest)
    about = [(text, paper.green) for text in _saved(each)]
    about += [(clean(text), paper.dim) for text in _why(each)]
    for text, style in about:
        yield from (" " * len(start) + style(line) for line in fold(text, width))


def _saved(each: Suggestion) -> Iterator[str]:
    """What the plan of the patched spec has less of, and perhaps more."""
    parts = []
    if each.saved_bytes:
        verb = "saves" if each.saved_bytes > 0 else "moves"
        more = "" if each.saved_bytes > 0 else " more"
        parts.append(f"{verb} {show_size(abs(each.saved_bytes))}{more}")
    if abs(each.saved_seconds or 0) >= _NOTICED:
        seconds = each.saved_seconds or 0
        parts.append(f"waits {duration(abs(seconds))} {'less' if seconds > 0 else 'more'}")
    if parts:
        yield ", ".join(parts)


def _why(each: Suggestion) -> Iterator[str]:
    yield from filter(None, (each.finding.label, each.finding.help))


def _coloured(line: str, paper: Paper) -> str:
    if line.startswith(("---", "+++")):
        return paper.bold(line)
    style = {"+": paper.green, "-": paper.red, "@": paper.cyan}.get(line[:1])
    return style(line) if style else line


def _nothing(moves: Moves) -> str:
    unknown = len(moves.movement.unknown_edges)
    if unknown:
        edges = count(unknown, "edge")
        return (
            f"Nothing to suggest as far as sizes are known; {edges} of unknown size: --refresh "
            "looks at the data, and `size` says it of an output."
        )
    return "Nothing to suggest: no patch of the spec would make it move less."


def _untried(made: Suggestions) -> str:
    return f"{made.untried:,} more were not tried: apply some of these, and ask again."


def suggestions_markdown(made: Suggestions, moves: Moves) -> str:
    """Each in a fold of its own, with the patch as a block."""
    if not made.found:
        return f"\n{escaped(_nothing(moves))}\n"
    lines = []
    for number, each in enumerate(made.found, 1):
        saved = "".join(f": {text}" for text in _saved(each))
        head = f"Suggestion {number}: {escaped(each.finding.message)}{escaped(saved)}"
        fence = "`" * (3 + each.patch.count("```"))
        lines += ["", f"<details><summary>{head}</summary>", ""]
        lines += [escaped(text) for text in _why(each)]
        lines += ["", f"{fence}diff", each.patch.removesuffix("\n"), fence, "", "</details>"]
    lines += ["", _untried(made)] if made.untried else []
    return "\n".join(lines) + "\n"


def suggestions_document(made: Suggestions) -> dict[str, Any]:
    """The keys `suggestions` and `suggestions_untried` of a plan's JSON."""
    found = [
        {
            "code": each.finding.code,
            "message": each.finding.message,
            "source": _source(each.finding.route),
            "why": each.finding.help,
            "saved_bytes": each.saved_bytes,
            "saved_seconds": each.saved_seconds,
            "patch": each.patch,
        }
        for each in made.found
    ]
    return {"suggestions": found, "suggestions_untried": made.untried}


def _source(route: Route) -> str | None:
    """The data, or the output, that a route leads to or into."""
    match route:
        case ("data", name, *_):
            return str(name)
        case ("steps", step, "outputs", name, *_):
            return f"{step}.{name}"
        case _:
            return None
