from __future__ import annotations

import graphlib

import pytest
from checks.specimen import codes, findings, only
from hypothesis import given
from hypothesis import strategies as st

from amlshare.checks.edges import cycles

TWO_STEPS = """
parameters: {year: 2013}
data: {flights: {type: directory, location: raw/}}
steps:
  clean: {script: clean.py, outputs: [cleaned], arguments: ["${parameters.year}"]}
  train: {script: train.py, inputs: {x: %s}, arguments: ["${inputs.x}"]}
"""


@pytest.mark.parametrize(
    ("source", "label"),
    [
        ("clean.claened", "did you mean 'clean.cleaned'?"),
        ("claen.cleaned", "did you mean 'clean.cleaned'?"),
        ("cleaned", "did you mean 'clean.cleaned'?"),
        ("clean.outputs.cleaned", "did you mean 'clean.cleaned'?"),
        ("'${{parent.jobs.clean.outputs.cleaned}}'", "did you mean 'clean.cleaned'?"),
        ("steps.clean.outputs.cleaned", "did you mean 'clean.cleaned'?"),
        ("data.flights", "did you mean 'flights'?"),
        ("'${inputs.flights}'", "did you mean 'flights'?"),
        ("clean", "expected STEP.OUTPUT"),
        ("year", "expected DATA or STEP.OUTPUT"),
        ("raw/2013.csv", "this looks like a location"),
        ("''", ""),
    ],
)
def test_what_a_source_was_meant_to_be(source: str, label: str):
    found = only(TWO_STEPS % source)
    assert (found.code, found.label) == ("unknown-source", label)
    assert found.route == ("steps", "train", "inputs", "x", "from")


def test_an_output_of_the_pipeline_is_made_by_a_step():
    found = only(TWO_STEPS % "flights" + "outputs: {x: flights}")
    assert found.message == "'flights' is data, and no output of a step"


def test_each_cycle_is_told_once_and_at_each_of_its_edges():
    text = "{%s: {script: x.py, after: [%s]}, %s: {script: x.py, after: [%s]}, "
    steps = (text % ("a", "b", "b", "a"))[:-2] + ", " + (text % ("c", "d", "d", "c"))[1:-2] + "}"
    found = [each for each in findings(f"steps: {steps}") if each.code == "dependency-cycle"]
    assert [each.message.count("'a'") for each in found] == [2, 0]
    assert found[0].route == ("steps", "a", "after", 0)
    assert found[0].notes[0].route == ("steps", "b", "after", 0)


def test_a_step_that_reads_its_own_output_waits_for_itself():
    found = only(
        "steps: {a: {script: a.py, inputs: {i: a.x}, outputs: [x], arguments: "
        "['${inputs.i}', '${outputs.x}']}}"
    )
    assert (found.message, found.label) == ("step 'a' waits for itself", "its own output")


def test_a_chain_of_thousands_of_steps_in_reverse_order_is_no_cycle():
    steps = {f"s{n}": [f"s{n + 1}"] for n in range(20_000)} | {"s20000": []}
    assert not list(cycles(steps))


@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3), max_size=6
    )
)
def test_there_is_a_cycle_where_nothing_can_be_sorted(graph: dict[str, list[str]]):
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError:
        sortable = False
    else:
        sortable = True
    found = list(cycles(graph))
    assert sortable == (not found)
    for cycle in found:
        steps = zip(cycle, [*cycle[1:], cycle[0]], strict=True)
        assert all(after in graph[name] for name, after in steps)
    assert len({name for cycle in found for name in cycle}) == sum(map(len, found))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python x.py ${inputs.t}", []),
        ("python x.py '${inputs.t}' > log", []),
        ("python x.py --in=${inputs.t}", ["direct-in-text"]),
        ("cat ${inputs.t}/a.csv", ["direct-in-text"]),
    ],
)
def test_in_a_command_a_direct_input_is_a_word(command: str, expected: list[str]):
    text = "{data: {t: {type: directory, location: x/}}, steps: {a: {inputs: "
    text += f'{{t: {{from: t, mode: direct}}}}, command: "{command}"}}}}}}'
    assert codes(text) == expected


def test_a_directory_may_be_direct_and_an_unknown_source_is_not_judged():
    text = "{data: {t: {type: %s, location: x/}}, steps: {a: {script: a.py, inputs: "
    text += "{t: {from: %s, mode: direct}}}}}"
    assert codes(text % ("directory", "t")) == []
    assert codes(text % ("path", "t")) == ["path-direct"]
    assert codes(text % ("path", "u")) == ["unknown-source"]


def test_two_steps_may_use_one_place_on_their_compute_targets():
    step = "{script: a.py, inputs: {t: {from: t, at: /mnt}}}"
    data = "data: {t: {type: path, location: x/}}"
    assert codes(f"{{{data}, steps: {{a: {step}, b: {step}}}}}") == []
