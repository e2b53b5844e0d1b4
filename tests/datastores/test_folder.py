from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from amlshare import datastores
from amlshare.datastores import Datastore, DatastoreError, open_datastore, open_path


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "data/raw"
    folder.mkdir(parents=True)
    (folder / "flights.csv").write_text("a,b\n")
    (folder / "weather").mkdir()
    (folder / "weather/jan é.csv").write_text("1")
    (folder / "weather/feb.txt").write_text("22")
    return folder


@pytest.fixture
def datastore(raw: Path) -> Datastore:
    return open_datastore("main", "data", raw.parents[1])


def paths(datastore: Datastore, location: str) -> list[str]:
    return [entry.path for entry in datastore.list(location)]


def test_a_file_is_listed_with_its_size(datastore: Datastore) -> None:
    [entry] = datastore.list("raw/flights.csv")
    assert (entry.path, entry.size) == ("raw/flights.csv", 4)


@pytest.mark.parametrize("location", ["raw", "raw/", "/raw"])
def test_a_folder_is_listed_with_all_below_it(datastore: Datastore, location: str) -> None:
    found = paths(datastore, location)
    assert found == ["raw/flights.csv", "raw/weather/feb.txt", "raw/weather/jan é.csv"]


def test_a_glob_is_listed(datastore: Datastore) -> None:
    assert paths(datastore, "raw/**/*.csv") == ["raw/flights.csv", "raw/weather/jan é.csv"]
    assert paths(datastore, "raw/*.csv") == ["raw/flights.csv"]


def test_the_root_is_listed(datastore: Datastore) -> None:
    assert len(datastore.list("")) == 3


def test_an_empty_folder_has_no_files(datastore: Datastore, raw: Path) -> None:
    (raw / "empty").mkdir()
    assert datastore.list("raw/empty") == []


def test_a_file_may_have_the_name_of_a_glob(datastore: Datastore, raw: Path) -> None:
    (raw / "x[1].csv").touch()
    assert paths(datastore, "raw/x[1].csv") == ["raw/x[1].csv"]


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("raw/flihgts.csv", "nothing is at 'raw/flihgts.csv' in datastore 'main' .*; did you mean"),
        ("rwa/flights.csv", "did you mean 'raw'?"),
        ("raw/*.parquet", "no file matches 'raw/.*'raw' holds flights.csv, weather"),
        ("raw/flights.csv/", "did you mean 'raw/flights.csv'"),
        ("raw/flights.csv/x", "did you mean 'raw/flights.csv'"),
    ],
)
def test_what_is_not_there_is_explained(datastore: Datastore, location: str, message: str) -> None:
    with pytest.raises(DatastoreError, match=message):
        datastore.list(location)


def test_a_datastore_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DatastoreError, match="there is no such folder: create it"):
        open_datastore("main", "nowhere", tmp_path).list("raw")


def test_what_may_not_be_read_is_explained(datastore: Datastore, raw: Path) -> None:
    (raw / "loop").symlink_to("loop")
    with pytest.raises(DatastoreError, match="loop: Too many levels of symbolic links"):
        datastore.list("raw/loop")


def test_links_are_followed_and_links_to_nothing_left_out(
    datastore: Datastore, raw: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x").touch()
    (raw / "weather/link").symlink_to(tmp_path / "elsewhere")
    (raw / "nothing").symlink_to("nowhere")
    assert "raw/weather/link/x" in paths(datastore, "raw")
    assert "raw/nothing" not in paths(datastore, "raw")


def test_links_in_a_circle_end(datastore: Datastore, raw: Path) -> None:
    (raw / "weather/up").symlink_to(raw)
    assert len(datastore.list("raw")) == 3


def test_pipes_and_files_of_ours_are_left_out(datastore: Datastore, raw: Path) -> None:
    os.mkfifo(raw / "pipe")
    (raw / ".amlshare-staging").mkdir()
    (raw / ".amlshare-staging/x").touch()
    assert len(datastore.list("raw")) == 3


def test_a_name_that_is_not_utf8_is_explained(datastore: Datastore, raw: Path) -> None:
    Path(os.fsdecode(os.fsencode(raw) + b"/\xff")).touch()
    with pytest.raises(DatastoreError, match=r"the name 'raw/\\udcff' is not UTF-8; rename"):
        datastore.list("raw")


def test_the_version_changes_with_the_content(datastore: Datastore, raw: Path) -> None:
    [before] = datastore.list("raw/flights.csv")
    assert datastore.list("raw/flights.csv") == [before]
    os.utime(raw / "flights.csv", ns=(1, 1))
    [after] = datastore.list("raw/flights.csv")
    assert after.version != before.version


def test_a_file_is_fetched_with_its_digest(datastore: Datastore, tmp_path: Path) -> None:
    [entry] = datastore.list("raw/weather/jan é.csv")
    assert datastore.fetch(entry, tmp_path / "x") == hashlib.sha256(b"1").hexdigest()
    assert (tmp_path / "x").read_text() == "1"


def test_a_file_that_changed_since_it_was_listed_is_not_fetched(
    datastore: Datastore, raw: Path, tmp_path: Path
) -> None:
    [entry] = datastore.list("raw/flights.csv")
    (raw / "flights.csv").write_text("new")
    with pytest.raises(DatastoreError, match="changed since it was listed; run again"):
        datastore.fetch(entry, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_part_of_a_file_is_read(datastore: Datastore) -> None:
    [entry] = datastore.list("raw/flights.csv")
    assert datastore.read(entry, 1, 3) == b",b"
    with datastore.open("raw/flights.csv") as file:
        assert file.read() == b"a,b\n"


def test_a_file_is_put_replaced_and_removed(datastore: Datastore, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("one")
    datastore.put(tmp_path / "x", "new/folder/x")
    (tmp_path / "x").write_text("two")
    datastore.put(tmp_path / "x", "new/folder/x")
    assert (tmp_path / "data/new/folder/x").read_text() == "two"
    assert list((tmp_path / "data/new/folder").iterdir()) == [tmp_path / "data/new/folder/x"]
    datastore.remove("new/folder/x")
    datastore.remove("new/folder/x")
    assert not datastore.exists("new/folder/x")


def test_files_and_folders_exist(datastore: Datastore) -> None:
    asked = ["", "raw", "raw/flights.csv", "nothing", "raw/flights.csv/x"]
    assert [datastore.exists(path) for path in asked] == [True, True, True, False, False]


def test_a_script_opens_the_real_path(datastore: Datastore, raw: Path) -> None:
    assert datastore.uri("raw/flights.csv") == str(raw / "flights.csv")


@pytest.mark.parametrize("form", ["{}/flights.csv", "file://{}/flights.csv"])
def test_a_path_is_a_datastore_and_a_location(raw: Path, form: str) -> None:
    datastore, location = open_path(form.format(raw), raw)
    assert (datastore.folder, location) == (raw, "flights.csv")


def test_a_path_is_relative_to_the_base(raw: Path) -> None:
    datastore, location = open_path("../raw/weather/*.csv", raw)
    assert datastore.folder == raw / "weather"
    assert paths(datastore, location) == ["jan é.csv"]


def test_nothing_heavy_is_imported_for_a_folder() -> None:
    code = "import sys, amlshare.datastores; print(*sys.modules)"
    root = Path(datastores.__file__).parents[2]
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=root).split()
    assert {"asyncio", "fsspec", "adlfs", "sqlite3", "difflib"}.isdisjoint(loaded)
