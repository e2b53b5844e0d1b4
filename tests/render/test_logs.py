from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlshare.render.logs import log_text, printed
from amlshare.render.paper import Paper


def shown(*pieces: str) -> str:
    return "".join(log_text(pieces, Paper()))


def test_what_steers_a_terminal_is_left_out():
    assert shown("one\n\x1b[2Jtwo\n10%\r20%\n") == "one\ntwo\n20%\n"


def test_a_line_without_an_end_is_shown_too():
    assert shown("one\ntw", "o") == "one\ntwo"


@given(st.text(alphabet="ab\n"), st.integers(0, 9))
def test_where_a_log_was_cut_makes_no_difference(text, at):
    assert shown(text[:at], text[at:]) == text


def test_a_line_without_end_is_not_kept_whole():
    assert len(list(log_text(["x" * 70_000, "x" * 70_000], Paper()))) == 5


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain", "plain"),
        ("10%\r20%\r100%", "100%"),
        ("done\r", "done"),
        ("a\tb", "a       b"),
        ("\x1b[2Kcleared\x1b[1A", "cleared"),
        ("\x1b]0;title\x07text", "text"),
        ("bell\x07 back\b", "bell back"),
        ("\x1b[31mred", "\x1b[31mred\x1b[0m"),
    ],
)
def test_printed_lines_keep_their_colours_and_nothing_else(line, shown):
    assert printed(line, colour=True) == shown


def test_printed_lines_lose_their_colours_where_there_are_none():
    assert printed("\x1b[31mred\x1b[0m", colour=False) == "red"


@given(st.text(), st.booleans())
def test_no_printed_line_steers_the_terminal(line, colour):
    shown = printed(line, colour=colour)
    assert "\n" not in shown
    assert "\r" not in shown
    assert all(part[:1] == "[" for part in shown.split("\x1b")[1:])
