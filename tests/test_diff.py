"""What differs between two pipelines: in the spec's words, and in a few."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import few, spec_data
from test_plan import plan_of

from amlshare.diff import Change, Description, FieldChange, compare, differences

FLIGHTS = Description(
    of="flights.yaml",
    things={
        "pipeline": {"flights": {"description": "Delays", "outputs.cleaned": "clean.table"}},
        "parameter": {"least": {"type": "integer", "default": 200}},
        "data": {"raw": {"location": "raw/flights.csv"}},
        "compute": {"cpu": {}},
        "environment": {"sklearn": {"pip.pandas": "2.1"}},
        "step": {
            "clean": {
                "script": "clean.py",
                "arguments": "--least ${parameters.least}",
                "inputs.raw.from": "raw",
                "outputs.table.mode": "mount",
            },
            "train": {
                "script": "train.py",
                "environment": "sklearn",
                "compute": "cpu",
                "inputs.table.from": "clean.table",
            },
            "report": {"script": "report.py", "inputs.model.from": "train.model"},
            "audit": {"script": "audit.py", "after": "clean"},
        },
    },
)


def changed(kind, name, /, **values):
    """The flights with other values of some fields of a thing; None takes one away."""
    fields = {
        **FLIGHTS.things[kind][name],
        **{key.replace("__", "."): values[key] for key in values},
    }
    held = {key: value for key, value in fields.items() if value is not None}
    return replace(FLIGHTS, things=FLIGHTS.things | {kind: FLIGHTS.things[kind] | {name: held}})


def effects(before, after):
    return {each.name: each.effect for each in compare(before, after).changes}


def renamed(description, old, new):
    """A step under another name, and all that refers to it."""
    steps = {
        new if name == old else name: {
            key: value.replace(f"{old}.", f"{new}.") if key.endswith(".from") else value
            for key, value in step.items()
        }
        | ({"after": new} if step.get("after") == old else {})
        for name, step in description.named("step").items()
    }
    exported = {"outputs.cleaned": f"{next(iter(steps))}.table"}
    pipeline = {"flights": description.named("pipeline")["flights"] | exported}
    things = description.things | {"step": steps, "pipeline": pipeline}
    return replace(description, things=things)


@st.composite
def descriptions(draw):
    """Steps that read data and earlier steps."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 6)))]
    steps = {}
    for number, name in enumerate(names):
        sources = draw(
            st.sets(st.sampled_from(["raw", *(f"{each}.out" for each in names[:number])]))
        )
        reads = {f"inputs.i{i}.from": source for i, source in enumerate(sorted(sources))}
        steps[name] = {"script": draw(st.sampled_from(["a.py", f"{name}.py"])), **reads}
    kept = draw(st.sets(st.sampled_from(names), min_size=1))
    data = draw(st.sampled_from([{"raw": {"location": "a"}}, {"raw": {"location": "b"}}]))
    return Description(
        things={"data": data, "step": {name: steps[name] for name in names if name in kept}}
    )


def fed_by(description, name):
    """The steps that read what a step makes, and so on."""
    found = {name}
    for other, step in description.named("step").items():
        if any(str(value).partition(".")[0] in found for value in step.values()):
            found.add(other)
    return found - {name}


@given(descriptions())
def test_nothing_differs_from_itself(one):
    assert compare(one, one).changes == ()


@given(descriptions(), descriptions())
def test_the_other_way_round_what_was_added_is_removed(one, other):
    forth, back = compare(one, other).changes, compare(other, one).changes
    for effect, opposite in (("added", "removed"), ("removed", "added")):
        names = {each.name for each in forth if each.effect == effect}
        assert names == {each.name for each in back if each.effect == opposite}
    pairs = {(each.name, each.renamed_from) for each in forth if each.renamed_from}
    assert pairs == {(each.renamed_from, each.name) for each in back if each.renamed_from}


@given(descriptions(), st.data())
def test_one_changed_step_is_changed_and_what_it_feeds_is_downstream(one, data):
    name = data.draw(st.sampled_from(sorted(one.named("step"))))
    step = one.named("step")[name] | {"timeout": 60}
    other = Description(things=one.things | {"step": one.named("step") | {name: step}})
    downstream = dict.fromkeys(fed_by(one, name), "downstream")
    assert effects(one, other) == {name: "changed"} | downstream


def test_a_field_is_shown_before_and_after():
    diff = compare(FLIGHTS, changed("step", "report", script="show.py", timeout=60))
    (change,) = diff.changes
    assert change.fields == (
        FieldChange(field="script", before="report.py", after="show.py"),
        FieldChange(field="timeout", before=None, after=60),
    )


@pytest.mark.parametrize(("key", "default"), [("reuse", True), ("nodes", 1)])
def test_a_field_that_is_left_out_is_shown_as_its_default(key, default):
    (change,) = compare(FLIGHTS, changed("step", "report", **{key: 7})).changes
    assert change.fields == (FieldChange(field=key, before=default, after=7),)


def test_a_step_is_downstream_for_a_reason():
    diff = compare(FLIGHTS, changed("step", "clean", timeout=60))
    assert {each.name: each.reasons for each in diff.changes} == {
        "clean": (),
        "train": ("reads clean.table of step 'clean', which changed",),
        "report": ("reads train.model of step 'train', which is downstream",),
    }


