from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import pytest
from azurite import Azurite
from backends.local import apart

from amlshare.backends.local import isolation
from amlshare.backends.local.blocks import BLOCK
from amlshare.backends.local.fuse import FuseView, can_fuse, fuse_view
from amlshare.backends.local.view import Transfer, find_files
from amlshare.datastores import Datastore, DatastoreError, open_datastore

LARGE = Random(1).randbytes(10 * BLOCK + 5)  # the same in every process
FILES = {"raw/large é.bin": LARGE, "raw/sub/a b?#.csv": b"a,b\n", "raw/empty": b""}
SIZE = sum(map(len, FILES.values()))


@pytest.fixture
def base(fuse: None, tmp_path: Path) -> Path:
    """A folder with a datastore at ``data``."""
    assert fuse is None
    fill(tmp_path / "data")
    return tmp_path


def fill(folder: Path) -> None:
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@contextmanager
def mounted(base: Path, location: str = "raw") -> Iterator[FuseView]:
    view = mount(open_datastore("main", "data", base), base, location)
    with closing(view):
        yield view


def mount(datastore: Datastore, base: Path, location: str = "raw") -> FuseView:
    return fuse_view(datastore, location, datastore.list(location), base / "in put")


def sh(script: str, folder: Path) -> str:
    ran = subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )
    return ran.stdout + ran.stderr


# reading


def look(base: Path) -> tuple[str, list[int]]:
    with mounted(base) as view:
        moved = [view.moved]
        text = sh("find . -type f | sort; du --apparent-size -bs large*; cat sub/*", view.path)
        moved.append(view.moved)
    return text, [*moved, view.moved]


def test_listing_moves_nothing_and_reading_what_is_read(base: Path) -> None:
    text, moved = apart.call_isolated(look, base)
    files = "./empty\n./large é.bin\n./sub/a b?#.csv\n"
    assert text == f"{files}{len(LARGE)}\tlarge é.bin\na,b\n"
    assert moved == [0, 4, 4]


def read_twice(base: Path) -> tuple[list[bool], int]:
    with mounted(base) as view:
        same = [(view.path / "large é.bin").read_bytes() == LARGE for _ in range(2)]
        return same, view.moved


def test_what_is_read_twice_moves_once(base: Path) -> None:
    assert apart.call_isolated(read_twice, base) == ([True, True], len(LARGE))


def read_in_requests(base: Path) -> tuple[Transfer, Transfer, float]:
    with mounted(base) as view:
        before, started = view.transfer, time.monotonic()
        sh("cat sub/* large* > /dev/null", view.path)
    return before, view.transfer, time.monotonic() - started


def test_requests_are_counted_and_the_time_in_which_the_step_waited_for_them(base: Path) -> None:
    before, after, took = apart.call_isolated(read_in_requests, base)
    assert before == Transfer()
    assert (after.moved, after.requests) == (4 + len(LARGE), 12)
    assert 0 < after.seconds < took


def read_a_part(base: Path) -> tuple[bool, int]:
    with mounted(base) as view, (view.path / "large é.bin").open("rb", buffering=0) as file:
        file.seek(6 * BLOCK)
        return file.read(10) == LARGE[6 * BLOCK : 6 * BLOCK + 10], view.moved


def test_of_a_large_file_only_the_part_that_is_read_moves(base: Path) -> None:
    same, moved = apart.call_isolated(read_a_part, base)
    assert same
    assert BLOCK <= moved <= 2 * BLOCK


def read_at_once(base: Path) -> tuple[list[bool], int]:
    def read(start: int) -> bool:
        with (view.path / "large é.bin").open("rb", buffering=0) as file:
            file.seek(start)
            return file.read(5 * BLOCK) == LARGE[start : start + 5 * BLOCK]

    with mounted(base) as view, ThreadPoolExecutor(4) as pool:
        return list(pool.map(read, [0, 5 * BLOCK, 3 * BLOCK, 0])), view.moved


def test_several_readers_at_once_read_the_same(base: Path) -> None:
    same, moved = apart.call_isolated(read_at_once, base)
    assert same == [True] * 4
    assert moved <= len(LARGE)


def write(base: Path) -> str:
    with mounted(base) as view:
        return sh("touch new; rm empty; mkdir x; echo x > empty; chmod 777 empty", view.path)


def test_nothing_can_be_written(base: Path) -> None:
    errors = apart.call_isolated(write, base).splitlines()
    assert len(errors) == 5
    assert all("Read-only file system" in line for line in errors)


def list_view(base: Path, location: str) -> tuple[str, list[str]]:
    with mounted(base, location) as view:
        return view.path.name, list(find_files(base / "in put"))


