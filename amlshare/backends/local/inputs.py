"""What a step finds at its inputs: a view, a copy, or a location to open for itself.

Views that cost no room lie in a small memory file system of the run, where this process may mount
one: making and removing them then touches no disk, and they are gone when the run is killed.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread

from amlshare.backends.interface import Noted
from amlshare.backends.local.folder import MOUNTED
from amlshare.backends.local.fuse import can_fuse, fuse_view
from amlshare.backends.local.isolation import Isolation
from amlshare.backends.local.sources import Source
from amlshare.backends.local.store import Store
from amlshare.backends.local.view import Guard, Transfer, View
from amlshare.backends.local.views import download_view, fetched_view, mount_view
from amlshare.datastores import Entry
from amlshare.pipeline import Input

_SHOWN = 5  # changed files that are named


class InputError(Exception):
    """An input cannot be given, or was changed by the step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What lies at an input's source, and how long it took to list it and to mount it.

    None is what nobody asked for: of a direct input nothing is listed.
    """

    bytes: int | None = None
    files: int | None = None
    listing_seconds: float | None = None
    mounting_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An input as a step gets it: ``value`` stands for it in arguments.

    ``how`` is bind, link, copy, fuse or direct; ``opens`` says that the step opens a remote
    location for itself; ``view`` is None for a direct input, which ``guard`` watches where it
    lies on this machine. ``cost`` is what was found out until the step could begin.
    """

    input: Input
    value: str
    how: str
    opens: bool = False
    view: View | None = None
    guard: Guard | None = None
    cost: Cost = Cost()

    @property
    def transfer(self) -> Transfer:
        """What was read from the datastore for it until now."""
        return self.view.transfer if self.view else Transfer()

    def check(self) -> None:
        """Raise InputError where the step has changed the input."""
        watched = self.view or self.guard
        changes = watched.changes() if watched else []
        if changes:
            named = ", ".join(map(str, changes[:_SHOWN]))
            more = f" and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
            raise InputError(
                f"the step changed its input '{self.input.name}': {named}{more}; inputs are only "
                "to be read: have the script write to an output"
            )

    @property
    def trouble(self) -> str:
        """What went wrong while it was read, where that is known."""
        return str(getattr(self.view, "trouble", ""))


class Inputs:
    """Gives inputs to the steps of a run. Safe for many threads."""

    def __init__(
        self,
        run: Path,
        store: Store,
        isolation: Isolation,
        note: Callable[[Noted], None],
        *,
        as_cloud: bool,
    ) -> None:
        """``run`` is the run's folder; with ``as_cloud`` nothing is shared between steps."""
        self._run = run
        self._store = store
        self._binds = isolation.bind
        self._note = note
        self._as_cloud = as_cloud
        self._said: set[str] = set()
        self._lock = Lock()
        self._closing: SimpleQueue[tuple[View, Path] | None] = SimpleQueue()
        self._closer = Thread(target=self._close_views, name="views", daemon=True)
        self._closer.start()
        self._memory = self._binds and _mount_memory(run / MOUNTED)

    @contextmanager
    def provide(self, given: Input, source: Source, step: str) -> Iterator[Given]:
        """The input as its mode says, as long as the context is open."""
        if given.mode == "direct":
            yield self._direct(given, source)
            return
        started = time.monotonic()
        entries = source.datastore.list(source.location)
        listed = time.monotonic()
        target = self._target(given, source, step)
        view = self._view(given, source, entries, target)
        cost = Cost(
            bytes=sum(entry.size for entry in entries),
            files=len(entries),
            listing_seconds=listed - started,
            mounting_seconds=time.monotonic() - listed if view.how == "fuse" else None,
        )
        try:
            yield Given(input=given, value=str(view.path), how=view.how, view=view, cost=cost)
        finally:
            self._closing.put((view, target))

    def _direct(self, given: Input, source: Source) -> Given:
        """The location itself. Nothing keeps the step from writing there, so it is watched."""
        folder = source.datastore.folder
        value = source.datastore.uri(source.location)
        if folder is None:
            return Given(input=given, value=value, how="direct", opens=True)
        guard = Guard(self._store.digest)
        for entry in source.datastore.list(source.location):
            path = folder / entry.path
            guard.watch(entry.path, path, self._store.digest(path))
        return Given(input=given, value=value, how="direct", guard=guard)

    def close(self) -> None:
        """Wait until every view that is not needed any more is gone."""
        self._closing.put(None)
        self._closer.join()

    def _close_views(self) -> None:
        """Take views away behind the steps' backs: the kernel takes its time to unmount."""
        while item := self._closing.get():
            view, target = item
            with suppress(OSError):  # what stays is swept away with the run
                view.close()
                _remove(target)

    def _target(self, given: Input, source: Source, step: str) -> Path:
        """Where the view is made: copies are made on the disk where the store is."""
        copies = self._as_cloud or given.mode == "download" or source.datastore.folder is None
        if self._memory and not copies:
            return self._run / MOUNTED / step / given.name
        return self._run / step / "inputs" / given.name

    def _view(self, given: Input, source: Source, entries: Sequence[Entry], target: Path) -> View:
        place = (source.datastore, source.location, entries, target)
        remote = source.datastore.folder is None
        if given.mode == "mount" and (remote or self._as_cloud):
            works, why = can_fuse()
            if works:
                return fuse_view(*place)
            self._explain(given, source, why, remote=remote)
        if self._as_cloud:
            return fetched_view(*place, binds=self._binds, digest=self._store.digest)
        if given.mode == "mount" and not remote:
            return mount_view(*place, binds=self._binds, digest=self._store.digest)
        return download_view(self._store, *place, binds=self._binds)

    def _explain(self, given: Input, source: Source, why: str, *, remote: bool) -> None:
        """Say once why what should be mounted is fetched."""
        with self._lock:
            fresh, self._said = why not in self._said, self._said | {why}
        if fresh:
            fetched = (
                "fetched once and shared" if remote and not self._as_cloud else "fetched whole"
            )
            self._note(
                Noted(
                    message=f"{source} cannot be mounted on this machine ({why}): input "
                    f"'{given.name}', and whatever else should be mounted, is {fetched}"
                )
            )


def _mount_memory(target: Path) -> bool:
    """A file system of its own for what is only mount points; whether that worked."""
    target.mkdir(parents=True, exist_ok=True)
    name = os.fsencode(target)
    if ctypes.CDLL(None).mount(b"amlshare", name, b"tmpfs", 0, b"size=16m,mode=755") == 0:
        return True
    target.rmdir()
    return False


def _remove(target: Path) -> None:
    """Remove what a view lay in. What is still mounted is read-only, and stays."""
    if target.is_symlink() or target.is_file():
        target.unlink()
    else:
        shutil.rmtree(target, ignore_errors=True)
    with suppress(OSError):
        target.parent.rmdir()
