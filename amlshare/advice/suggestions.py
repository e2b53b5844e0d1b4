"""What `plan --suggest` tries: the advice of the rules that has edits, steps made one, and mounts
of what is read in part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from amlshare.advice import RULES, Advice, Subject
from amlshare.advice.merging import merges
from amlshare.diagnostics import Finding, Route
from amlshare.document.edits import Put
from amlshare.movement import Moves
from amlshare.pipeline import Input, Parallel, Step
from amlshare.plan import Plan

NOTICED = 0.01
"""The part of what moves that is worth a change of the spec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Advice with the patch that follows it, and what the plan of the patched spec saves.

    A plan of one kind of figure only has the other None.
    """

    finding: Finding
    patch: str
    saved_bytes: int | None = None
    saved_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestions:
    """Those ``found`` to be right, in the order of their numbers; ``untried`` more may be."""

    found: tuple[Suggestion, ...]
    untried: int = 0


def suggested(plan: Plan, moves: Moves, data: Mapping[str, Any]) -> list[Advice]:
    """Advice with edits, that which may save most first. ``data`` is the spec as it is written,
    without a target; no rule has looked whether the edits leave it a valid one.
    """
    about = Subject.of(plan, moves)
    advice = [each for rule in RULES for each in rule(about) if each.edits]
    # what cannot save enough to be noticed need not be tried
    least = NOTICED * (moves.movement.moved_bytes or 0)
    advice += merges(about, data, least=least)
    advice += (each for each in mounts(about) if (each.saved_bytes or 0) >= least)
    return sorted(advice, key=lambda each: -(each.saved_bytes or 0))


def mounts(about: Subject) -> Iterator[Advice]:
    """Downloads of which a part is read, once: a mount fetches no more than that."""
    plan = about.plan
    chosen = None if plan.selected is None else frozenset(plan.selected)
    moved = {(each.edge.step, each.edge.input): each.moved_bytes for each in about.moves.edges}
    for step in plan.pipeline.steps:
        for given in step.inputs if chosen is None or step.name in chosen else ():
            size = moved[step.name, given.name]
            if size and _is_read_in_part(step, given):
                yield _mount(step, given, size)


def _is_read_in_part(step: Step, given: Input) -> bool:
    reads = given.reads
    if reads is None or given.mode != "download" or isinstance(step.run, Parallel):
        return False
    return reads.fraction < 1 and reads.passes == 1


def _mount(step: Step, given: Input, size: int) -> Advice:
    assert given.reads is not None
    route: Route = ("steps", step.name, "inputs", given.name, "mode")
    return Advice(
        finding=Finding(
            code="mount",
            severity="hint",
            message=f"mount {given.source} in {step.name}, which reads "
            f"{100 * given.reads.fraction:.3g} % of it",
            route=route,
            help="a download fetches all of it before the step starts",
        ),
        edits=(Put(route=route, value="mount"),),
        saved_bytes=round(size * (1 - given.reads.fraction)),
    )
