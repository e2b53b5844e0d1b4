"""Rules about plain texts: names, locations and files, in which no reference may stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pydantic import BaseModel

from amlshare.checks.places import place
from amlshare.checks.references import env_reference
from amlshare.diagnostics import Finding, Route
from amlshare.references import BadReference, Reference, parse
from amlshare.spec import Spec

# Fields that hold prose, references or one of a few words, or that a rule of their own looks at.
_ELSEWHERE = frozenset(
    """title description arguments command nodes processes_per_node mini_batch source after over
    environment on_change partition_by type mode format kind pattern""".split()
)
_SECTIONS = (
    "name experiment tags defaults compute environments parameters data steps publish schedules"
).split()
# Texts that may not be empty, and those that are paths.
_NEEDED = frozenset(
    """script code compute datastore location image conda dockerfile pip registered name version
    cluster vm_size at upload partitions glob endpoint experiment time_zone python""".split()
)
_FILES = frozenset("code conda dockerfile pip upload".split())
_PATHS = frozenset("location script rows_to".split()) | _FILES
_SUSPECT = re.compile(r"\s*\Z|/|[A-Za-z]:/")


def plain_texts(spec: Spec) -> Iterator[Finding]:
    """misplaced-reference, empty-text, backslash-in-path, machine-path."""
    for route, text in _texts(spec):
        if "$" in text:
            yield from _reference(route, text)
        if _SUSPECT.match(text) or "\\" in text:
            yield from _path(route, text)


def _texts(spec: Spec) -> list[tuple[Route, str]]:
    """Every text that was given, but for those of _ELSEWHERE."""
    found: list[tuple[Route, str]] = []
    for section in _SECTIONS:
        if section in spec.model_fields_set:
            _walk(getattr(spec, section), (section,), found.append)
    return found


def _walk(value: object, route: Route, add: Callable[[tuple[Route, str]], None]) -> None:
    if isinstance(value, str):
        add((route, value))
    elif isinstance(value, BaseModel):
        for name in value.model_fields_set - _ELSEWHERE:
            _walk(getattr(value, name), (*route, name), add)
    elif isinstance(value, dict):
        for key, item in value.items():
            _walk(item, (*route, key), add)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _walk(item, (*route, index), add)


def _reference(route: Route, text: str) -> Iterator[Finding]:
    parts, bad = parse(text)
    for part in (*parts, *bad):
        if isinstance(part, Reference) and part.kind == "env":
            yield env_reference(str(part), route)
        elif not isinstance(part, str):
            yield Finding(
                code="misplaced-reference",
                message=f"{place(route)} cannot hold a reference",
                route=route,
                fragment=part.text if isinstance(part, BadReference) else str(part),
                label="plain text only",
                help=_instead(route),
            )


def _instead(route: Route) -> str:
    if "location" in route and "outputs" in route:
        return "{run-id}, {pipeline}, {step} and {output} may stand here"
    if "location" in route:
        return "give the data `parameter: true`, and another location with `-p`"
    return "pass it as an argument; $${ writes the text ${ itself"


def _path(route: Route, text: str) -> Iterator[Finding]:
    key = next(part for part in reversed(route) if isinstance(part, str))
    if not text.strip():
        if key in _NEEDED and "env" not in route and "tags" not in route:
            yield _empty(route, key)
    elif key in _PATHS and "\\" in text:
        yield _backslash(route, text)
    elif key in _FILES and (text.startswith("/") or re.match(r"[A-Za-z]:/", text)):
        yield _machine_path(route, text)


def _empty(route: Route, key: str) -> Finding:
    return Finding(
        code="empty-text",
        message=f"{place(route)} is empty",
        route=route,
        label="expected a text",
        help=f"fill it in, or take `{key}:` out",
    )


def _backslash(route: Route, text: str) -> Finding:
    return Finding(
        code="backslash-in-path",
        message=f"'{text}' has a backslash",
        route=route,
        fragment="\\",
        label="part of a name on Linux, where steps run",
        help=f"write `{text.replace(chr(92), '/')}`",
    )


def _machine_path(route: Route, text: str) -> Finding:
    return Finding(
        code="machine-path",
        severity="warning",
        message=f"'{text}' is a path of this machine",
        route=route,
        label="another checkout has it elsewhere",
        help="write it relative to the file it stands in",
    )
