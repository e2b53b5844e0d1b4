"""Files that are written whole, or not at all."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest

from amlshare.files import write_whole


def test_a_file_has_what_was_written_and_nothing_lies_beside_it(tmp_path: Path):
    for data in (b"one", b"", b"three"):
        write_whole(tmp_path / "a.json", data)
        assert (tmp_path / "a.json").read_bytes() == data
    assert list(tmp_path.iterdir()) == [tmp_path / "a.json"]


def test_who_has_it_open_reads_on_what_was_there(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"before")
    with (tmp_path / "a").open("rb") as reader:
        write_whole(tmp_path / "a", b"after")
        assert reader.read() == b"before"


def test_the_file_behind_a_link_is_written_and_keeps_its_rights(tmp_path: Path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/a").touch(0o640)
    (tmp_path / "link").symlink_to("kept/a")
    write_whole(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "kept/a").read_bytes() == b"x"
    assert (tmp_path / "kept/a").stat().st_mode & 0o777 == 0o640


def test_where_it_cannot_be_written_whole_all_stays_as_it_was(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"before")
    handled = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            write_whole(tmp_path / "a", bytes(1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handled)
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]
    assert (tmp_path / "a").read_bytes() == b"before"
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "nowhere/a", b"")
