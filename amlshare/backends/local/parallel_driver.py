"""The driver of a parallel step: cuts its input into mini-batches and has workers run them.

It runs as a program of its own, in the step's Python and working folder:
`python parallel_driver.py ORDER.json ARGUMENT..`. It needs nothing but the standard library, and
pandas where the input is a table. As on Azure, each worker imports the entry script once, calls its
``init()`` once, and ``run(mini_batch)`` or ``run(mini_batch, mini_batch_context)`` for every
mini-batch: a list of paths, or a DataFrame. What ``run`` returns is a list or a DataFrame.
"""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import json
import multiprocessing
import os
import re
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

_AHEAD = 16  # mini-batches per worker that may be done before an earlier one is
_TRIES = 3  # as on Azure, where `batch_retries` says nothing
_FILES = 1  # per mini-batch, where `mini_batch` says nothing; Azure's defaults
_BYTES = 1 << 20

_FORK = multiprocessing.get_context("fork")


class Batch(NamedTuple):
    """A mini-batch: ``items`` is what ``run`` gets, ``size`` how many files or rows that is."""

    number: int
    items: Any
    size: int
    keys: dict[str, str]


class DriverError(Exception):
    """The step cannot go on: the message says why."""


# cutting


def cut(order: dict[str, Any]) -> Iterator[Batch]:
    """The mini-batches of the input, in order."""
    files = [Path(file) for file in _files(Path(order["over"]))]
    pieces = _tables(files, order) if order["table"] else _lists(files, order)
    for number, (items, keys) in enumerate(pieces):
        yield Batch(number, items, len(items), keys)


def _files(over: Path) -> Iterator[str]:
    if not over.exists():
        raise DriverError(f"there is no input at {over}: it must be a file or a folder here")
    if over.is_file():
        yield str(over)
        return
    for folder, folders, names in os.walk(over, followlinks=True):
        folders.sort()
        yield from (str(Path(folder, name)) for name in sorted(names))


Piece = tuple[Any, dict[str, str]]


def _lists(files: list[Path], order: dict[str, Any]) -> Iterator[Piece]:
    if order["partition_by"]:
        for keys, group in _partitions(files, order):
            yield [str(file) for file in group], keys
        return
    names = iter(map(str, files))
    size = order["mini_batch"] or _FILES
    while piece := list(itertools.islice(names, size)):
        yield piece, {}


def _partitions(
    files: list[Path], order: dict[str, Any]
) -> Iterable[tuple[dict[str, str], list[Path]]]:
    """Files by the values that the partition's names have in their paths."""
    over = Path(order["over"])
    pattern = _pattern(order["partitions"])
    groups: dict[tuple[str, ...], list[Path]] = {}
    for file in files:
        name = file.relative_to(over).as_posix()
        match = pattern.fullmatch(name)
        if match is None:
            raise DriverError(f"{name} does not lie as `partitions` says: {order['partitions']}")
        groups.setdefault(tuple(match[key] for key in order["partition_by"]), []).append(file)
    for values, group in sorted(groups.items()):
        yield dict(zip(order["partition_by"], values, strict=True)), group


def _pattern(partitions: str) -> re.Pattern[str]:
    """``{user}/{day}.csv`` as an expression with a group for each name."""
    parts = re.split(r"\{(\w+)\}", partitions)
    seen: set[str] = set()
    text = ""
    for i, part in enumerate(parts):
        if i % 2 == 0:
            text += re.escape(part)
        elif part in seen:
            text += f"(?P={part})"
        else:
            seen.add(part)
            text += f"(?P<{part}>[^/]+)"
    # a pattern may end at a folder: all below it belongs to the partition
    return re.compile(text.rstrip("/") + "(?:/.*)?" if text.endswith("/") else text)


def _tables(files: list[Path], order: dict[str, Any]) -> Iterator[Piece]:
    by = order["partition_by"]
    if by and order["partitions"]:
        for keys, group in _partitions(files, order):
            yield _joined(_read(file) for file in group).assign(**keys), keys
    elif by:
        for values, frame in _joined(map(_read, files)).groupby(list(by), sort=True):
            yield frame, dict(zip(by, map(str, values), strict=True))
    else:
        size = order["mini_batch"] or _BYTES
        yield from ((frame, {}) for file in files for frame in _frames(file, size))


