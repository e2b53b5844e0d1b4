"""The job: a plan in the terms of this machine. Plain, pure: no clock, no absolute path.

What only the run knows stays symbolic: references to inputs and outputs in arguments,
``{run-id}`` in locations, ``${env.X}`` in what stands in for a datastore.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from typing_extensions import assert_never

from amlshare.backends import shell
from amlshare.movement.here import elsewhere
from amlshare.pipeline import (
    TABLES,
    Command,
    Data,
    Environment,
    Input,
    InputMode,
    Output,
    Parallel,
    Part,
    Pipeline,
    Run,
    Script,
    Sequence,
    Step,
    Value,
    feeders,
    scripts,
)
from amlshare.plan import Plan, digest, plain
from amlshare.references import Reference, Text

KEY = ("code", "run", "parameters", "environment", "env", "inputs", "outputs")
"""The parts of a fingerprint that decide about reuse here; compute and settings do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What this machine does not do as the cloud would."""

    message: str
    step: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStep:
    """A step to run. ``key`` holds the digests that decide about its reuse.

    ``code_files`` maps the files that it was planned with, relative to ``code``, to their sha256;
    ``partitions`` is how the files lie that a parallel step goes over, ``rows`` that it goes over
    the rows of a table and not over files.
    """

    name: str
    run: Run
    after: tuple[str, ...] = ()
    code: str | None = None
    code_files: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    partitions: str | None = None
    rows: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    retries: int = 0
    timeout: int | None = None
    reuse: bool = True
    key: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A pipeline to run here. ``datastores`` maps each one to what stands in for it, or to None
    where its files lie in the state folder; ``selected`` names the steps to run.
    """

    pipeline: str
    target: str | None = None
    python: str | None = None
    datastores: Mapping[str, str | None] = field(default_factory=dict)
    datasets: Mapping[str, str] = field(default_factory=dict)
    data: tuple[Data, ...] = ()
    steps: tuple[JobStep, ...] = ()
    selected: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()


def make_job(plan: Plan) -> Job:
    """The job of ``plan``."""
    pipeline = plan.pipeline
    local = pipeline.local
    steps = tuple(_Steps(plan).make())
    data = tuple(_used(pipeline.data, steps))
    datasets = {each.dataset for each in data if each.dataset in local.datasets}
    chosen = [step.name for step in steps] if plan.selected is None else plan.selected
    return Job(
        pipeline=pipeline.name,
        target=pipeline.target,
        python=local.python,
        datastores={name: local.datastores.get(name) for name in _datastores(pipeline, steps)},
        datasets={name: local.datasets[name] for name in sorted(filter(None, datasets))},
        data=data,
        steps=steps,
        selected=tuple(step.name for step in steps if step.name in chosen),
        notes=tuple(_notes(pipeline)),
    )


def to_data(job: Job) -> dict[str, Any]:
    """The job as plain data, without what is at its default."""
    return {"format": 1, "backend": "local", **plain(job)}


