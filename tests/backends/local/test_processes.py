"""Processes through the guardian, which are real ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from amlshare.backends.local.processes import GuardianLostError, Processes


@pytest.fixture
def processes() -> Iterator[Processes]:
    made = Processes()
    yield made
    made.close()


def run(processes: Processes, line: str, folder: Path, **more: float) -> tuple[object, str]:
    log = folder / "log.txt"
    end = processes.run(
        ["bash", "-c", line], cwd=str(folder), env=dict(os.environ), log=str(log), **more
    )
    return end, log.read_text()


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that happens soon."""
    for _ in range(1000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_what_a_process_prints_is_appended_to_its_log(processes: Processes, tmp_path: Path) -> None:
    run(processes, "echo one", tmp_path)
    end, log = run(processes, "echo two; echo three >&2", tmp_path)
    assert (end.code, log) == (0, "one\ntwo\nthree\n")


def test_the_exit_code_and_the_signal_are_told(processes: Processes, tmp_path: Path) -> None:
    assert run(processes, "exit 3", tmp_path)[0].code == 3
    assert run(processes, "kill -SEGV $$", tmp_path)[0].signal == signal.SIGSEGV


def test_the_peak_of_memory_is_told(processes: Processes, tmp_path: Path) -> None:
    end, _ = run(processes, f"{sys.executable} -c 'bytearray(60_000_000)'", tmp_path)
    assert 60_000_000 < end.peak < 200_000_000


def test_a_program_that_is_not_there_is_an_error_with_its_name(
    processes: Processes, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError) as error:
        processes.run(["/no/such"], cwd=str(tmp_path), env={}, log=str(tmp_path / "log"))
    assert error.value.filename == "/no/such"


def test_a_process_that_takes_too_long_is_ended_with_its_children(
    processes: Processes, tmp_path: Path
) -> None:
    end, log = run(processes, "sleep 60 & echo $!; wait", tmp_path, timeout=0.2)
    assert (end.timed_out, end.signal) == (True, signal.SIGTERM)
    until(lambda: not lives(int(log)))


def test_what_a_process_leaves_running_ends_with_it(processes: Processes, tmp_path: Path) -> None:
    _, log = run(processes, "sleep 60 & echo $!", tmp_path)
    until(lambda: not lives(int(log)))


def test_signals_reach_every_process(processes: Processes, tmp_path: Path) -> None:
    ends: list[object] = []
    thread = Thread(target=lambda: ends.append(run(processes, "echo; sleep 60", tmp_path)[0]))
    thread.start()
    until((tmp_path / "log.txt").exists)
    until(lambda: (tmp_path / "log.txt").read_text() == "\n")
    processes.signal(signal.SIGTERM)
    thread.join()
    assert ends[0].signal == signal.SIGTERM


def test_signals_that_python_ignores_are_not_ignored_in_steps(
    processes: Processes, tmp_path: Path
) -> None:
    for name in ("INT", "TERM", "HUP"):
        assert run(processes, f"kill -{name} $$; sleep 5", tmp_path)[0].signal is not None


ROOT = Path(__file__).parents[3]
KILLED = """
import os, sys
from amlshare.backends.local.processes import Processes
made = Processes()
line = "setsid sleep 60 & echo $!; sleep 60 & echo $!; echo $$; sleep 60"
made.run(["bash", "-c", line], cwd=".", env=dict(os.environ), log="log.txt")
"""


def test_no_process_outlives_a_killed_run(tmp_path: Path) -> None:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    parent = subprocess.Popen(
        [sys.executable, "-c", KILLED], cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}
    )
    log = tmp_path / "log.txt"
    until(lambda: log.exists() and log.read_text().count("\n") == 3)
    parent.kill()
    parent.wait()
    for pid in log.read_text().split():
        until(lambda pid=pid: not lives(int(pid)))


def test_a_guardian_that_is_killed_ends_the_steps_and_says_so(
    processes: Processes, tmp_path: Path
) -> None:
    line = "echo $$ $PPID; sleep 60"
    log = tmp_path / "log.txt"
    thread = Thread(target=lambda: (until(lambda: "\n" in _text(log)), _kill_parent(log)))
    thread.start()
    with pytest.raises(GuardianLostError):
        run(processes, line, tmp_path)
    thread.join()
    until(lambda: not lives(int(log.read_text().split()[0])))


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _kill_parent(log: Path) -> None:
    os.kill(int(log.read_text().split()[1]), signal.SIGKILL)
