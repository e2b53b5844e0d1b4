from __future__ import annotations

import pytest

from amlshare.diagnostics import Diagnostic, Span, SpecError, closest, did_you_mean

SPAN = Span(file="specs/a.yaml", line=3, column=5, end_line=3, end_column=8)


@pytest.mark.parametrize(
    ("word", "choices", "meant"),
    [
        ("clean.claened", ["clean.cleaned", "features.table"], "clean.cleaned"),
        ("Train", ["train", "trains"], "train"),
        ("min-distance", ["min_distance", "distance"], "min_distance"),
        ("cleaned", ["clean.cleaned", "features.table"], "clean.cleaned"),
        ("clean.output", ["clean.cleaned", "features.table"], "clean.cleaned"),
        ("flights.csv", ["flights", "weather"], "flights"),
        ("scirpt", ["command", "script"], "script"),
        ("s4242.uot", [f"s{number}.out" for number in range(5000)], "s4242.out"),
    ],
)
def test_closest_is_what_was_meant(word, choices, meant):
    assert closest(word, choices) == meant


@pytest.mark.parametrize(
    ("word", "choices"),
    [
        ("flights", ["weather", "airports"]),
        ("train", ["train"]),
        ("out", ["clean.out", "train.out"]),
        ("x", []),
        ("", ["clean"]),
    ],
)
def test_closest_is_none_where_nothing_is_near_or_two_are(word, choices):
    assert closest(word, choices) is None


def test_did_you_mean_asks_or_says_nothing():
    assert did_you_mean("trian", ["train"]) == "did you mean 'train'?"
    assert did_you_mean("trian", ["weather"]) == ""


def test_a_diagnostic_reads_as_one_line_of_plain_text():
    found = Diagnostic(
        code="unknown-source", message="nothing is called 'x'", span=SPAN, help="name a step"
    )
    line = "specs/a.yaml:3:5: error[unknown-source]: nothing is called 'x' (name a step)"
    assert str(found) == line


def test_a_diagnostic_without_a_place_reads_well():
    found = Diagnostic(code="file-not-found", message="there is no file x")
    assert str(found) == "error[file-not-found]: there is no file x"


def test_a_spec_error_lists_every_diagnostic():
    first = Diagnostic(code="one", message="first")
    error = SpecError([first, Diagnostic(code="two", message="second", severity="hint")])
    assert error.diagnostics[0] is first
    assert str(error) == "error[one]: first\nhint[two]: second"
