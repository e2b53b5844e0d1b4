"""What a rule of advice is given, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from amlshare.diagnostics import Finding
from amlshare.document.edits import Edit
from amlshare.movement import Facts, Moves
from amlshare.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What advice is about: a plan, and all that moves in it.

    ``facts`` are those that decide, the same wherever the plan is made; ``moves`` may know more.
    """

    plan: Plan
    moves: Moves
    facts: Facts

    @classmethod
    def of(cls, plan: Plan, moves: Moves) -> Subject:
        return cls(plan=plan, moves=moves, facts=Facts(plan.pipeline, plan.known.everywhere()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A finding, and the ``edits`` of the spec that follow it; none where only a person can.

    A run would move ``saved_bytes`` less, and wait ``saved_seconds`` less; None is unknown, or not
    what it is about. ``renamed`` says what a source (``STEP.OUTPUT``) is called after the edits.
    """

    finding: Finding
    edits: tuple[Edit, ...] = ()
    saved_bytes: int | None = None
    saved_seconds: float | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def said(self) -> Finding:
        """The finding as it stands below a plan, where its patch does not."""
        if not self.edits:
            return self.finding
        way = "`plan --suggest` prints the patch"
        help_ = f"{self.finding.help}; {way}" if self.finding.help else way
        return replace(self.finding, help=help_)

    @property
    def saves(self) -> bool:
        """Whether it is about bytes or seconds."""
        return self.saved_bytes is not None or self.saved_seconds is not None
