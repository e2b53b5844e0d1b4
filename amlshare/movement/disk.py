"""What a step puts on the temp disk of its machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from amlshare.movement.choice import Choice
from amlshare.movement.edges import NO_CHOICES
from amlshare.movement.facts import Facts
from amlshare.pipeline import Output, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The bytes on the disk of each node, by input and by output; what is not known is left out.

    A download lies there whole. What is uploaded lies there until the step has ended; of a mounted
    output, one file after the other does, until it is closed [D].
    """

    downloads: Mapping[str, int]
    outputs: Mapping[str, int]

    @property
    def bytes(self) -> int:
        return sum(self.downloads.values()) + sum(self.outputs.values())

    @classmethod
    def of(cls, step: Step, facts: Facts, modes: Mapping[str, Choice] = NO_CHOICES) -> Disk:
        """What ``step`` puts there with ``modes``, what was chosen for each ``STEP.INPUT``."""
        downloads = {}
        for given in step.inputs:
            how = facts.access(step, given, modes.get(f"{step.name}.{given.name}"))
            if how == "download" and (size := facts.size(given.source).bytes):
                downloads[given.name] = size
        outputs = {
            output.name: size for output in step.outputs if (size := _held(step, output, facts))
        }
        return cls(downloads=downloads, outputs=outputs)


def _held(step: Step, output: Output, facts: Facts) -> int:
    """Each node writes its share."""
    size = facts.size(f"{step.name}.{output.name}")
    if size.bytes is None:
        return 0
    share = ceil(size.bytes / facts.nodes(step))
    if output.mode == "upload":
        return share
    files = 1 if output.format == "file" else size.files
    return min(share, ceil(size.bytes / files)) if files else 0
