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
        return (each for each in findings if not self.holes or not self._is_doubtful(each))

    def _is_doubtful(self, finding: Finding) -> bool:
        if finding.severity == "hint":  # most say that nothing uses something
            return True
        return any(_explains(hole, finding) for hole in self.holes) or self._feeds(finding)

    def _feeds(self, finding: Finding) -> bool:
        """Whether a source may be an output of a step that has a hole."""
        if finding.code != "unknown-source" or self.spec is None:
            return False
        step = _source(self.spec, finding.route).partition(".")[0]
        return any(hole[:2] == ("steps", step) and len(hole) <= 3 for hole in self.holes)


def _explains(hole: Route, finding: Finding) -> bool:
    """Whether a finding may be only a consequence of a hole."""
    owner = hole[:-1]
    if _starts(finding.route, hole) or any(_starts(note.route, hole) for note in finding.notes):
        return True
    if model_at(owner) is None or (len(hole) == 1 and hole[0] in _APART):
        return False
    if _starts(finding.route, owner):
        return finding.code in _LACKING or hole[-1] in _DECISIVE
    return hole[0] == "defaults" and finding.code in _LACKING


def _starts(route: Route, start: Route) -> bool:
    return route[: len(start)] == start


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
