"""`plan --refresh`, from the data to the plan that goes by it."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from amlshare import commands
from amlshare.commands import Request

SPEC = """\
amlshare: 1
name: tiny
defaults: {compute: cpu, environment: any, datastore: lake, code: code}
environments: {any: {image: "registry/image:1"}}
local:
  datastores: {lake: data}
  datasets: {airports: data/airports.csv}
data:
  flights: {type: path, location: raw/flights.csv, format: file, size: 1 GB, parameter: true}
  weather: {type: directory, location: "raw/weather/*.csv"}
  airports: {type: dataset, name: airports, version: latest, format: file}
  codes: {type: path, location: codes.csv, upload: codes.csv, format: file}
steps:
  audit:
    command: wc -l ${inputs.flights} ${inputs.codes} > ${outputs.lines}/lines
    inputs: {flights: flights, codes: codes}
    outputs: [lines]
  join:
    command: cat ${inputs.weather}/*.csv ${inputs.airports} > ${outputs.joined}/all
    inputs: {weather: weather, airports: airports}
    outputs: [joined]
targets:
  prod: {tags: {stage: production}}
"""
FILES = {
    "data/raw/flights.csv": "12345",
    "data/raw/weather/1.csv": "1",
    "data/raw/weather/2.csv": "22",
    "data/airports.csv": "A\nB\n",
    "codes.csv": "333",
    "code/nothing.py": "",
    "tiny.yaml": SPEC,
}


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """Where the lock of the spec comes to lie, with its data beside it."""
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path / "tiny.lock.yaml"


@pytest.fixture
def refreshed(amlshare: Any, lock: Path) -> Callable[..., str]:  # noqa: ARG001 - it is the project
    """What a refresh says."""

    def refresh(*options: str) -> str:
        done = amlshare("plan", "tiny.yaml", "--refresh", *options)
        assert done.exit_code == 0, done.stderr
        return str(done.stderr)

    return refresh


@pytest.fixture
def planned(lock: Path) -> Callable[..., dict[str, Any]]:
    """The plan that is made of the spec, as JSON."""
    spec = str(lock.with_name("tiny.yaml"))
    return lambda **asked: commands.plan_document(*commands.planned(Request(spec=spec, **asked)))


def sizes(document: dict[str, Any]) -> dict[str, tuple[int | None, str]]:
    return {each["source"]: (each["bytes"], each["bytes_from"]) for each in document["edges"]}


def fingerprints(document: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["fingerprint"] for step in document["steps"]}


def test_every_source_is_measured_and_the_plan_goes_by_it(planned, refreshed, lock):
    before = planned()
    assert sizes(before) == {
        "airports": (None, "unknown"),
        "codes": (None, "unknown"),
        "flights": (10**9, "hint"),
        "weather": (None, "unknown"),
    }
    assert refreshed().splitlines() == [
        "airports  4 B in 1 file, looked at for the first time",
        "codes     3 B in 1 file, looked at for the first time",
        "flights   5 B in 1 file, looked at for the first time",
        "weather   3 B in 2 files, looked at for the first time",
        "wrote tiny.lock.yaml",
    ]
    after = planned()
    assert sizes(after) == {
        "airports": (4, "measured"),
        "codes": (3, "measured"),
        "flights": (5, "measured"),
        "weather": (3, "measured"),
    }
    assert all(before != fingerprints(after)[step] for step, before in fingerprints(before).items())
    assert lock.read_text().startswith("# Written by `amlshare plan tiny.yaml --refresh`")


def test_unchanged_data_writes_nothing_anew_and_keeps_its_fingerprints(
    planned, refreshed, lock, tmp_path
):
    refreshed()
    lock.write_text(lock.read_text().replace("since: 2", "since: 1"))  # so that it was long ago
    before, plan = lock.read_bytes(), planned()
    (tmp_path / "data/raw/flights.csv").touch()  # another date, and no other content
    said = refreshed()
    assert "flights   5 B in 1 file, unchanged since 1" in said
    assert "tiny.lock.yaml is up to date" in said
    assert (lock.read_bytes(), planned()) == (before, plan)


def test_changed_data_changes_its_readers_alone(planned, refreshed, lock, tmp_path):
    refreshed()
    before = fingerprints(planned())
    (tmp_path / "data/raw/weather/3.csv").write_text("4444")
    (tmp_path / "data/airports.csv").write_text("A\nC\n")
    said = refreshed()
    assert "weather   7 B in 3 files, changed: was 3 B in 2 files" in said
    assert "airports  4 B in 1 file, changed: as much as there was, of other content" in said
    assert "wrote tiny.lock.yaml" in said
    assert lock.read_text().count("changes: 1") == 2
    after = planned()
    assert [step for step, found in fingerprints(after).items() if found != before[step]] == [
        "join"
    ]
    assert after["known"]["changes"] == {"airports": 1, "weather": 1}


def test_json_has_what_was_found_and_what_changed(amlshare, refreshed, tmp_path):
    def found() -> dict[str, Any]:
        done = amlshare("plan", "tiny.yaml", "--refresh", "--format", "json")
        return dict(json.loads(done.stdout)["refreshed"])

    first = found()
    assert (first["lock"], first["written"]) == ("tiny.lock.yaml", True)
    assert [(each["name"], each["before"], each["changed"]) for each in first["data"]] == [
        (name, None, False) for name in ("airports", "codes", "flights", "weather")
    ]
    (tmp_path / "data/raw/weather/3.csv").write_text("4444")
    weather = {each["name"]: each for each in found()["data"]}["weather"]
    assert (weather["changed"], weather["problem"]) == (True, None)
    before, after = weather["before"], weather["after"]
    assert (before["bytes"], after["bytes"], after["files"]) == (3, 7, 3)
    assert before["digest"] != after["digest"]
    assert after["at"] == "lake:raw/weather/*.csv"
    again = found()
    assert not again["written"]
    assert not any(each["changed"] for each in again["data"])
    refreshed()
    assert "refreshed" not in json.loads(amlshare("plan", "tiny.yaml", "--format", "json").stdout)


def test_data_at_another_place_has_no_size_from_the_lock(amlshare, planned, refreshed):
    refreshed()
    found = sizes(planned(parameters=("flights=lake:raw/2014.csv",)))
    assert found["flights"] == (None, "unknown")
    done = amlshare("plan", "tiny.yaml", "--refresh", "-p", "flights=lake:raw/2014.csv")
    assert done.exit_code == 2
    assert "leave `-p flights=` out" in done.stderr


PROD = "  prod: {data: {flights: {location: raw/prod.csv}}}\n"


def test_a_target_keeps_entries_of_its_own_of_what_lies_elsewhere(
    planned, refreshed, lock, tmp_path
):
    (tmp_path / "tiny.yaml").write_text(SPEC.partition("  prod:")[0] + PROD)
    (tmp_path / "data/raw/prod.csv").write_text("1234567")
    refreshed()
    refreshed("--target", "prod")
    assert lock.read_text().count("at: lake:raw/weather/*.csv") == 1
    assert sizes(planned(target="prod"))["flights"] == (7, "measured")
    assert sizes(planned())["flights"] == (5, "measured")
    before = lock.read_bytes()
    refreshed()
    assert lock.read_bytes() == before
    (tmp_path / "tiny.yaml").write_text(SPEC.partition("targets:")[0])
    refreshed()
    assert "targets" not in lock.read_text()


def test_what_a_target_shares_is_known_to_both_from_either_refresh(
    planned, refreshed, lock, tmp_path
):
    refreshed()
    for content, options in (("1234567", ("--target", "prod")), ("12", ())):
        (tmp_path / "data/raw/flights.csv").write_text(content)
        said = refreshed(*options)
        assert f"flights   {len(content)} B in 1 file, changed: was " in said
        for target in ("prod", None):
            assert sizes(planned(target=target))["flights"] == (len(content), "measured")
    assert "targets" not in lock.read_text()


def test_what_stands_in_for_a_targets_own_datastore_is_another_place(
    planned, refreshed, lock, tmp_path
):
    text = SPEC.replace("{tags: {stage: production}}", "{local: {datastores: {lake: other}}}")
    (tmp_path / "tiny.yaml").write_text(text)
    for name in ("raw/flights.csv", "raw/weather/1.csv"):
        (tmp_path / "other" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "other" / name).write_text("123456789")
    refreshed("--target", "prod")
    refreshed()
    assert sizes(planned(target="prod"))["flights"] == (9, "measured")
    assert sizes(planned())["flights"] == (5, "measured")
    # it comes to lie at the place of the spec
    (tmp_path / "tiny.yaml").write_text(SPEC)
    refreshed()
    assert sizes(planned(target="prod"))["flights"] == (5, "measured")
    assert "targets" not in lock.read_text()


def test_what_is_not_there_is_told_all_at_once_and_the_lock_stays(
    amlshare, refreshed, lock, tmp_path
):
    refreshed()
    before = lock.read_bytes()
    (tmp_path / "data/raw/flights.csv").unlink()
    for name in "12":
        (tmp_path / f"data/raw/weather/{name}.csv").unlink()
    (tmp_path / "data/airports.csv").write_text("more")
    done = amlshare("plan", "tiny.yaml", "--refresh", "--format", "json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)["error"]
    assert told.startswith("2 of 4 data cannot be looked at\ndata 'flights': nothing is at 'raw/fl")
    assert "data 'weather': no file matches 'raw/weather/*.csv'" in told
    assert told.count("local.datastores.lake stands in for the cloud") == 1
    assert lock.read_bytes() == before


def test_a_lock_that_is_no_lock_ends_every_plan_at_its_line(amlshare, lock):
    lock.write_text("lock: 1\ndata:\n  flights: {at: x}\n")
    for words in (
        ["plan", "tiny.yaml"],
        ["plan", "tiny.yaml", "--refresh"],
        ["check", "tiny.yaml"],
    ):
        done = amlshare(*words)
        assert done.exit_code == 3
        assert "tiny.lock.yaml:3:12" in done.stdout + done.stderr


def test_checking_all_files_of_a_folder_passes_over_its_locks(amlshare, refreshed, lock):
    refreshed()
    done = amlshare("check", "tiny.yaml", lock.name)
    assert "error" not in done.stdout


@pytest.mark.usefixtures("lock")
def test_standard_input_has_no_lock(amlshare):
    done = amlshare("plan", "-", "--refresh", stdin=SPEC)
    assert done.exit_code == 2
    assert "standard input has no place" in done.stderr


@pytest.fixture
def hanging() -> Iterator[socket.socket]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_it_can_be_interrupted_while_a_store_does_not_answer(amlshare, lock, hanging, tmp_path):
    lake = "datastores: {lake: az://container}"
    (tmp_path / "tiny.yaml").write_text(SPEC.replace("datastores: {lake: data}", lake))
    account = f"http://127.0.0.1:{hanging.getsockname()[1]}/devstoreaccount1"
    env = {
        "AZURE_STORAGE_CONNECTION_STRING": f"BlobEndpoint={account};AccountName=a;AccountKey=a2V5",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    process = amlshare.start("plan", "tiny.yaml", "--refresh", env=env)
    connection, _ = hanging.accept()
    with connection:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert (process.returncode, said.splitlines()[-1]) == (130, "interrupted")
    assert not lock.exists()


def test_a_variable_that_is_not_set_is_told_like_what_is_not_there(amlshare, lock, tmp_path):
    text = SPEC.replace("airports: data/airports.csv", 'airports: "${env.AIRPORTS}"')
    (tmp_path / "tiny.yaml").write_text(text)
    (tmp_path / "data/raw/flights.csv").unlink()
    done = amlshare("plan", "tiny.yaml", "--refresh")
    assert done.exit_code == 1
    assert "2 of 4 data cannot be looked at" in done.stderr
    assert "the environment variable AIRPORTS is not set" in done.stderr
    assert not lock.exists()
