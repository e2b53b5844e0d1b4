"""What is new, changed or downstream of a change in a plan, and why: it beside what was before.

What was before is a :class:`Past`: the last submit, a revision, another spec. Fingerprints are
compared first, and only the steps whose fingerprints differ are described. A step is *changed*
where a part of its own differs, and *downstream* where only what it reads does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, get_args

from amlshare.description import codes_of, digests_of, words
from amlshare.diagnostics import Route
from amlshare.diff import (
    Change,
    Description,
    Diff,
    FieldChange,
    Fields,
    Kind,
    Value,
    changed_fields,
    is_cosmetic,
)
from amlshare.pipeline import Step
from amlshare.plan import Fingerprint, Plan, digest, plain

Impact: TypeAlias = Literal["added", "changed", "downstream", "cosmetic", "unchanged"]
IMPACTS: tuple[Impact, ...] = get_args(Impact)
Describe: TypeAlias = Callable[[Collection[str]], Description]
"""The description of a plan, of its steps only those that are named."""


SOURCE = "source"
"""The field of a reason that is no change of its step: that what it reads is made anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """A run, a published pipeline, or another plan: what is around its steps.

    ``name`` is for people; ``codes`` has the files of each code, a sha256 by path, by the digest
    of that code.
    """

    name: str
    things: Mapping[Kind, Mapping[str, Fields]]
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastStep:
    """A step as it was. ``submit`` is the key of the one that had it; ``status`` how it ended,
    None where nobody waited for that.
    """

    submit: str
    fingerprint: Fingerprint
    shown: str
    fields: Fields
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a plan is compared with. ``of`` says for people what that is.

    Each step is as the last submit had it that ran it; ``submits`` has these by key.
    """

    of: str
    submits: Mapping[str, Submit]
    steps: Mapping[str, PastStep]

    def description(self) -> Description:
        """All of it, with what is around the steps as the last submit had it."""
        last = list(self.submits.values())[-1]
        steps = {name: step.fields for name, step in self.steps.items()}
        return Description(of=self.of, things={**last.things, "step": steps})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Something of ``step`` that differs; None is where it is not.

    ``route`` is where the spec says it. ``file`` is a file of the code folder ``folder``, or one
    that the spec names, and ``digests`` are its contents before and after. ``field`` is what
    differs in the words of a description, empty for what no field says.
    """

    step: str
    what: str
    before: Value | None = None
    after: Value | None = None
    route: Route = ()
    field: str = ""
    folder: str | None = None
    file: str | None = None
    digests: tuple[str | None, str | None] = (None, None)

    def __str__(self) -> str:
        if self.before is None and self.after is None:
            return self.what
        return f"{self.what}: {_said(self.before)} -> {_said(self.after)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepImpact:
    """What became of a step. ``again`` says why one that is unchanged runs in any case."""

    step: str
    impact: Impact
    reasons: tuple[Reason, ...] = ()
    again: tuple[str, ...] = ()


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


def past_of(plan: Plan, described: Description) -> Past:
    """A plan, all of whose steps are described, as what another one is compared with."""
    around: dict[Kind, Mapping[str, Fields]] = {
        kind: held for kind, held in described.things.items() if kind != "step"
    }
    submit = Submit(
        name=described.of,
        things=around,
        codes={key: code.files for key, code in codes_of(plan).items()},
        folders={key: code.folder for key, code in codes_of(plan).items()},
    )
    steps = {
        step.name: PastStep(
            submit="",
            fingerprint=plan.fingerprints[step.name],
            shown=shown(step),
            fields=described.named("step")[step.name],
        )
        for step in plan.pipeline.steps
    }
    return Past(of=described.of, submits={"": submit}, steps=steps)


def shown(step: Step) -> str:
    """A digest of what a step says for people and for the movement model; empty for nothing."""
    found = [
        step.title,
        step.description,
        step.tags,
        *((each.description, each.tags, each.size, each.files) for each in step.outputs),
        *(each.reads for each in step.inputs),
    ]
    said = [each for each in found if each and each != _NOTHING]
    return digest(plain(said)) if said else ""


