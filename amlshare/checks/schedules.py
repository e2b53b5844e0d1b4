"""Rules about schedules: one way to say when, in a form that both SDKs know."""

from __future__ import annotations

import re
from collections.abc import Iterator

from amlshare.checks.names import unknown
from amlshare.diagnostics import Finding, Route, closest
from amlshare.spec import Schedule, Spec

UNITS = ("minute", "hour", "day", "week", "month")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY = re.compile(r"(?:(\d+)\s*)?(minute|hour|day|week|month)s?", re.ASCII)
_AT = re.compile(r"([01]?\d|2[0-3]):[0-5]\d", re.ASCII)
_CRON_FIELD = re.compile(r"(\*|\d+(-\d+)?|[a-z]{3}(-[a-z]{3})?)(/\d+)?(,.+)?", re.ASCII | re.I)


def schedules(spec: Spec) -> Iterator[Finding]:
    """bad-schedule, unknown-data, unknown-parameter, unknown-day."""
    for name, schedule in spec.schedules.items():
        route = ("schedules", name)
        yield from _one_way(name, schedule, route)
        yield from _recurrence(schedule, route)
        if schedule.cron is not None:
            yield from _cron(schedule.cron, (*route, "cron"))
        if schedule.on_change is not None and schedule.on_change not in spec.data:
            yield unknown("data", schedule.on_change, (*route, "on_change"), spec.data)
        names = [*spec.parameters, *(n for n, data in spec.data.items() if data.parameter)]
        for key in schedule.parameters:
            if key not in names:
                yield unknown("parameter", key, (*route, "parameters", key), names)


def _bad(message: str, route: Route, label: str = "", help_: str | None = None) -> Finding:
    return Finding(code="bad-schedule", message=message, route=route, label=label, help=help_)


def _one_way(name: str, schedule: Schedule, route: Route) -> Iterator[Finding]:
    ways = [way for way in ("every", "cron", "on_change") if getattr(schedule, way) is not None]
    if len(ways) != 1:
        said = " and ".join(f"'{way}'" for way in ways) or "nothing"
        yield _bad(
            f"schedule '{name}' says {said}",
            (*route, ways[1]) if ways else route,
            "expected one of every, cron and on_change",
        )


def _recurrence(schedule: Schedule, route: Route) -> Iterator[Finding]:
    if schedule.every is not None and not EVERY.fullmatch(schedule.every.strip()):
        yield _bad(
            f"'{schedule.every}' is no interval",
            (*route, "every"),
            'expected such as "2 days", "1 hour" or "week"',
        )
    for index, time in enumerate(schedule.at):
        if not _AT.fullmatch(time):
            yield _bad(
                f"'{time}' is no time of day", (*route, "at", index), 'expected such as "22:30"'
            )
    for index, day in enumerate(schedule.days):
        if day not in DAYS:
            similar = closest(day, DAYS)
            yield _bad(
                f"'{day}' is no day",
                (*route, "days", index),
                f"did you mean '{similar}'?" if similar else f"expected {', '.join(DAYS)}",
            )


def _cron(cron: str, route: Route) -> Iterator[Finding]:
    fields = cron.split()
    if len(fields) != 5 or not all(_CRON_FIELD.fullmatch(field) for field in fields):
        yield _bad(
            f"'{cron}' is no cron expression",
            route,
            "expected five fields: minute hour day month weekday",
            'for example "30 22 * * 1-5"',
        )
