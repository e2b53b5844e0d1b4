"""A plan as a JSON document and back."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import few, spec_data
from test_plan import plan_of
from test_resolution import turned_around

from amlshare import plan_document
from amlshare.diagnostics import Diagnostic, Label, Span
from amlshare.movement.known import Known, Size
from amlshare.movement.machines import find
from amlshare.movement.rates import Rates
from amlshare.plan import Plan, make_plan, moves_of
from amlshare.plan_document import dump_diagnostic, load
from amlshare.selection import select

SPAN = Span(file="a.yaml", line=3, column=5, end_line=3, end_column=9)
PLACED = Diagnostic(
    code="unknown-key",
    severity="error",
    message="no 'stpes'",
    span=SPAN,
    source="stpes:",
    label="did you mean 'steps'?",
    related=(Label(span=SPAN, message="here"),),
)
UNPLACED = Diagnostic(code="unreadable-code", severity="warning", message="ü", help="mend it")


def dump(plan: Plan) -> dict[str, Any]:
    return plan_document.dump(plan, moves_of(plan))


def through_json(document: Any) -> Any:
    return json.loads(json.dumps(document, ensure_ascii=False))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    plan = plan_of(draw(spec_data()))
    diagnostics = draw(st.lists(st.sampled_from([PLACED, UNPLACED]), max_size=2))
    names = [step.name for step in plan.pipeline.steps]
    selected = draw(st.none() | st.sampled_from(names).map(lambda each: f"+{each}"))
    made = make_plan(
        plan.pipeline,
        backend=draw(st.sampled_from(["azureml", "azureml-v2", "local"])),
        read_code=lambda step: next((c for c in plan.code if c.folder == step.code), None),
        digest_file=str,
        selected=None if selected is None else select(plan.pipeline, selected),
        known=draw(known()),
    )
    return replace(made, diagnostics=tuple(diagnostics))


def known() -> st.SearchStrategy[Known]:
    """Sizes and digests of some data, or of what is no data."""
    names = st.sampled_from(["raw", "lookup", "clean.table", "nothing"])
    sizes = st.builds(
        Size,
        bytes=st.none() | st.integers(0, 10**12),
        files=st.none() | st.integers(0, 10**6),
        origin=st.sampled_from(["measured", "history"]),
    )
    return st.builds(
        Known,
        sizes=st.dictionaries(names, sizes, max_size=2),
        digests=st.dictionaries(names, st.text("0123456789abcdef", max_size=4), max_size=2),
        changes=st.dictionaries(names, st.integers(0, 9), max_size=2),
        versions=st.dictionaries(names, st.integers(1, 9), max_size=2),
        rates=st.builds(Rates, latency=st.floats(0.001, 1)),
        cloud_rates=st.builds(Rates, latency=st.floats(0.001, 1)),
        machine=st.sampled_from([None, find("Standard_DS3_v2")]),
    )


@few
@given(plans())
def test_a_plan_that_went_through_json_is_the_same(plan):
    assert load(through_json(dump(plan))) == plan


@few
@given(plans())
def test_a_document_that_went_through_json_is_the_same(plan):
    document = dump(plan)
    assert through_json(document) == document


@few
@given(spec_data())
def test_the_order_of_keys_does_not_show(data):
    one, other = dump(plan_of(data)), dump(plan_of(turned_around(data)))
    assert json.dumps(one) == json.dumps(other)


@few
@given(plans())
def test_every_edge_and_output_is_listed(plan):
    document = dump(plan)
    ends = {(edge["step"], edge["input"]) for edge in document["edges"]}
    rows = {(row["step"], row["output"]) for row in document["outputs"]}
    for step in document["steps"]:
        assert {(step["name"], given["name"]) for given in step["inputs"]} <= ends
        assert {(step["name"], output["name"]) for output in step["outputs"]} <= rows


def test_the_keys_that_are_promised_are_there():
    document = dump(plan_of(SMALL))
    assert list(document) == [
        *("format", "backend", "pipeline", "selected", "steps", "edges", "outputs", "movement"),
        *("known", "code", "diagnostics"),
    ]
    assert document["format"] == 1
    (step,) = document["steps"]
    promised = "name type compute environment after fingerprint impact reasons inputs outputs"
    assert {*promised.split(), "arguments", *WAITING} <= step.keys()
    edge_keys = "source step input type format mode mode_reason bytes files bytes_from moved_bytes"
    assert {*edge_keys.split(), *TIME} == document["edges"][0].keys()
    output_keys = {"step", "output", "type", "format", "mode", "datastore", "location"}
    assert {*output_keys, "bytes", "files", *TIME} == document["outputs"][0].keys()
    movement = "moved_bytes unique_bytes duplicate_bytes duplicates unknown_edges unknown_seconds"
    movement += " waiting_cost waiting_cost_range"
    assert {*movement.split(), *WAITING} == document["movement"].keys()


TIME = ("seconds", "seconds_range", "bound")
WAITING = ("waiting_seconds", "waiting_seconds_range")


def test_an_edge_has_its_seconds_and_between_what_they_lie():
    (edge,) = dump(replace(plan_of(TIMED), backend="azureml"))["edges"]
    low, high = edge["seconds_range"]
    assert low < edge["seconds"] < high
    assert (edge["bound"], edge["mode_reason"]) == ("NIC", None)


def test_of_a_machine_that_is_not_known_there_are_no_seconds():
    document = dump(replace(plan_of(TIMED | {"compute": {}}), backend="azureml"))
    assert [document["edges"][0][key] for key in TIME] == [None, None, None]
    assert document["movement"]["unknown_seconds"] == ["only.a"]


def test_on_this_machine_nothing_takes_seconds_and_none_are_called_unknown():
    document = dump(plan_of(TIMED))
    assert document["edges"][0]["seconds"] is None
    assert document["movement"]["unknown_seconds"] == []


RATED = {
    "amlshare": 1,
    "name": "rated",
    "compute": {"cpu": {"vm_size": "Standard_DS3_v2", "hourly_rate": 3600}},
    "data": {"raw": {"type": "path", "location": "raw", "size": "90 GB", "files": 90}},
    "steps": {"only": {"command": "cat ${inputs.a}", "compute": "cpu", "inputs": {"a": "raw"}}},
}


def test_a_mode_that_was_chosen_has_its_reason_and_survives():
    plan = plan_of(RATED, backend="azureml")
    document = through_json(dump(plan))
    edge, (step,) = document["edges"][0], document["steps"]
    assert (edge["mode"], edge["mode_reason"]) == ("mount", "90 GB does not fit the 28 GiB disk")
    assert step["mount_settings"]["DATASET_MOUNT_BLOCK_BASED_CACHE_ENABLED"] == "true"
    assert load(document) == plan


def test_what_waiting_costs_stands_beside_its_seconds():
    document = dump(plan_of(RATED, backend="azureml"))
    (step,), movement = document["steps"], document["movement"]
    assert step["waiting_cost"] == step["waiting_seconds"]  # a rate of one for each second
    assert step["waiting_cost_range"] == step["waiting_seconds_range"]
    assert movement["waiting_cost"] == movement["waiting_seconds"]
    unrated = dump(plan_of(TIMED))["movement"]
    assert (unrated["waiting_cost"], unrated["waiting_cost_range"]) == (None, None)


def test_the_mode_that_was_chosen_is_part_of_how_a_step_reads():
    def access(size: str) -> str:
        data = RATED["data"] | {"raw": RATED["data"]["raw"] | {"size": size}}
        return plan_of(RATED | {"data": data}, backend="azureml").fingerprints["only"].own["access"]

    assert access("1 GB") != access("90 GB")
    assert access("90 GB") == access("91 GB")


SMALL = {
    "amlshare": 1,
    "name": "small",
    "data": {"raw": {"type": "path", "location": "raw"}},
    "steps": {
        "only": {"command": "cat ${inputs.a}", "inputs": {"a": "raw"}, "outputs": ["out"]},
    },
}


TIMED = {
    "amlshare": 1,
    "name": "timed",
    "compute": {"cpu": {"vm_size": "Standard_DS3_v2"}},
    "data": {"raw": {"type": "path", "location": "raw", "size": "1 GB", "files": 9}},
    "steps": {
        "only": {
            "command": "cat ${inputs.a}",
            "compute": "cpu",
            "inputs": {"a": {"from": "raw", "mode": "download"}},
        },
    },
}


def test_a_diagnostic_has_its_place():
    shown = dump_diagnostic(PLACED)
    places = ("file", "line", "column", "end_line", "end_column")
    assert [shown[key] for key in places] == ["a.yaml", 3, 5, 3, 9]
    assert [dump_diagnostic(UNPLACED)[key] for key in places] == [None] * 5


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"format": 2},
        {"format": 1},
        {"format": 1, "pipeline": [], "steps": []},
        {"format": 1, "pipeline": {}, "steps": [1]},
        [],
        None,
    ],
)
def test_what_is_no_plan_is_refused(document: Any):
    with pytest.raises(ValueError, match="no saved plan"):
        load(document)


def test_no_damage_whatever_to_a_plan_is_more_than_a_value_error():
    whole = through_json(dump(plan_of(SMALL)))
    for key in whole:
        for wrong in (None, 1, "x", [], {}, [1]):
            damaged = deepcopy(whole) | {key: wrong}
            try:
                load(damaged)
            except ValueError:
                continue
