"""Submitting a spec to a workspace: what is refused, what is run, and how it is waited for."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

import pytest

pytest.importorskip("azureml.pipeline.core")

UNSUBMITTED = "POST pipelines/PipelineRuns/Unsubmitted/CreationInfoWithGraph"
SUBMIT = "POST pipelines/PipelineRuns/Submit/{pipelineRunId}"
RUN_PUBLISHED = "POST pipelines/PipelineRuns/PipelineSubmit/{pipelineId}"


def words(text: str) -> str:
    """A text whatever its lines."""
    return " ".join(text.split())


# Running


def test_a_run_goes_to_its_end(flights: Any, workspace: Any) -> None:
    shown = flights.submitted()
    assert shown["run"]["id"] == workspace.run().id
    assert shown["run"]["status"] == "completed"
    assert [(each["name"], each["status"]) for each in shown["steps"]] == [
        ("clean", "completed"),
        ("train", "completed"),
    ]
    assert shown["published"] is None


def test_a_run_has_its_tags_from_the_start(flights: Any, workspace: Any) -> None:
    flights.submitted("--tag", "by=me", "--experiment", "trial")
    (call,) = workspace.asked(UNSUBMITTED)
    tags = call.body["CreationInfo"]["tags"]
    assert {"team": "ops", "by": "me", "amlshare.pipeline": "flights"}.items() <= tags.items()
    assert {"amlshare.digest", "amlshare.submission"} <= tags.keys()
    assert not workspace.asked("PATCH *")
    assert workspace.run().experiment == "trial"


def test_only_values_that_differ_from_the_defaults_are_sent(flights: Any, workspace: Any) -> None:
    flights.submitted("-p", "least=9", "--no-wait")
    flights.submitted("--no-wait")
    sent = [
        each.body["CreationInfo"]["ParameterAssignments"] for each in workspace.asked(UNSUBMITTED)
    ]
    assert sent == [{"least": "9"}, {}]


def test_the_options_of_a_run_are_sent(flights: Any, workspace: Any) -> None:
    flights.submitted("--regenerate", "--continue-on-step-failure", "--no-wait")
    (call,) = workspace.asked(UNSUBMITTED)
    assert call.body["CreationInfo"]["ContinueExperimentOnNodeFailure"]
    assert all(node["RegenerateOutput"] for node in call.body["Graph"]["ModuleNodes"])


def test_who_does_not_wait_is_told_how_to_follow(flights: Any, workspace: Any) -> None:
    workspace.automatic = False
    shown = flights.submitted("--no-wait")
    assert shown["run"]["status"] == "queued"
    assert shown["run"]["url"].startswith("https://ml.azure.com/")
    assert f"`amlshare logs --in flights.yaml {workspace.run().id}`" in shown["notes"][-1]


def test_a_failed_step_fails_the_command_and_shows_its_log(flights: Any, workspace: Any) -> None:
    workspace.outcome("clean", "Failed", log="reading\nno column 'delay'\n")
    done = flights.submit()
    assert done.exit_code == 1
    assert "no column 'delay'" in done.stdout
    assert "skipped" in done.stdout


def test_who_interrupts_the_waiting_leaves_the_run_going(flights: Any, workspace: Any) -> None:
    workspace.automatic = False
    process = flights.start("submit", "flights.yaml")
    while not workspace.asked("GET history/experiments/{experimentName}/runs/{runId}/children"):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"run {workspace.run().id} goes on in the workspace" in words(stderr)
    assert workspace.run().status != "Canceled"


# Sent once


@pytest.mark.parametrize("route", [SUBMIT, "POST history/experiments/{experimentName}"])
def test_a_lost_reply_runs_it_once(flights: Any, workspace: Any, route: str) -> None:
    workspace.fail(route=route, how="reset after")
    done = flights.submit("--no-wait", AMLSHARE_RETRY_SECONDS="10")
    assert done.exit_code == 0, done.stderr
    assert workspace.run().submitted


def test_a_run_whose_creation_got_no_reply_is_not_started(flights: Any, workspace: Any) -> None:
    workspace.fail(route=UNSUBMITTED, how="reset after")
    done = flights.submit("--no-wait")
    assert done.exit_code == 1
    assert "is not there" in words(done.stderr)
    assert not workspace.run().submitted


def test_a_published_pipeline_is_run_once_though_the_reply_is_lost(
    flights: Any, workspace: Any
) -> None:
    workspace.fail(route=RUN_PUBLISHED, how="reset after")
    shown = flights.submitted("--publish", "--run", "--no-wait")
    assert shown["run"]["id"] == workspace.run().id
    assert workspace.run().entity["PipelineId"] == shown["published"]["id"]
    assert workspace.run().tags["team"] == "ops"


# Refused


def test_what_the_workspace_lacks_is_said_all_at_once_and_in_its_place(
    flights: Any, workspace: Any
) -> None:
    flights.write(
        replaced=(
            "{type: path, location: raw/flights.csv, format: file}",
            "{type: dataset, name: flights, version: 3}",
        )
    )
    workspace.computes.clear()
    done = flights.submit()
    assert done.exit_code != 0
    assert done.stderr.count("--> flights.yaml:") == 2
    assert not workspace.asked("POST pipelines/*")


def test_nothing_is_asked_where_no_workspace_is_known(flights: Any, workspace: Any) -> None:
    done = flights.submit(AZUREML_WORKSPACE="")
    assert done.exit_code == 2
    assert "workspace" in done.stderr
    assert not workspace.requests


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--publish", "--regenerate"), "--regenerate goes with a run"),
        (("--publish", "--select", "clean"), "published as a whole"),
        (("--select", "train"), "--select +train"),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_request(
    flights: Any, workspace: Any, options: tuple[str, ...], said: str
) -> None:
    done = flights.submit(*options)
    assert done.exit_code != 0
    assert said in words(done.stderr)
    assert not workspace.requests


def test_a_cluster_is_made_only_when_asked_for(flights: Any, workspace: Any) -> None:
    flights.write(
        "compute: {cpu: {cluster: big, vm_size: Standard_DS3_v2}}\n",
        replaced=("compute: cpu-cluster", "compute: cpu"),
    )
    refused = flights.submit()
    assert "--create-compute" in words(refused.stderr)
    shown = flights.submitted("--create-compute", "--no-wait")
    assert "big" in workspace.computes
    assert "made compute target 'big'" in shown["notes"][0]


def test_what_was_done_before_a_failure_is_told(flights: Any, workspace: Any) -> None:
    workspace.fail(route="GET pipelines/Schedules", how="403")
    done = flights.submit("--publish", "--endpoint", "delays")
    assert done.exit_code == 1
    assert "pipeline endpoint 'delays' was made" in words(done.stderr)


def test_no_secret_is_ever_shown(flights: Any, workspace: Any) -> None:
    done = flights.submit("-v", "--publish", "--run")
    shown = done.stdout + done.stderr
    assert workspace.client_secret not in shown
    assert not any(token in shown for token in workspace.tokens)


def test_only_the_service_is_asked(flights: Any, workspace: Any) -> None:
    flights.submitted("--publish", "--run")
    assert workspace.refused == []


def test_json_is_all_that_is_on_stdout(flights: Any, workspace: Any) -> None:
    workspace.outcome("train", "Failed")
    done = flights.submit("--format", "json")
    shown = json.loads(done.stdout)
    assert (done.exit_code, shown["run"]["status"]) == (1, "failed")


def test_the_places_of_what_completed_are_told(flights: Any, workspace: Any) -> None:
    outputs = flights.submitted()["outputs"]
    train = next(step for step in workspace.run().steps if step.name == "train")
    assert outputs == {"train.model": f"workspaceblobstore:model/{train.run_id}/"}
    workspace.outcome("train", "Failed")
    failed = flights.submit("--regenerate", "--format", "json")
    assert json.loads(failed.stdout)["outputs"] == {}