_NOTHING: tuple[object, ...] = (None, {}, None, None)


# Impacts


def impacts(plan: Plan, past: Past, describe: Describe) -> Impacts:
    """What became of each step of ``plan`` since ``past``."""
    found = {step.name: _impact(step, plan, past) for step in plan.pipeline.steps}
    differing = [name for name, each in found.items() if each not in ("added", "unchanged")]
    now = describe(differing) if differing else Description(things={})
    reasons = _Reasons(plan, past, now, found)
    again = _again(plan, past, found)
    return Impacts(
        against=past.of,
        steps={
            name: StepImpact(
                step=name,
                impact=impact,
                reasons=tuple(reasons.of(name)) if name in now.named("step") else (),
                again=tuple(again.get(name, ())) if impact in ("unchanged", "cosmetic") else (),
            )
            for name, impact in found.items()
        },
        removed=tuple(name for name in past.steps if name not in found),
    )


def of_diff(diff: Diff, plan: Plan) -> Impacts:
    """What a difference says of the steps of ``plan``, which is what it compares with the past."""
    changes = {each.name: each for each in diff.changes if each.kind == "step"}
    return Impacts(
        against=diff.before,
        steps={
            step.name: _of_change(step.name, changes.get(step.name)) for step in plan.pipeline.steps
        },
        removed=tuple(name for name, each in changes.items() if each.impact == "removed"),
    )


def _of_change(name: str, change: Change | None) -> StepImpact:
    if change is None:
        return StepImpact(step=name, impact="unchanged")
    if change.impact == "added":
        return StepImpact(step=name, impact="added")
    named = change.renamed_from
    reasons = [Reason(step=name, what=f"it was called '{named}'")] if named else []
    reasons += [_of_field(name, each) for each in change.fields]
    reasons += [Reason(step=name, what=each, field=SOURCE) for each in change.reasons]
    same: Mapping[str, Impact] = {"cosmetic": "cosmetic", "downstream": "downstream"}
    impact = same.get(change.impact, "changed")
    return StepImpact(step=name, impact=impact, reasons=tuple(reasons))


def _impact(step: Step, plan: Plan, past: Past) -> Impact:
    before = past.steps.get(step.name)
    if before is None:
        return "added"
    now = plan.fingerprints[step.name]
    if before.fingerprint.digest != now.digest:
        return "downstream" if before.fingerprint.own == now.own else "changed"
    return "unchanged" if before.shown == shown(step) else "cosmetic"


def _again(plan: Plan, past: Past, found: Mapping[str, Impact]) -> dict[str, list[str]]:
    """Why steps run that are as they were."""
    said: dict[str, list[str]] = {}
    runs = {name for name, impact in found.items() if impact not in ("unchanged", "cosmetic")}
    folders = _folders_changed(plan, past) if plan.backend == "azureml" else {}
    for step in plan.pipeline.steps:
        why = [] if step.reuse else ["`reuse: false`: it always runs"]
        before = past.steps.get(step.name)
        status = before.status if before else None
        if status is not None and status != "completed":
            why.append(f"it {_ENDED.get(status, status)} the last time")
        if files := folders.get(step.code or ""):
            why.append(
                f"{', '.join(files)} changed in its code folder, which Azure takes as a whole"
            )
        for given in step.inputs:
            source = given.source.partition(".")[0]
            if "." in given.source and source in runs:
                why.append(f"it reads {given.source}, which is made again")
        if why:
            said[step.name] = why
            runs.add(step.name)
    return said


_ENDED = {"skipped": "was not reached", "canceled": "was canceled", "running": "did not end"}
_MOST_FILES = 3


