"""Azure ML with SDK v2: what it cannot do of a pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from amlshare import packages
from amlshare.backends.cloud import runs_somewhere
from amlshare.diagnostics import Finding
from amlshare.packages import ReadText
from amlshare.pipeline import TABLES, Output, Pipeline, Schedule, Step, inputs_passed

name = "azureml-v2"


def check(pipeline: Pipeline, read: ReadText) -> Iterable[Finding]:
    """What SDK v2 cannot do of a pipeline, each at its place."""
    yield from runs_somewhere(pipeline)
    yield from packages.check(pipeline, read)
    yield from _order_only(pipeline)
    for step in pipeline.steps:
        yield from _paths_on_compute(step)
        yield from _tables_as_arguments(step)
        for output in step.outputs:
            yield from _lost(step, output)
    for schedule in pipeline.schedules:
        yield from _on_change(schedule)


def _order_only(pipeline: Pipeline) -> Iterator[Finding]:
    """order-only: an `after` that no data implies."""
    by_name = {step.name: step for step in pipeline.steps}
    for step in pipeline.steps:
        fed = _fed_by(step, by_name) if step.after else set()
        for other in step.after:
            if other not in fed:
                yield Finding(
                    code="order-only",
                    message=f"SDK v2 cannot let step '{step.name}' wait for '{other}' without "
                    "reading from it",
                    route=("steps", step.name, "after", other),
                    label="steps are ordered by their data alone",
                    help=f"let '{other}' write an output that '{step.name}' reads",
                )


def _fed_by(step: Step, by_name: Mapping[str, Step]) -> set[str]:
    """The steps whose data reaches ``step``, at any distance."""
    found: set[str] = set()
    waiting = [step]
    while waiting:
        for given in waiting.pop().inputs:
            source, dot, _ = given.source.partition(".")
            if dot and source not in found:
                found.add(source)
                waiting.append(by_name[source])
    return found


def _paths_on_compute(step: Step) -> Iterator[Finding]:
    """path-on-compute: the service chooses where an input lies."""
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
    """table-not-argument: a script of SDK v2 finds no table by its name."""
    used = inputs_passed(step)
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


def _lost(step: Step, output: Output) -> Iterator[Finding]:
    """only-lost, tags-lost: what an output of SDK v2 does not have."""
    route = ("steps", step.name, "outputs", output.name)
    if output.only:
        yield Finding(
            code="only-lost",
            message=f"SDK v2 uploads all of output '{output.name}'",
            route=(*route, "only"),
            on="key",
            label="it cannot choose files",
            help="let the script write only what is wanted",
        )
    if lost := [key for key in ("description", "tags") if getattr(output, key)]:
        yield Finding(
            code="tags-lost",
            severity="warning",
            message=f"SDK v2 registers output '{output.name}' without its {' and '.join(lost)}",
            route=(*route, lost[0]),
            on="key",
            label="an output has only a name and a version there",
            help="set them afterwards, on the registered data",
        )


def _on_change(schedule: Schedule) -> Iterator[Finding]:
    """schedule-on-change: SDK v2 starts nothing when data changes."""
    if schedule.on_change is not None:
        yield Finding(
            code="schedule-on-change",
            message="SDK v2 has no schedule on a change of data",
            route=("schedules", schedule.name, "on_change"),
            on="key",
            label="only `every` and `cron`",
            help="use `every:`, and let the first step see whether there is something new",
        )
