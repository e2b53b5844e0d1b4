"""Count the cancelled flights of every carrier and month.

A cancelled flight has no departure time. It is in the raw table only: a cleaned one has lost it.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

Sums = Counter[tuple[str, int]]
HEADER = ["carrier", "name", "month", "flights", "cancelled"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flights", type=Path, required=True, help="the raw table, a CSV file")
    parser.add_argument("--airlines", type=Path, required=True, help="CSV: carrier, name")
    parser.add_argument("--out", type=Path, required=True, help="the CSV file to write")
    args = parser.parse_args()
    names = {row["carrier"]: row["name"] for row in rows(args.airlines, ["carrier", "name"])}
    flights, cancelled = count(rows(args.flights, ["carrier", "month", "dep_time"]))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with args.out.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HEADER)
        for carrier, month in sorted(flights):
            sums = flights[carrier, month], cancelled[carrier, month]
            table.writerow([carrier, names.get(carrier, carrier), month, *sums])
    print(f"{cancelled.total():,} of {flights.total():,} flights were cancelled")


def rows(file: Path, columns: list[str]) -> Iterator[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as text:
        table = csv.DictReader(text)
        if missing := [name for name in columns if name not in (table.fieldnames or [])]:
            sys.exit(f"{file} has no column {', '.join(missing)}")
        yield from table


def count(table: Iterator[dict[str, str]]) -> tuple[Sums, Sums]:
    flights, cancelled = Sums(), Sums()
    for row in table:
        key = (row["carrier"], int(row["month"]))
        flights[key] += 1
        cancelled[key] += row["dep_time"] in ("", "NA")
    return flights, cancelled


if __name__ == "__main__":
    try:
        main()
    except FileNotFoundError as error:
        sys.exit(f"there is no file {error.filename}")
