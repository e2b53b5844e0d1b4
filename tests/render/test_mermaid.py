from __future__ import annotations

from dataclasses import replace

from hypothesis import given as drawn
from hypothesis import strategies as st
from render.plans import FLIGHTS, MERGED, data, given, made, plan, step

from amlshare.render.mermaid import plan_mermaid


def test_the_graph_of_a_plan(golden):
    golden(plan_mermaid(FLIGHTS), "render/golden/plan.mmd")


def test_a_selection_shows_only_its_steps_and_their_data():
    text = plan_mermaid(replace(FLIGHTS, selected=("features",)))
    assert "features" in text
    assert "train" not in text
    assert "airport_codes" in text
    assert "raw/flights.csv" not in text


def test_a_sequence_shows_what_it_runs_in_turn():
    assert '  step1["merged<br/>clean.py<br/>command"]\n' in plan_mermaid(plan(MERGED))


def test_steps_that_only_wait_are_joined_by_a_dotted_line():
    text = plan_mermaid(plan(step("a"), step("b", after=("a",))))
    assert '  step1 -. "after" .-> step2\n' in text


def test_a_registered_output_is_a_dataset():
    text = plan_mermaid(plan(step("a", outputs=(made("a", "x", type="dataset", dataset="d"),))))
    assert '  dataset1[("d<br/>registered dataset")]\n  step1 -- "x" --> dataset1\n' in text


def test_names_that_mermaid_reserves_are_only_labels():
    text = plan_mermaid(plan(step("end", inputs=(given("x", "graph"),)), data=(data("graph"),)))
    assert '  step1["end<br/>run.py"]\n  data1 -- "auto, size unknown" --> step1\n' in text


@drawn(st.text())
def test_no_title_becomes_syntax(title):
    lines = plan_mermaid(plan(step("a", title=title))).splitlines()
    assert len(lines) == 2
    inside = lines[1].removeprefix('  step1["a').removesuffix('run.py"]').replace("<br/>", "")
    assert not set(inside) & set('"<>&`\\%{}$\x1b')
