"""Changes to a document that leave the rest of its text as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from amlshare.diagnostics import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Write ``value``, plain data, at a route: in place of what is there, or as a new key."""

    route: Route
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Take the key at a route away, with its value."""

    route: Route


Edit: TypeAlias = Put | Drop
