"""What became of the steps, as people read it."""

from __future__ import annotations

import pytest
from render.plans import plan, step

from amlshare.impacts import Impacts, StepImpact
from amlshare.plan import moves_of
from amlshare.reasons import Reason
from amlshare.render.impacts import add_to, phrase, summary
from amlshare.render.markdown import plan_markdown
from amlshare.render.paper import Paper
from amlshare.render.text import plan_text


def became(impact, *reasons, again=(), name="a"):
    told = tuple(Reason(step=name, what=each, before=1, after=2) for each in reasons)
    runs = tuple(Reason(step=name, what=each) for each in again)
    return StepImpact(step=name, impact=impact, reasons=told, again=runs)


def impacts(*found, removed=()):
    return Impacts(against="run 1", steps={each.step: each for each in found}, removed=removed)


@pytest.mark.parametrize(
    ("impact", "said"),
    [
        (became("added"), "new"),
        (became("changed", "x"), "changed: x: 1 -> 2"),
        (became("changed", *"wxyz"), "changed: w: 1 -> 2; x: 1 -> 2; y: 1 -> 2; and 1 more"),
        (became("changed", "x" * 60), f"changed: {'x' * 60}"),
        (became("downstream", "x"), "downstream: x: 1 -> 2"),
        (became("cosmetic", "title"), "changed only for people: title: 1 -> 2"),
        (became("unchanged"), None),
        (became("unchanged", again=("it failed",)), "unchanged, and runs again: it failed"),
    ],
)
def test_what_became_of_a_step_is_a_phrase(impact, said):
    assert phrase(impact) == said


def test_the_steps_are_counted_by_what_became_of_them():
    found = impacts(
        became("added", name="a"), became("changed", name="b"), became("unchanged", name="c"),
        removed=("d",),
    )  # fmt: skip
    assert (
        summary(found) == "1 to add, 1 changed, 0 downstream, 1 unchanged, 1 gone (d) since run 1."
    )
    assert summary(found, ["c"]).startswith("0 changed, 0 downstream, 1 unchanged, 1 gone")
    assert summary(impacts(became("unchanged"))) == "Nothing changed since run 1."
    assert summary("no submit yet") == "No submit yet."


def test_a_plan_has_a_mark_at_each_steps_head_and_counts_them():
    shown = plan(step("a"), step("b"))
    found = impacts(became("changed", "env.A"), became("unchanged", name="b"))
    text = plan_text(shown, moves_of(shown), Paper(), submit="x", since=found)
    assert "\n~ 1. a" in text
    assert "\n    ~ changed: env.A: 1 -> 2\n" in text
    assert "\n  2. b  unchanged\n" in text
    assert "\n1 changed, 0 downstream, 1 unchanged since run 1.\n" in text


def test_a_pull_request_shows_the_same():
    found = impacts(became("changed", "env.A|B"), became("unchanged", name="b"))
    shown = plan(step("a"), step("b"))
    text = plan_markdown(shown, moves_of(shown), since=found)
    assert "**1 changed, 0 downstream, 1 unchanged since run 1.**" in text
    assert r"| `a`<br>**changed**: env.A\|B: 1 \-&gt; 2 |" in text
    assert "| `b`<br>unchanged |" in text


def test_json_says_of_every_step_what_became_of_it_and_null_where_nobody_knows():
    document = {"steps": [{"name": "a", "impact": None, "reasons": []}]}
    add_to(document, "no submit yet")
    assert document == {"steps": [{"name": "a", "impact": None, "reasons": []}], "comparison": None}
    add_to(document, impacts(became("unchanged", again=("it failed",))))
    (step_,) = document["steps"]
    assert (step_["impact"], step_["reasons"]) == ("unchanged", ["it failed"])
    assert document["comparison"] == {
        "against": "run 1",
        "added": 0, "renamed": 0, "changed": 0, "downstream": 0, "cosmetic": 0, "unchanged": 1,
        "removed": [],
    }  # fmt: skip
