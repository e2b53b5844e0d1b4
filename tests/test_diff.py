"""What differs between two plans, in a few words."""

from __future__ import annotations

from copy import deepcopy

from hypothesis import assume, given
from strategies import few, spec_data
from test_plan import plan_of

from amlshare.diff import differences


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
    scripts = [name for name, step in data["steps"].items() if "command" not in step]
    assume(scripts)
    old, new = plan_of(data), plan_of(data, edited=scripts[0])
    (said,) = differences(old, new)
    assert said == f"step '{scripts[0]}' changed (code: {scripts[0]}.py)"
