"""A checked spec becomes a pipeline: names looked up, defaults filled in, steps in run order.

Assumes a spec in which ``checks`` found no error, so every look-up succeeds. What is decided here
is what a person gave on the command line: the values of parameters and of `parameter: true` data.
Mappings are sorted by key, so that the order in which a spec is written changes nothing.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from amlshare import pipeline as p
from amlshare import spec as s
from amlshare.checks.data import GLOB, location_form
from amlshare.checks.outputs import DEFAULT_DATASTORE, EXPECTED_FILES, fill
from amlshare.checks.parallel import parse_mini_batch
from amlshare.checks.parameters import type_of
from amlshare.checks.schedules import EVERY
from amlshare.checks.steps import number_values
from amlshare.diagnostics import Finding, closest
from amlshare.document.values import scalar
from amlshare.references import Reference, Text, parse

DEFAULT_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20251130.v1"
DEFAULT_LOCATION = "{pipeline}/{step}/{output}/{run-id}/"

Value = TypeVar("Value")


class ParameterError(Exception):
    """A ``-p`` that the spec cannot take; the message says what it could."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The pipeline, and what could not be decided for want of a ``-p``, or with the one given."""

    pipeline: p.Pipeline
    findings: tuple[Finding, ...]


def resolve(
    spec: s.Spec, given: Mapping[str, str] | None = None, target: str | None = None
) -> Resolved:
    """The pipeline of a checked spec. Raises ParameterError for a ``given`` that does not fit."""
    given = given or {}
    _all_known(spec, given)
    findings: list[Finding] = []
    parameters = tuple(_parameters(spec, given, findings))
    if given:
        findings += number_values(spec, {each.name: each.value for each in parameters})
    steps = [_step(spec, name, step) for name, step in spec.steps.items()]
    result = p.Pipeline(
        name=spec.name,
        experiment=spec.experiment or spec.name,
        description=spec.description,
        tags=_sorted(spec.tags),
        target=target,
        workspace=_workspace(spec.workspace),
        local=_local(spec.local),
        compute=_compute(spec),
        environments=tuple(_environment(n, e) for n, e in sorted(spec.environments.items())),
        parameters=parameters,
        data=tuple(_data(spec, n, d, given.get(n)) for n, d in sorted(spec.data.items())),
        steps=tuple(_in_run_order(steps)),
        outputs=_sorted(spec.outputs),
        publish=_publish(spec.publish) if spec.publish else None,
        schedules=tuple(_schedule(n, each) for n, each in sorted(spec.schedules.items())),
    )
    return Resolved(result, tuple(findings))


def _sorted(mapping: Mapping[str, Value]) -> dict[str, Value]:
    return dict(sorted(mapping.items()))


def _all_known(spec: s.Spec, given: Mapping[str, str]) -> None:
    names = [*spec.parameters, *(name for name, data in spec.data.items() if data.parameter)]
    for name in given:
        if name in names:
            continue
        similar = closest(name, names)
        hint = f"did you mean '{similar}'?" if similar else f"known: {', '.join(names) or 'none'}"
        if name in spec.data:
            hint = f"data '{name}' is fixed: give it `parameter: true` in the spec"
        raise ParameterError(f"the spec has no parameter '{name}'; {hint}")


def _parameters(
    spec: s.Spec, given: Mapping[str, str], findings: list[Finding]
) -> Iterator[p.Parameter]:
    for name, parameter in sorted(spec.parameters.items()):
        kind = cast("Any", type_of(parameter))
        value = parameter.default
        if name in given:
            value = _value(name, kind, given[name])
        elif value is None:
            findings.append(_no_value(name, kind))
            value = ""
        yield p.Parameter(
            name=name,
            type=kind,
            value=value,
            default=parameter.default,
            description=parameter.description,
        )


def _no_value(name: str, kind: str) -> Finding:
    return Finding(
        code="no-parameter-value",
        message=f"parameter '{name}' has no value",
        route=("parameters", name),
        on="key",
        label=f"of type {kind}, without a default",
        help=f"give it with `-p {name}=VALUE`, or write a `default:`",
    )


_TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
_FORMS = {"boolean": "true or false", "integer": "a whole number", "number": "a number"}


def _value(name: str, kind: str, text: str) -> p.Value:
    """A ``-p`` as a value of its parameter's type: what the text would be in the spec."""
    if kind == "string":
        return text
    value = scalar(text.strip())
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        raise ParameterError(f"parameter '{name}' is '{text}'; expected {_FORMS[kind]}")
    return cast("p.Value", value)


def _workspace(workspace: s.Workspace) -> p.Workspace:
    return p.Workspace(
        subscription_id=workspace.subscription_id,
        resource_group=workspace.resource_group,
        name=workspace.name,
    )


def _local(local: s.Local) -> p.Local:
    return p.Local(
        datastores=_sorted(local.datastores),
        datasets=_sorted(local.datasets),
        python=local.python,
    )


def _publish(publish: s.Publish) -> p.Publish:
    return p.Publish(
        endpoint=publish.endpoint,
        version=publish.version,
        description=publish.description,
        continue_on_step_failure=publish.continue_on_step_failure,
    )


