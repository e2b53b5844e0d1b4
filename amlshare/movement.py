"""Movement: the bytes that travel along the edges, and those that travel more than once.

An edge fetches unless its mode is ``direct``: then the script is handed a location and nothing is
moved for it. What a source's size is not known for stays unknown; it never counts as zero.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from amlshare.pipeline import Edge, Pipeline, edges

BytesFrom: TypeAlias = Literal["measured", "hint", "history", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeBytes:
    """How much lies at an edge's source, and how much of it the edge moves; None is unknown."""

    edge: Edge
    bytes: int | None
    files: int | None
    bytes_from: BytesFrom
    moved_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """A source that several steps fetch. ``consumers`` names each fetch's step, in run order."""

    source: str
    consumers: tuple[str, ...]
    duplicate_bytes: int | None
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """The known bytes of all edges; None where edges fetch and no size at all is known.

    ``unique_bytes`` counts each source once, ``duplicate_bytes`` is the rest. ``unknown_edges``
    are those that fetch an unknown size, as ``STEP.INPUT``.
    """

    moved_bytes: int | None
    unique_bytes: int | None
    duplicate_bytes: int | None
    duplicates: tuple[Duplicate, ...]
    unknown_edges: tuple[str, ...]


def edge_bytes(pipeline: Pipeline) -> tuple[EdgeBytes, ...]:
    """Every edge with its bytes, in the order of :func:`amlshare.pipeline.edges`."""
    hints = _hints(pipeline)
    unknown = (None, None)
    return tuple(_edge_bytes(edge, *hints.get(edge.source, unknown)) for edge in edges(pipeline))


def _hints(pipeline: Pipeline) -> dict[str, tuple[int | None, int | None]]:
    """The size and number of files of each source."""
    hints = {data.name: (data.size, data.files) for data in pipeline.data}
    for step in pipeline.steps:
        for output in step.outputs:
            hints[f"{step.name}.{output.name}"] = (output.size, output.files)
    return hints


def _edge_bytes(edge: Edge, size: int | None, files: int | None) -> EdgeBytes:
    return EdgeBytes(
        edge=edge,
        bytes=size,
        files=files,
        bytes_from="unknown" if size is None else "hint",
        moved_bytes=0 if edge.mode == "direct" else size,
    )


def summarise(
    pipeline: Pipeline, *, steps: Collection[str] | None = None, shared: bool = False
) -> Movement:
    """The movement of a run of ``steps`` (None: all).

    ``shared`` says that a source is fetched once however many steps want it, as the local backend
    does it.
    """
    fetched = [
        each
        for each in edge_bytes(pipeline)
        if each.edge.mode != "direct" and (steps is None or each.edge.step in steps)
    ]
    sources = _by_source(fetched)
    if shared:
        fetched = [same[0] for same in sources.values()]
        sources = _by_source(fetched)
    moved = _total(fetched)
    unique = _total([same[0] for same in sources.values()])
    return Movement(
        moved_bytes=moved,
        unique_bytes=unique,
        duplicate_bytes=None if moved is None or unique is None else moved - unique,
        duplicates=tuple(_duplicate(same) for same in sources.values() if len(same) > 1),
        unknown_edges=tuple(
            f"{each.edge.step}.{each.edge.input}" for each in fetched if each.bytes is None
        ),
    )


def _by_source(fetched: Iterable[EdgeBytes]) -> dict[str, list[EdgeBytes]]:
    sources: dict[str, list[EdgeBytes]] = {}
    for each in fetched:
        sources.setdefault(each.edge.source, []).append(each)
    return sources


def _total(fetched: list[EdgeBytes]) -> int | None:
    known = [each.bytes for each in fetched if each.bytes is not None]
    return sum(known) if known or not fetched else None


def _duplicate(fetched: list[EdgeBytes]) -> Duplicate:
    size = fetched[0].bytes
    return Duplicate(
        source=fetched[0].edge.source,
        consumers=tuple(each.edge.step for each in fetched),
        duplicate_bytes=None if size is None else size * (len(fetched) - 1),
        advice=_ADVICE,
    )


_ADVICE = (
    "each step fetches it for itself: let one step read it and hand on what the others need, "
    "or join the steps"
)
