from __future__ import annotations

import pytest
from checks.specimen import codes, findings, hints, only

from amlshare.checks.names import Guesses


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("clean-data", "for example 'clean_data'"),
        ("Clean", "for example 'clean'"),
        ("1", "lower"),
        ("a" * 101, "lower"),
    ],
)
def test_a_step_is_called_by_lower_case_letters(name: str, label: str):
    found = only(f"steps: {{{name!r}: {{script: clean.py}}}}")
    assert (found.code, found.on) == ("bad-step-name", "key")
    assert found.label.startswith(label)


def test_a_name_that_can_be_mended_is_offered():
    assert only("data: {raw-flights: {type: path, location: x/}}").label == (
        "for example 'raw_flights'"
    )


def test_a_parameter_may_be_called_like_a_variable_of_the_system_and_an_input_may_not():
    assert codes("parameters: {HOME: 1}") == []
    assert codes("data: {HOME: {type: path, location: x/}}") == ["reserved-name"]


def test_a_step_or_the_defaults_may_name_a_cluster_that_the_spec_does_not_describe():
    assert hints("{compute: {cpu: {}}, defaults: {compute: gpu}}") == []
    assert hints("{compute: {cpu: {cluster: cpu-1}}, defaults: {compute: cpu-1}}") == []
    assert hints("{compute: {cpu-large: {}}, defaults: {compute: cpu-lrage}}") == [
        "unlisted-compute"
    ]


def test_an_empty_environment_name_is_unknown():
    assert codes("defaults: {environment: ''}") == ["unknown-environment"]


def test_after_may_be_one_name():
    found = only("steps: {a: {script: a.py}, b: {script: b.py, after: c}}")
    assert (found.code, found.route) == ("unknown-step", ("steps", "b", "after", 0))


def test_a_word_is_looked_up_once_and_after_the_limit_no_more():
    guess = Guesses(["flights", "planes"], limit=2)
    assert [guess(word) for word in ("flihgts", "plains", "flihgts", "flight")] == [
        "flights",
        "planes",
        "flights",
        None,
    ]


def test_of_many_names_ten_are_listed():
    parameters = ", ".join(f"parameter{number}: 1" for number in range(20))
    found = only(
        f"{{parameters: {{{parameters}}}, steps: {{a: {{script: a.py, "
        "nodes: '${parameters.zzz}', distribution: {type: mpi}}}}"
    )
    assert found.help is not None
    assert found.help.count("parameter") == 10
    assert found.help.endswith(", ...")


def test_data_without_parameter_true_may_be_called_like_a_parameter():
    text = "{parameters: {x: 1}, data: {x: {type: path, location: y/, parameter: %s}}}"
    assert codes(text % "true") == ["ambiguous-name"]
    assert codes(text % "false") == []


def test_a_clash_of_input_and_output_points_at_both():
    (found,) = [
        each
        for each in findings(
            "{data: {x: {type: path, location: y/}}, "
            "steps: {a: {script: a.py, inputs: {x: x}, outputs: [x]}}}"
        )
        if each.code == "input-output-clash"
    ]
    assert found.route == ("steps", "a", "outputs", "x")
    assert found.notes[0].route == ("steps", "a", "inputs", "x")


def test_data_that_is_a_parameter_is_not_called_like_a_setting_either():
    text = "data: {Target: {type: path, location: y/, parameter: %s}}"
    assert codes(text % "true") == ["reserved-parameter"]
    assert codes(text % "false") == []
