"""The schedules of a workspace are made to match those of a spec."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("azureml.pipeline.core")

from backends.azureml import at_once

CREATE = "POST pipelines/Schedules/Create"
UPDATE = "PUT pipelines/Schedules/{scheduleId}"
NIGHTLY = 'schedules: {nightly: {every: day, at: "22:30", time_zone: Europe/Berlin}}\n'


def active(workspace: Any) -> dict[str, dict[str, Any]]:
    found = [each for each in workspace.schedules.values() if each["EntityStatus"] == "Active"]
    assert len({each["Name"] for each in found}) == len(found)
    return {each["Name"]: each for each in found}


def test_a_schedule_is_made_and_not_made_again(flights: Any, workspace: Any) -> None:
    flights.write(NIGHTLY)
    first = flights.submitted("--publish")
    second = flights.submitted("--publish")
    (entity,) = active(workspace).values()
    assert (entity["Name"], entity["PipelineId"]) == ("flights.nightly", first["published"]["id"])
    assert entity["Recurrence"]["TimeZone"] == "W. Europe Standard Time"
    assert entity["Recurrence"]["Schedule"]["Hours"] == [22]
    assert (first["notes"], second["notes"]) == (["schedule 'flights.nightly' was made"], [])


def test_a_changed_schedule_is_changed_in_its_place(flights: Any, workspace: Any) -> None:
    flights.write(NIGHTLY)
    flights.submitted("--publish")
    flights.write(NIGHTLY.replace("22:30", "06:15"))
    shown = flights.submitted("--publish")
    (entity,) = workspace.schedules.values()
    assert entity["Recurrence"]["Schedule"]["Hours"] == [6]
    assert shown["notes"] == ["schedule 'flights.nightly' was changed"]


def test_values_are_given_and_taken_away(flights: Any, workspace: Any) -> None:
    flights.write("schedules: {nightly: {every: day, parameters: {least: 7}}}\n")
    flights.submitted("--publish")
    (given,) = active(workspace).values()
    assert given["PipelineSubmissionInfo"]["ParameterAssignments"] == {"least": "7"}
    flights.write("schedules: {nightly: {every: day}}\n")
    flights.submitted("--publish")
    (taken,) = active(workspace).values()
    assert taken["PipelineSubmissionInfo"]["ParameterAssignments"] == {}


def test_what_is_in_the_spec_no_more_is_disabled(flights: Any, workspace: Any) -> None:
    flights.write(NIGHTLY)
    flights.submitted("--publish")
    flights.write()
    shown = flights.submitted("--publish")
    assert active(workspace) == {}
    assert "the spec does not have it any more" in shown["notes"][0]


def test_a_schedule_of_others_is_left_alone(flights: Any, workspace: Any) -> None:
    flights.write(NIGHTLY)
    flights.submitted("--publish")
    (entity,) = workspace.schedules.values()
    theirs = {**entity, "Id": "theirs", "PipelineSubmissionInfo": {"ExperimentName": "e"}}
    theirs["Recurrence"] = {**entity["Recurrence"], "TimeZone": "a zone of another SDK"}
    workspace.schedules["theirs"] = theirs
    flights.write()
    flights.submitted("--publish")
    assert [each["Id"] for each in active(workspace).values()] == ["theirs"]


def test_a_schedule_moves_to_what_is_published_anew(flights: Any, workspace: Any) -> None:
    flights.write(NIGHTLY)
    flights.submitted("--publish")
    shown = flights.submitted("--publish", "-p", "least=9", "--disable-old")
    (entity,) = active(workspace).values()
    assert entity["PipelineId"] == shown["published"]["id"]
    assert shown["notes"][0] == "schedule 'flights.nightly' was made anew"


def test_a_schedule_of_an_endpoint_stays_where_it_is(flights: Any, workspace: Any) -> None:
    flights.write(NIGHTLY + "publish: {endpoint: delays}\n")
    flights.submitted("--publish")
    flights.submitted("--publish", "-p", "least=9")
    (entity,) = workspace.schedules.values()
    assert entity["PipelineEndpointId"] in workspace.endpoints


def test_another_experiment_is_another_schedule(flights: Any, workspace: Any) -> None:
    flights.write(NIGHTLY)
    flights.submitted("--publish")
    flights.write(NIGHTLY.replace("every: day", "every: day, experiment: nights"))
    flights.submitted("--publish")
    (entity,) = active(workspace).values()
    assert entity["PipelineSubmissionInfo"]["ExperimentName"] == "nights"


def test_a_lost_reply_makes_one_schedule(flights: Any, workspace: Any) -> None:
    flights.write(NIGHTLY)
    workspace.fail(route=CREATE, how="reset after")
    flights.submitted("--publish")
    assert len(workspace.schedules) == 1


def test_a_doubled_schedule_is_reduced_to_one(flights: Any, workspace: Any) -> None:
    flights.write(NIGHTLY)
    flights.submitted("--publish")
    (entity,) = workspace.schedules.values()
    workspace.schedules["twin"] = {**entity, "Id": "twin", "CreatedDate": "2099-01-01T00:00:00Z"}
    flights.submitted("--publish")
    assert [each["Id"] for each in active(workspace).values()] == [entity["Id"]]


def test_a_change_of_data_is_watched(flights: Any, workspace: Any) -> None:
    flights.write("schedules: {fresh: {on_change: raw, poll: 1h}}\n")
    flights.submitted("--publish")
    flights.write("schedules: {fresh: {on_change: raw, poll: 2h}}\n")
    flights.submitted("--publish")
    (entity,) = workspace.schedules.values()
    assert entity["DataStoreTriggerInfo"] == {
        "DataStoreName": "workspaceblobstore",
        "PollingInterval": 120,
        "PathOnDataStore": "raw",
    }


def test_a_schedule_gives_other_data(flights: Any, workspace: Any) -> None:
    workspace.add_dataset("weather", 4)
    flights.write(
        "schedules: {nightly: {every: day, parameters: {raw: raw/2014.csv, sky: 4}}}\n",
        replaced=(
            "format: file}\n",
            (
                "format: file, parameter: true}\n  sky: {type: dataset, name: weather, version: 4, "
                "parameter: true}\n"
            ),
        ),
    )
    text = (flights.folder / "flights.yaml").read_text(encoding="utf-8")
    text = text.replace("{cleaned: clean.cleaned}", "{cleaned: clean.cleaned, sky: sky}")
    (flights.folder / "flights.yaml").write_text(text, encoding="utf-8")
    shown = flights.submitted("--publish")
    (entity,) = workspace.schedules.values()
    info = entity["PipelineSubmissionInfo"]
    assert info["DataPathAssignments"]["raw"]["RelativePath"] == "raw/2014.csv"
    assert info["DataSetDefinitionValueAssignments"].keys() == {"sky"}
    assert "keeps the version of 'sky'" in shown["notes"][-1]


def test_a_run_touches_no_schedule(flights: Any, workspace: Any) -> None:
    flights.write(NIGHTLY)
    flights.submitted("--no-wait")
    assert not workspace.asked("*Schedules*")


def test_of_two_jobs_at_once_one_schedule_is_left(flights: Any, workspace: Any) -> None:
    flights.write(NIGHTLY)
    flights.submitted("--publish", "--experiment", "x")
    workspace.schedules.clear()
    at_once.meet(workspace, "POST /Schedules/Create")
    shown = at_once.submitted(flights, ["--publish"], ["--publish"])
    (left,) = active(workspace).values()
    assert len(workspace.schedules) == 2
    assert left == min(workspace.schedules.values(), key=lambda each: each["CreatedDate"])
    made, overtaken = sorted(note for each in shown for note in each["notes"])
    assert made == "schedule 'flights.nightly' was made"
    assert overtaken == f"{made} at the same time by another job as {left['Id']}, which stays"


def test_who_is_overtaken_by_other_values_is_told(flights: Any, workspace: Any) -> None:
    flights.write(NIGHTLY)
    at_once.meet(workspace, "POST /Schedules/Create")
    shown = at_once.submitted(flights, ["--publish"], ["--publish", "-p", "least=9"])
    assert len(active(workspace)) == 1
    notes = " ".join(note for each in shown for note in each["notes"])
    assert "which stays, and is not as this spec has it: run the same command again" in notes


def test_two_jobs_at_once_replace_a_schedule_by_one(flights: Any, workspace: Any) -> None:
    flights.write(NIGHTLY)
    flights.submitted("--publish")
    at_once.meet(workspace, "POST /Schedules/Create")
    at_once.submitted(flights, *[["--publish", "-p", "least=9"]] * 2)
    (left,) = active(workspace).values()
    assert workspace.published[left["PipelineId"]]["ParameterAssignments"] == {"least": "9"}


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("Recurrence", {"Interval": 3}),
        ("Recurrence", {"TimeZone": "UTC"}),
        ("Recurrence", {"StartTime": "2025-06-01T00:00:00"}),
        ("Recurrence", {"Schedule": {"Hours": [4], "Minutes": [30]}}),
        ("PipelineSubmissionInfo", {"ParameterAssignments": {"least": "8"}}),
    ],
)
def test_what_a_person_changed_there_is_changed_back(
    flights: Any, workspace: Any, part: str, change: Any
) -> None:
    flights.write(NIGHTLY)
    flights.submitted("--publish")
    (entity,) = workspace.schedules.values()
    before = {**entity[part]}
    entity[part] = {**before, **change}
    assert flights.submitted("--publish")["notes"] == ["schedule 'flights.nightly' was changed"]
    (entity,) = workspace.schedules.values()
    assert entity[part] == {**entity[part], **{key: before.get(key) for key in change}}
    assert flights.submitted("--publish")["notes"] == []


def test_a_folder_that_a_person_chose_there_is_changed_back(flights: Any, workspace: Any) -> None:
    flights.write(
        "schedules: {fresh: {on_change: raw}}\n",
        replaced=("location: raw/flights.csv", "location: flights.csv"),
    )
    flights.submitted("--publish")
    (entity,) = workspace.schedules.values()
    entity["DataStoreTriggerInfo"]["PathOnDataStore"] = "elsewhere"
    assert flights.submitted("--publish")["notes"] == ["schedule 'flights.fresh' was changed"]
    (entity,) = workspace.schedules.values()
    assert not entity["DataStoreTriggerInfo"]["PathOnDataStore"]


def test_another_form_of_the_same_is_no_change(flights: Any, workspace: Any) -> None:
    flights.write('schedules: {weekly: {every: week, days: [mon, fri], at: "06:00"}}\n')
    flights.submitted("--publish")
    (entity,) = workspace.schedules.values()
    rule = entity["Recurrence"]
    rule["StartTime"] += ".0000000Z"
    rule["Schedule"]["WeekDays"].reverse()
    entity["PipelineSubmissionInfo"]["ParameterAssignments"] = {"least": "3"}
    assert flights.submitted("--publish")["notes"] == []
    assert flights.run("diff", "flights.yaml", "--exit-code").exit_code == 0


def test_one_that_a_person_disabled_is_enabled_again(flights: Any, workspace: Any) -> None:
    flights.write(NIGHTLY)
    flights.submitted("--publish")
    (entity,) = workspace.schedules.values()
    entity["EntityStatus"] = "Disabled"
    shown = flights.submitted("--publish")
    assert shown["notes"] == ["schedule 'flights.nightly' was enabled again"]
    assert list(workspace.schedules) == [each["Id"] for each in active(workspace).values()]


def test_other_data_behind_the_same_value_is_a_change(flights: Any, workspace: Any) -> None:
    workspace.add_dataset("one", 2)
    workspace.add_dataset("two", 2)
    raw = "{type: path, location: raw/flights.csv, format: file}"
    given = "schedules: {nightly: {every: day, parameters: {raw: 2}}}\npublish: {endpoint: live}\n"
    told = []
    for name in ("one", "two"):
        data = f"{{type: dataset, name: {name}, version: 2, parameter: true}}"
        flights.write(given, replaced=(raw, data))
        told.append(flights.submitted("--publish")["notes"])
    assert "schedule 'flights.nightly' was changed" in told[1]
    (entity,) = workspace.schedules.values()
    chosen = entity["PipelineSubmissionInfo"]["DataSetDefinitionValueAssignments"]["raw"]
    assert (
        chosen["SavedDataSetReference"]["Id"]
        == workspace.datasets["two"][0]["latest"]["savedDatasetId"]
    )
