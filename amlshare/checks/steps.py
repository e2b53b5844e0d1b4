"""Rules about a step by itself: what it runs, on how many nodes, how often."""

from __future__ import annotations

import re
from collections.abc import Iterator

from amlshare import units
from amlshare.checks.names import unknown
from amlshare.diagnostics import Finding, Note
from amlshare.references import Reference, parse
from amlshare.spec import Parallel, Spec, Step

KINDS = ("script", "command", "parallel")


def has_steps(spec: Spec) -> Iterator[Finding]:
    """no-steps: an empty pipeline."""
    if not spec.steps:
        yield Finding(
            code="no-steps",
            message="the pipeline has no steps",
            route=("steps",),
            on="key",
            help="add a step: `clean: {script: clean.py}`",
        )


def one_kind(spec: Spec) -> Iterator[Finding]:
    """step-kind: exactly one of script, command and parallel."""
    for name, step in spec.steps.items():
        given = [kind for kind in KINDS if getattr(step, kind) is not None]
        if not given:
            yield Finding(
                code="step-kind",
                message=f"step '{name}' runs nothing",
                route=("steps", name),
                on="key",
                label="has no script, command or parallel",
                help="add one of them, for example `script: FILE.py`",
            )
        elif len(given) > 1:
            first, second = given[:2]
            yield Finding(
                code="step-kind",
                message=f"step '{name}' has both '{first}' and '{second}'",
                route=("steps", name, second),
                on="key",
                label="a step runs one thing",
                help="make it two steps, or take one of them out",
                notes=(Note(message="the other", route=("steps", name, first), on="key"),),
            )


def command_without_arguments(spec: Spec) -> Iterator[Finding]:
    """command-arguments: a command is one line and has its words in it."""
    for name, step in spec.steps.items():
        if step.command is not None and step.arguments:
            yield Finding(
                code="command-arguments",
                message=f"step '{name}' has a command and arguments",
                route=("steps", name, "arguments"),
                on="key",
                label="a command has its words in its line",
                help="write them into `command:`",
            )
        if step.command is not None and not step.command.strip():
            yield Finding(
                code="step-kind",
                message=f"the command of step '{name}' is empty",
                route=("steps", name, "command"),
                help="write the line that bash shall run",
            )


def nodes_distributed(spec: Spec) -> Iterator[Finding]:
    """undistributed-nodes: several nodes that do not know of each other do the same work."""
    for name, step in spec.steps.items():
        if isinstance(step.nodes, int) and step.nodes > 1 and step.distribution is None:
            yield Finding(
                code="undistributed-nodes",
                message=f"step '{name}' runs on {step.nodes} nodes without `distribution`",
                route=("steps", name, "nodes"),
                label="each node would do the same work",
                help="add `distribution: {type: mpi}` (or pytorch, tensorflow), or take "
                "`nodes` out",
            )


def number_references(spec: Spec) -> Iterator[Finding]:
    """bad-number: a parameter that stands where a number stands is a whole number."""
    for name, step in spec.steps.items():
        for route, value in _numbers(name, step):
            if not isinstance(value, Reference):
                continue
            parameter = spec.parameters.get(value.name) if value.kind == "parameter" else None
            if parameter is None:
                yield unknown("parameter", value.name, route, spec.parameters)
            elif isinstance(parameter.default, bool) or not (
                isinstance(parameter.default, int) or parameter.type == "integer"
            ):
                yield Finding(
                    code="bad-number",
                    message=f"parameter '{value.name}' is no whole number",
                    route=route,
                    label="expected an integer parameter",
                    help=f"give it `type: integer` under `parameters: {value.name}:`",
                )


def _numbers(name: str, step: Step) -> Iterator[tuple[tuple[str, ...], object]]:
    yield ("steps", name, "nodes"), step.nodes
    if step.parallel is None:
        return
    route = ("steps", name, "parallel")
    yield (*route, "nodes"), step.parallel.nodes
    yield (*route, "processes_per_node"), step.parallel.processes_per_node
    if isinstance(step.parallel.mini_batch, str):
        parts, _ = parse(step.parallel.mini_batch)
        if len(parts) == 1:
            yield (*route, "mini_batch"), parts[0]


def parallel_steps(spec: Spec) -> Iterator[Finding]:
    """Rules of a parallel step: what it goes over, its mini batches, where its rows go."""
    for name, step in spec.steps.items():
        if step.parallel is not None:
            yield from _over(spec, name, step, step.parallel)
            yield from _mini_batch(name, step.parallel)
            yield from _rows_to(name, step, step.parallel)
            yield from _partitions(spec, name, step, step.parallel)


def _over(spec: Spec, name: str, step: Step, parallel: Parallel) -> Iterator[Finding]:
    route = ("steps", name, "parallel", "over")
    if parallel.over not in step.inputs:
        yield unknown("input", parallel.over, route, step.inputs)
    elif source_type(spec, step.inputs[parallel.over].source) == "path":
        yield Finding(
            code="parallel-path",
            message=f"a parallel step cannot go over '{parallel.over}', which is a path",
            route=route,
            label="expected a directory or dataset",
            help="give its source `type: directory`",
            notes=(Note(message="the input", route=("steps", name, "inputs", parallel.over)),),
        )


def source_type(spec: Spec, source: str) -> str | None:
    """The type of an edge, which is its source's; None for an unknown source."""
    step, dot, output = source.partition(".")
    if not dot:
        return spec.data[source].type if source in spec.data else None
    if step in spec.steps and output in spec.steps[step].outputs:
        return spec.steps[step].outputs[output].type
    return None


MINI_BATCH = re.compile(r"\d+|\d+(\.\d+)?\s*[KMG]?i?B", re.IGNORECASE | re.ASCII)


def _mini_batch(name: str, parallel: Parallel) -> Iterator[Finding]:
    value = parallel.mini_batch
    if value is None or (isinstance(value, str) and value.startswith("${")):
        return
    text = str(value).strip()
    if not MINI_BATCH.fullmatch(text) or (text.isdigit() and int(text) == 0):
        yield Finding(
            code="bad-mini-batch",
            message=f"'{value}' is no size of a mini batch",
            route=("steps", name, "parallel", "mini_batch"),
            label='expected a number of files ("10") or a size of rows ("10 KB")',
        )


def _rows_to(name: str, step: Step, parallel: Parallel) -> Iterator[Finding]:
    if parallel.rows_to is None:
        return
    route = ("steps", name, "parallel", "rows_to")
    output, slash, file = parallel.rows_to.partition("/")
    if output not in step.outputs:
        yield unknown("output", output, route, step.outputs)
    elif not slash or not file or ".." in file.split("/"):
        yield Finding(
            code="bad-rows-to",
            message=f"'{parallel.rows_to}' names no file in an output",
            route=route,
            label="expected OUTPUT/FILE",
            help=f"for example `rows_to: {output}/rows.txt`",
        )


def _partitions(spec: Spec, name: str, step: Step, parallel: Parallel) -> Iterator[Finding]:
    given = step.inputs.get(parallel.over)
    if not parallel.partition_by or given is None:
        return
    data = spec.data.get(given.source)
    known = re.findall(r"\{(\w+)\}", data.partitions or "") if data else []
    for index, key in enumerate(parallel.partition_by):
        if key not in known:
            route = ("steps", name, "parallel", "partition_by", index)
            yield unknown("partition", key, route, known)


def parse_mini_batch(value: str | int | float) -> tuple[int, str]:
    """(number, ``files`` or ``bytes``) of a mini batch that passed its rule."""
    text = str(value).strip()
    return (int(text), "files") if text.isdigit() else (units.parse_size(text), "bytes")
