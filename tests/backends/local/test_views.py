from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from backends.local import apart

from amlshare.backends.local import views
from amlshare.backends.local.store import Store
from amlshare.backends.local.view import Change, View, find_files
from amlshare.backends.local.views import download_view, fetched_view, mount_view
from amlshare.datastores import Datastore, open_datastore


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder with a datastore at ``data``."""
    base = tmp_path / "with spaces é"
    (base / "data/raw/sub").mkdir(parents=True)
    (base / "data/raw/a b.csv").write_text("hello")
    (base / "data/raw/sub/c é.csv").write_text("hello")
    (base / "data/raw/sub/d.txt").write_text("other")
    return base


class Seen(NamedTuple):
    """What a step finds at a view, and what comes of its writing there."""

    how: str
    path: str
    files: list[str]
    regular: bool
    errors: set[str]
    changes: list[Change]
    moved: int


def look(view: View, target: Path) -> Seen:
    errors = {attempt(view.path, write) for write in (overwrite, add, remove)}
    files = sorted(find_files(target))
    regular = all((target / name).is_file() for name in files)
    seen = Seen(
        how=view.how,
        path=str(view.path.relative_to(target.parent)),
        files=files,
        regular=regular and not any((target / name).is_symlink() for name in files),
        errors=errors,
        changes=view.changes(),
        moved=view.moved,
    )
    view.close()
    return seen


def attempt(path: Path, write: Callable[[Path], object]) -> str:
    try:
        write(path)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return ""


def first_file(path: Path) -> Path:
    return path if path.is_file() else path / min(find_files(path))


def overwrite(path: Path) -> None:
    first_file(path).write_text("changed")


def add(path: Path) -> None:
    (path if path.is_dir() else path.parent).joinpath("new").touch()


def remove(path: Path) -> None:
    first_file(path).unlink()


def mount(base: Path, location: str) -> Seen:
    return _mount(base, location, binds=True)


def _mount(base: Path, location: str, *, binds: bool) -> Seen:
    datastore = open_datastore("main", "data", base)
    entries = datastore.list(location)
    target = base / "step/in"
    return look(
        mount_view(datastore, location, entries, target, binds=binds, digest=digest), target
    )


def is_whole(base: Path) -> bool:
    texts = [(base / "data/raw" / name).read_text() for name in ("a b.csv", "sub/c é.csv")]
    return texts == ["hello", "hello"] and not (base / "data/raw/new").exists()


# mount, bound


def test_a_folder_is_mounted_read_only(base: Path) -> None:
    seen = apart.call_isolated(mount, base, "raw")
    assert seen.files == ["a b.csv", "sub/c é.csv", "sub/d.txt"]
    assert seen[:2] == ("bind", "in")
    assert seen[3:] == (True, {"EROFS"}, [], 0)
    assert is_whole(base)


def test_a_file_is_mounted_by_its_own_name(base: Path) -> None:
    seen = apart.call_isolated(mount, base, "raw/a b.csv")
    assert seen[:4] == ("bind", "in/a b.csv", ["a b.csv"], True)
    assert seen.errors == {"EROFS"}
    assert is_whole(base)


def test_only_the_files_of_a_glob_are_mounted(base: Path) -> None:
    seen = apart.call_isolated(mount, base, "raw/**/*.csv")
    assert seen[:4] == ("bind", "in", ["a b.csv", "sub/c é.csv"], True)
    assert seen.errors == {"EROFS"}
    assert is_whole(base)


def test_an_empty_folder_is_mounted(base: Path) -> None:
    (base / "data/empty").mkdir()
    assert apart.call_isolated(mount_empty, base) == []


def mount_empty(base: Path) -> list[str]:
    datastore = open_datastore("main", "data", base)
    view = mount_view(datastore, "empty", [], base / "in", binds=True, digest=digest)
    return list(find_files(view.path))


@pytest.mark.parametrize("location", ["raw", "raw/linked", "raw/linked/x", "raw/x", "raw/*"])
def test_nothing_is_written_through_a_link(base: Path, location: str) -> None:
    (base / "elsewhere").mkdir()
    (base / "elsewhere/x").write_text("hello")
    (base / "data/raw/linked").symlink_to(base / "elsewhere")
    (base / "data/raw/x").symlink_to(base / "elsewhere/x")
    (base / "data/raw/0").symlink_to(base / "elsewhere/x")
    assert apart.call_isolated(mount, base, location).errors == {"EROFS"}
    assert (base / "elsewhere/x").read_text() == "hello"
    assert (base / "data/raw/x").is_symlink()


# mount, not bound


@pytest.mark.parametrize(
    ("location", "path"), [("raw", "in"), ("raw/a b.csv", "in/a b.csv"), ("raw/*.csv", "in")]
)
def test_what_cannot_be_bound_is_linked_and_guarded(base: Path, location: str, path: str) -> None:
    datastore = open_datastore("main", "data", base)
    entries = datastore.list(location)
    target = base / "step/in"
    view = mount_view(datastore, location, entries, target, binds=False, digest=digest)
    assert (view.how, view.path) == ("link", base / "step" / path)
    assert first_file(view.path).read_text() == "hello"
    assert view.changes() == []
    overwrite(view.path)
    assert view.changes() == [Change("a b.csv", "changed")]


def test_what_a_step_removes_through_links_is_named(base: Path) -> None:
    assert _mount(base, "raw", binds=False).changes == [Change("a b.csv", "vanished")]


@pytest.mark.parametrize("location", ["raw", "raw/**/*", "raw/linked"])
def test_links_in_a_folder_are_no_changes(base: Path, location: str) -> None:
    (base / "elsewhere").mkdir()
    (base / "elsewhere/x").write_text("hello")
    (base / "data/raw/linked").symlink_to(base / "elsewhere")
    (base / "data/raw/dangling").symlink_to(base / "nothing")
    (base / "data/raw/.amlshare-part").touch()
    datastore = open_datastore("main", "data", base)
    entries = datastore.list(location)
    view = mount_view(datastore, location, entries, base / "in", binds=False, digest=digest)
    assert view.changes() == []
    (base / "elsewhere/x").write_text("changed")
    assert [each.what for each in view.changes()] == ["changed"]


@pytest.mark.parametrize("location", ["raw", "raw/**/*.csv"])
def test_a_view_of_very_many_files_is_one_of_links(
    base: Path, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    monkeypatch.setattr(views, "_MOST_BINDS", 1)
    (base / "data/raw/x.csv").symlink_to(base / "data/raw/a b.csv")
    assert _mount(base, location, binds=True).how == "link"


def give_without_the_right_to_mount(base: Path, location: str) -> list[tuple[str, int, list[str]]]:
    if os.geteuid() == 0:
        apart.become_nobody()
    datastore = open_datastore("main", "data", base)
    entries = datastore.list(location)
    given = (datastore, location, entries)
    made = [
        mount_view(*given, base / "mounted", binds=True, digest=digest),
        download_view(Store(base / "store"), *given, base / "downloaded", binds=True),
        fetched_view(*given, base / "fetched", binds=True, digest=digest),
    ]
    return [(view.how, view.moved, sorted(map(str, view.changes()))) for view in made]


@pytest.mark.parametrize("location", ["raw", "raw/*.csv", "raw/a b.csv"])
def test_what_cannot_be_bound_after_all_is_linked_or_copied(location: str) -> None:
    with apart.folder_open_to_all() as base:
        (base / "data/raw").mkdir(parents=True)
        (base / "data/raw/a b.csv").write_text("hello")
        given = apart.call(give_without_the_right_to_mount, base, location)
        assert given == [("link", 0, []), ("copy", 5, []), ("copy", 5, [])]
        assert (base / "data/raw/a b.csv").read_text() == "hello"


# download


def download(base: Path, location: str, binds: bool) -> tuple[Seen, Seen]:
    """Two steps that download the same."""
    store, datastore = Store(base / "store"), open_datastore("main", "data", base)
    first, second = (_download(store, datastore, location, base / x, binds) for x in ("1", "2"))
    return first, second


def _download(store: Store, datastore: Datastore, location: str, target: Path, binds: bool) -> Seen:
    entries = datastore.list(location)
    return look(download_view(store, datastore, location, entries, target, binds=binds), target)


@pytest.mark.parametrize("location", ["raw", "raw/**/*.csv", "raw/a b.csv"])
def test_a_download_is_read_only_and_moves_once(base: Path, location: str) -> None:
    first, second = apart.call_isolated(download, base, location, True)
    assert first[3:6] == second[3:6] == (True, {"EROFS"}, [])
    assert first.moved > 0
    assert second.moved == 0


def test_a_download_is_laid_out_as_a_mount_is(base: Path) -> None:
    first, _ = download(base, "raw/a b.csv", False)
    assert (first.how, first.path) == ("copy", "1/a b.csv")


def test_a_step_that_changes_its_copy_changes_nothing_else(base: Path) -> None:
    first, second = download(base, "raw", False)
    assert first.errors == {""}
    assert first.changes == [Change("a b.csv", "vanished"), Change("new", "appeared")]
    assert second.moved == 0
    assert is_whole(base)
    hello = hashlib.sha256(b"hello").hexdigest()
    assert Store(base / "store").object(hello).read_text() == "hello"


def test_a_copy_that_is_overwritten_is_named(base: Path) -> None:
    store, datastore = Store(base / "store"), open_datastore("main", "data", base)
    entries = datastore.list("raw")
    view = download_view(store, datastore, "raw", entries, base / "in", binds=False)
    assert view.changes() == []
    (view.path / "sub/c é.csv").write_text("HELLO")
    assert view.changes() == [Change("sub/c é.csv", "changed")]


def test_copies_in_views_share_no_file_with_the_store(base: Path) -> None:
    store, datastore = Store(base / "store"), open_datastore("main", "data", base)
    entries = datastore.list("raw")
    view = download_view(store, datastore, "raw", entries, base / "in", binds=False)
    assert {(view.path / name).stat().st_nlink for name in find_files(view.path)} == {1}
    assert os.access(view.path / "a b.csv", os.W_OK)
