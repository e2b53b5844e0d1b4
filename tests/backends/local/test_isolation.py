from __future__ import annotations

import errno
import os
import subprocess
import threading
from pathlib import Path

import pytest
from backends.local import apart

from amlshare.backends.local import isolation
from amlshare.backends.local.isolation import Isolation, bind, granting_mounts, isolate, unbind


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data/sub").mkdir(parents=True)
    (tmp_path / "data/sub/file").write_text("hello")
    return tmp_path / "data"


def write(path: Path) -> str:
    """The name of the error that writing gives."""
    try:
        path.write_text("changed")
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return ""


def bind_and_write(source: Path, target: Path) -> list[str]:
    bind(source, target)
    tried = [write(target / "sub/file"), write(target / "new")]
    unbind(target)
    unbind(target)  # nothing is bound any more
    return [*tried, *(path.name for path in target.iterdir())]


def test_a_folder_is_bound_read_only(data: Path) -> None:
    result = apart.call_isolated(bind_and_write, data, data.with_name("view"))
    assert result == ["EROFS", "EROFS"]
    assert (data / "sub/file").read_text() == "hello"


def bind_a_file(source: Path, target: Path) -> tuple[str, str]:
    bind(source, target)
    return target.read_text(), write(target)


def test_a_file_is_bound_read_only(data: Path) -> None:
    result = apart.call_isolated(bind_a_file, data / "sub/file", data.with_name("x") / "y")
    assert result == ("hello", "EROFS")


def test_nothing_is_seen_outside_and_nothing_is_left(data: Path) -> None:
    apart.call_isolated(bind, data, data.with_name("view"))
    assert list(data.with_name("view").iterdir()) == []
    assert str(data.with_name("view")) not in Path("/proc/self/mountinfo").read_text()


def bind_the_old_way(source: Path, target: Path) -> list[str]:
    isolation._MOUNT_SETATTR = 99_999  # an old kernel does not know it
    return bind_and_write(source, target)


def test_a_kernel_before_5_12_will_do(data: Path) -> None:
    result = apart.call_isolated(bind_the_old_way, data, data.with_name("view"))
    assert result == ["EROFS", "EROFS"]


def bind_with_a_mount_below(source: Path, target: Path, old: bool) -> str:
    bind(source / "sub", source / "inner")
    bind(source / "sub", source / "a b")
    if old:
        isolation._MOUNT_SETATTR = 99_999
    bind(source, target)
    return (target / "a b/file").read_text() + write(target / "a b/file")


@pytest.mark.parametrize("old", [False, True])
def test_what_is_mounted_below_is_bound_too(data: Path, old: bool) -> None:
    result = apart.call_isolated(bind_with_a_mount_below, data, data.with_name("view"), old)
    assert result == "helloEROFS"


def bind_as_nobody(source: Path, target: Path, old: bool) -> list[str]:
    """In a user namespace, below a mount whose flags are locked there."""
    flags = isolation._MS_NOSUID | isolation._MS_NODEV | isolation._MS_NOEXEC
    isolation._enter(isolation._CLONE_NEWNS)
    isolation._mount(source, source, isolation._MS_BIND)
    isolation._mount(None, source, isolation._MS_REMOUNT | isolation._MS_BIND | flags)
    if old:
        isolation._MOUNT_SETATTR = 99_999
    apart.become_nobody()
    if not isolate().bind:
        return [isolate().reason]
    kept = os.statvfs(source).f_flag & flags
    result = bind_and_write(source, target)
    return [*result, str(kept == flags), str(os.getuid())]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
@pytest.mark.parametrize("old", [False, True])
def test_a_user_who_is_not_root_binds_in_a_user_namespace(old: bool) -> None:
    with apart.folder_open_to_all() as folder:
        source, target = folder / "data", folder / "view"
        (source / "sub").mkdir(parents=True)
        (source / "sub/file").write_text("hello")
        target.mkdir(mode=0o777)
        result = apart.call(bind_as_nobody, source, target, old)
    if len(result) == 1:
        pytest.skip(f"no user namespaces here: {result[0]}")
    assert result == ["EROFS", "EROFS", "True", "65534"]


def rights_of_programs() -> list[str]:
    """The capabilities of what is started with and without the right to mount."""
    apart.become_nobody()
    if not isolate().bind:
        return []
    with granting_mounts():
        granted = _rights()
    return [granted, _rights()]


def _rights() -> str:
    status = subprocess.check_output(["cat", "/proc/self/status"], text=True)
    return next(line for line in status.splitlines() if line.startswith("CapEff")).split()[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_steps_cannot_take_away_what_keeps_them_from_writing() -> None:
    result = apart.call(rights_of_programs)
    if not result:
        pytest.skip("no user namespaces here")
    assert [int(each, 16) for each in result] == [1 << 21, 0]


def test_isolation_is_switched_off_by_a_variable() -> None:
    result = apart.call(isolate, AMLSHARE_ISOLATION="none")
    assert result == Isolation(bind=False, reason="AMLSHARE_ISOLATION=none")


def isolate_too_late() -> Isolation:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        return isolate()
    finally:
        stop.set()
        thread.join()


def test_isolation_comes_before_other_threads() -> None:
    result = apart.call(isolate_too_late)
    assert result == Isolation(bind=False, reason="other threads were running already")


def bind_nothing(target: Path) -> tuple[str, bool]:
    try:
        bind(target / "nothing", target / "view")
    except OSError as error:
        return f"{error.filename} {error.filename2}", os.path.ismount(target / "view")
    return "", True


def test_what_is_not_there_cannot_be_bound(tmp_path: Path) -> None:
    result = apart.call_isolated(bind_nothing, tmp_path)
    assert result == (f"{tmp_path / 'nothing'} {tmp_path / 'view'}", False)


def test_that_nothing_can_be_bound_is_noted_unless_it_was_asked_for() -> None:
    (note,) = Isolation(bind=False, reason="no mount namespace: Operation not permitted").notes()
    assert "cannot be bound read-only here (no mount namespace: Operation not permitted)" in note
    assert Isolation(bind=False, reason="AMLSHARE_ISOLATION=none").notes() == []
    assert Isolation(bind=True).notes() == []
