"""Hints about what nobody reads. They cost money or mislead, and break nothing."""

from __future__ import annotations

from collections.abc import Iterator

from amlshare.checks.references import texts
from amlshare.diagnostics import Finding
from amlshare.references import Reference
from amlshare.spec import Spec


def unused_outputs(spec: Spec) -> Iterator[Finding]:
    """unused-output: a path output that no step reads and the pipeline does not give."""
    used = {given.source for step in spec.steps.values() for given in step.inputs.values()}
    used |= set(spec.outputs.values())
    for step, body in spec.steps.items():
        for name, output in body.outputs.items():
            if output.type == "path" and f"{step}.{name}" not in used:
                yield Finding(
                    code="unused-output",
                    severity="hint",
                    message=f"nobody reads '{step}.{name}'",
                    route=("steps", step, "outputs", name),
                    on="key",
                    label="a path output that only lies there",
                    help="take it out, give it under `outputs:`, or keep it as a directory",
                )


def unused_data(spec: Spec) -> Iterator[Finding]:
    """unused-data: an entry that no input names."""
    used = {given.source for step in spec.steps.values() for given in step.inputs.values()}
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


def unused_parameters(spec: Spec) -> Iterator[Finding]:
    """unused-parameter: one that no argument, command or number refers to."""
    used = {
        part.name
        for place in texts(spec)
        for part in place.parts
        if isinstance(part, Reference) and part.kind == "parameter"
    }
    for step in spec.steps.values():
        numbers: list[object] = [step.nodes]
        if step.parallel is not None:
            numbers += [step.parallel.nodes, step.parallel.processes_per_node]
            used |= {name for name in spec.parameters if _names(step.parallel.mini_batch, name)}
        used |= {number.name for number in numbers if isinstance(number, Reference)}
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


def _names(value: object, parameter: str) -> bool:
    return isinstance(value, str) and f"${{parameters.{parameter}}}" in value
