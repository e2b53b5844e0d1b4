"""Logs while they grow."""

from __future__ import annotations

from pathlib import Path

from amlshare.backends.local.logs import LINES, Tail, last_lines


def test_lines_come_once_and_whole(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    tail = Tail(log)
    assert tail.read() == ((), 0)
    log.write_text("one\ntw")
    assert tail.read() == (("one",), 0)
    log.write_text("one\ntwo\n")
    assert tail.read() == (("two",), 0)


def test_the_end_needs_no_line_end(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("one\nlast")
    assert Tail(log).read(end=True) == (("one", "last"), 0)


def test_of_many_lines_the_last_are_passed_on_and_the_others_counted(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("".join(f"{i}\n" for i in range(100_000)))
    lines, omitted = Tail(log).read()
    assert (lines[-1], len(lines), omitted) == ("99999", LINES, 100_000 - LINES)


def test_one_endless_line_is_cut(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("x" * 5_000_000)
    tail = Tail(log)
    assert tail.read() == ((), 0)
    ((line,), omitted) = tail.read(end=True)
    assert (set(line), len(line) < 10_000, omitted) == ({"x"}, True, 0)


def test_a_progress_bar_shows_its_last_state(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(b" 10%\r 50%\r100%\nnext\r\n")
    assert Tail(log).read() == (("100%", "next"), 0)


def test_bytes_that_are_no_text_are_shown_somehow(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(b"\xff\xfe caf\xc3\xa9\n")
    assert Tail(log).read() == (("\ufffd\ufffd café",), 0)


def test_the_last_lines_of_a_log_are_read_from_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("".join(f"{i}\n" for i in range(100_000)))
    assert last_lines(log, 2) == ("99998", "99999")
    assert last_lines(tmp_path / "none") == ()
