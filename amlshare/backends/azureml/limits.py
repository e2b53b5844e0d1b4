"""Azure ML with SDK v1: what it cannot do of a pipeline."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from amlshare.backends.cloud import runs_somewhere
from amlshare.diagnostics import Finding, Note, Route
from amlshare.pipeline import Command, Parallel, Pipeline, Schedule, Step
from amlshare.references import Reference, Text, write

name = "azureml"

# Words that the SDK takes as names of its own objects.
_MAGIC = re.compile(r"(DatasetConsumptionConfig|DatasetOutputConfig|parameter):(\w+)", re.ASCII)
# Flags of the program that runs a parallel step's script.
_TAKEN = frozenset(
    """--mini_batch_size --error_threshold --allowed_failed_count --allowed_failed_percent --output
    --output_action --logging_level --process_count_per_node --run_invocation_timeout --run_max_try
    --append_row_file_name --partition_keys --rank_mini_batch_count""".split()
)
_MINUTE = 60


def check(pipeline: Pipeline) -> Iterable[Finding]:
    """What SDK v1 cannot do of a pipeline, each at its place."""
    yield from runs_somewhere(pipeline)
    for step in pipeline.steps:
        yield from _magic_words(step)
        if isinstance(step.run, Parallel):
            yield from _text_references(step, step.run)
            yield from _taken_flags(step, step.run)
            yield from _leading_word(step, step.run)
            yield from _unwrapped(step)
            yield from _mounted(step)
    yield from _late_bound(pipeline)
    yield from _exports(pipeline)
    for schedule in pipeline.schedules:
        yield from _cron(schedule)
        yield from _recurrence(schedule)
        yield from _poll(schedule)


def _arguments(step: Step) -> tuple[Text, ...]:
    return () if isinstance(step.run, Command) else step.run.arguments


def _at_word(step: Step) -> Route:
    return ("steps", step.name, "arguments")


def _magic_words(step: Step) -> Iterator[Finding]:
    """magic-word: a literal that the SDK replaces."""
    parameters = {
        part.name for text in _arguments(step) for part in text if isinstance(part, Reference)
    }
    for text in _arguments(step):
        word = write(text)
        match = _MAGIC.fullmatch(word)
        if match and (match[1] != "parameter" or match[2] in parameters):
            yield Finding(
                code="magic-word",
                message=f"SDK v1 does not pass '{word}' as it stands",
                route=_at_word(step),
                fragment=word,
                label="it takes this for a name of its own",
                help="write the word otherwise",
            )


def _text_references(step: Step, run: Parallel) -> Iterator[Finding]:
    """parallel-reference: a reference inside a text of a parallel step."""
    for text in run.arguments:
        inside = next((part for part in text if isinstance(part, Reference)), None)
        if inside is not None and len(text) > 1:
            yield Finding(
                code="parallel-reference",
                message=f"a parallel step cannot have {inside} inside a text on SDK v1",
                route=_at_word(step),
                fragment=write(text),
                label="the word must be the reference alone",
                help="pass it as a word of its own",
            )


def _taken_flags(step: Step, run: Parallel) -> Iterator[Finding]:
    """parallel-flag: one that the program around the script takes for itself."""
    for text in run.arguments:
        flag = write(text).partition("=")[0]
        if flag in _TAKEN:
            yield Finding(
                code="parallel-flag",
                message=f"SDK v1 refuses '{flag}' in a parallel step",
                route=_at_word(step),
                fragment=flag,
                label="a flag of the program that runs the script",
                help=f"call it otherwise, for example '--my-{flag[2:].replace('_', '-')}'",
            )


def _leading_word(step: Step, run: Parallel) -> Iterator[Finding]:
    """parallel-first-word: the first word of a parallel step is a flag."""
    first = write(run.arguments[0]) if run.arguments else "-"
    if not first.startswith("-"):
        yield Finding(
            code="parallel-first-word",
            message=f"SDK v1 refuses '{first}' as the first word of a parallel step",
            route=_at_word(step),
            fragment=first,
            label="expected a flag",
            help="pass it behind a flag: SDK v1 adds flags of its own around these words",
        )


def _unwrapped(step: Step) -> Iterator[Finding]:
    """parallel-retries, parallel-expect: what a wrapper does for other steps."""
    if step.retries:
        yield Finding(
            code="parallel-retries",
            message=f"SDK v1 cannot try parallel step '{step.name}' again",
            route=("steps", step.name, "retries"),
            on="key",
            label="it tries single mini batches again",
            help="use `parallel: {batch_retries: N}`",
        )
    for output in step.outputs:
        if output.expect is not None:
            yield Finding(
                code="parallel-expect",
                message=f"SDK v1 cannot hold parallel step '{step.name}' to what it should write",
                route=("steps", step.name, "outputs", output.name, "expect"),
                on="key",
                label="nothing runs after the last mini batch",
                help="let the step that reads it say what it expects",
            )


def _mounted(step: Step) -> Iterator[Finding]:
    """parallel-download: SDK v1 turns it into a mount, and does not say so."""
    for given in step.inputs:
        if given.mode == "download":
            yield Finding(
                code="parallel-download",
                severity="warning",
                message=f"SDK v1 mounts input '{given.name}' of a parallel step all the same",
                route=("steps", step.name, "inputs", given.name, "mode"),
                label="it would not be downloaded",
                help="say `mode: mount`, which is what happens",
            )


def _late_bound(pipeline: Pipeline) -> Iterator[Finding]:
    """late-bound-parameter: a parameter's version is fixed when the pipeline is built."""
    for data in pipeline.data:
        if data.parameter and data.version == "latest":
            yield Finding(
                code="late-bound-parameter",
                message=f"data '{data.name}' cannot be a parameter and the latest version",
                route=("data", data.name, "version"),
                label="SDK v1 looks this up when the pipeline is built",
                help="pin the version, or take `parameter: true` out",
                notes=(
                    Note(message="a parameter", route=("data", data.name, "parameter"), on="key"),
                ),
            )