def _joined(frames: Iterable[Any]) -> Any:
    return _pandas().concat(list(frames), ignore_index=True)


def _pandas() -> Any:
    return importlib.import_module("pandas")


def _read(file: Path) -> Any:
    pandas = _pandas()
    return pandas.read_parquet(file) if file.suffix == ".parquet" else pandas.read_csv(file)


def _frames(file: Path, size: int) -> Iterator[Any]:
    """The rows of a table in pieces of about ``size`` bytes of the file."""
    if file.suffix == ".parquet":
        frame = _read(file)
        rows = max(1, len(frame) * size // max(1, file.stat().st_size))
        yield from (frame.iloc[at : at + rows] for at in range(0, len(frame), rows))
        return
    with _pandas().read_csv(file, chunksize=_rows(file, size)) as frames:
        yield from frames


def _rows(file: Path, size: int) -> int:
    """How many lines of a text file make about ``size`` bytes, going by its first ones."""
    with file.open("rb") as text:
        text.readline()
        lengths = [len(line) for line in itertools.islice(text, 1000)]
    return max(1, size * len(lengths) // max(1, sum(lengths)))


# working


def _work(pipe: Connection, script: str, arguments: list[str]) -> None:
    """What a worker does: the entry script's ``init()``, then ``run`` for what comes."""
    sys.argv = [script, *arguments]
    for stream in (sys.stdout, sys.stderr):
        # whole lines, or those of several workers run into each other
        stream.reconfigure(line_buffering=True, write_through=False)  # type: ignore[union-attr]
    try:
        run = _load(script)
    except BaseException:  # noqa: BLE001 - whatever it is, it is the script's
        traceback.print_exc()
        pipe.send(None)
        return
    pipe.send(True)
    answer: tuple[str | None, int]
    while batch := _receive(pipe):
        try:
            result = run(batch)
            answer = (_rows_of(result), _length(result))
        except Exception:  # noqa: BLE001 - whatever it is, it is the script's
            traceback.print_exc()
            answer = (None, 0)
        sys.stdout.flush()
        pipe.send(answer)


def _receive(pipe: Connection) -> Batch | None:
    try:
        return Batch(*pipe.recv())
    except EOFError:
        return None


def _load(script: str) -> Callable[[Batch], Any]:
    """The entry script's ``run``, after its ``init``."""
    path = Path(script).resolve()
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise DriverError(f"{script} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    getattr(module, "init", lambda: None)()
    return _runner(module, script)


def _runner(module: ModuleType, script: str) -> Callable[[Batch], Any]:
    run = getattr(module, "run", None)
    if run is None:
        raise DriverError(f"{script} has no function run(mini_batch)")
    if len(inspect.signature(run).parameters) < 2:
        return lambda batch: run(batch.items)
    return lambda batch: run(batch.items, _context(batch))


def _context(batch: Batch) -> SimpleNamespace:
    return SimpleNamespace(partition_key_value=batch.keys, minibatch_index=str(batch.number))


def _rows_of(result: Any) -> str:
    """What ``run`` returned as lines: a DataFrame's rows without header, divided by spaces."""
    if result is None:
        return ""
    if hasattr(result, "to_csv"):
        return str(result.to_csv(sep=" ", header=False, index=False))
    return "".join(f"{row}\n" for row in result)


def _length(result: Any) -> int:
    return 0 if result is None else len(result)


# driving


class _Worker:
    """A process that runs one mini-batch at a time."""

    def __init__(self, script: str, arguments: list[str]) -> None:
        self.pipe, theirs = _FORK.Pipe()
        self.process = _FORK.Process(target=_work, args=(theirs, script, arguments), daemon=True)
        self.process.start()
        theirs.close()
        self.batch: Batch | None = None
        self.is_ready = False
        self.deadline = float("inf")

    def give(self, batch: Batch, timeout: float | None) -> None:
        self.batch = batch
        self.deadline = time.monotonic() + timeout if timeout else float("inf")
        self.pipe.send(tuple(batch))

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


class Driver:
    """Hands mini-batches to workers and writes what they return, in order."""

    def __init__(
        self, order: dict[str, Any], arguments: list[str], write: Callable[[str], object]
    ) -> None:
        self._order = order
        self._arguments = arguments
        self._write = write
        self._batches = cut(order)
        self._again: deque[Batch] = deque()
        self._tries: dict[int, int] = {}
        self._done: dict[int, str] = {}
        self._written = 0
        self._next = 0
        self._failed = 0
        self._processed = 0
        self._workers: list[_Worker] = []

    def drive(self) -> None:
        """Run every mini-batch. Raises DriverError when too many items failed."""
        try:
            self._start()
            while self._feed():
                self._hear()
        finally:
            for worker in self._workers:
                worker.end()
        _say(f"{self._next} mini-batches, {self._processed} items, {self._failed} failed")

    def _start(self) -> None:
        wanted = self._order["nodes"] * (self._order["processes_per_node"] or self._order["cores"])
        for _ in range(max(1, min(wanted, self._order["cores"]))):
            self._workers.append(_Worker(self._order["file"], self._arguments))

    def _feed(self) -> bool:
        """Give every idle worker a mini-batch; false when all is done."""
        for worker in self._workers:
            if worker.is_ready and worker.batch is None and (batch := self._take()):
                self._tries[batch.number] = self._tries.get(batch.number, 0) + 1
                worker.give(batch, self._order["batch_timeout"])
        busy = any(worker.batch or not worker.is_ready for worker in self._workers)
        return busy or bool(self._again)

    def _take(self) -> Batch | None:
        if self._again:
            return self._again.popleft()
        if self._next - self._written >= _AHEAD * len(self._workers):
            return None
        batch = next(self._batches, None)
        self._next += batch is not None
        return batch

    def _hear(self) -> None:
        """Wait for an answer or a deadline."""
        nearest = min(worker.deadline for worker in self._workers)
        timeout = None if nearest == float("inf") else max(0.0, nearest - time.monotonic())
        ready = wait([worker.pipe for worker in self._workers], timeout)
        for worker in list(self._workers):
            if worker.pipe in ready:
                self._listen(worker)
            elif time.monotonic() >= worker.deadline:
                self._replace(worker, f"ran longer than {self._order['batch_timeout']} s")

    def _listen(self, worker: _Worker) -> None:
        try:
            answer = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join()
            if not worker.is_ready:
                raise DriverError("a worker ended while it was starting") from None
            self._replace(worker, f"ended its process (exit code {worker.process.exitcode})")
            return
        if answer is None:
            raise DriverError(f"{self._order['file']} could not be started: see above")
        if answer is True:
            worker.is_ready = True
            return
        batch, worker.batch, worker.deadline = worker.batch, None, float("inf")
        assert batch is not None
        self._settle(batch, rows=answer[0], returned=answer[1])

    def _replace(self, worker: _Worker, why: str) -> None:
        """A new worker in the place of one that hangs or died."""
        batch = worker.batch
        worker.end()
        self._workers[self._workers.index(worker)] = _Worker(self._order["file"], self._arguments)
        if batch:
            _say(f"mini-batch {batch.number} {why}")
            self._settle(batch, rows=None, returned=0)

    def _settle(self, batch: Batch, *, rows: str | None, returned: int) -> None:
        """Keep a mini-batch's rows, or try it again, or count its items as failed."""
        retries = self._order["batch_retries"]
        tries = _TRIES if retries is None else retries + 1
        if rows is None and self._tries[batch.number] < tries:
            self._again.append(batch)
            return
        # each row returned stands for an item that went well; a partition is one item
        short = 0 if self._order["partition_by"] else max(0, batch.size - returned)
        self._failed += batch.size if rows is None else short
        self._processed += batch.size
        self._done[batch.number] = rows or ""
        while self._written in self._done:
            self._write(self._done.pop(self._written))
            self._written += 1
        if 0 <= self._order["allow_failed"] < self._failed:
            raise DriverError(
                f"{self._failed} items failed, and `allow_failed` is "
                f"{self._order['allow_failed']}: each that goes well is a row that run() returns"
            )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the order in the file that the first argument names."""
    order = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    try:
        if not order["rows_to"]:
            Driver(order, sys.argv[2:], lambda _: None).drive()
            return 0
        target = Path(order["rows_to"])
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8") as file:
            Driver(order, sys.argv[2:], file.write).drive()
    except DriverError as error:
        _say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
