"""Changes to a document, as data: what they do to its text is in ``rewriting``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from amlshare.diagnostics import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Write ``value``, plain data, at a route: in place of what is there, or as a new key.

    A new key stands ``after`` the one of that name beside it, else last.
    """

    route: Route
    value: Any
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Take the key at a route away, with its value; nothing changes where there is none."""

    route: Route


Edit: TypeAlias = Put | Drop


class EditError(Exception):
    """An edit that the text of a document cannot follow."""


def applied(data: Mapping[str, Any], edits: Iterable[Edit]) -> dict[str, Any]:
    """The data with ``edits`` done to it, one after the other. The mapping itself, and what is in
    it, stays as it is.

    Raises EditError for a route that leads into a scalar.
    """
    changed = dict(data)
    for edit in edits:
        _apply(changed, edit)
    return changed


def _apply(data: dict[str, Any], edit: Edit) -> None:
    """Do an edit to ``data`` itself, and to copies of the collections on its way."""
    holder: Any = data
    *above, last = edit.route
    for number, part in enumerate(above):
        if not _has(holder, part) or holder[part] is None:
            if isinstance(edit, Drop):
                return
            holder, last = _holding(holder, part), part
            edit = replace(edit, value=wrapped(edit.route[number + 1 :], edit.value))
            break
        if isinstance(holder[part], (dict, list)):
            holder[part] = copy(holder[part])
        holder = holder[part]
    if isinstance(edit, Put) and isinstance(holder, list) and last == len(holder):
        holder.append(deepcopy(edit.value))
    elif isinstance(edit, Put):
        _holding(holder, last)[last] = deepcopy(edit.value)
    elif _has(holder, last):
        del holder[last]


def _has(holder: Any, part: str | int) -> bool:
    if isinstance(holder, list):
        return isinstance(part, int) and 0 <= part < len(holder)
    return isinstance(holder, dict) and part in holder


def _holding(holder: Any, part: str | int) -> Any:
    """The collection, when ``part`` can be a key of it."""
    if _has(holder, part) or (isinstance(holder, dict) and isinstance(part, str)):
        return holder
    raise EditError(f"nothing can be put at {part!r}")


def wrapped(route: Route, value: Any) -> Any:
    """A value below the keys of a route."""
    for part in reversed(route):
        value = {part: value}
    return value
