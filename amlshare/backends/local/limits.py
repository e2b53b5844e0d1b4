"""What the local backend cannot do of a pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from amlshare.diagnostics import Finding
from amlshare.packages import ReadText
from amlshare.pipeline import Parallel, Pipeline, Step, inputs_passed


def check(pipeline: Pipeline, _read: ReadText) -> Iterable[Finding]:
    """What cannot be done of a pipeline on this machine, each at its place."""
    yield from _stand_ins(pipeline)
    for step in pipeline.steps:
        yield from _told(step)


def _stand_ins(pipeline: Pipeline) -> Iterator[Finding]:
    """no-stand-in: data that a step reads, in a datastore that nothing stands in for here.

    One finding for a datastore: there is one way out.
    """
    used = {given.source for step in pipeline.steps for given in step.inputs}
    lacking: dict[str, list[str]] = {}
    for data in pipeline.data:
        known = data.datastore is None or data.datastore in pipeline.local.datastores
        if data.name in used and not known and data.upload is None:
            lacking.setdefault(str(data.datastore), []).append(data.name)
    for datastore, names in lacking.items():
        more = f", and {len(names) - 1} more" if names[1:] else ""
        yield Finding(
            code="no-stand-in",
            message=f"nothing stands in for datastore '{datastore}' on this machine",
            route=("data", names[0], "datastore"),
            label=f"data '{names[0]}' lies there{more}",
            help=f"add `local: {{datastores: {{{datastore}: FOLDER}}}}`",
        )


def _told(step: Step) -> Iterator[Finding]:
    """input-not-told: one that a script finds by other means than its arguments on Azure."""
    told = inputs_passed(step)
    over = step.run.over if isinstance(step.run, Parallel) else None
    for given in step.inputs:
        elsewhere = given.at is not None or given.mode == "direct"
        if elsewhere and given.name not in told and given.name != over:
            why = f"at {given.at}" if given.at is not None else "by its name"
            yield Finding(
                code="input-not-told",
                severity="warning",
                message=f"step '{step.name}' cannot find input '{given.name}' {why} here",
                route=("steps", step.name, "inputs", given.name),
                on="key",
                label="on this machine, arguments are the only way",
                help=f"pass ${{inputs.{given.name}}} as an argument",
            )
