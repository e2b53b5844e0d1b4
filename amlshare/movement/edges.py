"""Every edge with its bytes and its seconds, and every output with its seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from amlshare.movement.choice import Choice
from amlshare.movement.estimate import (
    NONE,
    Access,
    Estimate,
    estimate,
    estimate_upload,
    moved_bytes,
    touched,
)
from amlshare.movement.facts import Facts
from amlshare.movement.known import Origin
from amlshare.movement.machines import Machine
from amlshare.pipeline import Edge, Input, Output, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeBytes:
    """How much lies at an edge's source, and how much of it the edge moves; None is unknown.

    ``edge.mode`` is the one that was chosen where the spec says auto, and ``reason`` says why; None
    where the spec chooses. ``access`` is how it is counted, never auto. ``distinct_bytes`` of the
    source are read, and ``moved_bytes`` travel: more, where something travels again. ``time`` needs
    a VM size too.
    """

    edge: Edge
    bytes: int | None
    files: int | None
    bytes_from: Origin
    access: Access
    distinct_bytes: int | None
    moved_bytes: int | None
    time: Estimate | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputBytes:
    """How much a step writes, and how long that takes to travel; None is unknown."""

    step: str
    output: str
    bytes: int | None
    files: int | None
    time: Estimate | None = None


NO_CHOICES: Mapping[str, Choice] = {}


def edge_bytes(
    facts: Facts, *, modes: Mapping[str, Choice] = NO_CHOICES, timed: bool = False
) -> tuple[EdgeBytes, ...]:
    """Every edge with its bytes, in the order of :func:`amlshare.pipeline.edges`; with its
    seconds where it is ``timed``. ``modes`` has what was chosen for ``STEP.INPUT``.
    """
    return tuple(
        _edge_bytes(step, given, facts, modes.get(f"{step.name}.{given.name}"), timed=timed)
        for step in facts.pipeline.steps
        for given in step.inputs
    )


def output_bytes(facts: Facts, *, timed: bool = False) -> tuple[OutputBytes, ...]:
    """Every output, by step in run order."""
    return tuple(
        _output_bytes(step, output, facts, facts.machine(step) if timed else None)
        for step in facts.pipeline.steps
        for output in step.outputs
    )


def _edge_bytes(
    step: Step, given: Input, facts: Facts, choice: Choice | None, *, timed: bool
) -> EdgeBytes:
    edge = Edge(
        source=given.source,
        step=step.name,
        input=given.name,
        type=given.type,
        format=given.format,
        mode=choice.mode if choice else given.mode,
    )
    size = facts.size(given.source)
    how = facts.access(step, given, choice)
    machine = facts.machine(step)
    load = facts.load(step, given)
    if how == "direct" or (how == "mount" and facts.is_at_hand(given.source)):
        distinct, moved, time = 0, 0, NONE
    elif load is None:
        distinct, moved, time = None, None, None
    else:
        distinct = load.size if how == "download" else touched(load)
        rates = facts.rates
        moved = moved_bytes(how, load, machine, rates)
        timed = timed and not facts.is_at_hand(given.source)
        time = estimate(how, load, machine, rates=rates) if timed and machine else None
    return EdgeBytes(
        edge=edge,
        bytes=size.bytes,
        files=size.files,
        bytes_from=size.origin,
        access=how,
        distinct_bytes=distinct,
        moved_bytes=moved,
        time=time,
        reason=choice.reason if choice else None,
    )


def _output_bytes(step: Step, output: Output, facts: Facts, machine: Machine | None) -> OutputBytes:
    size = facts.size(f"{step.name}.{output.name}")
    files = 1 if output.format == "file" else size.files
    time = None
    if facts.is_at_hand(f"{step.name}.{output.name}"):
        time = NONE
    elif size.bytes is not None and machine is not None:
        time = estimate_upload(size.bytes, files, machine, rates=facts.rates)
    return OutputBytes(
        step=step.name, output=output.name, bytes=size.bytes, files=size.files, time=time
    )
