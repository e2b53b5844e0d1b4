"""Rules about schedules: one way to say when, in a form that both SDKs know."""

from __future__ import annotations

import re
from collections.abc import Iterator

from amlshare.checks.names import Guesses, unknown
from amlshare.diagnostics import Finding, Route, closest
from amlshare.spec import Schedule, Spec

WAYS = ("every", "cron", "on_change")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
EVERY = re.compile(r"(?:([1-9]\d{0,5})\s*)?(minute|hour|day|week|month)s?", re.ASCII)
_AT = re.compile(r"([01]?\d|2[0-3]):[0-5]\d", re.ASCII)
_ZONE = re.compile(r"[A-Za-z][\w+-]*(/[A-Za-z][\w+-]*)*", re.ASCII)
# minute, hour, day, month, weekday: the least and the greatest number, and the names it may have
_FIELDS = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, tuple(_MONTHS)),
    (0, 7, ("sun", *DAYS[:-1])),
)


def _each(spec: Spec) -> Iterator[tuple[str, Schedule, Route]]:
    for name, schedule in spec.schedules.items():
        yield name, schedule, ("schedules", name)


def one_way(spec: Spec) -> Iterator[Finding]:
    """schedule-kind: one of every, cron and on_change."""
    for name, schedule, route in _each(spec):
        given = [way for way in WAYS if getattr(schedule, way) is not None]
        if len(given) != 1:
            said = " and ".join(f"'{way}'" for way in given) or "nothing of when"
            yield Finding(
                code="schedule-kind",
                message=f"schedule '{name}' says {said}",
                route=(*route, given[1]) if given else route,
                on="key",
                label="expected one of every, cron and on_change",
                help="make it two schedules" if given else "add `every: 1 day`, for example",
            )


def keys_fit(spec: Spec) -> Iterator[Finding]:
    """misplaced-key: a key that belongs to another kind of schedule."""
    for _, schedule, route in _each(spec):
        kinds = [way for way in WAYS if getattr(schedule, way) is not None]
        for key, owners in _OWNERS.items():
            if key in schedule.model_fields_set and kinds and not set(kinds) & set(owners):
                yield Finding(
                    code="misplaced-key",
                    message=f"a schedule by '{kinds[0]}' has no '{key}'",
                    route=(*route, key),
                    on="key",
                    label=f"`{key}` goes with `{owners[0]}`",
                    help="take it out",
                )


_OWNERS = {
    "at": ("every",),
    "days": ("every",),
    "time_zone": ("every", "cron"),
    "poll": ("on_change",),
}


def intervals(spec: Spec) -> Iterator[Finding]:
    """bad-interval: a number and a unit."""
    for _, schedule, route in _each(spec):
        if schedule.every is not None and not EVERY.fullmatch(schedule.every.strip()):
            yield Finding(
                code="bad-interval",
                message=f"'{schedule.every}' is no interval",
                route=(*route, "every"),
                label='expected such as "2 days", "1 hour" or "week"',
                help="a number, and one of minute, hour, day, week, month",
            )


def times_of_day(spec: Spec) -> Iterator[Finding]:
    """bad-time-of-day: hours and minutes."""
    for _, schedule, route in _each(spec):
        for index, time in enumerate(schedule.at):
            if not _AT.fullmatch(time):
                yield Finding(
                    code="bad-time-of-day",
                    message=f"'{time}' is no time of day",
                    route=(*route, "at", index),
                    label='expected such as "22:30"',
                    help="24 hours, in the schedule's `time_zone:` (UTC where none is said)",
                )


def times_fit(spec: Spec) -> Iterator[Finding]:
    """at-within-day: every two hours has no time of day."""
    for _, schedule, route in _each(spec):
        every = EVERY.fullmatch((schedule.every or "").strip())
        for key in ("at", "days"):
            if every and every[2] in ("minute", "hour") and getattr(schedule, key):
                yield Finding(
                    code="at-within-day",
                    message=f"a schedule every {schedule.every} cannot have '{key}'",
                    route=(*route, key),
                    on="key",
                    label="it comes round within a day",
                    help=f"take `{key}` out, or use `every: day` with each time under `at:`",
                )


