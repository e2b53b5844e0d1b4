"""How inputs appear on a step's disk.

| mode | where binding works | elsewhere |
|---|---|---|
| mount | the files themselves, bound read-only | links to them, and a guard that names changes |
| download | linked to the objects of the store, bound read-only | copies, and a guard |
| direct | a location, which the script opens for itself | the same |

A datastore that lies elsewhere is mounted by `fuse.fuse_view` where it can be, else downloaded.
Where the kernel refuses to bind something after all, it is given as it is elsewhere.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from amlshare.backends.local.isolation import bind, bind_writable, make_read_only, unbind
from amlshare.backends.local.store import Store, fetch_each
from amlshare.backends.local.view import Guard, Transfer, View
from amlshare.datastores import Datastore, Entry, is_file, lay_out
from amlshare.datastores.location import parse_location

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
    isolated. ``digest`` gives a file's sha256; it is asked only where nothing is bound.
    """
    folder = datastore.folder
    assert folder is not None, "what lies elsewhere is mounted by fuse_view"
    files = {name: folder / entry.path for name, entry in lay_out(location, entries).items()}
    place = parse_location(location)
    single = is_file(location, entries)
    root = None if single or place.pattern else folder / place.text
    path = target / next(iter(files)) if single else target
    if binds and _bind_all(root, files, target):
        return View(path, "bind", mounts=[target])
    return _linked_view(path, files, target, root, digest)


def _bind_all(root: Path | None, files: Mapping[str, Path], target: Path) -> bool:
    """Bind ``files``, which are all that ``root`` holds if there is one; whether that worked."""
    whole = root is not None and not _has_links(root, files)
    if not whole and len(files) > _MOST_BINDS:
        return False
    try:
        if root is not None and whole:
            bind(root, target)
        else:
            _bind_each(files, target)
    except OSError:
        with suppress(FileNotFoundError):
            target.rmdir()  # never a tree: what is still bound there is the user's
        return False
    return True


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
        shutil.rmtree(target)
        raise


def _linked_view(
    path: Path,
    files: Mapping[str, Path],
    target: Path,
    root: Path | None,
    digest: Callable[[Path], str],
) -> View:
    # not for what appears: beside a folder's files, another step may publish its own
    guard = Guard(digest)
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
    started = time.monotonic()
    fetched = store.fetch_all(datastore, list(files.values()))
    transfer = _fetched(sum(each.moved for each in fetched), started)
    digests = {name: digest for name, (digest, _) in zip(files, fetched, strict=True)}
    path = target / next(iter(files)) if is_file(location, entries) else target
    if binds and _bind_objects(store, digests, target):
        return View(path, "bind", mounts=[target], transfer=transfer)
    return View(path, "copy", guard=_copy_objects(store, digests, target), transfer=transfer)


def _fetched(moved: int, started: float) -> Transfer:
    """What came since ``started``; that all of it had come before takes no time to speak of."""
    return Transfer(moved=moved, seconds=time.monotonic() - started if moved else 0.0)


def _bind_objects(store: Store, digests: Mapping[str, str], target: Path) -> bool:
    _make_folders(target, digests)
    for name, digest in digests.items():
        store.place(digest, target / name, link=True)
    if _bind_itself(target):
        return True
    shutil.rmtree(target)
    return False


def _copy_objects(store: Store, digests: Mapping[str, str], target: Path) -> Guard:
    guard = Guard(store.digest, target)
    _make_folders(target, digests)
    for name, digest in digests.items():
        store.place(digest, target / name, link=False)
        _set_back(target / name)
        guard.watch(name, target / name, digest, settled=True)
    return guard


def fetched_view(
    datastore: Datastore,
    location: str,
    entries: Sequence[Entry],
    target: Path,
    *,
    binds: bool,
    digest: Callable[[Path], str],
) -> View:
    """Give a step its own copy of the files at ``target``, fetched for it alone."""
    guard = Guard(digest, target)
    files = lay_out(location, entries)
    _make_folders(target, files)
    places = {entry.path: target / name for name, entry in files.items()}
    started = time.monotonic()
    fetched = fetch_each(
        datastore, list(files.values()), lambda each: datastore.fetch(each, places[each.path])
    )
    transfer = _fetched(sum(entry.size for entry in entries), started)
    for name, digest_ in zip(files, fetched, strict=True):
        guard.watch(name, target / name, digest_)
    path = target / next(iter(files)) if is_file(location, entries) else target
    if binds and _bind_itself(target):
        return View(path, "bind", mounts=[target], transfer=transfer)
    return View(path, "copy", guard=guard, transfer=transfer)


def _bind_itself(target: Path) -> bool:
    """Make a folder read-only; whether that worked."""
    try:
        bind(target, target)
    except OSError:
        return False
    return True


def _set_back(path: Path) -> None:
    """Date a file back, so that any write to it shows in its time."""
    then = time.time_ns() - _TEN_SECONDS
    os.utime(path, ns=(then, then))
