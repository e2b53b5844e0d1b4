"""What a rule of advice gives."""

from __future__ import annotations

from dataclasses import dataclass

from amlshare.diagnostics import Finding
from amlshare.document.edits import Edit


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A finding, and the ``edits`` of the spec that follow it; none where only a person can.

    A run would move ``saved_bytes`` less, and wait ``saved_seconds`` less; None is unknown.
    """

    finding: Finding
    edits: tuple[Edit, ...] = ()
    saved_bytes: int | None = None
    saved_seconds: float | None = None
