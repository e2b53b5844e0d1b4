from __future__ import annotations

from render.plans import FLIGHTS, data, given, made, plan, step

from amlshare.movement import Movement, summarise
from amlshare.pipeline import Reads

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


def test_a_source_counts_once_as_much_as_its_greediest_reader_wants():
    part = step("part", inputs=(given("x", "raw", mode="mount", reads=Reads(fraction=0.2)),))
    found = movement(part, *reading("download"))
    assert (found.moved_bytes, found.unique_bytes, found.duplicate_bytes) == (1200, 1000, 200)
    (duplicate,) = found.duplicates
    assert (duplicate.moved_bytes, duplicate.duplicate_bytes) == (1200, 200)


def test_what_each_node_fetches_for_itself_is_fetched_more_than_once():
    found = movement(step("wide", nodes=3, inputs=(given("x", "raw", mode="download"),)))
    assert (found.moved_bytes, found.unique_bytes, found.duplicate_bytes) == (3000, 1000, 2000)
    assert found.duplicates == ()
