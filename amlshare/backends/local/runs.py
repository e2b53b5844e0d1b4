"""What was run here: lists, details with lineage, logs, and what of it can be removed."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from amlshare.backends.interface import BackendError
from amlshare.backends.local.folder import Folder, Lock
from amlshare.backends.local.records import (
    DatasetRecord,
    InputRecord,
    OutputRecord,
    Records,
    RunRecord,
    StepRecord,
)
from amlshare.backends.local.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run in a list. ``seconds`` is None while it runs; ``steps`` counts them by status."""

    id: str
    pipeline: str
    target: str | None
    status: str
    created: float
    seconds: float | None
    steps: dict[str, int]
    reused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDetail:
    """A step of a run, with what it read and what it made: its lineage."""

    step: StepRecord
    inputs: tuple[InputRecord, ...]
    outputs: tuple[OutputRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail:
    """A run with all of its steps, in run order."""

    run: RunSummary
    steps: tuple[StepDetail, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Something that can be removed: ``bytes`` and ``files`` are what that frees."""

    kind: Literal["run", "output", "code", "store", "text"]
    name: str
    path: Path
    bytes: int
    files: int


def runs(state: Path) -> tuple[RunSummary, ...]:
    """Every run, the newest first."""
    with _Reading(state) as records:
        return tuple(
            _summary(run, records.steps(run.id), state)
            for run in records.find(RunRecord, "ORDER BY created DESC, id DESC")
        )


def show(state: Path, run: str) -> RunDetail:
    """A run, by its id or the beginning of it. Raises BackendError for none or several."""
    with _Reading(state) as records:
        found = _find(records, run)
        steps = records.steps(found.id)
        return RunDetail(
            run=_summary(found, steps, state),
            steps=tuple(
                StepDetail(
                    step=step,
                    inputs=tuple(records.inputs(found.id, step.step)),
                    outputs=tuple(records.outputs(found.id, step.step)),
                )
                for step in steps
            ),
        )


def log_path(state: Path, run: str, step: str) -> Path:
    """The log of a step; where its result was taken over, that of the run that made it.

    Raises BackendError where there is none.
    """
    folder = Folder(state)
    with _Reading(state) as records:
        found = _find(records, run)
        steps = {each.step: each for each in records.steps(found.id)}
    if step not in steps:
        raise BackendError(
            f"run {found.id} has no step '{step}'; its steps are {', '.join(steps) or 'none'}"
        )
    record = steps[step]
    path = folder.log(record.made_by or found.id, step)
    if not path.exists():
        why = "its log was cleaned away" if record.made_by else f"it is {record.status}"
        raise BackendError(f"step '{step}' of run {found.id} has no log: {why}")
    return path


class _Reading:
    """Records opened for one question. Where there are none, BackendError says how to have some."""

    def __init__(self, state: Path) -> None:
        self._path = Folder(state).database

    def __enter__(self) -> Records:
        if not self._path.exists():
            raise BackendError(
                f"nothing was run here yet: there is no {self._path}; run a pipeline with "
                "`amlshare submit SPEC --backend local`, or see those of a workspace with "
                "`amlshare runs --backend azureml --in SPEC`"
            )
        self._records = Records(self._path)
        return self._records

    def __exit__(self, *_: object) -> None:
        self._records.close()


def _find(records: Records, prefix: str) -> RunRecord:
    """The run whose id is or begins with ``prefix``."""
    escaped = re.sub(r"([%_\\])", r"\\\1", prefix)
    found = records.find(RunRecord, "WHERE id LIKE ? ESCAPE '\\' ORDER BY id DESC", f"{escaped}%")
    exact = [run for run in found if run.id == prefix]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if not found:
        raise BackendError(f"no run here is called '{prefix}'; `amlshare runs` lists them")
    shown = ", ".join(run.id for run in found[:5])
    raise BackendError(f"'{prefix}' is the beginning of {len(found)} runs: {shown}; write more")


def _summary(run: RunRecord, steps: list[StepRecord], state: Path) -> RunSummary:
    counts: dict[str, int] = {}
    for step in steps:
        counts[step.status] = counts.get(step.status, 0) + 1
    status = run.status
    if status == "running" and not _lives(run.id, state):
        status = "interrupted"
    return RunSummary(
        id=run.id,
        pipeline=run.pipeline,
        target=run.target,
        status=status,
        created=run.created,
        seconds=None if run.finished is None else run.finished - run.created,
        steps=counts,
        reused=sum(step.reused is True for step in steps),
    )


def _lives(run: str, state: Path) -> bool:
    """Whether a run or its last processes live; whoever wants to go on with it is not kept off."""
    folder = Folder(state)
    return not all(map(_is_free, (folder.run(run) / "alive", folder.guarded(run))))


def _is_free(path: Path) -> bool:
    if not path.exists():
        return True
    lock = Lock(path)
    try:
        return lock.try_acquire()
    finally:
        lock.release()


# cleaning

_RUN_ID = re.compile(r"\d{8}-\d{6}-[a-z0-9]{4}")


def clean_candidates(state: Path) -> tuple[Candidate, ...]:
    """What nothing refers to: old runs, their ``{run-id}`` outputs, copies of code, fetched files.

    Kept are the last run of each pipeline and target and the last that completed, what they took
    over or read from earlier runs, and every version in the catalogue. Nothing is to be removed
    while a run is under way, which may read any of it.
    """
    folder = Folder(state.absolute())
    if not folder.database.exists():
        return ()
    records = Records(folder.database)
    try:
        return tuple(_candidates(records, folder))
    finally:
        records.close()


def clean(state: Path, candidates: Iterable[Candidate]) -> None:
    """Remove ``candidates``, as :func:`clean_candidates` gave them, unless they are needed by now,
    or there is more to them.
    """
    folder = Folder(state.absolute())
    shown = set(candidates)
    if not shown:
        return
    with folder.locked():
        records = Records(folder.database)
        try:
            chosen = [each for each in _candidates(records, folder) if each in shown]
            for each in chosen:
                _remove(each, folder)
            records.forget_runs(each.name for each in chosen if each.kind == "run")
        finally:
            records.close()


def _remove(candidate: Candidate, folder: Folder) -> None:
    if candidate.kind == "store":
        store = Store(folder.store)
        for digest, _ in store.sweep(frozenset()):
            store.remove(digest)
    elif candidate.path.is_dir():
        shutil.rmtree(candidate.path, ignore_errors=True)
    else:
        candidate.path.unlink(missing_ok=True)


def _candidates(records: Records, folder: Folder) -> Iterator[Candidate]:
    running = records.find(RunRecord, "WHERE status='running'")
    if any(_lives(run.id, folder.root) for run in running):
        return
    kept = _kept(records)
    yield from _old_outputs(records, kept)
    yield from _old_runs(records, kept, folder)
    yield from _copies(folder)
    yield from _fetched(folder)


def _kept(records: Records) -> set[str]:
    """The runs to keep: of each pipeline and target the newest and the newest that completed,
    those that were killed, and those whose results they have taken over or read.
    """
    newest: dict[tuple[str, str | None, bool], str] = {}
    kept = set()
    for run in records.find(RunRecord, "ORDER BY created, id"):
        newest[run.pipeline, run.target, False] = run.id
        if run.status == "completed":
            newest[run.pipeline, run.target, True] = run.id
        if run.status == "running":
            kept.add(run.id)
    kept.update(newest.values())
    for name in list(kept):
        kept.update(step.made_by for step in records.steps(name) if step.made_by)
        read = records.find(InputRecord, "WHERE run=?", name)
        kept.update(given.made_by for given in read if given.made_by)
    return kept


def _old_outputs(records: Records, kept: set[str]) -> Iterator[Candidate]:
    every = records.find(OutputRecord, "ORDER BY run, step, output")
    wanted = {(each.url, each.location) for each in every if each.run in kept}
    wanted |= {(each.url, each.location) for each in records.find(DatasetRecord)}
    seen = set(wanted)
    for each in every:
        place = (each.url, each.location)
        path = Path(each.url, each.location)
        if place in seen or not _RUN_ID.search(each.location) or not path.exists():
            continue
        seen.add(place)
        size, files = _measure(path)
        name = f"{each.datastore}:{each.location}"
        yield Candidate(kind="output", name=name, path=path, bytes=size, files=files)


def _old_runs(records: Records, kept: set[str], folder: Folder) -> Iterator[Candidate]:
    for run in records.find(RunRecord, "ORDER BY created, id"):
        if run.id not in kept:
            path = folder.run(run.id)
            size, files = _measure(path)
            yield Candidate(kind="run", name=run.id, path=path, bytes=size, files=files)


def _copies(folder: Folder) -> Iterator[Candidate]:
    """The copies of code: a run that needs one makes it."""
    for path in sorted(folder.code.iterdir()) if folder.code.is_dir() else ():
        size, files = _measure(path)
        yield Candidate(kind="code", name=path.name, path=path, bytes=size, files=files)


def _fetched(folder: Folder) -> Iterator[Candidate]:
    """The store, which is a memory: a run that needs a file fetches it again."""
    found = Store(folder.store).sweep(frozenset()) if folder.store.is_dir() else []
    if found:
        name = "fetched files, to be fetched again when a run needs them"
        size = sum(size for _, size in found)
        yield Candidate(kind="store", name=name, path=folder.store, bytes=size, files=len(found))


def _measure(path: Path) -> tuple[int, int]:
    """Bytes and files below a path."""
    if path.is_file():
        return path.stat().st_size, 1
    size = files = 0
    for root, _, names in os.walk(path):
        for name in names:
            size += Path(root, name).lstat().st_size
            files += 1
    return size, files
