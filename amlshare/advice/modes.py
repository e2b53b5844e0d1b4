"""Whether the modes that a spec states serve its steps."""

from __future__ import annotations

from collections.abc import Iterator

from amlshare.advice.interface import Advice, Subject
from amlshare.diagnostics import Finding
from amlshare.document.edits import Put
from amlshare.movement.choice import Choice, choose
from amlshare.movement.disk import Disk
from amlshare.movement.estimate import Estimate, estimate, moved_bytes, room
from amlshare.movement.facts import Facts
from amlshare.pipeline import Input, Parallel, Step
from amlshare.units import show_times

_WORSE = 2.0
"""As far apart as two estimates must be to differ at all: each may be wrong by as much."""
_NOTICED = 5.0
"""Seconds that a step must gain: its container alone takes longer to start."""


def slow_modes(about: Subject) -> Iterator[Advice]:
    """slow-mode: an input in the cloud that is mounted, or downloaded, and had better not be.

    Only what `auto` would choose is called better, so that the two never contradict each other.
    """
    plan, facts = about.plan, about.facts
    if plan.backend == "local":
        return
    for step in plan.pipeline.steps:
        stated = [given for given in step.inputs if given.mode in ("mount", "download")]
        if stated and not isinstance(step.run, Parallel):
            disk = Disk.of(step, facts, plan.modes)
            for given in stated:
                yield from _slow(step, given, disk, facts)


def _slow(step: Step, given: Input, disk: Disk, facts: Facts) -> Iterator[Advice]:
    load, machine = facts.load(step, given), facts.machine(step)
    if load is None or machine is None or given.mode == "auto":
        return
    others = disk.bytes - disk.downloads.get(given.name, 0)
    if load.size + others > room(machine, facts.rates):
        return  # a mount is all there is; disk-too-small says so of a download
    better = choose(load, machine, others=others, rates=facts.rates)
    if better.mode == given.mode:
        return
    now = estimate(given.mode, load, machine, rates=facts.rates)
    then = estimate(better.mode, load, machine, rates=facts.rates)
    if now.seconds >= _WORSE * then.seconds and now.seconds - then.seconds >= _NOTICED:
        less = moved_bytes(given.mode, load, machine, facts.rates) - moved_bytes(
            better.mode, load, machine, facts.rates
        )
        yield _advice(step, given, better, (now, then), less)


def _advice(
    step: Step, given: Input, better: Choice, times: tuple[Estimate, Estimate], less: int
) -> Advice:
    now, then = times
    route = ("steps", step.name, "inputs", given.name, "mode")
    return Advice(
        finding=Finding(
            code="slow-mode",
            severity="hint",
            message=f"step '{step.name}' waits {_span(now)} for '{given.name}' by {given.mode}, "
            f"and would wait {_span(then)} by {better.mode}",
            route=route,
            label=better.reason,
            help=f"say `mode: {better.mode}`, or leave `mode` out",
        ),
        edits=(Put(route=route, value=better.mode),),
        saved_bytes=less if less > 0 else None,
        saved_seconds=now.seconds - then.seconds,
    )


def _span(time: Estimate) -> str:
    return show_times(time.low, time.high)
