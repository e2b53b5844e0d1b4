"""A spec that pydantic refuses, mended, so that the rules can speak of the rest of it at once.

What was refused is replaced by something harmless, and its place is a *hole*. What a rule finds
at a hole, or because of one, is only a consequence of the mistake and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from amlshare.checks.keys import keys_at, meant_by, model_at
from amlshare.checks.schema import explain_errors, route_of, unnamed_in
from amlshare.diagnostics import Diagnostic, Finding, Route
from amlshare.spec import Spec, parse_spec

# What stands in for an entry that was refused whole, and for a key that must be there.
_ENTRIES: dict[str, Any] = {
    "Step": {"command": "true"},
    "Part": {"command": "true"},
    "Data": {"type": "directory", "location": "?"},
    "Input": {"from": "?"},
    "Environment": {"image": "?:1"},
    "Schedule": {"every": "day"},
}
_KEYS: dict[str, Any] = {
    "amlshare": 1,
    "name": "unnamed",
    "steps": {},
    "from": "?",
    "script": "?",
    "over": "?",
}
# The kind of edge that most is allowed with.
_TYPES = {"data": "directory", "outputs": "directory", "distribution": "mpi"}
# What a key of these says decides over the keys beside it.
_DECISIVE = frozenset({"type", "format", "mode", "registered"})
# Findings that something is not there, each with the keys that it could have stood under.
_LACKING = {
    code: frozenset(keys.split())
    for code, keys in {
        "missing-key": "location name version",
        "missing-code": "code defaults",
        "missing-argument": "arguments",
        "misplaced-key": "sequence",
        "nothing-to-run": "script command parallel sequence",
        "undistributed-nodes": "distribution nodes",
        "fixed-location": "overwrite location",
        "file-as-folder": "location",
        "schedule-kind": "every cron on_change",
        "empty-environment": "image conda pip dockerfile",
        "empty-expect": "files glob min_size",
        "untyped-parameter": "default",
        "no-steps": "steps",
        "unknown-source": "data steps",
        "unknown-reference": "inputs outputs scratch parameters",
        "unknown-data": "data",
        "unknown-parameter": "parameters data",
        "unknown-environment": "environments",
        "unknown-step": "steps",
        "unknown-input": "inputs",
        "unknown-output": "outputs",
        "unknown-partition": "partitions",
    }.items()
}
# Faults of a file after which all of its data is still there.
_LOSSLESS = frozenset({"secret-in-spec", "duplicate-key", "duplicate-name", "not-in-target"})
_ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A spec as far as it could be mended, pydantic's findings, and the places that it refused.

    ``spec`` is None where nothing could be made of the data.
    """

    spec: Spec | None
    findings: tuple[Finding, ...] = ()
    holes: tuple[Route, ...] = ()

    def certain(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """The findings of rules that no hole has brought about."""
        if not self.holes or self.spec is None:
            return iter(findings)
        doubts = _Doubts(self.spec, self.holes)
        return (each for each in findings if not doubts.about(each))


class _Doubts:
    """Whether a finding may be only a consequence of a hole: asked often, so looked up."""

    def __init__(self, spec: Spec, holes: Iterable[Route]) -> None:
        self._spec = spec
        self._holes = set(holes)
        # for each thing with holes, the keys that they were meant to be; None may be any
        self._meant: dict[Route, set[str | None]] = {}
        for *owner, key in filter(None, self._holes):
            route = tuple(owner)
            if model_at(route) is not None:
                self._meant.setdefault(route, set()).add(_meant(str(key), route))

    def about(self, finding: Finding) -> bool:
        if finding.severity == "hint":  # most say that nothing uses something
            return True
        routes = (finding.route, *(note.route for note in finding.notes))
        starts = [start for route in routes for start in _starts(route)]
        # a key is missing where it is missing; a name may be missing further out
        near = [finding.route] if finding.code == "missing-key" else [*starts, ("defaults",)]
        return (
            any(start in self._holes for start in starts)
            or any(_decide(self._meant.get(start, set())) for start in starts)
            or any(self._lacks(start, finding.code) for start in near)
            or (finding.code == "unknown-source" and self._feeds(finding.route))
        )

    def _lacks(self, owner: Route, code: str) -> bool:
        keys = _LACKING.get(code)
        meant = self._meant.get(owner, set())
        return keys is not None and (None in meant or bool(meant & keys))

    def _feeds(self, route: Route) -> bool:
        """Whether a source may be an output of a step that has a hole."""
        step = ("steps", _source(self._spec, route).partition(".")[0])
        meant = self._meant.get(step, set())
        return step in self._holes or None in meant or "outputs" in meant


def _meant(key: str, owner: Route) -> str | None:
    """What a refused key was meant to be: itself, if only its value is wrong."""
    return key if key in keys_at(owner) else meant_by(key, owner)


def _decide(keys: set[str | None]) -> bool:
    return bool(keys & _DECISIVE)


def _starts(route: Route) -> Iterator[Route]:
    """The routes that a route leads through, from the spec as a whole to the route itself."""
    return (route[:length] for length in range(len(route) + 1))


def _source(spec: Spec, route: Route) -> str:
    match route:
        case ("outputs", name):
            return spec.outputs[str(name)]
        case ("steps", step, "inputs", name, *_):
            return spec.steps[str(step)].inputs[str(name)].source
        case _:
            return ""


def parse(data: dict[str, Any], faults: Iterable[Diagnostic] = ()) -> Parsed:
    """The spec in plain data, and everything that pydantic has against it.

    ``faults`` are what was wrong with the file: one that has lost data is a hole too.
    """
    lossy = any(each.severity == "error" and each.code not in _LOSSLESS for each in faults)
    holes: list[Route] = [("?",)] if lossy else []
    parsed = parse_spec(data)
    if isinstance(parsed, Spec):
        return Parsed(spec=parsed, holes=tuple(holes))
    findings = tuple(explain_errors(parsed, data))
    holes += [route[:-1] for route in unnamed_in(parsed, data)]
    mended = deepcopy(data)
    for _ in range(_ROUNDS):
        holes += [_mend(mended, detail) for detail in parsed.errors(include_url=False)]
        again = parse_spec(mended)
        if isinstance(again, Spec):
            return Parsed(spec=again, findings=findings, holes=tuple(holes))
        parsed = again
    return Parsed(spec=None, findings=findings)


def _mend(data: Any, detail: Any) -> Route:
    """Replace what an error speaks of; gives its place."""
    route = route_of(detail, data)
    if not route:
        return route
    owner = data
    for part in route[:-1]:
        owner = owner[part]
    if isinstance(owner, list):
        owner[int(route[-1])] = deepcopy(_harmless(route) or "?")
    elif (harmless := _harmless(route)) is not None:
        owner[route[-1]] = deepcopy(harmless)
    elif isinstance(owner, dict):
        owner.pop(route[-1], None)
    return route


def _harmless(route: Route) -> Any:
    """What may stand at a route instead; None for a key that may be left out."""
    key = str(route[-1])
    owner, model = model_at(route[:-1]), model_at(route)
    if owner is None:
        return _ENTRIES.get(model.__name__, {}) if model else None
    if key == "type":
        return next((kind for part in route[-2:-4:-1] if (kind := _TYPES.get(str(part)))), None)
    field = next((f for n, f in owner.model_fields.items() if key in (n, f.alias)), None)
    return _KEYS.get(key) if field is not None and field.is_required() else None
