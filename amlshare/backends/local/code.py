"""Code folders as they were planned: a copy for the runs, and a working folder for each program.

A run must not see edits made while it goes on, and a step must not write into the user's folder.
So the files are copied once per content (see ``folder``), and each step works in a folder of its
own with a link to each of them: what it reads relative to it is the code folder, as on Azure, and
what it writes is its own. Python looks for modules where the links lead to, so that bytecode is
kept with the copy.

Where this process is isolated, what the links lead to is bound read-only as long as the run goes
on, but for the bytecode. Elsewhere its modes are all that keeps a step from writing there: nothing
keeps root, or who may write a large file, which is linked to where it lies.
"""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from amlshare.backends.interface import BackendError
from amlshare.backends.local.isolation import bind_writable, make_read_only, unbind
from amlshare.backends.local.job import JobStep
from amlshare.plan import digest
from amlshare.snapshots import Snapshots

DigestFile = Callable[[Path], str]

_LARGE = 32 << 20
"""Bytes from which a file is linked to where it lies: it is data, and not edited during a run."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A code folder, copied to ``root``: ``files`` maps paths in it to where they lie."""

    root: Path
    files: Mapping[str, Path]


Found: TypeAlias = Mapping[str, str | None]
"""What is below a folder, by posix path: where links lead to, "" for folders, None for files."""


class Code:
    """The code folders of a run, and the working folders of its steps. ``root`` holds the copies,
    ``base`` is the spec's folder; ``binds`` says that this process is isolated.
    """

    def __init__(self, root: Path, base: Path, digest_file: DigestFile, *, binds: bool) -> None:
        self._root = root
        self._binds = binds
        self._numbers = itertools.count(1)
        self._free: dict[str | None, list[tuple[Path, Found | None]]] = {}
        self._snapshots = Snapshots(base)
        self._digest_file = digest_file
        self._copies: dict[str, Copy] = {}

    def prepare(self, steps: Iterable[JobStep]) -> None:
        """Copy what ``steps`` need. Raises BackendError where a file is not as it was planned."""
        for step in steps:
            if step.code is None:
                continue
            if step.code not in self._copies:
                self._copies[step.code] = self._copy(step.code)
            self._compare(step, self._copies[step.code])
        if self._binds:
            self._copies = {name: _protect(copy) for name, copy in self._copies.items()}

    def close(self) -> None:
        """Let go of the copies, once no step runs any more."""
        for copy in self._copies.values() if self._binds else ():
            with suppress(OSError):
                unbind(copy.root)

    @contextmanager
    def work(self, step: JobStep, run: Path) -> Iterator[Path]:
        """A working folder for ``step``, below the run's folder. One that a step leaves as it found
        it serves another.
        """
        free = self._free.setdefault(step.code, [])
        copy = self._copies.get(step.code or "")
        files = copy.files if copy else {}
        try:
            work, made = free.pop()
        except IndexError:
            work = run / f"work-{next(self._numbers)}"
            _link(files, work)
            made = _look(work)
        yield work
        if made is not None and _look(work) == made:
            free.append((work, made))
        else:
            shutil.rmtree(work, ignore_errors=True)

    def _copy(self, folder: str) -> Copy:
        found = self._snapshots.files(folder)
        digests = {name: self._digest_file(path) for name, path in found.items()}
        target = self._root / digest(digests)
        files = {
            each: path if path.stat().st_size >= _LARGE else target / each
            for each, path in found.items()
        }
        if not self._is_whole(files, digests):
            small = {each: found[each] for each, path in files.items() if path != found[each]}
            _copy_files(small, target)
        return Copy(target, files)

    def _is_whole(self, files: Mapping[str, Path], digests: Mapping[str, str]) -> bool:
        try:
            return all(self._digest_file(path) == digests[name] for name, path in files.items())
        except FileNotFoundError:
            return False

    def _compare(self, step: JobStep, copy: Copy) -> None:
        for name, planned in step.code_files.items():
            path = copy.files.get(name)
            if path is None or self._digest_file(path) != planned:
                raise BackendError(
                    f"{step.code}/{name}, which step '{step.name}' runs, has changed since the "
                    "plan was made: plan again"
                )


def _copy_files(files: Mapping[str, Path], target: Path) -> None:
    """Copy ``files`` to ``target`` in one move, in place of a copy that is damaged."""
    fresh = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    fresh.mkdir(parents=True)
    for name, path in files.items():
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, fresh / name)
        (fresh / name).chmod((path.stat().st_mode & 0o555) | 0o400)
    if target.exists():
        shutil.rmtree(target, ignore_errors=True)
    try:
        fresh.rename(target)
    except OSError:
        # another run was faster with the same content
        shutil.rmtree(fresh, ignore_errors=True)


def _link(files: Mapping[str, Path], work: Path) -> None:
    """A folder with a link to each of ``files``."""
    for folder in sorted({name.rpartition("/")[0] for name in files} | {""}):
        (work / folder).mkdir(parents=True, exist_ok=True)
    for name, path in files.items():
        (work / name).symlink_to(path)


def _look(folder: Path) -> Found | None:
    """What is below a folder; None where that cannot be told."""
    try:
        return dict(_walk(folder))
    except OSError:
        return None


def _walk(folder: Path, prefix: str = "") -> Iterator[tuple[str, str | None]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            if entry.is_symlink():
                yield name, os.readlink(entry.path)  # noqa: PTH115 - many files
            elif entry.is_dir():
                yield name, ""
                yield from _walk(Path(entry.path), f"{name}/")
            else:
                yield name, None


def _protect(copy: Copy) -> Copy:
    """Bind a copy read-only over itself, with the large files in their places; as it was where that
    does not work.
    """
    files = {name: copy.root / name for name in copy.files}
    caches = {path.parent / "__pycache__" for path in files.values() if path.suffix == ".py"}
    for folder in (copy.root, *caches):
        folder.mkdir(parents=True, exist_ok=True)
    below = os.open(copy.root, os.O_PATH)  # leads to what lies below the mount
    try:
        bind_writable(copy.root, copy.root)
        for name, path in copy.files.items():
            if path != files[name]:
                bind_writable(path, files[name])
        make_read_only(copy.root)
        for cache in caches:
            bind_writable(Path(f"/proc/self/fd/{below}") / cache.relative_to(copy.root), cache)
    except OSError:
        with suppress(OSError):
            unbind(copy.root)
        return copy
    finally:
        os.close(below)
    return Copy(copy.root, files)
