"""The state folder ``.amlshare``: where everything lies in it, and its locks.

state.db                      runs, outputs, reuse, catalogue (see records)
runs/RUN/STEP/log.txt         what a step printed; all that stays of a finished run here
runs/RUN/STEP/inputs          copies and links that a running step sees
runs/RUN/mounted-inputs       what it sees without copying
runs/RUN/work-N               where steps run, one after the other
runs/RUN/{alive,guarded}      locks, held while the run and its processes live
code/DIGEST/                  code folders as they were planned
datastores/NAME/              files of datastores for which nothing stands in
store/                        the shared store of fetched files
history/                      the last submit of each pipeline, to any backend (see history)
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

MOUNTED = "mounted-inputs"  # no step is called so: names of steps hold no dash
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Folder:
    """Paths below a state folder."""

    root: Path

    def create(self) -> None:
        """Make the folder, kept out of version control."""
        (self.root / "runs").mkdir(parents=True, exist_ok=True)
        ignore = self.root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", "utf-8")

    @property
    def database(self) -> Path:
        return self.root / "state.db"

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def code(self) -> Path:
        return self.root / "code"

    def datastore(self, name: str) -> Path:
        """Where the files of a datastore lie for which nothing stands in."""
        return self.root / "datastores" / name

    def run(self, run: str) -> Path:
        return self.root / "runs" / run

    def step(self, run: str, step: str) -> Path:
        return self.root / "runs" / run / step

    def log(self, run: str, step: str) -> Path:
        return self.root / "runs" / run / step / "log.txt"

    def guarded(self, run: str) -> Path:
        """The lock that a run's guardian holds until it has ended every process."""
        return self.root / "runs" / run / "guarded"

    def new_run(self) -> str:
        """The id of a new run, whose folder is made: sorts by time, unique among processes."""
        while True:
            tail = "".join(secrets.choice(_LETTERS) for _ in range(4))
            run = time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + tail
            try:
                self.run(run).mkdir()
            except FileExistsError:
                continue
            return run

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone among all processes on this state: for what takes moments."""
        lock = Lock(self.root / "lock")
        lock.acquire()
        try:
            yield
        finally:
            lock.release()


class Lock:
    """A lock on a file, given up by the system when its holders have ended, however they did."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def try_acquire(self) -> bool:
        """Take the lock unless another holds it."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def acquire(self) -> None:
        """Wait for the lock."""
        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def sign(self) -> None:
        """Write this process into the file, for `holder_lives`."""
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, b"%d" % os.getpid(), 0)

    def holder_lives(self) -> bool:
        """Whether the process that signed runs, as far as can be seen from here."""
        text = os.pread(self.fd, 20, 0)
        try:
            os.kill(int(text), 0)
        except ValueError:
            return False  # it has the lock, and is about to sign
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return True

    def is_at(self, path: Path) -> bool:
        """Whether the file is still the one at ``path``."""
        try:
            return os.path.samestat(os.fstat(self.fd), path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let go, whether held or not. Processes that share the file keep holding it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


@contextmanager
def alone_at(path: Path) -> Iterator[None]:
    """Hold a lock whose file is there only as long as anyone holds it or waits for it."""
    while True:
        lock = _made(path)
        lock.acquire()
        if lock.is_at(path):
            break
        lock.release()  # its last holder has removed the file meanwhile
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _made(path: Path) -> Lock:
    while True:
        with suppress(FileNotFoundError):  # the folder is removed when it is empty
            return Lock(path)


_REMNANT = 2.0  # seconds to wait for a process that a killed run was just starting


def take_run(folder: Folder, run: str) -> Lock | None:
    """The lock of ``run``, or None while it lives.

    A dead run's last processes, which its guardian ends, are waited for.
    """
    alive = Lock(folder.run(run) / "alive")
    end = time.monotonic() + _REMNANT
    while not alive.try_acquire():
        # a process that was being started when the run was killed holds its files for a moment
        if alive.holder_lives() or time.monotonic() > end:
            alive.release()
            return None
        time.sleep(0.01)
    alive.sign()
    guarded = Lock(folder.guarded(run))
    guarded.acquire()
    guarded.release()
    return alive
