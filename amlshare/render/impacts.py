"""What became of each step since something else: marks, reasons and the line that counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from amlshare.render.paper import Paper, Style, clean, fold
from amlshare.render.words import listed

if TYPE_CHECKING:
    from amlshare.impacts import Impact, Impacts, Since, StepImpact
    from amlshare.reasons import Reason

SIGNS: Mapping[Impact, str] = {
    "added": "+",
    "renamed": "~",
    "changed": "~",
    "downstream": ">",
    "cosmetic": "~",
    "unchanged": " ",
}
_COUNTED: Mapping[Impact, str] = {
    "added": "to add",
    "renamed": "renamed",
    "changed": "changed",
    "downstream": "downstream",
    "cosmetic": "changed only for people",
    "unchanged": "unchanged",
}
_SHOWN = 3
"""Reasons of a step that a plan shows; `why` says them all."""
_LONGEST = 60


def summary(since: Since, steps: Collection[str] | None = None) -> str:
    """How many of ``steps`` (None: all) there are of each impact, or why nobody knows."""
    if isinstance(since, str):
        return f"{since[:1].upper()}{clean(since[1:])}."
    found = since.count(steps)
    if set(_some(found)) == {"unchanged"} and not since.removed:
        return f"Nothing changed since {clean(since.against)}."
    always = ("changed", "downstream", "unchanged")
    shown = [f"{found[each]:,} {_COUNTED[each]}" for each in found if found[each] or each in always]
    shown += [f"{len(since.removed):,} gone ({listed(since.removed)})"] if since.removed else []
    return f"{', '.join(shown)} since {clean(since.against)}."


def _some(found: Mapping[Impact, int]) -> Iterator[Impact]:
    """The impacts that there are."""
    return (impact for impact, number in found.items() if number)


def impacts_of(since: Since | None) -> Mapping[str, StepImpact]:
    """What became of each step; nothing where nobody knows."""
    return {} if since is None or isinstance(since, str) else since.steps


def step_lines(impact: StepImpact, paper: Paper, *, indent: int) -> Iterator[str]:
    """What became of a step, and why, below its head; nothing of one that stays as it is."""
    said = phrase(impact)
    if said is None:
        return
    style = style_of(impact.impact, paper)
    first, *more = fold(f"{SIGNS[impact.impact]} {clean(said)}".strip(), paper.width - indent)
    yield " " * indent + style(first)
    yield from (" " * (indent + 2) + style(line) for line in more)


def phrase(impact: StepImpact) -> str | None:
    """``changed: argument --iterations 60 -> 80, code train.py``; None where nothing is to say."""
    match impact.impact:
        case "unchanged":
            return f"unchanged, and runs again: {_again(impact)}" if impact.again else None
        case "added":
            return "new"
        case "cosmetic":
            again = f"; runs again: {_again(impact)}" if impact.again else ""
            return f"changed only for people: {_reasons(impact.reasons)}{again}"
        case impact_:
            return f"{impact_}: {_reasons(impact.reasons)}"


def _again(impact: StepImpact) -> str:
    return "; ".join(map(str, impact.again))


def _reasons(reasons: tuple[Reason, ...]) -> str:
    more = len(reasons) - _SHOWN
    shown = [_short(each) for each in reasons[:_SHOWN]]
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")


def _short(reason: Reason) -> str:
    """With what it was and is now, where that is short."""
    said = str(reason)
    return said if len(said) <= _LONGEST or reason.before is None else reason.what


def style_of(impact: Impact, paper: Paper) -> Style:
    """The colour of an impact."""
    match impact:
        case "added":
            return paper.green
        case "renamed" | "changed":
            return paper.yellow
        case _:
            return paper.dim


def add_to(document: dict[str, Any], since: Since | None) -> None:
    """Put what became of each step into the JSON of a plan."""
    found = None if isinstance(since, str) else since
    document["comparison"] = None if found is None else _comparison(found)
    if found is not None:
        for step in document["steps"]:
            impact = found.steps[step["name"]]
            step["impact"] = impact.impact
            step["reasons"] = list(map(str, (*impact.reasons, *impact.again)))


def _comparison(found: Impacts) -> dict[str, Any]:
    counted = {str(impact): number for impact, number in found.count().items()}
    return {"against": found.against, **counted, "removed": list(found.removed)}
