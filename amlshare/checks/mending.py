"""A spec that pydantic refuses, mended, so that the rules can speak of the rest of it at once.

What was refused is replaced by something harmless, and its place is a *hole*. What a rule finds
at a hole, or because of one, is only a consequence of the mistake and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from amlshare.checks.schema import explain_errors, model_at, route_of, unnamed_in
from amlshare.diagnostics import Diagnostic, Finding, Route
from amlshare.spec import Spec, parse_spec

# What stands in for an entry that was refused whole, and for a key that must be there.
_ENTRIES: dict[str, Any] = {
    "Step": {"command": "true"},
    "Data": {"type": "directory", "location": "?"},
    "Input": {"from": "?"},
    "Environment": {"image": "?:1"},
    "Parameter": {"default": ""},
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
_DECISIVE = ("type", "format", "mode")
# Keys of the spec that no rule looks to for something that another place lacks.
_APART = frozenset("amlshare name description experiment tags workspace publish schedules".split())
# Findings that something is not there: a key that was refused may have been meant to be it.
_LACKING = frozenset(
    """missing-key missing-code nothing-to-run undistributed-nodes fixed-location file-as-folder
    schedule-kind empty-environment empty-expect untyped-parameter no-steps unknown-source
    unknown-reference unknown-data unknown-parameter unknown-environment unknown-step unknown-input
    unknown-output unknown-partition""".split()
)
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
        # for each thing with a hole among its keys: whether that key decides over the others
        self._owners: dict[Route, bool] = {}
        for *owner, key in filter(None, self._holes):
            route = tuple(owner)
            if model_at(route) is not None and (route or key not in _APART):
                decisive = key in _DECISIVE or self._owners.get(route, False)
                self._owners[route] = decisive

    def about(self, finding: Finding) -> bool:
        routes = (finding.route, *(note.route for note in finding.notes))
        if finding.severity == "hint":  # most say that nothing uses something
            return True
        if any(start in self._holes for route in routes for start in _starts(route)):
            return True
        decisive = [self._owners.get(start) for start in _starts(finding.route)]
        lacking = finding.code in _LACKING
        return (
            True in decisive
            or (lacking and (False in decisive or ("defaults",) in self._owners))
            or self._feeds(finding)
        )

    def _feeds(self, finding: Finding) -> bool:
        """Whether a source may be an output of a step that has a hole."""
        if finding.code != "unknown-source":
            return False
        step = ("steps", _source(self._spec, finding.route).partition(".")[0])
        return step in self._holes or step in self._owners or (*step, "outputs") in self._holes


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
    holes: list[Route] = [("include",)] if lossy else []
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
        owner[int(route[-1])] = "?"
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
