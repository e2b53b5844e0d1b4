"""What comes from elsewhere where a pipeline runs on this machine; all else lies here already."""

from __future__ import annotations

from amlshare.pipeline import Data, Pipeline


def elsewhere(pipeline: Pipeline) -> frozenset[str]:
    """The sources, ``DATA`` or ``STEP.OUTPUT``, for which no folder of this machine stands in."""
    stores = pipeline.local.datastores
    found = {data.name for data in pipeline.data if is_remote(_stand_in(data, pipeline))}
    for step in pipeline.steps:
        found |= {
            f"{step.name}.{output.name}"
            for output in step.outputs
            if is_remote(stores.get(output.datastore))
        }
    return frozenset(found)


def is_remote(stand_in: str | None) -> bool:
    """Whether a stand-in is elsewhere than in a folder of this machine."""
    return stand_in is not None and "://" in stand_in and not stand_in.startswith("file://")


def _stand_in(data: Data, pipeline: Pipeline) -> str | None:
    if data.type == "dataset":
        return pipeline.local.datasets.get(data.dataset or "")
    return pipeline.local.datastores.get(data.datastore or "")
