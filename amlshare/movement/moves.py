"""All that moves in a run, in one: what every format shows of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from amlshare.movement.choice import Choice
from amlshare.movement.edges import NO_CHOICES, EdgeBytes, OutputBytes, edge_bytes, output_bytes
from amlshare.movement.known import NOTHING, Known
from amlshare.movement.totals import Movement, total
from amlshare.movement.waiting import UNTIMED, Waiting, waiting
from amlshare.pipeline import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """Every edge and every output of the pipeline, and what those of a run come to."""

    edges: tuple[EdgeBytes, ...]
    outputs: tuple[OutputBytes, ...]
    movement: Movement
    waiting: Waiting


def moves(
    pipeline: Pipeline,
    *,
    known: Known = NOTHING,
    modes: Mapping[str, Choice] = NO_CHOICES,
    steps: Collection[str] | None = None,
    here: bool = False,
) -> Moves:
    """What a run of ``steps`` (None: all) moves. ``here`` is on this machine, where a source is
    fetched once however many steps want it, and no times are known. ``modes`` has what was chosen
    for each ``STEP.INPUT`` that the spec leaves to auto.
    """
    chosen = None if steps is None else frozenset(steps)
    edges = edge_bytes(pipeline, known=known, modes=modes, timed=not here)
    outputs = output_bytes(pipeline, known=known, timed=not here)
    return Moves(
        edges=edges,
        outputs=outputs,
        movement=total(edges, steps=chosen, shared=here),
        waiting=UNTIMED if here else waiting(pipeline, edges, outputs, steps=chosen),
    )
