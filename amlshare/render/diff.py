"""What changed between two pipelines: one block for each thing, its fields before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from amlshare.plan_document import FORMAT
from amlshare.render.paper import Paper, Style, cells, clean, flow, fold, pad

if TYPE_CHECKING:
    from amlshare.diff import Change, Diff, Effect, FieldChange, Value

_INDENT = "    "
_WIDEST_FIELD = 28
_AROUND = 3
"""Words that are shown on both sides of what differs in a long text."""
_SIGNS: dict[Effect, str] = {
    "added": "+",
    "removed": "-",
    "changed": "~",
    "renamed": "~",
    "cosmetic": "~",
    "downstream": ">",
}


def diff_text(diff: Diff, paper: Paper) -> str:
    """A line that says what is compared, the changes, what follows from them, and how many."""
    notes = [line for note in diff.notes for line in _note(note, paper)]
    if not diff.changes:
        said = f"No differences: {clean(diff.after)} is the same as {clean(diff.before)}."
        return "\n".join([*fold(said, paper.width), *notes]) + "\n"
    said = f"{clean(diff.after)} differs from {clean(diff.before)}:"
    lines = [paper.bold(line) for line in fold(said, paper.width)]
    for change in diff.changes:
        if change.effect != "downstream":
            lines += ["", *_block(change, paper)]
    lines += [*_followers(diff, paper), "", *fold(_counts(diff), paper.width), *notes]
    return "\n".join(lines) + "\n"


def _note(note: str, paper: Paper) -> Iterator[str]:
    for line in fold(f"note: {clean(note)}", paper.width):
        yield paper.dim(line)


def _counts(diff: Diff) -> str:
    found = Counter(each.effect for each in diff.changes)
    shown = [f"{found[effect]:,} {effect}" for effect in _SIGNS if found[effect]]
    return ", ".join(shown) + "."


# A change


def _block(change: Change, paper: Paper) -> Iterator[str]:
    style = _style(change.effect, paper)
    about = f"  renamed from {clean(change.renamed_from)}" if change.renamed_from else ""
    about += "  only for people" if change.effect == "cosmetic" else ""
    sign = style(_SIGNS[change.effect])
    yield f"{sign} {change.kind} {paper.bold(clean(change.name))}{paper.dim(about)}"
    names = [clean(each.field) for each in change.fields]
    width = min(_WIDEST_FIELD, max(map(cells, names), default=0))
    for name, each in zip(names, change.fields, strict=True):
        alone = change.effect in ("added", "removed")
        yield from _field(each, f"{name}:", width + 1, paper, alone=alone)
    for reason in change.reasons:
        lines = fold(f"also {clean(reason)}", paper.width - len(_INDENT))
        yield from (_INDENT + paper.dim(line) for line in lines)


def _style(effect: Effect, paper: Paper) -> Style:
    match effect:
        case "added":
            return paper.green
        case "removed":
            return paper.red
        case "changed" | "renamed":
            return paper.yellow
        case _:
            return paper.dim


def _field(
    change: FieldChange, label: str, width: int, paper: Paper, *, alone: bool = False
) -> Iterator[str]:
    """``field: before -> after`` on one line where that fits, else each on lines of its own.

    The fields of what is ``alone``, on one side only, are shown as they are.
    """
    start, used = f"{_INDENT}{pad(label, width)} ", len(_INDENT) + max(width, cells(label)) + 1
    before, after = _shown(change.before), _shown(change.after)
    arrow = paper.sign("→")
    if alone:
        style = paper.dim if change.after is None else str
        first, *more = fold(after if change.after is not None else before, paper.width - used) or [
            ""
        ]
        yield start + style(first)
        yield from (" " * used + style(line) for line in more)
    elif used + cells(before) + cells(after) + len(arrow) + 2 <= paper.width:
        yield f"{start}{paper.red(before)} {paper.dim(arrow)} {paper.green(after)}"
    else:
        yield f"{_INDENT}{label}"
        before, after = _where_they_differ(before, after, paper)
        yield from _side("- ", before, paper.red, paper.width)
        yield from _side("+ ", after, paper.green, paper.width)


def _side(sign: str, text: str, style: Style, width: int) -> Iterator[str]:
    below = len(_INDENT) + 2
    first, *more = fold(text, width - below - len(sign)) or [""]
    yield " " * below + style(sign + first)
    yield from (" " * (below + len(sign)) + style(line) for line in more)


def _shown(value: Value | None) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else clean(str(value))


def _where_they_differ(one: str, other: str, paper: Paper) -> tuple[str, str]:
    """Two texts without the words at both ends that they share, but for a few."""
    before, after = one.split(" "), other.split(" ")
    start = _alike(before, after)
    shorter = min(len(before), len(after)) - start
    end = min(_alike(before[::-1], after[::-1]), shorter)
    first, last = max(start - _AROUND, 0), max(end - _AROUND, 0)
    dots = paper.sign("…")
    cut = (words[first : len(words) - last] for words in (before, after))
    left, right = (" ".join([*[dots] * bool(first), *words, *[dots] * bool(last)]) for words in cut)
    return left, right


def _alike(one: list[str], other: list[str]) -> int:
    """How many words at the beginning are the same."""
    number = 0
    while number < min(len(one), len(other)) and one[number] == other[number]:
        number += 1
    return number


# What follows


def _followers(diff: Diff, paper: Paper) -> Iterator[str]:
    """The steps that changed in nothing but what they read, a line each."""
    found = [each for each in diff.changes if each.effect == "downstream"]
    if not found:
        return
    yield ""
    yield "Downstream:"
    width = min(_WIDEST_FIELD, max(cells(clean(each.name)) for each in found))
    for each in found:
        start = f"{paper.dim(_SIGNS['downstream'])} step {pad(clean(each.name), width)}"
        used = 7 + max(width, cells(clean(each.name)))
        parts = [("; ".join(map(clean, each.reasons)), paper.dim)]
        yield from flow(start, used, parts, below=len(_INDENT), width=paper.width)
        for change in each.fields:
            label = f"{clean(change.field)}:"
            yield from _field(change, label, cells(label), paper)


def diff_document(diff: Diff) -> dict[str, Any]:
    """What ``diff --format json`` prints. The keys are a promise: only ever added."""
    return {
        "format": FORMAT,
        "before": diff.before,
        "after": diff.after,
        "changes": [_change(each) for each in diff.changes],
        "movement": {"before": None, "after": None},
        "notes": list(diff.notes),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "name": change.name,
        "impact": change.effect,
        "renamed_from": change.renamed_from,
        "fields": [
            {"field": each.field, "before": each.before, "after": each.after}
            for each in change.fields
        ],
        "reasons": list(change.reasons),
    }
