"""What both SDKs need of a pipeline."""

from __future__ import annotations

from collections.abc import Iterator

from amlshare.checks.places import who
from amlshare.diagnostics import Finding
from amlshare.pipeline import Pipeline


def runs_somewhere(pipeline: Pipeline) -> Iterator[Finding]:
    """missing-compute, missing-environment: where a step runs, and with what installed.

    One finding for all steps that lack it: `defaults` is the way out.
    """
    if lacking := [step.name for step in pipeline.steps if step.compute is None]:
        yield Finding(
            code="missing-compute",
            message=f"{who(lacking)} no compute target",
            route=("steps", lacking[0]),
            on="key",
            label="nothing says where it runs",
            help="add `compute:` to `defaults:`, or to the step",
        )
    if lacking := [step.name for step in pipeline.steps if step.environment is None]:
        yield Finding(
            code="missing-environment",
            message=f"{who(lacking)} no environment",
            route=("steps", lacking[0]),
            on="key",
            label="nothing says what is installed",
            help="add `environment:` to `defaults:`, or to the step",
        )
