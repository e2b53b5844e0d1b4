"""Advice: what would serve a pipeline better, with figures, and the change to its spec.

One rule is one function of a plan, and of what moves in it; the finding of each advice is a hint
for people, and `plan --suggest` prints a patch made of its edits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from amlshare.advice.interface import Advice
from amlshare.movement import Moves, moves
from amlshare.plan import Plan

__all__ = ["RULES", "Advice", "Rule", "advise"]

Rule: TypeAlias = Callable[[Plan, Moves], Iterable[Advice]]

RULES: tuple[Rule, ...] = ()
"""All of them are asked for every plan, also one of a thousand steps."""


def advise(plan: Plan) -> tuple[Advice, ...]:
    """What every rule says of a plan."""
    if not RULES:
        return ()
    here = plan.backend == "local"
    chosen = None if plan.selected is None else frozenset(plan.selected)
    found = moves(plan.pipeline, known=plan.known, steps=chosen, here=here)
    return tuple(advice for rule in RULES for advice in rule(plan, found))
