"""The guardian: the parent of every step's process, and the one who ends them.

It runs as a program of its own (`python -I -S guardian.py`), so that steps die with the run
however the run ends: when its standard input closes, because the run is over or was killed, it
kills every process that descends from it. Being their parent, it can miss none; a table of process
ids in the run itself would have a moment between the start of a process and its entry.

Both directions carry one JSON object a line. In: ``{"id", "argv", "cwd", "env", "log"}`` starts a
process in a session of its own, its output appended to ``log``; ``{"id", "signal"}`` signals all
of its group; ``{"hold"}`` locks a file as long as anything may run. Out:
``{"id", "pid"}``, ``{"id", "error": [errno, message, file]}`` where it could not be started, and
``{"id", "status", "peak"}`` at its end (``peak`` resident bytes).
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: processes whose parents ended become our children
_LOG = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


class Guardian:
    """Children by process id and by the id under which the run asked for them."""

    def __init__(self) -> None:
        self._ids: dict[int, int] = {}
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def obey(self, order: dict[str, Any]) -> None:
        """Carry out one line of the run."""
        if "argv" in order:
            self._start(order)
        elif "hold" in order:
            # never closed: the lock goes with this process
            fcntl.flock(os.open(order["hold"], os.O_RDWR | os.O_CLOEXEC), fcntl.LOCK_EX)
        elif child := self._children.get(order["id"]):
            _signal_group(child.pid, order["signal"])

    def _start(self, order: dict[str, Any]) -> None:
        try:
            log = os.open(order["log"], _LOG, 0o644)
            try:
                child = _open(order, log)
            finally:
                os.close(log)
        except (OSError, ValueError) as error:
            _answer(id=order["id"], error=_plain(error))
            return
        self._children[order["id"]] = child
        self._ids[child.pid] = order["id"]
        _answer(id=order["id"], pid=child.pid)

    def reap(self) -> None:
        """Report the children that ended; what they left running in their group ends too."""
        for pid, status, peak in _ended():
            if pid in self._ids:
                _signal_group(pid, signal.SIGKILL)
                self._report(pid, status, peak)

    def _report(self, pid: int, status: int, peak: int) -> None:
        number = self._ids.pop(pid)
        # it was reaped here, and must not be waited for again
        self._children.pop(number).returncode = status
        _answer(id=number, status=status, peak=peak)

    def end_all(self) -> None:
        """Kill every descendant, until none is left."""
        for pid in self._ids:
            _signal_group(pid, signal.SIGKILL)
        while _kill_children():
            pass


def _open(order: dict[str, Any], log: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        order["argv"],
        cwd=order["cwd"],
        env=order["env"],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _plain(error: OSError | ValueError) -> list[Any]:
    if isinstance(error, OSError):
        return [error.errno, error.strerror, error.filename]
    return [None, str(error), None]


def _answer(**answer: Any) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


def _ended() -> Iterator[tuple[int, int, int]]:
    """The children that ended: process id, status, and the bytes that were resident at most."""
    unit = 1 if sys.platform == "darwin" else 1024
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield pid, status, usage.ru_maxrss * unit


def _kill_children() -> bool:
    """Kill and reap a generation of children; false when there was none."""
    for pid in _children():
        _signal(pid, signal.SIGKILL)
    try:
        os.waitpid(-1, 0)
    except ChildProcessError:
        return False
    return True


def _children() -> list[int]:
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii")
        return [int(word) for word in text.split()]
    except OSError:
        return []


def _signal_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _become_subreaper() -> None:
    # where this is not Linux, a process that left its group outlives a killed run
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def _lines(ended: Guardian) -> Iterator[bytes]:
    """The run's lines, while children are reaped in between."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    rest = b""
    while True:
        ready, _, _ = select.select([0, read], [], [])
        if read in ready:
            os.read(read, 4096)
            ended.reap()
        if 0 in ready:
            chunk = os.read(0, 1 << 16)
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines


def main() -> None:
    """Serve until the run closes its end."""
    for number in _HANDLED:
        # a handler, and not SIG_IGN, which the steps would inherit
        signal.signal(number, lambda *_: None)
    _become_subreaper()
    guardian = Guardian()
    try:
        for line in _lines(guardian):
            guardian.obey(json.loads(line))
    except BrokenPipeError:
        pass  # the run was killed while an answer was on its way
    finally:
        guardian.end_all()


if __name__ == "__main__":
    main()
