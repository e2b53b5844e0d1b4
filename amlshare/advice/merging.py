"""Which steps had better be one: a `sequence` that fetches once what each had fetched.

Siblings that read one source, and a step with the one that feeds it, where that costs something.
What one hands to the other alone becomes `scratch`, on the step's own disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from amlshare.advice.interface import Advice, Subject
from amlshare.advice.merged import ApartError, Merged
from amlshare.diagnostics import Finding, Route
from amlshare.movement import Duplicate, EdgeBytes, Moves
from amlshare.movement.sharing import Sharing
from amlshare.plan import Plan

_CODE = "merge"
"""It is no diagnostic: nothing is wrong with steps that are several."""
_NAMED = 4
"""Steps that are named one by one."""


def merges(about: Subject, data: Mapping[str, Any], *, least: float = 0) -> Iterator[Advice]:
    """Advice to make steps one, where what they share is ``least`` bytes or more. ``data`` is the
    spec as it is written, without a target.
    """
    found: dict[tuple[str, ...], list[_Case]] = {}
    for names, case in _cases(about.plan, about.moves):
        found.setdefault(names, []).append(case)
    for names, cases in found.items():
        shared = sum(case.shared for case in cases)
        if shared >= least:
            case = max(cases, key=lambda case: case.shared)
            yield from _merge(about.plan, data, names, replace(case, shared=shared))


def _cases(plan: Plan, moves: Moves) -> Iterator[tuple[tuple[str, ...], _Case]]:
    """Steps that could be one, in run order, and what that would save."""
    sharing = Sharing(plan.pipeline)
    chosen = None if plan.selected is None else frozenset(plan.selected)
    for duplicate in moves.movement.duplicates:
        for group in sharing.groups(duplicate.consumers):
            yield group, _siblings(duplicate, group)
    for each in moves.edges:
        maker, _, output = each.edge.source.partition(".")
        pair = (maker, each.edge.step)
        wanted = chosen is None or chosen.issuperset(pair)
        if output and each.moved_bytes and wanted and sharing.groups(pair):
            yield pair, _chain(each)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What is said of a merge, and the bytes of what they share."""

    source: str
    message: str
    why: str
    shared: int


def _siblings(duplicate: Duplicate, group: Sequence[str]) -> _Case:
    names = _together(group)
    return _Case(
        source=duplicate.source,
        message=f"run {names} in one step, which fetches {duplicate.source} once",
        why=f"each of them fetches {duplicate.source} for itself; in one step, one after the "
        "other, they read it from the same disk",
        shared=duplicate.duplicate_bytes or 0,
    )


def _chain(each: EdgeBytes) -> _Case:
    maker = each.edge.source.partition(".")[0]
    return _Case(
        source=each.edge.source,
        message=f"run {maker} and {each.edge.step} in one step, which keeps {each.edge.source} "
        "on its disk",
        why=f"{each.edge.step} fetches what {maker} has written; in one step it finds it there",
        shared=each.moved_bytes or 0,
    )


def _together(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    if len(names) > _NAMED:
        return f"{names[0]} and {len(names) - 1} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _merge(
    plan: Plan, data: Mapping[str, Any], names: Sequence[str], case: _Case
) -> Iterator[Advice]:
    try:
        merged = Merged(plan.pipeline, data, names)
        edits = tuple(merged.edits())
    except ApartError:
        return
    yield Advice(
        finding=Finding(
            code=_CODE,
            severity="hint",
            message=case.message,
            route=_route(case.source),
            on="key",
            help=f"{case.why}. {'; '.join(_besides(merged))}",
        ),
        edits=edits,
        saved_bytes=case.shared,
        renamed=merged.sources,
    )


def _besides(merged: Merged) -> Iterator[str]:
    """What else is different then."""
    yield "They then also run again together, when one of them changes"
    if merged.spread:
        tags = ", ".join(f"{key}: {value}" for key, value in merged.spread.items())
        yield f"all of it is tagged {tags}"
    if merged.relocated:
        yield f"the new step's name is in the location of {_together(merged.relocated)}"


def _route(source: str) -> Route:
    step, _, output = source.partition(".")
    return ("steps", step, "outputs", output) if output else ("data", source)
