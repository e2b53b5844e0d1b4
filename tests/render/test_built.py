from __future__ import annotations

from amlshare.backends.azureml.graph import DataNode, Graph, Link, Module, Port
from amlshare.render.built import HERE, built

LINK = Link(source="raw", step="a", input="x", via="DataReference", mode="mount")
GRAPH = Graph(
    modules=(
        Module(step="a", kind="PythonScriptStep", compute="cpu", wrapped=("a bash command",)),
        Module(step="b", kind="ParallelRunStep", compute="cpu"),
    ),
    data=(DataNode(data="raw", via="DataReference", place="store:raw", step="a", input="x"),),
    links=(LINK,),
    outputs=(Port(step="a", output="o", via="PipelineData", mode="mount"),),
)


def test_a_mode_that_was_left_open_is_said_with_what_became_of_it():
    shown = built(GRAPH, {})
    assert shown.mode("a", "x", "auto") == "auto: mount"
    assert shown.mode("a", "x", "mount") == "mount"


def test_a_step_says_what_it_is_and_what_stands_around_it():
    assert built(GRAPH, {}).steps == {
        "a": ("PythonScriptStep", "in a wrapper: a bash command"),
        "b": ("ParallelRunStep",),
    }


def test_a_step_whose_module_is_there_is_eligible_for_reuse_and_no_more():
    steps = built(GRAPH, {"a": True, "b": False}).steps
    assert (steps["a"][-1], steps["b"][-1]) == ("eligible for reuse", "its module is new")


def test_the_whole_is_counted():
    assert built(GRAPH, {}).summary == (
        "SDK v1 builds 2 modules, 1 data node and 1 edge; 1 step in a wrapper."
    )


def test_on_this_machine_nothing_is_added():
    assert HERE.mode("a", "x", "auto") == "auto"
    assert list(HERE.kind("a", "x")) == []
