"""Learn arrival delays from the months before the test months.

Gradient boosted trees. The model's folder also says what it learned from and, for whoever wants
to know whether it is worth its keep, what the training months' averages would predict.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import joblib
import pandas as pd
import sklearn
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

TARGET = "arr_delay"
NAMES = ["carrier", "origin"]
# the destination is in the table by its place and distance; the day of the month says nothing
UNUSED = ["dest", "day"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", type=Path, required=True, help="folder with 01.csv to 12.csv")
    parser.add_argument("--model", type=Path, required=True, help="folder for the model")
    parser.add_argument(
        "--test-from", type=int, default=11, help="first month kept for the test (default: 11)"
    )
    parser.add_argument("--iterations", type=int, default=60, help="trees to grow (default: 60)")
    args = parser.parse_args()
    table = read(args.table, args.test_from)
    model = build(args.iterations)
    model.fit(table.drop(columns=[TARGET, *UNUSED]), table[TARGET])
    args.model.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, args.model / "model.joblib")
    about = describe(table, args.test_from, args.iterations)
    (args.model / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    print(f"learned from {len(table):,} flights, months 1 to {args.test_from - 1}")


def read(folder: Path, test_from: int) -> pd.DataFrame:
    files = [file for file in sorted(folder.glob("*.csv")) if int(file.stem) < test_from]
    if not files:
        sys.exit(f"{folder} has no month before {test_from}: expected files such as 01.csv")
    return pd.concat(map(pd.read_csv, files), ignore_index=True)


def build(iterations: int) -> Pipeline:
    # a carrier that the training months have not seen counts as missing
    encode = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=float("nan"))
    columns = make_column_transformer(
        (encode, NAMES), remainder="passthrough", verbose_feature_names_out=False
    )
    trees = HistGradientBoostingRegressor(
        max_iter=iterations,
        min_samples_leaf=200,
        categorical_features=NAMES,
        early_stopping=False,
        random_state=0,
    )
    return make_pipeline(columns.set_output(transform="pandas"), trees)


def describe(table: pd.DataFrame, test_from: int, iterations: int) -> dict[str, object]:
    by_hour = table.groupby("hour")[TARGET].mean().round(3)
    return {
        "flights": len(table),
        "test_from": test_from,
        "iterations": iterations,
        "scikit-learn": sklearn.__version__,
        "mean": round(float(table[TARGET].mean()), 3),
        "mean_by_hour": {str(hour): float(mean) for hour, mean in by_hour.items()},
    }


if __name__ == "__main__":
    try:
        main()
    except FileNotFoundError as error:
        sys.exit(f"there is no file {error.filename}")
