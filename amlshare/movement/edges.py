"""Every edge with its bytes and its seconds, and every output with its seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from amlshare.movement.choice import Choice
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
from amlshare.movement.here import elsewhere
from amlshare.movement.known import NOTHING, UNKNOWN, Known, Origin, Size
from amlshare.movement.machines import Machine, find
from amlshare.pipeline import (
    Data,
    Edge,
    Input,
    Number,
    Output,
    Parallel,
    Pipeline,
    Reads,
    Run,
    Sequence,
    Step,
    readers,
)


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
    pipeline: Pipeline,
    *,
    known: Known = NOTHING,
    modes: Mapping[str, Choice] = NO_CHOICES,
    timed: bool = False,
    here: bool = False,
) -> tuple[EdgeBytes, ...]:
    """Every edge with its bytes, in the order of :func:`amlshare.pipeline.edges`; with its
    seconds where it is ``timed``. ``modes`` has what was chosen for ``STEP.INPUT``; ``here`` is on
    this machine.
    """
    facts = Facts(pipeline, known, here=here)
    return tuple(
        _edge_bytes(step, given, facts, modes.get(f"{step.name}.{given.name}"), timed=timed)
        for step in pipeline.steps
        for given in step.inputs
    )


def output_bytes(
    pipeline: Pipeline, *, known: Known = NOTHING, timed: bool = False, here: bool = False
) -> tuple[OutputBytes, ...]:
    """Every output, by step in run order."""
    facts = Facts(pipeline, known, here=here)
    return tuple(
        _output_bytes(step, output, facts, facts.machine(step) if timed else None)
        for step in pipeline.steps
        for output in step.outputs
    )


_WHOLE = Reads()


class Facts:
    """What a pipeline says of its sources, machines and parameters, by name.

    ``here`` is on this machine: it runs every step, and much of the data lies there.
    """

    def __init__(self, pipeline: Pipeline, known: Known, *, here: bool = False) -> None:
        self.rates = known.rates
        self._here = here
        self._elsewhere = elsewhere(pipeline) if here else frozenset()
        self._host = known.machine
        entries: dict[str, Data | Output] = {data.name: data for data in pipeline.data}
        for step in pipeline.steps:
            entries |= {f"{step.name}.{output.name}": output for output in step.outputs}
        self._sizes = {name: known.size(name, entry) for name, entry in entries.items()}
        self._single = {name for name, entry in entries.items() if entry.format == "file"}
        self._machines = {target.name: find(target.vm_size) for target in pipeline.compute}
        self._values = {parameter.name: parameter.value for parameter in pipeline.parameters}

    def size(self, source: str) -> Size:
        return self._sizes.get(source, UNKNOWN)

    def is_at_hand(self, source: str) -> bool:
        """Whether a source lies on the machine that runs the steps."""
        return self._here and source not in self._elsewhere

    def machine(self, step: Step) -> Machine | None:
        return self._host if self._here else self._machines.get(step.compute or "")

    def nodes(self, step: Step) -> int:
        if self._here:
            return 1
        return self.number(step.run.nodes if isinstance(step.run, Parallel) else step.nodes)

    def load(self, step: Step, given: Input) -> Load | None:
        """What a step reads of an input; None where its size is not known."""
        size, single = self.size(given.source), given.source in self._single
        if size.bytes is None:
            return None
        reads = given.reads or _WHOLE
        parallel = step.run if isinstance(step.run, Parallel) else None
        return Load(
            size=size.bytes,
            files=1 if single else size.files,
            single=single,
            fraction=reads.fraction,
            passes=max(reads.passes, _readers(step.run, given)),
            random=reads.pattern == "random",
            nodes=self.nodes(step),
            split=parallel is not None and parallel.over == given.name,
            readers=self.number((parallel and parallel.processes_per_node) or 1),
        )

    def number(self, given: Number) -> int:
        """A number, or the value of the parameter that it names; 1 where that is no number."""
        value = given if isinstance(given, int) else self._values.get(given.name)
        return value if isinstance(value, int) and value > 0 else 1


def _readers(run: Run, given: Input) -> int:
    """How many parts of a sequence read an input, one after the other."""
    return readers(run, given.name) if isinstance(run, Sequence) else 1


def access(step: Step, given: Input, choice: Choice | None = None) -> Access:
    """How an input counts. What a parallel step cuts into batches is fetched for it as it reads;
    a table is opened by the script; and `auto` counts as a mount where nothing was chosen.
    """
    if isinstance(step.run, Parallel) and step.run.over == given.name:
        return "mount"
    if given.mode != "auto":
        return given.mode
    if choice is not None:
        return choice.mode
    return "direct" if given.format == "table" else "mount"


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
    how = access(step, given, choice)
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
