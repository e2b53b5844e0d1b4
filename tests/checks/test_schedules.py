from __future__ import annotations

import pytest
from checks.specimen import codes, only

DATA = "data: {d: {type: directory, location: x/}, r: {type: dataset, name: r, version: 1}}\n"


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("{every: day}", []),
        ("{every: 2 days, at: ['06:30', '7:00']}", []),
        ("{every: 2weeks, days: [mon, fri]}", []),
        ("{every: 0 days}", ["bad-interval"]),
        ("{every: fortnight}", ["bad-interval"]),
        ("{every: day, at: '24:00'}", ["bad-time-of-day"]),
        ("{every: day, at: ['06:30', '06:30']}", ["duplicate-item"]),
        ("{every: week, days: [Mon]}", ["bad-day"]),
        ("{every: hour, at: '06:30', days: [mon]}", ["at-within-day", "at-within-day"]),
        ("{}", ["schedule-kind"]),
        ("{every: day, on_change: d}", ["schedule-kind"]),
        ("{cron: '0 6 * * *', at: '06:30'}", ["misplaced-key"]),
        ("{cron: '0 6 * * *', time_zone: UTC}", []),
        ("{on_change: d, poll: 5m}", []),
        ("{on_change: d, time_zone: UTC}", ["misplaced-key"]),
        ("{every: day, poll: 5m}", ["misplaced-key"]),
        ("{on_change: e}", ["unknown-data"]),
        ("{on_change: r}", ["on-change-dataset"]),
        ("{every: day, parameters: {p: 1}}", ["unknown-parameter"]),
        ("{every: day, experiment: a b}", ["bad-experiment-name"]),
    ],
)
def test_a_schedule_says_when_in_one_way(schedule: str, expected: list[str]):
    assert codes(f"{DATA}schedules: {{s: {schedule}}}") == expected


@pytest.mark.parametrize(
    "cron",
    [
        "* * * * *",
        "*/15 * * * *",
        "0 6 1 1 0",
        "0,30 6-8 * * mon-fri",
        "5 4 * jan sun",
        "0 0 * * 7",
    ],
)
def test_cron_expressions(cron: str):
    assert codes(f"schedules: {{s: {{cron: '{cron}'}}}}") == []


@pytest.mark.parametrize(
    ("cron", "wrong"),
    [
        ("60 * * * *", "60"),
        ("* 24 * * *", "24"),
        ("* * 0 * *", "0"),
        ("* * * 13 *", "13"),
        ("* * * * 8", "8"),
        ("5-1 * * * *", "5-1"),
        ("*/0 * * * *", "*/0"),
        ("1,,2 * * * *", "1,,2"),
        ("* * * * monday", "monday"),
        ("* * * *", "* * * *"),
        ("@daily", "@daily"),
    ],
)
def test_what_is_wrong_in_a_cron_expression_is_underlined(cron: str, wrong: str):
    found = only(f"schedules: {{s: {{cron: '{cron}'}}}}")
    assert (found.code, found.fragment) == ("bad-cron", wrong)


@pytest.mark.parametrize(
    ("zone", "label"),
    [
        ("Europe/Berln", "did you mean 'Europe/Berlin'?"),
        ("Berlin", "did you mean 'Europe/Berlin'?"),
        ("../etc/passwd", ""),
    ],
)
def test_what_a_time_zone_was_meant_to_be(zone: str, label: str):
    found = only(f"schedules: {{s: {{every: day, time_zone: {zone}}}}}")
    assert (found.code, found.label) == ("bad-time-zone", label)


def test_a_parameter_of_a_schedule_may_be_data():
    text = "{data: {d: {type: path, location: x/, parameter: true}}, "
    assert codes(text + "schedules: {s: {every: day, parameters: {d: y/}}}}") == []
