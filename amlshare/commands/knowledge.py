"""What is known beside a spec when a plan is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from amlshare.commands.request import Request, history_key
from amlshare.movement.known import NOTHING, Known, Size
from amlshare.pipeline import Pipeline

if TYPE_CHECKING:
    from amlshare.calibration import Profile
    from amlshare.lock import Content, Lock

NO_PROFILES: Mapping[str, Profile] = {}


def known(
    request: Request,
    pipeline: Pipeline,
    lock: Lock | None = None,
    profiles: Mapping[str, Profile] = NO_PROFILES,
) -> Known:
    """What was measured of the sources of a pipeline, or found by earlier runs, and of the way
    that data takes to the backend, and to Azure. ``profiles`` has the latter by section.
    """
    found = NOTHING if lock is None else _measured(pipeline, lock)
    if seen := _seen(request, pipeline):
        found = replace(found, sizes={**seen, **found.sizes})
    if not profiles:
        return found
    from amlshare.calibration import Profile, section

    own, cloud = (
        profiles.get(section(backend), Profile()) for backend in (request.backend, "azureml")
    )
    return replace(found, rates=own.applied(), cloud_rates=cloud.applied(), machine=own.host())


def _seen(request: Request, pipeline: Pipeline) -> dict[str, Size]:
    """What the last runs have seen, with this backend or else on this machine."""
    if not (request.state / "history").exists():
        return {}
    from amlshare.history import History, Key

    history = History(request.state)
    here = Key(backend="local", pipeline=pipeline.name, target=pipeline.target)
    key = history_key(request, pipeline)
    return {
        source: size
        for each in (here, key)
        if each is not None
        for source, size in history.sizes(each, pipeline.data).items()
    }


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
