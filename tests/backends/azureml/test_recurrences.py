"""When a schedule runs, in the terms of SDK v1."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlshare.backends.azureml.recurrences import START, Recurrence, recurrences
from amlshare.backends.azureml.time_zones import windows_name
from amlshare.pipeline import Schedule

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TWO_WEEKS = [
    datetime.fromisoformat("2026-02-26") + timedelta(minutes=n) for n in range(14 * 24 * 60)
]


def schedule(**how: object) -> Schedule:
    return Schedule(name="nightly", **how)  # type: ignore[arg-type]


def one(**how: object) -> Recurrence:
    (only,) = recurrences(schedule(**how))
    return only


def fires(moment: datetime, rule: Recurrence) -> bool:
    """What the SDK's documents say of a recurrence with a start in the past."""
    since = moment - datetime.fromisoformat(rule.start)
    if rule.frequency in ("Minute", "Hour"):
        unit = {"Minute": 60, "Hour": 3600}[rule.frequency]
        return since.total_seconds() % (unit * rule.interval) == 0
    units = since.days // (7 if rule.frequency == "Week" else 1)
    on_day = rule.frequency == "Day" or DAYS[moment.weekday()] in rule.week_days
    at_time = moment.hour in rule.hours and moment.minute in rule.minutes
    return units % rule.interval == 0 and on_day and at_time


def matches(moment: datetime, cron: str) -> bool:
    """Cron by brute force: each field is looked at as text, one number at a time."""
    minute, hour, _, _, weekday = cron.split()
    day = moment.isoweekday() % 7
    return (
        _has(minute, moment.minute, 0, 59)
        and _has(hour, moment.hour, 0, 23)
        and (_has(weekday, day, 0, 6) or (day == 0 and _has(weekday, 7, 0, 6)))
    )


def _has(field: str, number: int, least: int, most: int) -> bool:
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        ends = [_value(end) for end in span.split("-")] if span != "*" else [least, most]
        last = ends[-1] if len(ends) == 2 or not step else max(most, ends[0])
        reached = ends[0] <= number <= last and (number - ends[0]) % int(step or 1) == 0
        if reached and (span != "*" or number <= most):
            return True
    return False


def _value(text: str) -> int:
    names = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
    return names.index(text) if text in names else int(text)


def numbers(least: int, most: int) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    span = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    step = st.integers(1, 70).map(lambda n: f"/{n}")
    part = st.one_of(
        st.just("*"),
        number.map(str),
        span,
        st.tuples(st.one_of(st.just("*"), number.map(str), span), step).map("".join),
    )
    return st.lists(part, min_size=1, max_size=3).map(",".join)


weekdays = st.one_of(numbers(0, 7), st.sampled_from(["mon-fri", "SUN", "sat,sun", "Tue/2", "7"]))


@given(numbers(0, 59), numbers(0, 23), weekdays)
def test_a_cron_and_its_recurrence_run_at_the_same_times(minute: str, hour: str, day: str) -> None:
    cron = f"{minute} {hour} * * {day}"
    rule = one(cron=cron)
    wrong = [at for at in TWO_WEEKS[::7] if fires(at, rule) != matches(at, cron)]
    assert not wrong


def test_steps_that_do_not_divide_an_hour_start_anew_every_hour() -> None:
    assert one(cron="*/7 * * * *").minutes == (0, 7, 14, 21, 28, 35, 42, 49, 56)
    assert one(cron="*/7 * * * *").hours == tuple(range(24))


def test_sunday_is_zero_and_seven_and_a_name() -> None:
    days = {one(cron=f"0 6 * * {day}").week_days for day in ("0", "7", "sun", "Sun")}
    assert days == {("Sunday",)}


def test_a_range_may_end_on_the_second_sunday() -> None:
    assert one(cron="0 6 * * 5-7").week_days == ("Friday", "Saturday", "Sunday")


def test_every_day_of_the_week_is_every_day() -> None:
    assert one(cron="0 6 * * 1-7") == one(cron="0 6 * * *")
    assert one(cron="0 6 * * *").frequency == "Day"


