"""Orders without duplicates and unknown goods, each with what it is worth."""

import argparse
import csv
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=Path, required=True, help="folder of CSV files")
    parser.add_argument("--prices", type=Path, required=True, help="CSV file: item, price")
    parser.add_argument("--smallest", type=float, default=0, help="drop orders worth less")
    parser.add_argument("--out", type=Path, required=True, help="folder for sales.csv")
    args = parser.parse_args()

    with args.prices.open(newline="", encoding="utf-8") as file:
        prices = {row["item"]: float(row["price"]) for row in csv.DictReader(file)}
    orders: dict[str, dict[str, str]] = {}
    for path in sorted(args.orders.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            orders.update((row["order"], row) for row in csv.DictReader(file))

    args.out.mkdir(parents=True, exist_ok=True)
    kept = 0
    with (args.out / "sales.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["day", "customer", "worth"])
        for row in orders.values():
            worth = prices.get(row["item"], 0) * int(row["pieces"])
            if worth and worth >= args.smallest:
                table.writerow([row["day"], row["customer"], f"{worth:.2f}"])
                kept += 1
    print(f"kept {kept} of {len(orders)} orders")


if __name__ == "__main__":
    main()
