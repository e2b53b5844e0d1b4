"""Keep the flights that arrived, with the columns a prediction can use.

A flight that was cancelled or diverted has no arrival delay to learn from. What is known of it is
kept in `scheduled`: how many flights the timetable held for that airport in that hour.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

WHEN = ["month", "day", "hour", "minute", "time_hour"]
WHAT = ["carrier", "tailnum", "origin", "dest", "distance"]
DELAYS = ["dep_delay", "arr_delay"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flights", type=Path, required=True, help="the raw table, a CSV file")
    parser.add_argument("--out", type=Path, required=True, help="folder for flights.csv")
    args = parser.parse_args()
    raw = read(args.flights)
    kept = clean(raw)
    if kept.empty:
        sys.exit(f"no flight in {args.flights} has arrived")
    args.out.mkdir(parents=True, exist_ok=True)
    kept.to_csv(args.out / "flights.csv", index=False, lineterminator="\n")
    print(f"kept {len(kept):,} of {len(raw):,} flights")


def read(file: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(file, usecols=WHEN + WHAT + DELAYS)
    except ValueError as error:
        sys.exit(f"{file} is not a table of flights: {error}")


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    scheduled = raw.groupby(["origin", "time_hour"])["carrier"].transform("size")
    kept = raw.assign(scheduled=scheduled)[raw["arr_delay"].notna()]
    return kept.astype(dict.fromkeys(DELAYS, int))[[*WHEN, *WHAT, "scheduled", *DELAYS]]


if __name__ == "__main__":
    try:
        main()
    except FileNotFoundError as error:
        sys.exit(f"there is no file {error.filename}")
