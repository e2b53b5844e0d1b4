from __future__ import annotations

import pytest
from render.plans import data, given, made, plan, step

from amlshare.movement import Waiting, moves
from amlshare.pipeline import Compute

RAW = data("raw", size=10**9, files=3)
UNKNOWN = data("unknown")


def waits(*steps, chosen=None, **keys) -> Waiting:
    machines = tuple(
        Compute(name=name, cluster=name, vm_size=size)
        for name, size in (("cpu", "Standard_DS3_v2"), ("old", "Standard_NC6"), ("bare", None))
    )
    found = plan(*steps, data=(RAW, UNKNOWN), compute=machines)
    return moves(found.pipeline, steps=chosen, **keys).waiting


def reader(name: str, source: str = "raw", **keys):
    return step(name, inputs=(given("x", source, mode="download"),), **keys)


def test_a_step_waits_for_what_it_reads_and_for_what_it_has_written():
    reads = waits(reader("a")).steps["a"].seconds
    writes = waits(step("a", outputs=(made("a", "out", size=10**9),))).steps["a"].seconds
    both = reader("a", outputs=(made("a", "out", size=10**9),))
    assert waits(both).steps["a"].seconds == pytest.approx(reads + writes)


def test_the_total_is_that_of_the_chosen_steps():
    found = waits(reader("a"), reader("b"), reader("c"), chosen={"a", "c"})
    assert list(found.steps) == ["a", "c"]
    assert found.total is not None
    assert found.total.seconds == pytest.approx(2 * found.steps["a"].seconds)


def test_what_is_not_known_is_listed():
    found = waits(reader("a"), reader("b", "unknown"))
    assert found.unknown == ("b.x",)
    assert list(found.steps) == ["a"]


def test_the_machines_that_are_at_fault_are_named_once():
    found = waits(
        reader("a", compute="old"), reader("b", compute="old"), reader("c", compute="bare")
    )
    assert found.total is None
    assert found.machines == {"old": "Standard_NC6", "bare": None}


def test_a_size_that_is_unknown_is_no_fault_of_the_machine():
    assert waits(reader("a", "unknown")).machines == {}


def test_of_this_machine_no_times_are_known():
    found = waits(reader("a"), here=True)
    assert (found.total, found.unknown) == (None, ())


def test_what_waiting_costs_is_the_rate_of_all_nodes_that_wait():
    rated = Compute(name="cpu", cluster="cpu", vm_size="Standard_DS3_v2", hourly_rate=36)
    free = Compute(name="free", cluster="free", vm_size="Standard_DS3_v2")
    steps = (reader("a"), reader("b", nodes=5), reader("c", compute="free"))
    found = moves(plan(*steps, data=(RAW,), compute=(rated, free)).pipeline).waiting
    alone, together = found.costs["a"], found.costs["b"]
    assert alone.amount == pytest.approx(found.steps["a"].seconds * 36 / 3600)
    assert together.high == pytest.approx(5 * found.steps["b"].high * 36 / 3600)
    assert set(found.costs) == {"a", "b"}
    assert found.cost is not None
    assert found.cost.amount == pytest.approx(alone.amount + together.amount)


def test_without_a_rate_waiting_costs_nothing_that_is_known():
    assert (waits(reader("a")).costs, waits(reader("a")).cost) == ({}, None)
