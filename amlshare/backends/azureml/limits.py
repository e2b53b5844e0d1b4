"""Azure ML with SDK v1: what it cannot do of a pipeline."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from amlshare import packages
from amlshare.backends.cloud import runs_somewhere
from amlshare.diagnostics import Finding, Note, Route
from amlshare.packages import ReadText
from amlshare.pipeline import (
    TABLES,
    Environment,
    Input,
    Output,
    Parallel,
    Pipeline,
    Schedule,
    Script,
    Step,
    texts,
)
from amlshare.references import Reference, Text, references, write

name = "azureml"

# Words that the SDK takes as names of its own objects.
_MAGIC = re.compile(r"(DatasetConsumptionConfig|DatasetOutputConfig):\w+", re.ASCII)
_PARAMETER = "parameter:"
# Flags of the program that runs a parallel step's script.
_TAKEN = frozenset(
    """--mini_batch_size --error_threshold --allowed_failed_count --allowed_failed_percent --output
    --output_action --logging_level --process_count_per_node --run_invocation_timeout --run_max_try
    --append_row_file_name --partition_keys""".split()
)
# Flags that the SDK itself looks for among the words, also when they are cut short.
_LOOKED_FOR = ("--help", "--rank_mini_batch_count")
# How the SDK calls the ports that only say what runs after what.
_ORDER = "_run_after_"
_ENVIRONMENT_NAME = re.compile(r"(?!(?i:azureml|microsoft))[A-Za-z0-9][\w.-]{0,254}", re.ASCII)
_MINUTE = 60
# Packages that bring the SDK's datasets into a step, those of an entry together.
_REGISTERS = "azureml-defaults | azureml-sdk | azureml-core azureml-dataset-runtime".split("|")


def check(pipeline: Pipeline, read: ReadText) -> Iterable[Finding]:
    """What SDK v1 cannot do of a pipeline, each at its place."""
    yield from runs_somewhere(pipeline)
    yield from packages.check(pipeline, read)
    yield from _environment_names(pipeline)
    bare = {e.name for e in pipeline.environments if _lacks_sdk(e, read)}
    yield from _parallel_packages(pipeline, bare)
    for step in pipeline.steps:
        yield from _magic_words(step)
        yield from _port_names(step)
        yield from _processes(step)
        yield from _files_in_folders(step)
        yield from _registers_without(step, bare)
        if isinstance(step.run, Parallel):
            yield from _text_references(step, step.run)
            yield from _taken_flags(step, step.run)
            yield from _leading_word(step, step.run)
            yield from _unwrapped(step)
            yield from _mounted(step, step.run)
            yield from _told_files(pipeline, step, step.run)
    yield from _late_bound(pipeline)
    yield from _two_ways(pipeline)
    yield from _exports(pipeline)
    for schedule in pipeline.schedules:
        yield from _cron(schedule)
        yield from _recurrence(schedule)
        yield from _poll(schedule)
        yield from _time_zone(schedule)


def _arguments(step: Step) -> tuple[Text, ...]:
    """The words that the SDK itself passes on."""
    return texts(step.run) if isinstance(step.run, (Script, Parallel)) else ()


def _at_word(step: Step) -> Route:
    return ("steps", step.name, "arguments")


def _environment_names(pipeline: Pipeline) -> Iterator[Finding]:
    """environment-name: Azure ML keeps an environment under its name, and some are its own."""
    for entry in pipeline.environments:
        if entry.registered is None and not _ENVIRONMENT_NAME.fullmatch(entry.name):
            yield Finding(
                code="environment-name",
                message=f"Azure ML takes no environment called '{entry.name}'",
                route=("environments", entry.name),
                on="key",
                label="expected letters, digits, -, _ and .",
                help="it starts with a letter or digit, and not with AzureML or Microsoft: those "
                "are named by `registered:`",
            )


def _parallel_packages(pipeline: Pipeline, bare: set[str]) -> Iterator[Finding]:
    """parallel-packages: what the program around the script of a parallel step imports."""
    steps = {s.environment: s.name for s in reversed(pipeline.steps) if _is_parallel(s)}
    for entry in pipeline.environments:
        if entry.name in bare and entry.name in steps:
            yield Finding(
                code="parallel-packages",
                severity="warning",
                message=f"environment '{entry.name}' has nothing to run parallel step "
                f"'{steps[entry.name]}' with",
                route=("environments", entry.name, "conda" if entry.conda else "pip"),
                label="the SDK's own program runs it",
                help="add azureml-core and azureml-dataset-runtime[fuse,pandas] to the packages",
            )


def _is_parallel(step: Step) -> bool:
    return isinstance(step.run, Parallel)


def _magic_words(step: Step) -> Iterator[Finding]:
    """magic-word: a literal that the SDK replaces."""
    known = {part.name for text in _arguments(step) for part in references(text)}
    known |= {given.source for given in step.inputs}
    for text in _arguments(step):
        word = write(text)
        named = word.split(_PARAMETER)[1] if word.startswith(_PARAMETER) else None
        if _MAGIC.fullmatch(word) or named in known:
            yield Finding(
                code="magic-word",
                message=f"SDK v1 does not pass '{word}' as it stands",
                route=_at_word(step),
                fragment=word,
                label="it takes this for a name of its own",
                help="write the word otherwise",
            )


def _port_names(step: Step) -> Iterator[Finding]:
    """port-name: one that the SDK takes for a port of its own, and leaves out."""
    ports = [("inputs", given.name) for given in step.inputs]
    ports += [("outputs", output.name) for output in step.outputs]
    for kind, port in ports:
        if port.startswith(_ORDER):
            yield Finding(
                code="port-name",
                message=f"SDK v1 does not take '{port}' as the name of an {kind[:-1]}",
                route=("steps", step.name, kind, port),
                on="key",
                label="its own name for what runs after what",
                help=f"rename it, for example to '{port.removeprefix(_ORDER)}'",
            )


def _processes(step: Step) -> Iterator[Finding]:
    """processes-per-node: how many there are is known to MPI alone."""
    how = step.distribution
    if how is None or how.processes_per_node == 1 or how.type == "mpi":
        return
    if how.type == "tensorflow":
        message = "SDK v1 starts one process of TensorFlow on each node"
        help_ = "take `processes_per_node` out, or use `type: mpi`"
    elif isinstance(step.nodes, Reference):
        message = f"SDK v1 must know how many nodes {step.nodes} are when it builds the pipeline"
        help_ = "write the number of nodes, or use `type: mpi`"
    else:
        return
    yield Finding(
        code="processes-per-node",
        message=message,
        route=("steps", step.name, "distribution", "processes_per_node"),
        label=f"{how.processes_per_node} of {how.type} cannot be started",
        help=help_,
    )


def single_file(output: Output) -> str | None:
    """The name of the file that an output is, where SDK v1 has only a folder for it."""
    if output.type == "path" or output.format != "file":
        return None
    ends = output.location.endswith("/")
    return output.name if ends else PurePosixPath(output.location).name


def _files_in_folders(step: Step) -> Iterator[Finding]:
    """file-without-folder: SDK v1 writes folders, and a single file needs one of its own."""
    for output in step.outputs:
        file = single_file(output)
        if file is None or ("/" in output.location and "{run-id}" not in file):
            continue
        plain = output.name if "{run-id}" in file else file
        yield Finding(
            code="file-without-folder",
            message=f"SDK v1 cannot write output '{output.name}' to '{output.location}'",
            route=("steps", step.name, "outputs", output.name, "location"),
            label="expected FOLDER/FILE",
            help=f"for example `location: {output.name}/{{run-id}}/{plain}`: it is the folder that "
            "SDK v1 names",
        )


def _registers_without(step: Step, bare: set[str]) -> Iterator[Finding]:
    """expect-without-azureml: a wrapper that registers, and no SDK to do so with."""
    for output in step.outputs if step.environment in bare else ():
        if output.dataset is not None and output.expect is not None:
            yield Finding(
                code="expect-without-azureml",
                severity="warning",
                message=f"environment '{step.environment}' has nothing to register "
                f"'{output.dataset}' with",
                route=("steps", step.name, "outputs", output.name, "expect"),
                on="key",
                label="a wrapper in the step checks this, and then registers",
                help="add azureml-defaults to the packages of the environment",
            )


def _lacks_sdk(entry: Environment, read: ReadText) -> bool:
    """Whether what is installed is known, and nothing of it registers datasets.

    What an image or the workspace brings along is not seen; a file or a URL may be anything.
    """
    try:
        found = packages.packages(entry, read)
    except packages.PackagesError:
        return False
    if found is None:
        return False
    listed = packages.names([*found.pip, *found.conda])
    unknown = any(each.startswith("-") or "/" in each.partition("@")[0] for each in found.pip)
    return not unknown and not any(listed.issuperset(each.split()) for each in _REGISTERS)


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
    """parallel-flag: one that the SDK, or the program around the script, takes for itself."""
    for text in run.arguments:
        word = write(text)
        flag = word.partition("=")[0]
        if flag in _TAKEN or _is_looked_for(word, flag):
            yield Finding(
                code="parallel-flag",
                message=f"SDK v1 does not pass '{flag}' to a parallel step",
                route=_at_word(step),
                fragment=flag,
                label="it takes this for a flag of its own",
                help=f"call it otherwise, for example '--my-{flag.lstrip('-').replace('_', '-')}'",
            )


def _is_looked_for(word: str, flag: str) -> bool:
    cut_short = len(flag) > len("--") and any(each.startswith(flag) for each in _LOOKED_FOR)
    return cut_short or word.startswith("-h")


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


def _mounted(step: Step, run: Parallel) -> Iterator[Finding]:
    """parallel-download, parallel-direct: SDK v1 makes a mount of it, and does not say so."""
    for given in step.inputs:
        route = ("steps", step.name, "inputs", given.name, "mode")
        if given.mode == "download":
            yield Finding(
                code="parallel-download",
                severity="warning",
                message=f"SDK v1 mounts input '{given.name}' of a parallel step all the same",
                route=route,
                label="it would not be downloaded",
                help="say `mode: mount`, which is what happens",
            )
        elif given.mode == "direct" and not _stays_direct(given, run):
            yield Finding(
                code="parallel-direct",
                message=f"SDK v1 mounts input '{given.name}' of a parallel step, and hands over "
                "no dataset",
                route=route,
                label="only a table stays direct",
                help="say `mode: mount`: the script gets files",
            )


def _stays_direct(given: Input, run: Parallel) -> bool:
    return given.format in TABLES or (given.name == run.over and bool(run.partition_by))


def _told_files(pipeline: Pipeline, step: Step, run: Parallel) -> Iterator[Finding]:
    """parallel-file: a parallel step is told where a folder lies, and not the file in it."""
    outputs = {f"{s.name}.{out.name}": out for s in pipeline.steps for out in s.outputs}
    ends = {Reference("output", output.name): output for output in step.outputs}
    for given in step.inputs:
        if given.source in outputs and given.mode != "direct":
            ends[Reference("input", given.name)] = outputs[given.source]
    for text in run.arguments:
        for part in references(text):
            if part in ends and (file := single_file(ends[part])):
                yield Finding(
                    code="parallel-file",
                    message=f"SDK v1 cannot tell a parallel step where the file {part} lies",
                    route=_at_word(step),
                    fragment=str(part),
                    label="it tells the folder that the file is in",
                    help=f"say `format: folder`, and let the script look for '{file}' there",
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


def _two_ways(pipeline: Pipeline) -> Iterator[Finding]:
    """parameter-two-ways: a data parameter is a table or files, for all that read it."""
    parameters = {d.name for d in pipeline.data if d.parameter and d.type == "directory"}
    first: dict[str, tuple[bool, Route]] = {}
    for step in pipeline.steps:
        for given in step.inputs:
            if given.source not in parameters or given.format not in TABLES:
                continue
            route = ("steps", step.name, "inputs", given.name)
            table = _reads_rows(step, given)
            known, other = first.setdefault(given.source, (table, route))
            if known != table:
                yield Finding(
                    code="parameter-two-ways",
                    message=f"data '{given.source}' is a parameter, and is read both as a table "
                    "and as files",
                    route=route,
                    label="as a table here" if table else "as files here",
                    help="take `parameter: true` out, or read it in one way",
                    notes=(Note(message="the other way", route=other),),
                )


def _reads_rows(step: Step, given: Input) -> bool:
    run = step.run
    by_rows = isinstance(run, Parallel) and run.over == given.name and run.batch_unit == "bytes"
    return given.mode == "direct" or (given.mode == "auto" and by_rows)


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
            help="use `every: month`, which runs at midnight on the first of the month",
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
            help="take `at` out: it runs at midnight on the first of the month",
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


def _time_zone(schedule: Schedule) -> Iterator[Finding]:
    """unnamed-time-zone: SDK v1 knows zones by their names of Windows, which not every one has."""
    if schedule.time_zone is None:
        return
    from amlshare.backends.azureml.time_zones import windows_name

    if windows_name(schedule.time_zone) is None:
        yield Finding(
            code="unnamed-time-zone",
            message=f"SDK v1 has no name for the time zone '{schedule.time_zone}'",
            route=("schedules", schedule.name, "time_zone"),
            label="it has no name of Windows",
            help="name another zone that has the same clock, or UTC",
        )
