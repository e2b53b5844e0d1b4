"""pydantic's errors as our sentences, each at its key or value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from amlshare.checks import foreign
from amlshare.checks.keys import keys_at, meant_by, owners, similar
from amlshare.checks.places import NOUNS, place
from amlshare.checks.references import bad_reference
from amlshare.diagnostics import Finding, Route, closest
from amlshare.references import parse

# What a value should have been, in our words.
_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_LIMITS = {
    "greater_than_equal": "at least",
    "greater_than": "more than",
    "less_than_equal": "at most",
}
_FORMS = {
    "arguments": "a list, or a mapping FLAG: VALUE",
    "outputs": "a list of names, or a mapping",
    "scratch": "a list of names, or a mapping",
    "sequence": "a list of scripts and commands",
    "after": "a step, or a list of steps",
    "at": "a time, or a list of times",
    "include": "a file, or a list of files",
}
# How an entry is written, for those who wrote a text or a list in its place.
_EXAMPLES = {
    "steps": "clean: {script: clean.py}",
    "data": "flights: {type: path, location: raw/flights.csv}",
    "compute": "cpu: {cluster: cpu-cluster}",
    "environments": "sklearn: {image: IMAGE, conda: sklearn.yml}",
    "schedules": "nightly: {every: day}",
    "inputs": "flights: {from: flights, mode: mount}",
    "outputs": "cleaned: {type: path}",
    "parameters": "min_distance: 200",
    "tags": "team: ops",
    "env": "LEVEL: info",
}
# What a text in the place of an entry was probably meant to be.
_SPELLED_OUT = {
    "steps": "script: ",
    "data": "type: path, location: ",
    "compute": "cluster: ",
    "environments": "image: ",
    "schedules": "every: ",
    "outputs": "type: ",
}


def explain_errors(error: ValidationError, data: object) -> Iterator[Finding]:
    """A finding for each mistake in ``data``: several errors may be one."""
    unnamed = unnamed_in(error, data)
    for table in dict.fromkeys(route[:-1] for route in unnamed):
        names = [str(route[-1]) for route in unnamed if route[:-1] == table]
        yield _unnamed_entry(table, names, data)
    details = [(route_of(detail, data), detail) for detail in error.errors(include_url=False)]
    details = [each for each in details if not any(_starts(each[0], name) for name in unnamed)]
    yield from (_finding(detail, route) for route, detail in details if detail["type"] != "missing")
    yield from _missing_keys(details)


def _starts(route: Route, start: Route) -> bool:
    return route[: len(start)] == start


def _missing_keys(details: list[tuple[Route, Any]]) -> Iterator[Finding]:
    """What is missing, at each place once; a key that was only misspelled is not missing."""
    missing: dict[Route, list[str]] = {}
    meant: dict[Route, set[str | None]] = {}
    for (*owner, key), detail in ((each, detail) for each, detail in details if each):
        if detail["type"] == "missing":
            missing.setdefault(tuple(owner), []).append(str(key))
        elif detail["type"] == "extra_forbidden":
            meant.setdefault(tuple(owner), set()).add(meant_by(str(key), tuple(owner)))
    for place_, keys in missing.items():
        if lacking := [key for key in keys if key not in meant.get(place_, ())]:
            yield _missing(place_, lacking)


def route_of(detail: Any, data: object) -> Route:
    """The place of an error, as far as ``data`` has it.

    pydantic speaks of union members, which stand in brackets, and of fields that a short form
    (``inputs: {flights: 5}``) does not spell out.
    """
    route = tuple(part for part in detail["loc"] if not str(part).startswith("("))
    if detail["type"] == "missing":
        return (*_known(route[:-1], data), route[-1])
    return _known(route, data)


def _known(route: Route, data: object) -> Route:
    value: Any = data
    for index, part in enumerate(route):
        if not _has(value, part):
            return route[:index]
        value = value[part]
    return route


def _has(value: object, part: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, dict) and part in value


def unnamed_in(error: ValidationError, data: object) -> tuple[Route, ...]:
    """Where an entry's key stands in a mapping by name, where the entry's name belongs."""
    routes = (route_of(detail, data) for detail in error.errors(include_url=False))
    ways = (route[:length] for route in routes for length in (2, 4) if len(route) >= length)
    return tuple(dict.fromkeys(way for way in ways if _is_key(str(way[-1]), way[:-1], data)))


def _is_key(name: str, table: Route, data: object) -> bool:
    """Whether an entry's name is one of the entry's keys, and the entry is none."""
    if table[-1] not in NOUNS:
        return False
    keys = keys_at((*table, "?"))
    entry = _value(data, (*table, name))
    return name in keys and not (isinstance(entry, dict) and set(keys) & entry.keys())


def _value(data: Any, route: Route) -> object:
    for part in route:
        data = data[part] if _has(data, part) else None
    return data


def _unnamed_entry(table: Route, names: list[str], data: object) -> Finding:
    noun = NOUNS[str(table[-1])]
    entries = _value(data, table)
    others = [name for name in entries if name not in names] if isinstance(entries, dict) else []
    listed = " and ".join(f"'{name}'" for name in names)
    stand = "is a key" if len(names) == 1 else "are keys"
    return Finding(
        code="unnamed-entry",
        message=f"{listed} {stand} of {_an(noun)}, and {place(table)} has names",
        route=(*table, names[0]),
        on="key",
        label="expected a name",
        help=f"indent further, to below a name such as '{others[-1]}'"
        if others
        else f"write a name above, such as `{_EXAMPLES[str(table[-1])]}`",
    )


def _finding(detail: Any, route: Route) -> Finding:
    match detail["type"]:
        case "extra_forbidden":
            return _unknown_key(route)
        case "literal_error":
            return _unknown_value(detail, route)
        case "bad-size" | "bad-time" as code:
            return _no_amount(code, detail, route)
        case "bad-number":
            return _no_number(detail, route)
        case "duplicate-output":
            return _twice(detail["input"], route)
        case kind if kind in _LIMITS:
            return _out_of_range(detail, route)
        case kind:
            return wrong_type(detail["input"], route, _EXPECTED.get(kind, detail["msg"]))


def _missing(owner: Route, keys: list[str]) -> Finding:
    named = " and ".join(f"'{key}'" for key in keys)
    return Finding(
        code="missing-key",
        message=f"{place(owner)} has no {named}",
        route=owner,
        on="key",
        label=f"{named} {'is' if len(keys) == 1 else 'are'} required",
        help="; ".join(_MISSING.get(key, f"add `{key}:` here") for key in keys),
    )


_MISSING = {
    "amlshare": "start the file with `amlshare: 1`, the version of this language",
    "name": "name the pipeline with `name: my_pipeline`",
    "steps": "add `steps:` with at least one step",
    "from": "name what is read: `from: DATA` or `from: STEP.OUTPUT`",
    "type": "say how it is shared: `type: path`, `directory` or `dataset`",
    "script": "name the script, which has init() and run(mini_batch): `script: FILE.py`",
    "over": "name the input that is cut into mini batches: `over: INPUT`",
}


def _unknown_key(route: Route) -> Finding:
    key = str(route[-1])
    label, help_ = _instead(key, route[:-1])
    return Finding(
        code="unknown-key",
        message=f"{place(route[:-1])} has no key '{key}'",
        route=route,
        on="key",
        label=label,
        help=help_,
    )


def _instead(key: str, owner: Route) -> tuple[str, str | None]:
    """What to write for an unknown key: beside the caret, and as the next step."""
    if key == "$schema":
        return "a comment here", "`# yaml-language-server: $schema=./amlshare.schema.json`"
    if key in foreign.KEYS and (ours := meant_by(key, owner)):
        return f"here it is `{ours}`", None
    if not owner and key in keys_at(("defaults",)):
        return "goes under `defaults`", f"write `defaults: {{{key}: ..}}`, or say it in each step"
    if owner and key in keys_at(owner[:-1]):
        return "stands one level too deep", f"write it beside `{owner[-1]}`, not in it"
    if near := similar(key, keys_at(owner)):
        return f"did you mean '{near}'?", None
    if places := owners().get(key):
        *some, last = places
        listed = f"{', '.join(some)} and {last}" if some else last
        return "stands in the wrong place", f"`{key}` is a key of {listed}"
    return "unknown key", f"known here: {', '.join(keys_at(owner))}"


def _unknown_value(detail: Any, route: Route) -> Finding:
    value = detail["input"]
    if route == ("amlshare",):
        return _unsupported(value, route)
    expected = detail["ctx"]["expected"].replace(" or ", ",").split(",")
    choices = [word.strip("' ") for word in expected]
    ours, more = foreign.VALUES.get(str(value), ("", ""))
    similar = ours if ours in choices else closest(value, choices) if _is_text(value) else None
    return Finding(
        code="unknown-value",
        message=f"{_shown(value)} is no {place(route)}",
        route=route,
        label=f"did you mean '{similar}'?" if similar else f"expected {', '.join(choices)}",
        help=f"with `{more}`"
        if more and similar == ours
        else f"one of: {', '.join(choices)}"
        if similar
        else _OTHER_SIDE.get((str(route[-1]), str(value))),
    )


_OTHER_SIDE = {
    ("mode", "upload"): "an output is uploaded; an input is mounted or downloaded",
    ("mode", "download"): "an input is downloaded; an output is mounted or uploaded",
    ("mode", "direct"): "an input may be direct; an output is mounted or uploaded",
}


def _unsupported(value: object, route: Route) -> Finding:
    if str(value).strip() == "1":
        return wrong_type(value, route, "the number 1")
    return Finding(
        code="unsupported-version",
        message=f"this amlshare reads version 1 of the language, the spec says {_shown(value)}",
        route=route,
        label="expected 1",
        help="write `amlshare: 1`, or install the amlshare that this spec was written for",
    )


def _no_amount(code: str, detail: Any, route: Route) -> Finding:
    what = "a size" if code == "bad-size" else "a time"
    form, _, such = detail["msg"].partition(", ")
    return Finding(
        code=code,
        message=f"{_shown(detail['input'])} is not {what}",
        route=route,
        label=f"expected {form}",
        help=such,
    )


def _no_number(detail: Any, route: Route) -> Finding:
    value = detail["input"]
    if _is_text(value) and (bad := parse(value)[1]):
        return bad_reference(bad[0].text, route)
    return Finding(
        code="bad-number",
        message=f"{place(route)} is {_shown(value)}",
        route=route,
        label=f"expected {detail['msg']}",
    )


def _twice(names: list[str], route: Route) -> Finding:
    again = next(index for index, name in enumerate(names) if name in names[:index])
    return Finding(
        code="duplicate-item",
        message=f"'{names[again]}' is listed twice",
        route=(*route, again),
        help="take one of them out",
    )


def _out_of_range(detail: Any, route: Route) -> Finding:
    (limit,) = detail["ctx"].values()
    return Finding(
        code="bad-number",
        message=f"{place(route)} is {_shown(detail['input'])}",
        route=route,
        label=f"expected {_LIMITS[detail['type']]} {limit:g}",
    )


def wrong_type(value: object, route: Route, expected: str) -> Finding:
    """The finding of a value of another type than was ``expected``, in words."""
    key = str(route[-1]) if route else ""
    table = len(route) == 1 and key == "outputs"
    return Finding(
        code="wrong-type",
        message=f"{place(route)} is {_article(value)}",
        route=route,
        label=f"expected {expected if table else _FORMS.get(key, expected)}",
        help=_mended(value, route, expected),
    )


def _mended(value: object, route: Route, expected: str) -> str | None:
    """How it is written rightly."""
    key = str(route[-1]) if route else ""
    if value is None:
        if route and isinstance(route[-1], int):
            return "fill it in, or take it out"
        return f"fill it in, or take `{key}:` out" if key else None
    if expected == "a text" and isinstance(value, (int, float)):
        quoted = str(value).lower() if isinstance(value, bool) else value
        return f'put it in quotes: "{quoted}"'
    if isinstance(value, dict):
        return _in_place_of_text(value, route)
    if expected == "a list" and _is_text(value):
        part = f"{{{_run_by(str(value))}: {value}}}" if key == "sequence" else value
        return f"write `{key}: [{part}]`"
    if "mapping" in expected:
        return _as_mapping(value, route)
    return None


def _in_place_of_text(value: dict[str, Any], route: Route) -> str | None:
    """What to do with a mapping where a text belongs."""
    if route[-1] == "sequence":
        return "each part starts with a dash: `- script: FILE.py`"
    if route[-1] in ("compute", "environment"):
        table = "compute" if route[-1] == "compute" else "environments"
        return f"describe it under the spec's `{table}:`, and name it here"
    if len(route) > 1 and route[-2] == "arguments" and len(value) == 1:
        return "write two items, the flag and its value; or no dashes at all, for FLAG: VALUE"
    return None


def _as_mapping(value: object, route: Route) -> str | None:
    key, table = (str(part) for part in ("", "", *route)[:-3:-1])
    match value:
        case str() if table and _lacks_a_blank(value, keys_at(route)):
            name, _, rest = value.partition(":")
            return f"YAML wants a blank after the colon: `{name}: {rest}`"
        case str() if table in _SPELLED_OUT:
            return f"for example `{key}: {{{_SPELLED_OUT[table]}{value}}}`"
        case str() if key == "arguments":
            return f"write each word by itself: [{', '.join(value.split())}]"
        case str() if table == "sequence":
            return f"write `- {_run_by(value)}: {value}`"
        case str() if key in ("outputs", "scratch"):
            return f"write `{key}: [{value}]`"
        case str() if route == ("compute",):
            entry = _EXAMPLES["compute"]
            return f"write `defaults: {{compute: {value}}}`; here are entries: `{entry}`"
        case [dict(), *_]:
            dashed = all(isinstance(item, dict) and len(item) == 1 for item in value)
            return "take the dashes away: it is a mapping" if dashed else _example(route)
        case [str(), *_] if key == "inputs":
            return f"write `inputs: {{{', '.join(f'{name}: {name}' for name in value)}}}`"
        case _:
            return _example(route)


def _run_by(text: str) -> str:
    """The key for what stands where a part of a sequence belongs: one word is a file."""
    return "command" if len(text.split()) > 1 else "script"


def _lacks_a_blank(value: str, keys: tuple[str, ...]) -> bool:
    return any(value.startswith(f"{key}:") for key in keys)


def _example(route: Route) -> str | None:
    """An entry of the mapping by name that the route is in or names."""
    table = next((str(part) for part in route[-1:-3:-1] if part in _EXAMPLES), None)
    return f"for example `{_EXAMPLES[table]}`" if table else None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _an(noun: str) -> str:
    noun = "entry" if noun == "data" else noun
    return f"an {noun}" if noun[0] in "aeio" else f"a {noun}"


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
