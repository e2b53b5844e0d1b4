"""The spec: the file, field for field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from strategies import Data, few, spec_data, to_spec

from amlshare.document.values import scalar
from amlshare.references import Reference
from amlshare.spec import Input, Output, Spec, parse_spec


def spec(**sections: Any) -> Data:
    return {"amlshare": 1, "name": "n", "steps": {"only": {"command": "true"}}, **sections}


def step(**keys: Any) -> Any:
    return to_spec(spec(steps={"only": {"command": "true", **keys}})).steps["only"]


def refused(data: Any) -> list[tuple[str, tuple[int | str, ...], str]]:
    """What pydantic says of each mistake: its type, its place and its message."""
    found = parse_spec(data)
    assert isinstance(found, ValidationError)
    return [(each["type"], each["loc"], each["msg"]) for each in found.errors(include_url=False)]


# Short forms


def test_an_input_may_be_its_source():
    assert step(inputs={"a": "raw"}).inputs == {"a": Input(**{"from": "raw"})}


def test_outputs_may_be_a_list_of_names():
    assert step(outputs=["a", "b"]).outputs == {"a": Output(), "b": Output()}


def test_an_output_may_be_empty():
    assert step(outputs={"a": None}).outputs == {"a": Output()}


def test_a_parameter_may_be_its_value():
    found = to_spec(spec(parameters={"a": 1, "b": {"default": 1}})).parameters
    assert found["a"] == found["b"]


def test_one_step_to_wait_for_needs_no_list():
    assert step(after="a").after == ["a"]


# Values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (0.5, "0.5"),
        (True, "true"),
        (False, "false"),
        ("x", "x"),
        (scalar("0.10"), "0.10"),
    ],
)
def test_where_a_text_is_meant_numbers_and_truth_are_as_they_are_written(value: Any, text: str):
    assert step(env={"A": value}, tags={"t": value}).env == {"A": text}
    data = {"t": {"type": "dataset", "name": "t", "version": value}}
    assert to_spec(spec(data=data)).data["t"].version == text


def test_sizes_are_bytes_and_times_are_seconds():
    found = step(outputs={"a": {"size": "30 MB"}}, timeout="2h")
    assert (found.outputs["a"].size, found.timeout) == (30_000_000, 7200)


def test_a_number_may_be_a_reference():
    assert step(nodes="${parameters.n}").nodes == Reference("parameter", "n")


# Refusals


@pytest.mark.parametrize(
    ("keys", "kind", "place", "message"),
    [
        ({"retries": "2"}, "int_type", ("retries",), ""),
        ({"retries": 1.0}, "int_type", ("retries",), ""),
        ({"retries": True}, "int_type", ("retries",), ""),
        ({"reuse": "yes"}, "bool_type", ("reuse",), ""),
        ({"command": 5}, "string_type", ("command",), ""),
        ({"inputs": []}, "dict_type", ("inputs",), ""),
        ({"nodes": 0}, "bad-number", ("nodes",), "from 1 on, or ${parameters.NAME}"),
        ({"nodes": "x${parameters.n}"}, "bad-number", ("nodes",), "a whole number"),
        ({"timeout": "soon"}, "bad-time", ("timeout",), "2h"),
        ({"timeout": True}, "bad-time", ("timeout",), "2h"),
        ({"outputs": ["a", "a"]}, "duplicate-output", ("outputs",), "once"),
        ({"arguments": "--a"}, "not-arguments", ("arguments",), "FLAG: VALUE"),
        ({"arguments": [None]}, "not-a-scalar", ("arguments", "(list)", 0), "a text"),
        ({"arguments": [[1]]}, "not-a-scalar", ("arguments", "(list)", 0), "a text"),
        ({"arguments": {"--a": {}}}, "not-a-scalar", ("arguments", "(map)", "--a"), "a text"),
        ({"env": {"A": None}}, "string_type", ("env", "A"), ""),
        ({"nope": 1}, "extra_forbidden", ("nope",), ""),
    ],
)
def test_a_wrong_value_is_refused_at_its_place(
    keys: Data, kind: str, place: tuple[Any, ...], message: str
):
    (found,) = refused(spec(steps={"only": {"command": "true", **keys}}))
    assert found[:2] == (kind, ("steps", "only", *place))
    assert message in found[2]


@pytest.mark.parametrize("version", [2, 0, True, 1.0, "1", None])
def test_there_is_one_version_of_the_language(version: Any):
    (found,) = refused({**spec(), "amlshare": version})
    assert found[:2] == ("literal_error", ("amlshare",))


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 10**400])
def test_a_number_beyond_the_range_of_floats_is_refused(value: float):
    assert refused(spec(parameters={"a": value}))[0][0] == "not-a-scalar"
    assert refused(spec(steps={"s": {"command": "x", "arguments": [value]}}))
    assert refused(spec(steps={"s": {"command": "x", "env": {"A": value}}}))


def test_every_mistake_is_named_at_once():
    steps = {"a": {"comand": "x"}, "b": {"command": 5, "retries": -1}}
    assert len(refused({"amlshare": 2, "steps": steps})) == 5


@few
@given(spec_data())
def test_no_part_of_a_spec_can_be_set(data):
    spec = to_spec(data)
    for model in (spec, spec.defaults, *spec.steps.values(), *spec.data.values()):
        with pytest.raises(ValidationError, match="frozen"):
            model.name = "another"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
sections = st.dictionaries(st.sampled_from(sorted(Spec.model_fields)), json_values, max_size=4)


@given(json_values | sections)
def test_no_data_whatever_is_more_than_refused(data):
    assert isinstance(parse_spec(data), (Spec, ValidationError))
