"""Runs that were killed: what they were about to publish is published, the rest is swept away."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from amlshare.backends.local import outputs
from amlshare.backends.local.folder import Folder, take_run
from amlshare.backends.local.records import Records, RunRecord, StepRecord


def recover(folder: Folder, records: Records) -> None:
    """Bring every dead run to a whole state and note it as interrupted.

    The caller holds the state's lock, so that no two processes do it at once.
    """
    for run in records.find(RunRecord, "WHERE status='running'"):
        locks = take_run(folder, run.id)
        if locks is None:
            continue
        try:
            _recover(run, folder, records)
        finally:
            locks.release()


def _recover(run: RunRecord, folder: Folder, records: Records) -> None:
    for step in records.steps(run.id):
        if step.status == "publishing":
            _carry_on(step, records)
    sweep(run.staging, folder.run(run.id))
    records.interrupt_run(run.id)


def _carry_on(step: StepRecord, records: Records) -> None:
    """Finish the publication of a step, unless an upload to elsewhere is part of it."""
    moves = records.publications(step.run, step.step)
    if all(each.inode is not None and outputs.move(each) for each in moves):
        done = replace(step, status="completed", finished=time.time())
        records.finish_step(done, reusable=True)


def sweep(staging: Iterable[str], run: Path) -> None:
    """Remove what a run has left: staged outputs, views, working folders. Logs stay."""
    for box in map(Path, staging):
        shutil.rmtree(box, ignore_errors=True)
        for folder in (box.parent / "locks", box.parent):
            _remove_empty(folder)
    for step in run.iterdir():
        if step.name.startswith("work-"):
            shutil.rmtree(step, ignore_errors=True)
        elif step.is_dir():
            for path in step.iterdir():
                if path.name != "log.txt":
                    _remove(path)


def _remove(path: Path) -> None:
    """Remove a file or folder, but nothing that is mounted there."""
    if path.is_dir() and not path.is_symlink():
        if not any(os.path.ismount(each) for each in [path, *path.iterdir()]):
            shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        pass  # another run's, or never made
