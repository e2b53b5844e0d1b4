"""Which step is next."""

from __future__ import annotations

from amlshare.backends.local.job import JobStep
from amlshare.backends.local.schedule import Schedule
from amlshare.pipeline import Command


def schedule(*steps: str, goes_on: bool = False, done: tuple[str, ...] = ()) -> Schedule:
    """Steps written as ``name<feeder,feeder``."""
    made = []
    for text in steps:
        name, _, after = text.partition("<")
        feeders = tuple(filter(None, after.split(",")))
        made.append(JobStep(name=name, run=Command(line=()), after=feeders))
    return Schedule(made, done=done, goes_on=goes_on)


def started(plan: Schedule) -> list[str]:
    return [step.name for step in iter(plan.next, None)]


def test_steps_that_wait_for_nothing_start_in_run_order() -> None:
    assert started(schedule("b", "a", "c<a")) == ["b", "a"]


def test_a_step_starts_when_all_that_feeds_it_has_completed() -> None:
    plan = schedule("a", "b", "c<a,b")
    assert started(plan) == ["a", "b"]
    plan.end("a", "completed")
    assert started(plan) == []
    plan.end("b", "completed")
    assert started(plan) == ["c"]


def test_a_failure_skips_what_it_feeds_and_starts_nothing_new() -> None:
    plan = schedule("a", "b", "c<a", "d<c", "e<b")
    started(plan)
    plan.end("a", "failed")
    plan.end("b", "completed")
    assert started(plan) == []
    assert plan.skipped() == {"c": "a", "d": "a", "e": "a"}


def test_other_branches_go_on_where_that_is_wanted() -> None:
    plan = schedule("a", "b", "c<a", "e<b", goes_on=True)
    started(plan)
    plan.end("a", "failed")
    plan.end("b", "completed")
    assert started(plan) == ["e"]
    assert plan.skipped() == {"c": "a"}


def test_what_is_done_already_does_not_start() -> None:
    assert started(schedule("a", "b<a", "c<b", done=("a", "b"))) == ["c"]


def test_feeders_that_are_not_part_of_the_run_count_as_done() -> None:
    assert started(schedule("b<a")) == ["b"]


def test_nothing_runs_when_all_has_ended() -> None:
    plan = schedule("a", "b<a")
    started(plan)
    plan.end("a", "failed")
    assert plan.running == 0