@pytest.mark.parametrize(
    ("location", "name", "files"),
    [
        ("raw/**/*.csv", "in put", ["sub/a b?#.csv"]),
        ("raw/empty", "empty", ["empty"]),
    ],
)
def test_files_and_globs_are_laid_out_as_elsewhere(
    base: Path, location: str, name: str, files: list[str]
) -> None:
    assert apart.call_isolated(list_view, base, location) == (name, files)


def read_what_changed(base: Path) -> tuple[str, str]:
    with mounted(base) as view:
        (base / "data/raw/sub/a b?#.csv").write_text("new!")
        error = sh("cat sub/*", view.path)
    return error, view.trouble


def test_a_file_that_changes_meanwhile_cannot_be_read(base: Path) -> None:
    error, trouble = apart.call_isolated(read_what_changed, base)
    assert "Input/output error" in error
    assert "changed since it was listed; run again" in trouble


def read_blobs(base: Path, container: str) -> tuple[bool, int]:
    datastore = open_datastore("main", f"az://{container}", base)
    with closing(mount(datastore, base)) as view:
        files = {f"raw/{name}": (view.path / name).read_bytes() for name in find_files(view.path)}
        return files == FILES, view.moved


def test_blobs_are_read_when_a_step_reads_them(
    base: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    azurite: Azurite = request.getfixturevalue("azurite")  # only where there is FUSE
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azurite.connection_string)
    assert apart.call_isolated(read_blobs, base, azurite.container(FILES)) == (True, SIZE)


# the end


def wait(base: Path, isolated: bool) -> None:
    if isolated:
        isolation.isolate()
    with mounted(base) as view:
        (base / "pid.new").write_text(str(view._server._process.pid))
        (base / "pid.new").rename(base / "pid")
        time.sleep(60)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize("isolated", [True, False])
def test_nothing_is_left_when_the_run_is_killed(base: Path, isolated: bool) -> None:
    process = apart.start(wait, base, isolated)
    while not (base / "pid").exists():
        assert process.poll() is None
        time.sleep(0.01)
    server = int((base / "pid").read_text())
    assert is_running(server)
    apart.kill(process)
    for _ in range(1000):
        if not is_running(server):
            break
        time.sleep(0.01)
    assert not is_running(server)
    assert not (base / "in put").is_mount()


def kill_the_server(base: Path) -> tuple[str, bool]:
    with mounted(base) as view:
        view._server._process.kill()
        view._server._process.wait()
        error = sh("cat 'in put'/sub/*", base)
    return error, (base / "in put").is_mount()


def test_a_view_is_closed_even_if_its_process_was_killed(base: Path) -> None:
    error, mounted_still = apart.call_isolated(kill_the_server, base)
    assert "not connected" in error or "No such file" in error
    assert not mounted_still


def serve_nowhere(base: Path) -> str:
    os.environ["FUSE_LIBRARY_PATH"] = "/nowhere/libfuse.so"
    try:
        with mounted(base):
            return ""
    except DatastoreError as error:
        return str(error)


def test_a_mount_that_fails_is_explained(base: Path) -> None:
    message = apart.call(serve_nowhere, base)
    assert "cannot be mounted: OSError: /nowhere/libfuse.so" in message
    assert "use `mode: download`" in message


# who may


def mount_as_nobody(base: Path) -> tuple[str, str]:
    """In a user namespace, with a /dev/fuse that is open to all, as it is on most machines."""
    isolation._enter(isolation._CLONE_NEWNS)
    os.mknod(base / "device", 0o20666, os.makedev(10, 229))
    (base / "device").chmod(0o666)
    isolation._mount(base / "device", Path("/dev/fuse"), isolation._MS_BIND)
    apart.become_nobody()
    if not isolation.isolate().bind:
        return f"no user namespaces here: {isolation.isolate().reason}", ""
    if not os.access(sys.executable, os.X_OK):
        return f"nobody may not run {sys.executable}", ""
    with mounted(base) as view:
        return "", sh("cat sub/*; umount . || true", view.path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_a_user_who_is_not_root_mounts_in_a_user_namespace() -> None:
    if not can_fuse()[0]:
        pytest.skip(can_fuse()[1])
    with apart.folder_open_to_all() as base:
        fill(base / "data")
        reason, text = apart.call(mount_as_nobody, base)
    if reason:
        pytest.skip(reason)
    assert text.startswith("a,b\n")


def test_fuse_is_switched_off_by_a_variable() -> None:
    assert apart.call(can_fuse, AMLSHARE_FUSE="none") == (False, "AMLSHARE_FUSE=none")
