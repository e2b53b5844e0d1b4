"""The life of a step, from its inputs to its record. A thread lives it from end to end."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from threading import Event as Flag
from typing import Any

from amlshare.backends.interface import BackendError, Event, Noted, StepStarted
from amlshare.backends.local import outputs
from amlshare.backends.local.code import Code
from amlshare.backends.local.folder import Folder, alone_at
from amlshare.backends.local.inputs import Given, InputError, Inputs
from amlshare.backends.local.job import JobStep
from amlshare.backends.local.logs import mark
from amlshare.backends.local.outputs import Content, OutputError, Place
from amlshare.backends.local.processes import Exit, GuardianLostError, Processes
from amlshare.backends.local.program import Program
from amlshare.backends.local.records import (
    InputRecord,
    OutputRecord,
    Publication,
    Records,
    StepRecord,
)
from amlshare.backends.local.sources import Datastores, Source, Sources, listing_digest
from amlshare.backends.local.store import Store
from amlshare.datastores import DatastoreError, Entry, lay_out
from amlshare.pipeline import Sequence, called
from amlshare.plan import digest
from amlshare.references import Reference
from amlshare.units import show_size


class StepFailedError(Exception):
    """A step failed: the message says why. ``shows_log`` when its own words explain it; ``record``
    says how far it came.
    """

    def __init__(self, message: str, *, shows_log: bool = False) -> None:
        super().__init__(message)
        self.shows_log = shows_log
        self.record: StepRecord | None = None


class StoppedError(Exception):
    """The run was stopped while the step ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What a step needs to live: the run's parts, shared by all its threads."""

    run: str
    folder: Folder
    records: Records
    store: Store
    code: Code
    datastores: Datastores
    sources: Sources
    inputs: Inputs
    program: Program
    processes: Processes
    items: SimpleQueue[Any]
    regenerate: bool = False
    stopped: Flag = field(default_factory=Flag)

    def emit(self, event: Event) -> None:
        """Have ``event`` passed on by the thread that watches over the run."""
        self.items.put(event)


def live(step: JobStep, position: int, shop: Shop) -> StepRecord:
    """Run ``step`` or take over what an earlier run made of it; returns its record.

    Raises StepFailedError, StoppedError, BackendError.
    """
    life = _Life(step, position, shop)
    try:
        with _explained(shop):
            return life.live()
    except StepFailedError as error:
        error.record = life.record
        raise


@contextmanager
def _explained(shop: Shop) -> Iterator[None]:
    """Whatever a step can fail of, as a StepFailedError."""
    try:
        yield
    except (OutputError, DatastoreError, BackendError, InputError) as error:
        raise StepFailedError(str(error)) from error
    except GuardianLostError as error:
        raise StepFailedError(
            "the process that watches over the steps was ended from outside; submit again"
        ) from error
    except OSError as error:
        raise StepFailedError(explain(error)) from error
    except sqlite3.Error as error:
        why = full_disk(shop.folder.root) or f"{shop.folder.database}: {error}"
        raise StepFailedError(why) from error


