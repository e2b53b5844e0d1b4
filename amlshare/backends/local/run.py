"""A run under way: which step is next, what is told of it, how it is stopped.

One thread lives each step (see ``step``); all else happens in the thread that calls `execute`.
"""

from __future__ import annotations

import signal
import sqlite3
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Thread, current_thread, main_thread
from typing import TypeAlias

from amlshare.backends.interface import (
    Event,
    Noted,
    Outcome,
    RunStarted,
    Settings,
    Status,
    StepFinished,
    StepOutcome,
    StepPrinted,
    Watch,
)
from amlshare.backends.local import recovery
from amlshare.backends.local.job import Job, JobStep
from amlshare.backends.local.logs import Tail, last_lines
from amlshare.backends.local.opening import Opened
from amlshare.backends.local.processes import GRACE, GuardianLostError
from amlshare.backends.local.program import cores
from amlshare.backends.local.records import StepRecord
from amlshare.backends.local.schedule import Schedule
from amlshare.backends.local.step import Shop, StepFailedError, StoppedError, live
from amlshare.movement.known import Size

_TICK = 0.1  # seconds between two looks at the logs
_PATIENCE = 1.0  # seconds to wait for threads at the end of a run that was stopped


@dataclass(frozen=True, slots=True)
class Ended:
    """A thread is done with a step: its record, or why there is none."""

    step: str
    record: StepRecord | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """A signal came: SIGINT, SIGTERM or SIGHUP."""

    number: int


Item: TypeAlias = Event | Ended | Stop
Items: TypeAlias = "SimpleQueue[Item]"


