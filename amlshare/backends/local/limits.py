"""What the local backend cannot do of a pipeline."""

from __future__ import annotations

from collections.abc import Iterable

from amlshare.diagnostics import Finding
from amlshare.pipeline import Pipeline


def check(pipeline: Pipeline) -> Iterable[Finding]:
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
