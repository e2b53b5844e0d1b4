"""The job: a plan in the terms of SDK v1. Plain, pure: no SDK, no clock, no absolute path.

It says for every construct which object of the SDK it becomes, with every port named and every
mode written out, so that `build` decides nothing and two builds of one spec are equal on the wire.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, cast

from typing_extensions import assert_never

from amlshare.backends.azureml import wrapping
from amlshare.backends.azureml.limits import single_file
from amlshare.backends.azureml.wrapping import Registration, Word, Wrapper
from amlshare.backends.interface import BackendError, NotSelectedError
from amlshare.movement.modes import with_modes
from amlshare.pipeline import (
    TABLES,
    Command,
    Compute,
    Data,
    Distribution,
    EdgeType,
    Environment,
    Format,
    Input,
    Output,
    Parallel,
    Parameter,
    Pipeline,
    Schedule,
    Script,
    Sequence,
    Step,
    Value,
)
from amlshare.plan import Plan, digest, parameters_of, plain
from amlshare.references import Reference, Text, references, write

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
    that is asked for where only packages are given; ``version`` None the latest at the submit.
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

    The service does not look at data: ``version`` is another one when the data from outside is,
    as far as the lock tells, so that the step runs again.
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
    version: str | None = None


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
    data = {"format": 1, "backend": "azureml", **plain(job)}
    for step, shown in zip(job.steps, data.get("steps", ()), strict=True):
        if step.words:
            shown["words"] = [write((word,)) for word in step.words]
    return data


def make_job(plan: Plan) -> Job:
    """The job of ``plan``. Raises BackendError for what SDK v1 cannot be told."""
    pipeline = with_modes(plan.pipeline, plan.modes)
    steps = _selected(pipeline, plan.selected)
    made = tuple(
        _versioned(each, plan.known.digests)
        for each in _Steps(pipeline, steps, plan.mount_settings).make()
    )
    data = tuple(job_data(each) for each in _used_data(pipeline, steps))
    parameters = tuple(_parameter(each) for each in _used_parameters(pipeline, steps))
    known = {each.name for each in parameters} | {each.name for each in data if each.parameter}
    computes, environments = (
        {getattr(step, key) for step in made} for key in ("compute", "environment")
    )
    return Job(
        pipeline=pipeline.name,
        experiment=pipeline.experiment,
        description=pipeline.description,
        tags=pipeline.tags,
        target=pipeline.target,
        parameters=parameters,
        data=data,
        compute=tuple(_compute(each) for each in pipeline.compute if each.name in computes),
        environments=tuple(
            _environment(each) for each in pipeline.environments if each.name in environments
        ),
        steps=made,
        schedules=tuple(_schedule(each, known) for each in pipeline.schedules),
    )


def _selected(pipeline: Pipeline, selected: tuple[str, ...] | None) -> tuple[Step, ...]:
    """The steps to run. Each must find all that it reads."""
    steps = pipeline.steps
    if selected is None:
        return steps
    for step in steps:
        for given in step.inputs:
            source, dot, _ = given.source.partition(".")
            if step.name in selected and dot and source not in selected:
                raise NotSelectedError(
                    f"step '{step.name}' is selected and reads {given.source}, but step "
                    f"'{source}', which makes that, is not selected: select it as well, with "
                    f"`--select +{step.name}`"
                )
    return tuple(step for step in steps if step.name in selected)


def _versioned(step: JobStep, digests: Mapping[str, str]) -> JobStep:
    """A step with a digest of what the lock has of the data that it reads."""
    read = {given.name: digests[given.source] for given in step.inputs if given.source in digests}
    return replace(step, version=digest(read)) if read else step


def _used_data(pipeline: Pipeline, steps: Iterable[Step]) -> Iterator[Data]:
    """What a step reads, or a schedule watches."""
    used = {given.source for step in steps for given in step.inputs}
    used |= {schedule.on_change or "" for schedule in pipeline.schedules}
    return (each for each in pipeline.data if each.name in used)


def _used_parameters(pipeline: Pipeline, steps: Iterable[Step]) -> Iterator[Parameter]:
    used = {name for step in steps for name in parameters_of(step)}
    return (each for each in pipeline.parameters if each.name in used)


def _parameter(parameter: Parameter) -> JobParameter:
    value = parameter.value
    default = value if parameter.default is None else parameter.default
    return JobParameter(
        name=parameter.name,
        type="string" if parameter.type == "boolean" else parameter.type,
        default=_sent(default, parameter.type),
        value=_sent(value, parameter.type),
    )


def _sent(value: Value, kind: str | None = None) -> str | int | float:
    """A value as it travels. The SDK has a type for whole numbers, and would refuse 2.5 for 2."""
    if isinstance(value, bool):
        return str(value).lower()
    return float(value) if kind == "number" else value


def job_data(data: Data) -> JobData:
    """Data in the terms of SDK v1."""
    late = data.version in (None, "latest")
    return JobData(
        name=data.name,
        format=data.format,
        datastore=data.datastore,
        path=data.location,
        dataset=data.dataset,
        version=None if late else int(cast("str", data.version)),
        parameter=data.parameter,
        upload=data.upload,
        partitions=data.partitions,
    )


_COMPUTE_TYPES: Mapping[str, ComputeType] = {
    "amlcompute": "AmlCompute",
    "kubernetes": "Kubernetes",
    "instance": "ComputeInstance",
}


def _compute(compute: Compute) -> JobCompute:
    return JobCompute(
        name=compute.name,
        cluster=compute.cluster,
        type=_COMPUTE_TYPES[compute.kind],
        vm_size=compute.vm_size,
        min_nodes=compute.min_nodes,
        max_nodes=compute.max_nodes,
        idle_seconds=compute.idle_seconds,
    )


PYTHON = "3.11"
"""The Python of an environment that names only packages."""


def _environment(environment: Environment) -> JobEnvironment:
    return JobEnvironment(
        name=environment.name,
        image=environment.image,
        dockerfile=environment.dockerfile,
        conda=environment.conda,
        pip=environment.pip,
        python=PYTHON if environment.pip is not None else None,
        registered=environment.registered,
        version=None if environment.version == "latest" else environment.version,
    )


def _schedule(schedule: Schedule, known: set[str]) -> Schedule:
    given = {name: _sent(value) for name, value in schedule.parameters.items() if name in known}
    return replace(schedule, parameters=given)


class _Steps:
    """Steps in the terms of SDK v1."""

    def __init__(
        self,
        pipeline: Pipeline,
        steps: tuple[Step, ...],
        mount_settings: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._steps = steps
        self._mount_settings = mount_settings
        self._data = {each.name: each for each in pipeline.data}
        self._outputs = {
            f"{step.name}.{each.name}": each for step in pipeline.steps for each in step.outputs
        }
        self._exports = {source: name for name, source in pipeline.outputs.items()}
        # what a step writes does not depend on which of its readers are selected
        self._as_table = {
            given.source for step in pipeline.steps for given in step.inputs if _is_table(given)
        }

    def make(self) -> Iterator[JobStep]:
        names = {step.name for step in self._steps}
        return (
            self._step(step, tuple(n for n in step.after if n in names)) for step in self._steps
        )

    def _step(self, step: Step, after: tuple[str, ...]) -> JobStep:
        inputs = tuple(self._input(step, given) for given in step.inputs)
        return JobStep(
            name=step.name,
            compute=step.compute or "",
            environment=step.environment or "",
            code=step.code,
            inputs=inputs,
            outputs=tuple(self._output(step, output) for output in step.outputs),
            env={**self._mount_settings.get(step.name, {}), **step.env},
            after=after,
            reuse=step.reuse,
            nodes=step.run.nodes if isinstance(step.run, Parallel) else step.nodes,
            distribution=step.distribution,
            timeout=step.timeout,
            **self._run(step, inputs),
        )

    def _run(self, step: Step, inputs: tuple[JobInput, ...]) -> dict[str, Any]:
        """How the step runs: its kind, and what is run with which words."""
        files = self._files(step, inputs)
        wrapper = wrapping.wrap(step, files)
        if wrapper is not None:
            return {"kind": "PythonScriptStep", "wrapper": wrapper}
        match step.run:
            case Script(file=file, arguments=arguments):
                return {"kind": "PythonScriptStep", "script": file, "words": _words(arguments)}
            case Command(line=line):
                return {"kind": "CommandStep", "words": wrapping.plain_command(line)}
            case Parallel(file=file, arguments=arguments):
                _refuse_files(step, files)
                return {
                    "kind": "ParallelRunStep",
                    "script": file,
                    "words": _words(arguments),
                    "parallel": _parallel(step, step.run),
                }
            case Sequence():
                raise AssertionError("a sequence always has a wrapper")
            case _:
                assert_never(step.run)

    def _files(self, step: Step, inputs: Iterable[JobInput]) -> dict[Reference, str]:
        """The references that stand for one file in a folder which SDK v1 hands over."""
        ends = {Reference("output", each.name): each for each in step.outputs}
        for given in inputs:
            if given.source in self._outputs and given.mode != "direct":
                ends[Reference("input", given.name)] = self._outputs[given.source]
        found = {reference: single_file(output) for reference, output in ends.items()}
        return {reference: file for reference, file in found.items() if file is not None}

    def _input(self, step: Step, given: Input) -> JobInput:
        mode = _mode(step, given)
        return JobInput(
            name=given.name,
            source=given.source,
            via=self._via(given, is_table=_is_table(given)),
            mode=mode,
            at=None if mode == "direct" else given.at,
        )

    def _via(self, given: Input, *, is_table: bool) -> Via:
        if "." in given.source:
            return _made_via(given.type)
        match given.type:
            case "dataset":
                return "Dataset.get_by_name"
            case "path":
                is_parameter = self._data[given.source].parameter
                return "DataPath" if is_parameter else "DataReference"
            case "directory":
                return _TABULAR.get(given.format, _FILES) if is_table else _FILES
            case _:
                assert_never(given.type)

    def _output(self, step: Step, output: Output) -> JobOutput:
        source = f"{step.name}.{output.name}"
        is_path = output.type == "path"
        uploaded = output.mode == "upload"
        _refuse_place(step, output)
        return JobOutput(
            name=output.name,
            via=_made_via(output.type),
            mode="upload" if uploaded else "mount",
            datastore=output.datastore,
            path=None if is_path else wrapping.folder(output),
            is_directory=not is_path or output.format != "file",
            overwrite=output.overwrite,
            only=output.only,
            at=f"{_UPLOADED}/{step.name}/{output.name}" if is_path and uploaded else None,
            export=self._exports.get(source),
            table=cast("Any", output.format) if source in self._as_table else None,
            registered=None if output.expect else wrapping.registration(output),
        )


# Where a `PipelineData` lies until it is uploaded: on the compute, in the step's own container.
_UPLOADED = "/tmp/amlshare"  # noqa: S108
_FILES: Via = "File.from_files"
_TABULAR: Mapping[Format, Via] = {
    "csv": "Tabular.from_delimited_files",
    "parquet": "Tabular.from_parquet_files",
}


def _made_via(type_: EdgeType) -> Literal["PipelineData", "OutputFileDatasetConfig"]:
    return "PipelineData" if type_ == "path" else "OutputFileDatasetConfig"


def _is_table(given: Input) -> bool:
    """Whether a step reads rows, and no files."""
    return given.format == "table" or (given.mode == "direct" and given.format in TABLES)


def _mode(step: Step, given: Input) -> Literal["mount", "download", "direct"]:
    """A parallel step gets tables and partitions without files, and mounts all other files."""
    run = step.run
    if given.mode == "direct" or _is_table(given):
        return "direct"
    if isinstance(run, Parallel):
        return "direct" if run.over == given.name and run.partition_by else "mount"
    return "download" if given.mode == "download" else "mount"


def _words(texts: Iterable[Text]) -> tuple[Word, ...]:
    """A word for each text, whose references stand alone."""
    return tuple(text[0] if len(text) == 1 else "".join(map(str, text)) for text in texts)


def _parallel(step: Step, run: Parallel) -> ParallelConfig:
    return ParallelConfig(
        over=run.over,
        output=_parallel_output(step, run),
        rows_to=run.rows_to[1] if run.rows_to else None,
        mini_batch=run.mini_batch,
        partition_by=run.partition_by,
        processes_per_node=run.processes_per_node,
        error_threshold=run.allow_failed,
        batch_timeout=run.batch_timeout,
        batch_tries=None if run.batch_retries is None else run.batch_retries + 1,
    )


def _parallel_output(step: Step, run: Parallel) -> str | None:
    """The output that the SDK's step knows as its own; `build` gives it the others as ports."""
    if run.rows_to:
        return run.rows_to[0]
    paths_first = sorted(step.outputs, key=lambda output: output.type != "path")
    return paths_first[0].name if paths_first else None


def _refuse_files(step: Step, files: Mapping[Reference, str]) -> None:
    """Raise BackendError for a parallel step that would be told a file and is told its folder."""
    run = cast("Parallel", step.run)
    used = {part for text in run.arguments for part in references(text)}
    for reference in sorted(used & files.keys(), key=str):
        raise BackendError(
            f"parallel step '{step.name}' is given {reference}, a single file in a directory, and "
            "SDK v1 can give it only the folder; declare `format: folder`, and let the script "
            f"look for {files[reference]} there"
        )


def _refuse_place(step: Step, output: Output) -> None:
    """Raise BackendError for a single file that is in no folder of its own."""
    file = single_file(output)
    if file is not None and ("{run-id}" in file or "/" not in output.location):
        raise BackendError(
            f"output '{output.name}' of step '{step.name}' is a file at {output.location}: SDK v1 "
            "chooses a folder alone; put the file into one, such as "
            f"{output.name}/{{run-id}}/{output.name}"
        )
