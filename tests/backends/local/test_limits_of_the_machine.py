"""Floods of output, full disks, files that may not be read: each has a clear outcome."""

from __future__ import annotations

import ctypes
import os
import resource
from contextlib import suppress
from pathlib import Path

import pytest
from backends.local import apart
from backends.local.plans import Project, command, data, output

from amlshare.backends.interface import BackendError, StepFinished, StepPrinted


def test_a_flood_of_lines_is_counted_and_costs_no_memory(project: Project) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    out = project.run(command("a", "yes | head -c 200000000; echo end"))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = project.of(StepPrinted)
    assert sum(len(event.lines) + event.omitted for event in told) == 100_000_001
    assert told[-1].lines[-1] == "end"
    assert (project.state / "runs" / out.run / "a" / "log.txt").stat().st_size == 200_000_004
    assert after - before < 50_000  # KB


def on_a_small_disk(base: Path, line: str) -> StepFinished:
    """Run a step in a project on a disk of 4 MB."""
    base.mkdir()
    assert ctypes.CDLL(None).mount(b"t", os.fsencode(base), b"tmpfs", 0, b"size=4m") == 0
    project = Project(base)
    with suppress(BackendError):  # where not even the failure can be recorded
        project.run(command("a", line, writes=["o"]))
    assert not list(project.store.glob("*/*"))
    return project.end("a")


@pytest.mark.parametrize(
    "line", ["head -c 9000000 /dev/zero > ${outputs.o}/x", "set -o pipefail; yes | head -c 9000000"]
)
def test_a_full_disk_is_named_with_what_is_free(tmp_path: Path, line: str) -> None:
    end = apart.call_isolated(on_a_small_disk, tmp_path / "small", line)
    assert end.status == "failed"
    assert "the disk of" in end.message
    assert "is full (" in end.message


def fill_the_disk_with_copies(base: Path) -> str:
    base.mkdir()
    assert ctypes.CDLL(None).mount(b"t", os.fsencode(base), b"tmpfs", 0, b"size=9m") == 0
    project = Project(base)
    big = project.write("data/raw/x", "")
    big.write_bytes(bytes(6_000_000))
    from backends.local.plans import reading

    given = reading("raw", mode="download")
    project.run(command("a", "true", reads=[given]), data=[data("raw", "raw")])
    return project.end("a").message


def test_a_disk_too_small_for_a_download_is_named(tmp_path: Path) -> None:
    message = apart.call_isolated(fill_the_disk_with_copies, tmp_path / "small")
    assert "room" in message


def give_up_rights() -> None:
    """Be root no more than in name: what is closed to a file's owner is closed."""
    libc = ctypes.CDLL(None, use_errno=True)
    for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.prctl(24, right, 0, 0, 0)  # programs that are started have it no more
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    for i in range(3):
        sets[i] &= ~0b110
    assert libc.capset(header, sets) == 0


def read_without_leave(base: Path) -> str:
    give_up_rights()
    project = Project(base)
    secret = project.write("data/raw/x", "1")
    secret.chmod(0)
    project.run(command("a", "true", reads=["raw"]), data=[data("raw", "raw")])
    return project.end("a").message


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone tests it as root")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    message = apart.call(read_without_leave, tmp_path / "p")
    assert "raw/x" in message
    assert "ermission denied" in message


def write_without_leave(base: Path) -> str:
    give_up_rights()
    project = Project(base)
    project.store.mkdir(parents=True)
    project.store.chmod(0o555)
    project.run(command("a", "true", writes=[output("o")]))
    return project.end("a").message


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone tests it as root")
def test_a_datastore_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    message = apart.call(write_without_leave, tmp_path / "p")
    assert "permission denied" in message
    assert str(tmp_path) in message
