"""Whether what a step puts on its disk fits there."""

from __future__ import annotations

from collections.abc import Iterator

from amlshare.advice.interface import Advice, Subject
from amlshare.diagnostics import Finding
from amlshare.document.edits import Put
from amlshare.movement.disk import Disk
from amlshare.movement.estimate import room
from amlshare.movement.facts import Facts
from amlshare.movement.machines import Machine, larger
from amlshare.pipeline import Step
from amlshare.units import show_size

_NAMED = 3
"""Ports that are named, the largest first."""


def fits(about: Subject) -> Iterator[Advice]:
    """disk-too-small: a step in the cloud that downloads and writes more than its disk holds.

    What `auto` chose fits, so this is what the spec demands. A size or a machine that is not known
    is no error.
    """
    plan, facts = about.plan, about.facts
    if plan.backend == "local":
        return
    for step in plan.pipeline.steps:
        machine = facts.machine(step)
        if machine is None or (plan.selected is not None and step.name not in plan.selected):
            continue
        disk = Disk.of(step, facts, plan.modes)
        if disk.bytes > room(machine, facts.rates):
            yield _too_small(step, disk, machine, facts)


def _too_small(step: Step, disk: Disk, machine: Machine, facts: Facts) -> Advice:
    ports = [*disk.downloads.items(), *disk.outputs.items()]
    ports.sort(key=lambda port: -port[1])
    name, size = ports[0]
    parts = ", ".join(f"{show_size(each)} of '{port}'" for port, each in ports[:_NAMED])
    mountable = name in disk.downloads or any(
        output.mode == "upload" for output in step.outputs if output.name == name
    )
    enough = disk.bytes - size <= room(machine, facts.rates)
    route = ("steps", step.name, "inputs" if name in disk.downloads else "outputs", name)
    return Advice(
        finding=Finding(
            code="disk-too-small",
            message=f"step '{step.name}' puts {show_size(disk.bytes)} on the {machine.temp_gib:,} "
            f"GiB disk of a {machine.name}: {parts}",
            route=(*route, "mode") if mountable else route,
            on="value" if mountable else "key",
            label=f"{show_size(size)} {_lying(name, disk, mountable=mountable)}",
            help=_ways_out(machine, disk, facts, mountable=mountable, enough=enough),
        ),
        edits=(Put(route=(*route, "mode"), value="mount"),) if mountable and enough else (),
    )


def _lying(name: str, disk: Disk, *, mountable: bool) -> str:
    if name in disk.downloads:
        return "lie there from start to end"
    return "lie there until they are uploaded" if mountable else "of it lie there at a time"


def _ways_out(machine: Machine, disk: Disk, facts: Facts, *, mountable: bool, enough: bool) -> str:
    found = larger(machine, disk.bytes + facts.rates.reserve)
    ways = ["say `mode: mount`" if enough else "say `mode: mount` here and for others"]
    ways = ways if mountable else []
    if found:
        ways.append(f"take a {found.name}, whose disk has {found.temp_gib:,} GiB")
    return ", or ".join(ways) or "let the step write less at a time: no VM size has such a disk"
