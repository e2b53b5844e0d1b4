from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from azurite import Azurite
from backends.local import apart

from amlshare.backends.local import isolation
from amlshare.backends.local.blocks import BLOCK
from amlshare.backends.local.fuse import FuseView, can_fuse, fuse_view
from amlshare.backends.local.view import find_files
from amlshare.datastores import Datastore, DatastoreError, Entry, open_datastore

LARGE = Random(1).randbytes(10 * BLOCK + 5)  # the same in every process
FILES = {"raw/large é.bin": LARGE, "raw/sub/a b?#.csv": b"a,b\n", "raw/empty": b""}


@pytest.fixture
def fuse() -> None:
    works, reason = can_fuse()
    if not works:
        pytest.skip(reason)


@pytest.fixture
def container(fuse: None, azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> str:
    assert fuse is None
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azurite.connection_string)
    return azurite.container(FILES)


def mount(container: str, folder: Path, location: str = "raw") -> tuple[Datastore, FuseView]:
    datastore = open_datastore("main", f"az://{container}", folder)
    entries = datastore.list(location)
    return datastore, fuse_view(datastore, location, entries, folder / "in put")


def sh(script: str, folder: Path) -> str:
    ran = subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )
    return ran.stdout + ran.stderr


def look(container: str, folder: Path) -> dict[str, object]:
    _, view = mount(container, folder)
    before = view.moved
    with closing(view):
        text = sh("cat 'sub/a b?#.csv'; find . -type f | sort; wc -c < *.bin", view.path)
        small = view.moved
        errors = sh("touch new; rm empty; mkdir x; echo x > empty; chmod 777 empty", view.path)
        large = (view.path / "large é.bin").read_bytes() == LARGE
        moved = view.moved
        again = (view.path / "large é.bin").read_bytes() == LARGE
    left = list(find_files(folder / "in put"))
    return locals() | {"view": None, "_": None, "moved_again": view.moved, "trouble": view.trouble}


def test_files_are_read_when_a_step_reads_them(container: str, tmp_path: Path) -> None:
    seen = apart.call_isolated(look, container, tmp_path)
    assert seen["text"] == f"a,b\n./empty\n./large é.bin\n./sub/a b?#.csv\n{len(LARGE)}\n"
    assert (seen["before"], seen["small"]) == (0, 4)
    assert seen["large"]
    assert seen["again"]
    assert seen["moved"] == seen["moved_again"] == len(LARGE) + 4
    assert (seen["left"], seen["trouble"]) == ([], "")


def test_a_mounted_datastore_is_read_only(container: str, tmp_path: Path) -> None:
    errors = apart.call_isolated(look, container, tmp_path)["errors"].splitlines()
    assert len(errors) == 5
    assert all("Read-only file system" in line for line in errors)


def look_at_part(container: str, folder: Path) -> tuple[bool, int]:
    _, view = mount(container, folder)
    with closing(view), (view.path / "large é.bin").open("rb", buffering=0) as file:
        file.seek(6 * BLOCK)
        return file.read(10) == LARGE[6 * BLOCK : 6 * BLOCK + 10], view.moved


def test_only_what_is_read_is_moved(container: str, tmp_path: Path) -> None:
    same, moved = apart.call_isolated(look_at_part, container, tmp_path)
    assert same
    assert BLOCK <= moved <= 2 * BLOCK


def read_at_once(container: str, folder: Path) -> tuple[list[bool], int]:
    _, view = mount(container, folder)

    def read(start: int) -> bool:
        with (view.path / "large é.bin").open("rb", buffering=0) as file:
            file.seek(start)
            return file.read(5 * BLOCK) == LARGE[start : start + 5 * BLOCK]

    with closing(view), ThreadPoolExecutor(4) as pool:
        return list(pool.map(read, [0, 5 * BLOCK, 3 * BLOCK, 0])), view.moved


def test_several_readers_at_once_read_the_same(container: str, tmp_path: Path) -> None:
    same, moved = apart.call_isolated(read_at_once, container, tmp_path)
    assert same == [True] * 4
    assert moved <= len(LARGE)


def layouts(container: str, folder: Path) -> list[tuple[str, list[str]]]:
    found = []
    for number, location in enumerate(["raw/**/*.csv", "raw/sub/a b?#.csv"]):
        _, view = mount(container, folder / str(number), location)
        with closing(view):
            found.append((view.path.name, list(find_files(folder / str(number) / "in put"))))
    return found


