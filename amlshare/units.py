"""Sizes and times as people write them: "30 MB" is 30 x 10^6 bytes, "2h" is 7,200 seconds."""

from __future__ import annotations

import re

_SIZES = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
_TIMES = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_WORDS = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600, "day": 86400}

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?i?B)", re.IGNORECASE | re.ASCII)
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*?)s?", re.IGNORECASE | re.ASCII)

SIZE_FORM = 'a number and a unit, such as "30 MB" or "2 GiB"'
TIME_FORM = 'a number and a unit, such as "90 s", "30m", "2h" or "1 day"'


def parse_size(text: str | int) -> int:
    """Bytes. A bare whole number is bytes. Raises ValueError."""
    if isinstance(text, int):
        if text < 0:
            raise ValueError(SIZE_FORM)
        return text
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(SIZE_FORM)
    return round(float(match.group(1)) * _SIZES[match.group(2).upper()])


def parse_time(text: str | int) -> int:
    """Seconds, at least 1. A bare whole number is seconds. Raises ValueError."""
    if isinstance(text, int):
        seconds = float(text)
    else:
        match = _TIME.fullmatch(text.strip())
        unit = match and (_TIMES | _WORDS).get(match.group(2).lower() or "s")
        if match is None or unit is None:
            raise ValueError(TIME_FORM)
        seconds = float(match.group(1)) * unit
    if seconds < 1:
        raise ValueError(TIME_FORM)
    return round(seconds)


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
