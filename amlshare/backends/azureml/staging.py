"""The snapshots of a job's steps: copies of their code folders, made to be uploaded.

SDK v1 uploads a folder as it stands, with the bytecode and the state that happen to lie in it, and
makes all of it a part of the step's fingerprint. A copy has what belongs to the snapshot and no
more, with times that are always the same: equal content is the same step, on every machine.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from amlshare.backends.azureml.job import Job, JobStep
from amlshare.backends.azureml.wrapping import SCRIPT
from amlshare.backends.interface import BackendError
from amlshare.plan import digest
from amlshare.snapshots import SnapshotError, Snapshots, excess, ignore_file, would_hold

_PROGRAM = Path(__file__).with_name(SCRIPT)
_TIME = 946_684_800  # 2000-01-01: a snapshot says when each file was changed
_PREFIX = "amlshare-code-"
_DAY = 86_400


@contextmanager
def staged(job: Job, base: Path) -> Iterator[Mapping[str, Path]]:
    """The folder to snapshot for each step, by its name; all are gone at the end.

    ``base`` is the spec's folder. Raises BackendError for a snapshot that Azure ML would refuse.
    """
    snapshots = Snapshots(base)
    kinds = {step.name: _kind(step) for step in job.steps}
    for code, is_wrapped in dict.fromkeys(kinds.values()):
        _check(snapshots, code, is_wrapped=is_wrapped)
    _sweep()
    with TemporaryDirectory(prefix=_PREFIX) as made:
        folders: dict[tuple[str | None, bool], Path] = {}
        for kind in kinds.values():
            if kind not in folders:
                folders[kind] = Path(made).resolve() / str(len(folders))
                _stage(snapshots, *kind, folders[kind])
        yield {name: folders[kind] for name, kind in kinds.items()}


def digests(job: Job, base: Path) -> Mapping[str, str]:
    """The digest of each code folder as a whole, and of the wrapper's program where it is used.

    Raises BackendError for a file that cannot be read.
    """
    snapshots = Snapshots(base)
    found = {}
    for code in sorted({step.code for step in job.steps if step.code is not None}):
        files = _files(snapshots, code)
        found[code] = digest({name: _digest(snapshots, path) for name, path in files.items()})
    if any(_kind(step)[1] for step in job.steps):
        found[SCRIPT] = _digest(snapshots, _PROGRAM)[:16]
    return found


def _kind(step: JobStep) -> tuple[str | None, bool]:
    """The code folder of a step, and whether the wrapper's program lies in its snapshot.

    A snapshot of nothing is none, so the program stands in for a step without code.
    """
    return step.code, step.wrapper is not None or step.code is None


def _files(snapshots: Snapshots, code: str | None) -> Mapping[str, Path]:
    if code is None:
        return {}
    files = snapshots.files(code)
    if code in snapshots.problems:
        raise BackendError(
            f"code folder '{code}' cannot be uploaded whole: {snapshots.problems[code]}"
        )
    if not files:
        raise BackendError(f"code folder '{code}' has no file to upload: is it the right one?")
    return files


def _digest(snapshots: Snapshots, path: Path) -> str:
    try:
        return snapshots.digest(path)
    except SnapshotError as error:
        raise BackendError(str(error)) from None


# What Azure ML refuses


def _check(snapshots: Snapshots, code: str | None, *, is_wrapped: bool) -> None:
    files = _files(snapshots, code)
    if is_wrapped and SCRIPT in files:
        raise BackendError(
            f"code folder '{code}' has a file {SCRIPT}, which is what amlshare calls the program "
            "that it adds to this snapshot: rename yours"
        )
    sizes = {} if code is None else snapshots.sizes(code)
    if found := excess(sizes, _PROGRAM.stat().st_size if is_wrapped else None):
        has, most, where = found
        raise BackendError(
            f"the snapshot of code folder '{code}' has {has}, and Azure ML takes at most {most}; "
            f"{where}; leave out what is no code with patterns in {code}/.amlignore"
        )


# Copying


def _sweep() -> None:
    """Remove what was left of submits that were killed: none needs its copies for a day."""
    with suppress(OSError), os.scandir(gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and _is_left(entry):
                shutil.rmtree(entry.path, ignore_errors=True)


def _is_left(entry: os.DirEntry[str]) -> bool:
    try:
        changed = entry.stat(follow_symlinks=False).st_mtime
        return entry.is_dir(follow_symlinks=False) and changed < time.time() - _DAY
    except OSError:
        return False


def _stage(snapshots: Snapshots, code: str | None, is_wrapped: bool, folder: Path) -> None:
    files = dict(_files(snapshots, code))
    ignored_by = None if code is None else ignore_file(snapshots.base / code)
    if ignored_by is not None:
        files[ignored_by.name] = ignored_by  # it may leave itself out, and still counts
    if is_wrapped:
        files[SCRIPT] = _PROGRAM
    try:
        for name, path in files.items():
            _copy(path, folder / name)
        if is_wrapped:
            _keep(folder, SCRIPT)
        _settle_times(folder)
    except OSError as error:
        raise BackendError(f"cannot copy code folder '{code}' to {folder}: {error}") from None


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _keep(folder: Path, name: str) -> None:
    """See to it that no pattern leaves out a file."""
    ignored_by = ignore_file(folder)
    if ignored_by is not None and not would_hold(folder, name):
        with ignored_by.open("a", encoding="utf-8") as file:
            file.write(f"\n!/{name}\n")


def _settle_times(folder: Path) -> None:
    """Give every file and folder the same time, the deepest first."""
    for root, _, files in os.walk(folder, topdown=False):
        for path in (*(Path(root, name) for name in files), Path(root)):
            os.utime(path, (_TIME, _TIME))
