"""What differs between two pipelines, in the spec's own words.

A :class:`Description` is a pipeline as named things with flat fields, whatever it was made from: a
spec, a saved plan, what a workspace has. :func:`compare` finds what changed, and what follows.
:func:`differences` says in a few words why a saved plan is stale.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Literal, NamedTuple, TypeAlias, get_args

from amlshare.pipeline import Pipeline, Step, scripts
from amlshare.plan import Plan

Kind: TypeAlias = Literal["pipeline", "parameter", "data", "compute", "environment", "step"]
Effect: TypeAlias = Literal["added", "removed", "renamed", "changed", "downstream", "cosmetic"]
Value: TypeAlias = str | int | float | bool
Fields: TypeAlias = Mapping[str, Value]

KINDS: tuple[Kind, ...] = get_args(Kind)
_RENAMED: tuple[Kind, ...] = ("data", "environment", "step")
"""What is known by what it holds. A compute target and a parameter are little but their names."""
_FOR_PEOPLE = frozenset("title description tags size files reads hourly_rate".split())
"""The keys of a spec that change nothing of what is computed."""
_PACKAGES = ("conda.", "pip.", "channels")
_DEFAULTS: Mapping[str, Value] = {"reuse": True, "retries": 0, "nodes": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A pipeline as things: kind -> name -> field -> value, the steps in run order.

    A field is a key of the spec, or a route to one, such as ``inputs.flights.mode``, with the
    parts of a sequence counted from 1; those at their default are left out. ``of`` says for people
    what is described.
    """

    things: Mapping[Kind, Mapping[str, Fields]]
    of: str = field(default="", compare=False)

    def named(self, kind: Kind) -> Mapping[str, Fields]:
        """The things of a kind."""
        return self.things.get(kind, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """A field that differs; None is where it is not."""

    field: str
    before: Value | None
    after: Value | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A thing that differs, or a step that reads what such a thing makes.

    ``name`` is the one it has now; ``reasons`` say what a step is downstream of.
    """

    kind: Kind
    name: str
    effect: Effect
    renamed_from: str | None = None
    fields: tuple[FieldChange, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What changed from ``before`` to ``after``. ``notes`` say what could not be compared."""

    before: str
    after: str
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()


def compare(before: Description, after: Description, *, notes: Iterable[str] = ()) -> Diff:
    """The changes by kind, in the order of ``after``; what is no more comes last of its kind."""
    names, old = _renames(before, after)
    own = [change for kind in KINDS for change in _own(kind, old, after.named(kind), names)]
    return Diff(
        before=before.of,
        after=after.of,
        changes=tuple(_with_downstream(own, after)),
        notes=tuple(notes),
    )


def _own(
    kind: Kind, old: Mapping[Kind, dict[str, Fields]], now: Mapping[str, Fields], names: _Names
) -> Iterator[Change]:
    """The changes of things in themselves. ``old`` has the names of ``now`` already."""
    was = old[kind]
    before_of = {new: name for name, new in names[kind].items()}
    for name, held in now.items():
        if name not in was:
            yield Change(kind=kind, name=name, effect="added", fields=_alone(held, "added"))
        elif (changed := tuple(changed_fields(was[name], held))) or name in before_of:
            effect = _effect(changed, renamed=name in before_of)
            renamed = before_of.get(name)
            yield Change(kind=kind, name=name, effect=effect, renamed_from=renamed, fields=changed)
    for name, held in was.items():
        if name not in now:
            yield Change(kind=kind, name=name, effect="removed", fields=_alone(held, "removed"))


def _alone(held: Fields, effect: Effect) -> tuple[FieldChange, ...]:
    """The fields of what is on one side only."""
    if effect == "added":
        return tuple(FieldChange(field=name, before=None, after=held[name]) for name in held)
    return tuple(FieldChange(field=name, before=held[name], after=None) for name in held)


def changed_fields(before: Fields, after: Fields) -> Iterator[FieldChange]:
    """The fields that differ, in the order of ``after``; what is left out has its default."""
    names = [*after, *(name for name in before if name not in after)]
    if "conda" in names:  # a broken file on one side at least: which packages differ, nobody knows
        names = [name for name in names if not name.startswith(_PACKAGES)]
    for name in names:
        one, other = before.get(name), after.get(name)
        if one != other or type(one) is not type(other):
            default = _default(name)
            yield FieldChange(
                field=name,
                before=default if one is None else one,
                after=default if other is None else other,
            )


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The names of which two mappings say something else, sorted."""
    names = sorted(before.keys() | after.keys())
    return [name for name in names if before.get(name) != after.get(name)]


def few(names: Sequence[str]) -> list[str]:
    """The first of many names, for people."""
    return [*names[:_FEW], *["..."] * bool(names[_FEW:])]


_FEW = 3


def _default(name: str) -> Value | None:
    first, _, rest = name.partition(".")
    if first == "outputs" and rest.count(".") == 1 and rest.endswith(".overwrite"):
        return False
    return _DEFAULTS.get(name)


def _effect(changed: Iterable[FieldChange], *, renamed: bool) -> Effect:
    if renamed:
        return "renamed"
    return "cosmetic" if all(map(is_cosmetic, changed)) else "changed"


def is_cosmetic(change: FieldChange) -> bool:
    """Whether a change is one for people: nothing is computed otherwise."""
    first, *rest = change.field.split(".")
    key = rest[1] if first in ("inputs", "outputs", "sequence") and rest[1:] else first
    return key in _FOR_PEOPLE


# Renaming

_Names: TypeAlias = Mapping[Kind, Mapping[str, str]]  # kind -> name before -> name after


def _renames(
    before: Description, after: Description
) -> tuple[_Names, dict[Kind, dict[str, Fields]]]:
    """Which things have another name now, and the things of ``before`` by the names of now.

    Kinds, and steps, come after what they refer to, so one look at each is enough.
    """
    names: dict[Kind, dict[str, str]] = {kind: {} for kind in KINDS}
    names["pipeline"] = _of_pipeline(before, after)
    old: dict[Kind, dict[str, Fields]] = {}
    for kind in (*KINDS[1:], KINDS[0]):
        new = _unpaired(after.named(kind), before.named(kind)) if kind in _RENAMED else {}
        old[kind] = {}
        for name, held in before.named(kind).items():
            now = {key: _renamed(kind, key, value, names) for key, value in held.items()}
            if name not in after.named(kind) and (found := new.get(_key(now))):
                names[kind][name] = found.popleft()
            old[kind][names[kind].get(name, name)] = now
    return names, old


def renamed_steps(
    before: Description, after: Description
) -> tuple[Mapping[str, str], Mapping[str, Fields]]:
    """The steps that have another name now, as name before -> name now; and all the steps of
    ``before`` by the names of now, with the other steps called in them as they are now.
    """
    found = _renames(before, after)[0]["step"]
    names: _Names = {**{kind: {} for kind in KINDS}, "step": found}
    return found, {
        found.get(name, name): {
            key: _renamed("step", key, value, names) for key, value in step.items()
        }
        for name, step in before.named("step").items()
    }


def _of_pipeline(before: Description, after: Description) -> dict[str, str]:
    """A description is of one pipeline, whatever its name."""
    pairs = zip(before.named("pipeline"), after.named("pipeline"), strict=False)
    return {old: new for old, new in pairs if old != new}


def _unpaired(
    things: Mapping[str, Fields], others: Mapping[str, Fields]
) -> dict[frozenset[tuple[str, Value]], deque[str]]:
    """The names of the things that only one side has, by what they hold; none that are bare."""
    found: dict[frozenset[tuple[str, Value]], deque[str]] = defaultdict(deque)
    for name, held in things.items():
        if name not in others and held:
            found[_key(held)].append(name)
    return found


def _key(held: Fields) -> frozenset[tuple[str, Value]]:
    return frozenset(held.items())


def _renamed(kind: Kind, key: str, value: Value, names: _Names) -> Value:
    """The value of a field, with the names that things have now."""
    if kind not in ("step", "pipeline") or not isinstance(value, str):
        return value
    if key == "after":
        return ", ".join(sorted(names["step"].get(name, name) for name in value.split(", ")))
    step, dot, output = value.rpartition(".")
    if kind == "pipeline":
        is_step = key.startswith("outputs.")
        return names["step"].get(step, step) + dot + output if is_step else value
    use = _use(key, value)
    if use is None or use.name not in names[use.kind]:
        return value
    return names[use.kind][use.name] + value[len(use.name) :]


# What follows


class Use(NamedTuple):
    """What a step uses, and how, for people."""

    kind: Kind
    name: str
    how: str


_PARAMETER = re.compile(r"(?<!\$)\$\{parameters\.(\w+)\}")


def _use(key: str, value: str) -> Use | None:
    """What a field refers to, if it does."""
    if key == "compute":
        return Use("compute", value, f"runs on compute '{value}'")
    if key == "environment":
        return Use("environment", value, f"runs in environment '{value}'")
    if not (key.startswith("inputs.") and key.endswith(".from")):
        return None
    step, dot, _ = value.rpartition(".")
    if dot and ":" not in value:
        return Use("step", step, f"reads {value} of step '{step}'")
    return Use("data", value, f"reads data '{value}'")


def uses(step: Fields) -> Iterator[Use]:
    """What a step refers to, in the order of its fields."""
    for key, value in step.items():
        if not isinstance(value, str):
            continue
        if use := _use(key, value):
            yield use
        for name in dict.fromkeys(_PARAMETER.findall(value) if "${" in value else ()):
            yield Use("parameter", name, f"uses parameter '{name}'")


_SAID: Mapping[Effect, str] = {
    "added": "is new",
    "changed": "changed",
    "renamed": "was renamed",
    "downstream": "is downstream",
}


def _with_downstream(own: list[Change], after: Description) -> Iterator[Change]:
    """The changes, and the steps that use what changed, each with its reasons, in run order."""
    effects = {(each.kind, each.name): each.effect for each in own if _matters(each)}
    changed = {each.name: each for each in own if each.kind == "step" and each.effect != "removed"}
    yield from (each for each in own if each.kind != "step")
    for name, step in after.named("step").items():
        reasons = tuple(dict.fromkeys(_reasons(step, effects)))
        found = changed.get(name) or Change(kind="step", name=name, effect="downstream")
        if reasons:
            found = _downstream(found, reasons)
            effects["step", name] = found.effect
        if reasons or name in changed:
            yield found
    yield from (each for each in own if each.kind == "step" and each.effect == "removed")


def _matters(change: Change) -> bool:
    """Whether what uses a changed thing gets something else: of data, only a name is no matter."""
    if change.effect == "renamed":
        return change.kind in ("step", "pipeline") or not all(map(is_cosmetic, change.fields))
    return change.effect in _SAID


def _reasons(step: Fields, effects: Mapping[tuple[Kind, str], Effect]) -> Iterator[str]:
    for use in uses(step):
        if effect := effects.get((use.kind, use.name)):
            yield f"{use.how}, which {_SAID[effect]}"
    for name in str(step.get("after", "")).split(", "):
        if effects.get(("step", name)) == "renamed":
            yield f"runs after step '{name}', which was renamed"
    if ("pipeline", "renamed") in ((kind, each) for (kind, _), each in effects.items()):
        yield from ["writes below the name of the pipeline, which was renamed"] * below_name(step)


def below_name(step: Fields) -> bool:
    """Whether a step has an output with no location of its own: below the pipeline's name."""
    outputs = {key.split(".")[1] for key in step if key.startswith("outputs.")}
    return any(f"outputs.{name}.location" not in step for name in outputs)


def _downstream(change: Change, reasons: tuple[str, ...]) -> Change:
    effect = "downstream" if change.effect == "cosmetic" else change.effect
    shown = () if change.effect == "added" else reasons
    return replace(change, effect=effect, reasons=shown)


# A saved plan

_WORDS = {
    "run": "what it runs",
    "env": "environment variables",
    "access": "how its data travels",
}


def differences(old: Plan, new: Plan) -> list[str]:
    """What a person would have to know of; what only follows from it, and diagnostics, is left
    out. Empty when the plans do the same and are shown as the same.
    """
    before = {step.name: step for step in old.pipeline.steps}
    after = {step.name: step for step in new.pipeline.steps}
    said = [f"step '{name}' is new" for name in after if name not in before]
    said += [f"step '{name}' is gone" for name in before if name not in after]
    for name, step in after.items():
        if name in before and (changes := _changes(before[name], step, old, new)):
            said.append(f"step '{name}' changed ({', '.join(changes)})")
    said += _pipeline_changes(old.pipeline, new.pipeline)
    if old.selected != new.selected:
        said.append("other steps are selected")
    return said


def _changes(before: Step, after: Step, old: Plan, new: Plan) -> list[str]:
    """The parts of a step's fingerprint that differ; where none does, what is only shown."""
    one, other = old.fingerprints[before.name].own, new.fingerprints[after.name].own
    parts = [part for part in other if other[part] != one.get(part)]
    if not parts:
        return _fields_changed(before, after)
    files = few(differing(_files(before, old), _files(after, new)))
    words = _WORDS | ({"code": f"code: {', '.join(files)}"} if files else {})
    return [words.get(part, part) for part in parts]


def _fields_changed(before: Step | Pipeline, after: Step | Pipeline) -> list[str]:
    names = (entry.name for entry in fields(after))
    return [name for name in names if getattr(before, name) != getattr(after, name)]


def _files(step: Step, plan: Plan) -> dict[str, str]:
    wanted = (step.code, scripts(step.run))
    found = (code.files for code in plan.code if (code.folder, code.scripts) == wanted)
    return dict(next(found, {}))


def _pipeline_changes(before: Pipeline, after: Pipeline) -> Iterator[str]:
    for key in _fields_changed(before, after):
        if key != "steps":
            names = _entries_changed(getattr(before, key), getattr(after, key))
            yield f"{key} changed" + (f" ({', '.join(names)})" if names else "")


def _entries_changed(before: object, after: object) -> list[str]:
    """The names of the entries that differ, where these are tuples of named things."""
    if not isinstance(before, tuple) or not isinstance(after, tuple):
        return []
    one, other = ({entry.name: entry for entry in side} for side in (before, after))
    return sorted(name for name in one | other if one.get(name) != other.get(name))
