"""Which mode serves an input best: by bytes, by seconds, and by whether it fits the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from amlshare.movement.estimate import (
    Access,
    Bound,
    Estimate,
    Load,
    estimate,
    room,
    touched,
)
from amlshare.movement.machines import Machine
from amlshare.movement.rates import RATES, Rates
from amlshare.units import show_size

_MANY = 100
"""Files of which it is worth saying that they are many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The mode of an input that the spec leaves to ``auto``, and why it is that one."""

    mode: Access
    reason: str


def choose(
    load: Load | None,
    machine: Machine | None,
    *,
    others: int = 0,
    rates: Rates = RATES,
) -> Choice:
    """The better of mount and download; None is a size, or a machine, not known.

    ``others`` are the bytes of other data that lie on the disk. What does not fit it is never
    downloaded. What is all read, and read again or in no order, is downloaded [D]; else the faster
    way is taken, of two that are even the one that moves less, and the download where that is even
    too.
    """
    if load is None:
        return Choice(mode="mount", reason="neither the spec nor its lock has its size")
    if machine is None:
        why = "the VM size is not known, so neither is the room on its disk"
        return Choice(mode="mount", reason=why)
    if load.size > room(machine, rates) - others:
        beside = load.size <= room(machine, rates)
        why = f"{show_size(load.size)} does not fit {_disk(machine)}"
        why += f" beside {show_size(others)} of other data" if beside else ""
        return Choice(mode="mount", reason=why)
    mount = estimate("mount", load, machine, rates=rates)
    download = estimate("download", load, machine, rates=rates)
    again = load.fraction >= 1 and (load.passes > 1 or load.random)
    even = rates.even if touched(load) * rates.even >= load.size else 1 / rates.even
    if again or download.seconds <= mount.seconds * even:
        why = f"{_whole(load, machine, rates, mount)}, fits {_disk(machine)}"
        return Choice(mode="download", reason=why)
    return Choice(mode="mount", reason=_part(load, download))


def _disk(machine: Machine) -> str:
    return f"the {machine.temp_gib:,} GiB disk"


def _whole(load: Load, machine: Machine, rates: Rates, mount: Estimate) -> str:
    """Why all is fetched at first."""
    size = show_size(load.size)
    if mount.bound == "requests" and (load.files or 0) >= _MANY:
        return f"{load.files:,} files, fetched {round(rates.threads * machine.cores)} at a time"
    part = f"all of {size}" if load.fraction >= 1 else f"{100 * load.fraction:.3g} % of {size}"
    times = f" {load.passes:,} times" if load.passes > 1 else ""
    return f"{part} is read{times}{' in no order' if load.random else ''}"


def _part(load: Load, download: Estimate) -> str:
    """Why it is read where it lies."""
    size = show_size(load.size)
    if load.fraction < 1:
        return f"{100 * load.fraction:.3g} % of {size} is read"
    return f"a download of {size} {_SLOW.get(download.bound, 'takes longer')}"


_SLOW: Mapping[Bound | None, str] = {
    "disk": "would wait for the disk",
    "listing": "would wait for the listing",
    "account": "would wait for the storage account",
}
