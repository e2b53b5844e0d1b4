"""Azure ML with SDK v1: what it cannot do of a pipeline."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from amlshare.diagnostics import Finding
from amlshare.pipeline import Parallel, Pipeline, Schedule, Step
from amlshare.references import Reference, Text

name = "azureml"

# Minute and hour as numbers, lists or steps; then every day, or a list or range of weekdays.
_RECURRENCE = re.compile(
    r"(\*/\d+ \* \* \* \*)|([\d,]+ (\*/\d+|\*) \* \* \*)|([\d,]+ [\d,]+ \* \* [\w,*-]+)", re.ASCII
)


def check(pipeline: Pipeline) -> Iterable[Finding]:
    """What SDK v1 cannot do of a pipeline, each at its place."""
    for step in pipeline.steps:
        yield from _runs_somewhere(step)
        if isinstance(step.run, Parallel):
            yield from _no_text_references(step, step.run)
    yield from _late_bound(pipeline)
    yield from _exports(pipeline)
    for schedule in pipeline.schedules:
        yield from _cron(schedule)


def _runs_somewhere(step: Step) -> Iterator[Finding]:
    for key, value in (("compute", step.compute), ("environment", step.environment)):
        if value is None:
            yield Finding(
                code=f"missing-{key}",
                message=f"step '{step.name}' has no {key}",
                route=("steps", step.name, key),
                on="key",
                label=f"Azure ML needs to know its {key}",
                help=f"add `{key}:` to the step or to `defaults:`",
            )


def _no_text_references(step: Step, run: Parallel) -> Iterator[Finding]:
    for index, text in enumerate(run.arguments):
        if _inside_text(text):
            part = next(part for part in text if isinstance(part, Reference))
            yield Finding(
                code="reference-in-text",
                message=f"a parallel step cannot have {part} inside a text on SDK v1",
                route=("steps", step.name, "arguments", index),
                label="the word must be the reference alone",
                help="pass it as a word of its own",
            )


def _inside_text(text: Text) -> bool:
    return len(text) > 1 and any(isinstance(part, Reference) for part in text)


def _late_bound(pipeline: Pipeline) -> Iterator[Finding]:
    for data in pipeline.data:
        if data.parameter and data.version == "latest":
            yield Finding(
                code="late-bound-parameter",
                message=f"data '{data.name}' cannot be a parameter and the latest version",
                route=("data", data.name, "version"),
                label="SDK v1 fixes a parameter's version when the pipeline is built",
                help="pin the version, or take `parameter: true` out",
            )


def _exports(pipeline: Pipeline) -> Iterator[Finding]:
    types = {f"{s.name}.{out.name}": out.type for s in pipeline.steps for out in s.outputs}
    for output, source in pipeline.outputs.items():
        if types[source] != "path":
            yield Finding(
                code="export-not-path",
                message=f"'{source}' is a {types[source]} and cannot be an output of the pipeline",
                route=("outputs", output),
                label="SDK v1 exports only a path",
                help="take it out: a directory or dataset is found at its location or by its name",
            )


def _cron(schedule: Schedule) -> Iterator[Finding]:
    if schedule.cron is not None and not _RECURRENCE.fullmatch(" ".join(schedule.cron.split())):
        yield Finding(
            code="cron-not-recurrence",
            message=f"SDK v1 has no cron, and '{schedule.cron}' equals no recurrence",
            route=("schedules", schedule.name, "cron"),
            label="expected such as '*/15 * * * *' or '30 22 * * 1-5'",
            help="use `every:` with `at:` and `days:`",
        )
