"""The JSON Schema of the language, by which editors complete and check."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from strategies import Data, few, spec_data

from amlshare.commands import schema
from amlshare.document import read
from amlshare.spec import Spec, parse_spec

ROOT = Path(__file__).parent.parent
FILE = ROOT / "specs/amlshare.schema.json"
SCHEMA = schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def takes(data: Any) -> bool:
    return VALIDATOR.is_valid(data)


def spec(**sections: Any) -> Data:
    return {"amlshare": 1, "name": "n", "steps": {"only": {"command": "true"}}, **sections}


def step(**keys: Any) -> Data:
    return spec(steps={"only": keys})


def test_the_file_beside_the_specs_is_what_the_command_prints(amlshare):
    assert FILE.read_text("utf-8") == amlshare("schema").stdout, "`make schema` writes it anew"


def test_it_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


def resolved(entry: Data) -> Data:
    """A schema with what it refers to."""
    name = entry.get("$ref", "").rpartition("/")[2]
    return {**SCHEMA["$defs"].get(name, {}), **entry}


def described(entry: Any, route: str = "") -> Iterator[tuple[str, Data]]:
    """Every key and every value of a mapping that people may write, with its route."""
    if isinstance(entry, list):
        for number, each in enumerate(entry):
            yield from described(each, f"{route}/{number}")
    elif isinstance(entry, dict):
        for name, each in entry.get("properties", {}).items():
            yield f"{route}/{name}", resolved(each)
        if isinstance(entry.get("additionalProperties"), dict):
            yield f"{route}/*", resolved(entry["additionalProperties"])
        for name, each in entry.items():
            yield from described(each, f"{route}/{name}")


def test_every_key_and_every_value_of_a_mapping_is_described():
    found = list(described(SCHEMA))
    assert len(found) > 150
    assert [route for route, entry in found if not entry.get("description")] == []


def test_every_key_of_the_models_is_there():
    for name, definition in SCHEMA["$defs"].items():
        (whole,) = (
            each for each in (definition, *definition.get("anyOf", ())) if "properties" in each
        )
        assert whole["additionalProperties"] is False, name
    assert set(SCHEMA["properties"]) == set(Spec.model_fields)


@pytest.mark.parametrize(
    ("name", "key", "default"),
    [
        ("Output", "type", "path"),
        ("Output", "format", "folder"),
        ("Output", "overwrite", False),
        ("Input", "mode", "auto"),
        ("Step", "retries", 0),
        ("Step", "nodes", 1),
        ("Compute", "kind", "amlcompute"),
    ],
)
def test_defaults_are_stated(name: str, key: str, default: object):
    definition = SCHEMA["$defs"][name]
    (whole,) = (each for each in (definition, *definition.get("anyOf", ())) if "properties" in each)
    assert whole["properties"][key]["default"] == default


@pytest.mark.parametrize("path", sorted(ROOT.glob("specs/*.yaml")), ids=lambda path: path.name)
def test_the_example_specs_are_taken(path: Path):
    assert list(VALIDATOR.iter_errors(read(path).data)) == []


@few
@given(spec_data())
def test_every_valid_spec_is_taken(data):
    assert list(VALIDATOR.iter_errors(data)) == []


@pytest.mark.parametrize(
    "data",
    [
        step(command="x", outputs=["a", "b"]),
        step(command="x", outputs={"a": None, "b": {}}),
        step(command="x", inputs={"a": "raw", "b": "clean.out", "c": {"from": "raw"}}),
        step(script="x.py", arguments=["--a", 1, 0.5, True]),
        step(script="x.py", arguments={"--a": 1, "--b": ["x", 2], "--c": True, "--d": None}),
        step(command="x", after="other"),
        step(command="x", after=["other"]),
        step(command="x", nodes="${parameters.n}", distribution={"type": "mpi"}),
        step(command="x", timeout="2h", env={"A": 1, "B": True, "C": "x"}),
        step(command="x", timeout=7200),
        spec(parameters={"a": 1, "b": "x", "c": True, "d": 0.5, "e": {"type": "integer"}}),
        spec(compute={"cpu": None, "gpu": {"cluster": "g"}}),
        spec(environments={"e": {"pip": "r.txt"}, "f": {"pip": ["a", "b"]}}),
        spec(data={"d": {"type": "dataset", "name": "t", "version": 3, "size": "30 MB"}}),
        spec(data={"d": {"type": "dataset", "name": "t", "version": "latest", "size": 30}}),
        spec(
            schedules={"s": {"every": "day", "at": ["22:30"]}, "t": {"every": "day", "at": "1:00"}}
        ),
        spec(targets={"prod": {"compute": {"cpu": None}, "steps": {"only": {"retries": 3}}}}),
    ],
)
def test_short_forms_are_taken(data: Data):
    assert isinstance(parse_spec(data), Spec)
    assert list(VALIDATOR.iter_errors(data)) == []


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        {"amlshare": 1, "name": "n"},
        {"amlshare": 2, "name": "n", "steps": {}},
        spec(stpes={}),
        spec(name=1),
        spec(steps={"Not A Name": {"command": "x"}}),
        spec(steps={}),
        spec(parameters={"no-name": 1}),
        spec(targets={"prod": {"stpes": {}}}),
        step(command="x", comand="y"),
        step(command=["x"]),
        step(command="x", outputs=["a", "a"]),
        step(command="x", inputs={"a": "a.b.c"}),
        step(command="x", inputs={"a": {"mode": "mount"}}),
        step(command="x", inputs={"a": {"from": "raw", "mode": "upload"}}),
        step(command="x", retries=-1),
        step(command="x", retries="two"),
        step(command="x", nodes=0),
        step(command="x", nodes="two"),
        step(command="x", timeout="2 weeks"),
        step(command="x", outputs={"a": {"size": "30 M"}}),
        step(script="x.py", arguments="--a b"),
        step(script="x.py", arguments={"--a": {"b": 1}}),
    ],
)
def test_what_is_wrong_in_itself_is_refused(data: Any):
    assert not takes(data)


def routes(value: Any, route: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield (*route, key)
            yield from routes(item, (*route, key))


@st.composite
def damaged_specs(draw: st.DrawFn) -> Data:
    """A valid spec with one value replaced, taken out, or with one more key beside it."""
    data = deepcopy(draw(spec_data()))
    *owners, key = draw(st.sampled_from(sorted(routes(data), key=str)))
    owner: Any = data
    for each in owners:
        owner = owner[each]
    wrong = st.sampled_from([None, -1, 0, 1.5, True, "text", [], {}, [1], ["a"], {"x": 1}])
    if draw(st.booleans()) or isinstance(owner, list):
        owner[key] = draw(wrong)
    elif draw(st.booleans()):
        del owner[key]
    else:
        owner["added_key"] = draw(wrong)
    return data


@given(damaged_specs())
def test_what_the_models_refuse_is_refused(data):
    if not isinstance(parse_spec(data), Spec):
        assert not takes(data)


# Where the schema says more than the models: names and sources that a rule would refuse.
STRICTER = ("does not match", "should be non-empty", "does not have enough properties")


@given(damaged_specs())
def test_what_the_models_take_is_taken_but_for_the_form_of_names(data):
    if isinstance(parse_spec(data), Spec):
        errors = [leaf.message for error in VALIDATOR.iter_errors(data) for leaf in leaves(error)]
        assert [each for each in errors if not any(form in each for form in STRICTER)] == []


def leaves(error: Any) -> Iterator[Any]:
    """The errors of the branches that fit best, or the error itself."""
    branches = [each for each in error.context or () if each.validator != "type"]
    if branches:
        for each in branches:
            yield from leaves(each)
    else:
        yield error


@pytest.mark.parametrize(
    "code",
    ["unknown-key", "wrong-type", "unknown-value", "bad-size", "bad-time", "unsupported-version"],
)
def test_the_bad_examples_of_the_models_are_refused(code: str):
    path = ROOT / f"tests/bad/{code}.yaml"
    data = json.loads(json.dumps(read(path).data))
    assert data
    assert not takes(data)
