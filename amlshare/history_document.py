"""The last submits of a pipeline as JSON, and back.

Each step is as the last submit had it that ran it, and of those submits alone there is what was
around their steps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from amlshare import __version__
from amlshare.description import codes_of
from amlshare.diff import Description
from amlshare.past import Folders, Past, PastStep, Submit, shown
from amlshare.pipeline import Step
from amlshare.plan import Fingerprint, Plan

FORMAT = 1
Document: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A submit: the id of its run or published pipeline, and when, as ``2026-11-23 08:05 UTC``."""

    id: str
    when: str
    published: bool = False

    def __str__(self) -> str:
        what = "the published pipeline" if self.published else "run"
        return f"{what} {self.id} of {self.when}"


def begun(
    found: Document | None, plan: Plan, described: Description, submit: Begun, folders: Folders
) -> Document:
    """What was ``found``, and that ``plan`` was submitted; see ``History.begin``."""
    kept, submits = (found["steps"], found["submits"]) if found else ({}, {})
    steps = {}
    chosen = None if plan.selected is None else frozenset(plan.selected)
    for step in plan.pipeline.steps:
        if chosen is None or step.name in chosen:
            new = _step(step, plan, described, submit)
            steps[step.name] = new | _ended(kept.get(step.name), new)
        elif step.name in kept:
            steps[step.name] = kept[step.name]
    others = {id_: each for id_, each in submits.items() if id_ != submit.id}
    every = {**others, submit.id: _submit(plan, described, submit, folders)}
    return {
        "format": FORMAT,
        "amlshare": __version__,
        "submits": dict(_needed(every, steps, submit.id)),
        "steps": steps,
    }


def ended(found: Document, submit: str, statuses: Mapping[str, str]) -> Document:
    """What was ``found``, and how the steps ended that ``submit`` was the last to run."""
    steps = dict(found["steps"])
    for name in statuses.keys() & steps:
        if steps[name]["submit"] == submit:
            steps[name] = {**steps[name], "status": statuses[name]}
    return {**found, "steps": steps}


def _submit(plan: Plan, described: Description, submit: Begun, folders: Folders) -> dict[str, Any]:
    return {
        "name": str(submit),
        "things": {kind: held for kind, held in described.things.items() if kind != "step"},
        "codes": {key: dict(code.files) for key, code in codes_of(plan).items()},
        "folders": {name: dict(files) for name, files in folders.items()},
    }


def _needed(
    submits: Mapping[str, Any], steps: Mapping[str, Any], last: str
) -> Iterator[tuple[str, Any]]:
    """The submits that steps are remembered of, and the last, with the code of those steps."""
    for id_, submit in submits.items():
        of = [step for step in steps.values() if step["submit"] == id_]
        if of or id_ == last:
            codes = {step["parts"]["code"] for step in of}
            folders = {step["folder"] for step in of}
            yield (
                id_,
                {
                    **submit,
                    "codes": _among(submit["codes"], codes),
                    "folders": _among(submit["folders"], folders),
                },
            )


def _among(held: Mapping[str, Any], names: Collection[str | None]) -> dict[str, Any]:
    return {name: each for name, each in held.items() if name in names}


def _step(step: Step, plan: Plan, described: Description, submit: Begun) -> dict[str, Any]:
    found = plan.fingerprints[step.name]
    return {
        "submit": submit.id,
        "folder": step.code,
        "fingerprint": found.digest,
        "parts": dict(found.own),
        "upstream": dict(found.upstream),
        "shown": shown(step),
        "fields": dict(described.named("step")[step.name]),
        "status": None,
    }


def _ended(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> dict[str, Any]:
    """How a step has ended already, in a run that goes on."""
    same = before is not None and all(before[key] == now[key] for key in ("submit", "fingerprint"))
    return {"status": before["status"]} if before and same else {}


def load(found: Document) -> Past:
    """What a document says. Raises LookupError, TypeError or AttributeError for one of others."""
    submits = {id_: _past_submit(each) for id_, each in found["submits"].items()}
    steps = {name: _past_step(step) for name, step in found["steps"].items()}
    return Past(of=list(submits.values())[-1].name, submits=submits, steps=steps)


def _past_submit(submit: Mapping[str, Any]) -> Submit:
    things = {kind: _mapping(held) for kind, held in submit["things"].items()}
    return Submit(
        name=str(submit["name"]),
        things=things,
        codes={key: _mapping(files) for key, files in submit["codes"].items()},
        folders={name: _mapping(files) for name, files in submit["folders"].items()},
    )


def _past_step(step: Mapping[str, Any]) -> PastStep:
    return PastStep(
        submit=step["submit"],
        folder=step["folder"],
        fingerprint=Fingerprint(
            digest=step["fingerprint"],
            own=_mapping(step["parts"]),
            upstream=_mapping(step["upstream"]),
        ),
        shown=step["shown"],
        fields=_mapping(step["fields"]),
        status=step["status"],
    )


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(value)
    return value
