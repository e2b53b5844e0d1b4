from __future__ import annotations

import pytest
from checks.specimen import codes, only


def of(entry: str) -> str:
    text = "{data: {x: %s}, steps: {a: {script: a.py, inputs: {x: x}, arguments: ['${inputs.x}']}}}"
    return text % entry


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{type: path, location: raw/}", []),
        ("{type: dataset, name: x, version: latest}", []),
        ("{type: dataset, name: x, version: 0}", ["bad-version"]),
        ("{type: dataset, name: x, version: 1.5}", ["bad-version"]),
        ("{type: dataset}", ["missing-key", "missing-key"]),
        ("{type: directory}", ["missing-key"]),
        ("{type: dataset, name: x, version: 1, location: y}", ["misplaced-key"]),
        ("{type: path, location: x/, partitions: '{a}/b.csv'}", ["misplaced-key"]),
        ("{type: dataset, name: diabetes dataset, version: 1}", []),
        ("{type: dataset, name: 'airports:3', version: 1}", ["bad-dataset-name"]),
        ("{type: path, location: a/../b}", ["location-outside"]),
        ("{type: path, location: a..b/}", []),
        ("{type: path, location: 'C:/raw'}", ["absolute-location"]),
        ("{type: path, location: 'https://x/y'}", ["absolute-location"]),
        ("{type: path, location: 'a[1].csv', format: file}", ["path-pattern"]),
        ("{type: directory, location: '**/*.csv', format: csv}", []),
        ("{type: directory, location: raw/flights.CSV}", ["file-as-folder"]),
        ("{type: directory, location: raw/v1.2}", []),
        ("{type: directory, location: 'raw/{run-id}/'}", ["placeholder-in-data"]),
        ("{type: directory, location: raw/, format: table}", ["table-unregistered"]),
        ("{type: directory, location: r/, partitions: '{a}/{a}.csv'}", ["bad-partitions"]),
        ("{type: directory, location: r/, partitions: '{a}/{'}", ["bad-partitions"]),
        ("{type: directory, location: r/, partitions: '{a}/{b}.csv'}", []),
    ],
)
def test_what_an_entry_may_say(entry: str, expected: list[str]):
    assert codes(of(entry)) == expected


def test_a_location_of_sdk_v2_is_taken_apart():
    long = "azureml://subscriptions/s/resourcegroups/r/workspaces/w/datastores/lake/paths/raw/x/"
    assert only(of(f"{{type: path, location: '{long}'}}")).help == (
        "write `datastore: lake` and `location: raw/x/`"
    )


def test_the_pattern_is_what_is_underlined():
    assert only(of("{type: path, location: 'raw/*.csv', format: file}")).fragment == "*"


def test_the_folder_before_a_pattern_is_offered_for_an_upload():
    found = only(of("{type: directory, location: 'raw/2013/*.csv', upload: x}"))
    assert found.help == "name the folder: `location: raw/2013/`"
