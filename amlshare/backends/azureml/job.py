"""The job: a plan in the terms of SDK v1. Plain, pure: no SDK, no clock, no absolute path.

It says for every construct which object of the SDK it becomes, with every port named and every
mode written out, so that `build` decides nothing and two builds of one spec are equal on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from amlshare.pipeline import Distribution, Expect, Format, Schedule
from amlshare.plan import plain
from amlshare.references import Reference

ComputeType: TypeAlias = Literal["AmlCompute", "Kubernetes", "ComputeInstance"]
Via: TypeAlias = Literal[
    "DataReference",  # data of type path
    "DataPath",  # the same as a parameter
    "File.from_files",  # data of type directory, as files
    "Tabular.from_delimited_files",  # the same, csv consumed direct
    "Tabular.from_parquet_files",  # the same, parquet consumed direct
    "Dataset.get_by_name",  # a registered dataset: pinned, or `latest`
    "PipelineData",  # an output of type path
    "OutputFileDatasetConfig",  # an output of type directory or dataset
]
Word: TypeAlias = str | Reference
"""An argument of a step: a literal, or one reference alone, which the service resolves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobParameter:
    """A ``PipelineParameter``. Booleans are the texts ``true`` and ``false``.

    ``default`` is what the pipeline is built and published with; ``value`` what this run gets.
    """

    name: str
    type: Literal["string", "integer", "number"]
    default: str | int | float
    value: str | int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobData:
    """Data from outside. ``version`` None is late-bound: the latest at the time of each run."""

    name: str
    format: Format
    datastore: str | None = None
    path: str | None = None
    dataset: str | None = None
    version: int | None = None
    parameter: bool = False
    upload: str | None = None
    partitions: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnvironment:
    """An ``Environment``. Files are relative to the spec's folder.

    ``pip`` is a requirements file, or the packages themselves; ``python`` the version of Python
    that is asked for where only packages are given.
    """

    name: str
    image: str | None = None
    dockerfile: str | None = None
    conda: str | None = None
    pip: tuple[str, ...] | str | None = None
    python: str | None = None
    registered: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCompute:
    """A compute target; what is below ``type`` is used to create it on `--create-compute`."""

    name: str
    cluster: str
    type: ComputeType = "AmlCompute"
    vm_size: str | None = None
    min_nodes: int | None = None
    max_nodes: int | None = None
    idle_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInput:
    """An input port. ``source`` is ``DATA`` or ``STEP.OUTPUT``; ``mode`` is never auto."""

    name: str
    source: str
    via: Via
    mode: Literal["mount", "download", "direct"]
    at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """``register_on_complete``: the registered dataset that an output becomes a version of."""

    name: str
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutput:
    """An output port. ``path`` is its place in the datastore, None where the SDK chooses it.

    ``at`` is where a `PipelineData` that is uploaded lies on the compute; ``export`` its name as
    an output of the pipeline. ``table`` says that readers get the files as one. ``registered`` is
    None where the wrapper registers, after its check.
    """

    name: str
    via: Literal["PipelineData", "OutputFileDatasetConfig"]
    mode: Literal["mount", "upload"]
    datastore: str
    path: str | None = None
    is_directory: bool = True
    overwrite: bool = False
    only: tuple[str, ...] = ()
    at: str | None = None
    export: str | None = None
    table: Literal["csv", "parquet"] | None = None
    registered: Registration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What the wrapper does with an output once the script is done: check it, then register it.

    ``token`` is the index in the wrapper's tokens of the argument that says where it lies.
    """

    output: str
    token: int
    expect: Expect | None = None
    register: Registration | None = None
    datastore: str | None = None
    path: str | None = None


Part: TypeAlias = str | int
"""A piece of a word or a line: text, or the index of the token that stands there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapper:
    """The program around a step's own, for what plain objects of the SDK cannot say.

    ``reasons`` are for people. The wrapper runs ``script`` with ``words``, or the line ``bash``
    with ``variables`` set to tokens, up to ``retries`` times again, then holds ``contracts``.
    ``tokens`` are its own arguments, which the service resolves.
    """

    reasons: tuple[str, ...]
    tokens: tuple[Reference, ...] = ()
    script: str | None = None
    words: tuple[tuple[Part, ...], ...] = ()
    bash: tuple[Part, ...] = ()
    variables: Mapping[str, int] = field(default_factory=dict)
    retries: int = 0
    contracts: tuple[Contract, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelConfig:
    """A ``ParallelRunConfig``. Numbers may be references to parameters.

    ``rows_to`` is the file that rows are appended to, in the step's ``output``; ``mini_batch`` is
    in the SDK's form: a number of files, or such as ``10KB``.
    """

    over: str
    output: str | None = None
    rows_to: str | None = None
    mini_batch: str | int | Reference | None = None
    partition_by: tuple[str, ...] = ()
    processes_per_node: int | Reference | None = None
    error_threshold: int = 0
    batch_timeout: int | None = None
    batch_tries: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStep:
    """A step: the SDK's class, its ports, and how it runs.

    ``code`` is the folder of its snapshot, None for one with nothing but the wrapper. ``words``
    are the arguments of ``script``, or the whole of a command, whose first word is a literal; they
    are empty where a wrapper stands around both.
    """

    name: str
    kind: Literal["PythonScriptStep", "CommandStep", "ParallelRunStep"]
    compute: str
    environment: str
    code: str | None = None
    script: str | None = None
    words: tuple[Word, ...] = ()
    parallel: ParallelConfig | None = None
    wrapper: Wrapper | None = None
    inputs: tuple[JobInput, ...] = ()
    outputs: tuple[JobOutput, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    reuse: bool = True
    nodes: int | Reference = 1
    distribution: Distribution | None = None
    timeout: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A pipeline for SDK v1. ``steps`` are in run order; with `--select`, only those selected."""

    pipeline: str
    experiment: str
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    parameters: tuple[JobParameter, ...] = ()
    data: tuple[JobData, ...] = ()
    compute: tuple[JobCompute, ...] = ()
    environments: tuple[JobEnvironment, ...] = ()
    steps: tuple[JobStep, ...] = ()
    schedules: tuple[Schedule, ...] = ()


def to_data(job: Job) -> dict[str, Any]:
    """The job as plain data, without what is at its default."""
    return {"format": 1, "backend": "azureml", **plain(job)}
