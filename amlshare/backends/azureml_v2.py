"""Azure ML with SDK v2: what it cannot do of a pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from amlshare.diagnostics import Finding
from amlshare.pipeline import TABLES, Command, Pipeline, Step
from amlshare.references import Reference

name = "azureml-v2"


def check(pipeline: Pipeline) -> Iterable[Finding]:
    """What SDK v2 cannot do of a pipeline, each at its place."""
    for step in pipeline.steps:
        yield from _paths_on_compute(step)
        yield from _tables_as_arguments(step)
    for schedule in pipeline.schedules:
        if schedule.on_change is not None:
            yield Finding(
                code="schedule-on-change",
                message="SDK v2 has no schedule on a change of data",
                route=("schedules", schedule.name, "on_change"),
                on="key",
                label="only `every` and `cron`",
                help="use `every:`: an unchanged step is eligible for reuse",
            )


def _paths_on_compute(step: Step) -> Iterator[Finding]:
    for given in step.inputs:
        if given.at is not None:
            yield Finding(
                code="path-on-compute",
                message=f"SDK v2 cannot place input '{given.name}' at a path of its own",
                route=("steps", step.name, "inputs", given.name, "at"),
                on="key",
                label="the service chooses the path",
                help="take `at` out and pass the input as an argument",
            )


def _tables_as_arguments(step: Step) -> Iterator[Finding]:
    used = _inputs_used(step)
    for given in step.inputs:
        table = given.mode == "direct" and given.format in TABLES
        if table and given.name not in used:
            yield Finding(
                code="table-not-argument",
                message=f"table '{given.name}' is not passed as an argument",
                route=("steps", step.name, "inputs", given.name),
                on="key",
                label="SDK v2 has no other way to hand it over",
                help=f"pass ${{inputs.{given.name}}} in `arguments:`",
            )


def _inputs_used(step: Step) -> set[str]:
    run = step.run
    texts = (run.line,) if isinstance(run, Command) else run.arguments
    return {
        part.name
        for text in texts
        for part in text
        if isinstance(part, Reference) and part.kind == "input"
    }
