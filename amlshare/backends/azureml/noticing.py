"""What Azure ML looks at when it decides whether a step's earlier result serves again.

SDK v1 sends a step as a module; what the service compares is its definition and its code folder as
a whole. A run's settings, where an output goes and under which name it is registered are no part
of that, nor are the bytes that lie behind a place in a datastore.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from amlshare.pipeline import Data, Step
from amlshare.plan import Plan
from amlshare.snapshots import SnapshotError, Snapshots, ignore_file

_SETTINGS = frozenset({"timeout", "nodes", "compute.vm_size"})
_OF_OUTPUTS = frozenset("location datastore name description tags".split())
_REGISTRATION = frozenset("name description tags".split())


def is_noticed(field: str, step: Step) -> bool:
    """Whether the service would see that a field of a step differs.

    Fields are those of :mod:`amlshare.description`; what a step names starts with its kind.
    """
    first, *rest = field.split(".")
    if first == "env" or field in _SETTINGS:
        return False
    if first != "outputs" or len(rest) < 2 or rest[1] not in _OF_OUTPUTS:
        return True
    # with a contract the wrapper registers, and is told the name in its arguments
    checked = any(output.name == rest[0] and output.expect for output in step.outputs)
    return checked and rest[1] in _REGISTRATION


def whole_folders(plan: Plan, base: Path) -> dict[str, dict[str, str]]:
    """The files of the plan's code folders, each a sha256 by path: a step gets all of its own.

    ``base`` is the spec's folder. A folder that cannot be read is left out.
    """
    snapshots = Snapshots(base)
    found = {}
    for folder in sorted({step.code for step in plan.pipeline.steps if step.code is not None}):
        files = dict(snapshots.files(folder))
        if patterns := ignore_file(base / folder):
            files[patterns.name] = patterns  # uploaded also where it leaves itself out
        with suppress(SnapshotError):
            digests = {name: snapshots.digest(path) for name, path in files.items()}
            if folder not in snapshots.problems:
                found[folder] = digests
    return found


def unwatched(step: Step, plan: Plan) -> Iterator[Data]:
    """The data that a step reads where it lies, and of which no lock has a digest."""
    read = {given.source for given in step.inputs}
    for data in plan.pipeline.data:
        if data.name in read and data.dataset is None and data.name not in plan.known.digests:
            yield data
