from __future__ import annotations

import pytest
from render.plans import FLIGHTS, data, given, made, plan, step

from amlshare.movement import Movement, edge_bytes, summarise

RAW = data("raw", size=1000, files=3)


def reading(*modes: str, source: str = "raw"):
    """A step for each mode, all of one source."""
    return [
        step(f"s{number}", inputs=(given("x", source, mode=mode),))
        for number, mode in enumerate(modes, 1)
    ]


def movement(*steps, **keys) -> Movement:
    return summarise(plan(*steps, data=(RAW,)).pipeline, **keys)


def test_each_step_that_fetches_moves_the_whole_source():
    found = movement(*reading("download", "mount", "auto"))
    assert (found.moved_bytes, found.unique_bytes, found.duplicate_bytes) == (3000, 1000, 2000)


def test_a_duplicate_names_its_consumers_in_run_order():
    (duplicate,) = movement(*reading("download", "mount")).duplicates
    assert duplicate.source == "raw"
    assert duplicate.consumers == ("s1", "s2")
    assert duplicate.duplicate_bytes == 1000
    assert "one step" in duplicate.advice


def test_a_direct_input_moves_nothing():
    found = movement(*reading("direct", "download"))
    assert found.moved_bytes == 1000
    assert found.duplicates == ()


def test_a_shared_store_fetches_a_source_once():
    found = movement(*reading("download", "download"), shared=True)
    assert (found.moved_bytes, found.duplicate_bytes) == (1000, 0)
    assert found.duplicates == ()


def test_only_the_chosen_steps_count():
    found = movement(*reading("download", "download"), steps={"s2"})
    assert found.moved_bytes == 1000
    assert found.duplicates == ()


def test_an_unknown_size_is_never_zero():
    maker = step("maker", outputs=(made("maker", "out"),))
    found = movement(maker, *reading("download", "mount", source="maker.out"))
    assert (found.moved_bytes, found.unique_bytes, found.duplicate_bytes) == (None, None, None)
    assert found.duplicates[0].duplicate_bytes is None
    assert found.unknown_edges == ("s1.x", "s2.x")


def test_known_bytes_are_summed_beside_unknown_ones():
    found = summarise(FLIGHTS.pipeline)
    assert found.moved_bytes == 2 * 30_000_000 + 2 * 12_300_000
    assert found.duplicate_bytes == 42_300_000
    assert found.unknown_edges == ("features.cleaned", "features.weather", "evaluate.model")


def test_a_pipeline_that_reads_nothing_moves_nothing():
    assert movement(step("alone")).moved_bytes == 0


@pytest.mark.parametrize(("mode", "moved"), [("download", 1000), ("direct", 0)])
def test_an_edge_says_what_lies_at_its_source_and_what_it_moves(mode, moved):
    (edge,) = edge_bytes(plan(*reading(mode), data=(RAW,)).pipeline)
    assert (edge.bytes, edge.files, edge.bytes_from) == (1000, 3, "hint")
    assert edge.moved_bytes == moved


def test_edges_come_in_the_order_of_the_pipeline():
    names = [f"{each.edge.step}.{each.edge.input}" for each in edge_bytes(FLIGHTS.pipeline)]
    assert names[:3] == ["clean.flights", "profile.raw", "features.cleaned"]