def _compute(spec: s.Spec) -> tuple[p.Compute, ...]:
    """The entries, and a plain one for each cluster that is named without an entry."""
    named = {step.compute for step in spec.steps.values()} | {spec.defaults.compute}
    found = [
        p.Compute(
            name=name,
            cluster=entry.cluster or name,
            kind=entry.kind,
            vm_size=entry.vm_size,
            min_nodes=entry.min_nodes,
            max_nodes=entry.max_nodes,
            idle_seconds=entry.idle_seconds,
            nodes=entry.nodes,
            hourly_rate=entry.hourly_rate,
        )
        for name, entry in spec.compute.items()
    ]
    found += [p.Compute(name=name, cluster=name) for name in named - spec.compute.keys() if name]
    return tuple(sorted(found, key=lambda compute: compute.name))


def _environment(name: str, entry: s.Environment) -> p.Environment:
    kinds = ("registered", "dockerfile", "image", "conda", "pip")
    kind = next(kind for kind in kinds if getattr(entry, kind) is not None)
    return p.Environment(
        name=name,
        kind=cast("Any", kind),
        image=DEFAULT_IMAGE if kind in {"conda", "pip"} else entry.image,
        dockerfile=entry.dockerfile,
        conda=entry.conda,
        pip=tuple(entry.pip) if isinstance(entry.pip, list) else entry.pip,
        registered=entry.registered,
        version=entry.version,
    )


def _data(spec: s.Spec, name: str, entry: s.Data, given: str | None) -> p.Data:
    dataset = entry.type == "dataset"
    data = p.Data(
        name=name,
        type=entry.type,
        format=entry.format,
        datastore=None if dataset else entry.datastore or _datastore(spec),
        location=entry.location,
        dataset=entry.name,
        version=entry.version,
        parameter=entry.parameter,
        upload=entry.upload,
        partitions=entry.partitions,
        size=entry.size,
        files=entry.files,
    )
    if given is None:
        return data
    return _given_dataset(data, given) if dataset else _given_location(data, given)


def _given_dataset(data: p.Data, given: str) -> p.Data:
    """``-p airport_codes=VERSION`` or ``=NAME:VERSION``."""
    name, _, version = given.rpartition(":")
    if version != "latest" and not re.fullmatch(r"0*[1-9]\d*", version, re.ASCII):
        raise ParameterError(
            f"data '{data.name}' is a dataset and got '{given}'; "
            "expected a version (4 or latest), or NAME:VERSION"
        )
    return replace(data, dataset=name or data.dataset, version=version, size=None, files=None)


def _given_location(data: p.Data, given: str) -> p.Data:
    """``-p flights=DATASTORE:LOCATION`` or ``=LOCATION``: other data, so nothing is uploaded."""
    datastore, colon, location = given.partition(":")
    if not colon or "/" in datastore:
        datastore, location = "", given
    if message := _unfit_location(data, given) or _unfit_location(data, location):
        raise ParameterError(f"data '{data.name}': {message}; expected DATASTORE:LOCATION")
    return replace(
        data,
        datastore=datastore or data.datastore,
        location=location,
        upload=None,
        size=None,
        files=None,
    )


def _unfit_location(data: p.Data, location: str) -> str:
    if not location:
        return "no location is given"
    if data.type == "path" and GLOB.search(location):
        return f"'{location}' is a pattern, and a path cannot be one"
    return next((found.message for found in location_form(location, ())), "")


def _datastore(spec: s.Spec) -> str:
    return spec.defaults.datastore or DEFAULT_DATASTORE


def _step(spec: s.Spec, name: str, step: s.Step) -> p.Step:
    defaults = spec.defaults
    code = step.code if step.code is not None else defaults.code
    reuse = step.reuse if step.reuse is not None else defaults.reuse
    return p.Step(
        name=name,
        run=_run(step),
        title=step.title,
        description=step.description,
        code=None if code == "none" else code,
        compute=step.compute or defaults.compute,
        environment=step.environment or defaults.environment,
        inputs=tuple(_input(spec, key, given) for key, given in sorted(step.inputs.items())),
        outputs=tuple(_output(spec, name, key, out) for key, out in sorted(step.outputs.items())),
        env=_literal(defaults.env | step.env),
        after=tuple(sorted(set(step.after))),
        reuse=reuse is not False,
        retries=step.retries,
        nodes=step.nodes,
        distribution=_distribution(step.distribution) if step.distribution else None,
        timeout=step.timeout,
        tags=_sorted(step.tags),
    )


def _distribution(entry: s.Distribution) -> p.Distribution:
    return p.Distribution(type=entry.type, processes_per_node=entry.processes_per_node)


def _literal(env: Mapping[str, str]) -> dict[str, str]:
    """Variables by name. The checks let no reference through, so only ``$${`` is left to read."""
    return {name: "".join(map(str, parse(env[name])[0])) for name in sorted(env)}


def _run(step: s.Step) -> p.Run:
    if step.sequence is not None:
        return _sequence(step.sequence, step.scratch)
    if step.parallel is not None:
        return _parallel(step.parallel, tuple(_arguments(step.arguments)))
    return _part(step)


