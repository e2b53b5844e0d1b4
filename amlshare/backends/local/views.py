"""How inputs appear on a step's disk.

| mode | where binding works | elsewhere |
|---|---|---|
| mount | the files themselves, bound read-only | links to them, and a guard that names changes |
| download | linked to the objects of the store, bound read-only | copies, and a guard |
| direct | a location, which the script opens for itself | the same |

A datastore that lies elsewhere is mounted by `fuse_view` where `can_fuse`, else downloaded.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from amlshare.backends.local.fuse import can_fuse, fuse_view
from amlshare.backends.local.isolation import (
    Isolation,
    bind,
    bind_writable,
    isolate,
    make_read_only,
    unbind,
)
from amlshare.backends.local.store import Store
from amlshare.backends.local.view import Change, Guard, View, find_files
from amlshare.datastores import Datastore, Entry, is_file, lay_out
from amlshare.datastores.location import parse_location

__all__ = [
    "Change",
    "Guard",
    "Isolation",
    "View",
    "bind",
    "can_fuse",
    "download_view",
    "fuse_view",
    "isolate",
    "mount_view",
    "unbind",
]

# a kernel holds 100,000 mounts; a view of more files than this is one of links
_MOST_BINDS = 10_000
_TEN_SECONDS = 10_000_000_000  # ns


def mount_view(
    datastore: Datastore,
    location: str,
    entries: Sequence[Entry],
    target: Path,
    *,
    binds: bool,
    digest: Callable[[Path], str],
) -> View:
    """Show the files of a folder on this machine at ``target``, which is not there yet.

    ``entries`` is what the datastore listed at ``location``; ``binds`` is whether this process is
    isolated. ``digest`` gives a file's sha256; it is asked only where nothing can be bound.
    """
    folder = datastore.folder
    assert folder is not None, "what lies elsewhere is mounted by fuse_view"
    files = {name: folder / entry.path for name, entry in lay_out(location, entries).items()}
    place = parse_location(location)
    single = is_file(location, entries)
    root = None if single or place.pattern else folder / place.text
    path = target / next(iter(files)) if single else target
    if not binds or (root is None and len(files) > _MOST_BINDS):
        return _linked_view(path, files, target, root, digest)
    if root is not None and not _has_links(root, files):
        bind(root, target)
    else:
        _bind_each(files, target)
    return View(path, "bind", mounts=[target])


def _has_links(root: Path, names: Iterable[str]) -> bool:
    """Whether a file is, or lies behind, a link: through it, a bound folder could be written."""
    places = set(names)
    for name in names:
        parent = name.rpartition("/")[0]
        while parent and parent not in places:
            places.add(parent)
            parent = parent.rpartition("/")[0]
    return any(os.path.islink(f"{root}/{each}") for each in places)  # noqa: PTH114 - many files


def _bind_each(files: Mapping[str, Path], target: Path) -> None:
    """Bind file by file, below a mount of the target itself: it takes all of them with it."""
    target.mkdir(parents=True)
    bind_writable(target, target)
    try:
        for name, path in files.items():
            bind_writable(path, target / name)
        make_read_only(target)
    except OSError:
        unbind(target)
        raise


def _linked_view(
    path: Path,
    files: Mapping[str, Path],
    target: Path,
    root: Path | None,
    digest: Callable[[Path], str],
) -> View:
    guard = Guard(digest, partial(find_files, root or target))
    for name, file in files.items():
        guard.watch(name, file, digest(file))
    if root is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(root)
    else:
        _make_folders(target, files)
        for name, file in files.items():
            (target / name).symlink_to(file)
    return View(path, "link", guard=guard)


def _make_folders(target: Path, names: Iterable[str]) -> None:
    target.mkdir(parents=True)
    for folder in {name.rpartition("/")[0] for name in names}:
        (target / folder).mkdir(parents=True, exist_ok=True)


def download_view(
    store: Store,
    datastore: Datastore,
    location: str,
    entries: Sequence[Entry],
    target: Path,
    *,
    binds: bool,
) -> View:
    """Give a step its own copy of the files at ``target``, fetched unless the store has them."""
    files = lay_out(location, entries)
    fetched = store.fetch_all(datastore, list(files.values()))
    _make_folders(target, files)
    for name, (digest, _) in zip(files, fetched, strict=True):
        store.place(digest, target / name, link=binds)
    path = target / next(iter(files)) if is_file(location, entries) else target
    moved = sum(each.moved for each in fetched)
    if binds:
        bind(target, target)
        return View(path, "bind", mounts=[target], moved=moved)
    guard = Guard(store.digest, partial(find_files, target))
    for name, (digest, _) in zip(files, fetched, strict=True):
        _set_back(target / name)
        guard.watch(name, target / name, digest, settled=True)
    return View(path, "copy", guard=guard, moved=moved)


def _set_back(path: Path) -> None:
    """Date a file back, so that any write to it shows in its time."""
    then = time.time_ns() - _TEN_SECONDS
    os.utime(path, ns=(then, then))
