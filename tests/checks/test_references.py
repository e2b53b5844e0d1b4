from __future__ import annotations

import pytest
from checks.specimen import codes, findings, only

STEP = """
parameters: {year: 2013}
data: {flights: {type: path, location: raw/}}
steps:
  clean:
    script: clean.py
    inputs: {flights: flights}
    outputs: [cleaned]
    arguments: ["${inputs.flights}", "${outputs.cleaned}", "${parameters.year}", "%s"]
"""


@pytest.mark.parametrize(
    ("word", "code", "label"),
    [
        ("${inputs.fligths}", "unknown-reference", "did you mean '${inputs.flights}'?"),
        ("${outputs.flights}", "unknown-reference", "did you mean '${inputs.flights}'?"),
        ("${inputs.year}", "unknown-reference", "did you mean '${parameters.year}'?"),
        ("${flights}", "bad-reference", "did you mean '${inputs.flights}'?"),
        ("${input.flights}", "bad-reference", "did you mean '${inputs.flights}'?"),
        ("${inputs.flights", "bad-reference", "no } follows"),
        ("${}", "bad-reference", ""),
        ("${{inputs.flights}}", "v2-reference", "here it is '${inputs.flights}'"),
        ("${{parent.inputs.flights}}", "v2-reference", "here it is '${inputs.flights}'"),
        ("${{x.y}}", "v2-reference", "here it has one brace: ${inputs.N}"),
        ("${env.USER}", "env-reference", "a plan must not depend on who makes it"),
    ],
)
def test_what_a_reference_was_meant_to_be(word: str, code: str, label: str):
    found = only(STEP % word)
    assert (found.code, found.label) == (code, label)
    assert found.fragment in word


@pytest.mark.parametrize(
    ("word", "label", "help_"),
    [
        ("${scratch.keptt}", "did you mean '${scratch.kept}'?", None),
        ("${outputs.kept}", "did you mean '${scratch.kept}'?", None),
        ("${scratch.flights}", "did you mean '${inputs.flights}'?", None),
        ("${scratch.x}", "", "known scratch: kept"),
    ],
)
def test_what_a_reference_of_a_part_was_meant_to_be(word: str, label: str, help_: str | None):
    found = only(
        "{data: {f: {type: path, location: x}}, steps: {a: {sequence: [{command: date}, {script: "
        f"a.py, arguments: ['{word}']}}], scratch: [kept], inputs: {{flights: f}}}}}}}}"
    )
    assert (found.code, found.label, found.help) == ("unknown-reference", label, help_)
    assert found.route == ("steps", "a", "sequence", 1, "arguments", 0)


@pytest.mark.parametrize(
    ("word", "label", "help_"),
    [
        ("${x}", "", "write ${inputs.N}, ${outputs.N}, ${scratch.N} or ${parameters.N}; $${"),
        ("${scratch.1a}", "a name has only letters, digits and _, and no digit first", ""),
    ],
)
def test_what_a_part_can_write_in_place_of_no_reference(word: str, label: str, help_: str):
    text = f"{{steps: {{a: {{sequence: [{{script: a, arguments: ['{word}']}}], scratch: [1a]}}}}}}"
    (found,) = [each for each in findings(text) if each.code == "bad-reference"]
    assert found.label == label
    assert (found.help or "").startswith(help_)


def test_only_a_sequence_has_scratch():
    found = only(STEP % "${scratch.x}")
    assert found.help == "only a step with a `sequence:` has scratch, for what its parts hand on"


@pytest.mark.parametrize("word", ["$${HOME}", "$HOME", "{x}", "100%", "a${inputs.flights}b", "$"])
def test_other_braces_are_text(word: str):
    assert codes(STEP % word) == []


def test_the_place_is_the_word_in_the_list_or_below_its_flag():
    assert only(STEP % "${x.y}").route == ("steps", "clean", "arguments", 3)
    text = "steps: {a: {script: a.py, arguments: {--x: %s}}}"
    assert only(text % "'${x.y}'").route == ("steps", "a", "arguments", "--x")
    assert only(text % "[a, '${x.y}']").route == ("steps", "a", "arguments", "--x", 1)


def test_in_a_command_a_variable_of_the_shell_has_a_way_out():
    found = only("steps: {a: {command: 'echo ${HOME}'}}")
    assert found.help == "for the shell's own variable write $HOME, or $${HOME}"


def test_settings_may_name_environment_variables_and_nothing_else():
    assert codes("workspace: {name: '${env.WORKSPACE}'}") == []
    assert codes("local: {datastores: {lake: '${env.HOME}/data'}}") == []
    found = only("local: {python: '${HOME}/bin/python'}")
    assert (found.code, found.label) == ("setting-reference", "did you mean '${env.HOME}'?")
    assert only("workspace: {name: '${parameters.x}'}").code == "setting-reference"