def _folders_changed(plan: Plan, past: Past) -> dict[str, list[str]]:
    """The files that differ in the code folders of a plan, as far as any step uses them."""
    now: dict[str, dict[str, str]] = {}
    before: dict[str, dict[str, str]] = {}
    for code in plan.code:
        now.setdefault(code.folder, {}).update(code.files)
    for submit in past.submits.values():
        for key, files in submit.codes.items():
            before.setdefault(submit.folders[key], {}).update(files)
    both = ((folder, before[folder], files) for folder, files in now.items() if folder in before)
    changed = {folder: sorted(_differing(one, other)) for folder, one, other in both}
    return {
        folder: [*files[:_MOST_FILES], *["..."] * (len(files) > _MOST_FILES)]
        for folder, files in changed.items()
    }


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[str]:
    return (name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


# Reasons


class _Reasons:
    """Why steps are not as they were: the description of ``plan`` beside that of ``past``."""

    def __init__(
        self, plan: Plan, past: Past, now: Description, found: Mapping[str, Impact]
    ) -> None:
        self._plan = plan
        self._past = past
        self._now = now
        self._found = found
        self._steps = {step.name: step for step in plan.pipeline.steps}
        self._codes = codes_of(plan)
        self._digests = digests_of(plan)

    def of(self, name: str) -> Iterator[Reason]:
        """What differs of a step itself, of what it names, and of what it reads."""
        step, before = self._steps[name], self._past.steps[name]
        said = [*self._own(step, before), *self._named(step, before)]
        read = [*self._read(step, before)]
        yield from said or ([] if read else self._parts(step, before))
        yield from read

    def _own(self, step: Step, before: PastStep) -> Iterator[Reason]:
        only_shown = self._found[step.name] == "cosmetic"
        for change in changed_fields(before.fields, self._now.named("step")[step.name]):
            last = change.field.rpartition(".")[2]
            if is_cosmetic(change) != only_shown:
                continue
            if change.field == "code":
                yield from self._code(step, before)
            elif last == "arguments":
                yield from _arguments(step.name, change)
            else:
                yield _of_field(step.name, change)

    def _code(self, step: Step, before: PastStep) -> Iterator[Reason]:
        submit = self._past.submits[before.submit]
        old = submit.codes.get(before.fingerprint.own.get("code", ""), {})
        code = self._codes.get(self._digests.get(step.name, ""))
        new = code.files if code else {}
        for file in sorted(_differing(old, new)):
            become = "is new" if file not in old else "is gone" if file not in new else "changed"
            yield Reason(
                step=step.name,
                what=f"code {file} {become}",
                field="code",
                route=("steps", step.name, "script"),
                folder=step.code,
                file=file,
                digests=(old.get(file), new.get(file)),
            )

    def _named(self, step: Step, before: PastStep) -> Iterator[Reason]:
        """Parameters, environment and compute target, as far as the fingerprint is of them."""
        parts = set(_parts_changed(before.fingerprint, self._plan.fingerprints[step.name]))
        if "parameters" in parts:
            texts = " ".join(map(str, self._now.named("step")[step.name].values()))
            for name in dict.fromkeys(_PARAMETER.findall(texts)):
                yield from self._value(step.name, name, before)
        if "environment" in parts and step.environment == before.fields.get("environment"):
            yield from self._of_things(step.name, "environment", step.environment or "", before)
        if "compute" in parts and step.compute == before.fields.get("compute"):
            yield from self._of_things(step.name, "compute", step.compute or "", before)

    def _of_things(self, step: str, kind: Kind, name: str, before: PastStep) -> Iterator[Reason]:
        """What differs of what a step names and is still called so; if only that it does."""
        was = self._past.submits[before.submit].things.get(kind, {}).get(name)
        found = list(changed_fields(was, self._now.named(kind).get(name, {}))) if was else []
        changes = [each for each in found if not is_cosmetic(each) and each.field not in _NODES]
        for change in changes:
            yield _of_thing(step, kind, name, change)
        if not changes:
            route = (_SECTIONS[kind], name)
            yield Reason(step=step, what=f"{kind} '{name}' changed", route=route, field=kind)

    def _value(self, step: str, name: str, before: PastStep) -> Iterator[Reason]:
        was = self._past.submits[before.submit].things.get("parameter", {}).get(name, {})
        one, other = was.get("value", was.get("default")), self._values().get(name)
        if one != other or type(one) is not type(other):
            route = ("parameters", name)
            what = f"parameter '{name}'"
            yield Reason(
                step=step, what=what, before=one, after=other, route=route, field="parameters"
            )

    def _values(self) -> Mapping[str, Value]:
        return {each.name: each.value for each in self._plan.pipeline.parameters}

    def _read(self, step: Step, before: PastStep) -> Iterator[Reason]:
        upstream = self._plan.fingerprints[step.name].upstream
        for given in step.inputs:
            route: Route = ("steps", step.name, "inputs", given.name)
            if before.fingerprint.upstream.get(given.name) == upstream[given.name]:
                continue
            source, dot, _ = given.source.partition(".")
            if dot:
                become = _BECOME.get(self._found.get(source, "changed"), "changed")
                what = f"it reads {given.source} of step '{source}', which {become}"
                yield Reason(step=step.name, what=what, route=route, field=SOURCE)
                continue
            if before.fields.get(f"inputs.{given.name}.from") == source:
                yield from self._of_things(step.name, "data", source, before)

    def _parts(self, step: Step, before: PastStep) -> Iterator[Reason]:
        """The parts that differ where no word of the spec does: a file's bytes, or this program."""
        for part in _parts_changed(before.fingerprint, self._plan.fingerprints[step.name]):
            what = f"its {part} part of the fingerprint, which no key of the spec tells"
            yield Reason(step=step.name, what=what, route=("steps", step.name), field=part)


_PARAMETER = re.compile(r"(?<!\$)\$\{parameters\.(\w+)\}")
_BECOME: Mapping[Impact, str] = {
    "added": "is new",
    "changed": "changed",
    "downstream": "is downstream of a change",
}


def _parts_changed(before: Fingerprint, now: Fingerprint) -> Iterator[str]:
    return (part for part in now.own if now.own[part] != before.own.get(part))


def _of_field(step: str, change: FieldChange) -> Reason:
    return Reason(
        step=step,
        what=change.field,
        before=change.before,
        after=change.after,
        route=("steps", step, *_keys(change.field)),
        field=change.field,
    )


def _keys(name: str) -> Route:
    """The keys that lead to a field, in a spec. What it says with dots is one key."""
    head, _, rest = name.partition(".")
    if head in ("env", "tags"):
        return (head, rest)
    return tuple(int(key) if key.isdecimal() else key for key in name.split("."))


_NODES = frozenset({"min_nodes", "max_nodes", "idle_seconds", "nodes", "hourly_rate"})
"""What a compute target has and no step gets to see."""
_SECTIONS: Mapping[Kind, str] = {
    "data": "data",
    "compute": "compute",
    "environment": "environments",
}


def _of_thing(step: str, kind: Kind, name: str, change: FieldChange) -> Reason:
    return Reason(
        step=step,
        what=f"{change.field} of {kind} '{name}'",
        before=change.before,
        after=change.after,
        route=(_SECTIONS[kind], name, *_keys(change.field)),
        field=f"{kind}.{change.field}",
    )


def _arguments(step: str, change: FieldChange) -> Iterator[Reason]:
    """The flags whose words differ; of what has the same flags in another order, all of it."""
    before, after = (_flags(str(each or "")) for each in (change.before, change.after))
    where = _of_field(step, change)
    flags = [name for name in (before | after) if before.get(name) != after.get(name)]
    if not flags:
        yield replace(where, what=f"{where.what} in another order")
    for name in flags:
        yield replace(
            where,
            what=f"argument {name}" if name else "arguments",
            before=before.get(name),
            after=after.get(name),
            route=(*where.route, name) if name else where.route,
        )


_FLAG = re.compile(r"--?[A-Za-z][^\s=]*")


def _flags(line: str) -> dict[str, str]:
    """What follows each flag, and by the empty name what stands before all of them."""
    found: dict[str, list[str]] = {}
    name = ""
    for word in words(line):
        flag = _FLAG.match(word)
        if flag is None:
            found.setdefault(name, []).append(word)
            continue
        name = flag[0]
        rest = word[len(name) :].removeprefix("=")
        found.setdefault(name, []).extend([rest] if rest else [])
    return {name: " ".join(given) for name, given in found.items()}


def _said(value: Value | None) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)
