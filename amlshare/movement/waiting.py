"""For how long the steps wait for their data: what they read, and what they have written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from amlshare.movement.edges import EdgeBytes, OutputBytes
from amlshare.movement.estimate import Estimate
from amlshare.movement.facts import Facts
from amlshare.movement.machines import find
from amlshare.pipeline import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What waiting costs, between ``low`` and ``high``, in the currency of the spec's rates."""

    amount: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The sum for each step of which anything is known, and that of all of these.

    ``unknown`` are the ports whose time is in no sum, as ``STEP.PORT``. ``machines`` are the
    compute targets that are at fault for some: what they are called, and their VM size, None
    where the spec names none. ``costs`` has the steps whose compute target has an hourly rate, and
    ``cost`` is their sum: all nodes of a step wait.
    """

    total: Estimate | None
    steps: Mapping[str, Estimate]
    unknown: tuple[str, ...]
    machines: Mapping[str, str | None]
    costs: Mapping[str, Cost] = field(default_factory=dict)
    cost: Cost | None = None


UNTIMED = Waiting(total=None, steps={}, unknown=(), machines={})
"""Where nobody asks for times."""


def waiting(
    facts: Facts,
    edges: Iterable[EdgeBytes],
    outputs: Iterable[OutputBytes],
    *,
    steps: Collection[str] | None = None,
) -> Waiting:
    """The waiting of a run of ``steps`` (None: all). ``edges`` and ``outputs`` are timed; this
    machine costs nothing and is known.
    """
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
    costs = {} if facts.here else _costs(facts, sums)
    silent = set() if facts.here else {port.partition(".")[0] for port in unknown}
    return Waiting(
        total=_sum(sums.values()),
        steps=sums,
        unknown=tuple(unknown),
        machines=_machines(facts.pipeline, silent),
        costs=costs,
        cost=_total(costs.values()),
    )


def _sum(times: Iterable[Estimate]) -> Estimate | None:
    """One after the other; None where nothing is moved, or nothing of it is known."""
    some = [time for time in times if time.seconds]
    if len(some) < 2:
        return some[0] if some else None
    return Estimate(
        seconds=sum(time.seconds for time in some),
        low=sum(time.low for time in some),
        high=sum(time.high for time in some),
        bound=max(some, key=lambda time: time.seconds).bound,
    )


def _costs(facts: Facts, waits: Mapping[str, Estimate]) -> dict[str, Cost]:
    """What the waiting of each step costs, where that is known."""
    rates = {each.name: each.hourly_rate for each in facts.pipeline.compute if each.hourly_rate}
    if not rates:
        return {}
    found = {}
    for step in facts.pipeline.steps:
        rate, wait = rates.get(step.compute or ""), waits.get(step.name)
        if rate and wait:
            second = rate * facts.nodes(step) / 3600
            found[step.name] = Cost(
                amount=wait.seconds * second, low=wait.low * second, high=wait.high * second
            )
    return found


def _total(costs: Collection[Cost]) -> Cost | None:
    if not costs:
        return None
    return Cost(
        amount=sum(each.amount for each in costs),
        low=sum(each.low for each in costs),
        high=sum(each.high for each in costs),
    )


def _machines(pipeline: Pipeline, steps: set[str]) -> dict[str, str | None]:
    """The targets of ``steps`` whose VM size is not known."""
    sizes = {target.name: target.vm_size for target in pipeline.compute}
    wanted = dict.fromkeys(
        step.compute for step in pipeline.steps if step.compute and step.name in steps
    )
    return {name: sizes.get(name) for name in wanted if find(sizes.get(name)) is None}
