"""Movement: the bytes that travel along the edges, for how long, and those that travel twice.

``edges`` says what each edge moves, by the ``facts`` of its pipeline; ``totals`` and ``waiting``
add it up, and ``moves`` has all of that for a run; ``choice`` says which mode would serve an input
best. They stand on ``estimate``, whose figures are in ``machines`` and ``rates``; ``known`` has
what was measured. ``budget`` holds all of it to a limit.
"""

from amlshare.movement.edges import EdgeBytes, OutputBytes, edge_bytes, output_bytes
from amlshare.movement.estimate import Estimate, Load
from amlshare.movement.facts import Facts
from amlshare.movement.known import NOTHING, Known, Size
from amlshare.movement.moves import Moves, moves
from amlshare.movement.totals import Duplicate, Movement, summarise
from amlshare.movement.waiting import Cost, Waiting, waiting

__all__ = [
    "NOTHING",
    "Cost",
    "Duplicate",
    "EdgeBytes",
    "Estimate",
    "Facts",
    "Known",
    "Load",
    "Movement",
    "Moves",
    "OutputBytes",
    "Size",
    "Waiting",
    "edge_bytes",
    "moves",
    "output_bytes",
    "summarise",
    "waiting",
]
