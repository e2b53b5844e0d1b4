"""Fill the gaps in hourly weather observations, one station at a time.

The entry script of a parallel step: `init` is called once in every process, `run` for each mini
batch of files. The rows that `run` returns are appended to one file, lines without a header:
station, hour (UTC), temperature (F), humidity (%), wind (mph), rain (inches), pressure (mbar),
visibility (miles). Whoever runs it decides in which order the batches come: readers must not
rely on it.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

MEASURES = ("temp", "humid", "wind_speed", "precip", "pressure", "visib")
HOUR = timedelta(hours=1)
Hours = dict[datetime, float]

max_gap = 6


def init() -> None:
    """Read the step's arguments. The caller adds words of its own, so unknown ones are let pass."""
    global max_gap  # noqa: PLW0603 - `run` takes the files and nothing else: the contract
    max_gap = arguments().parse_known_args()[0].max_gap


def run(mini_batch: Iterable[str]) -> list[str]:
    """The complete hours of every station that the files speak of, as lines of CSV."""
    stations: dict[str, dict[str, Hours]] = {}
    for file in mini_batch:
        read(Path(file), stations)
    return [line for name in sorted(stations) for line in complete(name, stations[name])]


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--max-gap", type=int, default=6, help="fill gaps of up to this many hours (default: 6)"
    )
    return parser


def read(file: Path, stations: dict[str, dict[str, Hours]]) -> None:
    with file.open(newline="", encoding="utf-8") as text:
        table = csv.DictReader(text)
        if missing := {"origin", "time_hour", *MEASURES} - set(table.fieldnames or []):
            raise ValueError(f"{file} has no column {', '.join(sorted(missing))}")
        for row in table:
            measures = stations.setdefault(row["origin"], {name: {} for name in MEASURES})
            hour = datetime.fromisoformat(row["time_hour"].replace("Z", "+00:00"))
            for name in MEASURES:
                if row[name] not in ("", "NA"):
                    measures[name][hour] = float(row[name])


def complete(station: str, measures: dict[str, Hours]) -> list[str]:
    """A line for each hour from the first to the last; an empty field where a gap is too wide."""
    filled = [fill(measures[name]) for name in MEASURES]
    observed = sorted(set().union(*filled))
    lines = []
    for number in range((observed[-1] - observed[0]) // HOUR + 1 if observed else 0):
        hour = observed[0] + HOUR * number
        values = (f"{hours[hour]:.2f}" if hour in hours else "" for hours in filled)
        lines.append(",".join([station, f"{hour:%Y-%m-%dT%H:%M:%SZ}", *values]))
    return lines


def fill(known: Hours) -> Hours:
    """The known hours, and between two of them a straight line where they are close enough."""
    filled = dict(known)
    times = sorted(known)
    for before, after in pairwise(times):
        steps = (after - before) // HOUR
        if 1 < steps <= max_gap + 1:
            slope = (known[after] - known[before]) / steps
            filled.update({before + HOUR * n: known[before] + slope * n for n in range(1, steps)})
    return filled


def main() -> None:
    """By hand: the rows of the files named on the command line, on standard output."""
    parser = arguments()
    parser.add_argument("files", nargs="+", help="CSV files of observations")
    files = parser.parse_args().files
    init()
    try:
        sys.stdout.writelines(f"{line}\n" for line in run(files))
    except (OSError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
