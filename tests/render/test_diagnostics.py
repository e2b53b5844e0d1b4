from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlshare.diagnostics import Diagnostic, Label, Span
from amlshare.render.diagnostics import brief, diagnostics_text, tally
from amlshare.render.paper import Paper, cells

FILE = "specs/flights.yaml"


def span(line: int, column: int, end_column: int, end_line: int | None = None) -> Span:
    return Span(
        file=FILE, line=line, column=column, end_line=end_line or line, end_column=end_column
    )


def found(source: str = "", at: Span | None = None, **keys) -> Diagnostic:
    defaults = {"code": "some-code", "severity": "error", "message": "something is wrong"}
    return Diagnostic(span=at, source=source, **(defaults | keys))


def screen(*diagnostics, width=100, **paper) -> str:
    return diagnostics_text(diagnostics, Paper(width=width, **paper))


TYPO = found(
    "      cleaned: {from: clean.claened, mode: download}",
    span(47, 23, 36),
    code="unknown-source",
    message="nothing is called 'clean.claened'",
    label="did you mean 'clean.cleaned'?",
)


def test_a_diagnostic_shows_the_line_and_a_caret_under_the_fragment():
    assert screen(TYPO) == (
        "error[unknown-source]: nothing is called 'clean.claened'\n"
        "  --> specs/flights.yaml:47:23\n"
        "   |\n"
        "47 |       cleaned: {from: clean.claened, mode: download}\n"
        "   |                       ^^^^^^^^^^^^^ did you mean 'clean.cleaned'?\n"
        "\n"
        "1 error; for more: amlshare explain unknown-source\n"
    )


def test_related_places_and_help_stand_below():
    related = (Label(span=span(5, 3, 8), message="first defined here"),)
    text = screen(found("a: 1", span(7, 1, 2), help="remove one", related=related))
    assert "  = first defined here: specs/flights.yaml:5:3\n  = help: remove one\n" in text


def test_help_is_folded_below_itself_and_the_message_never():
    text = screen(found(message="m " * 40, help="word " * 20), width=50)
    lines = text.splitlines()
    assert cells(lines[0]) > 50
    assert all(cells(line) <= 50 for line in lines[1:4])
    assert lines[2].startswith("          word")


def carets(text: str) -> tuple[str, str]:
    """The source line and the line of carets, from the same column on."""
    lines = text.splitlines()
    at = next(number for number, line in enumerate(lines) if "^" in line)
    return lines[at - 1], lines[at]


@pytest.mark.parametrize(
    ("source", "at", "fragment"),
    [
        ("ключ: значение", span(1, 7, 15), "значение"),
        ("日本: größe", span(1, 5, 10), "größe"),
        ("a:\tvalue", span(1, 4, 9), "value"),
        ("a: 👩\u200d🔬x", span(1, 7, 8), "x"),
        ("\x1b[31ma: value", span(1, 9, 14), "value"),
        ("x" * 200 + " here " + "y" * 200, span(1, 202, 206), "here"),
    ],
)
def test_carets_stand_under_the_fragment(source, at, fragment):
    shown, marks = carets(screen(found(source, at), width=60))
    start = cells(marks[: marks.index("^")])
    assert cells(shown[: shown.index(fragment)]) == start
    assert marks.count("^") == cells(fragment)
    assert cells(shown) <= 60


def test_an_empty_fragment_gets_one_caret():
    assert carets(screen(found("a:", span(1, 3, 3))))[1] == "  |   ^"


def test_a_span_of_several_lines_is_marked_to_the_end_of_its_first():
    text = screen(found("  steps: [", span(3, 10, 2, end_line=9), label="never closed"))
    assert "  |          ^ … to line 9: never closed\n" in text


def test_a_label_that_does_not_fit_stands_below_the_carets():
    text = screen(found("a: b", span(1, 4, 5), label="word " * 9), width=40)
    assert "  |    ^\n  |    word word" in text
    assert all(cells(line) <= 40 for line in text.splitlines()[2:-1])


def test_a_diagnostic_without_a_place_is_a_sentence():
    assert screen(found(help="do this")).startswith(
        "error[some-code]: something is wrong\n  = help: do this\n"
    )


def test_the_summary_counts_each_severity_and_explains_the_worst():
    text = screen(
        found(severity="hint", code="h"), found(severity="error", code="e"), found(severity="hint")
    )
    assert text.endswith("1 error, 2 hints; for more: amlshare explain e\n")


def test_nothing_found_is_said_too():
    assert screen() == "no errors\n"
    assert tally([]) == "no errors"


def test_below_a_plan_hints_take_one_line():
    lines = list(brief([found("a: b", span(1, 4, 5), severity="hint")], Paper()))
    assert lines == ["", "hint[some-code]: specs/flights.yaml:1:4: something is wrong"]


def test_many_hints_of_one_kind_are_counted():
    hint, other = (found(severity="hint", code=code) for code in ("h", "other"))
    lines = list(brief([hint, hint, other, *[hint] * 1998], Paper()))
    assert lines[1:] == [
        "hint[h]: something is wrong",
        "hint[h]: something is wrong",
        "hint[h]: something is wrong",
        "hint[h]: 1,997 more of these; `plan --format json` has them all",
        "hint[other]: something is wrong",
    ]


@given(st.text(), st.integers(1, 60), st.integers(0, 60), st.integers(20, 80))
def test_no_line_whatever_breaks_the_snippet(source, column, length, width):
    text = screen(found(source, span(1, column, column + length), label=source), width=width)
    assert "\x1b" not in text
    assert text.endswith("amlshare explain some-code\n")
