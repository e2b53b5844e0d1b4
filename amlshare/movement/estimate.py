"""How many bytes an edge moves and how long that takes, and what it is that takes so long.

Pure arithmetic. What goes on at the same time bounds together, so its longest term counts; what
comes one after the other adds up. A term whose figures are not known is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal, TypeAlias

from amlshare.movement.machines import GIB, Machine
from amlshare.movement.rates import RATES, Rates

Access: TypeAlias = Literal["mount", "download", "direct"]
Bound: TypeAlias = Literal[
    "NIC", "cores", "one file", "requests", "listing", "mounting", "disk", "account"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What lies at a source, and what of it a step reads.

    ``single`` says that the source is one file, not a folder that must be listed first. Each of
    the ``nodes`` reads for itself, unless the load is ``split`` among them. ``readers`` is how
    many files the step's program reads at a time on each node.
    """

    size: int
    files: int | None = None
    single: bool = False
    fraction: float = 1.0
    passes: int = 1
    random: bool = False
    nodes: int = 1
    split: bool = False
    readers: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Seconds, between ``low`` and ``high``; ``bound`` is what most of them go to."""

    seconds: float
    low: float
    high: float
    bound: Bound | None


NONE = Estimate(seconds=0.0, low=0.0, high=0.0, bound=None)
"""Of what is not moved."""


def touched(load: Load) -> int:
    """The bytes of the source that the step's script reads, each counted once."""
    return load.size if load.fraction >= 1 else min(load.size, ceil(load.size * load.fraction))


def room(machine: Machine, rates: Rates = RATES) -> int:
    """Bytes that the temp disk has for data."""
    return machine.temp_gib * GIB - rates.reserve


def moved_bytes(access: Access, load: Load, machine: Machine | None, rates: Rates = RATES) -> int:
    """What travels for all nodes together.

    A mount moves what is read; it keeps that on the temp disk, so that a further pass moves only
    what found no room there. Of a machine that is not known, the disk is taken to keep it all.
    """
    nodes = 1 if load.split else load.nodes
    match access:
        case "direct":
            return 0
        case "download":
            return load.size * nodes
        case "mount":
            part = touched(load)
            if load.passes == 1 or machine is None:
                return part * nodes
            kept = room(machine, rates) * (load.nodes if load.split else 1)
            return (part + (load.passes - 1) * max(0, part - kept)) * nodes


def estimate(access: Access, load: Load, machine: Machine, *, rates: Rates = RATES) -> Estimate:
    """The seconds for which a step waits for an input on ``machine``."""
    match access:
        case "direct":
            return NONE
        case "download":
            return _download(load, machine, rates)
        case "mount":
            return _mount(load, machine, rates)


def _download(load: Load, machine: Machine, rates: Rates) -> Estimate:
    """Many requests at a time, into files on the temp disk."""
    asked = _requests(load.size, load.files, rates.block)
    terms = _stream(load.size, machine, rates)
    if load.files:
        terms["one file"] = load.size / load.files / rates.file
    terms["requests"] = asked * rates.latency / (rates.threads * machine.cores)
    nodes = load.nodes
    terms["account"] = nodes * max(load.size / rates.egress, asked / rates.requests)
    if machine.temp_mb_s:
        waiting = load.size - rates.memory * machine.ram_gib * GIB
        terms["disk"] = max(0.0, waiting) / (machine.temp_mb_s * 1e6)
    return _sum({"listing": _listing(load, rates)}, terms, rates)


def _mount(load: Load, machine: Machine, rates: Rates) -> Estimate:
    """A file at a time for each reader: only within a file is read ahead."""
    total = moved_bytes("mount", load, machine, rates)
    share = total / load.nodes
    part = touched(load) / load.nodes if load.split else touched(load)
    files = ceil((load.files or 1) * load.fraction / (load.nodes if load.split else 1))
    asked = max(files, share / rates.mount_block) if load.random else files
    terms = _stream(share, machine, rates)
    terms["one file"] = share / (rates.file * load.readers)
    blocks = load.nodes * _requests(part, files, rates.mount_block)
    terms["account"] = max(total / rates.egress, blocks / rates.requests)
    first: dict[Bound, float] = {"listing": _listing(load, rates), "mounting": rates.mounting}
    first["requests"] = asked * rates.latency / load.readers
    return _sum(first, terms, rates)


def estimate_upload(
    size: int, files: int | None, machine: Machine, *, rates: Rates = RATES
) -> Estimate:
    """The seconds for which a step waits until an output lies in the datastore."""
    asked = _requests(size, files, rates.upload_block) + (files or 1)
    terms = _stream(size, machine, rates)
    if files:
        terms["one file"] = size / files / rates.file
    terms["requests"] = asked * rates.latency / (rates.threads * machine.cores)
    terms["account"] = max(size / rates.ingress, asked / rates.requests)
    return _sum({}, terms, rates)


def _requests(size: float, files: int | None, block: int) -> int:
    """Each file takes a request for each of its blocks, and at least one."""
    count = max(files or 1, 1)
    return count * max(1, ceil(size / count / block))


def _stream(size: float, machine: Machine, rates: Rates) -> dict[Bound, float]:
    return {
        "NIC": size / (machine.nic_mbit * 1e6 / 8 * rates.nic),
        "cores": size / (machine.cores * rates.core),
    }


def _listing(load: Load, rates: Rates) -> float:
    return 0.0 if load.single else (load.files or 1) / rates.listing


def _sum(first: dict[Bound, float], terms: dict[Bound, float], rates: Rates) -> Estimate:
    """``first`` comes one after the other, and then the longest of ``terms``."""
    longest = max(terms, key=terms.__getitem__)
    parts: dict[Bound, float] = first | {longest: terms[longest]}
    seconds = sum(parts.values())
    bound: Bound = max(parts, key=parts.__getitem__)
    return Estimate(
        seconds=seconds,
        low=seconds / rates.spread,
        high=seconds * rates.spread,
        bound=bound,
    )
