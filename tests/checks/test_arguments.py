from __future__ import annotations

import pytest
from checks.specimen import codes, hints, only

DATA = "data: {x: {type: directory, location: raw/}}\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("[--year 2013]", ["argument-with-blank"]),
        ("['--name', 'Ada Lovelace']", []),
        ("['a b']", []),
        ("['-5 degrees']", []),
        ("{--name: Ada Lovelace}", []),
        ("{--name Ada: 1}", ["argument-with-blank"]),
        ("{year: 2013}", ["flag-without-dash"]),
        ("{-y: 2013}", []),
        ("[year, 2013]", []),
        ("['out/{run-id}']", ["misplaced-placeholder"]),
        ("['{date}']", []),
    ],
)
def test_words_that_a_script_would_not_know(arguments: str, expected: list[str]):
    assert codes(f"steps: {{a: {{script: a.py, arguments: {arguments}}}}}") == expected


def test_a_placeholder_in_a_command_is_text_too():
    assert only("steps: {a: {command: 'ls {run-id}'}}").fragment == "{run-id}"


def test_a_port_without_an_argument_is_a_hint():
    text = DATA + "steps: {a: {script: a.py, inputs: {x: x}, outputs: {y: {type: directory}}}}"
    assert hints(text) == ["unpassed-input", "unpassed-output"]


@pytest.mark.parametrize("given", ["{from: x, mode: direct}", "{from: x, at: /mnt/x}"])
def test_a_script_may_find_an_input_without_an_argument(given: str):
    assert hints(DATA + f"steps: {{a: {{script: a.py, inputs: {{x: {given}}}}}}}") == []


def test_a_parallel_step_is_given_what_it_goes_over_and_where_its_rows_go():
    parallel = "parallel: {script: a.py, over: x, rows_to: y/rows.txt}"
    text = DATA + f"steps: {{a: {{{parallel}, inputs: {{x: x}}, outputs: [y]}}}}\n"
    assert hints(text + "outputs: {y: a.y}") == []


def test_a_reference_to_nothing_may_be_meant_for_the_port():
    text = DATA + "steps: {a: {script: a.py, inputs: {x: x}, arguments: ['${inputs.%s']}}"
    assert hints(text % "y}") == []
    assert hints(text % "") == []
