"""When a schedule runs, as SDK v1 says it: recurrences of days, weeks, hours, minutes or months.

Every recurrence is counted from one fixed moment in the past, so that it says by itself when it
runs: publishing again moves nothing, and starts no run at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from amlshare.backends.azureml.time_zones import windows_name
from amlshare.pipeline import Schedule

Frequency: TypeAlias = Literal["Minute", "Hour", "Day", "Week", "Month"]

START = "2024-01-01T00:00:00"
"""What intervals are counted from: a Monday, the first of a month, at midnight."""

_FREQUENCIES: Mapping[str, Frequency] = {
    "minute": "Minute",
    "hour": "Hour",
    "day": "Day",
    "week": "Week",
    "month": "Month",
}
_DAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
_CRON_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_UTC = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """A ``ScheduleRecurrence``: at each of ``minutes`` of each of ``hours`` on ``week_days``.

    ``time_zone`` is a name of Windows. Days and weeks always say their hours and minutes, weeks
    their days; the others say none.
    """

    frequency: Frequency
    interval: int
    time_zone: str = _UTC
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    week_days: tuple[str, ...] = ()
    start: str = START


def recurrences(schedule: Schedule) -> tuple[Recurrence, ...]:
    """The recurrences that together are ``every`` or ``cron``; none for ``on_change``.

    Times of day are several recurrences where they are not every hour with every minute: 6:00 and
    18:30 are two. Raises ValueError for a time zone that SDK v1 has no name for, and for a cron
    with a day of the month or a month: `limits` refuses both.
    """
    if schedule.every is None and schedule.cron is None:
        return ()
    zone = _UTC if schedule.time_zone is None else windows_name(schedule.time_zone)
    if zone is None:
        raise ValueError(f"SDK v1 has no name for the time zone {schedule.time_zone}")
    if schedule.cron is not None:
        return (_of_cron(schedule.cron, zone),)
    return _of_interval(schedule, zone)


def _of_interval(schedule: Schedule, zone: str) -> tuple[Recurrence, ...]:
    assert schedule.every is not None
    interval, unit = schedule.every
    frequency = _FREQUENCIES[unit]
    if unit not in ("day", "week"):
        return (Recurrence(frequency=frequency, interval=interval, time_zone=zone),)
    days = [day for day in _DAYS if day in (schedule.days or ("mon",))]
    return tuple(
        Recurrence(
            frequency=frequency,
            interval=interval,
            time_zone=zone,
            hours=hours,
            minutes=minutes,
            week_days=tuple(_DAYS[day] for day in days) if unit == "week" else (),
        )
        for hours, minutes in _products(schedule.at or ("00:00",))
    )


def _products(times: Sequence[str]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Times of day as few times of hours by minutes: those with the same minutes together."""
    minutes: dict[int, set[int]] = defaultdict(set)
    for time in times:
        hour, _, minute = time.partition(":")
        minutes[int(hour)].add(int(minute))
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for each in sorted(minutes):
        groups[tuple(sorted(minutes[each]))].append(each)
    return [(tuple(hours), same) for same, hours in groups.items()]


def _of_cron(cron: str, zone: str) -> Recurrence:
    """Any cron of minutes, hours and weekdays is days, or weeks, of hours by minutes."""
    minute, hour, *date, weekday = cron.split()
    if date != ["*", "*"]:
        raise ValueError(f"'{cron}' equals no recurrence")
    numbers = {day % 7 for day in _numbers(weekday, 0, 6, _CRON_DAYS)}
    named = {_CRON_DAYS[number] for number in numbers}
    weekly = len(named) < len(_DAYS)
    return Recurrence(
        frequency="Week" if weekly else "Day",
        interval=1,
        time_zone=zone,
        hours=tuple(sorted(_numbers(hour, 0, 23))),
        minutes=tuple(sorted(_numbers(minute, 0, 59))),
        week_days=tuple(_DAYS[day] for day in _DAYS if day in named) if weekly else (),
    )


def _numbers(field: str, least: int, most: int, names: Sequence[str] = ()) -> set[int]:
    """What a field of a cron stands for; ``5/10`` is from 5 on every 10."""
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        start = least if first == "*" else _number(first, names)
        endless = first == "*" or (slash and not dash)
        end = max(start, most) if endless else _number(last or first, names)
        found.update(range(start, end + 1, int(step or 1)))
    return found


def _number(text: str, names: Sequence[str]) -> int:
    return names.index(text.lower()) if text.lower() in names else int(text)
