"""How a block of a script is left before its end, while it is followed."""

from __future__ import annotations

from typing import Any


class Left(Exception):  # noqa: N818 - it is the way out of a block, no error
    """A block is left before its end."""


class Failed(Left):
    """By an error, or an exit with one: whatever comes later does not matter."""


class Exited(Left):
    """By an exit that is no error."""


class Returned(Left):
    def __init__(self, value: Any) -> None:
        self.value = value
        super().__init__()


class Skipped(Left):
    """By `break` or `continue`."""

    def __init__(self, *, ends: bool) -> None:
        self.ends = ends
        super().__init__()


class GaveUp(Exception):  # noqa: N818 - the same
    """The script is longer than is worth following."""
