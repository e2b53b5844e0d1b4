"""Publishing once, endpoints, and what was published before."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("azureml.pipeline.core")

from backends.azureml import at_once

from amlshare.backends.azureml.job import Job, JobEnvironment, JobParameter
from amlshare.backends.azureml.publication import Publication, digest, unmarked
from amlshare.pipeline import Schedule

CREATE = "POST pipelines/Pipelines/Create"
JOB = Job(pipeline="flights", experiment="flights")


def active(held: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in held.values() if each["EntityStatus"] == "Active"]


# What a digest is made of


@pytest.mark.parametrize(
    "changed",
    [
        {"experiment": "other"},
        {"tags": {"team": "ops"}},
        {"schedules": (Schedule(name="nightly", every=(1, "day")),)},
    ],
)
def test_experiment_tags_and_schedules_change_no_digest(changed: Any, tmp_path: Path) -> None:
    assert digest(replace(JOB, **changed), {}, tmp_path) == digest(JOB, {}, tmp_path)


def test_a_snapshot_a_default_and_a_setting_change_the_digest(tmp_path: Path) -> None:
    parameter = JobParameter(name="least", type="integer", default=3, value=3)
    digests = {
        digest(JOB, {}, tmp_path),
        digest(JOB, {"code": "0123"}, tmp_path),
        digest(replace(JOB, parameters=(parameter,)), {}, tmp_path),
        digest(JOB, {}, tmp_path, True),
    }
    assert len(digests) == 4


def test_the_bytes_of_a_conda_file_change_the_digest(tmp_path: Path) -> None:
    job = replace(JOB, environments=(JobEnvironment(name="py", conda="py.yml"),))
    (tmp_path / "py.yml").write_text("dependencies: [python=3.10]\n", encoding="utf-8")
    before = digest(job, {}, tmp_path)
    (tmp_path / "py.yml").write_text("dependencies: [python=3.11]\n", encoding="utf-8")
    assert digest(job, {}, tmp_path) != before


def test_the_marker_ends_the_description_and_comes_off_again() -> None:
    publication = Publication(name="flights", digest="0123456789abcdef" * 4, description="Delays")
    assert publication.marked_description == "Delays [amlshare:0123456789abcdef:]"
    assert unmarked(publication.marked_description) == "Delays"
    assert unmarked(Publication(name="flights", digest="0" * 64).marked_description) is None


# In a workspace


def test_the_same_is_published_once(flights: Any, workspace: Any) -> None:
    first = flights.submitted("--publish")["published"]
    second = flights.submitted("--publish", "--experiment", "other")["published"]
    assert (first["id"], second["id"]) == (first["id"], first["id"])
    assert (first["created"], second["created"]) == (True, False)
    assert len(workspace.asked(CREATE)) == 1


def test_a_label_stays_what_it_was(flights: Any) -> None:
    flights.submitted("--publish", "--version-label", "build-7")
    shown = flights.submitted("--publish", "--version-label", "build-8")
    assert shown["published"]["version"] == "build-7"
    assert shown["notes"] == ["it is published already, and keeps its version label: 'build-7'"]


def test_what_is_published_says_what_it_was_made_from(flights: Any, workspace: Any) -> None:
    flights.submitted("--publish", "--version-label", "build-7", "-p", "least=9")
    (entity,) = workspace.published.values()
    held = entity["Properties"]
    assert entity["Version"] == "build-7"
    assert entity["ParameterAssignments"] == {"least": "9"}
    assert entity["Description"].endswith(f"[amlshare:{held['amlshare.digest'][:16]}:]")
    assert json.loads(held["amlshare.code"]).keys() == {"clean", "train"}
    assert json.loads(held["amlshare.folders"]).keys() == {"code"}


def test_modules_and_snapshots_carry_nothing(flights: Any, workspace: Any) -> None:
    flights.submitted("--publish")
    modules = [each.body.get("Properties") for each in workspace.asked("POST pipelines/Modules")]
    assert modules in ([{}, {}], [None, None])


def test_it_is_found_by_its_marker_where_the_service_hides_properties(
    flights: Any, workspace: Any
) -> None:
    flights.submitted("--publish")
    for entity in workspace.published.values():
        entity["Properties"] = None
    assert not flights.submitted("--publish")["published"]["created"]


def test_changed_code_is_published_anew(flights: Any, workspace: Any) -> None:
    flights.submitted("--publish")
    (flights.folder / "code" / "clean.py").write_text("print('new')\n", encoding="utf-8")
    assert flights.submitted("--publish")["published"]["created"]
    assert len(active(workspace.published)) == 2


def test_a_lost_reply_publishes_once(flights: Any, workspace: Any) -> None:
    workspace.fail(route=CREATE, how="reset after")
    shown = flights.submitted("--publish")
    assert list(workspace.published) == [shown["published"]["id"]]
    assert len(workspace.asked(CREATE)) == 1


def test_what_failed_before_it_was_done_is_said_with_its_request(
    flights: Any, workspace: Any
) -> None:
    workspace.fail(route=CREATE, how="reset before")
    done = flights.submit("--publish")
    assert done.exit_code == 1
    assert "Pipelines/Create" in done.stderr
    assert "is not there" in done.stderr
    assert not workspace.published


def test_what_was_refused_for_the_moment_is_sent_again(flights: Any, workspace: Any) -> None:
    workspace.fail(route=CREATE, how="503")
    done = flights.submit("--publish", AMLSHARE_RETRY_SECONDS="20")
    assert done.exit_code == 0, done.stderr
    assert len(workspace.published) == 1


def test_it_is_not_known_whether_it_was_done_where_looking_fails_too(
    flights: Any, workspace: Any
) -> None:
    workspace.fail(route=CREATE, how="reset after")
    _when_published(
        workspace, lambda: workspace.fail(route="GET pipelines/Pipelines", how="503", times=9)
    )
    done = flights.submit("--publish")
    assert done.exit_code == 1
    assert "Pipelines/Create" in done.stderr
    assert "whether it was done all the same is not known" in " ".join(done.stderr.split())


def test_of_two_jobs_at_once_the_oldest_stays(flights: Any, workspace: Any) -> None:
    flights.submitted("--publish")
    (older,) = workspace.published.values()
    older["EntityStatus"] = "Disabled"  # so that ours does not find it
    _when_published(workspace, lambda: older.update(EntityStatus="Active"))
    shown = flights.submitted("--publish")
    assert (shown["published"]["id"], shown["published"]["created"]) == (older["Id"], False)
    assert [each["Id"] for each in active(workspace.published)] == [older["Id"]]


def test_of_two_that_find_nothing_one_is_left(flights: Any, workspace: Any) -> None:
    at_once.meet(workspace, "POST /Pipelines/Create")
    one, other = at_once.submitted(flights, ["--publish"], ["--publish"])
    (left,) = active(workspace.published)
    assert (one["published"]["id"], other["published"]["id"]) == (left["Id"], left["Id"])
    assert sorted((one["published"]["created"], other["published"]["created"])) == [False, True]
    assert len(workspace.published) == 2


def _when_published(workspace: Any, work: Callable[[], None]) -> None:
    """Do something as soon as a publication arrives."""
    answer = workspace.proxy.answer

    def also(request: Any) -> Any:
        if request.path.endswith("/Pipelines/Create"):
            work()
        return answer(request)

    workspace.proxy.answer = also


# What was published before


def test_what_is_superseded_is_disabled(flights: Any, workspace: Any) -> None:
    first = flights.submitted("--publish")["published"]["id"]
    shown = flights.submitted("--publish", "-p", "least=9", "--disable-old")
    assert [each["Id"] for each in active(workspace.published)] == [shown["published"]["id"]]
    assert shown["notes"] == [f"published pipeline {first} is disabled"]


def test_what_an_endpoint_runs_stays(flights: Any, workspace: Any) -> None:
    first = flights.submitted("--publish", "--endpoint", "delays")["published"]["id"]
    shown = flights.submitted("--publish", "-p", "least=9", "--disable-old")
    assert len(active(workspace.published)) == 2
    (note,) = shown["notes"]
    assert note == (
        f"published pipeline {first} stays: it is the default of pipeline endpoint 'delays'"
    )


def test_what_amlshare_did_not_publish_stays(flights: Any, workspace: Any) -> None:
    flights.submitted("--publish")
    for entity in workspace.published.values():
        entity |= {"Properties": {}, "Description": "by hand"}
    flights.submitted("--publish", "--disable-old")
    assert len(active(workspace.published)) == 2


@pytest.mark.parametrize("target", [None, "prod"])
def test_what_is_superseded_is_known_where_the_service_hides_properties(
    flights: Any, workspace: Any, target: str | None
) -> None:
    options = ("--target", target) if target else ()
    flights.write("targets: {prod: {tags: {stage: prod}}}\n")
    first = flights.submitted("--publish", *options)["published"]["id"]
    for entity in workspace.published.values():
        entity["Properties"] = None
    shown = flights.submitted("--publish", "-p", "least=9", "--disable-old", *options)
    assert [each["Id"] for each in active(workspace.published)] == [shown["published"]["id"]]
    assert shown["notes"] == [f"published pipeline {first} is disabled"]


def test_what_another_target_published_stays(flights: Any, workspace: Any) -> None:
    flights.write("targets: {prod: {tags: {stage: prod}}}\n")
    flights.submitted("--publish", "--target", "prod")
    assert flights.submitted("--publish", "-p", "least=9", "--disable-old")["notes"] == []
    assert len(active(workspace.published)) == 2


def test_what_does_not_say_its_target_stays_and_is_told(flights: Any, workspace: Any) -> None:
    first = flights.submitted("--publish")["published"]["id"]
    for entity in workspace.published.values():
        entity["Properties"] = None
        entity["Description"] = entity["Description"].replace(":]", "]")  # as it once was
    assert not flights.submitted("--publish")["published"]["created"]
    (note,) = flights.submitted("--publish", "-p", "least=9", "--disable-old")["notes"]
    assert note.startswith(f"published pipeline {first} stays: it does not say for which target")
    assert len(active(workspace.published)) == 2