def _exports(pipeline: Pipeline) -> Iterator[Finding]:
    """export-not-path, exported-twice: SDK v1 exports a path, under one name."""
    types = {f"{s.name}.{out.name}": out.type for s in pipeline.steps for out in s.outputs}
    first: dict[str, str] = {}
    for output, source in pipeline.outputs.items():
        if types[source] != "path":
            yield Finding(
                code="export-not-path",
                message=f"'{source}' is a {types[source]} and cannot be an output of the pipeline",
                route=("outputs", output),
                label="SDK v1 exports only a path",
                help="take it out: a directory or dataset is found at its location or by its name",
            )
        elif source in first:
            yield Finding(
                code="exported-twice",
                message=f"'{source}' is the pipeline's output under two names",
                route=("outputs", output),
                label="SDK v1 knows one name for each",
                help="take one of them out",
                notes=(Note(message="the other", route=("outputs", first[source])),),
            )
        first.setdefault(source, output)


def _cron(schedule: Schedule) -> Iterator[Finding]:
    """cron-not-recurrence: days and weeks can be said, days of a month and months cannot."""
    fields = (schedule.cron or "* * * * *").split()
    if fields[2:4] != ["*", "*"]:
        yield Finding(
            code="cron-not-recurrence",
            message=f"SDK v1 has no cron, and '{schedule.cron}' equals no recurrence",
            route=("schedules", schedule.name, "cron"),
            label="expected * for the day of the month and for the month",
            help="use `every: month`, which counts from the moment at which the schedule is made",
        )


def _recurrence(schedule: Schedule) -> Iterator[Finding]:
    """days-without-week, at-with-month: what a recurrence of SDK v1 does not have."""
    unit = schedule.every[1] if schedule.every else None
    if schedule.days and unit in ("day", "month"):
        yield Finding(
            code="days-without-week",
            message=f"SDK v1 knows weekdays only of weeks, not of {unit}s",
            route=("schedules", schedule.name, "days"),
            on="key",
            label="goes with `every: week`",
            help="use `every: week`, or take `days` out",
        )
    if schedule.at and unit == "month":
        yield Finding(
            code="at-with-month",
            message="SDK v1 knows a time of day only of days and weeks, not of months",
            route=("schedules", schedule.name, "at"),
            on="key",
            label="goes with `every: day` or `week`",
            help="take `at` out: it counts from the moment at which the schedule is made",
        )


def _poll(schedule: Schedule) -> Iterator[Finding]:
    """poll-in-minutes: SDK v1 looks every so many minutes."""
    if schedule.poll is not None and schedule.poll % _MINUTE:
        yield Finding(
            code="poll-in-minutes",
            message="SDK v1 looks for changes every so many whole minutes",
            route=("schedules", schedule.name, "poll"),
            label="expected such as 5m or 1h",
            help=f"write `poll: {max(round(schedule.poll / _MINUTE), 1)}m`",
        )
