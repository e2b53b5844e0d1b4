from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlshare.render.paper import (
    Paper,
    cells,
    clean,
    cut,
    flow,
    fold,
    fold_note,
    fold_pieces,
    pad,
    pad_left,
    paper_of,
    shorten,
)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class File(io.StringIO):
    encoding = "utf-8"


def test_without_colour_a_style_is_the_text_itself():
    assert Paper(colour=False).red("x") == "x"
    assert Paper(colour=True).red("x") == "\x1b[1;31mx\x1b[0m"
    assert Paper(colour=True).red("") == ""


def test_signs_have_an_ascii_form():
    assert Paper(unicode=True).sign("→") == "→"
    assert Paper(unicode=False).sign("→") == "->"


def test_only_a_terminal_has_colour():
    assert paper_of(Terminal(), {}).colour
    assert not paper_of(File(), {}).colour


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True),
    ],
)
def test_the_environment_decides_on_colour(environ, coloured):
    assert paper_of(Terminal(), environ).colour is coloured


def test_force_color_colours_a_file():
    assert paper_of(File(), {"FORCE_COLOR": "1"}).colour


def test_a_file_is_100_columns_wide_unless_columns_says_otherwise():
    assert paper_of(File(), {}).width == 100
    assert paper_of(File(), {"COLUMNS": "70"}).width == 70
    assert paper_of(Terminal(), {"COLUMNS": "3"}).width == 20


def test_an_encoding_other_than_utf_8_gets_ascii():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    assert not paper_of(stream, {}).unicode


def test_clean_spells_out_what_would_steer_a_terminal():
    assert clean("a\x1b[31mb\x07") == "a\\x1b[31mb\\x07"
    assert clean("right\u202eleft") == "right\\u202eleft"
    assert clean("two\nlines") == "two lines"


def test_clean_leaves_letters_and_emoji_alone():
    text = "größe 日本 👩\u200d🔬"
    assert clean(text) == text


@given(st.text())
def test_clean_text_has_nothing_unseen(text):
    assert clean(text).replace("\u200d", "").isprintable()


def test_wide_letters_take_two_columns():
    assert cells("日本") == 4
    assert pad("日本", 6) == "日本  "
    assert pad_left("日本", 6) == "  日本"


def test_cut_and_shorten_count_columns():
    assert cut("日本語", 5) == "日本"
    assert shorten("日本語", 5, Paper()) == "日本…"
    assert shorten("abcdef", 5, Paper(unicode=False)) == "ab..."


@given(st.text(alphabet="ab 日"), st.integers(min_value=4, max_value=30))
def test_fold_keeps_every_word_and_the_width(text, width):
    lines = fold(text, width)
    assert " ".join(lines).split() == text.split()
    assert all(cells(line) <= width or " " not in line.strip() for line in lines)


def test_a_command_in_a_note_is_never_cut():
    lines = ["a run: `amlshare logs r1`", "shows it"]
    assert fold_note("a run: `amlshare logs r1` shows it", 28) == lines
    assert fold_note("run: `amlshare logs --in x r1` it", 12) == [
        "run:",
        "`amlshare logs --in x r1`",
        "it",
    ]
    assert fold_note("a `b c", 3) == ["a", "`b", "c"]


def test_pieces_are_never_cut():
    assert fold_pieces(["run.py", "--a 1", "--b 2"], 12) == ["run.py --a 1", "--b 2"]


def test_flow_puts_below_what_does_not_fit():
    parts = [("aaaa", str), ("", str), ("bbbb bbbb", str)]
    assert list(flow("x", 1, parts, below=2, width=8)) == ["x  aaaa", "  bbbb", "  bbbb"]
