from __future__ import annotations

from amlshare.movement.budget import Budget, Fetched, Verdict
from amlshare.render.budget import budget_document, budget_markdown, budget_text
from amlshare.render.paper import Paper

RAW = Fetched(
    source="raw", consumers=("a", "b"), moved_bytes=60_000_000, duplicate_bytes=30_000_000
)
SMALL = Fetched(source="a.out", consumers=("b",), moved_bytes=386, duplicate_bytes=0)


def verdict(**keys) -> Verdict:
    defaults = {"moved_bytes": 60_000_386, "duplicate_bytes": 30_000_000, "unknown": ()}
    budget = Budget(moved_bytes=50_000_000, duplicate_percent=50)
    return Verdict(**({"budget": budget, "costs": (RAW, SMALL)} | defaults | keys))


def test_a_budget_that_is_not_kept_is_a_table_with_what_costs_most():
    assert budget_text(verdict(), Paper()).splitlines() == [
        "over budget",
        "                                budget  found  over by",
        "  to move                        50 MB  60 MB    10 MB",
        "  of it fetched more than once    50 %   50 %",
        "what costs most",
        "  raw    60 MB  30 MB of it again  for a, b",
        "  a.out  386 B  for b",
    ]


def test_a_budget_that_is_kept_is_one_line():
    kept = verdict(budget=Budget(moved_bytes=10**9))
    assert budget_text(kept, Paper()) == "within budget: 60 MB to move (at most 1 GB)\n"


def test_what_no_budget_can_hold_is_named_with_the_way_to_know_it():
    dark = verdict(budget=Budget(moved_bytes=10**9), unknown=(("a.x", "x"), ("b.y", "a.y")))
    _, said = budget_text(dark, Paper(width=200)).splitlines()
    assert said.startswith("not counted, since its size is not known: x, a.y; `plan --refresh`")
    assert said.endswith("a run here, or `size:` beside an output, says what a step writes")
    assert "2 edges of unknown size not counted" in budget_markdown(dark)


def test_many_sources_are_counted_and_not_listed():
    costs = tuple(
        Fetched(source=f"s{n}", consumers=("a",), moved_bytes=10**6, duplicate_bytes=0)
        for n in range(7)
    )
    assert budget_text(verdict(costs=costs), Paper()).endswith(
        "  and 2 other sources, 2 MB together\n"
    )


def test_a_pull_request_reads_what_is_over():
    assert budget_markdown(verdict()) == "**Over budget: 60 MB to move, 50 MB allowed.**"


def test_the_document_has_the_limits_and_what_was_found():
    document = budget_document(verdict(budget=Budget(duplicate_percent=10.0)))
    assert document.pop("costs")[0]["source"] == "raw"
    assert document == {
        "max_moved_bytes": None,
        "moved_bytes": 60_000_386,
        "max_duplicate_percent": 10.0,
        "duplicate_percent": 50.0,
        "unknown_edges": [],
        "over": True,
    }
