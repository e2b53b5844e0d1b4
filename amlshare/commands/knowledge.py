"""What is known beside a spec when a plan is made of it."""

from __future__ import annotations

from amlshare.commands.request import Request
from amlshare.movement.known import NOTHING, Known
from amlshare.pipeline import Pipeline


def known(request: Request, pipeline: Pipeline) -> Known:  # noqa: ARG001 - nobody has looked yet
    """What was measured of the sources of a pipeline, or found by earlier runs."""
    return NOTHING
