"""Functions of a test in a process of their own, where they may be isolated, killed or no root."""

from __future__ import annotations

import ctypes
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from amlshare.backends.local.isolation import isolate

_TESTS = Path(__file__).parents[2]
_NOBODY = 65534


def start(function: Callable[..., Any], *args: Any, **env: str) -> subprocess.Popen[bytes]:
    """Call a function of a module in a new process, and do not wait for it."""
    order = pickle.dumps((function, args))
    path = os.pathsep.join([str(_TESTS.parent), str(_TESTS), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-m", "backends.local.apart"],
        env=os.environ | {"PYTHONPATH": path} | env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(order)
    process.stdin.close()
    return process


def finish(process: subprocess.Popen[bytes]) -> Any:
    """What the function returned; what it raised is printed by the process itself."""
    assert process.stdout is not None
    with process.stdout as stream:
        answer = stream.read()
    assert process.wait(60) == 0
    return pickle.loads(answer)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End it as kill -9 does."""
    assert process.stdout is not None
    process.kill()
    process.wait()
    process.stdout.close()


def call(function: Callable[..., Any], *args: Any, **env: str) -> Any:
    """Call a function of a module in a new process."""
    return finish(start(function, *args, **env))


def call_isolated(function: Callable[..., Any], *args: Any, **env: str) -> Any:
    """Call it in a mount namespace of its own; skips where this machine has none."""
    import pytest  # only here: the new process needs none of it

    reason, result = call(_isolated, function, *args, **env)
    if reason:
        pytest.skip(f"nothing can be bound here: {reason}")
    return result


def _isolated(function: Callable[..., Any], *args: Any) -> tuple[str, Any]:
    isolation = isolate()
    return (isolation.reason, None) if not isolation.bind else ("", function(*args))


@contextmanager
def folder_open_to_all() -> Iterator[Path]:
    """Where nobody may write, too: pytest's own folders are closed to others."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def become_nobody() -> None:
    """Give up being root, with all that is imported already: nobody may read no more."""
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    # a process that was root is not its own to look at, unless it says so
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)


if __name__ == "__main__":
    called, arguments = pickle.load(sys.stdin.buffer)
    sys.stdout.buffer.write(pickle.dumps(called(*arguments)))
