"""The runs of a workspace: listed, shown, their logs read, and stopped."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("azureml.pipeline.core")

from amlshare.backends.azureml.runs import _moment, _submitted, status_of


def words(text: str) -> str:
    """A text whatever its lines."""
    return " ".join(text.split())


def cloud(flights: Any, *arguments: str) -> Any:
    return flights.run(*arguments, "--backend", "azureml", "--experiment", "flights")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("NotStarted", "queued"),
        ("Preparing", "queued"),
        ("Running", "running"),
        ("Finalizing", "running"),
        ("Finished", "completed"),
        ("Completed", "completed"),
        ("Failed", "failed"),
        ("Canceled", "canceled"),
        ("Bypassed", "skipped"),
        ("a word of tomorrow", "queued"),
    ],
)
def test_a_status_of_the_service_has_one_of_ours(word: str, status: str) -> None:
    assert status_of(word) == status


@pytest.mark.parametrize("fraction", ["", ".5", ".1234567"])
def test_a_time_of_the_service_is_read_with_any_fraction(fraction: str) -> None:
    assert _moment(f"2026-11-23T05:01:06{fraction}Z").timestamp() // 1 == 1795410066


def test_runs_are_listed_the_newest_first(flights: Any, workspace: Any) -> None:
    first = flights.submitted()["run"]["id"]
    workspace.outcome("train", "Failed")
    flights.submit()
    shown = json.loads(cloud(flights, "runs", "list", "--format", "json").stdout)["runs"]
    assert [(each["status"], each["pipeline"]) for each in shown] == [
        ("failed", "flights"),
        ("completed", "flights"),
    ]
    assert shown[1]["id"] == first
    assert shown[0]["steps"] == {"completed": 1, "failed": 1}


def test_a_run_is_shown_by_the_beginning_of_its_id(flights: Any, workspace: Any) -> None:
    flights.submitted()
    number = workspace.run().id
    done = cloud(flights, "runs", "show", number[:6])
    assert done.exit_code == 0, done.stderr
    assert number in done.stdout
    assert "clean" in done.stdout
    assert "train" in done.stdout


def test_a_run_is_shown_as_json(flights: Any, workspace: Any) -> None:
    flights.submitted()
    done = cloud(flights, "runs", "show", workspace.run().id, "--format", "json")
    shown = json.loads(done.stdout)
    assert shown["run"]["status"] == "completed"
    assert [each["name"] for each in shown["steps"]] == ["clean", "train"]


def test_the_log_of_a_step_is_all_of_its_text(flights: Any, workspace: Any) -> None:
    text = "".join(f"line {number}\n" for number in range(3000))
    workspace.outcome("clean", "Finished", log=text)
    flights.submitted()
    assert cloud(flights, "logs", workspace.run().id, "clean").stdout == text


def test_with_no_step_every_log_is_shown(flights: Any, workspace: Any) -> None:
    flights.submitted()
    done = cloud(flights, "logs", workspace.run().id)
    assert done.stdout == "==> clean <==\nclean: done\n==> train <==\ntrain: done\n"


def test_older_names_of_logs_are_known(flights: Any, workspace: Any) -> None:
    workspace.log_file = "azureml-logs/70_driver_log.txt"
    flights.submitted()
    assert cloud(flights, "logs", workspace.run().id, "train").stdout == "train: done\n"


def test_what_no_file_holds_is_read_from_the_service(flights: Any, workspace: Any) -> None:
    workspace.log_file = "something/else.bin"
    flights.submitted()
    assert cloud(flights, "logs", workspace.run().id, "train").stdout == "train: done\n"


def test_a_step_that_there_is_not_is_named_with_those_that_there_are(
    flights: Any, workspace: Any
) -> None:
    flights.submitted()
    done = cloud(flights, "logs", workspace.run().id, "trian")
    assert done.exit_code == 1
    assert "those that have: clean, train" in words(done.stderr)


@pytest.mark.parametrize("run", ["zzz", "00000000-0000-0000-0000-000000000000"])
def test_a_run_that_there_is_not_is_said_to_be_none(flights: Any, run: str) -> None:
    flights.submitted("--no-wait")
    done = cloud(flights, "runs", "show", run)
    assert done.exit_code == 1
    assert f"has no run '{run}'" in words(done.stderr)


def test_an_experiment_that_there_is_not_is_said_to_be_none(flights: Any) -> None:
    done = cloud(flights, "runs", "list")
    assert done.exit_code == 1
    assert "has no experiment 'flights'" in words(done.stderr)


def test_a_run_is_stopped(flights: Any, workspace: Any) -> None:
    workspace.automatic = False
    flights.submitted("--no-wait")
    done = cloud(flights, "cancel", workspace.run().id)
    assert done.exit_code == 0, done.stderr
    assert workspace.run().status == "Canceled"


def test_a_run_that_has_ended_cannot_be_stopped(flights: Any, workspace: Any) -> None:
    flights.submitted()
    done = cloud(flights, "cancel", workspace.run().id)
    assert done.exit_code == 1
    assert "has ended: it is completed" in words(done.stderr)


def test_runs_of_others_are_not_listed(flights: Any, workspace: Any) -> None:
    flights.submitted("--no-wait")
    workspace.run().tags.clear()
    assert json.loads(cloud(flights, "runs", "list", "--format", "json").stdout)["runs"] == []


def test_of_an_experiment_without_end_the_latest_runs_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from azureml.core import Run

    seen = itertools.count()
    theirs = SimpleNamespace(_client=SimpleNamespace(run_dto=SimpleNamespace(tags={})))
    endless = (theirs for _ in seen)
    monkeypatch.setattr(Run, "list", lambda *_, **__: endless)
    assert list(_submitted(None, 500)) == []
    assert next(seen) == 500


def test_who_looks_for_the_beginning_of_an_old_run_is_told_how_far_was_looked(flights: Any) -> None:
    flights.submitted("--no-wait")
    done = cloud(flights, "runs", "show", "zzz")
    assert "among the latest 500 of its experiment: give its whole id" in words(done.stderr)
