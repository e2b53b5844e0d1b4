"""A diff as a reviewer sees it, and as a program reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from amlshare.diff import Change, Diff, FieldChange
from amlshare.render.diff import diff_document, diff_text
from amlshare.render.paper import Paper, cells

ARGUMENTS = " ".join(f"--flag-{number} {number}" for number in range(12))
DIFF = Diff(
    before="the published pipeline 'flights' version 41 (3f0c, of 2025-11-20 10:00 UTC)",
    after="specs/flights.yaml",
    changes=(
        Change(
            kind="pipeline",
            name="flights",
            effect="cosmetic",
            fields=(FieldChange(field="description", before="Delays", after="Late flights"),),
        ),
        Change(
            kind="environment",
            name="sklearn",
            effect="changed",
            fields=(
                FieldChange(field="pip.pandas", before="2.1", after="2.2"),
                FieldChange(field="pip.numpy", before=None, after="2.0"),
            ),
        ),
        Change(
            kind="step",
            name="clean",
            effect="changed",
            fields=(
                FieldChange(
                    field="arguments",
                    before=ARGUMENTS,
                    after=ARGUMENTS.replace("--flag-6 6", "--flag-6 7"),
                ),
                FieldChange(field="reuse", before=True, after=False),
            ),
            reasons=("runs in environment 'sklearn', which changed",),
        ),
        Change(
            kind="step",
            name="audit",
            effect="added",
            fields=(
                FieldChange(field="script", before=None, after="audit.py"),
                FieldChange(field="inputs.table.from", before=None, after="clean.table"),
            ),
        ),
        Change(kind="step", name="fit", effect="renamed", renamed_from="train"),
        Change(
            kind="step",
            name="report",
            effect="downstream",
            reasons=("reads fit.model of step 'fit', which was renamed",),
        ),
        Change(
            kind="step",
            name="old",
            effect="removed",
            fields=(FieldChange(field="script", before="old.py", after=None),),
        ),
    ),
    notes=("the code could not be compared: the published pipeline does not say what it was",),
)
SAME = replace(DIFF, changes=(), notes=())


def test_it_looks_as_it_does(golden: Callable[[str, str], None]) -> None:
    golden(diff_text(DIFF, Paper(width=90)), "render/golden/diff.txt")


def test_nothing_is_said_in_one_line() -> None:
    assert diff_text(SAME, Paper(width=200)) == (
        "No differences: specs/flights.yaml is the same as the published pipeline 'flights' "
        "version 41 (3f0c, of 2025-11-20 10:00 UTC).\n"
    )


@pytest.mark.parametrize("width", [20, 40, 79, 200])
def test_colour_changes_no_word(width: int) -> None:
    import re

    coloured = diff_text(DIFF, Paper(width=width, colour=True))
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == diff_text(DIFF, Paper(width=width))


def test_no_line_is_wider_than_the_paper() -> None:
    assert all(cells(line) <= 70 for line in diff_text(DIFF, Paper(width=70)).splitlines())


def test_a_terminal_without_unicode_gets_ascii() -> None:
    assert diff_text(DIFF, Paper(unicode=False)).isascii()


def test_of_a_long_text_only_the_words_around_the_difference_are_shown() -> None:
    shown = diff_text(DIFF, Paper(width=90))
    assert "- … --flag-5 5 --flag-6 6 --flag-7 7" in shown
    assert "+ … --flag-5 5 --flag-6 7 --flag-7 7" in shown
    assert "--flag-11" not in shown


def test_control_characters_do_not_reach_the_terminal() -> None:
    fields = (FieldChange(field="title", before="a\x1b[2J", after="b\nc"),)
    change = Change(kind="step", name="s", effect="cosmetic", fields=fields)
    assert "\x1b" not in diff_text(replace(DIFF, changes=(change,)), Paper())


def test_as_json_it_keeps_the_promise() -> None:
    shown = diff_document(DIFF)
    assert shown["format"] == 1
    assert shown["movement"] == {"before": None, "after": None}
    assert shown["changes"][4] == {
        "kind": "step",
        "name": "fit",
        "impact": "renamed",
        "renamed_from": "train",
        "fields": [],
        "reasons": [],
    }
    assert shown["changes"][1]["fields"][1] == {
        "field": "pip.numpy",
        "before": None,
        "after": "2.0",
    }
