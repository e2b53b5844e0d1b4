"""The latest version of an environment is the one that it is when it is published."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("azureml.pipeline.core")

from amlshare.backends.azureml.job import Job, JobEnvironment
from amlshare.backends.azureml.pinning import pinned

IMAGE = "{image: mcr.microsoft.com/azureml/base:1}"


def test_only_what_has_no_version_gets_one() -> None:
    late = JobEnvironment(name="late", registered="shared")
    fixed = JobEnvironment(name="fixed", registered="shared", version="2")
    job = Job(pipeline="flights", experiment="flights", environments=(late, fixed))
    found = pinned(job, {"late": "4"}).environments
    assert [each.version for each in found] == ["4", "2"]


@pytest.mark.parametrize(("version", "more"), [("latest", 1), ("3", 0)])
def test_the_latest_costs_one_request(
    flights: Any, workspace: Any, version: str, more: int
) -> None:
    workspace.add_environment("shared", "3")
    flights.write(replaced=(IMAGE, f"{{registered: shared, version: {version}}}"))
    flights.submitted("--publish")
    before = len(asked(workspace))
    flights.submitted("--publish")
    assert len(asked(workspace)) - before == 1 + more


def test_a_run_gets_the_version_that_it_is_marked_with(flights: Any, workspace: Any) -> None:
    flights.write(replaced=(IMAGE, "{registered: shared, version: latest}"))
    tags = set()
    for version in ("3", "4"):
        workspace.add_environment("shared", version)
        flights.submitted("--no-wait")
        tags.add(list(workspace.runs.values())[-1].tags["amlshare.digest"])
    assert len(tags) == 2


def asked(workspace: Any) -> list[Any]:
    return [each for each in workspace.requests if "/environments/shared" in each.path]
