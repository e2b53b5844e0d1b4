"""The mode of every input that the spec leaves to ``auto``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from amlshare.movement.choice import Choice, choose
from amlshare.movement.disk import Disk
from amlshare.movement.estimate import Load
from amlshare.movement.facts import Facts
from amlshare.movement.known import NOTHING, Known
from amlshare.movement.machines import Machine
from amlshare.pipeline import TABLES, Input, Parallel, Pipeline, Step

_OPENED = Choice(mode="direct", reason="the script opens the table itself")
_ROWS = Choice(mode="direct", reason="a parallel step gets the rows of a table, and no files")
_BATCHES = Choice(mode="mount", reason="a parallel step reads its batches where they lie")
_ONCE = Choice(mode="download", reason="what comes from elsewhere is fetched once, for all steps")
_BESIDE = Choice(mode="mount", reason="SDK v1 mounts whatever a parallel step reads")


def choose_modes(pipeline: Pipeline, *, known: Known = NOTHING) -> dict[str, Choice]:
    """What is chosen for each ``STEP.INPUT`` that is left to ``auto``, in the order of the edges.

    Only among what the cloud can do: a parallel step mounts, a registered table is opened. All
    that one step downloads must fit its disk together, beside what the spec puts there; the
    smallest come first, so that as many as possible do.
    """
    facts = Facts(pipeline, known)
    return {
        f"{step.name}.{name}": choice
        for step in pipeline.steps
        for name, choice in _of_step(step, facts)
    }


def choose_here(pipeline: Pipeline, *, known: Known = NOTHING) -> dict[str, Choice]:
    """What is chosen on this machine for each ``STEP.INPUT`` that is left to ``auto`` and comes
    from elsewhere; what lies here is mounted, which costs nothing.

    The faster way is taken where the rates of this machine are known.
    """
    facts = Facts(pipeline, known, here=True)
    return {
        f"{step.name}.{given.name}": _fetched(facts.load(step, given), facts.machine(step), known)
        for step in pipeline.steps
        for given in step.inputs
        if given.mode == "auto" and not facts.is_at_hand(given.source)
        if not isinstance(step.run, Parallel) and given.format != "table"
    }


def choose_as_in_the_cloud(pipeline: Pipeline, *, known: Known = NOTHING) -> dict[str, Choice]:
    """What Azure would make of each ``STEP.INPUT`` whose files a step gets, where that is not what
    the spec says: for a run on this machine that moves as much.
    """
    chosen = choose_modes(pipeline, known=known.in_the_cloud().everywhere())
    files = {name: choice for name, choice in chosen.items() if choice.mode != "direct"}
    return files | {
        f"{step.name}.{given.name}": _BESIDE
        for step in pipeline.steps
        if isinstance(step.run, Parallel)
        for given in step.inputs
        if given.mode == "download"
    }


def _fetched(load: Load | None, machine: Machine | None, known: Known) -> Choice:
    if load is None or machine is None:
        return _ONCE
    return choose(load, machine, rates=known.rates)


def with_modes(pipeline: Pipeline, modes: Mapping[str, Choice]) -> Pipeline:
    """``pipeline`` with what was chosen for each ``STEP.INPUT`` in place of its ``auto``."""

    def chosen(step: Step, given: Input) -> Input:
        choice = modes.get(f"{step.name}.{given.name}")
        return replace(given, mode=choice.mode) if choice else given

    steps = (
        replace(step, inputs=tuple(chosen(step, given) for given in step.inputs))
        for step in pipeline.steps
    )
    return replace(pipeline, steps=tuple(steps)) if modes else pipeline


def _of_step(step: Step, facts: Facts) -> Iterator[tuple[str, Choice]]:
    left = [given for given in step.inputs if given.mode == "auto"]
    if not left:
        return
    found = {given.name: choice for given in left if (choice := _given(step, given))}
    loads = {given.name: facts.load(step, given) for given in left if given.name not in found}
    machine, others = facts.machine(step), Disk.of(step, facts).bytes
    for name in sorted(loads, key=lambda name: load.size if (load := loads[name]) else 0):
        load = loads[name]
        found[name] = choose(load, machine, others=others, rates=facts.rates)
        if load and found[name].mode == "download":
            others += load.size
    yield from ((given.name, found[given.name]) for given in left)


def _given(step: Step, given: Input) -> Choice | None:
    """The only mode there is, whatever the sizes; None where there is a choice."""
    run = step.run
    if isinstance(run, Parallel) and run.over == given.name:
        by_rows = run.batch_unit == "bytes" and given.format in TABLES
        return _ROWS if by_rows or given.format == "table" else _BATCHES
    if given.format == "table":
        return _OPENED
    return _BESIDE if isinstance(run, Parallel) else None
