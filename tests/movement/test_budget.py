from __future__ import annotations

from render.plans import data, given, made, plan, step

from amlshare.movement import moves
from amlshare.movement.budget import Budget, Fetched, Verdict, judge

MAKER = step("maker", outputs=(made("maker", "out"),))


def verdict(*steps, selected=None, here=False, **limits) -> Verdict:
    sources = (data("raw", size=1000), data("small", size=10), data("dark"))
    pipeline = plan(*steps, data=sources).pipeline
    found = moves(pipeline, steps=selected, here=here)
    return judge(Budget(**limits), found, steps=selected, shared=here)


def reading(step_name: str, *sources: str, mode: str = "download"):
    inputs = tuple(given(source.replace(".", "_"), source, mode=mode) for source in sources)
    return step(step_name, inputs=inputs)


TWICE = (reading("s1", "raw", "small"), reading("s2", "raw"))


def test_a_budget_allows_what_it_names_and_not_a_byte_more():
    assert not verdict(*TWICE, moved_bytes=2010).over
    assert verdict(*TWICE, moved_bytes=2009).over_moved


def test_what_travels_again_counts_as_a_share_of_all_that_moves():
    found = verdict(reading("s1", "raw"), reading("s2", "raw"), duplicate_percent=50)
    assert (found.duplicate_percent, found.over) == (50, False)
    assert verdict(*TWICE, duplicate_percent=49).over_duplicate


def test_a_limit_that_is_not_given_is_never_exceeded():
    found = verdict(*TWICE, duplicate_percent=100)
    assert not found.over_moved
    assert not found.over


def test_nothing_that_moves_is_no_duplicate():
    found = verdict(reading("s1", "raw", mode="direct"), moved_bytes=0, duplicate_percent=0)
    assert (found.duplicate_percent, found.over, found.costs) == (0, False, ())


def test_the_dearest_source_comes_first():
    raw = Fetched(source="raw", consumers=("s1", "s2"), moved_bytes=2000, duplicate_bytes=1000)
    small = Fetched(source="small", consumers=("s1",), moved_bytes=10, duplicate_bytes=0)
    assert verdict(*TWICE).costs == (raw, small)


def test_only_the_chosen_steps_are_judged():
    found = verdict(*TWICE, selected=("s2",), moved_bytes=1000, duplicate_percent=0)
    assert (found.over, found.moved_bytes) == (False, 1000)


def test_the_known_part_is_held_to_the_budget_and_the_unknown_is_named():
    steps = (MAKER, *TWICE, reading("s3", "dark", "maker.out"))
    found = verdict(*steps, moved_bytes=2010)
    assert not found.over
    assert found.unknown == (("s3.dark", "dark"), ("s3.maker_out", "maker.out"))
    assert verdict(*steps, moved_bytes=2000).over


def test_here_a_download_is_counted_once_also_in_what_costs_most():
    dark = (reading("s3", "dark"), reading("s4", "dark"))
    found = verdict(*TWICE, *dark, here=True, moved_bytes=1000)
    raw = Fetched(source="raw", consumers=("s1",), moved_bytes=1000, duplicate_bytes=0)
    assert found.costs[0] == raw
    assert sum(cost.moved_bytes for cost in found.costs) == found.moved_bytes == 1010
    assert found.unknown == (("s3.dark", "dark"),)
