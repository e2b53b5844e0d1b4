"""A view: an input on a step's disk, and what the step has done to it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from amlshare.backends.local.isolation import unbind
from amlshare.backends.local.store import is_settled, to_stamp

How: TypeAlias = Literal["bind", "link", "copy", "fuse"]


class Change(NamedTuple):
    """What a step did to a file of an input; ``path`` is relative to the input."""

    path: str
    what: Literal["changed", "vanished", "appeared"]

    def __str__(self) -> str:
        return f"{self.path} {self.what}"


class _Before(NamedTuple):
    path: Path
    stamp: str
    digest: str
    settled: bool


class Guard:
    """Finds the files that a step has changed, where nothing kept it from writing.

    A file whose times are as before is unchanged, unless it was so young that a write might not
    show in them; in doubt, its content decides.
    """

    def __init__(self, digest: Callable[[Path], str], folder: Path | None = None) -> None:
        """``digest`` gives a file's sha256; in ``folder``, nothing may appear either."""
        self._digest = digest
        self._folder = folder
        self._before: dict[str, _Before] = {}

    def watch(self, name: str, path: Path, digest: str, *, settled: bool | None = None) -> None:
        """Hold a file to its content. ``settled``: the caller knows that its times will tell."""
        stat = path.stat()
        if settled is None:
            settled = is_settled(stat, time.time_ns())
        self._before[name] = _Before(path, to_stamp(stat), digest, settled)

    def changes(self) -> list[Change]:
        """What is no longer as it was watched, sorted by path."""
        now = set(find_files(self._folder)) if self._folder else set()
        found = [Change(name, "appeared") for name in now - self._before.keys()]
        for name, before in self._before.items():
            if what := self._damage(before):
                found.append(Change(name, what))
        return sorted(found)

    def _damage(self, before: _Before) -> Literal["changed", "vanished"] | None:
        try:
            if before.settled and to_stamp(before.path.stat()) == before.stamp:
                return None
            return None if self._digest(before.path) == before.digest else "changed"
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return "vanished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What was read from a datastore: bytes, in how many requests, None where nobody counts them,
    and for how many seconds somebody waited for it.
    """

    moved: int = 0
    requests: int | None = None
    seconds: float = 0.0


class View:
    """An input as a step finds it, until `close`.

    ``path`` is what the script gets. The folder in which the view was made is the caller's to
    remove, once it is closed.
    """

    def __init__(
        self,
        path: Path,
        how: How,
        *,
        mounts: Sequence[Path] = (),
        guard: Guard | None = None,
        transfer: Transfer = Transfer(),
    ) -> None:
        self.path = path
        self.how = how
        self._mounts = mounts
        self._guard = guard
        self._transfer = transfer

    @property
    def transfer(self) -> Transfer:
        """What was read from the datastore for it until now."""
        return self._transfer

    @property
    def moved(self) -> int:
        return self.transfer.moved

    def changes(self) -> list[Change]:
        """What the step did to the input; always empty where it could not."""
        return self._guard.changes() if self._guard else []

    def close(self) -> None:
        """Take the view off the disk."""
        for mount in self._mounts:
            unbind(mount)


def find_files(folder: Path) -> Iterable[str]:
    """The files below a folder, relative to it."""
    for parent, _, names in os.walk(folder):
        yield from (os.path.relpath(f"{parent}/{name}", folder) for name in names)