class _Life:
    def __init__(self, step: JobStep, position: int, shop: Shop) -> None:
        self.step = step
        self.shop = shop
        self.record = StepRecord(run=shop.run, step=step.name, position=position, status="running")
        self.folder = shop.folder.step(shop.run, step.name)
        # the outputs at whose places lies what an earlier publication left there, and no more
        self.replaced: set[str] = set()
        # how many files of others lie among those of an output
        self.kept: dict[str, int] = {}

    def live(self) -> StepRecord:
        sources = {each.name: self.shop.sources.find(each.source) for each in self.step.inputs}
        own = self.shop.program.own_key(self.step)
        key = digest([own, {name: source.digest for name, source in sources.items()}])
        self.record = replace(self.record, key=key, own=own, code=self.step.key.get("code"))
        if self.step.reuse and not self.shop.regenerate and (taken := self._take_over(sources)):
            return taken
        return self._make(sources)

    # taking over

    def _take_over(self, sources: Mapping[str, Source]) -> StepRecord | None:
        """The record of the step when its result is known and still where it was published."""
        found = self.shop.records.reusable(self.record.key or "")
        if found is None:
            return None
        made = self.shop.records.outputs(*found)
        gone = [each for each in made if not self.shop.sources.is_published(each)]
        if gone:
            self._note(
                f"output '{gone[0].output}' of run {found[0]} was changed or removed by hand at "
                f"{gone[0].datastore}:{gone[0].location}: the step runs again"
            )
            return None
        record = replace(
            self.record, status="completed", reused=True, made_by=found[0], finished=time.time()
        )
        with self.shop.records.change():
            self.shop.records.put(*(self._input(each.name, sources) for each in self.step.inputs))
            self.shop.records.put(*(replace(each, run=self.shop.run) for each in made))
            finished = self.shop.records.finish_step(record, reusable=False)
        for output in finished:
            self.shop.sources.add(output)
        return record

    # making

    def _make(self, sources: Mapping[str, Source]) -> StepRecord:
        places = self._places()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.shop.records.put(self.record)
        started = time.monotonic()
        with ExitStack() as stack:
            stack.callback(self._sweep, places)
            for place in places.values():
                if not self._is_ours(place):
                    outputs.refuse_occupied(place)
            given = {
                each.name: stack.enter_context(
                    self.shop.inputs.provide(each, sources[each.name], self.step.name)
                )
                for each in self.step.inputs
            }
            try:
                attempts = self._attempts(given, places)
                contents = self._contents(places)
            finally:
                self._note_cost(given, time.monotonic() - started)
            self.record = replace(self.record, attempts=attempts, reused=False)
            return self._publish(sources, given, places, contents)

    def _note_cost(self, given: Mapping[str, Given], seconds: float) -> None:
        moved = sum(each.transfer.moved for each in given.values())
        moved += sum(self.shop.sources.claim_moved(each) for each in self.step.inputs)
        self.record = replace(self.record, seconds=seconds, moved_bytes=moved)

    def _places(self) -> dict[str, Place]:
        places = {}
        for output in self.step.outputs:
            datastore = self.shop.datastores.get(output.datastore)
            root = datastore.folder
            base = self.folder if root is None else root / outputs.STAGING / self.shop.run
            # with the process in its name: what a killed run may have left running writes elsewhere
            box = base / f"{self.step.name}.{output.name}.{os.getpid()}"
            places[output.name] = outputs.place(output, datastore, run=self.shop.run, box=box)
        return places

    def _is_ours(self, place: Place) -> bool:
        """Whether what lies at the place is a publication that a killed run left unfinished."""
        return self.shop.records.is_unfinished(_name(place))

    def _attempts(self, given: Mapping[str, Given], places: Mapping[str, Place]) -> int:
        """Run the step's program until it succeeds, at most ``retries`` times more; how often."""
        attempt = 1
        while error := self._attempt(attempt, given, places):
            if attempt > self.step.retries:
                raise error
            self._note(f"attempt {attempt} failed ({error}); trying again")
            attempt += 1
        return attempt

    def _attempt(
        self, attempt: int, given: Mapping[str, Given], places: Mapping[str, Place]
    ) -> StepFailedError | None:
        """Run the step's program once; what went wrong with it, if anything."""
        if self.shop.stopped.is_set():
            raise StoppedError
        for place in places.values():
            outputs.prepare(place)
        values = {Reference("input", name): each.value for name, each in given.items()}
        values |= {Reference("output", name): str(each.staged) for name, each in places.items()}
        env = self.shop.program.env(self.step, opens=any(each.opens for each in given.values()))
        if attempt > 1:
            self._mark(f"==> attempt {attempt} of {self.step.retries + 1} <==")
        self.shop.emit(StepStarted(step=self.step.name, attempt=attempt))
        with self._scratch() as scratch:
            argvs = self.shop.program.argvs(self.step, values | scratch, self.folder)
            end, where = self._run(argvs, env)
        if self.shop.stopped.is_set():  # even when it seems to have succeeded: it was asked to end
            raise StoppedError
        for each in given.values():
            each.check()
        if end.code == 0 and not end.timed_out:
            return None
        trouble = [each.trouble for each in given.values() if each.trouble]
        why = where + self._why(end, places)
        return StepFailedError("; ".join([why, *trouble]), shows_log=True)

    @contextmanager
    def _scratch(self) -> Iterator[dict[Reference, str]]:
        """The places of the step's scratch, empty; gone afterwards."""
        root = self.folder / f"scratch.{os.getpid()}"
        found: dict[Reference, str] = {}
        try:
            for each in self.step.run.scratch if isinstance(self.step.run, Sequence) else ():
                place = root / each.name
                (place if each.format == "folder" else root).mkdir(parents=True, exist_ok=True)
                found[Reference("scratch", each.name)] = str(place)
            yield found
        finally:
            shutil.rmtree(root, ignore_errors=True)

    def _run(self, argvs: list[list[str]], env: Mapping[str, str]) -> tuple[Exit, str]:
        """Run programs, each in a working folder of its own, until one fails: how the last one
        ended, and where in a sequence that is.
        """
        log = self.shop.folder.log(self.shop.run, self.step.name)
        started, timeout = time.monotonic(), self.step.timeout
        for number, argv in enumerate(argvs):
            where = self._where(number)
            left = None if timeout is None else max(started + timeout - time.monotonic(), 0)
            try:
                with self.shop.code.work(self.step, self.folder.parent) as work:
                    end = self.shop.processes.run(
                        argv, cwd=str(work), env=env, log=str(log), timeout=left
                    )
            except FileNotFoundError as error:
                raise StepFailedError(_missing(error, argv[0])) from error
            if end.code != 0 or end.timed_out or self.shop.stopped.is_set():
                break
        return end, where

    def _where(self, number: int) -> str:
        """Which part of a sequence begins, said in the log too; empty for a step without parts."""
        run = self.step.run
        if not isinstance(run, Sequence):
            return ""
        title = " ".join((run.titles[number] or "").split()) if run.titles else ""
        where = f"{number + 1}/{len(run.parts)} {title or called(run.parts[number])}"
        self._mark(f"==> {where}")
        return f"{where}: "

    def _mark(self, line: str) -> None:
        """Say in the log where something begins."""
        mark(self.shop.folder.log(self.shop.run, self.step.name), line)

    def _why(self, end: Exit, places: Mapping[str, Place]) -> str:
        """Why the program failed, for people."""
        if end.timed_out:
            return f"ran longer than its timeout of {self.step.timeout} s and was ended"
        why = f"exit code {end.code}" if end.signal is None else _killed(end)
        folders = [self.folder, *(place.staged.parent for place in places.values())]
        full = next(filter(None, map(full_disk, folders)), None)
        return f"{why}; {full}" if full else why

    def _contents(self, places: Mapping[str, Place]) -> dict[str, Content]:
        contents = {}
        for name, place in places.items():
            contents[name] = outputs.check(place, self.shop.store.digest)
            if not contents[name].files:
                self._note(f"output '{name}' is an empty folder; it is published as one")
        return contents

    # publishing

    def _publish(
        self,
        sources: Mapping[str, Source],
        given: Mapping[str, Given],
        places: Mapping[str, Place],
        contents: dict[str, Content],
    ) -> StepRecord:
        with self._alone(places):
            for name, place in places.items():
                contents[name] = self._settle(place, contents[name])
            if self.shop.stopped.is_set():  # what is staged may be swept away from here on
                raise StoppedError
            moves = self._intend(sources, given, places, contents)
            with ExitStack() as undo:
                undo.callback(_try, self.shop.records.forget_publication, *self._id)
                for name, place in places.items():
                    if place.path is None:
                        self._upload(place, contents[name], undo)
                self._move(moves, undo)
                self._remember(places, contents)
                record = replace(self.record, status="completed", finished=time.time())
                current = self._is_current()
                finished = self.shop.records.finish_step(record, reusable=current)
                undo.pop_all()
        for output in finished:
            self.shop.sources.add(output)
        return record

    def _is_current(self) -> bool:
        """Whether the data that was read is still what the reuse key says that it was."""
        changed = [e.source for e in self.step.inputs if self.shop.sources.has_changed(e.source)]
        if changed:
            self._note(
                f"data '{changed[0]}' changed while the run went on: what the step made of it is "
                "published, and runs again next time"
            )
        return not changed

    @property
    def _id(self) -> tuple[str, str]:
        return self.shop.run, self.step.name

    def _move(self, moves: list[Publication], undo: ExitStack) -> None:
        """Bring all outputs to their places."""
        for each in moves:
            if each.inode is not None:
                undo.callback(_try, outputs.take_back, each)
                outputs.move(each)

    def _remember(self, places: Mapping[str, Place], contents: Mapping[str, Content]) -> None:
        """Spare whoever reads the outputs from here on to hash them again."""
        for name, place in places.items():
            path = place.path
            if path is None:
                continue
            is_file = place.output.format == "file"
            for file, sha in contents[name].files:
                _try(self.shop.store.adopt, path if is_file else path / file, sha)

    @contextmanager
    def _alone(self, places: Mapping[str, Place]) -> Iterator[None]:
        """Hold the places at which other runs publish too."""
        paths = sorted(
            _lock_path(place, self.shop.folder) for place in places.values() if place.is_fixed
        )
        with ExitStack() as stack:
            for path in paths:
                stack.enter_context(alone_at(path))
            yield

    def _settle(self, place: Place, content: Content) -> Content:
        """What is published at ``place``, after a look at what is there by now."""
        if not self._is_ours(place):
            outputs.refuse_occupied(place)
        path = place.path
        if not place.is_fixed or (path is not None and not path.is_dir()):
            return content
        if self._made_here(place):
            self.replaced.add(place.output.name)
            return content
        if path is None:
            return content
        kept = outputs.keep_foreign(place)
        if not kept:
            return content
        self._note_kept(place, kept)
        return outputs.check(place, self.shop.store.digest)

    def _note_kept(self, place: Place, count: int) -> None:
        self.kept[place.output.name] = count
        self._note(
            f"{place} held {count} files that no run here has put there; they are kept beside the "
            f"new ones of output '{place.output.name}', as they would be on Azure"
        )

    def _made_here(self, place: Place) -> bool:
        """Whether the place is as an earlier publication left it, with nothing of others in it."""
        known = self.shop.records.published(place.output.datastore, place.location)
        return any(not each.kept and self.shop.sources.is_published(each) for each in known[:1])

    def _intend(
        self,
        sources: Mapping[str, Source],
        given: Mapping[str, Given],
        places: Mapping[str, Place],
        contents: Mapping[str, Content],
    ) -> list[Publication]:
        """Record all that is about to happen: from here on a killed run is carried to its end."""
        inputs = [_with_cost(self._input(name, sources), each) for name, each in given.items()]
        made = [self._output(place, contents[name]) for name, place in places.items()]
        moves = [
            replace(
                outputs.publication(place, run=self.shop.run, step=self.step.name),
                place=_name(place),
            )
            for place in places.values()
        ]
        record = replace(self.record, status="publishing")
        self.shop.records.put(record, *inputs, *made, *moves)
        return moves

    def _input(self, name: str, sources: Mapping[str, Source]) -> InputRecord:
        given = next(each for each in self.step.inputs if each.name == name)
        source = sources[name]
        return InputRecord(
            run=self.shop.run,
            step=self.step.name,
            input=name,
            source=given.source,
            mode=given.mode,
            digest=source.digest,
            datastore=source.datastore.name,
            url=source.datastore.url,
            location=source.location,
            dataset=source.dataset,
            version=source.version,
            made_by=source.made_by,
        )

    def _output(self, place: Place, content: Content) -> OutputRecord:
        output = place.output
        return OutputRecord(
            run=self.shop.run,
            step=self.step.name,
            output=output.name,
            type=output.type,
            format=output.format,
            datastore=output.datastore,
            url=place.datastore.url,
            location=place.location,
            digest=content.digest,
            files=len(content.files),
            bytes=content.bytes,
            dataset=output.dataset,
            description=output.description,
            tags=output.tags,
            kept=self.kept.get(output.name, 0),
        )

    def _upload(self, place: Place, content: Content, undo: ExitStack) -> None:
        for path in outputs.upload(place, content):
            undo.callback(_try, place.datastore.remove, path)
        entries = self._clear(place, content)
        mark = listing_digest(place.datastore, entries)
        self.record = replace(
            self.record, moved_bytes=(self.record.moved_bytes or 0) + content.bytes
        )
        self.shop.records.put(replace(self._output(place, content), mark=mark))

    def _clear(self, place: Place, content: Content) -> dict[str, Entry]:
        """Remove what an earlier publication left at a place; the files that are there then."""
        entries = lay_out(place.location, place.datastore.list(place.location))
        new = {name for name, _ in content.files}
        old = {name: entry for name, entry in entries.items() if name not in new}
        if place.output.name not in self.replaced:
            if old:
                self._note_kept(place, len(old))
            return entries
        for entry in old.values():
            place.datastore.remove(entry.path)
        return {name: entry for name, entry in entries.items() if name in new}

    def _sweep(self, places: Mapping[str, Place]) -> None:
        """Leave nothing that was staged."""
        for place in places.values():
            outputs.discard(place)

    def _note(self, message: str) -> None:
        self.shop.emit(Noted(message=message, step=self.step.name))


