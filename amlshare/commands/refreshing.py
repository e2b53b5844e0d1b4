"""`plan --refresh`: what lies at a spec's data is looked at, and written into its lock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, TypeAlias

from amlshare import lock as locks
from amlshare import secrets
from amlshare.backends.interface import BackendError, NotInWorkspaceError
from amlshare.commands.reading import Reading, at_their_places, read
from amlshare.commands.request import Request, UsageError, find_workspace
from amlshare.datastores import DatastoreError, open_datastore, open_path
from amlshare.datastores.measuring import Measured, Place, measure
from amlshare.diagnostics import SpecError
from amlshare.files import write_whole
from amlshare.lock import Content, Entry, Lock
from amlshare.pipeline import Data, Pipeline

if TYPE_CHECKING:
    from amlshare.backends.azureml.places import Places
    from amlshare.backends.local.store import Store

Watch: TypeAlias = Callable[[Sequence[str]], None]
"""Told every few seconds which data is still being looked at."""

_AT_ONCE = 8
_OFTEN = 5.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a refresh found of data; ``before`` is the lock's entry until then.

    ``after`` is None where it was not looked at, and ``problem`` says why.
    """

    data: Data
    before: Entry | None = None
    after: Entry | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """A lock that is up to date; it is ``written`` only where it was not before."""

    path: Path
    looked: tuple[Looked, ...]
    written: bool


def refresh(request: Request, watch: Watch, *, today: str) -> Refreshed:
    """Look at all data that a step reads, and write the lock beside the spec.

    At the stand-ins that the spec names under `local`, else in the workspace. ``today`` is a day
    such as 2026-11-23. Raises UsageError, SpecError, and BackendError with everything that could
    not be looked at: nothing is written then.
    """
    reading = read(request)
    if reading.pipeline is None:
        raise SpecError(reading.diagnostics)
    path, pipeline = _path(request, reading.pipeline), reading.pipeline
    data = _read_by_steps(pipeline)
    found, problems = _found(data, pipeline, request, watch)
    shared = _shared(reading, request)
    before = _without_two_truths(reading, shared)
    both = shared.get(pipeline.target or "", frozenset())
    after = locks.refreshed(before, found, data, pipeline.target, shared=both, today=today)
    looked = tuple(
        Looked(
            data=each,
            before=before.find(each, pipeline.target),
            after=after.find(each, pipeline.target) if each.name in found else None,
            problem=problems.get(each.name, ""),
        )
        for each in data
    )
    return Refreshed(path=path, looked=looked, written=_write(after, path, request))


def _path(request: Request, pipeline: Pipeline) -> Path:
    """Where the lock lies. Raises UsageError for what has none."""
    if request.lock is None:
        raise UsageError("--refresh writes a lock beside the spec, and standard input has no place")
    given = {text.partition("=")[0].strip() for text in request.parameters}
    if others := sorted(given & {data.name for data in pipeline.data}):
        raise UsageError(
            f"--refresh looks at the data that the spec names: leave `-p {others[0]}=` out"
        )
    return request.lock


def _read_by_steps(pipeline: Pipeline) -> tuple[Data, ...]:
    used = {given.source for step in pipeline.steps for given in step.inputs}
    return tuple(data for data in pipeline.data if data.name in used)


def _shared(reading: Reading, request: Request) -> dict[str, frozenset[str]]:
    """Of each target that the spec has and the lock knows, or that is refreshed now, the data that
    lies where it lies without a target.
    """
    assert reading.document is not None
    known = reading.document.data.get("targets") or {}
    wanted = {*(reading.lock or locks.EMPTY).targets, *filter(None, [request.target])} & set(known)
    base = _lying(replace(request, target=None)) if wanted else {}
    found = {name: _lying(replace(request, target=name)) for name in sorted(wanted)}
    return {
        name: frozenset(data for data, where in lying.items() if base.get(data) == where)
        for name, lying in found.items()
    }


def _lying(request: Request) -> dict[str, object]:
    """Where each of the data lies: its place, and what stands in for it, or else the workspace."""
    pipeline = read(request).pipeline
    return {} if pipeline is None else {data.name: _where(data, pipeline) for data in pipeline.data}


def _where(data: Data, pipeline: Pipeline) -> object:
    local = pipeline.local
    if data.dataset is not None:
        stand_in = local.datasets.get(data.dataset)
    else:
        stand_in = data.upload or local.datastores.get(str(data.datastore))
    return locks.place(data), stand_in or pipeline.workspace


def _without_two_truths(reading: Reading, shared: Mapping[str, frozenset[str]]) -> Lock:
    """The lock until now, without targets that the spec has no more, and with one entry for what
    lies at one place.
    """
    lock = reading.lock or locks.EMPTY
    lock = replace(lock, targets={name: lock.targets.get(name, {}) for name in shared})
    for name, data in shared.items():
        lock = locks.without(lock, name, data)
    return lock


def _write(lock: Lock, path: Path, request: Request) -> bool:
    """Write the lock where it differs from what is there."""
    if not lock.data and not any(lock.targets.values()) and not path.exists():
        return False
    text = locks.write(lock, Path(request.spec).name).encode()
    try:
        if path.exists() and path.read_bytes() == text:
            return False
        write_whole(path, text)
    except OSError as error:
        raise UsageError(f"cannot write '{path}': {error.strerror}") from None
    return True


# Looking


