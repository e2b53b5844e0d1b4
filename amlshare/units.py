"""Sizes, times and shares as people write them: "30 MB" is 30 x 10^6 bytes, "2h" 7,200 seconds."""

from __future__ import annotations

import re

_SIZES = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "pb": 10**15,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
    "pib": 2**50,
}
_TIMES = dict.fromkeys(("s", "sec", "second", "seconds"), 1)
_TIMES |= dict.fromkeys(("m", "min", "minute", "minutes"), 60)
_TIMES |= dict.fromkeys(("h", "hour", "hours"), 3600)
_TIMES |= dict.fromkeys(("d", "day", "days"), 86400)

_AMOUNT = re.compile(r"(\d{1,20})(?:\.(\d{1,20}))?\s*([A-Za-z]*)", re.ASCII)
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,20})?)\s*%|(\d{1,3})", re.ASCII)
_LIMIT = 2**63

SIZE_FORM = 'a number and a unit, such as "30 MB" or "2 GiB"'
PERCENT_FORM = 'a part of the whole from 0 to 100 %, such as "10%" or "2.5 %"'
TIME_FORM = 'a number and a unit, such as "90 s", "30m", "2h" or "1 day"'
# The same as regular expressions, for the JSON Schema.
SIZE_PATTERN = r"^\s*\d+(|(\.\d+)?\s*([KkMmGgTtPp][Ii]?)?[Bb])\s*$"
TIME_PATTERN = r"^\s*\d+(|(\.\d+)?\s*(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?))\s*$"


def parse_size(text: str | int) -> int:
    """Bytes. A bare whole number is bytes. Raises ValueError."""
    size = _amount(str(text).lower(), _SIZES)
    if size is None:
        raise ValueError(SIZE_FORM)
    return size


def parse_time(text: str | int) -> int:
    """Seconds, at least 1. A bare whole number is seconds. Raises ValueError."""
    seconds = _amount(str(text), _TIMES)
    if not seconds:
        raise ValueError(TIME_FORM)
    return seconds


def parse_percent(text: str) -> float:
    """Per cent, 0 to 100. Only a whole number needs no sign: 0.1 might be a tenth. ValueError."""
    match = _PERCENT.fullmatch(text.strip())
    percent = float(match[1] or match[2]) if match else -1.0
    if not 0 <= percent <= 100:
        raise ValueError(PERCENT_FORM)
    return percent


def _amount(text: str, units: dict[str, int]) -> int | None:
    """The number times its unit, exact and rounded half up; None where that is not what it is."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        return None
    whole, decimals, unit = match.group(1), match.group(2) or "", match.group(3)
    factor = units.get(unit) if unit else None if decimals else 1
    if factor is None:
        return None
    scale: int = 10 ** len(decimals)
    amount = (2 * int(whole + decimals) * factor + scale) // (2 * scale)
    return amount if amount < _LIMIT else None


def show_size(size: int) -> str:
    """Three significant digits and a decimal unit: ``30 MB``, ``1.23 GB``, ``0 B``."""
    if size < 1000:
        return f"{size} B"
    value, unit = float(size), "B"
    for unit in ("KB", "MB", "GB", "TB", "PB"):  # noqa: B007 - the unit is read after the loop
        value /= 1000
        if value < 999.5:
            break
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    text = f"{value:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"


_SPANS = ((2 * 86400, 86400, "d"), (2 * 3600, 3600, "h"), (120, 60, "min"), (0, 1, "s"))


def show_times(low: float, high: float) -> str:
    """From and to, in seconds: ``0.2-0.8 s``, ``<0.1 s``, ``3-12 min``, ``2.0 min`` for two that
    look the same: one unit, and hardly more than two digits.
    """
    _, size, unit = next(each for each in _SPANS if high >= each[0])
    most = max(high / size, 0.1)
    digits = 1 if most < 9.95 else 0
    first, last = f"{low / size:.{digits}f}", f"{most:.{digits}f}"
    if float(first) == 0:
        return f"<{last} {unit}"
    return f"{last} {unit}" if first == last else f"{first}-{last} {unit}"
