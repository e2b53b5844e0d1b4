"""From hourly weather to days: coldest, warmest, rain and strongest wind at each station."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from weather_hours import Hour, day, measured, read, run

HEADER = ["station", "day", "coldest", "warmest", "rain", "wind"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--weather",
        type=Path,
        required=True,
        help="hourly weather: a CSV file, or a folder of them",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for daily.csv")
    args = parser.parse_args()
    days = by_day(read(args.weather))
    args.out.mkdir(parents=True, exist_ok=True)
    with (args.out / "daily.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HEADER)
        table.writerows([*key, *describe(days[key])] for key in sorted(days))
    print(f"{len(days)} days")


def by_day(hours: list[Hour]) -> dict[tuple[str, str], list[Hour]]:
    days: dict[tuple[str, str], list[Hour]] = {}
    for hour in hours:
        days.setdefault((hour["origin"], day(hour)), []).append(hour)
    return days


def describe(hours: list[Hour]) -> list[str]:
    """Temperatures in F, rain in inches, wind in mph; an empty text where nothing was measured."""
    temperatures, rain, wind = (numbers(hours, name) for name in ("temp", "precip", "wind_speed"))
    found = [min(temperatures, default=None), max(temperatures, default=None)]
    found += [sum(rain) if rain else None, max(wind, default=None)]
    return ["" if value is None else f"{value:.2f}" for value in found]


def numbers(hours: list[Hour], name: str) -> list[float]:
    return [value for hour in hours if (value := measured(hour, name)) is not None]


if __name__ == "__main__":
    run(main)
