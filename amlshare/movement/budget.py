"""How much a run may move: a budget, and whether what is known of a plan keeps within it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from amlshare.movement.edges import EdgeBytes
from amlshare.movement.moves import Moves
from amlshare.movement.totals import fetched


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What is allowed, None for no limit: bytes, and per cent of them that travel twice."""

    moved_bytes: int | None = None
    duplicate_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a source moves for its ``consumers``, the steps that fetch it, in run order.

    ``duplicate_bytes`` of it travel more than once.
    """

    source: str
    consumers: tuple[str, ...]
    moved_bytes: int
    duplicate_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A budget beside what is known to move. ``costs`` has the dearest source first.

    Nothing holds what is unknown to a budget: ``unknown`` has the edges of unknown size, as
    ``STEP.INPUT``, with the source of each.
    """

    budget: Budget
    moved_bytes: int
    duplicate_bytes: int
    costs: tuple[Fetched, ...]
    unknown: tuple[tuple[str, str], ...]

    @property
    def duplicate_percent(self) -> float:
        """The part of the known bytes that travels more than once; 0 where nothing moves."""
        return 100 * self.duplicate_bytes / self.moved_bytes if self.moved_bytes else 0.0

    @property
    def over_moved(self) -> bool:
        most = self.budget.moved_bytes
        return most is not None and self.moved_bytes > most

    @property
    def over_duplicate(self) -> bool:
        most = self.budget.duplicate_percent
        return most is not None and self.duplicate_percent > most

    @property
    def over(self) -> bool:
        """Whether the known part alone is more than the budget."""
        return self.over_moved or self.over_duplicate


def judge(
    budget: Budget, found: Moves, *, steps: Collection[str] | None = None, shared: bool = False
) -> Verdict:
    """What a run of ``steps`` (None: all) moves, beside ``budget``. ``found`` counts what is
    downloaded once for all steps where it is ``shared``.
    """
    counted = fetched(found.edges, steps=steps, shared=shared)
    twice = {each.source: each.duplicate_bytes or 0 for each in found.movement.duplicates}
    return Verdict(
        budget=budget,
        moved_bytes=found.movement.moved_bytes or 0,
        duplicate_bytes=found.movement.duplicate_bytes or 0,
        costs=_costs(counted, twice),
        unknown=tuple(
            (f"{each.edge.step}.{each.edge.input}", each.edge.source)
            for each in counted
            if each.moved_bytes is None
        ),
    )


def _costs(edges: Iterable[EdgeBytes], twice: dict[str, int]) -> tuple[Fetched, ...]:
    known: dict[str, list[EdgeBytes]] = {}
    for each in edges:
        if each.moved_bytes:
            known.setdefault(each.edge.source, []).append(each)
    costs = (
        Fetched(
            source=source,
            consumers=tuple(each.edge.step for each in some),
            moved_bytes=sum(each.moved_bytes or 0 for each in some),
            duplicate_bytes=twice.get(source, 0),
        )
        for source, some in known.items()
    )
    return tuple(sorted(costs, key=lambda cost: (-cost.moved_bytes, cost.source)))
