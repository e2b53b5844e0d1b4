"""What a plan is compared with: the last submit, a revision, another spec, a saved plan.

A :class:`Past` has each step as it was, and what was around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeAlias

from amlshare.description import codes_of
from amlshare.diff import Description, Fields, Kind, renamed_steps
from amlshare.pipeline import Step
from amlshare.plan import Fingerprint, Plan, digest, plain

Folders: TypeAlias = Mapping[str, Mapping[str, str]]
"""The files of code folders, each a sha256 by path."""
NO_FOLDERS: Folders = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """A run, a published pipeline, or another plan: what is around its steps.

    ``name`` is for people; ``codes`` has the files of each code, a sha256 by path, by the digest
    of that code. ``folders`` has the same of code folders, for a backend that takes these as a
    whole; with ``in_part`` only of the files that the steps depend on, which is all that is known.
    """

    name: str
    things: Mapping[Kind, Mapping[str, Fields]]
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    folders: Folders = field(default_factory=dict)
    in_part: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PastStep:
    """A step as it was. ``submit`` is the key of the one that had it; ``status`` how it ended,
    None where nobody waited for that; ``folder`` its code folder; ``named`` what it was called,
    where that is not what it is called now.
    """

    submit: str
    folder: str | None = None
    fingerprint: Fingerprint
    shown: str
    fields: Fields
    status: str | None = None
    named: str | None = None


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

    def called_as(self, now: Description) -> Past:
        """The same with the names that its steps have now."""
        names, fields = renamed_steps(self.description(), now)
        steps = {
            names.get(name, name): replace(
                step, fields=fields[names.get(name, name)], named=name if name in names else None
            )
            for name, step in self.steps.items()
        }
        return replace(self, steps=steps)


def past_of(plan: Plan, described: Description, folders: Folders | None = None) -> Past:
    """A plan, all of whose steps are described, as what another one is compared with.

    ``folders`` are its code folders, None where only the plan is there.
    """
    around: dict[Kind, Mapping[str, Fields]] = {
        kind: held for kind, held in described.things.items() if kind != "step"
    }
    submit = Submit(
        name=described.of,
        things=around,
        codes={key: code.files for key, code in codes_of(plan).items()},
        folders=_known_of(plan) if folders is None else folders,
        in_part=folders is None,
    )
    steps = {
        step.name: PastStep(
            submit="",
            folder=step.code,
            fingerprint=plan.fingerprints[step.name],
            shown=shown(step),
            fields=described.named("step")[step.name],
        )
        for step in plan.pipeline.steps
    }
    return Past(of=described.of, submits={"": submit}, steps=steps)


def _known_of(plan: Plan) -> Folders:
    """What a plan has of its code folders: the files that some step depends on."""
    found: dict[str, dict[str, str]] = {}
    for code in plan.code:
        found.setdefault(code.folder, {}).update(code.files)
    return found


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