def test_times_that_are_no_product_of_hours_and_minutes_are_several_recurrences() -> None:
    rules = recurrences(schedule(every=(1, "day"), at=("06:00", "18:30", "07:00")))
    assert [(rule.hours, rule.minutes) for rule in rules] == [((6, 7), (0,)), ((18,), (30,))]


@given(st.lists(st.times().map(lambda t: f"{t:%H:%M}"), min_size=1, max_size=6))
def test_several_recurrences_run_at_each_time_once(times: list[str]) -> None:
    rules = recurrences(schedule(every=(1, "day"), at=tuple(times)))
    said = [f"{h:02}:{m:02}" for rule in rules for h in rule.hours for m in rule.minutes]
    assert sorted(said) == sorted(set(times))


def test_weeks_say_their_days_and_times() -> None:
    rule = one(every=(2, "week"), days=("thu", "mon"), at=("6:00", "18:00"))
    assert rule == Recurrence(
        frequency="Week",
        interval=2,
        hours=(6, 18),
        minutes=(0,),
        week_days=("Monday", "Thursday"),
    )


def test_what_says_no_time_runs_at_midnight_of_the_first_day() -> None:
    assert one(every=(1, "week")).week_days == ("Monday",)
    assert (one(every=(2, "day")).hours, one(every=(2, "day")).minutes) == ((0,), (0,))


@pytest.mark.parametrize("unit", ["minute", "hour", "month"])
def test_other_intervals_are_counted_from_a_fixed_moment(unit: str) -> None:
    rule = one(every=(3, unit))
    assert (rule.hours, rule.minutes, rule.week_days, rule.start) == ((), (), (), START)


def test_intervals_are_counted_from_midnight_of_a_monday_the_first() -> None:
    start = datetime.fromisoformat(START)
    assert (start.weekday(), start.day, start.hour, start.minute) == (0, 1, 0, 0)


def test_on_change_is_no_recurrence() -> None:
    assert recurrences(schedule(on_change="flights")) == ()


def test_a_zone_has_its_name_of_windows() -> None:
    rule = one(cron="30 22 * * *", time_zone="Europe/Berlin")
    assert rule.time_zone == "W. Europe Standard Time"


def test_a_zone_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="Antarctica/Troll"):
        recurrences(schedule(every=(1, "day"), time_zone="Antarctica/Troll"))


def test_every_zone_of_the_machine_has_a_name_but_one() -> None:
    known = {name for name in available_timezones() if windows_name(name) is None}
    assert known <= {"Antarctica/Troll", "Factory", "localtime"} | _not_on_the_list()


def _not_on_the_list() -> set[str]:
    """Names that only some systems have, such as `posix/Europe/Berlin`."""
    return {
        name for name in available_timezones() if name.startswith(("posix", "right", "SystemV"))
    }


def test_each_name_is_one_that_the_sdk_takes() -> None:
    pytest.importorskip("azureml.pipeline.core")
    from azureml.pipeline.core import TimeZone

    names = {windows_name(zone) for zone in available_timezones()} - {None}
    assert names <= {zone.value for zone in TimeZone}


@pytest.mark.parametrize(
    "how",
    [
        {"cron": "*/7 1-5 * * mon-fri", "time_zone": "Asia/Kolkata"},
        {"every": (3, "month")},
        {"every": (15, "minute")},
        {"every": (2, "week"), "at": ("06:30",)},
    ],
)
def test_the_sdk_takes_a_recurrence(how: dict[str, object]) -> None:
    pytest.importorskip("azureml.pipeline.core")
    from azureml.pipeline.core import ScheduleRecurrence, TimeZone

    rule = one(**how)
    ScheduleRecurrence(
        rule.frequency,
        rule.interval,
        start_time=rule.start,
        time_zone=TimeZone(rule.time_zone),
        hours=list(rule.hours) or None,
        minutes=list(rule.minutes) or None,
        week_days=list(rule.week_days) or None,
    ).validate()
