"""For how long the steps wait for their data: what they read, and what they have written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from amlshare.movement.edges import EdgeBytes, OutputBytes
from amlshare.movement.estimate import Estimate
from amlshare.movement.machines import find
from amlshare.pipeline import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The sum for each step of which anything is known, and that of all of these.

    ``unknown`` are the ports whose time is in no sum, as ``STEP.PORT``. ``machines`` are the
    compute targets that are at fault for some: what they are called, and their VM size, None
    where the spec names none.
    """

    total: Estimate | None
    steps: Mapping[str, Estimate]
    unknown: tuple[str, ...]
    machines: Mapping[str, str | None]


UNTIMED = Waiting(total=None, steps={}, unknown=(), machines={})
"""Where nobody asks for times."""


def waiting(
    pipeline: Pipeline,
    edges: Iterable[EdgeBytes],
    outputs: Iterable[OutputBytes],
    *,
    steps: Collection[str] | None = None,
) -> Waiting:
    """The waiting of a run of ``steps`` (None: all). ``edges`` and ``outputs`` are timed."""
    found: dict[str, list[Estimate]] = {}
    unknown = []
    ports = [(each.edge.step, each.edge.input, each.time) for each in edges]
    ports += [(each.step, each.output, each.time) for each in outputs]
    for step, port, time in ports:
        if steps is not None and step not in steps:
            continue
        if time is None:
            unknown.append(f"{step}.{port}")
        else:
            found.setdefault(step, []).append(time)
    sums = {step: total for step, times in found.items() if (total := _sum(times))}
    return Waiting(
        total=_sum(sums.values()),
        steps=sums,
        unknown=tuple(unknown),
        machines=_machines(pipeline, {port.partition(".")[0] for port in unknown}),
    )


def _sum(times: Iterable[Estimate]) -> Estimate | None:
    """One after the other; None where nothing is moved, or nothing of it is known."""
    some = [time for time in times if time.seconds]
    if not some:
        return None
    return Estimate(
        seconds=sum(time.seconds for time in some),
        low=sum(time.low for time in some),
        high=sum(time.high for time in some),
        bound=max(some, key=lambda time: time.seconds).bound,
    )


def _machines(pipeline: Pipeline, steps: set[str]) -> dict[str, str | None]:
    """The targets of ``steps`` whose VM size is not known."""
    sizes = {target.name: target.vm_size for target in pipeline.compute}
    wanted = dict.fromkeys(
        step.compute for step in pipeline.steps if step.compute and step.name in steps
    )
    return {name: sizes.get(name) for name in wanted if find(sizes.get(name)) is None}