class Run:
    """A run that is under way, seen from the main thread."""

    def __init__(
        self,
        job: Job,
        opened: Opened,
        shop: Shop,
        settings: Settings,
        watch: Watch,
    ) -> None:
        self._job = job
        self._opened = opened
        self._shop = shop
        self._settings = settings
        self._watch = watch
        self._items: Items = shop.items
        self._orders: SimpleQueue[tuple[JobStep, int] | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._jobs = settings.jobs or cores()
        self._tails: dict[str, Tail] = {}
        self._outcomes: dict[str, StepOutcome] = {}
        self._positions = {step.name: i for i, step in enumerate(job.steps)}
        chosen = set(job.selected)
        self._schedule = Schedule(
            (step for step in job.steps if step.name in chosen),
            done=opened.done,
            goes_on=settings.continue_on_step_failure,
        )
        self._deadline: float | None = None
        self._stopped_by: int | None = None

    def execute(self) -> Outcome:
        """Run every step; the outcome, or KeyboardInterrupt."""
        ended = False
        try:
            self._announce()
            with self._signals():
                self._loop()
            if not self._shop.stopped.is_set():
                self._close()
                ended = True
        finally:
            self._shop.stopped.set()
            for _ in self._threads:
                self._orders.put(None)
            self._shop.processes.close()
            self._await_threads()
            self._shop.inputs.close()
            # a thread that still lives may be about to publish: the next submit clears up then
            if not self._schedule.running:
                with suppress(sqlite3.Error):  # it must not hide what went wrong before
                    if not ended:
                        self._shop.records.interrupt_run(self._opened.id)
                self._sweep(ended=ended)
        if not ended:
            raise KeyboardInterrupt(self._stopped_by or signal.SIGINT)
        return self._outcome()

    # beginning

    def _announce(self) -> None:
        self._watch(
            RunStarted(
                run=self._opened.id,
                steps=self._job.selected,
                resumed=self._opened.resumed,
                finished_before=len(self._opened.done),
            )
        )
        for note in self._job.notes:
            if note.step is None or note.step in self._schedule.steps:
                self._watch(Noted(message=note.message, step=note.step))
        for name, record in self._opened.done.items():
            for output in self._shop.records.outputs(self._opened.id, name):
                self._shop.sources.add(output)
            self._finish(name, "completed", record)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Signals become items of the queue, so that they never strike midway."""
        if current_thread() is not main_thread():
            yield
            return
        handled = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` has it
            handled.append(signal.SIGHUP)
        before = [signal.signal(each, lambda n, _: self._items.put(Stop(n))) for each in handled]
        try:
            yield
        finally:
            for number, handler in zip(handled, before, strict=True):
                signal.signal(number, handler)

    # the loop

    def _loop(self) -> None:
        self._start_ready()
        tick = time.monotonic() + _TICK
        while self._schedule.running and not self._is_overdue():
            if item := self._next(tick - time.monotonic()):
                self._handle(item)
            if time.monotonic() > tick:
                for name in self._tails:
                    self._pass_on(name)
                tick = time.monotonic() + _TICK
        while item := self._next(0):
            self._handle(item)

    def _next(self, seconds: float) -> Item | None:
        """What happens next, if anything does in that time."""
        # Python 3.10 can wait for ever where a deadline is over by the time it looks, unless it was
        # asked without waiting just before
        with suppress(Empty):
            return self._items.get_nowait()
        with suppress(Empty):
            return self._items.get(timeout=seconds) if seconds > 0 else None
        return None

    def _start_ready(self) -> None:
        while self._schedule.running < self._jobs and (step := self._schedule.next()):
            log = self._shop.folder.log(self._opened.id, step.name)
            if self._opened.resumed:
                log.unlink(missing_ok=True)  # of an attempt that was killed
            self._tails[step.name] = Tail(log)
            if self._schedule.running > len(self._threads):
                self._threads.append(Thread(target=self._work, daemon=True))
                self._threads[-1].start()
            self._orders.put((step, self._positions[step.name]))

    def _work(self) -> None:
        """What a thread does: live one step after the other."""
        while order := self._orders.get():
            step, position = order
            try:
                record = live(step, position, self._shop)
            except Exception as error:  # noqa: BLE001 - whatever it is, the run must hear of it
                self._items.put(Ended(step.name, error=error))
            else:
                self._items.put(Ended(step.name, record=record))

    def _handle(self, item: Item) -> None:
        match item:
            case Ended():
                self._end(item)
                self._start_ready()
            case Stop():
                self._stopped_by = self._stopped_by or item.number
                self._stop()
            case _:
                self._watch(item)

    def _stop(self) -> None:
        """The first time ask the steps to end, the second time end them."""
        again = self._shop.stopped.is_set()
        self._shop.stopped.set()
        self._schedule.halt()
        self._deadline = time.monotonic() + (0 if again else GRACE)
        with suppress(GuardianLostError):
            self._shop.processes.signal(signal.SIGKILL if again else signal.SIGTERM)

    def _is_overdue(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    # ends

    def _end(self, ended: Ended) -> None:
        self._pass_on(ended.step, end=True)
        del self._tails[ended.step]
        match ended.error:
            case None:
                self._finish(ended.step, "completed", ended.record)
            case StoppedError():
                self._finish(ended.step, "canceled", None)
            case error:
                self._fail(ended.step, error)

    def _fail(self, step: str, error: Exception) -> None:
        log = self._shop.folder.log(self._opened.id, step)
        tail = last_lines(log) if isinstance(error, StepFailedError) and error.shows_log else ()
        message = str(error)
        if not isinstance(error, StepFailedError):
            message = f"amlshare itself failed ({type(error).__name__}: {error}); see {log}"
            with log.open("a", encoding="utf-8") as file:
                traceback.print_exception(error, file=file)
        record = StepRecord(
            run=self._opened.id,
            step=step,
            position=self._positions[step],
            status="failed",
            message=message,
            finished=time.time(),
        )
        if isinstance(error, StepFailedError) and (ended := error.record):
            record = replace(record, seconds=ended.seconds, moved_bytes=ended.moved_bytes)
        # told first: where the disk is full, nothing can be recorded
        self._finish(step, "failed", record, tail)
        self._shop.records.put(record)

    def _finish(
        self,
        step: str,
        status: Status,
        record: StepRecord | None,
        log_tail: tuple[str, ...] = (),
    ) -> None:
        """Note the end of a step everywhere."""
        if self._schedule.status[step] == "running":
            self._schedule.end(step, status)
        reused = record.reused if record else None
        seconds = record.seconds if record else None
        moved = record.moved_bytes if record else None
        message = record.message if record else None
        self._outcomes[step] = StepOutcome(
            name=step,
            status=status,
            reused=reused,
            seconds=seconds,
            moved_bytes=moved,
            message=message,
        )
        self._watch(
            StepFinished(
                step=step,
                status=status,
                reused=reused,
                seconds=seconds,
                moved_bytes=moved,
                message=message,
                log_tail=log_tail,
            )
        )

    def _pass_on(self, step: str, *, end: bool = False) -> None:
        lines, omitted = self._tails[step].read(end=end)
        if lines:
            self._watch(StepPrinted(step=step, lines=lines, omitted=omitted))

    def _close(self) -> None:
        """Skip what cannot run any more, and end the run's record."""
        skipped = self._schedule.skipped()
        records = [
            StepRecord(
                run=self._opened.id,
                step=name,
                position=self._positions[name],
                status="skipped",
                message=f"not run, because step '{cause}' failed",
            )
            for name, cause in skipped.items()
        ]
        with self._shop.records.change():
            self._shop.records.put(*records)
            self._shop.records.end_run(self._opened.id, self._status())
        for record in records:
            self._schedule.status[record.step] = "skipped"
            self._finish(record.step, "skipped", record)

    def _status(self) -> Status:
        statuses = set(self._schedule.status.values())
        return "completed" if statuses <= {"completed"} else "failed"

    def _await_threads(self) -> None:
        """Give the threads a moment to end their steps, whose processes have been ended."""
        end = time.monotonic() + _PATIENCE
        while self._schedule.running and time.monotonic() < end:
            item = self._next(end - time.monotonic())
            if isinstance(item, Ended):
                self._schedule.end(item.step, "canceled")

    def _sweep(self, *, ended: bool) -> None:
        """Leave nothing but logs."""
        folder = self._shop.folder.run(self._opened.id)
        staging = [f"{each}/{self._opened.id}" for each in self._shop.datastores.staging()]
        recovery.sweep(staging, folder)
        if ended:
            for name in ("alive", "guarded"):
                (folder / name).unlink(missing_ok=True)

    def _outcome(self) -> Outcome:
        outputs: dict[str, str] = {}
        for name, status in self._schedule.status.items():
            if status == "completed":
                for each in self._shop.records.outputs(self._opened.id, name):
                    outputs[f"{name}.{each.output}"] = f"{each.url}/{each.location}"
        return Outcome(
            run=self._opened.id,
            backend="local",
            status=self._status(),
            steps=tuple(self._outcomes[name] for name in self._schedule.steps),
            outputs=outputs,
            sizes=dict(self._sizes()),
        )

    def _sizes(self) -> Iterator[tuple[str, Size]]:
        """What lay at each source that a finished step has read or made."""
        records, run = self._shop.records, self._opened.id
        for name, status in self._schedule.status.items():
            if status != "completed":
                continue
            for given in records.inputs(run, name):
                if given.bytes is not None:
                    yield given.source, _size(given.bytes, given.files)
            for made in records.outputs(run, name):
                yield f"{name}.{made.output}", _size(made.bytes, made.files)


def _size(size: int, files: int | None) -> Size:
    return Size(bytes=size, files=files, origin="history")
