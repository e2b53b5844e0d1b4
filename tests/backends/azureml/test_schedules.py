"""The schedules of a spec, and how those of a workspace are read and compared with them."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("azureml.pipeline.core")

from amlshare.backends.azureml.job import Job, JobData
from amlshare.backends.azureml.schedules import Wanted, Watched, wanted
from amlshare.backends.interface import BackendError
from amlshare.pipeline import Schedule


def job(*schedules: Schedule, **more: Any) -> Job:
    return Job(pipeline="flights", experiment="flights", schedules=schedules, **more)


def on_change(location: str, **more: Any) -> Watched | None:
    data = JobData(name="raw", datastore="store", path=location, **{"format": "folder", **more})
    schedule = Schedule(name="fresh", on_change="raw", poll=3600)
    (only,) = wanted(job(schedule, data=(data,)))
    return only.watched


# What is wanted


def test_a_schedule_is_named_for_its_pipeline_and_its_target() -> None:
    nightly = Schedule(name="nightly", every=(1, "day"))
    (plain,) = wanted(job(nightly))
    (prod,) = wanted(job(nightly, target="prod"))
    assert (plain.name, plain.owner) == ("flights.nightly", "flights")
    assert (prod.name, prod.owner) == ("flights.prod.nightly", "flights@prod")


def test_times_that_are_no_product_are_several_schedules() -> None:
    found = wanted(job(Schedule(name="nightly", every=(1, "day"), at=("06:00", "22:30"))))
    assert [each.name for each in found] == ["flights.nightly", "flights.nightly-2"]


def test_whatever_a_schedule_says_is_in_its_marker() -> None:
    one = Wanted(name="a", owner="flights", experiment="e", parameters={"least": 3})
    other = Wanted(name="a", owner="flights", experiment="e", parameters={"least": 4})
    assert one.description != other.description


def test_a_zone_that_sdk_v1_does_not_know_is_refused() -> None:
    troll = Schedule(name="nightly", every=(1, "day"), time_zone="Antarctica/Troll")
    with pytest.raises(BackendError, match=r"schedule .nightly.: .*Antarctica/Troll"):
        wanted(job(troll))


@pytest.mark.parametrize(
    ("location", "more", "path", "deeper"),
    [
        ("raw/", {}, "raw", False),
        ("raw", {}, "raw", False),
        ("raw/flights.csv", {"format": "file"}, "raw", False),
        ("raw/flights.csv", {"format": "csv"}, "raw", False),
        ("raw/*.csv", {"format": "csv"}, "raw", False),
        ("raw/**/*.csv", {"format": "csv"}, "raw", True),
        ("raw/2024-*/*.csv", {}, "raw", True),
        ("*.csv", {}, "", False),
    ],
)
def test_a_folder_is_watched(location: str, more: Any, path: str, *, deeper: bool) -> None:
    expected = Watched(datastore="store", path=path, minutes=60, deeper=deeper)
    assert on_change(location, **more) == expected


# In a workspace


def test_a_datastore_that_cannot_be_watched_is_refused_first(flights: Any, workspace: Any) -> None:
    workspace.datastores["files"] = {
        **workspace.datastores["workspaceblobstore"],
        "name": "files",
        "dataStoreType": "AzureFile",
    }
    flights.write(
        "schedules: {fresh: {on_change: raw}}\n",
        replaced=("location: raw/", "datastore: files, location: raw/"),
    )
    done = flights.submit("--publish")
    assert done.exit_code == 3
    assert done.stderr.startswith(
        "error[unfit-in-workspace]: schedule 'fresh' watches datastore 'files', which is AzureFile"
    )
    assert "SDK v1 watches only blob storage" in done.stderr
    assert "flights.yaml:" in done.stderr
    assert not workspace.published


def test_it_is_told_with_all_else_that_the_workspace_lacks(flights: Any, workspace: Any) -> None:
    workspace.datastores["files"] = {
        **workspace.datastores["workspaceblobstore"],
        "name": "files",
        "dataStoreType": "AzureFile",
    }
    flights.write(
        "schedules: {fresh: {on_change: raw}, nightly: {every: day}}\n",
        replaced=("location: raw/", "datastore: files, location: raw/"),
    )
    workspace.computes.clear()
    done = flights.submit("--publish")
    assert done.stderr.count("--> flights.yaml:") == 2
