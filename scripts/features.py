"""Join flights, weather, planes and airports into a table to learn from.

A file for each month. Every column is known `--hours-ahead` hours before the scheduled departure:
the weather is that of the hour then, and the delays around are those of flights that had left.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

YEAR = 2013
A_TABLE = "a CSV file, or a folder with one"
WEATHER = ["temp", "humid", "wind_speed", "precip", "pressure", "visib"]
TABLE = [
    *("day", "hour", "minute", "weekday", "carrier", "origin", "dest"),
    *("distance", "dest_lat", "dest_lon", "seats", "age", "scheduled"),
    *WEATHER,
    *("delay_all", "delay_origin", "delay_carrier", "arr_delay"),
]


def main() -> None:
    args = arguments()
    flights = pd.read_csv(one_file(args.flights))
    flights["observed"] = minutes(flights["time_hour"]) - 60 * args.hours_ahead
    flights["known"] = flights["observed"] + flights["minute"]
    flights["left"] = flights["known"] + 60 * args.hours_ahead + flights["dep_delay"]
    flights["weekday"] = pd.to_datetime(flights[["month", "day"]].assign(year=YEAR)).dt.day_of_week
    flights = add_weather(flights, one_file(args.weather))
    flights = add_planes(flights, one_file(args.planes))
    flights = add_airports(flights, one_file(args.airports))
    flights["delay_all"] = delays_before(flights, [], 120)
    flights["delay_origin"] = delays_before(flights, ["origin"], 120)
    flights["delay_carrier"] = delays_before(flights, ["origin", "carrier"], 240)
    write(flights, args.out)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flights", type=Path, required=True, help=f"cleaned flights: {A_TABLE}")
    parser.add_argument(
        "--weather", type=Path, required=True, help=f"hourly, without a header: {A_TABLE}"
    )
    parser.add_argument("--planes", type=Path, required=True, help=A_TABLE)
    parser.add_argument("--airports", type=Path, required=True, help=A_TABLE)
    parser.add_argument("--out", type=Path, required=True, help="folder for 01.csv to 12.csv")
    parser.add_argument(
        "--hours-ahead", type=int, default=2, help="hours from prediction to departure (default: 2)"
    )
    return parser.parse_args()


def one_file(path: Path) -> Path:
    """The CSV file at a path that is one, or a folder that holds one."""
    files = sorted(path.rglob("*.csv")) if path.is_dir() else [path]
    if len(files) != 1 or not files[0].is_file():
        sys.exit(f"{path}: expected one CSV file, found {len([f for f in files if f.is_file()])}")
    return files[0]


def minutes(hours: pd.Series) -> pd.Series:
    """Minutes from the year's start to the hour of a text such as 2013-01-31T10:00:00Z."""
    start = pd.Timestamp(year=YEAR, month=1, day=1, tz="UTC")
    return (pd.to_datetime(hours, utc=True) - start) // pd.Timedelta(minutes=1)


def add_weather(flights: pd.DataFrame, file: Path) -> pd.DataFrame:
    """The observations of the hour in which the prediction is made."""
    weather = pd.read_csv(file, names=["origin", "observed", *WEATHER])
    weather["observed"] = minutes(weather["observed"])
    return flights.merge(weather, on=["origin", "observed"], how="left")


def add_planes(flights: pd.DataFrame, file: Path) -> pd.DataFrame:
    planes = pd.read_csv(file, usecols=["tailnum", "year", "seats"])
    planes["age"] = YEAR - planes.pop("year")
    return flights.merge(planes, on="tailnum", how="left")


def add_airports(flights: pd.DataFrame, file: Path) -> pd.DataFrame:
    airports = pd.read_csv(file, usecols=["faa", "lat", "lon"])
    airports.columns = ["dest", "dest_lat", "dest_lon"]
    return flights.merge(airports, on="dest", how="left")


def delays_before(flights: pd.DataFrame, alike: list[str], window: int) -> pd.Series:
    """Mean departure delay of the flights alike that left in the `window` minutes to `known`."""
    groups = flights.groupby(alike) if alike else [((), flights)]
    return pd.concat([_moving_mean(group, window) for _, group in groups])


def _moving_mean(group: pd.DataFrame, window: int) -> pd.Series:
    departed = group.sort_values("left", kind="stable")
    left, known = departed["left"].to_numpy(), group["known"].to_numpy()
    total = np.concatenate([[0], departed["dep_delay"].cumsum()])
    first, last = np.searchsorted(left, known - window), np.searchsorted(left, known)
    mean = (total[last] - total[first]) / np.maximum(last - first, 1)
    return pd.Series(np.where(last > first, mean, np.nan), group.index)


def write(flights: pd.DataFrame, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for month, table in flights.groupby("month"):
        table[TABLE].round(3).to_csv(out / f"{month:02}.csv", index=False, lineterminator="\n")
    print(f"{len(flights):,} flights, {len(TABLE) - 1} columns known before departure")


if __name__ == "__main__":
    try:
        main()
    except FileNotFoundError as error:
        sys.exit(f"there is no file {error.filename}")
