"""What moves where a pipeline runs on this machine."""

from __future__ import annotations

from dataclasses import replace

import pytest
from render.plans import data, given, made, plan, step

from amlshare.movement import NOTHING, Known, Moves, moves
from amlshare.movement.here import elsewhere, is_remote
from amlshare.movement.machines import find
from amlshare.movement.modes import choose_here, choose_modes
from amlshare.movement.rates import Rates
from amlshare.pipeline import Compute, Local, Parallel, Pipeline, Reads

FAR, NEAR = Local(datastores={"blobs": "az://raw"}), Local(datastores={"blobs": "../data"})
RAW = data("raw", size=1000, files=3)
MACHINE = find("Standard_DS3_v2")
CPU = Compute(name="cpu", cluster="cpu", vm_size="Standard_DS3_v2")


def pipeline(*modes: str, local: Local = FAR, **more: object) -> Pipeline:
    """A step for each mode, all of one source."""
    steps = [
        step(f"s{number}", nodes=4, inputs=(given("x", "raw", mode=mode, **more),))
        for number, mode in enumerate(modes, 1)
    ]
    return plan(*steps, data=(RAW,), local=local).pipeline


def moved(found: Pipeline, known: Known = NOTHING) -> Moves:
    return moves(found, known=known, modes=choose_here(found, known=known), here=True)


@pytest.mark.parametrize(
    ("modes", "local", "bytes_", "twice"),
    [
        (("mount", "mount", "auto"), NEAR, 0, 0),
        (("mount", "mount", "auto"), Local(), 0, 0),
        (("download", "download", "mount"), NEAR, 1000, 0),
        (("download", "download"), FAR, 1000, 0),
        (("auto", "auto"), FAR, 1000, 0),
        (("mount", "mount", "download"), FAR, 3000, 2000),
        (("direct",), FAR, 0, 0),
    ],
)
def test_a_mount_of_what_lies_here_moves_nothing_and_downloads_are_shared(
    modes: tuple[str, ...], local: Local, bytes_: int, twice: int
) -> None:
    found = moved(pipeline(*modes, local=local)).movement
    assert (found.moved_bytes, found.duplicate_bytes) == (bytes_, twice)
    assert bool(found.duplicates) == bool(twice)


def test_of_what_lies_here_no_size_is_needed_to_mount_it():
    maker = step("maker", outputs=(made("maker", "out"),))
    reader = step("reader", inputs=(given("x", "maker.out", mode="mount"),))
    found = moves(plan(maker, reader, local=NEAR).pipeline, here=True).movement
    assert (found.moved_bytes, found.unknown_edges) == (0, ())


def test_sources_lie_elsewhere_by_what_stands_in_for_their_datastore_or_dataset():
    named = data("codes", type="dataset", dataset="codes", version="1")
    maker = step("maker", outputs=(made("maker", "out"),))
    local = Local(datastores={"blobs": "az://raw"}, datasets={"codes": "codes.csv"})
    found = plan(maker, data=(RAW, named), local=local).pipeline
    assert elsewhere(found) == {"raw", "maker.out"}
    assert not any(map(is_remote, (None, "../data", "/data", "file:///data", "c:/data")))


def test_without_rates_what_is_left_to_auto_is_fetched_once_for_all():
    (choice,) = choose_here(pipeline("auto")).values()
    assert (choice.mode, "once" in choice.reason) == ("download", True)
    assert choose_here(pipeline("auto", local=NEAR)) == {}


def test_with_the_rates_of_this_machine_the_faster_way_is_taken():
    known = Known(machine=MACHINE)
    large = data("raw", size=10**10, files=10)
    reads = [Reads(fraction=0.01), Reads()]
    steps = (step(f"s{i}", inputs=(given("x", "raw", reads=each),)) for i, each in enumerate(reads))
    found = choose_here(plan(*steps, data=(large,), local=FAR).pipeline, known=known)
    assert [each.mode for each in found.values()] == ["mount", "download"]


def test_what_a_parallel_step_reads_keeps_the_rule_of_the_run():
    run = Parallel(file="score.py", over="x")
    over = step("over", run=run, inputs=(given("x", "raw", mode="auto"),))
    known = Known(machine=MACHINE)
    assert choose_here(plan(over, data=(RAW,), local=FAR).pipeline, known=known) == {}


def test_seconds_are_those_of_what_comes_from_elsewhere():
    known = Known(machine=MACHINE)
    far, near = (moved(pipeline("mount", local=local), known) for local in (FAR, NEAR))
    assert far.edges[0].time.seconds > 0
    assert far.waiting.total.seconds == far.edges[0].time.seconds
    assert (near.edges[0].time.seconds, near.waiting.total) == (0, None)
    assert moved(pipeline("mount")).waiting.total is None


def test_what_the_cloud_would_move_goes_by_its_own_rates_and_not_by_those_of_here():
    raw = data("raw", size=20 * 10**9, files=10_000)
    reader = step("s", inputs=(given("x", "raw", reads=Reads(fraction=0.5)),))
    found = plan(reader, data=(raw,), compute=(CPU,), local=FAR).pipeline
    known = Known(rates=Rates(latency=1e-4), machine=MACHINE)
    for rates, expected in ((Rates(), raw.size), (Rates(latency=1e-4), raw.size / 2)):
        told = replace(known, cloud_rates=rates)
        cloud = moves(found, known=told, here=True).cloud
        azure = Known(rates=rates)
        there = moves(found, known=azure, modes=choose_modes(found, known=azure)).movement
        assert cloud == there
        assert there.moved_bytes == expected
