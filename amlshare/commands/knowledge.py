"""What is known beside a spec when a plan is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amlshare.commands.request import Request
from amlshare.movement.known import NOTHING, Known, Size
from amlshare.pipeline import Pipeline

if TYPE_CHECKING:
    from amlshare.lock import Content, Lock


def known(
    request: Request,  # noqa: ARG001 - nobody has looked yet
    pipeline: Pipeline,
    lock: Lock | None = None,
) -> Known:
    """What was measured of the sources of a pipeline, or found by earlier runs."""
    return NOTHING if lock is None else _measured(pipeline, lock)


def _measured(pipeline: Pipeline, lock: Lock) -> Known:
    """What the lock has of the data at the places that the pipeline names."""
    entries = {data.name: lock.find(data, pipeline.target) for data in pipeline.data}
    found = {name: entry for name, entry in entries.items() if entry is not None}
    content = {name: entry.content for name, entry in found.items()}
    return Known(
        sizes={name: _size(each) for name, each in content.items()},
        digests={name: each.digest for name, each in content.items() if each.digest is not None},
        changes={name: entry.changes for name, entry in found.items() if entry.changes},
        versions={name: each.version for name, each in content.items() if each.version is not None},
    )


def _size(content: Content) -> Size:
    return Size(bytes=content.bytes, files=content.files, origin="measured")
