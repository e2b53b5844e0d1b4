"""Hints about what nobody reads. They cost money or mislead, and break nothing."""

from __future__ import annotations

from collections.abc import Iterator

from amlshare.checks.outputs import DEFAULT_DATASTORE
from amlshare.checks.views import each_output, each_reference, sources, texts
from amlshare.diagnostics import Finding, closest
from amlshare.references import Reference, parse, references
from amlshare.spec import Spec


def outputs(spec: Spec) -> Iterator[Finding]:
    """unused-output: a path output that no step reads and the pipeline does not give."""
    used = _sources_used(spec)
    if used is None:
        return
    used |= set(spec.outputs.values())
    for step, name, output, route in each_output(spec):
        if output.type == "path" and f"{step}.{name}" not in used:
            yield Finding(
                code="unused-output",
                severity="hint",
                message=f"nobody reads '{step}.{name}'",
                route=route,
                on="key",
                label="a path output that only lies there",
                help="take it out, name it under the pipeline's `outputs:`, or keep it as a "
                "directory",
            )


def scratch(spec: Spec) -> Iterator[Finding]:
    """unused-scratch: a place that no part of the sequence names."""
    if not any(step.scratch for step in spec.steps.values()):
        return
    used = {(place.step, part.name) for place, part in each_reference(spec) if _is_scratch(part)}
    unclear = {place.step for place in texts(spec) if place.bad}
    unclear |= {step for step, name in used if name not in spec.steps[step].scratch}
    for name, step in spec.steps.items():
        for each in step.scratch if step.sequence is not None and name not in unclear else ():
            if (name, each) not in used:
                yield Finding(
                    code="unused-scratch",
                    severity="hint",
                    message=f"no part of step '{name}' uses scratch '{each}'",
                    route=("steps", name, "scratch", each),
                    on="key",
                    help=f"take it out, or hand something on there: `--out: ${{scratch.{each}}}`",
                )


def _is_scratch(part: Reference) -> bool:
    return part.kind == "scratch"


def data(spec: Spec) -> Iterator[Finding]:
    """unused-data: an entry that no input names."""
    used = _sources_used(spec)
    if used is None:
        return
    used |= {schedule.on_change for schedule in spec.schedules.values() if schedule.on_change}
    for name in spec.data:
        if name not in used:
            yield Finding(
                code="unused-data",
                severity="hint",
                message=f"nobody reads data '{name}'",
                route=("data", name),
                on="key",
                help="take it out, or name it in a step's `inputs:`",
            )


def _sources_used(spec: Spec) -> set[str] | None:
    """Every source that an input names; None where one of them is unknown, and may mean any."""
    types = sources(spec)
    return None if None in types.values() else set(types)


def parameters(spec: Spec) -> Iterator[Finding]:
    """unused-parameter: one that no argument, command or number refers to."""
    used = _parameters_used(spec) if spec.parameters else None
    if used is None:
        return
    for name in spec.parameters:
        if name not in used:
            yield Finding(
                code="unused-parameter",
                severity="hint",
                message=f"nobody uses parameter '{name}'",
                route=("parameters", name),
                on="key",
                help=f"take it out, or pass it to a step: `--{name}: ${{parameters.{name}}}`",
            )


def _parameters_used(spec: Spec) -> set[str] | None:
    """Every parameter that something refers to; None where a reference means nothing."""
    parts: list[object] = [part for _, part in each_reference(spec)]
    for step in spec.steps.values():
        parts.append(step.nodes)
        if step.parallel is not None:
            parts += [step.parallel.nodes, step.parallel.processes_per_node]
            parts += references(parse(str(step.parallel.mini_batch))[0])
    used = (part for part in parts if isinstance(part, Reference))
    names = {part.name for part in used if part.kind == "parameter"}
    unclear = any(place.bad for place in texts(spec)) or not names <= spec.parameters.keys()
    return None if unclear else names


def stand_ins(spec: Spec) -> Iterator[Finding]:
    """unused-stand-in: one for a name that nothing has, though a similar name lacks one."""
    default = spec.defaults.datastore or DEFAULT_DATASTORE
    stores = {each.datastore or default for each in spec.data.values()}
    stores |= {output.datastore or default for _, _, output, _ in each_output(spec)}
    datasets = {each.name for each in spec.data.values() if each.name}
    for key, used in (("datastores", stores), ("datasets", datasets)):
        given = getattr(spec.local, key)
        for name in given.keys() - used:
            if similar := closest(name, used - given.keys()):
                yield Finding(
                    code="unused-stand-in",
                    severity="hint",
                    message=f"'{name}' stands in for nothing: no {key[:-1]} is called so",
                    route=("local", key, name),
                    on="key",
                    label=f"did you mean '{similar}'?",
                    help="a stand-in has the name that the workspace knows",
                )
