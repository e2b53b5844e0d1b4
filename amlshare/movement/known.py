"""What is known beside the spec: how large sources are, what they hold, how fast data comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from amlshare.movement.machines import Machine
from amlshare.movement.rates import RATES, Rates
from amlshare.pipeline import Data, Output

Origin: TypeAlias = Literal["measured", "hint", "history", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much lies at a source; None is unknown. ``origin`` says who says so."""

    bytes: int | None = None
    files: int | None = None
    origin: Origin = "unknown"


UNKNOWN = Size()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a plan is told beside its pipeline. Sources are ``DATA`` or ``STEP.OUTPUT``.

    ``sizes`` has those that were measured or are in the record of an earlier run; ``digests`` says
    what lay at data when it was last looked at: another content has another digest; ``changes`` how
    often another was found there, ``versions`` which one `latest` was. ``rates`` is how fast data
    comes, and ``cloud_rates`` how fast it would on Azure; ``machine`` is the one that runs every
    step, where the backend has one.
    """

    sizes: Mapping[str, Size] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    rates: Rates = RATES
    cloud_rates: Rates = RATES
    machine: Machine | None = None

    def size(self, source: str, entry: Data | Output) -> Size:
        """The size of a source: measured beats a hint, a hint beats what an earlier run found."""
        found = self.sizes.get(source, UNKNOWN)
        if found.origin == "measured":
            return found
        if entry.size is not None:
            return Size(bytes=entry.size, files=entry.files, origin="hint")
        return found if found.bytes is not None else Size(files=entry.files)

    def everywhere(self) -> Known:
        """Without what runs from this checkout have found: nobody else knows of that, and what
        decides over a fingerprint must be the same for all.
        """
        told = {name: size for name, size in self.sizes.items() if size.origin != "history"}
        return self if len(told) == len(self.sizes) else replace(self, sizes=told)

    def in_the_cloud(self) -> Known:
        """What a plan of the same pipeline for Azure is told."""
        return replace(self, rates=self.cloud_rates, machine=None)


NOTHING = Known()
"""Where nobody has looked."""
