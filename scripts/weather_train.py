"""Learn to tell the temperature some hours ahead, and try it on the last day.

A straight line through five measures, found by gradient descent, and held against the simplest
guess: that it stays as it is. Writes model.json, with the weights and both errors.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from datetime import datetime, timedelta
from pathlib import Path

from weather_hours import Hour, day, measured, read, run

EPOCHS, RATE = 300, 0.1
Scale = dict[str, dict[str, float]]
# the measures of an hour, scaled; by how much the temperature then changes; its day
Example = tuple[list[float], float, str]


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
    parser.add_argument("--scale", type=Path, required=True, help="the folder with scale.json")
    parser.add_argument("--model", type=Path, required=True, help="folder for model.json")
    parser.add_argument("--hours", type=int, default=3, help="how far ahead (default: 3)")
    args = parser.parse_args()
    scale = json.loads((args.scale / "scale.json").read_text(encoding="utf-8"))
    examples = pairs(read(args.weather), scale, args.hours)
    last = max((day for *_, day in examples), default="")
    known, unseen = [e for e in examples if e[2] < last], [e for e in examples if e[2] == last]
    if not known:
        sys.exit(f"{args.weather}: at least two days are needed, to learn from and to test on")
    model = report(fit(known, len(scale) + 1), unseen, args.hours)
    args.model.mkdir(parents=True, exist_ok=True)
    (args.model / "model.json").write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")
    print(f"off by {model['error']} F on {last}; staying as it is: {model['error_if_it_stays']} F")


def pairs(hours: list[Hour], scale: Scale, ahead: int) -> list[Example]:
    """For every hour whose temperature, and that some hours later, is known: what to learn."""
    temperature = {(hour["origin"], time(hour)): measured(hour, "temp") for hour in hours}
    found = []
    for hour in hours:
        now = measured(hour, "temp")
        then = temperature.get((hour["origin"], time(hour) + timedelta(hours=ahead)))
        if now is not None and then is not None:
            found.append((scaled(hour, scale), then - now, day(hour)))
    return found


def time(hour: Hour) -> datetime:
    return datetime.fromisoformat(hour["time_hour"].replace("Z", "+00:00"))


def scaled(hour: Hour, scale: Scale) -> list[float]:
    """A constant, and the measures in spreads from their mean; a missing one counts as usual."""
    values = [1.0]
    for name, usual in scale.items():
        value = measured(hour, name)
        values.append(0.0 if value is None else (value - usual["mean"]) / usual["spread"])
    return values


def fit(examples: list[Example], width: int) -> list[float]:
    weights = [0.0] * width
    for _ in range(EPOCHS):
        errors = [predict(weights, x) - change for x, change, _ in examples]
        for i in range(width):
            slope = sum(e * x[i] for e, (x, *_) in zip(errors, examples, strict=True))
            weights[i] -= RATE * slope / len(examples)
    return weights


def predict(weights: list[float], x: list[float]) -> float:
    return sum(w * value for w, value in zip(weights, x, strict=True))


def report(weights: list[float], unseen: list[Example], hours: int) -> dict[str, object]:
    error = statistics.fmean(abs(predict(weights, x) - change) for x, change, _ in unseen)
    stays = statistics.fmean(abs(change) for _, change, _ in unseen)
    return {
        "hours_ahead": hours,
        "weights": [round(weight, 4) for weight in weights],
        "error": round(error, 2),
        "error_if_it_stays": round(stays, 2),
    }


if __name__ == "__main__":
    run(main)
