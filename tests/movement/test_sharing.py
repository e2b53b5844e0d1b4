"""Which steps could be one, and what is said where they could not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as drawn
from render.plans import given, made, plan, step
from strategies import few, pipelines

from amlshare.movement.sharing import Sharing, advice
from amlshare.pipeline import Distribution, Parallel, Pipeline, feeders


def steps(*others: Any, **second: Any) -> Pipeline:
    """Steps `a` and `b` that both read `raw`; ``second`` has the settings of `b`."""
    reads = {"inputs": (given("raw", "raw"),)}
    first = step("a", **reads, outputs=(made("a", "out"),))
    return plan(first, *others, step("b", **(reads | second))).pipeline


def between() -> Pipeline:
    middle = step(
        "m", inputs=(given("in", "a.out"),), environment="other", outputs=(made("m", "out"),)
    )
    last = (given("raw", "raw"), given("in", "m.out"))
    return steps(middle, inputs=last)


def said(pipeline: Pipeline) -> str:
    return advice(Sharing(pipeline), ("a", "b"))


def test_steps_alike_could_be_one():
    assert Sharing(steps()).groups(("b", "a")) == [("a", "b")]
    assert said(steps()) == "a and b could be one step, which fetches it once: --suggest tries it"


def test_several_that_could_be_one_are_listed_and_many_are_counted():
    def of(number: int, *others: Any) -> str:
        reads = {"inputs": (given("raw", "raw"),)}
        found = [step(f"s{n}", **reads) for n in range(number)]
        pipeline = plan(*found, *others).pipeline
        return advice(Sharing(pipeline), [each.name for each in pipeline.steps])

    assert of(3).startswith("s0, s1 and s2 could be one step")
    assert of(12).startswith("all 12 could be one step")
    alone = step("alone", inputs=(given("raw", "raw"),), retries=1)
    assert of(4, alone).startswith("4 of them could be one step")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"compute": "gpu"}, "a runs on cpu, b on gpu"),
        ({"environment": "e"}, "a runs in environment none, b in e"),
        ({"code": "other"}, "a and b have their code in different folders"),
        ({"env": {"A": "1"}}, "a and b set different variables"),
        ({"reuse": False}, "b always runs"),
        ({"timeout": 60}, "only b has a timeout"),
        ({"retries": 2}, "a has retries: 0, b retries: 2"),
        ({"run": Parallel(file="b.py", over="raw")}, "b is a parallel step"),
        ({"nodes": 2, "distribution": Distribution(type="mpi")}, "b runs on several nodes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_where_they_could_not_be_one_it_is_said_why(settings: dict[str, Any], why: str):
    pipeline = steps(**settings)
    assert Sharing(pipeline).groups(("a", "b")) == []
    assert said(pipeline).startswith(f"they cannot be one step ({why}): ")


def test_steps_with_others_between_them_could_not_be_one():
    assert Sharing(between()).groups(("a", "b")) == []
    assert "(other steps run between a and b)" in said(between())


def test_a_step_that_reads_a_source_twice_is_told_to_read_it_once():
    assert advice(Sharing(steps()), ("a", "a")) == (
        "a reads it under several names: read it under one"
    )


@few
@drawn(pipelines())
def test_whatever_is_made_one_leaves_no_cycle(pipeline: Pipeline):
    for group in Sharing(pipeline).groups([each.name for each in pipeline.steps]):
        needs = {"(one)" if each.name in group else each.name: set() for each in pipeline.steps}
        for each in pipeline.steps:
            name = "(one)" if each.name in group else each.name
            needs[name] |= {"(one)" if need in group else need for need in feeders(each)} - {name}
        while ready := [name for name, left in needs.items() if not left]:
            for name in ready:
                del needs[name]
            for left in needs.values():
                left.difference_update(ready)
        assert not needs
