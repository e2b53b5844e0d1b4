"""Code folders as they were planned: a copy for the runs, and a working folder for each step.

A run must not see edits made while it goes on, and a step must not write into the user's folder.
So the files are copied once per content (see ``folder``), and each step works in a folder of its
own with a link to each of them: what it reads relative to it is the code folder, as on Azure, and
what it writes is its own. Python looks for modules where the links lead to, so that bytecode is
kept with the copy.
"""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from amlshare.backends.interface import BackendError
from amlshare.backends.local.job import JobStep
from amlshare.plan import digest
from amlshare.snapshots import Snapshots

DigestFile = Callable[[Path], str]

_LARGE = 32 << 20
"""Bytes from which a file is linked to where it lies: it is data, and not edited during a run."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copied code folder: ``files`` maps paths in it to where they lie."""

    digest: str
    files: Mapping[str, Path]


class Code:
    """The code folders of a run, and the working folders of its steps. ``root`` holds the copies,
    ``base`` is the spec's folder.
    """

    def __init__(self, root: Path, base: Path, digest_file: DigestFile) -> None:
        self._root = root
        self._numbers = itertools.count(1)
        self._free: dict[str | None, list[Path]] = {}
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

    @contextmanager
    def work(self, step: JobStep, run: Path) -> Iterator[Path]:
        """A working folder for ``step``, below the run's folder. One that a step leaves as it found
        it serves another.
        """
        free = self._free.setdefault(step.code, [])
        copy = self._copies.get(step.code or "")
        files = copy.files if copy else {}
        try:
            work = free.pop()
        except IndexError:
            work = run / f"work-{next(self._numbers)}"
            _link(files, work)
        yield work
        if set(_links(work)) == set(files):
            free.append(work)
        else:
            shutil.rmtree(work, ignore_errors=True)

    def _copy(self, folder: str) -> Copy:
        found = self._snapshots.files(folder)
        digests = {name: self._digest_file(path) for name, path in found.items()}
        name = digest(digests)
        target = self._root / name
        files = {
            each: path if path.stat().st_size >= _LARGE else target / each
            for each, path in found.items()
        }
        if not self._is_whole(files, digests):
            small = {each: found[each] for each, path in files.items() if path != found[each]}
            _copy_files(small, target)
        return Copy(name, files)

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


def _links(folder: Path, prefix: str = "") -> Iterator[str]:
    """The links below a folder, by posix path, and whatever else there is under an impossible
    name.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            if entry.is_symlink():
                yield name
            elif entry.is_dir():
                yield from _links(Path(entry.path), f"{name}/")
            else:
                yield f"{name}/"
