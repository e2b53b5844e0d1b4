"""What `plan --suggest` tries: the advice of the rules that has edits, and steps made one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from amlshare.advice import RULES, Advice
from amlshare.advice.merging import merges
from amlshare.plan import Plan, moves_of


def suggested(plan: Plan, data: Mapping[str, Any]) -> list[Advice]:
    """Advice with edits, that which may save most first. ``data`` is the spec as it is written,
    without a target; no rule has looked whether the edits leave it a valid one.
    """
    return sorted(_advice(plan, data), key=lambda each: -(each.saved_bytes or 0))


def _advice(plan: Plan, data: Mapping[str, Any]) -> Iterator[Advice]:
    found = moves_of(plan)
    for rule in RULES:
        yield from (advice for advice in rule(plan, found) if advice.edits)
    yield from merges(plan, found, data)