@pytest.mark.parametrize(
    ("kind", "name", "values", "reason"),
    [
        ("data", "raw", {"location": "new.csv"}, "reads data 'raw', which changed"),
        ("parameter", "least", {"default": 0}, "uses parameter 'least', which changed"),
        ("compute", "cpu", {"kind": "kubernetes"}, "runs on compute 'cpu', which changed"),
        (
            "environment",
            "sklearn",
            {"pip__pandas": "2.2"},
            "runs in environment 'sklearn', which changed",
        ),
    ],
)
def test_a_step_is_downstream_of_all_that_it_uses(kind, name, values, reason):
    first, step, *_ = compare(FLIGHTS, changed(kind, name, **values)).changes
    assert (first.kind, first.name, first.effect) == (kind, name, "changed")
    assert (step.effect, step.reasons) == ("downstream", (reason,))


def test_the_price_of_a_machine_is_cosmetic():
    assert effects(FLIGHTS, changed("compute", "cpu", hourly_rate=0.3)) == {"cpu": "cosmetic"}


def test_what_is_only_for_people_is_cosmetic_and_moves_nothing():
    assert effects(FLIGHTS, changed("step", "clean", title="Clean", tags__team="a")) == {
        "clean": "cosmetic"
    }
    assert effects(FLIGHTS, changed("pipeline", "flights", description="x")) == {
        "flights": "cosmetic"
    }
    assert effects(FLIGHTS, changed("step", "report", outputs__page__description="x")) == {
        "report": "cosmetic"
    }


def test_a_variable_that_is_called_like_such_a_key_is_not():
    assert effects(FLIGHTS, changed("step", "report", env__title="x")) == {"report": "changed"}


def test_a_step_with_another_name_is_renamed_and_what_reads_it_is_only_downstream():
    diff = compare(FLIGHTS, renamed(FLIGHTS, "clean", "tidy"))
    assert diff.changes[0] == Change(
        kind="step", name="tidy", effect="renamed", renamed_from="clean"
    )
    assert [(each.name, each.effect, each.fields) for each in diff.changes[1:]] == [
        ("train", "downstream", ()),
        ("report", "downstream", ()),
        ("audit", "downstream", ()),
    ]
    assert diff.changes[-1].reasons == ("runs after step 'tidy', which was renamed",)


def test_several_steps_are_renamed_at_once():
    other = renamed(renamed(FLIGHTS, "clean", "tidy"), "train", "fit")
    assert effects(FLIGHTS, other) == {
        "tidy": "renamed",
        "fit": "renamed",
        "report": "downstream",
        "audit": "downstream",
    }


def test_renamed_data_changes_no_step():
    step = FLIGHTS.named("step")["clean"] | {"inputs.raw.from": "flown"}
    things = {
        "data": {"flown": FLIGHTS.named("data")["raw"]},
        "step": FLIGHTS.named("step") | {"clean": step},
    }
    assert effects(FLIGHTS, replace(FLIGHTS, things=FLIGHTS.things | things)) == {
        "flown": "renamed"
    }


def test_another_compute_target_is_no_new_name():
    things = FLIGHTS.things | {
        "compute": {"gpu": {}},
        "step": FLIGHTS.named("step")
        | {"train": FLIGHTS.named("step")["train"] | {"compute": "gpu"}},
    }
    assert effects(FLIGHTS, replace(FLIGHTS, things=things)) == {
        "gpu": "added",
        "cpu": "removed",
        "train": "changed",
        "report": "downstream",
    }


def test_a_pipeline_is_the_same_one_under_another_name_and_what_writes_below_it_follows():
    things = FLIGHTS.things | {"pipeline": {"delays": FLIGHTS.named("pipeline")["flights"]}}
    change, *follow = compare(FLIGHTS, replace(FLIGHTS, things=things)).changes
    assert (change.kind, change.effect, change.renamed_from) == ("pipeline", "renamed", "flights")
    assert [(each.name, each.effect) for each in follow] == [
        ("clean", "downstream"),
        ("train", "downstream"),
        ("report", "downstream"),
    ]


def test_true_is_not_one():
    assert effects(changed("step", "report", x=1), changed("step", "report", x=True)) == {
        "report": "changed"
    }


@few
@given(spec_data())
def test_a_plan_does_not_differ_from_itself(data):
    assert differences(plan_of(data), plan_of(deepcopy(data))) == []


@few
@given(spec_data(), spec_data())
def test_plans_that_differ_say_how(one, other):
    old, new = plan_of(one), plan_of(other)
    said = differences(old, new)
    assert bool(said) == (old.pipeline != new.pipeline)
    assert all(said)


@few
@given(spec_data())
def test_only_what_was_changed_is_named_and_not_what_follows(data):
    name = max(data["steps"])
    changed = deepcopy(data)
    changed["steps"][name]["env"] = {"ADDED": "x"}
    assert differences(plan_of(data), plan_of(changed)) == [
        f"step '{name}' changed (environment variables)"
    ]


@few
@given(spec_data())
def test_an_edited_script_is_named(data):
    scripts = [name for name, step in data["steps"].items() if {"script", "parallel"} & {*step}]
    assume(scripts)
    old, new = plan_of(data), plan_of(data, edited=scripts[0])
    (said,) = differences(old, new)
    assert said == f"step '{scripts[0]}' changed (code: {scripts[0]}.py)"
