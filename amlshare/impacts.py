"""What is new, changed or downstream of a change in a plan: it beside what was before.

Fingerprints are compared first, and only the steps whose fingerprints differ are described. A step
is *changed* where a part of its own differs, and *downstream* where only what it reads does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias, get_args

from amlshare.diff import Change, Description, Diff, changed_fields, differing, few
from amlshare.past import NO_FOLDERS, Folders, Past, PastStep, shown
from amlshare.pipeline import Step
from amlshare.plan import Fingerprint, Plan
from amlshare.reasons import SOURCE, Reason, Reasons, become, of_field

Impact: TypeAlias = Literal["added", "renamed", "changed", "downstream", "cosmetic", "unchanged"]
IMPACTS: tuple[Impact, ...] = get_args(Impact)
Describe: TypeAlias = Callable[[Collection[str]], Description]
"""The description of a plan, of its steps only those that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepImpact:
    """What became of a step. ``again`` says why one that is unchanged runs in any case."""

    step: str
    impact: Impact
    reasons: tuple[Reason, ...] = ()
    again: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Impacts:
    """What became of each step since ``against``; ``removed`` names those that are no more."""

    against: str
    steps: Mapping[str, StepImpact]
    removed: tuple[str, ...] = ()

    def count(self, steps: Collection[str] | None = None) -> dict[Impact, int]:
        """How many of ``steps``, None for all of them, there are of each impact."""
        chosen = [each for name, each in self.steps.items() if steps is None or name in steps]
        return {impact: sum(each.impact == impact for each in chosen) for impact in IMPACTS}


Since: TypeAlias = Impacts | str
"""What became of the steps; or why nobody knows, and what there could be to compare with."""


def impacts(plan: Plan, past: Past, describe: Describe, folders: Folders = NO_FOLDERS) -> Impacts:
    """What became of each step of ``plan`` since ``past``.

    ``folders`` are its code folders, where the backend takes these as a whole.
    """
    past, follow = _called_as_now(plan, past, describe)
    found = {step.name: _impact(step, plan, past, follow) for step in plan.pipeline.steps}
    others = [name for name, each in found.items() if each not in ("added", "unchanged")]
    now = describe(others) if others else Description(things={})
    reasons = Reasons(plan, past, now, found)
    again = _Again(plan, past, folders).of(found)
    return Impacts(
        against=past.of,
        steps={
            name: StepImpact(
                step=name,
                impact=impact,
                reasons=tuple(reasons.of(name)) if name in now.named("step") else (),
                again=again.get(name, ()),
            )
            for name, impact in found.items()
        },
        removed=tuple(name for name in past.steps if name not in found),
    )


def _called_as_now(plan: Plan, past: Past, describe: Describe) -> tuple[Past, Collection[str]]:
    """The past by the names of now, and the steps in which no more than such a name differs."""
    names = plan.fingerprints.keys()
    if names <= past.steps.keys() or past.steps.keys() <= names:
        return past, ()
    now = describe(names)
    past = past.called_as(now)
    return past, [
        name
        for name, before in past.steps.items()
        if name in names
        and not any(changed_fields(before.fields, now.named("step")[name]))
        and _parts_changed(before, plan.fingerprints[name]) <= _WITH_NAMES
    ]


def _parts_changed(before: PastStep, now: Fingerprint) -> set[str]:
    return set(differing(before.fingerprint.own, now.own))


_WITH_NAMES = {"inputs", "settings"}
"""The parts of a fingerprint in which other steps are named."""


def of_diff(diff: Diff, plan: Plan) -> Impacts:
    """What a difference says of the steps of ``plan``, which is what it compares with the past."""
    changes = {each.name: each for each in diff.changes if each.kind == "step"}
    return Impacts(
        against=diff.before,
        steps={
            step.name: _of_change(step.name, changes.get(step.name)) for step in plan.pipeline.steps
        },
        removed=tuple(name for name, each in changes.items() if each.effect == "removed"),
    )


