"""What finished runs tell of how fast data comes, and what `calibrate` makes of it."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from azurite import Azurite
from conftest import Command

from amlshare.backends.local.folder import Folder
from amlshare.backends.local.records import InputRecord, Records
from amlshare.backends.local.samples import samples, this_machine
from amlshare.calibration import Sample

FETCHED = InputRecord(
    run="r1",
    step="s",
    input="a",
    source="raw",
    mode="download",
    how="bind",
    digest="d",
    url="https://here.blob.core.windows.net/raw",
    bytes=1000,
    files=4,
    moved_bytes=1000,
    seconds=0.5,
    listing_seconds=0.1,
)
MOUNTED = replace(
    FETCHED, input="b", mode="mount", how="fuse", moved_bytes=300, requests=3, mounting_seconds=0.2
)


def told(state: Path, *records: InputRecord) -> tuple[Sample, ...]:
    folder = Folder(state)
    folder.root.mkdir(parents=True, exist_ok=True)
    with closing(Records(folder.database)) as database:
        database.put(*records)
    return samples(state)


def test_what_came_from_elsewhere_is_told_the_newest_run_first(tmp_path: Path):
    assert told(tmp_path, FETCHED, replace(MOUNTED, run="r2")) == (
        Sample(
            how="mount",
            moved=300,
            files=3,
            seconds=0.5,
            requests=3,
            listing_seconds=0.1,
            mounting_seconds=0.2,
        ),
        Sample(how="download", moved=1000, files=4, seconds=0.5, listing_seconds=0.1),
    )


@pytest.mark.parametrize(
    "silent",
    [
        {"url": "/data"},
        {"moved_bytes": 0, "seconds": 0.0},
        {"moved_bytes": 600},  # the rest was here already
        {"seconds": None, "url": None, "bytes": None},  # of an older version
    ],
)
def test_what_tells_nothing_of_a_store_elsewhere_is_left_out(tmp_path: Path, silent: dict):
    assert told(tmp_path, replace(FETCHED, **silent)) == ()


def test_where_nothing_was_run_there_are_no_samples(tmp_path: Path):
    assert samples(tmp_path / "none") == ()
    assert this_machine(tmp_path / "none").keys() == {"cores", "ram_gib", "disk_gib"}


# the command


def write_project(folder: Path, container: str) -> None:
    def step(source: str, mode: str) -> dict[str, object]:
        return {
            "command": 'cat "${inputs.raw}"/* > /dev/null; echo 1 > "${outputs.out}"',
            "inputs": {"raw": {"from": source, "mode": mode}},
            "outputs": {"out": {"format": "file"}},
        }

    def data(location: str, size: int, files: int) -> dict[str, object]:
        place = {"type": "path", "datastore": "far", "location": location}
        return place | {"size": size, "files": files}

    names = "code datastore compute environment".split()
    spec = {
        "amlshare": 1,
        "name": "fetch",
        "defaults": dict(zip(names, ("none", "here", "cpu", "python"), strict=True)),
        "environments": {"python": {"image": "python:3.11.4"}},
        "local": {"datastores": {"far": f"az://{container}", "here": "out"}},
        "data": {"small": data("s", 600, 60), "large": data("l", 8_000_000, 1)},
        "steps": {
            f"{mode}_{source}": step(source, mode)
            for mode in ("mount", "download", "auto")
            for source in ("small", "large")
        },
    }
    (folder / "fetch.yaml").write_text(json.dumps(spec))


def test_rates_are_measured_kept_beside_the_spec_and_planned_with(
    amlshare: Command, azurite: Azurite, fuse: None
):
    assert fuse is None
    blobs = {f"s/{number}": b"0123456789" for number in range(60)}
    write_project(amlshare.cwd, azurite.container(blobs | {"l/large": bytes(8_000_000)}))
    env = {"AZURE_STORAGE_CONNECTION_STRING": azurite.connection_string}
    env |= dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1")
    steps = "mount_small mount_large download_small download_large"
    for _ in range(2):
        words = ("--as-cloud", "--regenerate", "--select", steps, "--jobs", "1")
        done = amlshare("submit", "fetch.yaml", "--backend", "local", *words, env=env)
        assert done.exit_code == 0, done.stdout + done.stderr
    shown = amlshare("calibrate", "fetch.yaml")
    assert "from 8 transfers" in shown.stdout
    assert "amlshare calibrate fetch.yaml --write" in shown.stdout
    assert not (amlshare.cwd / "fetch.rates.yaml").exists()
    found = json.loads(amlshare("calibrate", "fetch.yaml", "--write", "--format", "json").stdout)
    assert [each["transfers"] for each in found["rates"]] == [2, 2, 2, 2, 4, 4]
    kept = yaml.safe_load((amlshare.cwd / "fetch.rates.yaml").read_text())
    assert kept["local"].keys() == {"machine", *(each["rate"] for each in found["rates"])}
    plan = json.loads(
        amlshare("plan", "fetch.yaml", "--backend", "local", "--format", "json").stdout
    )
    assert all(edge["seconds"] > 0 for edge in plan["edges"])
    auto = [edge for edge in plan["edges"] if edge["mode_reason"]]
    assert [edge["step"] for edge in auto] == ["auto_large", "auto_small"]
    assert not any("once" in edge["mode_reason"] for edge in auto)
    cloud = json.loads(amlshare("plan", "fetch.yaml", "--format", "json").stdout)
    assert cloud["known"].get("rates") is None  # they are not those of Azure


def test_with_nothing_to_tell_calibrate_says_what_would(amlshare: Command):
    write_project(amlshare.cwd, "nowhere")
    done = amlshare("calibrate", "fetch.yaml")
    assert done.exit_code == 0
    assert "to measure it: two mounts of which 50 small files are read" in done.stdout
    assert "name a URL under" in done.stdout
    for words, why in (
        (("fetch.yaml", "--write"), "no rate was measured"),
        ((".", "--write"), "name the spec"),
        (("gone.yaml",), "there is no 'gone.yaml'"),
    ):
        done = amlshare("calibrate", *words)
        assert (done.exit_code, why in done.stderr) == (2, True)


def test_a_broken_file_is_not_written_over(amlshare: Command):
    write_project(amlshare.cwd, "nowhere")
    told(
        amlshare.cwd / ".amlshare",
        FETCHED, replace(FETCHED, input="b"), MOUNTED, replace(MOUNTED, input="c"),
    )  # fmt: skip
    file = amlshare.cwd / "fetch.rates.yaml"
    file.write_text("rates: 2\n")
    done = amlshare("calibrate", "fetch.yaml", "--write")
    assert (done.exit_code, file.read_text()) == (3, "rates: 2\n")
    assert "error[bad-rates]: these are no rates of amlshare" in done.stderr
    assert "fetch.rates.yaml:1:8" in done.stderr
    file.write_text("rates: 1\nlocal: &all {latency: 1}\nazureml: *all\n")
    done = amlshare("calibrate", "fetch.yaml", "--write")
    assert (done.exit_code, "*all" in file.read_text()) == (2, True)
    assert "fetch.rates.yaml cannot be changed so: take the section `local` out" in done.stderr
    file.write_text("# ours\nrates: 1\nlocal:\n  latency: 1\n# and of one core\n  core: 1 MB\n")
    done = amlshare("calibrate", "fetch.yaml", "--write")
    assert done.exit_code == 0, done.stderr
    assert file.read_text().startswith("# ours\nrates: 1\nlocal:\n")
    assert amlshare("plan", "fetch.yaml", "--backend", "local").exit_code == 0
