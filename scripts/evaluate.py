"""Try the model on the months that it has not seen, beside the averages it must beat.

Writes scores.csv (a line for each predictor), tenths.csv (the flights in ten equal parts, from the
best predicted to the worst), days.csv, destinations.csv and about.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

TARGET = "arr_delay"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", type=Path, required=True, help="folder with 01.csv to 12.csv")
    parser.add_argument("--model", type=Path, required=True, help="the folder that train.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument(
        "--late", type=int, default=30, help="a flight is late from so many minutes (default: 30)"
    )
    parser.add_argument(
        "--airports", default="unknown", help="which airports table it was, noted as it stands"
    )
    args = parser.parse_args()
    about = json.loads((args.model / "about.json").read_text(encoding="utf-8"))
    flights = read(args.table, about["test_from"])
    predictions = predict(flights, args.model, about)
    flights["predicted"] = predictions["model"]
    args.out.mkdir(parents=True, exist_ok=True)
    scores = [score(name, flights, guess, args.late) for name, guess in predictions.items()]
    save(pd.DataFrame(scores), args.out / "scores.csv")
    save(tenths(flights, args.late), args.out / "tenths.csv")
    save(averages(flights, ["month", "day"]), args.out / "days.csv")
    save(averages(flights, ["dest", "dest_lat", "dest_lon"]), args.out / "destinations.csv")
    about |= {"tested": len(flights), "late": args.late, "airports": args.airports}
    (args.out / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    print(f"tested on {len(flights):,} flights, from month {about['test_from']} on")


def read(folder: Path, test_from: int) -> pd.DataFrame:
    """The test months only: of a mounted folder, the other files are not fetched."""
    months = {int(file.stem): file for file in sorted(folder.glob("*.csv"))}
    tables = [pd.read_csv(months[n]).assign(month=n) for n in months if n >= test_from]
    if not tables:
        sys.exit(f"{folder} has no month from {test_from} on: expected files such as 12.csv")
    return pd.concat(tables, ignore_index=True)


def predict(flights: pd.DataFrame, model: Path, about: dict) -> dict[str, pd.Series]:
    """For each predictor its delay in minutes for each flight."""
    hourly = {int(hour): mean for hour, mean in about["mean_by_hour"].items()}
    trees = joblib.load(model / "model.joblib")
    return {
        "mean of all flights": pd.Series(about["mean"], flights.index),
        "mean of the hour": flights["hour"].map(hourly).fillna(about["mean"]),
        "delays at the airport now": flights["delay_origin"].fillna(about["mean"]),
        "model": pd.Series(trees.predict(flights[list(trees.feature_names_in_)]), flights.index),
    }


def score(name: str, flights: pd.DataFrame, guess: pd.Series, late: int) -> dict[str, object]:
    """Errors in minutes; r2: part of the variance explained; late_in_worst_tenth: of that tenth."""
    error, actual = guess - flights[TARGET], flights[TARGET]
    worst = guess.rank(method="first", ascending=False) <= len(flights) / 10
    # among equal guesses no flight comes before another: each counts as their average
    is_late = (actual >= late).groupby(guess).transform("mean")
    return {
        "predictor": name,
        "mean_absolute_error": error.abs().mean(),
        "root_mean_square_error": np.sqrt((error**2).mean()),
        "r2": 1 - (error**2).sum() / ((actual - actual.mean()) ** 2).sum(),
        "late_in_worst_tenth": is_late[worst].mean(),
    }


def tenths(flights: pd.DataFrame, late: int) -> pd.DataFrame:
    part = pd.qcut(flights["predicted"].rank(method="first"), 10, labels=range(1, 11))
    table = averages(flights.assign(tenth=part.astype(int)), ["tenth"])
    return table.assign(late=(flights[TARGET] >= late).groupby(part.astype(int)).mean().to_numpy())


def averages(flights: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    groups = flights.groupby(by, dropna=False)
    return groups.agg(
        flights=(TARGET, "size"), actual=(TARGET, "mean"), predicted=("predicted", "mean")
    ).reset_index()


def save(table: pd.DataFrame, file: Path) -> None:
    table.round(3).to_csv(file, index=False, lineterminator="\n")


if __name__ == "__main__":
    try:
        main()
    except FileNotFoundError as error:
        sys.exit(f"there is no file {error.filename}")
