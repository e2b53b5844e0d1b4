"""All that moves in a run, in one: what every format shows of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from amlshare.movement.choice import Choice
from amlshare.movement.edges import NO_CHOICES, EdgeBytes, OutputBytes, edge_bytes, output_bytes
from amlshare.movement.facts import Facts
from amlshare.movement.known import NOTHING, Known
from amlshare.movement.modes import choose_modes
from amlshare.movement.sharing import Sharing, advice
from amlshare.movement.totals import Movement, summarise, total
from amlshare.movement.waiting import UNTIMED, Waiting, waiting
from amlshare.pipeline import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """Every edge and every output of the pipeline, and what those of a run come to.

    ``cloud`` is what the same run would move on Azure, where this is one on this machine.
    """

    edges: tuple[EdgeBytes, ...]
    outputs: tuple[OutputBytes, ...]
    movement: Movement
    waiting: Waiting
    cloud: Movement | None = None


def moves(
    pipeline: Pipeline,
    *,
    known: Known = NOTHING,
    modes: Mapping[str, Choice] = NO_CHOICES,
    steps: Collection[str] | None = None,
    here: bool = False,
) -> Moves:
    """What a run of ``steps`` (None: all) moves. ``here`` is on this machine: what lies there is
    mounted for nothing, and what is downloaded is fetched once; times are known where its rates
    are. ``modes`` has what was chosen for each ``STEP.INPUT`` that the spec leaves to auto.
    """
    chosen = None if steps is None else frozenset(steps)
    timed = not here or known.machine is not None
    facts = Facts(pipeline, known, here=here)
    edges = edge_bytes(facts, modes=modes, timed=timed)
    outputs = output_bytes(facts, timed=timed)
    return Moves(
        edges=edges,
        outputs=outputs,
        movement=_advised(total(edges, steps=chosen, shared=here), pipeline),
        waiting=waiting(facts, edges, outputs, steps=chosen) if timed else UNTIMED,
        cloud=_in_the_cloud(pipeline, known, chosen) if here else None,
    )


def _in_the_cloud(pipeline: Pipeline, known: Known, steps: Collection[str] | None) -> Movement:
    told = known.in_the_cloud()
    chosen = choose_modes(pipeline, known=told.everywhere())
    return summarise(pipeline, known=told, modes=chosen, steps=steps)


def _advised(movement: Movement, pipeline: Pipeline) -> Movement:
    """With what would avoid each duplicate fetch."""
    if not movement.duplicates:
        return movement
    sharing = Sharing(pipeline)
    found = (replace(each, advice=advice(sharing, each.consumers)) for each in movement.duplicates)
    return replace(movement, duplicates=tuple(found))
