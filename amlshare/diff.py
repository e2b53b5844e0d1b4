"""What differs between two plans of one pipeline, in a few words for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from amlshare.pipeline import Command, Pipeline, Step
from amlshare.plan import Plan

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
    files = _files_changed(_files(before, old), _files(after, new))
    words = _WORDS | ({"code": f"code: {', '.join(files)}"} if files else {})
    return [words.get(part, part) for part in parts]


def _fields_changed(before: Step | Pipeline, after: Step | Pipeline) -> list[str]:
    names = (entry.name for entry in fields(after))
    return [name for name in names if getattr(before, name) != getattr(after, name)]


def _files(step: Step, plan: Plan) -> dict[str, str]:
    script = None if isinstance(step.run, Command) else step.run.file
    wanted = (step.code, script)
    found = (code.files for code in plan.code if (code.folder, code.script) == wanted)
    return dict(next(found, {}))


def _files_changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    names = sorted(before.keys() | after.keys())
    changed = [name for name in names if before.get(name) != after.get(name)]
    return changed[:3] + ["..."] * bool(changed[3:])


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
