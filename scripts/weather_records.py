"""From daily weather to a short text: the coldest, the wettest and the windiest day."""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

Day = dict[str, str]
# what it is called, its column, its unit, and whether more of it is more of a record
RECORDS = [
    ("coldest", "coldest", "F", False),
    ("wettest", "rain", "inches", True),
    ("windiest", "wind", "mph", True),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--daily", type=Path, required=True, help="the folder with daily.csv")
    parser.add_argument("--out", type=Path, required=True, help="folder for records.md")
    args = parser.parse_args()
    with (args.daily / "daily.csv").open(newline="", encoding="utf-8") as file:
        days = list(csv.DictReader(file))
    lines = [record(days, *which) for which in RECORDS]
    args.out.mkdir(parents=True, exist_ok=True)
    text = "| record | station | day | value |\n|---|---|---|---:|\n" + "".join(lines)
    (args.out / "records.md").write_text(text, encoding="utf-8")
    print(text, end="")


def record(days: list[Day], name: str, column: str, unit: str, more: bool) -> str:
    measured = [day for day in days if day[column]]
    if not measured:
        return f"| {name} | | | not measured |\n"
    best = (max if more else min)(measured, key=lambda day: float(day[column]))
    return f"| {name} | {best['station']} | {best['day']} | {best[column]} {unit} |\n"


if __name__ == "__main__":
    try:
        main()
    except FileNotFoundError as error:
        sys.exit(f"there is no file {error.filename}")