def test_a_file_and_a_glob_are_laid_out_as_elsewhere(container: str, tmp_path: Path) -> None:
    found = apart.call_isolated(layouts, container, tmp_path)
    assert found == [("in put", ["sub/a b?#.csv"]), ("a b?#.csv", ["a b?#.csv"])]


def read_what_changed(container: str, folder: Path) -> tuple[str, str]:
    datastore, view = mount(container, folder)
    (folder / "new").write_text("new!")
    datastore.put(folder / "new", "raw/sub/a b?#.csv")
    with closing(view):
        error = sh("cat sub/*", view.path)
    return error, view.trouble


def test_a_file_that_changes_meanwhile_cannot_be_read(container: str, tmp_path: Path) -> None:
    error, trouble = apart.call_isolated(read_what_changed, container, tmp_path)
    assert "Input/output error" in error
    assert "412 ConditionNotMet; it changed since it was listed" in trouble


# the end


def mount_and_wait(container: str, folder: Path) -> None:
    _, view = mount(container, folder)
    pid = view._server._process.pid
    (folder / "pid.new").write_text(str(pid))
    (folder / "pid.new").rename(folder / "pid")
    time.sleep(60)


def is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("isolated", [True, False])
def test_the_process_ends_when_the_run_is_killed(
    container: str, tmp_path: Path, isolated: bool
) -> None:
    """Without a namespace, nothing may stay mounted either."""
    function = isolate_and_wait if isolated else mount_and_wait
    process = apart.start(function, container, tmp_path)
    while not (tmp_path / "pid").exists():
        assert process.poll() is None
        time.sleep(0.01)
    server = int((tmp_path / "pid").read_text())
    assert (tmp_path / "in put").is_mount() is not isolated
    apart.kill(process)
    for _ in range(1000):
        if not is_running(server):
            break
        time.sleep(0.01)
    assert not is_running(server)
    assert not (tmp_path / "in put").is_mount()


def isolate_and_wait(container: str, folder: Path) -> None:
    isolation.isolate()
    mount_and_wait(container, folder)


def kill_the_server(container: str, folder: Path) -> tuple[str, bool]:
    _, view = mount(container, folder)
    view._server._process.kill()
    view._server._process.wait()
    error = sh("cat 'in put'/sub/*", folder)
    view.close()
    return error, (folder / "in put").is_mount()


def test_a_view_is_closed_even_if_its_process_was_killed(container: str, tmp_path: Path) -> None:
    error, mounted = apart.call_isolated(kill_the_server, container, tmp_path)
    assert "not connected" in error or "No such file" in error
    assert not mounted


def serve_nowhere(container: str, folder: Path) -> str:
    datastore = open_datastore("main", f"az://{container}", folder)
    os.environ["FUSE_LIBRARY_PATH"] = "/nowhere/libfuse.so"
    try:
        fuse_view(datastore, "raw", datastore.list("raw"), folder / "in")
    except DatastoreError as error:
        return str(error)
    return ""


def test_a_mount_that_fails_is_explained(container: str, tmp_path: Path) -> None:
    message = apart.call(serve_nowhere, container, tmp_path)
    assert "cannot be mounted: OSError: /nowhere/libfuse.so" in message
    assert "use `mode: download`" in message


def mount_as_nobody(datastore: Datastore, entries: list[Entry], folder: Path) -> tuple[str, str]:
    """In a user namespace, with a /dev/fuse that is open to all, as it is on most machines."""
    isolation._enter(isolation._CLONE_NEWNS)
    os.mknod(folder / "device", 0o20666, os.makedev(10, 229))
    (folder / "device").chmod(0o666)
    isolation._mount(folder / "device", Path("/dev/fuse"), isolation._MS_BIND)
    apart.become_nobody()
    if not isolation.isolate().bind:
        return f"no user namespaces here: {isolation.isolate().reason}", ""
    if not os.access(sys.executable, os.X_OK):
        return f"nobody may not run {sys.executable}", ""
    with closing(fuse_view(datastore, "raw", entries, folder / "in put")) as view:
        return "", sh("cat sub/*; umount . || true", view.path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_a_user_who_is_not_root_mounts_in_a_user_namespace(container: str) -> None:
    with apart.folder_open_to_all() as folder:
        datastore = open_datastore("main", f"az://{container}", folder)
        reason, text = apart.call(mount_as_nobody, datastore, datastore.list("raw"), folder)
    if reason:
        pytest.skip(reason)
    assert text.startswith("a,b\n")


def test_fuse_is_switched_off_by_a_variable() -> None:
    assert apart.call(can_fuse, AMLSHARE_FUSE="none") == (False, "AMLSHARE_FUSE=none")
