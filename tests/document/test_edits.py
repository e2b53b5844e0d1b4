"""Edits of plain data."""

from __future__ import annotations

from copy import deepcopy

import pytest

from amlshare.document.edits import Drop, EditError, Put, applied

DATA = {"steps": {"clean": {"after": ["a"], "env": None}}, "name": "x"}


def test_edits_are_done_one_after_the_other_and_the_data_stays_as_it_was():
    kept = deepcopy(DATA)
    value = {"deep": [1]}
    found = applied(
        DATA,
        [
            Put(route=("steps", "clean", "env"), value=value),
            Put(route=("steps", "clean", "env", "deep", 1), value=2),
            Put(route=("steps", "clean", "after", 0), value="b"),
            Drop(route=("name",)),
        ],
    )
    assert found == {"steps": {"clean": {"after": ["b"], "env": {"deep": [1, 2]}}}}
    assert kept == DATA
    assert value == {"deep": [1]}


def test_what_is_not_there_yet_is_made_on_the_way():
    found = applied(DATA, [Put(route=("steps", "clean", "env", "A", "b"), value=1)])
    assert found["steps"]["clean"]["env"] == {"A": {"b": 1}}


def test_what_is_not_there_is_not_missed():
    assert applied(DATA, [Drop(route=("steps", "new", "env")), Drop(route=("data",))]) == DATA


def test_below_a_text_and_beyond_the_end_of_a_list_there_is_nothing():
    for route in (("name", "y"), ("steps", "clean", "after", 5)):
        with pytest.raises(EditError):
            applied(DATA, [Put(route=route, value=1)])
