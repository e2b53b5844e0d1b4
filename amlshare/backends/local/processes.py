"""Processes of steps, run through the guardian: start, wait, time out, stop."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import Any

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""


class GuardianLostError(Exception):
    """The guardian ended before the run: nothing can be started any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a process ended: ``code`` or ``signal``; ``peak`` is its resident memory in bytes."""

    code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    peak: int = 0


class Processes:
    """The processes of one run. Safe for many threads; ``close`` leaves none running."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[dict[str, Any]]] = {}
        self._pids: dict[int, int] = {}
        self._lock = Lock()
        self._lost = False
        self._guardian = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("guardian.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        Thread(target=self._listen, name="guardian", daemon=True).start()

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        log: str,
        timeout: float | None = None,
    ) -> Exit:
        """Run a program to its end, its output appended to ``log``; ``timeout`` in seconds.

        Raises OSError where it could not be started, GuardianLostError.
        """
        number = next(self._numbers)
        future: Future[dict[str, Any]] = Future()
        self._waiting[number] = future
        self._send(id=number, argv=list(argv), cwd=cwd, env=dict(env), log=log)
        try:
            return _exit(future.result(timeout))
        except Late:
            return _exit(self._end(number, future), timed_out=True)
        finally:
            del self._waiting[number]
            self._pids.pop(number, None)

    def _end(self, number: int, future: Future[dict[str, Any]]) -> dict[str, Any]:
        self._send(id=number, signal=signal.SIGTERM)
        with suppress(Late):
            return future.result(GRACE)
        self._send(id=number, signal=signal.SIGKILL)
        return future.result()

    def hold(self, lock: Path) -> None:
        """Keep a file locked as long as any process may live, even when this one is killed."""
        self._send(hold=str(lock))

    def signal(self, number: int) -> None:
        """Signal every process that runs."""
        for waiting in list(self._waiting):
            self._send(id=waiting, signal=number)

    def close(self) -> None:
        """End whatever still runs and wait for it."""
        with self._lock, suppress(OSError):
            assert self._guardian.stdin
            self._guardian.stdin.close()
        self._guardian.wait()

    def _send(self, **order: Any) -> None:
        line = json.dumps(order).encode() + b"\n"
        with self._lock:
            assert self._guardian.stdin
            try:
                self._guardian.stdin.write(line)
                self._guardian.stdin.flush()
            except (OSError, ValueError) as error:
                raise GuardianLostError from error
        if self._lost:
            raise GuardianLostError

    def _listen(self) -> None:
        assert self._guardian.stdout
        with self._guardian.stdout as answers:
            for line in answers:
                self._hear(json.loads(line))
        self._lost = True
        for pid in list(self._pids.values()):
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        for future in list(self._waiting.values()):
            if not future.done():
                future.set_exception(GuardianLostError())

    def _hear(self, answer: dict[str, Any]) -> None:
        if "pid" in answer:
            self._pids[answer["id"]] = answer["pid"]
        elif future := self._waiting.get(answer["id"]):
            future.set_result(answer)


def _exit(answer: dict[str, Any], *, timed_out: bool = False) -> Exit:
    if "error" in answer:
        number, message, file = answer["error"]
        raise OSError(number, message, file)
    status: int = answer["status"]
    peak: int = answer["peak"]
    if os.WIFSIGNALED(status):
        return Exit(signal=os.WTERMSIG(status), timed_out=timed_out, peak=peak)
    return Exit(code=os.WEXITSTATUS(status), timed_out=timed_out, peak=peak)
