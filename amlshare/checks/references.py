"""Rules about ``${...}`` in arguments and commands: whether it means anything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from amlshare import references
from amlshare.checks.names import PORT_NAME, Guesses
from amlshare.checks.views import Place, each_reference, texts
from amlshare.diagnostics import Finding, Route
from amlshare.references import KINDS, PREFIXES, BadReference, Kind, Reference
from amlshare.spec import Spec

Names = Mapping[Kind, Mapping[str, object]]
_FORMS = "write ${inputs.N}, ${outputs.N}%s or ${parameters.N}; $${ writes the text ${ itself"


def references_known(spec: Spec) -> Iterator[Finding]:
    """unknown-reference: a name that the step, or the spec, does not have."""
    for place, part in each_reference(spec):
        names = _names(spec, place, part.kind)
        if part.kind != "env" and part.name not in names:
            yield _unknown(part, place, _all_names(spec, place))


def _names(spec: Spec, place: Place, kind: Kind) -> Mapping[str, object]:
    step = spec.steps[place.step]
    match kind:
        case "input":
            return step.inputs
        case "output":
            return step.outputs
        case "scratch":
            return step.scratch
        case _:
            return spec.parameters


def _all_names(spec: Spec, place: Place) -> Names:
    kinds: tuple[Kind, ...] = ("input", "output", "scratch", "parameter")
    return {kind: _names(spec, place, kind) for kind in kinds}


def _unknown(part: Reference, place: Place, names: Names) -> Finding:
    where = "the spec" if part.kind == "parameter" else f"step '{place.step}'"
    label, help_ = _meant(part, names)
    if part.kind == "scratch" and "sequence" not in place.route and not label:
        help_ = "only a step with a `sequence:` has scratch, for what its parts hand on"
    return Finding(
        code="unknown-reference",
        message=f"{where} has no {part.kind} '{part.name}'",
        route=place.route,
        fragment=str(part),
        label=label,
        help=help_,
    )


def _meant(part: Reference, names: Names) -> tuple[str, str | None]:
    """What a reference to nothing was meant to be: beside the caret, or as the next step."""
    for kind, others in names.items():
        if part.name in others:
            return f"did you mean '${{{PREFIXES[kind]}.{part.name}}}'?", None
    known = names[part.kind]
    prefix = PREFIXES[part.kind]
    if similar := Guesses(known)(part.name):
        return f"did you mean '${{{prefix}.{similar}}}'?", None
    listed = ", ".join(sorted(known)[:10])
    return "", f"known {prefix}: {listed}" if listed else f"add it under `{prefix}:`"


def env_references(spec: Spec) -> Iterator[Finding]:
    """env-reference: a plan must not depend on who makes it."""
    for place, part in each_reference(spec):
        if part.kind == "env":
            yield env_reference(str(part), place.route)


def env_reference(text: str, route: Route) -> Finding:
    """The finding of an ``${env.NAME}`` outside `workspace` and `local`."""
    return Finding(
        code="env-reference",
        message="${env.NAME} may stand only under `workspace` and `local`",
        route=route,
        fragment=text,
        label="a plan must not depend on who makes it",
        help="make it a parameter, and give it with `-p`",
    )


def references_formed(spec: Spec) -> Iterator[Finding]:
    """bad-reference, v2-reference: a ``${...}`` that is none of the language's."""
    for place in texts(spec):
        for bad in place.bad:
            yield bad_reference(bad.text, place.route, _all_names(spec, place))


def bad_reference(text: str, route: Route, names: Names | None = None) -> Finding:
    """The finding of a ``${...}`` that is none of the language's."""
    known = [
        f"{PREFIXES[kind]}.{name}"
        for kind, group in (names or {}).items()
        for name in group
        if PORT_NAME.fullmatch(name)
    ]
    if text.startswith("${{"):
        return _v2_reference(text, route, Guesses(known))
    label, help_ = "", _FORMS % (", ${scratch.N}" if "sequence" in route else "")
    inner = text[2:].rstrip("}").strip()
    if similar := Guesses(known)(inner):
        label = f"did you mean '${{{similar}}}'?"
    elif text == "${":
        label = "no } follows"
    elif route[-1] == "command" and re.fullmatch(r"[A-Za-z_]\w*", inner):
        help_ = f"for the shell's own variable write ${inner}, or $${{{inner}}}"
    elif inner.partition(".")[0] in KINDS:
        label = "a name has only letters, digits and _, and no digit first"
    return Finding(
        code="bad-reference",
        message=f"{text} is no reference",
        route=route,
        fragment=text,
        label=label,
        help=help_,
    )


def _v2_reference(text: str, route: Route, known: Guesses) -> Finding:
    inner = text.strip("${} ").replace("parent.", "")
    similar = inner if inner in known.names else known(inner)
    return Finding(
        code="v2-reference",
        message=f"{text} is how SDK v2 writes a reference",
        route=route,
        fragment=text,
        label=f"here it is '${{{similar}}}'" if similar else "here it has one brace: ${inputs.N}",
        help="write it with one brace; $${{ writes the text ${{ itself",
    )


def settings(spec: Spec) -> Iterator[Finding]:
    """setting-reference: under `workspace` and `local` only ${env.NAME} may stand."""
    for route, value in _settings(spec):
        parts, bad = references.parse(value)
        for part in (*parts, *bad):
            if isinstance(part, BadReference):
                yield _setting_reference(part.text, route)
            elif isinstance(part, Reference) and part.kind != "env":
                yield _setting_reference(str(part), route)


def _setting_reference(text: str, route: Route) -> Finding:
    inner = text.strip("${} ")
    is_name = re.fullmatch(r"[A-Za-z_]\w*", inner)
    return Finding(
        code="setting-reference",
        message=f"{text} has no value here",
        route=route,
        fragment=text,
        label=f"did you mean '${{env.{inner}}}'?" if is_name else "only ${env.NAME} may stand here",
        help="the workspace and the stand-ins are known before any input or parameter is",
    )


def _settings(spec: Spec) -> Iterator[tuple[Route, str]]:
    for key in ("subscription_id", "resource_group", "name"):
        if value := getattr(spec.workspace, key):
            yield ("workspace", key), value
    for group in ("datastores", "datasets"):
        for key, value in getattr(spec.local, group).items():
            yield ("local", group, key), value
    if spec.local.python:
        yield ("local", "python"), spec.local.python
