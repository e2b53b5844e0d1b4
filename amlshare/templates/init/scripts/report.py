"""What each customer bought for, in all and by month."""

import argparse
import csv
from collections import defaultdict
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sales", type=Path, required=True, help="folder with sales.csv")
    parser.add_argument("--customers", type=Path, required=True, help="folder of CSV files")
    parser.add_argument("--tables", type=Path, required=True, help="folder for months.csv")
    parser.add_argument("--totals", type=Path, required=True, help="folder for totals.csv")
    args = parser.parse_args()

    names: dict[str, str] = {}
    for path in sorted(args.customers.glob("*.csv")):
        names.update((row["customer"], row["name"]) for row in read(path))
    months: dict[str, float] = defaultdict(float)
    totals: dict[str, float] = defaultdict(float)
    for row in read(args.sales / "sales.csv"):
        months[row["day"][:7]] += float(row["worth"])
        totals[names.get(row["customer"], row["customer"])] += float(row["worth"])

    write(args.tables / "months.csv", ["month", "worth"], months)
    write(args.totals / "totals.csv", ["name", "worth"], totals)
    for name, worth in sorted(totals.items(), key=lambda item: -item[1]):
        print(f"{name:<16}{worth:>10.2f}")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path: Path, header: list[str], rows: dict[str, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(header)
        table.writerows([key, f"{value:.2f}"] for key, value in sorted(rows.items()))


if __name__ == "__main__":
    main()
