from __future__ import annotations

import pytest
from render.plans import FLIGHTS, data, given, made, plan, step

from amlshare.movement import EdgeBytes, Facts, edge_bytes, output_bytes
from amlshare.pipeline import Command, Compute, Parallel, Parameter, Reads, Sequence
from amlshare.references import Reference

RAW = data("raw", size=1000, files=3)
CPU = Compute(name="cpu", cluster="cpu", vm_size="Standard_DS3_v2")
DISK = 28 * 2**30


def edge(reader=None, *, size: int | None = 1000, timed: bool = False, **keys) -> EdgeBytes:
    """The one edge of a step that reads ``raw``; ``keys`` are of its input."""
    reader = reader or {}
    source = data("raw", size=size, files=3)
    keys = {"mode": "mount"} | keys
    found = plan(
        step("s", inputs=(given("x", "raw", **keys),), **reader),
        data=(source,),
        compute=(CPU,),
        parameters=(Parameter(name="wide", type="integer", value=4),),
    )
    (only,) = edge_bytes(Facts(found.pipeline), timed=timed)
    return only


def over(nodes) -> dict:
    return {"run": Parallel(file="run.py", over="x", nodes=nodes)}


@pytest.mark.parametrize(("mode", "moved"), [("download", 1000), ("direct", 0)])
def test_an_edge_says_what_lies_at_its_source_and_what_it_moves(mode, moved):
    found = edge(mode=mode)
    assert (found.bytes, found.files, found.bytes_from) == (1000, 3, "hint")
    assert found.moved_bytes == moved


def test_edges_come_in_the_order_of_the_pipeline():
    names = [f"{each.edge.step}.{each.edge.input}" for each in edge_bytes(Facts(FLIGHTS.pipeline))]
    assert names[:3] == ["clean.flights", "profile.raw", "features.cleaned"]


@pytest.mark.parametrize(("mode", "moved"), [("mount", 164), ("auto", 164), ("download", 1000)])
def test_a_mount_moves_the_part_that_is_read_and_a_download_all(mode, moved):
    found = edge(mode=mode, reads=Reads(fraction=0.164))
    assert (found.moved_bytes, found.distinct_bytes) == (moved, moved)


@pytest.mark.parametrize("mode", ["mount", "download"])
def test_what_the_disk_keeps_is_not_moved_again(mode):
    assert edge(mode=mode, reads=Reads(passes=10)).moved_bytes == 1000


def test_parts_of_a_sequence_read_what_they_share_one_after_the_other():
    part, other = (Command(line=(f"{name} ", Reference("input", "x"))) for name in ("wc", "sort"))
    room = DISK - 150_000_000
    for parts, again in (((part,), 0), ((part, other), 7), ((part, other, part), 14)):
        found = edge({"run": Sequence(parts=parts)}, size=room + 7)
        assert found.moved_bytes == room + 7 + again


def test_a_further_pass_moves_what_found_no_room_on_the_disk():
    room = DISK - 150_000_000
    found = edge(size=room + 7, reads=Reads(passes=3))
    assert found.moved_bytes == room + 7 + 2 * 7
    assert found.distinct_bytes == room + 7


@pytest.mark.parametrize("nodes", [4, Reference(kind="parameter", name="wide")])
def test_each_node_fetches_for_itself_and_shares_only_what_is_cut_into_batches(nodes):
    assert edge({"nodes": nodes}, mode="download").moved_bytes == 4000
    assert edge(over(nodes)).moved_bytes == 1000


def test_what_a_parallel_step_cuts_into_batches_is_fetched_for_it_in_any_mode():
    assert edge(over(1), mode="direct", format="csv").access == "mount"


@pytest.mark.parametrize(("here", "counts"), [(False, "mount"), (True, "download")])
def test_what_else_a_parallel_step_reads_is_mounted_in_the_cloud_whatever_is_said(here, counts):
    side = given("side", "raw", mode="download")
    reader = step("s", inputs=(given("x", "raw"), side), run=Parallel(file="run.py", over="x"))
    facts = Facts(plan(reader, data=(RAW,)).pipeline, here=here)
    assert facts.access(reader, side) == counts


def test_a_table_left_to_auto_is_opened_by_the_script():
    assert edge(mode="auto", type="dataset", format="table").access == "direct"


def test_an_unknown_size_moves_and_takes_what_is_unknown():
    found = edge(size=None, timed=True)
    assert (found.moved_bytes, found.distinct_bytes, found.time) == (None, None, None)


def test_an_edge_has_a_time_where_it_is_asked_for_and_the_vm_size_is_known():
    assert edge().time is None
    assert edge({"compute": "elsewhere"}, timed=True).time is None
    assert edge(timed=True).time.seconds > 0


def test_a_direct_input_takes_no_time():
    assert edge(mode="direct", timed=True).time.seconds == 0


def test_an_output_takes_its_time_too():
    outputs = (made("s", "a", size=10**9), made("s", "b"))
    facts = Facts(plan(step("s", outputs=outputs), compute=(CPU,)).pipeline)
    found = output_bytes(facts, timed=True)
    assert [(each.output, each.bytes, each.time is None) for each in found] == [
        ("a", 10**9, False),
        ("b", None, True),
    ]
