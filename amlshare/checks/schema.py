"""pydantic's errors as our sentences, each at its key or value."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from amlshare.diagnostics import Finding, Route, closest
from amlshare.spec import Spec

# What a value should have been, in our words.
_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_LIMITS = {"greater_than_equal": "ge", "greater_than": "gt", "less_than_equal": "le"}


def explain_errors(error: ValidationError) -> Iterator[Finding]:
    """A finding for each error."""
    for detail in error.errors(include_url=False):
        yield _finding(detail, _route(detail["loc"]))


def _route(loc: tuple[int | str, ...]) -> Route:
    """pydantic's place without the names of union members, which stand in brackets."""
    return tuple(part for part in loc if not str(part).startswith("("))


def _finding(detail: Any, route: Route) -> Finding:
    match detail["type"]:
        case "missing":
            return _missing(route)
        case "extra_forbidden":
            return _unknown_key(route)
        case "literal_error":
            return _unknown_value(detail, route)
        case "bad-size" | "bad-time" | "bad-number" as code:
            return Finding(
                code=code,
                message=f"{_shown(detail['input'])} is not {_kind(code)}",
                route=route,
                label=f"expected {detail['msg']}",
            )
        case "duplicate-output":
            return Finding(
                code="duplicate-output",
                message=f"step '{route[1]}' lists an output twice",
                route=route,
                label=f"expected {detail['msg']}",
            )
        case kind if kind in _LIMITS:
            return _out_of_range(detail, route)
        case kind:
            return _wrong_type(detail, route, _EXPECTED.get(kind, detail["msg"]))


def _kind(code: str) -> str:
    return {"bad-size": "a size", "bad-time": "a time"}.get(code, "a number that fits here")


def _missing(route: Route) -> Finding:
    key, owner = route[-1], route[:-1]
    help_ = _MISSING.get(str(key), f"add `{key}:` here")
    return Finding(
        code="missing-key",
        message=f"{_place(owner)} has no '{key}'",
        route=owner,
        on="key",
        label=f"'{key}' is required",
        help=help_,
    )


_MISSING = {
    "amlshare": "start the file with `amlshare: 1`, the version of this language",
    "name": "name the pipeline with `name: my_pipeline`",
    "steps": "add `steps:` with at least one step",
    "from": "name what is read: `from: DATA` or `from: STEP.OUTPUT`",
    "type": "say how it is shared: `type: path`, `directory` or `dataset`",
}


def _unknown_key(route: Route) -> Finding:
    key = str(route[-1])
    known = keys_at(route[:-1])
    similar = closest(key, known)
    return Finding(
        code="unknown-key",
        message=f"{_place(route[:-1])} has no key '{key}'",
        route=route,
        on="key",
        label=f"did you mean '{similar}'?" if similar else "unknown key",
        help=None if similar else f"known here: {', '.join(known)}",
    )


def _unknown_value(detail: Any, route: Route) -> Finding:
    choices = [
        word.strip("' ") for word in detail["ctx"]["expected"].replace(" or ", ",").split(",")
    ]
    value = detail["input"]
    if route == ("amlshare",):
        return Finding(
            code="unsupported-version",
            message=f"this amlshare reads version 1 of the language, the spec says {_shown(value)}",
            route=route,
            label="expected 1",
            help="write `amlshare: 1`, or install the amlshare that this spec was written for",
        )
    similar = closest(value, choices) if isinstance(value, str) else None
    return Finding(
        code="unknown-value",
        message=f"{_shown(value)} is no {_place(route)}",
        route=route,
        label=f"did you mean '{similar}'?" if similar else f"expected {', '.join(choices)}",
        help=f"one of: {', '.join(choices)}" if similar else None,
    )


def _out_of_range(detail: Any, route: Route) -> Finding:
    (limit,) = detail["ctx"].values()
    word = {"greater_than_equal": "at least", "greater_than": "more than"}.get(
        detail["type"], "at most"
    )
    return Finding(
        code="bad-number",
        message=f"{_place(route)} is {_shown(detail['input'])}",
        route=route,
        label=f"expected {word} {limit:g}",
    )


def _wrong_type(detail: Any, route: Route, expected: str) -> Finding:
    value = detail["input"]
    quote = 'put it in quotes: "' + str(value) + '"'
    return Finding(
        code="wrong-type",
        message=f"{_place(route)} is {_article(value)}",
        route=route,
        label=f"expected {expected}",
        help=quote if expected == "a text" and isinstance(value, (int, float)) else None,
    )


def _article(value: object) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {_shown(value)}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= 60 else f"'{value[:57]}...'"
    return _article(value) if isinstance(value, (list, dict)) or value is None else str(value)


_NOUNS = {
    "steps": "step",
    "data": "data",
    "inputs": "input",
    "outputs": "output",
    "compute": "compute target",
    "environments": "environment",
    "parameters": "parameter",
    "schedules": "schedule",
}


def _place(route: Route) -> str:
    """The innermost named thing of a route, for people: ``step 'clean'``, ``'mode' of input 'x'``."""
    if not route:
        return "the spec"
    names = [str(part) for part in route if isinstance(part, str)]
    last = names[-1]
    if len(names) >= 2 and names[-2] in _NOUNS and len(names) % 2 == 0:
        return f"{_NOUNS[names[-2]]} '{last}'"
    if len(names) >= 3 and names[-3] in _NOUNS and len(names) % 2 == 1:
        return f"'{last}' of {_NOUNS[names[-3]]} '{names[-2]}'"
    return f"'{last}'"


def keys_at(route: Route) -> tuple[str, ...]:
    """The keys that the language knows at a route."""
    model: object = Spec
    for part in route:
        model = _inner(model, part)
    if isinstance(model, type) and issubclass(model, BaseModel):
        return tuple(field.alias or name for name, field in model.model_fields.items())
    return ()


def _inner(model: object, part: str | int) -> object:
    """The type one step further down: a model's field, or what a list or mapping holds."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, field in model.model_fields.items():
            if part in (name, field.alias):
                return field.annotation
        return None
    return next((found for arg in _arguments(model) if (found := _model_in(arg))), None)


def _arguments(annotation: object) -> tuple[object, ...]:
    return getattr(annotation, "__args__", ())


def _model_in(annotation: object) -> object:
    """The model inside an annotation such as ``Annotated[Input, ..]`` or ``Input | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in _arguments(annotation) if (found := _model_in(arg))), None)


@dataclass(frozen=True, slots=True)
class Mended:
    """Plain data without what pydantic refused."""

    data: dict[str, Any]


# A key that may be left out without another rule speaking of its absence.
_HARMLESS = frozenset({"extra_forbidden", "literal_error", "bad-size", "bad-time", "bad-number"})


def without_errors(data: dict[str, Any], error: ValidationError) -> Mended | None:
    """The data without the keys that pydantic refused, where a spec does without them.

    None when something is missing or of another shape: then the rules would speak of what is only
    a consequence.
    """
    details = error.errors(include_url=False)
    if any(detail["type"] not in _HARMLESS for detail in details):
        return None
    mended = deepcopy(data)
    for detail in details:
        *owners, key = _route(detail["loc"])
        owner: Any = mended
        for part in owners:
            owner = owner.get(part) if isinstance(owner, dict) else owner[part]
        if key == "type" or not isinstance(owner, dict):
            return None
        owner.pop(key, None)
    return Mended(mended)
