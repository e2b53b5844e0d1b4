from __future__ import annotations

import pytest
from checks.specimen import hints

STEP = """
parameters: {p: 1}
data: {x: {type: directory, location: raw/}}
steps: {a: {command: "%s", inputs: {%s}, outputs: {y: {type: %s}}}}
"""
ALL = "f ${inputs.x} ${outputs.y} ${parameters.p}"


@pytest.mark.parametrize(
    ("command", "inputs", "kind", "expected"),
    [
        (ALL, "x: x", "directory", []),
        (ALL, "x: x", "path", ["unused-output"]),
        (ALL[:-15], "x: x", "directory", ["unused-parameter"]),
        (ALL[12:], "", "directory", ["unused-data"]),
        (ALL, "x: z", "directory", []),
        (ALL + " ${parameters.q}", "x: x", "directory", []),
    ],
)
def test_what_nobody_reads(command: str, inputs: str, kind: str, expected: list[str]):
    assert hints(STEP % (command, inputs, kind)) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [("", ["unused-scratch"]), ("${scratch.s}", []), ("${scratch.t}", []), ("${x}", [])],
)
def test_what_no_part_uses(word: str, expected: list[str]):
    text = "steps: {a: {sequence: [{command: date}, {command: 'ls %s'}], scratch: [s]}}"
    assert hints(text % word) == expected


def test_an_output_that_the_pipeline_gives_is_used():
    assert hints(STEP % (ALL, "x: x", "path") + "outputs: {y: a.y}") == []


def test_data_that_a_schedule_watches_is_used():
    text = "{data: {x: {type: directory, location: raw/}}, schedules: {s: {on_change: %s}}}"
    assert hints(text % "x") == []


def test_a_parameter_may_be_a_number_of_nodes():
    parallel = "{script: a.py, over: x, nodes: '${parameters.n}', mini_batch: '${parameters.m}'}"
    text = "{data: {x: {type: directory, location: raw/}}, parameters: {n: 2, m: 3}, "
    assert hints(text + f"steps: {{a: {{parallel: {parallel}, inputs: {{x: x}}}}}}}}") == []


def test_a_stand_in_may_stand_in_for_what_other_specs_use():
    text = "{local: {datastores: {%s: x}}, data: {x: {type: directory, location: raw/, "
    text += "datastore: lake}}}"
    assert "unused-stand-in" not in hints(text % "other_store")
    assert "unused-stand-in" in hints(text % "laek")
    assert "unused-stand-in" not in hints(text % "lake")
