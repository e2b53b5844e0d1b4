"""A checked spec becomes a pipeline."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import Data, few, spec_data, to_pipeline, to_spec

from amlshare import checks
from amlshare.pipeline import Command, Parallel, Pipeline, Script, feeders
from amlshare.plan import plain
from amlshare.references import Reference, write
from amlshare.resolution import DEFAULT_IMAGE, ParameterError, resolve


def spec(**sections: Any) -> Data:
    return {"amlshare": 1, "name": "trial", "steps": {"only": {"command": "true"}}, **sections}


def given_on_command_line(data: Data, **values: str) -> Pipeline:
    return resolve(to_spec(data), values).pipeline


def words(arguments: Any) -> list[str]:
    """The arguments of a step, as they are passed."""
    step = {"script": "x.py", "arguments": arguments}
    run = to_pipeline(spec(steps={"only": step})).steps[0].run
    assert isinstance(run, Script)
    return [write(text) for text in run.arguments]


@few
@given(spec_data())
def test_specs_of_the_strategies_are_valid(data):
    found = [each for each in checks.check(to_spec(data), None) if each.severity == "error"]
    assert not found


@few
@given(spec_data())
def test_a_step_comes_after_all_that_it_needs(data):
    seen: set[str] = set()
    for step in to_pipeline(data).steps:
        assert seen.issuperset(feeders(step))
        seen.add(step.name)


@few
@given(spec_data())
def test_steps_that_could_swap_places_are_in_the_order_of_their_names(data):
    steps = to_pipeline(data).steps
    for one, other in pairwise(steps):
        assert one.name < other.name or one.name in feeders(other)


def turned_around(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: turned_around(item) for key, item in reversed(value.items())}
    return value


@few
@given(spec_data())
def test_the_order_of_keys_changes_nothing(data):
    one, other = to_pipeline(data), to_pipeline(turned_around(data))
    assert json.dumps(plain(one)) == json.dumps(plain(other))


def test_a_long_chain_of_needs_does_not_exhaust_the_stack():
    steps = {f"s{i}": {"command": "x", "after": [f"s{i - 1}"] if i else []} for i in range(3000)}
    assert [step.name for step in to_pipeline(spec(steps=steps)).steps] == list(steps)


# Defaults


def test_a_step_takes_the_defaults_where_it_says_nothing():
    defaults = {
        "compute": "cpu",
        "environment": "e",
        "code": "code",
        "reuse": False,
        "env": {"A": 1},
    }
    environments = {"e": {"image": "python:3.11"}}
    step = to_pipeline(spec(defaults=defaults, environments=environments)).steps[0]
    assert (step.compute, step.environment, step.code) == ("cpu", "e", "code")
    assert (step.reuse, step.env) == (False, {"A": "1"})


def test_a_step_says_it_otherwise():
    defaults = {"code": "code", "reuse": False, "env": {"A": "1", "B": "1"}}
    step = {"command": "x", "code": "none", "reuse": True, "env": {"B": 2}}
    only = to_pipeline(spec(defaults=defaults, steps={"only": step})).steps[0]
    assert (only.code, only.reuse, only.env) == (None, True, {"A": "1", "B": "2"})


def test_an_output_has_a_place_of_its_own_where_nothing_is_said():
    only = {"command": "x", "outputs": ["made"]}
    (output,) = to_pipeline(spec(steps={"only": only})).steps[0].outputs
    assert (output.type, output.format, output.mode) == ("path", "folder", "auto")
    assert output.datastore == "workspaceblobstore"
    assert output.location == "trial/only/made/{run-id}/"


def test_an_input_has_the_type_and_format_of_its_source():
    data = {"raw": {"type": "directory", "location": "raw", "format": "csv"}}
    only = {"command": "x", "inputs": {"table": "raw"}}
    (found,) = to_pipeline(spec(data=data, steps={"only": only})).steps[0].inputs
    assert (found.type, found.format, found.mode) == ("directory", "csv", "auto")


def test_a_compute_that_names_no_entry_is_a_cluster():
    compute = {"big": {"cluster": "cpu-big", "max_nodes": 8}, "same": None}
    steps = {"only": {"command": "x", "compute": "elsewhere"}}
    found = to_pipeline(spec(compute=compute, steps=steps)).compute
    assert [(each.name, each.cluster, each.max_nodes) for each in found] == [
        ("big", "cpu-big", 8),
        ("elsewhere", "elsewhere", None),
        ("same", "same", None),
    ]


@pytest.mark.parametrize(
    ("entry", "kind", "image"),
    [
        ({"image": "a:1"}, "image", "a:1"),
        ({"image": "a:1", "conda": "c.yml"}, "image", "a:1"),
        ({"image": "a:1", "pip": ["x"]}, "image", "a:1"),
        ({"conda": "c.yml"}, "conda", DEFAULT_IMAGE),
        ({"pip": "r.txt"}, "pip", DEFAULT_IMAGE),
        ({"dockerfile": "Dockerfile"}, "dockerfile", None),
        ({"registered": "sk", "version": 3}, "registered", None),
    ],
)
def test_an_environment_is_of_one_kind(entry: Data, kind: str, image: str | None):
    (found,) = to_pipeline(spec(environments={"e": entry})).environments
    assert (found.kind, found.image) == (kind, image)


# Arguments


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        ({"--b": 1, "--a": "x y"}, ["--a", "x y", "--b", "1"]),
        ({"--flag": True, "--off": False, "--none": None}, ["--flag"]),
        ({"--many": [1, "two", True, None]}, ["--many", "1", "two", "true"]),
        ({"--empty": ""}, ["--empty", ""]),
        (["b", 1, 0.5, True, "a"], ["b", "1", "0.5", "true", "a"]),
        ([], []),
    ],
)
def test_arguments_are_words(arguments: Any, passed: list[str]):
    assert words(arguments) == passed


def test_the_flags_of_a_mapping_are_literal():
    assert words({"--${x}": 1}) == ["--$${x}", "1"]


def test_numbers_stand_as_they_are_written():
    from amlshare.document.values import scalar

    assert words(["1e-3", scalar("1e-3"), scalar("0.10")]) == ["1e-3", "1e-3", "0.10"]


@pytest.mark.parametrize(
    ("written", "batch", "unit"),
    [("10", 10, "files"), (3, 3, "files"), ("10 KB", 10_000, "bytes"), (None, None, "files")],
)
def test_a_mini_batch_counts_files_or_bytes(written: Any, batch: int | None, unit: str):
    assert mini_batch(written) == (batch, unit)


def test_a_mini_batch_may_be_a_parameter():
    assert mini_batch("${parameters.batch}") == (Reference("parameter", "batch"), "files")


def mini_batch(written: Any) -> tuple[Any, str]:
    data = {"raw": {"type": "directory", "location": "raw"}}
    parallel = {"script": "x.py", "over": "raw", "mini_batch": written}
    step = {"inputs": {"raw": "raw"}, "parallel": parallel}
    run = to_pipeline(spec(data=data, parameters={"batch": 5}, steps={"only": step})).steps[0].run
    assert isinstance(run, Parallel)
    return run.mini_batch, run.batch_unit


def test_a_command_is_one_text():
    only = {"command": "cat ${inputs.raw} > $${HOME}", "inputs": {"raw": "raw"}}
    data = {"raw": {"type": "path", "location": "raw"}}
    run = to_pipeline(spec(data=data, steps={"only": only})).steps[0].run
    assert run == Command(line=("cat ", Reference("input", "raw"), " > ${HOME}"))


# What a person gives

PARAMETERS = {
    "text": "a",
    "whole": 1,
    "real": 0.5,
    "truth": False,
    "asked": {"type": "integer"},
}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("text", "true", "true"),
        ("text", "", ""),
        ("text", "a=b", "a=b"),
        ("whole", "7", 7),
        ("whole", "-7", -7),
        ("real", "7", 7),
        ("real", ".25", 0.25),
        ("real", "1e-3", 0.001),
        ("truth", "true", True),
        ("asked", " 3 ", 3),
    ],
)
def test_a_value_has_the_type_of_its_parameter(name: str, text: str, value: object):
    pipeline = given_on_command_line(spec(parameters=PARAMETERS), **{"asked": "1", name: text})
    found = next(each.value for each in pipeline.parameters if each.name == name)
    assert (found, isinstance(found, bool)) == (value, isinstance(value, bool))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("whole", "1.5", "a whole number"),
        ("whole", "true", "a whole number"),
        ("whole", "1_000", "a whole number"),
        ("whole", "٣", "a whole number"),
        ("whole", "", "a whole number"),
        ("real", "nan", "a number"),
        ("real", "1e999", "a number"),
        ("truth", "yes", "true or false"),
        ("truth", "1", "true or false"),
    ],
)
def test_a_value_of_another_type_is_refused(name: str, text: str, expected: str):
    with pytest.raises(ParameterError, match=f"'{name}' is '{text}'; expected {expected}"):
        given_on_command_line(spec(parameters=PARAMETERS), **{"asked": "1", name: text})


def test_a_number_is_passed_as_it_was_given():
    (parameter,) = given_on_command_line(spec(parameters={"lr": 0.5}), lr="1e-3").parameters
    assert str(parameter.value) == "1e-3"


def test_an_unknown_parameter_is_refused():
    with pytest.raises(ParameterError, match="no parameter 'wole'; did you mean 'whole'"):
        given_on_command_line(spec(parameters=PARAMETERS), wole="1")


def test_a_parameter_without_a_value_is_found():
    (found,) = resolve(to_spec(spec(parameters=PARAMETERS))).findings
    assert (found.code, found.route) == ("no-parameter-value", ("parameters", "asked"))


def test_a_number_of_nodes_below_one_is_found():
    only = {"command": "x", "nodes": "${parameters.n}", "distribution": {"type": "mpi"}}
    data = spec(parameters={"n": 2}, steps={"only": only})
    assert not resolve(to_spec(data), {"n": "3"}).findings
    (found,) = resolve(to_spec(data), {"n": "0"}).findings
    assert found.route == ("steps", "only", "nodes")


DATA = {
    "file": {"type": "path", "location": "raw/a.csv", "parameter": True, "size": "3 MB"},
    "folder": {"type": "directory", "location": "raw/", "parameter": True, "upload": "here"},
    "table": {"type": "dataset", "name": "t", "version": 3, "parameter": True, "files": 2},
    "fixed": {"type": "path", "location": "x"},
}


@pytest.mark.parametrize(
    ("name", "text", "datastore", "location"),
    [
        ("file", "other:raw/b.csv", "other", "raw/b.csv"),
        ("file", "raw/b.csv", "workspaceblobstore", "raw/b.csv"),
        ("file", "other:raw/10:30.csv", "other", "raw/10:30.csv"),
        ("file", "raw/10:30.csv", "workspaceblobstore", "raw/10:30.csv"),
        ("folder", "raw/**/*.csv", "workspaceblobstore", "raw/**/*.csv"),
    ],
)
def test_data_is_given_by_its_place(name: str, text: str, datastore: str, location: str):
    pipeline = given_on_command_line(spec(data=DATA), **{name: text})
    found = next(each for each in pipeline.data if each.name == name)
    assert (found.datastore, found.location) == (datastore, location)
    assert (found.size, found.upload) == (None, None)


@pytest.mark.parametrize(
    ("text", "dataset", "version"),
    [("4", "t", "4"), ("latest", "t", "latest"), ("u:4", "u", "4")],
)
def test_a_dataset_is_given_by_its_version(text: str, dataset: str, version: str):
    pipeline = given_on_command_line(spec(data=DATA), table=text)
    found = next(each for each in pipeline.data if each.name == "table")
    assert (found.dataset, found.version, found.files) == (dataset, version, None)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("file", "raw/*.csv", "is a pattern"),
        ("file", "/raw/a.csv", "is absolute"),
        ("file", "other:/raw/a.csv", "is absolute"),
        ("file", "https://host/a.csv", "is absolute"),
        ("file", "other:../a.csv", "leaves the datastore"),
        ("file", "other:", "no location"),
        ("file", "", "no location"),
        ("table", "v4", "expected a version"),
        ("table", "0", "expected a version"),
        ("table", "u:", "expected a version"),
        ("fixed", "y", "`parameter: true`"),
    ],
)
def test_data_that_cannot_be_is_refused(name: str, text: str, said: str):
    with pytest.raises(ParameterError, match=said):
        given_on_command_line(spec(data=DATA), **{name: text})


@given(st.sampled_from(["file", "folder", "table"]), st.text(max_size=20))
def test_no_value_whatever_stops_it(name: str, text: str):
    try:
        given_on_command_line(spec(data=DATA), **{name: text})
    except ParameterError as error:
        assert name in str(error)  # noqa: PT017