def _of_change(name: str, change: Change | None) -> StepImpact:
    if change is None:
        return StepImpact(step=name, impact="unchanged")
    if change.effect == "added":
        return StepImpact(step=name, impact="added")
    named = change.renamed_from
    reasons = [Reason(step=name, what=f"it was called '{named}'")] if named else []
    reasons += [of_field(name, each) for each in change.fields]
    reasons += [Reason(step=name, what=each, field=SOURCE) for each in change.reasons]
    assert change.effect != "removed"
    return StepImpact(step=name, impact=change.effect, reasons=tuple(reasons))


def _impact(step: Step, plan: Plan, past: Past, follow: Collection[str]) -> Impact:
    """What became of a step. Those that ``follow`` differ in how they call others alone."""
    before = past.steps.get(step.name)
    if before is None:
        return "added"
    now = plan.fingerprints[step.name]
    if before.named is not None:
        return "renamed"
    if before.fingerprint.digest != now.digest:
        as_it_was = before.fingerprint.own == now.own or step.name in follow
        return "downstream" if as_it_was else "changed"
    return "unchanged" if before.shown == shown(step) else "cosmetic"


# What runs again as it was


class _Again:
    """Why steps of ``plan`` run that are as they were; ``folders`` are its code folders."""

    def __init__(self, plan: Plan, past: Past, folders: Folders) -> None:
        self._plan = plan
        self._past = past
        self._folders = folders
        self._differing = cache(self._files)

    def of(self, found: Mapping[str, Impact]) -> dict[str, tuple[Reason, ...]]:
        """The reasons of each step that has some, in run order."""
        said: dict[str, tuple[Reason, ...]] = {}
        runs = {name for name, impact in found.items() if impact not in _AS_THEY_WERE}
        for step in self._plan.pipeline.steps:
            if why := (*self._itself(step), *_remade(step, runs)):
                said[step.name] = why
                runs.add(step.name)
        return {name: why for name, why in said.items() if found[name] in _AS_THEY_WERE}

    def _itself(self, step: Step) -> Iterator[Reason]:
        if not step.reuse:
            route = ("steps", step.name, "reuse")
            yield Reason(step=step.name, what="`reuse: false`: it always runs", route=route)
        before = self._past.steps.get(step.name)
        if before is None:
            return
        if before.status is not None and before.status != "completed":
            ended = _ENDED.get(before.status, before.status)
            yield Reason(step=step.name, what=f"it {ended} the last time")
        if files := self._differing(before.submit, before.folder, step.code):
            yield self._in_folder(step, before, files)

    def _in_folder(self, step: Step, before: PastStep, files: tuple[str, ...]) -> Reason:
        """Its code folder differs; with a place in the file where that is only one."""
        route = ("steps", step.name, "code")
        whole = "its code folder, which Azure takes as a whole"
        if len(files) > 1:
            said = f"{', '.join(few(files))} changed in {whole}"
            return Reason(step=step.name, what=said, route=route)
        old = self._past.submits[before.submit].folders[before.folder or ""].get(files[0])
        new = self._folders[step.code or ""].get(files[0])
        return Reason(
            step=step.name,
            what=f"{files[0]} {become(old, new)} {'from' if new is None else 'in'} {whole}",
            route=route,
            folder=step.code,
            file=files[0],
            digests=(old, new),
        )

    def _files(self, submit: str, before: str | None, now: str | None) -> tuple[str, ...]:
        """The files that differ between a code folder of a submit and one of now."""
        of = self._past.submits[submit]
        old, new = of.folders.get(before or ""), self._folders.get(now or "")
        if old is None or new is None:
            return ()
        return tuple(name for name in differing(old, new) if name in old or not of.in_part)


_AS_THEY_WERE = ("unchanged", "cosmetic")
_ENDED = {
    "failed": "failed",
    "skipped": "was not reached",
    "canceled": "was canceled",
    "running": "did not end",
}


def _remade(step: Step, runs: Collection[str]) -> Iterator[Reason]:
    """What a step reads of those that run."""
    for given in step.inputs:
        source, dot, _ = given.source.partition(".")
        if dot and source in runs:
            yield Reason(
                step=step.name,
                what=f"it reads {given.source}, which is made again",
                route=("steps", step.name, "inputs", given.name),
                field=SOURCE,
            )
