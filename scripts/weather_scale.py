"""Learn what is usual in hourly weather: the mean and the spread of every measure.

The last day does not count: it is what a model is tried on later.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

from weather_hours import Hour, day, measured, read, run

MEASURES = ("temp", "dewp", "humid", "wind_speed", "pressure")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--weather",
        type=Path,
        required=True,
        help="hourly weather: a CSV file, or a folder of them",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for scale.json")
    args = parser.parse_args()
    hours = read(args.weather)
    last = max(map(day, hours))
    known = [hour for hour in hours if day(hour) < last]
    scale = {name: usual(known, name) for name in MEASURES}
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "scale.json").write_text(json.dumps(scale, indent=2) + "\n", encoding="utf-8")
    print(f"{len(known)} hours before {last}")


def usual(hours: list[Hour], name: str) -> dict[str, float]:
    values = [value for hour in hours if (value := measured(hour, name)) is not None]
    if len(set(values)) <= 1:
        sys.exit(f"{name}: at least two different values are needed before the last day")
    return {
        "mean": round(statistics.fmean(values), 4),
        "spread": round(statistics.pstdev(values), 4),
    }


if __name__ == "__main__":
    run(main)
