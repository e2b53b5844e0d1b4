"""Runs that were killed: what they were about to publish is published, the rest is swept away."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from amlshare.backends.local import outputs
from amlshare.backends.local.folder import MOUNTED, Folder, take_run
from amlshare.backends.local.fuse import unmount
from amlshare.backends.local.records import Publication, Records, RunRecord, StepRecord


def recover(folder: Folder, records: Records) -> None:
    """Bring every dead run to a whole state and note it as interrupted.

    The caller holds the state's lock, so that no two processes do it at once.
    """
    dead = "WHERE status='running' OR id IN (SELECT run FROM steps WHERE status='publishing')"
    for run in records.find(RunRecord, dead):
        lock = take_run(folder, run.id)
        if lock is None:
            continue
        try:
            _recover(run, folder, records)
        finally:
            lock.release()


def _recover(run: RunRecord, folder: Folder, records: Records) -> None:
    for step in records.steps(run.id):
        if step.status == "publishing":
            _carry_on(step, records)
    sweep(run.staging, folder.run(run.id))
    if run.status == "running":
        records.interrupt_run(run.id)


def _carry_on(step: StepRecord, records: Records) -> None:
    """Finish the publication of a step, or undo it; where an upload to elsewhere is part of it, the
    step has to run again.
    """
    moves = records.publications(step.run, step.step)
    # a later publication at the same place has made one of these void
    is_whole = len(moves) == len(records.outputs(step.run, step.step))
    if not is_whole or any(each.inode is None for each in moves):
        return
    try:
        for each in moves:
            outputs.move(each)
    except (OSError, outputs.OutputError):
        _undo(step, moves, records)
    else:
        done = replace(step, status="completed", finished=time.time())
        records.finish_step(done, reusable=True)


def _undo(step: StepRecord, moves: list[Publication], records: Records) -> None:
    for each in moves:
        with suppress(OSError):
            outputs.take_back(each)
    with records.change():
        records.forget_publication(step.run, step.step)
        records.put(replace(step, status="canceled"))


def sweep(staging: Iterable[str], run: Path) -> None:
    """Remove what a run has left: staged outputs, views, working folders. Logs stay."""
    for box in map(Path, staging):
        shutil.rmtree(box, ignore_errors=True)
        for folder in (box.parent / "locks", box.parent):
            _remove_empty(folder)
    for mount in (*run.glob(f"{MOUNTED}/*/*"), run / MOUNTED, *run.glob("*/inputs/*")):
        _unmount(mount)
    for path in (*run.glob("*-*"), *run.glob("*/*")):
        if path.name != "log.txt" and not path.is_symlink() and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != "log.txt":
            path.unlink(missing_ok=True)


def _unmount(path: Path) -> None:
    """Take away what is mounted at ``path``, also where whoever served it is gone."""
    try:
        mounted = os.path.ismount(path)
        path.lstat()
    except FileNotFoundError:
        return
    except OSError:
        mounted = True
    if mounted:
        with suppress(OSError):
            unmount(path)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # another run's, or never made
        folder.rmdir()
