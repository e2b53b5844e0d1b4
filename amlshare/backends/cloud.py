"""What both SDKs need of a pipeline."""

from __future__ import annotations

from collections.abc import Iterator

from amlshare.diagnostics import Finding
from amlshare.pipeline import Pipeline, Step


def runs_somewhere(pipeline: Pipeline) -> Iterator[Finding]:
    """missing-compute, missing-environment: where a step runs, and with what installed.

    Where no step says so, that is one mistake, with one way out.
    """
    for lacking in _told_together([s for s in pipeline.steps if s.compute is None], pipeline):
        yield Finding(
            code="missing-compute",
            message=_said(lacking, "compute target"),
            route=("steps", lacking[0].name),
            on="key",
            label="nothing says where it runs",
            help="add `compute:` to `defaults:`, or to the step",
        )
    for lacking in _told_together([s for s in pipeline.steps if s.environment is None], pipeline):
        yield Finding(
            code="missing-environment",
            message=_said(lacking, "environment"),
            route=("steps", lacking[0].name),
            on="key",
            label="nothing says what is installed",
            help="add `environment:` to `defaults:`, or to the step",
        )


def _told_together(lacking: list[Step], pipeline: Pipeline) -> list[list[Step]]:
    return [lacking] if len(lacking) == len(pipeline.steps) else [[step] for step in lacking]


def _said(steps: list[Step], what: str) -> str:
    article = "an" if what[0] in "aeiou" else "a"
    return f"no step has {article} {what}" if steps[1:] else f"step '{steps[0].name}' has no {what}"