def days(spec: Spec) -> Iterator[Finding]:
    """bad-day: the first three letters of a weekday."""
    for _, schedule, route in _each(spec):
        for index, day in enumerate(schedule.days):
            if day not in DAYS:
                short = day[:3].lower()
                similar = short if short in DAYS else closest(day, DAYS)
                yield Finding(
                    code="bad-day",
                    message=f"'{day}' is no day",
                    route=(*route, "days", index),
                    label=f"did you mean '{similar}'?" if similar else "",
                    help=f"one of {', '.join(DAYS)}",
                )


def time_zones(spec: Spec) -> Iterator[Finding]:
    """bad-time-zone: a name such as Europe/Berlin."""
    for _, schedule, route in _each(spec):
        zone = schedule.time_zone
        if zone is not None and zone.strip() and not _is_zone(zone):
            yield Finding(
                code="bad-time-zone",
                message=f"'{zone}' is no time zone",
                route=(*route, "time_zone"),
                label=_similar_zone(zone),
                help="expected a name of the IANA list, such as Europe/Berlin or UTC",
            )


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        return bool(ZoneInfo(name))
    except (KeyError, ValueError, OSError):
        # a machine without the list can tell by the form only
        return bool(_ZONE.fullmatch(name)) and not _zones()


def _zones() -> set[str]:
    from zoneinfo import available_timezones

    return available_timezones()


def _similar_zone(name: str) -> str:
    zones = _zones()
    by_city = {zone.rpartition("/")[2].lower(): zone for zone in sorted(zones)}
    city = name.rpartition("/")[2].strip().lower().replace(" ", "_")
    similar = by_city.get(city) or closest(name, zones)
    return f"did you mean '{similar}'?" if similar else ""


def crons(spec: Spec) -> Iterator[Finding]:
    """bad-cron: five fields."""
    for _, schedule, route in _each(spec):
        if schedule.cron is not None and (wrong := _wrong_in(schedule.cron)):
            yield Finding(
                code="bad-cron",
                message=f"'{schedule.cron}' is no cron expression",
                route=(*route, "cron"),
                fragment=wrong if wrong in schedule.cron else None,
                label="expected minute hour day month weekday",
                help='for example "30 22 * * 1-5": at 22:30 from Monday to Friday',
            )


def _wrong_in(cron: str) -> str | None:
    """The first field that is none, the whole where there are not five, None when it is right."""
    fields = cron.split()
    if len(fields) != len(_FIELDS):
        return cron or " "
    for field, (least, most, names) in zip(fields, _FIELDS, strict=True):
        if not all(_is_range(part, least, most, names) for part in field.split(",")):
            return field
    return None


def _is_range(text: str, least: int, most: int, names: tuple[str, ...]) -> bool:
    """Whether ``*``, ``5``, ``1-5`` or ``mon-fri``, each also with ``/2``."""
    span, slash, step = text.partition("/")
    ends = [] if span == "*" else span.split("-")
    numbers = [_cron_number(end, names, least) for end in ends]
    known = [number for number in numbers if number is not None and least <= number <= most]
    right = len(known) == len(ends) <= 2 and known == sorted(known)
    return right and (not slash or (step.isascii() and step.isdigit() and int(step) > 0))


def _cron_number(text: str, names: tuple[str, ...], least: int) -> int | None:
    if text.lower() in names:
        return names.index(text.lower()) + least
    return int(text) if text.isascii() and text.isdigit() else None


def changes(spec: Spec) -> Iterator[Finding]:
    """unknown-data, on-change-dataset: a location of `data` is watched."""
    for _, schedule, route in _each(spec):
        name = schedule.on_change
        if name is None:
            continue
        if name not in spec.data:
            yield unknown("unknown-data", name, (*route, "on_change"), Guesses(spec.data))
        elif spec.data[name].type == "dataset":
            yield Finding(
                code="on-change-dataset",
                message=f"'{name}' is a registered dataset, whose new versions start nothing",
                route=(*route, "on_change"),
                label="expected data with a location",
                help="watch the location it is registered from: `type: directory`",
            )


def parameters(spec: Spec) -> Iterator[Finding]:
    """unknown-parameter: a value for a parameter that the spec does not have."""
    names = [*spec.parameters, *(name for name, data in spec.data.items() if data.parameter)]
    for _, schedule, route in _each(spec):
        for key in schedule.parameters:
            if key not in names:
                where = (*route, "parameters", key)
                yield unknown("unknown-parameter", key, where, Guesses(names))
