from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from render.plans import FLIGHTS, MERGED, data, given, plan, step

from amlshare.diagnostics import Diagnostic, Span
from amlshare.pipeline import Command
from amlshare.plan import Plan, moves_of
from amlshare.references import parse
from amlshare.render.built import Built
from amlshare.render.markdown import code, escaped, plan_markdown


def markdown(shown: Plan, *others: Any) -> str:
    return plan_markdown(shown, moves_of(shown), *others)


def test_the_summary_of_a_plan(golden):
    golden(markdown(FLIGHTS), "render/golden/plan.md")


def test_the_summary_of_a_selection_counts_what_is_selected():
    text = markdown(replace(FLIGHTS, selected=("train",)))
    assert "**1 of 5 steps, 1 edge; 12.3 MB to move; the step waits <0.1 s for data of" in text
    assert "`evaluate`" not in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", "a|b"),
        ("*b* _i_ `c`", "\\*b\\* \\_i\\_ \\`c\\`"),
        ("<script>&", "&lt;script&gt;&amp;"),
        ("@team #1", "&#64;team \\#1"),
        ("[x](y)", "\\[x\\]\\(y\\)"),
    ],
)
def test_text_is_escaped(text, shown):
    assert escaped(text) == shown


def test_a_code_span_outdoes_the_backticks_in_it():
    assert code("a") == "`a`"
    assert code("a`b``c") == "```a`b``c```"
    assert code("`a`") == "`` `a` ``"


def test_a_sequence_shows_what_it_runs_in_turn():
    shown = markdown(plan(MERGED))
    assert "`clean.py`<br>`$ sort ${scratch.cleaned} > ${outputs.sorted}`<br>on cpu" in shown


def test_a_pipe_does_not_end_a_cell():
    run = Command(line=parse("cat a | sort")[0])
    shown = markdown(plan(step("a", run=run, title="x|y"), data=(data("p", location="a|b"),)))
    rows = [line for line in shown.splitlines() if line.startswith("| ")]
    assert "`$ cat a \\| sort`" in shown
    assert "x\\|y" in shown
    assert {row.replace("\\|", "").count("|") for row in rows} == {6}


def test_diagnostics_stand_in_a_fold_the_worst_first():
    span = Span(file="x.yaml", line=3, column=5, end_line=3, end_column=8)
    found = (
        Diagnostic(code="h", severity="hint", message="<b>", span=span),
        Diagnostic(code="w", severity="warning", message="m"),
    )
    text = markdown(replace(plan(step("a")), diagnostics=found))
    assert "<details><summary>1 warning, 1 hint</summary>" in text
    assert "- warning `w`: m\n- hint `h` at `x.yaml:3`: &lt;b&gt;\n" in text


def test_a_graph_that_mermaid_would_not_draw_is_left_out():
    inputs = tuple(given(f"i{number}", "raw") for number in range(501))
    text = markdown(plan(step("a", inputs=inputs), data=(data("raw"),)))
    assert "```mermaid" not in text
    assert "at most 500 edges" in text


def test_what_a_backend_makes_of_steps_and_ports_is_said():
    shown = Built(
        steps={"clean": ("PythonScriptStep", "in a wrapper: a bash command")},
        ends={("clean", "flights"): ("DataReference", "download")},
        summary="SDK v1 builds 1 module.",
    )
    text = markdown(FLIGHTS, shown)
    assert "\nSDK v1 builds 1 module.\n" in text
    (clean,) = [line for line in text.splitlines() if line.startswith("| 1 |")]
    assert "PythonScriptStep<br>in a wrapper: a bash command" in clean
    assert "DataReference" in clean
