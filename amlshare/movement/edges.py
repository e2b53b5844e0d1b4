"""Every edge with its bytes and its seconds, and every output with its seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from amlshare.movement.estimate import (
    NONE,
    Access,
    Estimate,
    Load,
    estimate,
    estimate_upload,
    moved_bytes,
    touched,
)
from amlshare.movement.machines import Machine, find
from amlshare.pipeline import (
    Edge,
    Input,
    Number,
    Output,
    Parallel,
    Pipeline,
    Reads,
    Step,
)

BytesFrom: TypeAlias = Literal["measured", "hint", "history", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeBytes:
    """How much lies at an edge's source, and how much of it the edge moves; None is unknown.

    ``access`` is how it is counted, never auto. ``distinct_bytes`` of the source are read, and
    ``moved_bytes`` travel: more, where something travels again. ``time`` needs a VM size too.
    """

    edge: Edge
    bytes: int | None
    files: int | None
    bytes_from: BytesFrom
    access: Access
    distinct_bytes: int | None
    moved_bytes: int | None
    time: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputBytes:
    """How much a step writes, and how long that takes to travel; None is unknown."""

    step: str
    output: str
    bytes: int | None
    files: int | None
    time: Estimate | None = None


def edge_bytes(pipeline: Pipeline, *, timed: bool = False) -> tuple[EdgeBytes, ...]:
    """Every edge with its bytes, in the order of :func:`amlshare.pipeline.edges`; with its
    seconds where it is ``timed``.
    """
    facts = _Facts(pipeline)
    return tuple(
        _edge_bytes(step, given, facts, timed=timed)
        for step in pipeline.steps
        for given in step.inputs
    )


def output_bytes(pipeline: Pipeline, *, timed: bool = False) -> tuple[OutputBytes, ...]:
    """Every output, by step in run order."""
    facts = _Facts(pipeline)
    return tuple(
        _output_bytes(step, output, facts.machine(step) if timed else None)
        for step in pipeline.steps
        for output in step.outputs
    )


class _Facts:
    """What a pipeline says of its sources, machines and parameters, by name."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.sources: dict[str, tuple[int | None, int | None, bool]] = {
            data.name: (data.size, data.files, data.format == "file") for data in pipeline.data
        }
        for step in pipeline.steps:
            for output in step.outputs:
                said = (output.size, output.files, output.format == "file")
                self.sources[f"{step.name}.{output.name}"] = said
        self._machines = {target.name: find(target.vm_size) for target in pipeline.compute}
        self._values = {parameter.name: parameter.value for parameter in pipeline.parameters}

    def machine(self, step: Step) -> Machine | None:
        return self._machines.get(step.compute or "")

    def number(self, given: Number) -> int:
        """A number, or the value of the parameter that it names; 1 where that is no number."""
        value = given if isinstance(given, int) else self._values.get(given.name)
        return value if isinstance(value, int) and value > 0 else 1


def access(step: Step, given: Input) -> Access:
    """How an input counts. What a parallel step cuts into batches is fetched for it as it reads;
    a table is opened by the script; and `auto` counts as a mount.
    """
    if isinstance(step.run, Parallel) and step.run.over == given.name:
        return "mount"
    if given.mode == "auto":
        return "direct" if given.format == "table" else "mount"
    return given.mode


def _edge_bytes(step: Step, given: Input, facts: _Facts, *, timed: bool) -> EdgeBytes:
    edge = Edge(
        source=given.source,
        step=step.name,
        input=given.name,
        type=given.type,
        format=given.format,
        mode=given.mode,
    )
    size, files, single = facts.sources.get(given.source, (None, None, False))
    how = access(step, given)
    machine = facts.machine(step)
    load = None if size is None else _load(step, given, size, files, single=single, facts=facts)
    if how == "direct":
        distinct, moved, time = 0, 0, NONE
    elif load is None:
        distinct, moved, time = None, None, None
    else:
        distinct = load.size if how == "download" else touched(load)
        moved = moved_bytes(how, load, machine)
        time = estimate(how, load, machine) if timed and machine else None
    return EdgeBytes(
        edge=edge,
        bytes=size,
        files=files,
        bytes_from="unknown" if size is None else "hint",
        access=how,
        distinct_bytes=distinct,
        moved_bytes=moved,
        time=time,
    )


_WHOLE = Reads()


def _load(
    step: Step, given: Input, size: int, files: int | None, *, single: bool, facts: _Facts
) -> Load:
    reads = given.reads or _WHOLE
    run = step.run
    parallel = run if isinstance(run, Parallel) else None
    return Load(
        size=size,
        files=1 if single else files,
        single=single,
        fraction=reads.fraction,
        passes=reads.passes,
        random=reads.pattern == "random",
        nodes=facts.number(parallel.nodes if parallel else step.nodes),
        split=parallel is not None and parallel.over == given.name,
        readers=facts.number((parallel and parallel.processes_per_node) or 1),
    )


def _output_bytes(step: Step, output: Output, machine: Machine | None) -> OutputBytes:
    files = 1 if output.format == "file" else output.files
    time = None
    if output.size is not None and machine is not None:
        time = estimate_upload(output.size, files, machine)
    return OutputBytes(
        step=step.name, output=output.name, bytes=output.size, files=output.files, time=time
    )
