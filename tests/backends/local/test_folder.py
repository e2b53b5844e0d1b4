"""The state folder and its locks."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

from amlshare.backends.local.folder import Folder, Lock, alone_at, take_run


def test_ids_of_runs_sort_by_time_and_are_unique(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.create()
    runs = [folder.new_run() for _ in range(200)]
    assert len(set(runs)) == 200
    assert [run[:15] for run in runs] == sorted(run[:15] for run in runs)


def test_one_at_a_time_holds_a_place_and_no_lock_stays(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def enter(number: int) -> None:
        for _ in range(50):
            with alone_at(tmp_path / "locks" / "place"):
                inside.append(number)
                most.append(len(inside))
                inside.remove(number)

    threads = [Thread(target=enter, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (set(most), list((tmp_path / "locks").iterdir())) == ({1}, [])


def test_a_run_that_lives_cannot_be_taken(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    lock = take_run(folder, "r")
    assert take_run(folder, "r") is None
    lock.release()
    assert take_run(folder, "r") is not None


def test_a_run_whose_process_is_gone_is_waited_for(tmp_path: Path) -> None:
    """What it was just starting still holds the lock for a moment."""
    lock = Lock(tmp_path / "runs" / "r" / "alive")
    lock.acquire()
    os.write(lock.fd, b"999999999")
    Thread(target=lambda: (os.sched_yield(), lock.release())).start()
    assert take_run(Folder(tmp_path), "r") is not None
