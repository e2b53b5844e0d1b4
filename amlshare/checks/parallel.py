"""Rules about parallel steps: what one goes over, its mini batches, where its rows go."""

from __future__ import annotations

import re
from collections.abc import Iterator

from amlshare import units
from amlshare.checks.names import Guesses, unknown
from amlshare.checks.views import source_of, source_type
from amlshare.diagnostics import Finding, Note, Route
from amlshare.references import Reference, parse
from amlshare.spec import Input, Parallel, Spec, Step

TABLES = frozenset({"csv", "parquet", "table"})
_FILE = re.compile(r"[^/\\~\"#%&*:<>?{|}]+")


def _each(spec: Spec) -> Iterator[tuple[str, Step, Parallel, Route]]:
    for name, step in spec.steps.items():
        if step.parallel is not None:
            yield name, step, step.parallel, ("steps", name, "parallel")


def over(spec: Spec) -> Iterator[Finding]:
    """unknown-input, parallel-path: it goes over an input that is a directory or a dataset."""
    for name, step, parallel, route in _each(spec):
        if parallel.over not in step.inputs:
            guess = Guesses(step.inputs)
            yield unknown("unknown-input", parallel.over, (*route, "over"), guess)
        elif source_type(spec, step.inputs[parallel.over].source) == "path":
            source = step.inputs[parallel.over].source
            yield Finding(
                code="parallel-path",
                message=f"a parallel step cannot go over '{parallel.over}', which is a path",
                route=(*route, "over"),
                label="expected a directory or dataset",
                help=f"give '{source}' the `type: directory`",
                notes=(Note(message="its source", route=("steps", name, "inputs", parallel.over)),),
            )


def own_nodes(spec: Spec) -> Iterator[Finding]:
    """parallel-nodes: the nodes of a parallel step stand in `parallel`."""
    for name, step, _, _ in _each(spec):
        for key in ("nodes", "distribution"):
            if key in step.model_fields_set:
                yield Finding(
                    code="parallel-nodes",
                    message=f"step '{name}' is parallel and has '{key}' of its own",
                    route=("steps", name, key),
                    on="key",
                    label="the mini batches are what is spread over nodes",
                    help="write `nodes:` and `processes_per_node:` under `parallel:`",
                )


def mini_batches(spec: Spec) -> Iterator[Finding]:
    """bad-mini-batch: a number of files, or a size of rows."""
    for _, _, parallel, route in _each(spec):
        value = parallel.mini_batch
        if value is not None and not _is_reference(value) and not _mini_batch(value):
            yield Finding(
                code="bad-mini-batch",
                message=f"'{value}' is no size of a mini batch",
                route=(*route, "mini_batch"),
                label="expected a number of files, or a size",
                help='such as "10" (files), or "10 KB" (rows of a table)',
            )


def _is_reference(value: object) -> bool:
    parts, bad = parse(value) if isinstance(value, str) else ((), ())
    return not bad and len(parts) == 1 and isinstance(parts[0], Reference)


def _mini_batch(value: str | int | float) -> tuple[int, str] | None:
    """What :func:`parse_mini_batch` gives; None for a value that is no mini batch."""
    try:
        found = parse_mini_batch(value)
    except ValueError:
        return None
    return found if found[0] > 0 else None


def mini_batch_units(spec: Spec) -> Iterator[Finding]:
    """mini-batch-unit: files are counted, and the rows of a table are measured."""
    for _, step, parallel, route in _each(spec):
        value, given = parallel.mini_batch, step.inputs.get(parallel.over)
        table = None if given is None else _is_table(spec, given)
        batch = None if value is None else _mini_batch(value)
        if table is None or batch is None:
            continue
        if table and batch[1] == "files":
            what, label = "the rows of a table", 'expected a size such as "10 KB"'
        elif not table and batch[1] == "bytes":
            what, label = "files", 'expected a number of files such as "10"'
        else:
            continue
        yield Finding(
            code="mini-batch-unit",
            message=f"'{value}' is no mini batch of {what}",
            route=(*route, "mini_batch"),
            label=label,
            help=f"input '{parallel.over}' comes as {'a table' if table else 'files'}",
        )


def _is_table(spec: Spec, given: Input) -> bool | None:
    """Whether an input comes as a table; None where `mode: auto` leaves that open."""
    source = source_of(spec, given.source)
    if source is None:
        return None
    if source[1] not in TABLES:
        return False
    return {"direct": True, "auto": None}.get(given.mode, False)


def one_division(spec: Spec) -> Iterator[Finding]:
    """batch-and-partition: two ways to cut the input at once."""
    for name, _, parallel, route in _each(spec):
        if parallel.partition_by and parallel.mini_batch is not None:
            yield Finding(
                code="batch-and-partition",
                message=f"step '{name}' has both 'partition_by' and 'mini_batch'",
                route=(*route, "mini_batch"),
                on="key",
                label="each partition is one mini batch",
                help="take one of them out",
                notes=(Note(message="the other", route=(*route, "partition_by"), on="key"),),
            )


def partitions_known(spec: Spec) -> Iterator[Finding]:
    """unknown-partition: a key that the data's `partitions` does not have."""
    for _, step, parallel, route in _each(spec):
        given = step.inputs.get(parallel.over)
        if given is None or _is_table(spec, given) is not False:
            continue  # a table is cut by its columns
        data = spec.data.get(given.source)
        pattern = (data and data.partitions) or ""
        guess = Guesses(partition_keys(pattern))
        for index, key in enumerate(parallel.partition_by):
            # a layout without keys has a rule of its own
            if key not in guess.names and (guess.names or not pattern):
                where = (*route, "partition_by", index)
                yield _unknown_partition(key, where, given.source, guess)


def partition_keys(pattern: str) -> list[str]:
    """``user`` and ``day`` of "{user}/{day}.csv"."""
    return re.findall(r"\{(\w+)\}", pattern)


def _unknown_partition(key: str, route: Route, source: str, known: Guesses) -> Finding:
    label = known.label(key)
    step, dot, output = source.partition(".")
    if dot:
        help_ = "only `data:` has partitions; `mini_batch:` takes files by number"
    elif known.names:
        help_ = f"its `partitions:` has {', '.join(known.names)}"
    else:
        help_ = f'say how its files are laid out: `partitions: "{{{key}}}/*.csv"`'
    place = ("steps", step, "outputs", output) if dot else ("data", source)
    return Finding(
        code="unknown-partition",
        message=f"'{source}' has no partition '{key}'",
        route=route,
        label=label,
        help=None if label else help_,
        notes=(Note(message="its source", route=place, on="key"),),
    )


def rows_to(spec: Spec) -> Iterator[Finding]:
    """unknown-output, bad-rows-to: the rows go to a file in an output of the step."""
    for _, step, parallel, route in _each(spec):
        if parallel.rows_to is None:
            continue
        output, _, file = parallel.rows_to.partition("/")
        if output not in step.outputs:
            guess = Guesses(step.outputs)
            yield unknown("unknown-output", output, (*route, "rows_to"), guess)
        elif not _FILE.fullmatch(file) or file in (".", ".."):
            yield Finding(
                code="bad-rows-to",
                message=f"'{parallel.rows_to}' names no file in an output",
                route=(*route, "rows_to"),
                label="expected OUTPUT/FILE",
                help=f"for example `rows_to: {output}/rows.txt`; no folder stands between",
            )


def parse_mini_batch(value: str | int | float) -> tuple[int, str]:
    """(number, ``files`` or ``bytes``) of a mini batch. Raises ValueError."""
    text = str(value).strip()
    return (int(text), "files") if text.isdigit() else (units.parse_size(text), "bytes")
