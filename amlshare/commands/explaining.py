"""Why a step would run again, to the file and line; what nobody would notice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amlshare import layers, secrets
from amlshare.commands.comparing import Before, compared
from amlshare.commands.planning import plan
from amlshare.commands.reading import texts
from amlshare.commands.request import Request, UsageError
from amlshare.diagnostics import Route, did_you_mean
from amlshare.impacts import Impact, Impacts, Since, StepImpact
from amlshare.reasons import SOURCE, Reason

if TYPE_CHECKING:
    from amlshare.diff import Value
    from amlshare.document import Document
    from amlshare.pipeline import Step
    from amlshare.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Something of ``step`` that differs, and where that is written now; None where nowhere.

    ``more`` is at how many other places of ``file`` it differs too.
    """

    step: str
    what: str
    before: Value | None = None
    after: Value | None = None
    file: str | None = None
    line: int | None = None
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """What became of a step since ``against``; both are None where there is nothing to compare
    with. ``causes`` begin with its own, and go on with those of the steps that it reads from.
    """

    step: str
    impact: Impact | None
    against: str | None
    causes: tuple[Cause, ...] = ()
    notes: tuple[str, ...] = ()


def why(request: Request, step: str, against: str | None = None) -> Why:
    """Why a step would run again since ``against``, or would not.

    ``against`` is as for :func:`amlshare.commands.since`. Raises UsageError, also for a step that
    there is not, SpecError or BackendError.
    """
    made = plan(request)
    steps = {each.name: each for each in made.pipeline.steps}
    if step not in steps:
        meant = did_you_mean(step, steps)
        raise UsageError(f"no step is called '{step}'" + (f"; {meant}" if meant else ""))
    with compared(made, request, against) as (found, past):
        return _explained(steps[step], made, request, found, past)


def _explained(step: Step, made: Plan, request: Request, found: Since, past: Before | None) -> Why:
    unnoticed = tuple(_unwatched(step, made))
    if isinstance(found, str):
        notes = (found, *unnoticed)
        return Why(step=step.name, impact=None, against=None, notes=notes)
    reasons = list(_reasons(step, found, made))
    places = _Places(request, made, past)
    said = places.causes(reasons)
    impact = found.steps[step.name]
    notes = (*_verdict(step, impact, made, past), *_unnoticed(reasons, made), *unnoticed)
    return Why(
        step=step.name,
        impact=impact.impact,
        against=found.against,
        causes=tuple(said),
        notes=notes,
    )


def _reasons(step: Step, found: Impacts, made: Plan) -> Iterator[Reason]:
    """The reasons of a step, and then those of each step that it reads from, once."""
    steps = {each.name: each for each in made.pipeline.steps}
    waiting, seen = [step.name], {step.name}
    while waiting:
        name = waiting.pop(0)
        impact = found.steps[name]
        if impact.impact == "added":
            yield Reason(step=name, what=f"step '{name}' is new", route=("steps", name))
        yield from impact.reasons
        yield from impact.again
        for given in steps[name].inputs:
            source = given.source.partition(".")[0]
            stays = "." not in given.source or _stays(found.steps[source])
            if not stays and source not in seen:
                seen.add(source)
                waiting.append(source)


def _stays(impact: StepImpact) -> bool:
    return impact.impact in ("unchanged", "cosmetic") and not impact.again


def _verdict(step: Step, impact: StepImpact, made: Plan, past: Before | None) -> Iterator[str]:
    """What follows for a step that does nothing else than before."""
    if _stays(impact):
        last = past.past.submits[past.past.steps[step.name].submit].name if past else ""
        since_then = f" since {last}" if last else ""
        yield f"'{step.name}' does what it did{since_then}: its result is eligible for reuse"
        if made.backend == "local":
            yield "what its inputs hold is compared when it runs: other bytes run it again"


def _unnoticed(reasons: Iterable[Reason], made: Plan) -> Iterator[str]:
    """What differs, and Azure does not look at."""
    if made.backend != "azureml":
        return
    from amlshare.backends.azureml.noticing import is_noticed

    steps = {step.name: step for step in made.pipeline.steps}
    own = [each for each in reasons if each.field != SOURCE]
    hidden = [each for each in own if not is_noticed(each.field, steps[each.step])]
    if hidden:
        names = ", ".join(dict.fromkeys(f"{each.what} of '{each.step}'" for each in hidden))
        then = "earlier results are eligible for reuse; --regenerate runs the steps"
        yield f"Azure does not look at {names}" + (f": {then}" if hidden == own else "")


def _unwatched(step: Step, made: Plan) -> Iterator[str]:
    if made.backend != "azureml":
        return
    from amlshare.backends.azureml.noticing import unwatched
    from amlshare.lock import place

    if data := [f"{place(each)} (data '{each.name}')" for each in unwatched(step, made)]:
        yield (
            f"Azure does not notice other bytes at {' or '.join(data)}: `plan --refresh` keeps a "
            "digest of them, and a change then runs it again"
        )


