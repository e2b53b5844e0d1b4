from __future__ import annotations

from render.plans import FLIGHTS

from amlshare.advice.suggestions import Suggestion, Suggestions
from amlshare.diagnostics import Finding
from amlshare.plan import moves_of
from amlshare.render.paper import Paper
from amlshare.render.suggestions import (
    suggestions_document,
    suggestions_markdown,
    suggestions_text,
)

MOVES = moves_of(FLIGHTS)
PATCH = "--- a/s.yaml\n+++ b/s.yaml\n@@ -1 +1 @@\n-a: " + "long " * 40 + "\n+a: 1\n"
FOUND = Suggestion(
    finding=Finding(
        code="merge", message="run a and b in one step", route=("data", "raw"), help="it is quicker"
    ),
    patch=PATCH,
    saved_bytes=31_000_000,
    saved_seconds=75.0,
)
TAKE = "amlshare plan s.yaml --suggest --take 1 | git apply"


def test_a_suggestion_says_what_it_saves_and_why_and_its_patch_is_as_it_is():
    text = suggestions_text(Suggestions(found=(FOUND,)), MOVES, Paper(width=40), take=TAKE)
    assert text.startswith(
        "\nSuggestions\n\n1  run a and b in one step\n   saves 31 MB, waits 1 min 15 s less\n"
        "   it is quicker\n\n" + PATCH
    )
    assert text.endswith(f"  {TAKE}\n")


def test_what_is_saved_on_one_side_and_spent_on_the_other_is_said():
    found = Suggestion(finding=FOUND.finding, patch=PATCH, saved_bytes=-1000, saved_seconds=3600)
    assert "moves 1 KB more, waits 1 h less" in suggestions_text(
        Suggestions(found=(found,)), MOVES, Paper(), take=TAKE
    )


def test_a_patch_is_coloured_by_its_lines():
    text = suggestions_text(Suggestions(found=(FOUND,)), MOVES, Paper(colour=True), take=TAKE)
    assert "\x1b[32m+a: 1\x1b[0m" in text
    assert Paper(colour=True).red("-a: long")[:-4] in text


def test_without_a_suggestion_one_line_says_so():
    assert "Nothing to suggest" in suggestions_text(
        Suggestions(found=()), MOVES, Paper(), take=TAKE
    )
    assert "Nothing to suggest" in suggestions_markdown(Suggestions(found=()), MOVES)
    assert suggestions_document(Suggestions(found=()))["suggestions"] == []


def test_in_a_pull_request_each_is_in_a_fold():
    text = suggestions_markdown(Suggestions(found=(FOUND,)), MOVES)
    assert "<details><summary>Suggestion 1: run a and b in one step: saves 31 MB" in text
    assert f"```diff\n{PATCH}```" in text


def test_the_document_has_the_figures_and_the_patch():
    (found,) = suggestions_document(Suggestions(found=(FOUND,)))["suggestions"]
    assert found == {
        "code": "merge",
        "message": "run a and b in one step",
        "source": "raw",
        "why": "it is quicker",
        "saved_bytes": 31_000_000,
        "saved_seconds": 75.0,
        "patch": PATCH,
    }


def test_what_is_about_no_source_says_so():
    finding = Finding(code="c", message="m", route=("steps", "a", "outputs", "o", "type"))
    inside = Suggestion(finding=finding, patch="")
    other = Suggestion(finding=Finding(code="c", message="m", route=("steps", "a")), patch="")
    document = suggestions_document(Suggestions(found=(inside, other)))
    assert [each["source"] for each in document["suggestions"]] == ["a.o", None]


def test_what_was_not_tried_is_counted():
    made = Suggestions(found=(FOUND,), untried=2)
    said = "2 more were not tried: apply some of these, and ask again."
    assert suggestions_text(made, MOVES, Paper(), take=TAKE).endswith(f"{TAKE}\n\n{said}\n")
    assert suggestions_markdown(made, MOVES).endswith(f"\n\n{said}\n")
    assert suggestions_document(made)["suggestions_untried"] == 2
