"""The plan: what decides whether a step runs again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import Data, few, spec_data, to_pipeline

from amlshare.movement.known import NOTHING, Known, Size
from amlshare.pipeline import Command, Step, scripts
from amlshare.plan import PARTS, Code, Plan, digest, make_plan, parameters_of, plain
from amlshare.references import Reference


def code_of(step: Step, edited: str = "") -> Code | None:
    """The code of a step as if each had a script of its own; that of ``edited`` is another."""
    if step.code is None:
        return None
    names = scripts(step.run)
    files = {name: digest([step.name, edited == step.name]) for name in names or ["any.sh"]}
    return Code(folder=step.code, scripts=names, digest=digest(files), files=files)


def plan_of(
    data: Data,
    edited: str = "",
    files: Mapping[str, str] | None = None,
    known: Known = NOTHING,
    backend: str = "local",
) -> Plan:
    return make_plan(
        to_pipeline(data),
        backend=backend,
        read_code=lambda step: code_of(step, edited),
        digest_file=lambda file: (files or {}).get(file, "as it was"),
        known=known,
    )


def own_changes(old: Plan, new: Plan) -> dict[str, set[str]]:
    """The parts of each step that differ, for the steps in which some do."""
    found = {}
    for name, before in old.fingerprints.items():
        after = new.fingerprints[name].own
        if parts := {part for part in PARTS if before.own[part] != after[part]}:
            found[name] = parts
    return found


def upstream_changes(old: Plan, new: Plan) -> set[str]:
    return {
        name
        for name, before in old.fingerprints.items()
        if before.upstream != new.fingerprints[name].upstream
    }


def fed_by(plan: Plan, names: set[str]) -> set[str]:
    """The steps that read what one of ``names`` writes, or what these write in turn."""
    found: set[str] = set()
    for step in plan.pipeline.steps:
        if {given.source.partition(".")[0] for given in step.inputs} & (names | found):
            found.add(step.name)
    return found


@few
@given(spec_data())
def test_making_a_plan_twice_gives_the_same(data):
    assert plan_of(data) == plan_of(deepcopy(data))


# One change, and what follows from it


@st.composite
def specs_and_a_step(draw: st.DrawFn) -> tuple[Data, str]:
    data = draw(spec_data())
    return data, draw(st.sampled_from(sorted(data["steps"])))


def add_argument(step: Data) -> None:
    if isinstance(step.get("arguments"), dict):
        step["arguments"]["--added"] = "x"
    else:
        step["arguments"] = [*step.get("arguments", []), "added"]


def change_run(step: Data) -> None:
    if "command" in step:
        step["command"] += " changed"
    elif "sequence" in step:
        step["sequence"].append({"command": "true"})
    else:
        add_argument(step)


def change_environment(step: Data) -> None:
    # what the environments of the strategies hold never equals this
    step["environment"] = "third"


def change_env(step: Data) -> None:
    step["env"] = step.get("env", {}) | {"ADDED": "x"}


def change_compute(step: Data) -> None:
    step["compute"] = "another"


def change_settings(step: Data) -> None:
    step["retries"] = step.get("retries", 0) + 1


CHANGES: dict[str, Callable[[Data], None]] = {
    "run": change_run,
    "environment": change_environment,
    "env": change_env,
    "compute": change_compute,
    "settings": change_settings,
}


@pytest.mark.parametrize("part", CHANGES)
@few
@given(drawn=specs_and_a_step())
def test_one_change_changes_that_step_and_what_it_feeds(part: str, drawn: tuple[Data, str]):
    data, name = drawn
    data["environments"]["third"] = {"image": "another:1"}
    changed = deepcopy(data)
    CHANGES[part](changed["steps"][name])
    old, new = plan_of(data), plan_of(changed)
    assert own_changes(old, new) == {name: {part}}
    assert upstream_changes(old, new) == fed_by(old, {name})


@few
@given(specs_and_a_step())
def test_an_edited_script_changes_that_step_and_what_it_feeds(drawn):
    data, name = drawn
    old, new = plan_of(data), plan_of(data, edited=name)
    assert own_changes(old, new) == {name: {"code"}}
    assert upstream_changes(old, new) == fed_by(old, {name})


@few
@given(spec_data())
def test_another_value_of_a_parameter_changes_the_steps_that_use_it(data):
    changed = deepcopy(data)
    changed["parameters"]["rate"] = 0.75
    old, new = plan_of(data), plan_of(changed)
    users = {step.name for step in old.pipeline.steps if "rate" in parameters_of(step)}
    assert own_changes(old, new) == {name: {"parameters"} for name in users}
    assert upstream_changes(old, new) == fed_by(old, users)


@few
@given(spec_data())
def test_an_edited_conda_file_changes_the_steps_whose_environment_it_is(data):
    old, new = plan_of(data), plan_of(data, files={"env.yml": "edited"})
    named = {each.name for each in old.pipeline.environments if each.conda}
    users = {step.name for step in old.pipeline.steps if step.environment in named}
    assert own_changes(old, new) == {name: {"environment"} for name in users}


@few
@given(spec_data())
def test_other_data_changes_who_reads_it_only_upstream(data):
    places = [name for name, entry in data["data"].items() if entry["type"] != "dataset"]
    assume(places)
    changed = deepcopy(data)
    changed["data"][places[0]]["location"] = "elsewhere/"
    old, new = plan_of(data), plan_of(changed)
    assert own_changes(old, new) == {}
    assert upstream_changes(old, new) == fed_by(old, {places[0]})


@few
@given(specs_and_a_step())
def test_another_access_mode_changes_nothing_but_the_access(drawn):
    data, name = drawn
    inputs = data["steps"][name]["inputs"]
    assume(inputs)
    changed = deepcopy(data)
    key = min(inputs)
    entry = inputs[key] if isinstance(inputs[key], dict) else {"from": inputs[key]}
    mode = "mount" if entry.get("mode") == "download" else "download"
    changed["steps"][name]["inputs"][key] = entry | {"mode": mode}
    assert own_changes(plan_of(data), plan_of(changed)) == {name: {"access"}}


@few
@given(spec_data())
def test_words_for_people_and_hints_change_no_fingerprint(data):
    changed = deepcopy(data) | {"description": "other", "tags": {"other": "tags"}}
    for entry in changed["data"].values():
        entry |= {"size": "9 GB", "files": 99}
    for step in changed["steps"].values():
        step |= {"title": "Other", "description": "other", "tags": {"other": "tags"}}
        for part in step.get("sequence", []):
            part["title"] = "Other"
        if isinstance(step["outputs"], dict):
            hints = {"size": "9 GB", "files": 99}
            step["outputs"] = {key: (out or {}) | hints for key, out in step["outputs"].items()}
    assert plan_of(data).fingerprints == plan_of(changed).fingerprints


@few
@given(spec_data())
def test_what_only_this_checkout_has_seen_changes_no_plan_for_a_cloud(data):
    pipeline = to_pipeline(data)
    outputs = [f"{step.name}.{each.name}" for step in pipeline.steps for each in step.outputs]
    sources = [*(each.name for each in pipeline.data), *outputs]
    seen = Known(sizes={name: Size(bytes=1, files=1, origin="history") for name in sources})
    bare, told = (plan_of(data, known=known, backend="azureml") for known in (NOTHING, seen))
    assert (bare.fingerprints, bare.modes) == (told.fingerprints, told.modes)


def test_the_order_of_a_list_of_arguments_counts():
    def step(*words: str) -> Data:
        steps = {"only": {"script": "x.py", "arguments": list(words)}}
        return {"amlshare": 1, "name": "n", "defaults": {"code": "c"}, "steps": steps}

    assert own_changes(plan_of(step("a", "b")), plan_of(step("b", "a"))) == {"only": {"run"}}


def test_steps_that_share_a_script_share_its_code_in_the_plan():
    steps = {name: {"script": "same.py"} for name in "abc"}
    data = {"amlshare": 1, "name": "n", "defaults": {"code": "c"}, "steps": steps}
    plan = make_plan(
        to_pipeline(data),
        backend="local",
        read_code=lambda _: Code(folder="c", scripts=("same.py",), digest="1"),
        digest_file=str,
    )
    assert len(plan.code) == 1


# Plain data and digests


@given(st.dictionaries(st.text(), st.integers() | st.text()))
def test_a_digest_does_not_know_the_order_of_keys(mapping):
    assert digest(mapping) == digest(dict(reversed(mapping.items())))


def test_a_digest_knows_the_types_of_what_it_holds():
    assert len({digest(value) for value in (1, "1", 1.5, True, None, [1], {"1": 1}, "")}) == 8


@few
@given(spec_data())
def test_plain_data_is_what_json_can_hold(data):
    shown = plain(to_pipeline(data))
    assert json.loads(json.dumps(shown)) == shown


def test_keys_at_their_default_are_left_out():
    step = Step(name="s", run=Command(line=("cat ", Reference("input", "i"))))
    assert plain(step) == {"name": "s", "run": {"kind": "command", "line": "cat ${inputs.i}"}}


@few
@given(spec_data())
def test_data_that_holds_something_else_changes_whoever_reads_it(data):
    names = list(data["data"])
    before, after = (
        plan_of(data, known=Known(digests=dict.fromkeys(names, held))) for held in ("a", "b")
    )
    read = {
        step.name
        for step in before.pipeline.steps
        if {given.source for given in step.inputs} & {*names}
    }
    assert read <= upstream_changes(before, after) == read | fed_by(before, read)
    assert not own_changes(before, after)
