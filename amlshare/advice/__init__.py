"""Advice: what would serve a pipeline better, with figures, and the change to its spec.

One rule is one function of a plan with what moves in it. The finding of each advice is a hint for
people, and `plan --suggest` prints a patch made of its edits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from amlshare.advice.code import coupled_reruns
from amlshare.advice.fit import fits
from amlshare.advice.interface import Advice, Subject
from amlshare.advice.kinds import datasets, directories, paths
from amlshare.advice.modes import slow_modes
from amlshare.movement import Moves
from amlshare.plan import Plan

__all__ = ["RULES", "Advice", "Rule", "Subject", "advise"]

Rule: TypeAlias = Callable[[Subject], Iterable[Advice]]

RULES: tuple[Rule, ...] = (fits, slow_modes, datasets, directories, paths, coupled_reruns)
"""All of them are asked for every plan, also one of a thousand steps."""


def advise(plan: Plan, moves: Moves) -> tuple[Advice, ...]:
    """What every rule says of a plan, and of what moves in it."""
    about = Subject.of(plan, moves)
    return tuple(advice for rule in RULES for advice in rule(about))
