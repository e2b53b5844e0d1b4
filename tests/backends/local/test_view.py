from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from amlshare.backends.local.view import Change, Guard, View, find_files


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data/sub").mkdir(parents=True)
    (tmp_path / "data/a").write_text("aaa")
    (tmp_path / "data/sub/b é").write_text("bbb")
    return tmp_path / "data"


@pytest.fixture
def guard(folder: Path) -> Guard:
    guard = Guard(digest, folder)
    for name in find_files(folder):
        guard.watch(name, folder / name, digest(folder / name))
    return guard


def test_what_was_only_read_is_unchanged(guard: Guard, folder: Path) -> None:
    (folder / "a").read_text()
    assert guard.changes() == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda folder: (folder / "a").write_text("xxx"), Change("a", "changed")),
        (lambda folder: (folder / "sub/b é").unlink(), Change("sub/b é", "vanished")),
        (lambda folder: (folder / "new").touch(), Change("new", "appeared")),
        (lambda folder: (folder / "a").rename(folder / "sub/b é"), Change("a", "vanished")),
    ],
)
def test_every_change_is_named(
    guard: Guard, folder: Path, change: Callable[[Path], object], found: Change
) -> None:
    change(folder)
    assert found in guard.changes()


def test_a_change_whose_times_were_set_back_is_named(guard: Guard, folder: Path) -> None:
    before = (folder / "a").stat()
    (folder / "a").write_text("xxx")
    os.utime(folder / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert guard.changes() == [Change("a", "changed")]


def test_the_same_content_is_no_change(guard: Guard, folder: Path) -> None:
    (folder / "a").write_text("aaa")
    os.link(folder / "a", folder.parent / "link")
    assert guard.changes() == []


def test_a_file_whose_times_will_tell_is_not_read_again(folder: Path) -> None:
    def never(path: Path) -> str:
        raise AssertionError(path)

    guard = Guard(never)
    guard.watch("a", folder / "a", "digest", settled=True)
    assert guard.changes() == []


def test_what_appears_is_named_only_where_a_guard_has_the_folder_for_itself(folder: Path) -> None:
    guard = Guard(digest)
    guard.watch("a", folder / "a", digest(folder / "a"))
    (folder / "new").touch()
    assert guard.changes() == []
    (folder / "a").unlink()
    (folder / "a").mkdir()
    assert guard.changes() == [Change("a", "vanished")]


def test_a_change_reads_as_a_sentence() -> None:
    assert str(Change("sub/a.csv", "vanished")) == "sub/a.csv vanished"


def test_a_view_that_cannot_be_changed_is_not(tmp_path: Path) -> None:
    view = View(tmp_path, "bind")
    assert (view.changes(), view.moved) == ([], 0)
    view.close()