# Where it is written


class _Places:
    """Where the reasons of a plan are written now, and what stood there before."""

    def __init__(self, request: Request, made: Plan, past: Before | None) -> None:
        self._request = request
        self._document = layers.load(request.spec, target=request.target)
        self._environments = {each.name: each for each in made.pipeline.environments}
        self._read = texts(request.base)
        self._past = past

    def causes(self, reasons: list[Reason]) -> Iterator[Cause]:
        for reason in reasons:
            cause = Cause(
                step=reason.step, what=reason.what, before=reason.before, after=reason.after
            )
            if reason.folder is not None and reason.file is not None:
                yield self._in_code(cause, reason)
            elif at := self._in_packages(reason):
                yield replace(cause, file=at[0], line=at[1])
            else:
                yield self._in_spec(cause, reason.route)

    def _in_spec(self, cause: Cause, route: Route) -> Cause:
        if not route:
            return cause
        span = self._document.span(_written(route, self._document), "key")
        return replace(cause, file=span.file, line=span.line)

    def _in_code(self, cause: Cause, reason: Reason) -> Cause:
        """The first line that differs of a code file."""
        assert reason.folder is not None
        assert reason.file is not None
        path = self._request.base / reason.folder / reason.file
        old, new = reason.digests
        if new is None:
            return self._in_spec(cause, reason.route)
        shown = Path(self._request.base, reason.folder, reason.file)
        cause = replace(cause, file=_relative(shown), line=1 if old is None else None)
        was = self._past.text(reason.folder, reason.file, old) if self._past and old else None
        try:
            now = path.read_bytes().decode("utf-8")
        except (OSError, ValueError):
            return cause
        if was is None:
            return cause
        first = first_difference(was, now)
        if first is None:
            return replace(cause, what=f"{cause.what}, in nothing but its line ends")
        before, after = _shown(first.before), _shown(first.after)
        return replace(cause, line=first.line, before=before, after=after, more=first.more)

    def _in_packages(self, reason: Reason) -> tuple[str, int] | None:
        """The line of a package in a conda or requirements file."""
        kind, _, name = reason.field.removeprefix("environment.").partition(".")
        if not reason.field.startswith("environment.") or not name:
            return None
        entry = self._environments.get(str(reason.route[1]))
        file = entry and (entry.conda or entry.pip)
        if not isinstance(file, str) or (text := self._read(file)) is None:
            return None
        word = re.compile(rf"(?:^|[\s\"'\[,-]){re.escape(name)}(?![\w.-])")
        lines = text.splitlines()
        found = [number for number, line in enumerate(lines, 1) if word.search(line)]
        at = found[-1] if kind == "pip" and found else found[0] if found else 1
        return _relative(self._request.base / file), at


def _written(route: Route, document: Document) -> Route:
    """A route as it stands in the file: an argument in a list by its number, and what a step does
    not say itself under `defaults`.
    """
    if document.has(route):
        return route
    above = _value(document, route[:-1])
    if isinstance(above, list):
        found = [n for n, item in enumerate(above) if str(item).startswith(str(route[-1]))]
        return (*route[:-1], found[0]) if found else route[:-1]
    default: Route = ("defaults", *route[2:])
    section = route[0] == "steps" and len(route) > 2
    return default if section and document.has(default) else route


def _value(document: Document, route: Route) -> Any:
    value: Any = document.data
    for part in route:
        entries: Any = dict(enumerate(value)) if isinstance(value, list) else value
        if not isinstance(entries, dict) or part not in entries:
            return None
        value = entries[part]
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A line of a text that differs: None before is one that was put in, None after one that was
    taken out, which stood at ``line``. ``more`` is how many other places differ.
    """

    line: int
    before: str | None
    after: str | None
    more: int = 0


def first_difference(old: str, new: str) -> Difference | None:
    """The first line that differs; None of texts that differ in their line ends at most."""
    from difflib import SequenceMatcher

    before, after = old.splitlines(), new.splitlines()
    found = SequenceMatcher(None, before, after).get_opcodes()
    places = [place for place in found if place[0] != "equal"]
    if not places:
        return None
    _, start, end, put, put_end = places[0]
    return Difference(
        line=min(put, max(len(after) - 1, 0)) + 1,
        before=before[start] if start < end else None,
        after=after[put] if put < put_end else None,
        more=len(places) - 1,
    )


def _shown(line: str | None) -> str | None:
    return None if line is None else secrets.mask(line.strip())


def _relative(path: Path) -> str:
    """A path without the steps back that it need not have."""
    import os

    return Path(os.path.normpath(path)).as_posix()
