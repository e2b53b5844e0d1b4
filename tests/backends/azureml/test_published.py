"""A spec is compared with what is published of it, through the command and the stock SDK."""

from __future__ import annotations

import json
from typing import Any


def diffed(flights: Any, *options: str) -> dict[str, Any]:
    """The diff of the spec with what is published, as JSON."""
    done = flights.run(
        "diff", "flights.yaml", "--against", "published", "--format", "json", *options
    )
    assert done.exit_code == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def impacts(shown: dict[str, Any]) -> dict[str, str]:
    return {change["name"]: change["impact"] for change in shown["changes"]}


def test_what_was_just_published_does_not_differ(flights: Any) -> None:
    flights.submitted("--publish")
    done = flights.run("diff", "flights.yaml", "--exit-code")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("No differences: flights.yaml is the same as the published pipeline")


def test_one_changed_thing_is_shown_with_what_it_feeds(flights: Any) -> None:
    flights.submitted("--publish")
    flights.write(replaced=("inputs: {raw: raw}", "inputs: {raw: {from: raw, mode: download}}"))
    shown = diffed(flights)
    assert impacts(shown) == {"clean": "changed", "train": "downstream"}
    assert shown["changes"][0]["fields"] == [
        {"field": "inputs.raw.mode", "before": "mount", "after": "download"}
    ]
    assert flights.run("diff", "flights.yaml", "--exit-code").exit_code == 4


def test_edited_code_is_a_change_of_the_steps_that_run_it(flights: Any) -> None:
    flights.submitted("--publish")
    (flights.folder / "code" / "train.py").write_text("print('otherwise')\n", encoding="utf-8")
    shown = diffed(flights)
    assert impacts(shown) == {"train": "changed"}
    assert [each["field"] for each in shown["changes"][0]["fields"]] == ["code"]
    assert "the code folder 'code'" in shown["notes"][0]


def test_where_nothing_is_published_it_says_so(flights: Any) -> None:
    done = flights.run("diff", "flights.yaml")
    assert done.exit_code == 1
    assert "no pipeline called 'flights' is published" in done.stderr
