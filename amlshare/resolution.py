"""A checked spec becomes a pipeline: names looked up, defaults filled in, steps in run order.

Assumes a spec in which ``checks`` found no error, so every look-up succeeds. What is decided here
is what a person gave on the command line: the values of parameters and of `parameter: true` data.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from amlshare import pipeline as p
from amlshare import spec as s
from amlshare.checks.data import location_form
from amlshare.checks.outputs import EXPECTED_FILES, fill
from amlshare.checks.parameters import type_of
from amlshare.checks.schedules import EVERY
from amlshare.checks.steps import parse_mini_batch
from amlshare.diagnostics import Finding, closest
from amlshare.references import Reference, Text, parse

DEFAULT_DATASTORE = "workspaceblobstore"
DEFAULT_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20251130.v1"
DEFAULT_LOCATION = "{pipeline}/{step}/{output}/{run-id}/"


class ParameterError(Exception):
    """A ``-p`` that the spec cannot take; the message says what it could."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The pipeline, and what could not be decided for want of a ``-p``."""

    pipeline: p.Pipeline
    findings: tuple[Finding, ...]


def resolve(
    spec: s.Spec, given: Mapping[str, str] | None = None, target: str | None = None
) -> Resolved:
    """The pipeline of a checked spec. Raises ParameterError for a ``given`` that does not fit."""
    given = given or {}
    _all_known(spec, given)
    findings: list[Finding] = []
    steps = [_step(spec, name, step) for name, step in spec.steps.items()]
    result = p.Pipeline(
        name=spec.name,
        experiment=spec.experiment or spec.name,
        description=spec.description,
        tags=spec.tags,
        target=target,
        workspace=p.Workspace(**spec.workspace.model_dump()),
        local=p.Local(**spec.local.model_dump()),
        compute=_compute(spec),
        environments=tuple(_environment(n, e) for n, e in sorted(spec.environments.items())),
        parameters=tuple(_parameters(spec, given, findings)),
        data=tuple(_data(spec, n, d, given.get(n)) for n, d in sorted(spec.data.items())),
        steps=tuple(_in_run_order(steps)),
        outputs=dict(sorted(spec.outputs.items())),
        publish=p.Publish(**spec.publish.model_dump()) if spec.publish else None,
        schedules=tuple(_schedule(n, sch) for n, sch in sorted(spec.schedules.items())),
    )
    return Resolved(result, tuple(findings))


def _all_known(spec: s.Spec, given: Mapping[str, str]) -> None:
    names = [*spec.parameters, *(name for name, data in spec.data.items() if data.parameter)]
    for name in given:
        if name not in names:
            similar = closest(name, names)
            hint = (
                f"did you mean '{similar}'?" if similar else f"known: {', '.join(names) or 'none'}"
            )
            if name in spec.data:
                hint = f"data '{name}' is fixed: give it `parameter: true` in the spec"
            raise ParameterError(f"the spec has no parameter '{name}'; {hint}")


def _parameters(
    spec: s.Spec, given: Mapping[str, str], findings: list[Finding]
) -> Iterator[p.Parameter]:
    for name, parameter in sorted(spec.parameters.items()):
        kind = cast("Any", type_of(parameter))
        if name in given:
            value = _value(name, kind, given[name])
        elif parameter.default is None:
            findings.append(_no_value(name, kind))
            value = ""
        else:
            value = parameter.default
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
        label=f"a {kind} without a default",
        help=f"give it with `-p {name}=VALUE`, or write a `default:`",
    )


def _value(name: str, kind: str, text: str) -> p.Value:
    try:
        match kind:
            case "boolean":
                return {"true": True, "false": False}[text.lower()]
            case "integer":
                return int(text)
            case "number":
                return float(text) if not _is_whole(text) else int(text)
            case _:
                return text
    except (KeyError, ValueError):
        expected = "true or false" if kind == "boolean" else f"a value of type {kind}"
        raise ParameterError(f"parameter '{name}' is '{text}'; expected {expected}") from None


def _is_whole(text: str) -> bool:
    return text.lstrip("+-").isdigit()


def _compute(spec: s.Spec) -> tuple[p.Compute, ...]:
    """The entries, and a plain one for each cluster that is named without an entry."""
    named = {step.compute for step in spec.steps.values()} | {spec.defaults.compute}
    entries = [
        p.Compute(name=name, cluster=entry.cluster or name, **_but(entry, "cluster"))
        for name, entry in spec.compute.items()
    ]
    bare = [p.Compute(name=name, cluster=name) for name in named - spec.compute.keys() if name]
    return tuple(sorted([*entries, *bare], key=lambda compute: compute.name))


def _but(model: s.BaseModel, *keys: str) -> dict[str, Any]:
    """The fields of a model without some, as plain data."""
    return model.model_dump(exclude=set(keys))


