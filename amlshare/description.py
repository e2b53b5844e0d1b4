"""A plan in the words of its spec: what one difference compares, whatever the backend.

Every key that says what is computed is there, those at their default left out; and what the spec
does not say itself but names: the packages of a conda or requirements file, a digest of a step's
code, what the lock says that lies at data. What a job of SDK v1 says too has the same field in
:mod:`amlshare.backends.azureml.description`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from amlshare.diff import Description, Fields, Value
from amlshare.packages import (
    PackagesError,
    ReadText,
    conda_file,
    requirements,
    summary,
    versions,
)
from amlshare.pipeline import (
    Command,
    Compute,
    Data,
    Environment,
    Expect,
    Input,
    Output,
    Parallel,
    Parameter,
    Part,
    Pipeline,
    Run,
    Sequence,
    Step,
)
from amlshare.plan import Code, Plan, plain
from amlshare.references import Text, write
from amlshare.units import show_size

_DIGITS = 12
_TIMES = frozenset({"timeout", "batch_timeout", "idle_seconds", "poll"})


def describe(
    plan: Plan, *, read: ReadText | None, steps: Collection[str] | None = None, of: str = ""
) -> Description:
    """The description of ``plan``, or of all but the steps that are not among ``steps``.

    ``read`` gives the text of a file that the spec names, by its path relative to the spec, and
    None where it cannot be read: then its packages are left out. With no ``read`` nothing is told
    but what the plan itself knows: which files are named, and a digest. ``of`` is for people.
    """
    pipeline = plan.pipeline
    known = {} if read else _environment_digests(plan)
    codes = digests_of(plan)
    return Description(
        of=of,
        things={
            "pipeline": {pipeline.name: dict(_pipeline(pipeline))},
            "parameter": {each.name: _parameter(each) for each in pipeline.parameters},
            "data": {each.name: dict(_data(each, plan)) for each in pipeline.data},
            "compute": {each.name: _compute(each) for each in pipeline.compute},
            "environment": {
                each.name: dict(
                    _environment(each, read) if read else _named(each, known.get(each.name))
                )
                for each in pipeline.environments
            },
            "step": {
                step.name: dict(_step(step, plan, codes.get(step.name)))
                for step in pipeline.steps
                if steps is None or step.name in steps
            },
        },
    )


def digests_of(plan: Plan) -> dict[str, str]:
    """The digest of the code of each step that has some."""
    found = {name: each.own.get("code", "") for name, each in plan.fingerprints.items()}
    return {name: digest for name, digest in found.items() if digest}


def codes_of(plan: Plan) -> dict[str, Code]:
    """What is read of each code, by its digest."""
    return {code.digest: code for code in plan.code}


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Plain data as fields: keys joined by dots, lists of single values as one text."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, (list, tuple)):
        if value:
            yield prefix, ", ".join(map(str, value))
    elif value is not None:
        last = prefix.rpartition(".")[2]
        yield prefix, lasting(value) if last in _TIMES and isinstance(value, int) else value


# What is around the steps


def _pipeline(pipeline: Pipeline) -> Iterator[tuple[str, Value]]:
    if pipeline.description:
        yield "description", pipeline.description
    if pipeline.experiment != pipeline.name:
        yield "experiment", pipeline.experiment
    yield from _flat(pipeline.tags, "tags")
    yield from _flat(plain(pipeline.workspace), "workspace")
    yield from _flat(plain(pipeline.local), "local")
    yield from _flat(pipeline.outputs, "outputs")
    if pipeline.publish is not None:
        yield from _flat(plain(pipeline.publish), "publish")
    for schedule in pipeline.schedules:
        said = {key: item for key, item in plain(schedule).items() if key != "name"}
        if schedule.every is not None:
            said["every"] = " ".join(map(str, schedule.every))
        yield from _flat(said, f"schedules.{schedule.name}")


def _parameter(parameter: Parameter) -> Fields:
    """``value`` is the one that it has in this plan, where that is not its default."""
    given = None if parameter.value == parameter.default else parameter.value
    said = {"type": parameter.type, "default": parameter.default, "value": given}
    return dict(_flat({**said, "description": parameter.description}))


def _data(data: Data, plan: Plan) -> Iterator[tuple[str, Value]]:
    """``content`` is what lay there when it was last looked at, where the lock says it."""
    yield "type", data.type
    if data.format != "folder":
        yield "format", data.format
    if data.dataset is not None:
        yield "name", data.dataset
        yield "version", _version(data.version)
    for key in ("datastore", "location", "parameter", "upload", "partitions", "size", "files"):
        if value := getattr(data, key):
            yield key, value
    if digest := plan.known.digests.get(data.name):
        size, version = plan.known.size(data.name, data), plan.known.versions.get(data.name)
        shown = [] if version is None else [f"version {version}"]
        shown += [] if size.bytes is None else [show_size(size.bytes)]
        shown += [] if size.files is None else [f"{size.files:,} file{'s' * (size.files != 1)}"]
        yield "content", ", ".join([*shown, digest[:_DIGITS]])


def _version(version: str | None) -> Value:
    return int(version) if version and version.isdecimal() else version or "latest"


def _compute(compute: Compute) -> Fields:
    usual = {"name": compute.name, "cluster": compute.name, "kind": "amlcompute"}
    said = plain(compute).items()
    return dict(_flat({key: value for key, value in said if value != usual.get(key)}))


def _environment(entry: Environment, read: ReadText) -> Iterator[tuple[str, Value]]:
    """What the spec says, with packages and a digest of a Dockerfile in place of their names; of a
    conda file that is none there is a digest too, so that no package looks removed.
    """
    for key in ("image", "registered"):
        if value := getattr(entry, key):
            yield key, value
    if entry.registered:
        yield "version", entry.version or "latest"
    if entry.dockerfile and (text := read(entry.dockerfile)) is not None:
        yield "dockerfile", summary(text)
    if entry.conda and (text := read(entry.conda)) is not None:
        yield from _conda(text, entry.conda).items()
    pip = entry.pip
    if isinstance(pip, str):
        pip = requirements(text) if (text := read(pip)) is not None else None
    if pip:
        yield from versions({"dependencies": [{"pip": pip}]}).items()


def _named(entry: Environment, digest: str | None) -> Iterator[tuple[str, Value]]:
    """An environment whose files nobody reads: their names, and the digest of all of it."""
    yield from _environment(entry, lambda _file: None)
    files = {key: getattr(entry, key) for key in ("dockerfile", "conda", "pip")}
    named = {key: file for key, file in files.items() if isinstance(file, str)}
    yield from named.items()
    if named and digest:
        yield "digest", digest[:_DIGITS]


def _environment_digests(plan: Plan) -> dict[str, str]:
    """The digest of each environment that a step runs in, with what is in its files."""
    return {
        step.environment: plan.fingerprints[step.name].own["environment"]
        for step in plan.pipeline.steps
        if step.environment is not None
    }


def _conda(text: str, file: str) -> Fields:
    try:
        return versions(conda_file(text, file))
    except PackagesError:  # bad-conda-file says why
        return {"conda": f"broken: {summary(text)}"}


# Steps


def _step(step: Step, plan: Plan, code: str | None) -> Iterator[tuple[str, Value]]:
    yield from _run(step.run)
    if code:
        yield "code", code[:_DIGITS]
    for given in step.inputs:
        yield from _flat(_input(given, step, plan), f"inputs.{given.name}")
    for output in step.outputs:
        yield from _flat(_output(output, step, plan.pipeline), f"outputs.{output.name}")
    yield from _flat(step.env, "env")
    for key in ("compute", "environment"):
        if value := getattr(step, key):
            yield key, value
    said = plain(replace(step, inputs=(), outputs=(), env={}, compute=None, environment=None))
    rest = {key: item for key, item in said.items() if key not in ("name", "run", "code")}
    rest |= {"after": sorted(step.after)} if step.after else {}
    yield from _flat(rest)


def _run(run: Run) -> Iterator[tuple[str, Value]]:
    match run:
        case Parallel():
            yield from _parallel(run)
        case Sequence():
            yield from _sequence(run)
        case _:
            yield from _part(run, "")


def _parallel(run: Parallel) -> Iterator[tuple[str, Value]]:
    said = plain(run)
    said["script"] = said.pop("file")
    if run.rows_to:
        said["rows_to"] = "/".join(run.rows_to)
    if run.arguments:
        yield "arguments", _line(run.arguments)
    rest = {key: item for key, item in said.items() if key not in ("kind", "arguments")}
    yield from _flat(rest, "parallel")


def _sequence(run: Sequence) -> Iterator[tuple[str, Value]]:
    """The parts are numbered from 1, as in a log."""
    for number, part in enumerate(run.parts, 1):
        yield from _part(part, f"sequence.{number}.")
    yield from ((f"sequence.{n}.title", title) for n, title in enumerate(run.titles, 1) if title)
    yield from ((f"scratch.{each.name}.format", each.format) for each in run.scratch)


def _part(part: Part, prefix: str) -> Iterator[tuple[str, Value]]:
    """A script with its arguments, or a command."""
    if isinstance(part, Command):
        yield f"{prefix}command", write(part.line)
        return
    yield f"{prefix}script", part.file
    if part.arguments:
        yield f"{prefix}arguments", _line(part.arguments)


def _line(arguments: Iterable[Text]) -> str:
    return " ".join(quoted(write(word)) for word in arguments)


def _input(given: Input, step: Step, plan: Plan) -> dict[str, Any]:
    """``mode`` is what the spec says, and of auto also what was chosen."""
    choice = plan.modes.get(f"{step.name}.{given.name}")
    reads = plain(given.reads) if given.reads else None
    return {
        "from": given.source,
        "mode": f"auto: {choice.mode}" if choice else given.mode,
        "at": given.at,
        "reads": reads,
    }


def _output(output: Output, step: Step, pipeline: Pipeline) -> dict[str, Any]:
    said: dict[str, Any] = plain(output)
    for key in ("name", "expect"):
        said.pop(key, None)
    if output.format == "folder":
        said.pop("format")
    if output.location == f"{pipeline.name}/{step.name}/{output.name}/{{run-id}}/":
        said.pop("location")
    said["name"] = said.pop("dataset", None)
    return said | ({"expect": _expect(output.expect)} if output.expect else {})


def _expect(expect: Expect) -> dict[str, Any]:
    files = "".join(map(str, expect.files)).removeprefix("==") if expect.files else None
    return {"files": files, "glob": expect.glob, "min_size": expect.min_size}


def quoted(word: str) -> str:
    """A word as it can be told from its neighbours."""
    if word and not any(char.isspace() or char == '"' for char in word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def words(line: str) -> list[str]:
    """The words of a line that :func:`quoted` made: its inverse."""
    found: list[str] = []
    rest = line
    while rest:
        if rest[0] != '"':
            word, _, rest = rest.partition(" ")
        else:
            end = 1
            while rest[end] != '"':
                end += 2 if rest[end] == "\\" else 1
            word, rest = rest[1:end], rest[end + 2 :]
            word = word.replace('\\"', '"').replace("\\\\", "\\")
        found.append(word)
    return found


def lasting(seconds: int) -> str:
    """A time as a spec says it: ``2 h``, ``90 s``."""
    for unit, name in ((3600, "h"), (60, "min")):
        if seconds and seconds % unit == 0:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