def _sequence(parts: list[s.Part], scratch: Mapping[str, s.Scratch]) -> p.Sequence:
    titles = tuple(part.title for part in parts)
    places = _sorted(scratch).items()
    return p.Sequence(
        parts=tuple(map(_part, parts)),
        scratch=tuple(p.Scratch(name=name, format=each.format) for name, each in places),
        titles=titles if any(titles) else (),
    )


def _part(given: s.Step | s.Part) -> p.Part:
    if given.command is not None:
        return p.Command(line=_text(given.command))
    arguments = tuple(_arguments(given.arguments))
    return p.Script(file=cast("str", given.script), arguments=arguments)


def _parallel(parallel: s.Parallel, arguments: tuple[Text, ...]) -> p.Parallel:
    batch, unit = _mini_batch(parallel.mini_batch)
    output, _, file = (parallel.rows_to or "").partition("/")
    return p.Parallel(
        file=parallel.script,
        over=parallel.over,
        arguments=arguments,
        mini_batch=batch,
        batch_unit=cast("Any", unit),
        partition_by=tuple(parallel.partition_by),
        nodes=parallel.nodes,
        processes_per_node=parallel.processes_per_node,
        allow_failed=parallel.allow_failed,
        batch_timeout=parallel.batch_timeout,
        batch_retries=parallel.batch_retries,
        rows_to=(output, file) if parallel.rows_to else None,
    )


def _mini_batch(value: Any) -> tuple[p.Number | None, str]:
    """How many, and of what; a reference counts files."""
    if value is None:
        return None, "files"
    part = _text(str(value))[0]
    return (part, "files") if isinstance(part, Reference) else parse_mini_batch(value)


def _arguments(arguments: list[Any] | dict[str, Any]) -> Iterator[Text]:
    """A text for each word. A mapping has no order, so its flags are sorted."""
    if isinstance(arguments, list):
        yield from (_text(_plain(word)) for word in arguments)
        return
    for flag, value in sorted(arguments.items()):
        if value is None or value is False:
            continue
        yield (flag,)
        if value is not True:
            words = value if isinstance(value, list) else [value]
            yield from (_text(_plain(word)) for word in words if word is not None)


def _plain(value: object) -> str:
    """A word as it stands in YAML."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(value: str) -> Text:
    return parse(value)[0]


def _input(spec: s.Spec, name: str, given: s.Input) -> p.Input:
    step, _, output = given.source.partition(".")
    source = spec.steps[step].outputs[output] if output else spec.data[given.source]
    return p.Input(
        name=name,
        source=given.source,
        type=source.type,
        format=source.format,
        mode=given.mode,
        at=given.at,
        reads=_reads(given.reads) if given.reads else None,
    )


def _reads(reads: s.Reads) -> p.Reads:
    return p.Reads(fraction=reads.fraction, passes=reads.passes, pattern=reads.pattern)


def _output(spec: s.Spec, step: str, name: str, output: s.Output) -> p.Output:
    return p.Output(
        name=name,
        type=output.type,
        format=output.format,
        mode=output.mode,
        datastore=output.datastore or _datastore(spec),
        location=fill(output.location or DEFAULT_LOCATION, spec.name, step, name),
        dataset=output.name,
        description=output.description,
        tags=_sorted(output.tags),
        overwrite=output.overwrite,
        only=tuple(output.only),
        expect=_expect(output.expect) if output.expect else None,
        size=output.size,
        files=output.files,
    )


def _expect(expect: s.Expect) -> p.Expect:
    files: Any = None
    if expect.files is not None and (match := EXPECTED_FILES.fullmatch(expect.files.strip())):
        files = (match.group(1) or "==", int(match.group(2)))
    return p.Expect(files=files, glob=expect.glob, min_size=expect.min_size)


def _schedule(name: str, schedule: s.Schedule) -> p.Schedule:
    every: Any = None
    if schedule.every is not None and (match := EVERY.fullmatch(schedule.every.strip())):
        every = (int(match.group(1) or 1), match.group(2))
    return p.Schedule(
        name=name,
        every=every,
        at=tuple(schedule.at),
        days=tuple(schedule.days),
        time_zone=schedule.time_zone,
        cron=schedule.cron,
        on_change=schedule.on_change,
        poll=schedule.poll,
        parameters=_sorted(schedule.parameters),
        experiment=schedule.experiment,
    )


def _in_run_order(steps: list[p.Step]) -> Iterator[p.Step]:
    """Dependencies first, ties by name."""
    by_name = {step.name: step for step in steps}
    waits = {step.name: set(p.feeders(step)) for step in steps}
    feeds: dict[str, list[str]] = {name: [] for name in by_name}
    for name, needs in waits.items():
        for need in needs:
            feeds[need].append(name)
    ready = [name for name, needs in waits.items() if not needs]
    heapq.heapify(ready)
    while ready:
        name = heapq.heappop(ready)
        yield by_name[name]
        for fed in feeds[name]:
            waits[fed].discard(name)
            if not waits[fed]:
                heapq.heappush(ready, fed)