def _environment(name: str, entry: s.Environment) -> p.Environment:
    kind = next(
        k for k in ("registered", "dockerfile", "conda", "pip", "image") if getattr(entry, k)
    )
    image = entry.image
    if image is not None and kind in ("conda", "pip"):
        kind = "image"
    elif kind in ("conda", "pip"):
        image = DEFAULT_IMAGE
    return p.Environment(
        name=name,
        kind=cast("Any", kind),
        image=image,
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
        datastore=None if dataset else entry.datastore or _datastore(spec),
        dataset=entry.name,
        **_but(entry, "name", "datastore"),
    )
    return data if given is None else _given_data(data, given)


def _given_data(data: p.Data, given: str) -> p.Data:
    """``-p flights=DATASTORE:LOCATION`` or, of a dataset, ``-p airport_codes=VERSION``."""
    if data.type == "dataset":
        name, _, version = given.rpartition(":")
        if not (version == "latest" or (version.isdigit() and int(version) > 0)):
            raise ParameterError(
                f"data '{data.name}' is a dataset and got '{given}'; "
                "expected a version (4 or latest), or NAME:VERSION"
            )
        return replace(data, dataset=name or data.dataset, version=version, size=None, files=None)
    datastore, _, location = given.rpartition(":")
    bad = next(location_form(location, ()), None)
    if bad is not None:
        raise ParameterError(f"data '{data.name}': {bad.message}; expected DATASTORE:LOCATION")
    if data.type == "path" and any(mark in location for mark in "*?["):
        raise ParameterError(f"data '{data.name}' is a path, and a path cannot be a pattern")
    return replace(
        data, datastore=datastore or data.datastore, location=location, size=None, files=None
    )


def _datastore(spec: s.Spec) -> str:
    return spec.defaults.datastore or DEFAULT_DATASTORE


def _step(spec: s.Spec, name: str, step: s.Step) -> p.Step:
    code = step.code if step.code is not None else spec.defaults.code
    reuse = step.reuse if step.reuse is not None else spec.defaults.reuse
    return p.Step(
        name=name,
        run=_run(step),
        title=step.title,
        description=step.description,
        code=None if code == "none" else code,
        compute=step.compute or spec.defaults.compute,
        environment=step.environment or spec.defaults.environment,
        inputs=tuple(_input(spec, key, given) for key, given in sorted(step.inputs.items())),
        outputs=tuple(_output(spec, name, key, out) for key, out in sorted(step.outputs.items())),
        env=dict(sorted({**spec.defaults.env, **step.env}.items())),
        after=tuple(sorted(set(step.after))),
        reuse=True if reuse is None else reuse,
        retries=step.retries,
        nodes=step.nodes,
        distribution=p.Distribution(**step.distribution.model_dump())
        if step.distribution
        else None,
        timeout=step.timeout,
        tags=step.tags,
    )


def _run(step: s.Step) -> p.Run:
    if step.command is not None:
        return p.Command(line=_text(step.command))
    arguments = tuple(_arguments(step.arguments))
    if step.parallel is not None:
        return _parallel(step.parallel, arguments)
    return p.Script(file=cast("str", step.script), arguments=arguments)


def _parallel(parallel: s.Parallel, arguments: tuple[Text, ...]) -> p.Parallel:
    batch: p.Number | None = None
    unit: Any = "files"
    if isinstance(parallel.mini_batch, str) and parallel.mini_batch.startswith("${"):
        batch = cast("Reference", _text(parallel.mini_batch)[0])
    elif parallel.mini_batch is not None:
        batch, unit = parse_mini_batch(parallel.mini_batch)
    output, _, file = (parallel.rows_to or "").partition("/")
    return p.Parallel(
        file=parallel.script,
        arguments=arguments,
        mini_batch=batch,
        batch_unit=unit,
        partition_by=tuple(parallel.partition_by),
        rows_to=(output, file) if parallel.rows_to else None,
        **_but(parallel, "script", "mini_batch", "partition_by", "rows_to"),
    )


def _arguments(arguments: list[Any] | dict[str, Any]) -> Iterator[Text]:
    """A text for each word. A mapping has no order, so its flags are sorted."""
    if isinstance(arguments, list):
        yield from (_text(_plain(word)) for word in arguments)
        return
    for flag, value in sorted(arguments.items()):
        match value:
            case None | False:
                continue
            case True:
                yield (flag,)
            case list():
                yield (flag,)
                yield from (_text(_plain(word)) for word in value if word is not None)
            case _:
                yield (flag,)
                yield _text(_plain(value))


def _plain(value: object) -> str:
    """A word as it stands in YAML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _text(value: str) -> Text:
    return parse(value)[0] or ("",)


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
        reads=p.Reads(**given.reads.model_dump()) if given.reads else None,
    )


def _output(spec: s.Spec, step: str, name: str, output: s.Output) -> p.Output:
    location = output.location or DEFAULT_LOCATION
    return p.Output(
        name=name,
        datastore=output.datastore or _datastore(spec),
        location=fill(location, spec.name, step, name),
        dataset=output.name,
        only=tuple(output.only),
        expect=_expect(output.expect) if output.expect else None,
        **_but(output, "datastore", "location", "name", "only", "expect"),
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
        **_but(schedule, "every", "at", "days"),
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
