"""Rules about ``${...}``: where one may stand, and whether it means anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from amlshare.diagnostics import Finding, Route, closest
from amlshare.references import PREFIXES, BadReference, Reference, Text, parse
from amlshare.spec import Spec, Step


@dataclass(frozen=True, slots=True)
class Place:
    """A text that references may stand in: an argument's word or a command's line."""

    step: str
    route: Route
    parts: Text
    bad: tuple[BadReference, ...]


def texts(spec: Spec) -> Iterator[Place]:
    """Every text with a ``$`` in the arguments and commands of the steps."""
    for name, step in spec.steps.items():
        for route, text in _step_texts(step):
            if "$" in text:
                parts, bad = parse(text)
                yield Place(name, ("steps", name, *route), parts, bad)


def _step_texts(step: Step) -> Iterator[tuple[Route, str]]:
    if step.command is not None:
        yield ("command",), step.command
    if isinstance(step.arguments, list):
        for index, word in enumerate(step.arguments):
            if isinstance(word, str):
                yield ("arguments", index), word
        return
    for flag, value in step.arguments.items():
        for index, word in enumerate(value if isinstance(value, list) else (value,)):
            if isinstance(word, str):
                yield ("arguments", flag, *([index] if isinstance(value, list) else [])), word


def references_known(spec: Spec) -> Iterator[Finding]:
    """unknown-reference and what :func:`bad_reference` finds, in arguments and commands."""
    for place in texts(spec):
        step = spec.steps[place.step]
        names: dict[str, Mapping[str, object]] = {
            "input": step.inputs,
            "output": step.outputs,
            "parameter": spec.parameters,
        }
        for bad in place.bad:
            yield bad_reference(bad.text, place.route, names)
        for part in place.parts:
            if isinstance(part, Reference) and part.name not in names.get(part.kind, {}):
                yield _unknown(part, place, names)


def _unknown(part: Reference, place: Place, names: Mapping[str, Mapping[str, object]]) -> Finding:
    if part.kind == "env":
        return Finding(
            code="misplaced-reference",
            message="${env.NAME} may stand only under `workspace` and `local`",
            route=place.route,
            fragment=str(part),
            label="a plan must not depend on who makes it",
            help="make it a parameter and give it with -p, or set it under `env:`",
        )
    known = names[part.kind]
    similar = closest(part.name, known)
    where = "the spec" if part.kind == "parameter" else f"step '{place.step}'"
    prefix = PREFIXES[part.kind]
    return Finding(
        code="unknown-reference",
        message=f"{where} has no {part.kind} '{part.name}'",
        route=place.route,
        fragment=str(part),
        label=f"did you mean '${{{prefix}.{similar}}}'?" if similar else "",
        help=None if similar else _elsewhere(part.name, names, prefix, known),
    )


def _elsewhere(
    name: str,
    names: Mapping[str, Mapping[str, object]],
    prefix: str,
    known: Mapping[str, object],
) -> str:
    for kind, others in names.items():
        if name in others:
            return f"there is an {kind} of that name: ${{{kind}s.{name}}}".replace("an p", "a p")
    listed = ", ".join(sorted(known)) or "none"
    return f"known {prefix}: {listed}"


def bad_reference(
    text: str, route: Route, names: Mapping[str, Mapping[str, object]] | None = None
) -> Finding:
    """The finding of a ``${...}`` that is none of the language's."""
    if text.startswith("${{"):
        return Finding(
            code="v2-reference",
            message=f"{text} is how SDK v2 writes a reference",
            route=route,
            fragment=text,
            label="here it is ${inputs.N}, ${outputs.N} or ${parameters.N}",
            help="write it with one brace; $${{ writes the text ${{ itself",
        )
    inner = text[2:-1].strip() if text.endswith("}") else text[2:]
    known = [f"{PREFIXES[kind]}.{name}" for kind, group in (names or {}).items() for name in group]  # type: ignore[index]
    similar = closest(inner, known)
    return Finding(
        code="bad-reference",
        message=f"{text} is no reference",
        route=route,
        fragment=text,
        label=f"did you mean '${{{similar}}}'?" if similar else "",
        help="write ${inputs.N}, ${outputs.N} or ${parameters.N}; $${ writes the text ${ itself",
    )


def env_is_literal(spec: Spec) -> Iterator[Finding]:
    """misplaced-reference: `env` values are literal text."""
    groups: list[tuple[Route, Mapping[str, str]]] = [(("defaults", "env"), spec.defaults.env)]
    groups += [(("steps", name, "env"), step.env) for name, step in spec.steps.items()]
    for route, env in groups:
        for key, value in env.items():
            yield from _literal(value, (*route, key), "an environment variable")


def _literal(value: str, route: Route, what: str) -> Iterator[Finding]:
    parts, bad = parse(value)
    for part in (*parts, *bad):
        if isinstance(part, str):
            continue
        yield Finding(
            code="misplaced-reference",
            message=f"{what} cannot hold a reference",
            route=route,
            fragment=part.text if isinstance(part, BadReference) else str(part),
            label="literal text only",
            help="pass it as an argument; $${ writes the text ${ itself",
        )


def only_env_in_settings(spec: Spec) -> Iterator[Finding]:
    """misplaced-reference: under `workspace` and `local` only ${env.NAME} may stand."""
    for route, value in _settings(spec):
        parts, bad = parse(value)
        for wrong in bad:
            yield bad_reference(wrong.text, route)
        for part in parts:
            if isinstance(part, Reference) and part.kind != "env":
                yield Finding(
                    code="misplaced-reference",
                    message=f"{part} has no value here",
                    route=route,
                    fragment=str(part),
                    label="only ${env.NAME} may stand here",
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