class _Steps:
    """Steps in the terms of this machine."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._elsewhere = elsewhere(plan.pipeline)
        self._data = {each.name: each for each in plan.pipeline.data}
        self._values = {
            Reference("parameter", each.name): written(each.value)
            for each in plan.pipeline.parameters
        }
        self._code = {(each.folder, each.scripts): each.files for each in plan.code}

    def make(self) -> Iterator[JobStep]:
        return (self._step(step) for step in self._plan.pipeline.steps)

    def _step(self, step: Step) -> JobStep:
        own = self._plan.fingerprints[step.name].own
        return JobStep(
            name=step.name,
            run=self._run(step.run),
            after=feeders(step),
            code=step.code,
            code_files=self._code.get((step.code or "", scripts(step.run)), {}),
            inputs=tuple(self._input(step, given) for given in step.inputs),
            outputs=tuple(replace(output, size=None, files=None) for output in step.outputs),
            partitions=self._partitions(step),
            rows=_has_rows(step),
            env=step.env,
            retries=step.retries,
            timeout=step.timeout,
            reuse=step.reuse,
            key={part: own[part] for part in KEY if own.get(part)} | self._cut(step),
        )

    def _run(self, run: Run) -> Run:
        """``run`` with the parameters' values in place of their references."""
        match run:
            case Script() | Command():
                return self._part(run)
            case Parallel():
                return replace(
                    run,
                    arguments=self._texts(run.arguments),
                    mini_batch=self._number(run.mini_batch),
                    nodes=self._number(run.nodes) or 1,
                    processes_per_node=self._number(run.processes_per_node),
                )
            case Sequence(parts=parts):
                return replace(run, parts=tuple(map(self._part, parts)))
            case _:
                assert_never(run)

    def _part(self, part: Part) -> Part:
        if isinstance(part, Script):
            return replace(part, arguments=self._texts(part.arguments))
        return replace(part, line=shell.fill(part.line, self._values))

    def _cut(self, step: Step) -> dict[str, str]:
        """How the input of a parallel step is cut: its script sees it, so it decides on reuse."""
        if not isinstance(step.run, Parallel):
            return {}
        return {"cut": digest([self._partitions(step), _has_rows(step)])}

    def _partitions(self, step: Step) -> str | None:
        if not isinstance(step.run, Parallel):
            return None
        source = next(each.source for each in step.inputs if each.name == step.run.over)
        return self._data[source].partitions if source in self._data else None

    def _texts(self, texts: Iterable[Text]) -> tuple[Text, ...]:
        return tuple(fill(text, self._values) for text in texts)

    def _number(self, value: int | Reference | None) -> int | None:
        return int(self._values[value]) if isinstance(value, Reference) else value

    def _input(self, step: Step, given: Input) -> Input:
        choice = self._plan.modes.get(f"{step.name}.{given.name}")
        is_cut = _is_cut_into_rows(step.run, given)
        mode = choice.mode if choice else self._mode(given, is_cut=is_cut)
        return replace(given, mode=mode, at=None, reads=None)

    def _mode(self, given: Input, *, is_cut: bool) -> InputMode:
        """What lies here is mounted, which costs nothing; what does not is fetched once.

        Whoever cuts a table into rows opens it here, where it must lie as a file.
        """
        if given.mode == "auto" and given.format == "table" and not is_cut:
            return "direct"
        if given.mode == "auto" or (given.mode == "direct" and is_cut):
            return "download" if given.source in self._elsewhere else "mount"
        return given.mode


def _has_rows(step: Step) -> bool:
    return any(_is_cut_into_rows(step.run, given) for given in step.inputs)


def _is_cut_into_rows(run: Run, given: Input) -> bool:
    """Whether a parallel step goes over the rows of an input and not over its files."""
    if not isinstance(run, Parallel) or run.over != given.name or given.format not in TABLES:
        return False
    by_bytes = given.mode == "auto" and run.batch_unit == "bytes"
    return given.format == "table" or given.mode == "direct" or by_bytes


def fill(text: Text, values: Mapping[Reference, str]) -> Text:
    """``text`` with the references that ``values`` knows in place."""
    return tuple(values.get(part, part) if isinstance(part, Reference) else part for part in text)


def written(value: Value) -> str:
    """A parameter's value as it travels: booleans as ``true`` and ``false``."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _used(data: Iterable[Data], steps: tuple[JobStep, ...]) -> Iterator[Data]:
    sources = {given.source for step in steps for given in step.inputs}
    for each in data:
        if each.name in sources:
            yield replace(each, size=None, files=None)


def _datastores(pipeline: Pipeline, steps: tuple[JobStep, ...]) -> list[str]:
    """Every datastore that is used or may be, by a registered dataset."""
    read = {each.datastore for each in pipeline.data if each.datastore}
    written = {output.datastore for step in steps for output in step.outputs}
    return sorted(read | written | set(pipeline.local.datastores))


def _notes(pipeline: Pipeline) -> Iterator[Note]:
    used = {step.environment for step in pipeline.steps}
    for environment in pipeline.environments:
        if environment.name in used:
            yield Note(
                message=f"environment '{environment.name}' ({_made_of(environment)}) is not "
                "applied: steps run in the Python of this machine, or the one that --python names"
            )
    for step in pipeline.steps:
        if step.nodes != 1 or step.distribution:
            yield Note(
                step=step.name,
                message="runs as one process here: nodes and distribution are the cloud's",
            )
        for given in step.inputs:
            if given.at is not None:
                yield Note(
                    step=step.name,
                    message=f"input '{given.name}' is not placed at {given.at} here: the script "
                    "gets its path as an argument",
                )


def _made_of(environment: Environment) -> str:
    match environment.kind:
        case "image":
            return f"image {environment.image}"
        case "dockerfile":
            return f"dockerfile {environment.dockerfile}"
        case "conda":
            return f"conda file {environment.conda}"
        case "pip":
            return "pip requirements"
        case "registered":
            return f"registered as {environment.registered}"
        case _:
            assert_never(environment.kind)