def _found(
    data: Sequence[Data], pipeline: Pipeline, request: Request, watch: Watch
) -> tuple[dict[str, Content], dict[str, str]]:
    """What lies at each of the data, and why some cannot be looked at.

    Raises BackendError with everything that went wrong.
    """
    here = _Here(pipeline, request)
    near = {each.name: here.places(each) for each in data}
    away, problems = _away([each for each in data if near[each.name] is None], pipeline, request)
    wanted = {name: places for name, places in near.items() if places}
    wanted |= {name: found.places for name, found in away.items()}
    measured, failed = _measured(wanted, here, watch)
    if failed := here.failed | failed:
        raise _failure(failed, len(measured) + len(failed), here)
    return {
        name: Content(
            bytes=each.bytes,
            files=each.files,
            digest=each.digest,
            version=away[name].version if name in away else None,
        )
        for name, each in measured.items()
    }, problems


def _failure(failed: Mapping[str, str], of: int, here: _Here) -> BackendError:
    lines = [f"data '{name}': {secrets.mask(text)}" for name, text in sorted(failed.items())]
    if len(lines) > 1:
        lines.insert(0, f"{len(lines)} of {of} data cannot be looked at")
    places = {here.stand_ins[name] for name in failed if name in here.stand_ins}
    lines += [
        f"{place} stands in for the cloud: without it, the workspace is asked"
        for place in sorted(places)
    ]
    return BackendError("\n".join([*lines, "the lock is as it was"]))


def _away(
    data: Sequence[Data], pipeline: Pipeline, request: Request
) -> tuple[dict[str, Places], dict[str, str]]:
    """Where data lies in the workspace, and why some cannot be listed there."""
    if not data:
        return {}, {}
    if request.backend == "local":
        why = "nothing stands in for it here under `local`"
        return {}, {each.name: why for each in data}
    from amlshare.backends.azureml import places

    name = find_workspace(request, pipeline)
    assert name is not None
    try:
        found = places.find(data, name)
    except NotInWorkspaceError as error:
        raise at_their_places(error.findings, request) from None
    problems = {each: secrets.mask(at.problem) for each, at in found.items() if at.problem}
    return {each: at for each, at in found.items() if not at.problem}, problems


def _measured(
    wanted: Mapping[str, Sequence[Place]], here: _Here, watch: Watch
) -> tuple[dict[str, Measured], dict[str, str]]:
    """What lies at the places of each of the data, and what went wrong; several at a time."""
    coming = _begun({name: partial(measure, at, here.digest) for name, at in wanted.items()})
    while coming and wait(coming.values(), timeout=_OFTEN).not_done:
        watch([name for name, future in coming.items() if not future.done()])
    errors = {name: future.exception() for name, future in coming.items()}
    for error in errors.values():
        if error is not None and not isinstance(error, (DatastoreError, OSError)):
            raise error
    return (
        {name: future.result() for name, future in coming.items() if errors[name] is None},
        {name: str(error) for name, error in errors.items() if error is not None},
    )


def _begun(work: Mapping[str, Callable[[], Measured]]) -> dict[str, Future[Measured]]:
    """Every piece of ``work``, a few at a time, in threads that nobody waits for at the end: a
    command that is interrupted ends at once.
    """
    coming: dict[str, Future[Measured]] = {name: Future() for name in work}
    waiting = iter(coming.items())  # one for all threads: each takes what is next

    def run() -> None:
        for name, future in waiting:
            _settle(future, work[name])

    for _ in range(min(_AT_ONCE, len(work))):
        Thread(target=run, daemon=True).start()
    return coming


def _settle(future: Future[Measured], work: Callable[[], Measured]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - whoever asks for the result sees it
        future.set_exception(error)


@dataclass
class _Here:
    """What stands in for the cloud on this machine.

    ``stand_ins`` says of the data that was looked for here what of `local` is in its place, and
    ``failed`` of data that has none there why.
    """

    pipeline: Pipeline
    request: Request
    stand_ins: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def places(self, data: Data) -> Sequence[Place] | None:
        """Where data lies here: nowhere where it failed, None where nothing stands in for it."""
        try:
            return self._opened(data)
        except (DatastoreError, BackendError) as error:
            self.failed[data.name] = str(error)
            return ()

    def _opened(self, data: Data) -> Sequence[Place] | None:
        base, local = self.request.base, self.pipeline.local
        if data.upload is not None:
            return [open_path(data.upload, base)]
        if data.dataset is not None:
            value = self._stand_in(data.name, "datasets", local.datasets, data.dataset)
            return None if value is None else [open_path(value, base)]
        name = str(data.datastore)
        value = self._stand_in(data.name, "datastores", local.datastores, name)
        if value is None:
            return None
        return [(open_datastore(name, value, base), data.location or "")]

    def _stand_in(self, data: str, kind: str, known: Mapping[str, str], name: str) -> str | None:
        """The folder or URL that stands in for a datastore or dataset."""
        if name not in known:
            return None
        from amlshare.backends.local.sources import with_env

        self.stand_ins[data] = f"local.{kind}.{name}"
        return with_env(known[name], self.stand_ins[data])

    def digest(self, path: Path) -> str:
        """The sha256 of a file, read again only where it has changed since the last time."""
        return self._store.digest(path)

    @cached_property
    def _store(self) -> Store:
        from amlshare.backends.local.folder import Folder
        from amlshare.backends.local.store import Store

        folder = Folder(self.request.state.absolute())
        folder.create()
        return Store(folder.store)
