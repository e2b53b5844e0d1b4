"""Publishing, and what lies where afterwards."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from backends.local.plans import output

from amlshare.backends.local import outputs
from amlshare.backends.local.outputs import OutputError
from amlshare.datastores import open_datastore
from amlshare.pipeline import Output


def digest(path: Path, _: os.stat_result | None = None) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def placed(base: Path, made: Output, run: str = "RUN") -> outputs.Place:
    return outputs.place(made, open_datastore("store", str(base), base), run=run, box=base / "box")


@pytest.mark.parametrize(
    ("location", "kind", "place"),
    [
        ("a/{run-id}/", "folder", "a/RUN"),
        ("a/{run-id}", "folder", "a/RUN"),
        ("a/{run-id}/", "file", "a/RUN/o"),
        ("a/model.pkl", "file", "a/model.pkl"),
        ("a/x.csv/", "csv", "a/x.csv"),
    ],
)
def test_a_location_says_where_an_output_lies(
    tmp_path: Path, location: str, kind: str, place: str
) -> None:
    assert placed(tmp_path, output("o", location=location, format=kind)).location == place


@pytest.mark.parametrize("location", ["", "/", ".", "../x", "a/../../x", ".amlshare-staging/x"])
def test_an_output_needs_a_place_of_its_own_inside_the_datastore(
    tmp_path: Path, location: str
) -> None:
    with pytest.raises(OutputError, match="a place of its own inside the datastore"):
        placed(tmp_path, output("o", location=location))


@pytest.mark.parametrize("swaps", [True, False])
def test_a_folder_takes_the_place_of_another(
    tmp_path: Path, swaps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not swaps:
        monkeypatch.setattr(outputs, "_swap", lambda *_: False)
    place = placed(tmp_path, output("o", location="fixed/", overwrite=True))
    for text in ("old", "new"):
        outputs.prepare(place)
        (place.staged / text).write_text(text)
        move = outputs.publication(place, run="RUN", step="s")
        outputs.move(move)
        outputs.move(move)
        outputs.discard(place)
    assert [path.name for path in (tmp_path / "fixed").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["fixed"]


def write(path: Path, kind: str, text: str) -> None:
    """A file, or a folder that holds one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "folder":
        path.mkdir(exist_ok=True)
        path = path / "file"
    path.write_text(text)


@pytest.mark.parametrize("swaps", [True, False])
@pytest.mark.parametrize("new", ["file", "folder"])
@pytest.mark.parametrize("old", ["file", "folder", None])
def test_a_move_can_be_taken_back(
    tmp_path: Path, old: str | None, new: str, swaps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not swaps:
        monkeypatch.setattr(outputs, "_swap", lambda *_: False)
    place = placed(tmp_path, output("o", location="fixed", format=new, overwrite=True))
    path = tmp_path / "fixed"
    if old:
        write(path, old, "old")
    outputs.prepare(place)
    write(place.staged, new, "new")
    move = outputs.publication(place, run="RUN", step="s")
    outputs.move(move)
    assert (path / "file" if new == "folder" else path).read_text() == "new"
    outputs.take_back(move)
    outputs.discard(place)
    assert [each.name for each in tmp_path.iterdir()] == (["fixed"] if old else [])
    assert not old or (path / "file" if old == "folder" else path).read_text() == "old"


@pytest.mark.parametrize(
    ("glob", "matching"),
    [
        ("*.csv", ["a.csv"]),
        ("**/*.csv", ["a.csv", "d/b.csv", "d/e/c.csv"]),
        ("d/**", ["d/b.csv", "d/e/c.csv"]),
        ("d/*", ["d/b.csv"]),
        ("**", ["a.csv", "d/b.csv", "d/e/c.csv"]),
        ("[ab].csv", ["a.csv"]),
    ],
)
def test_globs_match_as_in_a_datastore(glob: str, matching: list[str]) -> None:
    names = ["a.csv", "d/b.csv", "d/e/c.csv"]
    assert [name for name in names if outputs.matches(name, glob)] == matching


def test_a_digest_is_of_names_and_contents_in_any_order() -> None:
    one, two = ("a", "1"), ("b", "2")
    assert outputs.content_digest([one, two]) == outputs.content_digest([two, one])
    assert outputs.content_digest([one]) != outputs.content_digest([("c", "1")])


def test_a_pipe_in_an_output_is_named(tmp_path: Path) -> None:
    place = placed(tmp_path, output("o"))
    outputs.prepare(place)
    os.mkfifo(place.staged / "p")
    with pytest.raises(OutputError, match="p is a pipe, socket or device"):
        outputs.check(place, digest)


def test_a_file_where_a_folder_is_needed_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    place = placed(tmp_path, output("o", location="a/b/c", overwrite=True))
    with pytest.raises(OutputError, match=f"{tmp_path}/a is a file and would have to be a folder"):
        outputs.refuse_occupied(place)


def test_a_name_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    place = placed(tmp_path, output("o"))
    outputs.prepare(place)
    (place.staged / os.fsdecode(b"caf\xe9")).touch()
    with pytest.raises(OutputError, match=r"the name of caf\\xe9 is not UTF-8.*rename it"):
        outputs.check(place, digest)
