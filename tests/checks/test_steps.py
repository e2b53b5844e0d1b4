from __future__ import annotations

import pytest
from checks.specimen import codes, only


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("{script: a.py}", []),
        ("{command: ls}", []),
        ("{}", ["nothing-to-run"]),
        ("{command: ' '}", ["nothing-to-run"]),
        ("{script: a.py, command: ls}", ["two-things-to-run"]),
        ("{command: ls, arguments: [-l]}", ["command-arguments"]),
        ("{command: ls, arguments: []}", []),
        ("{script: a.py, nodes: 1}", []),
        ("{script: a.py, nodes: 2}", ["undistributed-nodes"]),
        ("{script: a.py, nodes: 2, distribution: {type: mpi}}", []),
        ("{script: a.py, outputs: [x, x]}", ["duplicate-item"]),
        ("{sequence: [{script: a.py}, {command: ls}]}", []),
        ("{sequence: []}", ["nothing-to-run"]),
        ("{sequence: [{title: A part}]}", ["nothing-to-run"]),
        ("{sequence: [{command: ' '}]}", ["nothing-to-run"]),
        ("{sequence: [{command: ls}], script: a.py}", ["two-things-to-run"]),
        ("{sequence: [{command: ls, script: a.py}]}", ["two-things-to-run"]),
        ("{sequence: [{command: ls, arguments: [-l]}]}", ["command-arguments"]),
        ("{sequence: [{script: a.py}], arguments: [-l]}", ["misplaced-key"]),
        ("{script: a.py, scratch: [x]}", ["misplaced-key"]),
        ("{sequence: [{command: ls}], nodes: 1}", []),
        ("{sequence: [{command: ls}], nodes: 2}", ["sequence-nodes"]),
        ("{sequence: [{command: ls}], distribution: {type: mpi}}", ["sequence-nodes"]),
        ("{sequence: [{command: 'ls ${scratch.x}'}], scratch: [x]}", []),
        ("{sequence: [{command: 'ls ${scratch.x}'}]}", ["unknown-reference"]),
        ("{script: a.py, arguments: ['${scratch.x}']}", ["unknown-reference"]),
        (
            "{sequence: [{command: 'ls ${scratch.x} ${outputs.x}'}], scratch: [x], outputs: [x]}",
            ["input-output-clash"],
        ),
    ],
)
def test_what_a_step_runs(step: str, expected: list[str]):
    assert codes(f"steps: {{a: {step}}}") == expected


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("2", []),
        ("{type: integer}", []),
        ("0", ["parameter-not-number"]),
        ("two", ["parameter-not-number"]),
        ("true", ["parameter-not-number"]),
        ("1.5", ["parameter-not-number"]),
    ],
)
def test_a_parameter_may_stand_where_a_number_does(parameter: str, expected: list[str]):
    step = "{script: a.py, nodes: '${parameters.n}', distribution: {type: mpi}}"
    assert codes(f"{{parameters: {{n: {parameter}}}, steps: {{a: {step}}}}}") == expected


def test_a_parameter_can_be_too_many_nodes():
    step = "{script: a.py, compute: c, nodes: '${parameters.n}'%s}"
    text = f"{{parameters: {{n: 8}}, compute: {{c: {{max_nodes: 4}}}}, steps: {{a: {step}}}}}"
    assert codes(text % "") == ["undistributed-nodes", "too-many-nodes"]
    assert codes(text % ", distribution: {type: mpi}") == ["too-many-nodes"]


def test_an_instance_is_one_node():
    text = "{compute: {c: {kind: instance%s}}, steps: {a: {script: a.py, compute: c, nodes: %s, "
    text += "distribution: {type: mpi}}}}"
    assert codes(text % ("", 2)) == ["too-many-nodes"]
    assert codes(text % (", max_nodes: 4", 1)) == ["misplaced-key"]


def test_the_items_of_a_list_are_told_by_their_places():
    found = only("steps: {a: {script: a.py}, b: {script: b.py, after: [a, a]}}")
    assert found.route == ("steps", "b", "after", 1)
    assert found.notes[0].route == ("steps", "b", "after", 0)


def test_a_pipeline_has_steps():
    assert codes("steps: {}") == ["no-steps"]
