"""The pipeline: names looked up, defaults filled in, steps in the order in which they run.

Everything is frozen. Paths of local files are posix paths relative to the spec's folder, so that a
pipeline is the same on every machine. Sizes are bytes, times are seconds. Edges are derived by
:func:`edges`, never stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from amlshare.references import Reference, Text, write

EdgeType: TypeAlias = Literal["path", "directory", "dataset"]
Format: TypeAlias = Literal["folder", "file", "csv", "parquet", "table"]
InputMode: TypeAlias = Literal["mount", "download", "direct", "auto"]
OutputMode: TypeAlias = Literal["mount", "upload", "auto"]
Value: TypeAlias = str | int | float | bool
Number: TypeAlias = int | Reference

TABLES: frozenset[Format] = frozenset({"csv", "parquet", "table"})
_LONGEST_LINE = 60  # letters of a command that its name has


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """A compute target. ``name`` is what the spec calls it, ``cluster`` what the workspace does.

    ``hourly_rate`` is what an hour of one node costs, in whatever currency.
    """

    name: str
    cluster: str
    kind: Literal["amlcompute", "kubernetes", "instance"] = "amlcompute"
    vm_size: str | None = None
    min_nodes: int | None = None
    max_nodes: int | None = None
    idle_seconds: int | None = None
    nodes: int | None = None
    hourly_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What a step's Python finds installed. Files are relative to the spec's folder."""

    name: str
    kind: Literal["image", "dockerfile", "conda", "pip", "registered"]
    image: str | None = None
    dockerfile: str | None = None
    conda: str | None = None
    pip: tuple[str, ...] | str | None = None
    registered: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A pipeline parameter and the value it has in this plan."""

    name: str
    type: Literal["string", "integer", "number", "boolean"]
    value: Value
    default: Value | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Data from outside: at a location of a datastore, or a registered dataset."""

    name: str
    type: EdgeType
    format: Format = "folder"
    datastore: str | None = None
    location: str | None = None
    dataset: str | None = None
    version: str | None = None
    parameter: bool = False
    upload: str | None = None
    partitions: str | None = None
    size: int | None = None
    files: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """How a step reads an input: hints for the movement model."""

    fraction: float = 1.0
    passes: int = 1
    pattern: Literal["sequential", "random"] = "sequential"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """An edge's end. ``source`` is ``DATA`` or ``STEP.OUTPUT``, whose type and format it has."""

    name: str
    source: str
    type: EdgeType
    format: Format
    mode: InputMode = "auto"
    at: str | None = None
    reads: Reads | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """The contract of an output. ``files`` is (comparison, count), ``min_size`` bytes."""

    files: tuple[Literal["==", ">=", "<=", ">", "<"], int] | None = None
    glob: str | None = None
    min_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a step writes. ``location`` still holds ``{run-id}``; everything else is filled in."""

    name: str
    type: EdgeType
    format: Format
    mode: OutputMode
    datastore: str
    location: str
    dataset: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    overwrite: bool = False
    only: tuple[str, ...] = ()
    expect: Expect | None = None
    size: int | None = None
    files: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A Python script of the code folder and its arguments, a text for each word."""

    file: str
    arguments: tuple[Text, ...] = ()
    kind: Literal["script"] = "script"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One line for bash."""

    line: Text
    kind: Literal["command"] = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel:
    """A script with ``init()`` and ``run(mini_batch)`` called over the files or rows of an input.

    ``mini_batch`` is a number of files, or bytes of a table's rows when ``batch_unit`` is
    ``bytes``. ``rows_to`` is (output, file): where the rows that ``run`` returns are appended.
    """

    file: str
    over: str
    arguments: tuple[Text, ...] = ()
    mini_batch: Number | None = None
    batch_unit: Literal["files", "bytes"] = "files"
    partition_by: tuple[str, ...] = ()
    nodes: Number = 1
    processes_per_node: Number | None = None
    allow_failed: int = 0
    batch_timeout: int | None = None
    batch_retries: int | None = None
    rows_to: tuple[str, str] | None = None
    kind: Literal["parallel"] = "parallel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """A place on the disk of a step, empty before it starts and gone when it ends."""

    name: str
    format: Literal["folder", "file"] = "folder"


Part: TypeAlias = Script | Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """Scripts and commands, one after the other in one place; the first that fails ends the step.

    ``titles`` are for people: one for each part, or none at all.
    """

    parts: tuple[Part, ...]
    scratch: tuple[Scratch, ...] = ()
    titles: tuple[str | None, ...] = ()
    kind: Literal["sequence"] = "sequence"


Run: TypeAlias = Script | Command | Parallel | Sequence


def programs(run: Run) -> tuple[Part | Parallel, ...]:
    """What is run, one after the other."""
    return run.parts if isinstance(run, Sequence) else (run,)


def texts(run: Run) -> tuple[Text, ...]:
    """Every text of what is run: the words of its scripts, the lines of its commands."""
    return tuple(text for each in programs(run) for text in _texts(each))


def _texts(program: Part | Parallel) -> tuple[Text, ...]:
    return (program.line,) if isinstance(program, Command) else program.arguments


def scripts(run: Run) -> tuple[str, ...]:
    """The scripts that decide what is run; none where a command may run anything."""
    files: set[str] = set()
    for each in programs(run):
        if isinstance(each, Command):
            return ()
        files.add(each.file)
    return tuple(sorted(files))


def called(part: Part) -> str:
    """What a part of a sequence is called: its script, or its line in short."""
    if isinstance(part, Script):
        return part.file
    line = " ".join(write(part.line).split())
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 3]}..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """How the processes of a step on several nodes find each other."""

    type: Literal["mpi", "pytorch", "tensorflow"]
    processes_per_node: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step. ``code`` is a folder or None; ``compute`` and ``environment`` are names."""

    name: str
    run: Run
    title: str | None = None
    description: str | None = None
    code: str | None = None
    compute: str | None = None
    environment: str | None = None
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    reuse: bool = True
    retries: int = 0
    nodes: Number = 1
    distribution: Distribution | None = None
    timeout: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Where the pipeline belongs in Azure; may name ``${env.X}``."""

    subscription_id: str | None = None
    resource_group: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """What stands in for the cloud on this machine: folders (relative to the spec) or URLs."""

    datastores: Mapping[str, str] = field(default_factory=dict)
    datasets: Mapping[str, str] = field(default_factory=dict)
    python: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Defaults of ``submit --publish``."""

    endpoint: str | None = None
    version: str | None = None
    description: str | None = None
    continue_on_step_failure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When the published pipeline runs: ``every``, ``cron`` or ``on_change``, one of the three."""

    name: str
    every: tuple[int, Literal["minute", "hour", "day", "week", "month"]] | None = None
    at: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    time_zone: str | None = None
    cron: str | None = None
    on_change: str | None = None
    poll: int | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict)
    experiment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """One spec, resolved. ``steps`` are in run order: dependencies first, ties by name."""

    name: str
    experiment: str
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    workspace: Workspace = field(default_factory=Workspace)
    local: Local = field(default_factory=Local)
    compute: tuple[Compute, ...] = ()
    environments: tuple[Environment, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    data: tuple[Data, ...] = ()
    steps: tuple[Step, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    publish: Publish | None = None
    schedules: tuple[Schedule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """An output or data feeding an input."""

    source: str
    step: str
    input: str
    type: EdgeType
    format: Format
    mode: InputMode


def edges(pipeline: Pipeline) -> Iterator[Edge]:
    """Every edge, by consuming step in run order."""
    for step in pipeline.steps:
        for given in step.inputs:
            yield Edge(
                source=given.source,
                step=step.name,
                input=given.name,
                type=given.type,
                format=given.format,
                mode=given.mode,
            )


def readers_of(pipeline: Pipeline) -> dict[str, list[tuple[Step, Input]]]:
    """The inputs that read each source, with their steps, in run order."""
    found: dict[str, list[tuple[Step, Input]]] = {}
    for step in pipeline.steps:
        for given in step.inputs:
            found.setdefault(given.source, []).append((step, given))
    return found


def feeders(step: Step) -> tuple[str, ...]:
    """The steps that must finish before ``step``: whose outputs it reads, and those in `after`."""
    named = {given.source.partition(".")[0] for given in step.inputs if "." in given.source}
    return tuple(sorted(named | set(step.after)))


def readers(run: Run, name: str) -> int:
    """How many of the programs that run in turn refer to the input ``name``."""
    wanted = Reference("input", name)
    return sum(any(wanted in text for text in texts(program)) for program in programs(run))


def inputs_passed(step: Step) -> set[str]:
    """The inputs that the step's arguments, or its command, refer to."""
    parts = (part for text in texts(step.run) for part in text if isinstance(part, Reference))
    return {part.name for part in parts if part.kind == "input"}
