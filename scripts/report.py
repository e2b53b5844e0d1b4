"""Draw and write down what the pipeline found: delays.png and summary.md."""

from __future__ import annotations

import argparse
import calendar
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes

mpl.use("Agg")
import matplotlib.pyplot as plt

INK, SIGNAL, FAINT = "#31688e", "#d1495b", "#c9ced6"
# the contiguous states: Alaska, Hawaii and the Caribbean are off the map
WEST, EAST, SOUTH, NORTH = -126, -66, 24, 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--metrics", type=Path, required=True, help="the folder that evaluate.py wrote"
    )
    parser.add_argument(
        "--cancellations", type=Path, required=True, help="the file that cancellations.py wrote"
    )
    parser.add_argument(
        "--checks", type=Path, required=True, help="CSV without a header: what was counted, count"
    )
    parser.add_argument(
        "--airports", type=Path, required=True, help="airports, for the map: a CSV file"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for delays.png and summary.md"
    )
    args = parser.parse_args()
    about = json.loads((args.metrics / "about.json").read_text(encoding="utf-8"))
    cancellations = pd.read_csv(args.cancellations)
    args.out.mkdir(parents=True, exist_ok=True)
    draw(args.metrics, about, cancellations, pd.read_csv(args.airports), args.out / "delays.png")
    text = summary(args.metrics, about, cancellations, read_checks(args.checks))
    (args.out / "summary.md").write_text(text, encoding="utf-8")
    print(f"drew delays.png and wrote summary.md about {about['tested']:,} flights")


def read_checks(file: Path) -> dict[str, int]:
    return {what: int(count) for what, count in pd.read_csv(file, header=None).to_numpy()}


def draw(
    metrics: Path, about: dict, cancellations: pd.DataFrame, airports: pd.DataFrame, file: Path
) -> None:
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, ((places, tenths), (days, cancelled)) = plt.subplots(
        2, 2, figsize=(12, 8), layout="constrained"
    )
    figure.suptitle(f"Flights from New York, 2013, {months(about['test_from'], 12)}", fontsize=13)
    draw_places(places, pd.read_csv(metrics / "destinations.csv"), airports)
    draw_tenths(tenths, pd.read_csv(metrics / "tenths.csv"), about["late"])
    draw_days(days, pd.read_csv(metrics / "days.csv"))
    draw_cancelled(cancelled, cancellations)
    # without the library's version in it, the same numbers give the same bytes
    figure.savefig(file, dpi=110, metadata={"Software": None})


def draw_places(axes: Axes, places: pd.DataFrame, airports: pd.DataFrame) -> None:
    axes.set_title("Where it was late: mean arrival delay by destination (size: flights)")
    axes.scatter(airports["lon"], airports["lat"], s=3, color=FAINT, linewidths=0)
    dots = axes.scatter(
        places["dest_lon"],
        places["dest_lat"],
        s=places["flights"] / 12 + 12,
        c=places["actual"],
        cmap="RdYlBu_r",
        vmin=-10,
        vmax=30,
        edgecolors="#444444",
        linewidths=0.4,
    )
    axes.figure.colorbar(dots, ax=axes, label="minutes", shrink=0.8)
    axes.set(xlim=(WEST, EAST), ylim=(SOUTH, NORTH), aspect=1.3)
    axes.axis("off")


def draw_tenths(axes: Axes, tenths: pd.DataFrame, late: int) -> None:
    axes.set_title(f"Flights at least {late} minutes late, by the model's warning")
    share = 100 * tenths["late"]
    bars = axes.bar(tenths["tenth"], share, color=[INK] * (len(share) - 1) + [SIGNAL])
    axes.bar_label(bars, fmt="%.0f", padding=2)
    overall = (share * tenths["flights"]).sum() / tenths["flights"].sum()
    axes.axhline(overall, color="#666666", linestyle="--", linewidth=1, zorder=0)
    axes.annotate(
        f"all flights: {overall:.0f} %", (0.6, overall), (0, 3), textcoords="offset points"
    )
    axes.set(xticks=tenths["tenth"], xlabel="tenth of the flights, least to most delay predicted")
    axes.set_ylabel("% late")


def draw_days(axes: Axes, days: pd.DataFrame) -> None:
    axes.set_title("Mean arrival delay by day")
    dates = pd.to_datetime(days[["month", "day"]].assign(year=2013))
    axes.plot(dates, days["actual"], color=INK, label="what happened")
    axes.plot(dates, days["predicted"], color=SIGNAL, label="predicted before departure")
    axes.axhline(0, color=FAINT, linewidth=1, zorder=0)
    axes.legend(frameon=False)
    axes.set_ylabel("minutes")
    axes.xaxis.set_major_formatter(mpl.dates.DateFormatter("%d %b"))


def draw_cancelled(axes: Axes, cancellations: pd.DataFrame) -> None:
    axes.set_title("Cancelled flights, the whole year: in the raw table only")
    sums = cancellations.groupby("month")[["cancelled", "flights"]].sum()
    axes.bar(sums.index, 100 * sums["cancelled"] / sums["flights"], color=INK)
    axes.set_xticks(sums.index, [calendar.month_abbr[month] for month in sums.index])
    axes.set_ylabel("% cancelled")


def summary(metrics: Path, about: dict, cancellations: pd.DataFrame, checks: dict[str, int]) -> str:
    scores = pd.read_csv(metrics / "scores.csv").set_index("predictor")
    model, simplest = scores.loc["model"], scores.iloc[0]
    return f"""# Arrival delays of flights from New York, 2013

Of the tenth of the flights that the model warns of most, {model["late_in_worst_tenth"]:.0%} were \
at least {about["late"]} minutes late; of all flights, {simplest["late_in_worst_tenth"]:.0%}.

![Delays by place, warning and day; cancelled flights](delays.png)

Learned from {about["flights"]:,} flights ({months(1, about["test_from"] - 1)}), tested on \
{about["tested"]:,} flights ({months(about["test_from"], 12)}).

| predictor | mean absolute error, minutes | root mean square error, minutes | variance explained \
| late in worst tenth |
|---|---:|---:|---:|---:|
{lines(score_line(name, row) for name, row in scores.iterrows())}

| carrier | flights | cancelled |
|---|---:|---:|
{lines(carrier_line(row) for row in by_carrier(cancellations).itertuples())}

{checks["rows"]:,} rows read, {checks["malformed"]:,} malformed. Airports: `{about["airports"]}`.
"""


def months(first: int, last: int) -> str:
    """Such as "January to October"; the names are English wherever this runs."""
    names = [calendar.month_name[month] for month in dict.fromkeys((first, last))]
    return " to ".join(names)


def lines(rows: Iterable[str]) -> str:
    return "\n".join(rows)


def score_line(name: str, row: pd.Series) -> str:
    return (
        f"| {name} | {row['mean_absolute_error']:.1f} | {row['root_mean_square_error']:.1f} "
        f"| {round(100 * row['r2'])}% | {row['late_in_worst_tenth']:.0%} |"
    )


def by_carrier(cancellations: pd.DataFrame) -> pd.DataFrame:
    carriers = cancellations.groupby("name", as_index=False)[["flights", "cancelled"]].sum()
    return carriers.sort_values(["flights", "name"], ascending=[False, True])


def carrier_line(row: object) -> str:
    return f"| {row.name} | {row.flights:,} | {row.cancelled / row.flights:.1%} |"


if __name__ == "__main__":
    try:
        main()
    except FileNotFoundError as error:
        sys.exit(f"there is no file {error.filename}")
