"""The schedules of a spec, and how those of a workspace are read and compared with them."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("azureml.pipeline.core")

from azureml.pipeline.core._restclients.aeva import models

from amlshare.backends.azureml.job import Job, JobData, JobInput, JobParameter, JobStep
from amlshare.backends.azureml.schedules import Wanted, Watched, doing, is_as_wanted, wanted
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


def test_the_data_behind_a_value_is_in_the_marker() -> None:
    def described(dataset: str) -> str:
        data = JobData(name="raw", format="folder", dataset=dataset, version=1, parameter=True)
        reading = JobInput(name="raw", source="raw", via="Dataset.get_by_name", mode="mount")
        step = JobStep(
            name="clean", kind="PythonScriptStep", compute="c", environment="e", inputs=(reading,)
        )
        nightly = Schedule(name="nightly", every=(1, "day"), parameters={"raw": 2})
        (only,) = wanted(job(nightly, data=(data,), steps=(step,)))
        return only.description

    assert described("one") == described("one")
    assert described("one") != described("two")


def test_data_that_no_step_reads_is_refused() -> None:
    data = JobData(name="raw", format="folder", datastore="s", path="raw", parameter=True)
    nightly = Schedule(name="nightly", every=(1, "day"), parameters={"raw": "other"})
    with pytest.raises(BackendError, match="no step reads 'raw'"):
        wanted(job(nightly, data=(data,)))


# As the service shows it


def entity(want: Wanted, **rule: Any) -> Any:
    """A schedule as the service once answered, with numbers for words."""
    recurrence = {
        "Frequency": "1",
        "Interval": 1,
        "StartTime": "2024-01-01T00:00:00Z",
        "TimeZone": "UTC",
        "Schedule": {"Hours": [6], "Minutes": [30], "WeekDays": ["4", "0"]},
    }
    shown = {
        "ScheduleType": "0",
        "Recurrence": {**recurrence, **rule},
        "PipelineSubmissionInfo": {
            "ExperimentName": "flights",
            "Description": want.description,
            "ParameterAssignments": {"least": "3"},
        },
    }
    return models.PipelineScheduleEntity.deserialize(shown)


WEEKLY = Schedule(name="weekly", every=(1, "week"), at=("06:30",), days=("mon", "fri"))
LEAST = JobParameter(name="least", type="integer", default=3, value=3)


def test_another_form_and_a_default_filled_in_are_no_difference() -> None:
    weekly = job(WEEKLY, parameters=(LEAST,))
    (want,) = wanted(weekly)
    assert is_as_wanted(entity(want), want, weekly)


@pytest.mark.parametrize("rule", [{"Interval": 2}, {"Frequency": "Month"}, {"Schedule": None}])
def test_another_rule_is_a_difference(rule: Any) -> None:
    weekly = job(WEEKLY, parameters=(LEAST,))
    (want,) = wanted(weekly)
    assert not is_as_wanted(entity(want, **rule), want, weekly)


def test_a_value_that_is_not_the_default_is_a_difference() -> None:
    weekly = job(WEEKLY)
    (want,) = wanted(weekly)
    assert doing(entity(want)).values == {"least": "3"}
    assert not is_as_wanted(entity(want), want, weekly)


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
