"""Plain values: what operators, built-ins and methods make of what is known."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from amlshare.script_arguments.values import (
    PLAIN,
    UNKNOWN,
    Argv,
    ArgvLength,
    ArgvTest,
    External,
    Given,
    known,
)

_LARGEST = 10_000
_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Mod: operator.mod,
    ast.BitOr: operator.or_,
}
_COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, other: one in other,
    ast.NotIn: lambda one, other: one not in other,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
}
_BUILT_INS: dict[str, Callable[..., Any]] = {
    "list": list,
    "tuple": tuple,
    "dict": dict,
    "str": str,
    "len": len,
    "sorted": sorted,
    "range": range,
    "enumerate": lambda *given: list(enumerate(*given)),
    "zip": lambda *given: list(zip(*given, strict=False)),
    "reversed": lambda each: list(each)[::-1],
    "frozenset": frozenset,
}
# These look at what they are given, and change nothing.
_LOOKS = frozenset(
    "print len repr str isinstance hasattr id type bool logging.info logging.debug".split()
)
_METHODS = frozenset(
    """replace lower upper strip lstrip rstrip format join split removeprefix removesuffix keys
    values items get copy title capitalize startswith endswith""".split()
)
_CHANGES = frozenset("append extend update insert".split())


def truth(value: Any) -> bool | None:
    """Whether a value counts as true; None where that is open."""
    if value is UNKNOWN or isinstance(value, (External, Argv, ArgvLength, ArgvTest)):
        return (
            False
            if value in (External("TYPE_CHECKING"), External("typing.TYPE_CHECKING"))
            else None
        )
    if isinstance(value, (list, dict, tuple)) and not known(value):
        return None
    return bool(value) if known(value) else True


def operate(kind: ast.operator, left: Any, right: Any) -> Any:
    """A binary operation."""
    action = _OPERATORS.get(type(kind))
    if isinstance(kind, ast.Add) and isinstance(left, list) and isinstance(right, list):
        return left + right
    if action is None or not known(left) or not known(right):
        return UNKNOWN
    if isinstance(kind, ast.Mult) and not all(isinstance(x, (int, float)) for x in (left, right)):
        return UNKNOWN
    return _tried(action, left, right)


def _tried(action: Callable[..., Any], *given: Any, **named: Any) -> Any:
    try:
        result = action(*given, **named)
    except Exception:  # noqa: BLE001 - whatever fails here is simply not known
        return UNKNOWN
    too_large = isinstance(result, (str, list, tuple)) and len(result) > _LARGEST
    return UNKNOWN if too_large else result


def negative(kind: ast.unaryop, value: Any) -> Any:
    if isinstance(kind, ast.USub) and isinstance(value, (int, float)):
        return -value
    return UNKNOWN


def compare(left: Any, kind: ast.cmpop, right: Any) -> Any:
    """A comparison; that of the number of words with a number is kept as one."""
    if isinstance(left, ArgvLength) and type(right) is int and type(kind) in _OPPOSITE:
        return ArgvTest(left.start, type(kind), right)
    if isinstance(kind, (ast.Is, ast.IsNot)) and right is None:
        if left is UNKNOWN or isinstance(left, External):
            return UNKNOWN
        return (left is None) == isinstance(kind, ast.Is)
    if not known(left) or not known(right):
        return UNKNOWN
    return _tried(_COMPARISONS[type(kind)], left, right)


def inverse(test: ArgvTest) -> ArgvTest:
    return ArgvTest(test.start, _OPPOSITE[test.operator], test.number)


def span(test: ArgvTest, *, holds: bool) -> tuple[int, int | None] | None:
    """The least and the most items of ``sys.argv`` for which a test holds, or does not."""
    number = test.number
    match test.operator if holds else _OPPOSITE[test.operator]:
        case ast.Eq:
            return number, number
        case ast.Lt:
            return 0, number - 1
        case ast.LtE:
            return 0, number
        case ast.Gt:
            return number + 1, None
        case ast.GtE:
            return number, None
        case ast.NotEq if number + test.start == 1:  # there is always the script's own name
            return number + 1, None
        case _:
            return None


def item(owner: Any, key: Any) -> Any:
    """``owner[key]``."""
    parts = (key.start, key.stop, key.step) if isinstance(key, slice) else (key,)
    if not isinstance(owner, (str, list, tuple, dict)) or not all(map(known, parts)):
        return UNKNOWN
    return _tried(operator.getitem, owner, key)


def call(name: str, given: Given) -> tuple[Any] | None:
    """What a built-in gives; None for one that is not known here."""
    values = (*given.values, *given.named.values())
    if name == "len" and len(given.values) == 1 and isinstance(given.values[0], Argv):
        return (ArgvLength(given.values[0].start),)
    if name == "list" and len(given.values) == 1 and isinstance(given.values[0], Argv):
        return (Argv(given.values[0].start),)
    if name == "dict" and not given.values and not given.open:
        return (dict(given.named),)
    if not given.open and name in _BUILT_INS and all(map(known, values)):
        return (_tried(_BUILT_INS[name], *given.values, **given.named),)
    return (UNKNOWN,) if name in _LOOKS else None


def method(owner: Any, name: str, given: Given) -> Any:
    """What a method of a plain value gives."""
    values = (*given.values, *given.named.values())
    if name in _CHANGES and isinstance(owner, (list, dict)) and not given.open:
        return _tried(getattr(owner, name), *given.values, **given.named)
    if isinstance(owner, str) and name == "join":
        return _tried(owner.join, *values) if all(map(known, values)) else None
    if given.open or name not in _METHODS or not all(map(known, values)):
        return UNKNOWN
    found = _tried(getattr, owner, name)
    result: Any = UNKNOWN if found is UNKNOWN else _tried(found, *given.values, **given.named)
    if result is UNKNOWN or isinstance(result, PLAIN):
        return result
    return list(result)
