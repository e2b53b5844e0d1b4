"""Pipeline endpoints: made, given a new default, and left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("azureml.pipeline.core")

from backends.azureml import at_once

CHANGE = "PUT pipelines/PipelineEndpoints/{endpoint_id}"


def test_an_endpoint_is_made_and_then_runs_the_newest(flights: Any, workspace: Any) -> None:
    flights.submitted("--publish", "--endpoint", "delays")
    shown = flights.submitted("--publish", "--endpoint", "delays", "-p", "least=9")
    (endpoint,) = workspace.endpoints.values()
    ids = [each["PipelineId"] for each in endpoint["PipelineVersionList"]]
    assert endpoint["DefaultVersion"] == "1"
    assert ids[1] == shown["published"]["id"]
    assert shown["notes"] == ["pipeline endpoint 'delays' now runs version 1 by default"]


def test_an_endpoint_that_is_right_is_left_alone(flights: Any, workspace: Any) -> None:
    flights.submitted("--publish", "--endpoint", "delays")
    shown = flights.submitted("--publish", "--endpoint", "delays")
    assert shown["notes"] == []
    assert not workspace.asked("PUT pipelines/*")


def test_going_back_makes_an_older_version_the_default(flights: Any, workspace: Any) -> None:
    for least in ("3", "9", "3"):
        flights.submitted("--publish", "--endpoint", "delays", "-p", f"least={least}")
    (endpoint,) = workspace.endpoints.values()
    assert endpoint["DefaultVersion"] == "0"
    assert len(endpoint["PipelineVersionList"]) == 2


def test_a_lost_reply_makes_one_endpoint(flights: Any, workspace: Any) -> None:
    workspace.fail(route="POST pipelines/PipelineEndpoints/Create", how="reset after")
    flights.submitted("--publish", "--endpoint", "delays")
    assert len(workspace.endpoints) == 1


def test_a_lost_reply_to_a_change_of_the_default_is_survived(flights: Any, workspace: Any) -> None:
    flights.submitted("--publish", "--endpoint", "delays")
    workspace.fail(route=CHANGE, how="reset after")
    done = flights.submit(
        "--publish", "--endpoint", "delays", "-p", "least=9", AMLSHARE_RETRY_SECONDS="10"
    )
    (endpoint,) = workspace.endpoints.values()
    assert (done.exit_code, endpoint["DefaultVersion"]) == (0, "1")


def test_a_disabled_endpoint_is_refused(flights: Any, workspace: Any) -> None:
    flights.submitted("--publish", "--endpoint", "delays")
    for endpoint in workspace.endpoints.values():
        endpoint["EntityStatus"] = "Disabled"
    done = flights.submit("--publish", "--endpoint", "delays")
    assert done.exit_code == 1
    assert "pipeline endpoint 'delays' is Disabled" in done.stderr


def runs(workspace: Any) -> str:
    """The published pipeline that the only endpoint runs."""
    (endpoint,) = workspace.endpoints.values()
    versions = {each["Version"]: each["PipelineId"] for each in endpoint["PipelineVersionList"]}
    return str(versions[endpoint["DefaultVersion"]])


def test_of_two_that_make_an_endpoint_both_end_well(flights: Any, workspace: Any) -> None:
    flights.write('schedules: {nightly: {every: day, at: "22:30"}}\n')
    at_once.meet(workspace, "POST /PipelineEndpoints/Create", "POST /Schedules/Create")
    publish = ["--publish", "--endpoint", "delays"]
    shown = at_once.submitted(flights, publish, [*publish, "-p", "least=9"])
    assert runs(workspace) in {each["published"]["id"] for each in shown}
    assert len(workspace.published) == 2
    active = [each for each in workspace.schedules.values() if each["EntityStatus"] == "Active"]
    assert [each["PipelineEndpointId"] for each in active] == list(workspace.endpoints)


def test_of_two_that_make_an_endpoint_of_the_same_both_end_well(
    flights: Any, workspace: Any
) -> None:
    at_once.meet(workspace, "POST /Pipelines/Create", "POST /PipelineEndpoints/Create")
    publish = ["--publish", "--endpoint", "delays"]
    one, other = at_once.submitted(flights, publish, publish)
    assert one["published"]["id"] == other["published"]["id"] == runs(workspace)


def test_of_two_that_change_an_endpoint_both_end_well(flights: Any, workspace: Any) -> None:
    publish = ["--publish", "--endpoint", "delays"]
    flights.submitted(*publish)
    at_once.meet(workspace, "PUT /PipelineEndpoints")
    shown = at_once.submitted(flights, [*publish, "-p", "least=4"], [*publish, "-p", "least=9"])
    (endpoint,) = workspace.endpoints.values()
    assert len(endpoint["PipelineVersionList"]) == 3
    assert runs(workspace) in {each["published"]["id"] for each in shown}
    notes = sorted(note for each in shown for note in each["notes"])
    assert notes == [
        f"pipeline endpoint 'delays' now runs version {number} by default" for number in (1, 2)
    ]
    assert len(workspace.asked(CHANGE)) == 3


def test_the_version_that_is_told_is_that_of_the_reply(flights: Any, workspace: Any) -> None:
    flights.submitted("--publish", "--endpoint", "delays")
    answer = workspace.proxy.answer

    def numbering_its_own_way(request: Any) -> Any:
        if request.method == "PUT" and "/PipelineEndpoints/" in request.path:
            request = replace(request, body=request.body.replace(b'"1"', b'"7"'))
        return answer(request)

    workspace.proxy.answer = numbering_its_own_way
    shown = flights.submitted("--publish", "--endpoint", "delays", "-p", "least=9")
    assert shown["notes"] == ["pipeline endpoint 'delays' now runs version 7 by default"]
