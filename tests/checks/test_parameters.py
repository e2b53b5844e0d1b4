from __future__ import annotations

import pytest
from checks.specimen import codes, only


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("5", []),
        ("true", []),
        ("{type: number, default: 5}", []),
        ("{type: integer, default: 5.5}", ["parameter-type"]),
        ("{type: integer, default: true}", ["parameter-type"]),
        ("{type: boolean, default: 1}", ["parameter-type"]),
        ("{type: string}", []),
        ("{description: x}", ["untyped-parameter"]),
        ("", ["untyped-parameter"]),
    ],
)
def test_a_default_has_the_type(parameter: str, expected: list[str]):
    assert codes(f"parameters: {{p: {parameter}}}") == expected


@pytest.mark.parametrize(
    ("parameter", "help_"),
    [
        ("{type: integer, default: '2013'}", "take the quotes away: 2013"),
        ("{type: boolean, default: 'true'}", "take the quotes away: true"),
        ("{type: string, default: 5}", 'put it in quotes: "5"'),
        ("{type: string, default: true}", 'put it in quotes: "true"'),
        ("{type: integer, default: many}", "change the value, or the `type:`"),
    ],
)
def test_quotes_are_what_is_mostly_wrong(parameter: str, help_: str):
    assert only(f"parameters: {{p: {parameter}}}").help == help_


def test_a_schedule_gives_values_of_the_parameters_types():
    text = "{parameters: {p: 5}, schedules: {s: {every: day, parameters: {p: %s}}}}"
    assert codes(text % "6") == []
    found = only(text % "x")
    assert (found.code, found.route) == ("parameter-type", ("schedules", "s", "parameters", "p"))