def _with_cost(record: InputRecord, given: Given) -> InputRecord:
    """The record of an input, with what it took to give it."""
    cost, transfer = given.cost, given.transfer
    return replace(
        record,
        how=given.how,
        bytes=cost.bytes,
        files=cost.files,
        listing_seconds=cost.listing_seconds,
        mounting_seconds=cost.mounting_seconds,
        moved_bytes=transfer.moved,
        requests=transfer.requests,
        seconds=transfer.seconds,
    )


def _name(place: Place) -> str:
    """What tells a place from any other: a path of this machine, or a datastore's key and path."""
    path = place.path
    return f"{place.datastore.key} {place.location}" if path is None else str(path)


def _lock_path(place: Place, folder: Folder) -> Path:
    root = place.datastore.folder
    base = folder.root if root is None else root / outputs.STAGING
    return base / "locks" / digest([place.datastore.key, place.location])


def _try(do: Callable[..., object], *values: object) -> None:
    """Do what may fail: something worse is being told, or it is only a help."""
    with suppress(OSError, DatastoreError, sqlite3.Error):
        do(*values)


# why it failed


def _killed(end: Exit) -> str:
    assert end.signal is not None
    number = end.signal
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    why = f"killed by {name} (exit code {128 + number})"
    if number == signal.SIGKILL:
        why += (
            f"; most often the system ran out of memory, of which it used {show_size(end.peak)} at "
            "its peak: run fewer steps at once with --jobs, or read the data in pieces"
        )
    return why


def _missing(error: OSError, program: str) -> str:
    if program == "bash":
        return "there is no bash on PATH, and command steps are run by it: install bash"
    return f"cannot start {program}: {error.strerror}: {error.filename}"


_FULL = 1 << 20  # bytes: a disk with less free space counts as full


def full_disk(folder: Path) -> str | None:
    """What to say of the disk that ``folder`` is on when it is full."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    free = disk.f_bavail * disk.f_frsize
    if free >= _FULL:
        return None
    return f"the disk of {folder} is full ({show_size(free)} free): make room and submit again"


def explain(error: OSError) -> str:
    """What the system refused, where, and what to do."""
    where = error.filename2 or error.filename
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return full_disk(Path(where or ".").parent) or (
                f"no space left for {where or 'the files of this step'}: make room and submit again"
            )
        case errno.EACCES | errno.EPERM:
            return f"permission denied: {where}; allow it for this user, or choose another place"
        case errno.EROFS:
            return f"{where} is on a read-only file system; choose another place"
        case _:
            return f"{error.strerror or error}{f': {where}' if where else ''}"
