"""What all edges move together, and what of that travels more than once.

An edge fetches unless its mode is ``direct``, which hands the script a location, or it mounts what
lies on the machine itself: nothing moves for these. What a source's size is not known for stays
unknown; it never counts as zero.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from amlshare.movement.choice import Choice
from amlshare.movement.edges import NO_CHOICES, EdgeBytes, edge_bytes
from amlshare.movement.facts import Facts
from amlshare.movement.known import NOTHING, Known
from amlshare.pipeline import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """A source that several steps fetch. ``consumers`` names each fetch's step, in run order;
    ``advice`` says what would avoid it.
    """

    source: str
    consumers: tuple[str, ...]
    moved_bytes: int | None
    duplicate_bytes: int | None
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """The known bytes of all edges; None where edges fetch and no size at all is known.

    ``unique_bytes`` counts each source once, as much of it as its greediest reader wants;
    ``duplicate_bytes`` is the rest. ``unknown_edges`` are those that fetch an unknown size, as
    ``STEP.INPUT``.
    """

    moved_bytes: int | None
    unique_bytes: int | None
    duplicate_bytes: int | None
    duplicates: tuple[Duplicate, ...]
    unknown_edges: tuple[str, ...]


def summarise(
    pipeline: Pipeline,
    *,
    known: Known = NOTHING,
    modes: Mapping[str, Choice] = NO_CHOICES,
    steps: Collection[str] | None = None,
    shared: bool = False,
) -> Movement:
    """The movement of a run of ``steps`` (None: all).

    ``shared`` says that what is downloaded is fetched once however many steps want it, as the local
    backend does it.
    """
    return total(edge_bytes(Facts(pipeline, known), modes=modes), steps=steps, shared=shared)


def total(
    edges: Iterable[EdgeBytes], *, steps: Collection[str] | None = None, shared: bool = False
) -> Movement:
    """The movement along ``edges``: see :func:`summarise`."""
    counted = fetched(edges, steps=steps, shared=shared)
    sources = _by_source(counted)
    unique = _add(map(_distinct, sources.values()))
    moved = _add(each.moved_bytes for each in counted)
    return Movement(
        moved_bytes=moved,
        unique_bytes=unique,
        duplicate_bytes=None if moved is None or unique is None else moved - unique,
        duplicates=tuple(_duplicates(sources)),
        unknown_edges=tuple(
            f"{each.edge.step}.{each.edge.input}" for each in counted if each.moved_bytes is None
        ),
    )


def fetched(
    edges: Iterable[EdgeBytes], *, steps: Collection[str] | None = None, shared: bool = False
) -> list[EdgeBytes]:
    """Those of ``edges`` that move anything, or may: see :func:`summarise`."""
    found = [
        each
        for each in edges
        if each.moved_bytes != 0 and (steps is None or each.edge.step in steps)
    ]
    return list(_downloaded_once(found)) if shared else found


def _downloaded_once(found: Iterable[EdgeBytes]) -> Iterator[EdgeBytes]:
    """What is mounted, and the first download of each source."""
    seen = set()
    for each in found:
        if each.access != "download" or each.edge.source not in seen:
            yield each
        if each.access == "download":
            seen.add(each.edge.source)


def _by_source(found: Iterable[EdgeBytes]) -> dict[str, list[EdgeBytes]]:
    sources: dict[str, list[EdgeBytes]] = {}
    for each in found:
        sources.setdefault(each.edge.source, []).append(each)
    return sources


def _distinct(found: list[EdgeBytes]) -> int | None:
    """What one fetch for all of its readers would move."""
    known = [each.distinct_bytes for each in found if each.distinct_bytes is not None]
    return max(known, default=None)


def _add(sizes: Iterable[int | None]) -> int | None:
    every = list(sizes)
    known = [size for size in every if size is not None]
    return sum(known) if known or not every else None


def _duplicates(sources: Mapping[str, list[EdgeBytes]]) -> Iterable[Duplicate]:
    for source, found in sources.items():
        if len(found) > 1:
            moved, once = _add(each.moved_bytes for each in found), _distinct(found)
            yield Duplicate(
                source=source,
                consumers=tuple(each.edge.step for each in found),
                moved_bytes=moved,
                duplicate_bytes=None if moved is None or once is None else moved - once,
            )
