"""Why a step is not as it was: what differs of it, and where a spec says that.

Fingerprints say that something differs; the descriptions of both sides say what.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from amlshare.description import codes_of, digests_of, words
from amlshare.diagnostics import Route
from amlshare.diff import (
    Description,
    FieldChange,
    Kind,
    Value,
    below_name,
    changed_fields,
    differing,
    is_cosmetic,
)
from amlshare.past import Past, PastStep
from amlshare.pipeline import Step
from amlshare.plan import Fingerprint, Plan, parameters_of

SOURCE = "source"
"""The field of a reason that is no change of its step: that what it reads is made anew."""


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


class Reasons:
    """Why steps are not as they were: ``now``, of a plan, beside what was before.

    ``found`` has the impact of each step.
    """

    def __init__(self, plan: Plan, past: Past, now: Description, found: Mapping[str, str]) -> None:
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
        said = [*_called(step, before), *self._own(step, before), *self._named(step, before)]
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
                yield of_field(step.name, change)

    def _code(self, step: Step, before: PastStep) -> Iterator[Reason]:
        submit = self._past.submits[before.submit]
        old = submit.codes.get(before.fingerprint.own.get("code", ""), {})
        code = self._codes.get(self._digests.get(step.name, ""))
        new = code.files if code else {}
        for file in differing(old, new):
            digests = old.get(file), new.get(file)
            yield Reason(
                step=step.name,
                what=f"code {file} {become(*digests)}",
                field="code",
                route=("steps", step.name, "script"),
                folder=step.code,
                file=file,
                digests=digests,
            )

    def _named(self, step: Step, before: PastStep) -> Iterator[Reason]:
        """Parameters, environment and compute target, as far as the fingerprint is of them."""
        parts = set(_parts_changed(before.fingerprint, self._plan.fingerprints[step.name]))
        if "parameters" in parts:
            for name in parameters_of(step):
                yield from self._value(step.name, name, before)
        if "environment" in parts and step.environment == before.fields.get("environment"):
            yield from self._of_things(step.name, "environment", step.environment or "", before)
        if "compute" in parts and step.compute == before.fields.get("compute"):
            yield from self._of_things(step.name, "compute", step.compute or "", before)
        if "outputs" in parts:
            yield from self._pipeline(step, before)

    def _pipeline(self, step: Step, before: PastStep) -> Iterator[Reason]:
        """The pipeline's name, where an output lies below it."""
        was = next(iter(self._past.submits[before.submit].things.get("pipeline", {})), None)
        now = self._plan.pipeline.name
        if was is not None and was != now and below_name(before.fields):
            yield Reason(
                step=step.name,
                what="pipeline name",
                before=was,
                after=now,
                route=("name",),
                field=f"outputs.{step.outputs[0].name}.location" if step.outputs else "",
            )

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
            source, dot, _ = given.source.partition(".")
            renamed = dot and self._found.get(source) == "renamed"
            if not renamed and before.fingerprint.upstream.get(given.name) == upstream[given.name]:
                continue
            if dot:
                become = _BECOME.get(self._found.get(source, "changed"), "changed")
                what = f"it reads {given.source} of step '{source}', which {become}"
                yield Reason(step=step.name, what=what, route=route, field=SOURCE)
                continue
            if before.fields.get(f"inputs.{given.name}.from") == source:
                yield from self._of_things(step.name, "data", source, before)
        for other in step.after:
            if self._found.get(other) == "renamed":
                what = f"it runs after step '{other}', which was renamed"
                yield Reason(
                    step=step.name, what=what, route=("steps", step.name, "after"), field=SOURCE
                )

    def _parts(self, step: Step, before: PastStep) -> Iterator[Reason]:
        """The parts that differ where no word of the spec does: a file's bytes, or this program."""
        for part in _parts_changed(before.fingerprint, self._plan.fingerprints[step.name]):
            what = f"its {part} part of the fingerprint, which no key of the spec tells"
            yield Reason(step=step.name, what=what, route=("steps", step.name), field=part)


def _called(step: Step, before: PastStep) -> Iterator[Reason]:
    """That a step had another name."""
    if before.named is not None:
        what = f"it was called '{before.named}'"
        yield Reason(step=step.name, what=what, route=("steps", step.name))


_BECOME = {
    "added": "is new",
    "changed": "changed",
    "downstream": "is downstream of a change",
    "renamed": "was renamed",
}


def become(before: object, after: object) -> str:
    """What became of something; None is where it is not."""
    return "is new" if before is None else "is gone" if after is None else "changed"


def _parts_changed(before: Fingerprint, now: Fingerprint) -> Iterator[str]:
    return (part for part in now.own if now.own[part] != before.own.get(part))


def of_field(step: str, change: FieldChange) -> Reason:
    """A field of a step that differs."""
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
    if head == "sequence":
        number, _, key = rest.partition(".")
        return (head, int(number) - 1, key)  # people count the parts from 1
    return tuple(name.split("."))


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
    where = of_field(step, change)
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
