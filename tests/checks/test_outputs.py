from __future__ import annotations

import pytest
from checks.specimen import codes, only


def of(*outputs: str) -> str:
    named = ", ".join(f"o{number}: {output}" for number, output in enumerate(outputs))
    words = ", ".join(f"'${{outputs.o{number}}}'" for number in range(len(outputs)))
    return f"steps: {{a: {{script: a.py, outputs: {{{named}}}, arguments: [{words}]}}}}"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("{type: directory}", []),
        ("{type: directory, location: 'x/{run-id}/'}", []),
        ("{type: directory, location: x/}", ["fixed-location"]),
        ("{type: directory, location: x/, mode: mount}", []),
        ("{type: directory, location: x/, overwrite: true}", []),
        ("{type: directory, location: '/x/{run-id}'}", ["absolute-location"]),
        ("{type: directory, location: '{run-id}/../x'}", ["location-outside"]),
        ("{type: directory, location: '{run-id}/{date}'}", ["unknown-placeholder"]),
        ("{type: directory, location: '{pipeline}/{step}/{output-name}/{run-id}'}", []),
        ("{type: directory, location: '{run-id}/*'}", ["output-to-pattern"]),
        ("{type: path, location: x/}", ["location-of-path"]),
        ("{type: path, name: x, tags: {a: b}}", ["misplaced-key"]),
        ("{type: dataset}", ["missing-key"]),
        ("{type: dataset, name: a b}", ["bad-dataset-name"]),
        ("{type: dataset, name: 2013_flights.v1}", []),
        ("{type: directory, only: ['*.csv']}", []),
        ("{type: path, only: ['*.csv']}", ["only-without-upload"]),
        ("{type: directory, mode: mount, only: ['*.csv']}", ["only-without-upload"]),
        ("{type: directory, only: [a, a]}", ["duplicate-item"]),
        ("{expect: {files: 3}}", []),
        ("{expect: {files: ' >= 1'}}", []),
        ("{expect: {files: '=> 1'}}", ["bad-file-count"]),
        ("{expect: {files: -1}}", ["bad-file-count"]),
        ("{expect: {}}", ["empty-expect"]),
    ],
)
def test_what_an_output_may_say(output: str, expected: list[str]):
    assert codes(of(output)) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("x/{run-id}/", "x/{run-id}", ["shared-location"]),
        ("x/{run-id}/", "y/{run-id}", []),
        ("{run-id}/{output}", "{run-id}/{output}", []),
        ("{run-id}/o1", "{run-id}/{output}", ["shared-location"]),
        ("{run-id}/a/", "{run-id}/", ["nested-location"]),
        ("{run-id}/a", "{run-id}/ab", []),
    ],
)
def test_two_outputs_keep_out_of_each_other(one: str, other: str, expected: list[str]):
    assert codes(of(*(f"{{type: directory, location: '{at}'}}" for at in (one, other)))) == expected


def test_the_default_datastore_is_a_datastore_like_another():
    at = "type: directory, location: 'x/{run-id}'"
    assert codes(of(f"{{{at}}}", f"{{{at}, datastore: lake}}")) == []
    assert codes(of(f"{{{at}}}", f"{{{at}, datastore: workspaceblobstore}}")) == ["shared-location"]


def test_one_finding_names_all_keys_of_a_registration():
    found = only(of("{type: directory, name: x, description: y, tags: {a: b}}"))
    assert found.label == "`name` and `description` and `tags` go with a registered dataset"
