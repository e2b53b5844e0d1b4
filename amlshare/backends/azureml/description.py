"""A job in the words of a spec: what a graph of SDK v1 can carry of it, and no more.

A job that was made from a plan and one that was read back from a published graph are described by
the same function, so an unchanged spec has the same description as what was published of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amlshare.description import lasting, quoted
from amlshare.diff import Description, Fields, Value
from amlshare.packages import summary, versions
from amlshare.references import Reference, write

if TYPE_CHECKING:
    from amlshare.backends.azureml.job import (
        Job,
        JobData,
        JobOutput,
        JobParameter,
        JobStep,
        ParallelConfig,
    )
    from amlshare.backends.azureml.publication import Publication
    from amlshare.backends.azureml.wrapping import Contract, Part, Program, Wrapper
    from amlshare.pipeline import Expect

_TABLES = {"Tabular.from_delimited_files": "csv", "Tabular.from_parquet_files": "parquet"}
_KINDS = {"Kubernetes": "kubernetes", "ComputeInstance": "instance"}
_BATCH_SECONDS, _BATCH_TRIES, _BATCH_FILES, _BATCH_BYTES = 60, 3, 10, 1024 * 1024
"""What the SDK gives a ParallelRunStep that says nothing of it."""
_DIGITS = 12


def describe(
    job: Job,
    environments: Mapping[str, Fields],
    *,
    of: str = "",
    code: Mapping[str, str] | None = None,
    about: Fields | None = None,
) -> Description:
    """The description of a job.

    ``environments`` has the fields of each by its name, ``code`` the digest of what each step runs,
    and ``about`` what is said of the pipeline elsewhere than in its graph.
    """
    steps = {step.name: dict(_step(step, job)) for step in job.steps}
    for name, digest in (code or {}).items():
        if name in steps and digest:
            steps[name]["code"] = digest[:_DIGITS]
    exports = {
        f"outputs.{output.export}": f"{step.name}.{output.name}"
        for step in job.steps
        for output in step.outputs
        if output.export
    }
    return Description(
        of=of,
        things={
            "pipeline": {job.pipeline: {**(about or {}), **exports}},
            "parameter": {each.name: _parameter(each) for each in job.parameters},
            "data": {each.name: dict(_data(each, job)) for each in _read(job)},
            "compute": {
                each.cluster: {"kind": _KINDS[each.type]} if each.type in _KINDS else {}
                for each in job.compute
            },
            "environment": {each.name: environments[each.name] for each in job.environments},
            "step": steps,
        },
    )


def of_publication(
    publication: Publication, job: Job, base: Path, *, of: str, schedules: Mapping[str, str]
) -> Description:
    """The description of what is published of a job. ``base`` is the folder of its spec.

    ``schedules`` says in words what each schedule does.
    """
    about = about_pipeline(
        publication.description,
        continues=publication.continue_on_step_failure,
        schedules=schedules,
    )
    environments = environments_of(job, base)
    return describe(job, environments, of=of, code=publication.code, about=about)


def about_pipeline(
    description: str | None, *, continues: bool, schedules: Mapping[str, str]
) -> dict[str, Value]:
    """What a published pipeline says of itself, and what its schedules do."""
    about: dict[str, Value] = {"description": description} if description else {}
    about |= {"continue_on_step_failure": True} if continues else {}
    return about | {f"schedules.{name}": words for name, words in schedules.items()}


def _parameter(parameter: JobParameter) -> Fields:
    return {"type": parameter.type, "default": parameter.value}


def _read(job: Job) -> Iterator[JobData]:
    """The data that steps read: what only a schedule watches is not in the graph."""
    read = {given.source for step in job.steps for given in step.inputs}
    return (each for each in job.data if each.name in read)


def _data(data: JobData, job: Job) -> Iterator[tuple[str, Value]]:
    vias = {given.via for step in job.steps for given in step.inputs if given.source == data.name}
    if data.dataset is not None:
        yield "type", "dataset"
        yield "name", data.dataset
        yield "version", "latest" if data.version is None else data.version
    else:
        yield "type", "path" if vias & {"DataReference", "DataPath"} else "directory"
        yield "datastore", data.datastore or ""
        yield "location", data.path or ""
        if tables := sorted(_TABLES[via] for via in vias if via in _TABLES):
            yield "format", tables[0]
        if data.partitions and not vias & {"DataReference", "DataPath"}:
            yield "partitions", data.partitions
    if data.parameter:
        yield "parameter", True


# Steps


def _step(step: JobStep, job: Job) -> Iterator[tuple[str, Value]]:
    yield from _run(step)
    for given in step.inputs:
        yield f"inputs.{given.name}.from", given.source
        yield f"inputs.{given.name}.mode", given.mode
        if given.at:
            yield f"inputs.{given.name}.at", given.at
    contracts = {each.output: each for each in step.wrapper.contracts} if step.wrapper else {}
    for output in step.outputs:
        location = f"{job.pipeline}/{step.name}/{output.name}/{{run-id}}/"
        for key, value in _output(output, location, contracts.get(output.name)):
            yield f"outputs.{output.name}.{key}", value
    yield from ((f"env.{name}", value) for name, value in step.env.items())
    if step.compute:
        yield "compute", next(each.cluster for each in job.compute if each.name == step.compute)
    if step.environment:
        yield "environment", step.environment
    yield from _settings(step)


def _run(step: JobStep) -> Iterator[tuple[str, Value]]:
    """What is run, with the wrapper around it undone."""
    if step.wrapper is not None:
        yield from _wrapped(step.wrapper)
        return
    words = [write((word,)) for word in step.words]
    if step.kind == "CommandStep":
        yield "command", " ".join(words)
        return
    yield "parallel.script" if step.parallel else "script", step.script or ""
    if step.parallel is not None:
        yield from _parallel(step, step.parallel)
    if words:
        yield "arguments", _line(words)


def _wrapped(wrapper: Wrapper) -> Iterator[tuple[str, Value]]:
    """What a wrapper runs. Only the parts of a sequence have names; they count from 1."""
    for number, program in enumerate(wrapper.programs, 1):
        prefix = "" if program.name is None else f"sequence.{number}."
        if program.script is None:
            yield f"{prefix}command", _command(program, wrapper)
            continue
        yield f"{prefix}script", program.script
        if program.words:
            yield f"{prefix}arguments", _line(_filled(word, wrapper) for word in program.words)
    yield from ((f"scratch.{each.name}.format", each.format) for each in wrapper.scratch)


def _line(words: Iterable[str]) -> str:
    return " ".join(map(quoted, words))


def _filled(parts: Iterable[Part], wrapper: Wrapper) -> str:
    """A text of the wrapper with references in place of tokens."""
    return write(tuple(wrapper.tokens[part] if isinstance(part, int) else part for part in parts))


_VARIABLE = re.compile(
    r"""'"\$\{(?P<single>amlshare_\w+)\}"'|"\$\{(?P<bare>amlshare_\w+)\}"|\$\{(?P<inside>amlshare_\w+)\}"""
)


def _command(program: Program, wrapper: Wrapper) -> str:
    """The line as a spec has it: the wrapper gives bash the values in variables."""
    shown = []
    for part in program.bash:
        if isinstance(part, int):
            shown.append(_filled((part,), wrapper))
            continue
        position = 0
        for match in _VARIABLE.finditer(part):
            name = match["single"] or match["bare"] or match["inside"]
            if name in program.variables:
                shown.append(write((part[position : match.start()],)))
                shown.append(_filled(program.variables[name], wrapper))
                position = match.end()
        shown.append(write((part[position:],)))
    return "".join(shown).strip()


def _parallel(step: JobStep, config: ParallelConfig) -> Iterator[tuple[str, Value]]:
    """What is not as the SDK would have it by itself."""
    yield "parallel.over", config.over
    if config.partition_by:
        yield "parallel.partition_by", ", ".join(config.partition_by)
    elif config.mini_batch not in (None, _usual_batch(step, config)):
        yield "parallel.mini_batch", _number(config.mini_batch)
    if config.processes_per_node is not None:
        yield "parallel.processes_per_node", _number(config.processes_per_node)
    if config.error_threshold:
        yield "parallel.allow_failed", config.error_threshold
    if config.batch_timeout not in (None, _BATCH_SECONDS):
        yield "parallel.batch_timeout", lasting(config.batch_timeout or 0)
    if config.batch_tries not in (None, _BATCH_TRIES):
        yield "parallel.batch_retries", (config.batch_tries or 1) - 1
    if config.rows_to:
        yield "parallel.rows_to", f"{config.output}/{config.rows_to}"


def _usual_batch(step: JobStep, config: ParallelConfig) -> int:
    over = next(given for given in step.inputs if given.name == config.over)
    return _BATCH_BYTES if over.mode == "direct" else _BATCH_FILES


def _output(
    output: JobOutput, usual: str, contract: Contract | None
) -> Iterator[tuple[str, Value]]:
    registered = output.registered or (contract.register if contract else None)
    made = "path" if output.via == "PipelineData" else "directory"
    yield "type", "dataset" if registered else made
    if output.table or not output.is_directory:
        yield "format", output.table or "file"
    yield "mode", output.mode
    yield "datastore", output.datastore
    if output.path not in (None, usual):
        yield "location", output.path or ""
    if output.overwrite:
        yield "overwrite", True
    if output.only:
        yield "only", ", ".join(output.only)
    if registered:
        yield "name", registered.name
        if registered.description:
            yield "description", registered.description
        yield from ((f"tags.{name}", value) for name, value in registered.tags.items())
    if contract is not None:
        yield from _expect(contract.expect)


def _expect(expect: Expect) -> Iterator[tuple[str, Value]]:
    if expect.files:
        yield "expect.files", "".join(map(str, expect.files)).removeprefix("==")
    if expect.glob:
        yield "expect.glob", expect.glob
    if expect.min_size is not None:
        yield "expect.min_size", expect.min_size


def _settings(step: JobStep) -> Iterator[tuple[str, Value]]:
    if step.nodes != 1:
        yield "parallel.nodes" if step.parallel else "nodes", _number(step.nodes)
    if step.distribution is not None:
        yield "distribution", step.distribution.type
        # the SDK has no processes of TensorFlow
        if step.distribution.processes_per_node != 1 and step.distribution.type != "tensorflow":
            yield "distribution.processes_per_node", step.distribution.processes_per_node
    if step.timeout is not None:
        yield "timeout", lasting(step.timeout)
    if step.wrapper and step.wrapper.retries:
        yield "retries", step.wrapper.retries
    if step.after:
        yield "after", ", ".join(sorted(step.after))
    if not step.reuse:
        yield "reuse", False
    if step.version:
        yield "data", step.version[:_DIGITS]


def _number(value: str | int | Reference | None) -> Value:
    return value if isinstance(value, int) else str(value)


# Environments


def environments_of(job: Job, base: Path) -> dict[str, Fields]:
    """The fields of each environment of a job, as the SDK would send it; with no network."""
    found: dict[str, Fields] = {}
    for entry in job.environments:
        if entry.registered is not None:
            found[entry.name] = _registered(entry.registered, entry.version)
        else:
            found[entry.name] = environment(_definition(entry, base))
    return found


def _definition(entry: Any, base: Path) -> dict[str, Any]:
    from amlshare.backends.azureml import run_configurations, sdk

    sdk.prepare()
    from azureml.core import Environment

    made = run_configurations.environment(entry, base)
    definition: dict[str, Any] = Environment._serialize_to_dict(made)  # noqa: SLF001 - has no other
    return definition


def _registered(name: str, version: str | None) -> Fields:
    return {"registered": name, "version": version or "latest"}


def environment(definition: Mapping[str, Any]) -> Fields:
    """The fields of an ``Environment`` in the form in which it travels.

    A registered one has a version, and its definition follows from it.
    """
    if definition.get("version"):
        return _registered(definition["name"], str(definition["version"]))
    docker, python = definition.get("docker") or {}, definition.get("python") or {}
    fields: dict[str, Value] = {}
    if image := docker.get("baseImage"):
        fields["image"] = image
    if text := docker.get("baseDockerfile"):
        fields["dockerfile"] = summary(text)
    if not python.get("userManagedDependencies"):
        fields |= versions(python.get("condaDependencies") or {})
    return fields
