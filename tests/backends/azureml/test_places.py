"""`plan --refresh` where nothing stands in: data is found, and listed, through the workspace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from backends.azureml.offline import needs_sdk

from amlshare import lock as locks
from amlshare.backends.azureml.places import _read
from amlshare.document import read

pytestmark = needs_sdk
SPEC = """\
amlshare: 1
name: tiny
defaults: {compute: cpu, environment: any, datastore: workspaceblobstore, code: none}
environments: {any: {image: "registry/image:1"}}
data:
  table: {type: path, location: raw/a.csv, format: file}
  folder: {type: directory, location: "raw/**/*.csv"}
  airports: {type: dataset, name: airports, version: latest}
steps:
  count:
    command: wc ${inputs.table} ${inputs.folder} ${inputs.airports}
    inputs: {table: table, folder: folder, airports: airports}
  copy:
    command: cp -r ${inputs.airports} ${outputs.here}
    inputs: {airports: airports}
    outputs: [here]
"""
BLOBS = {"raw/a.csv": b"12345", "raw/2013/b.csv": b"123", "raw/2013/c.txt": b"", "codes/x": b"12"}


@pytest.fixture
def tried(loaded, workspace, azurite, tmp_path: Path):
    """The command, in a workspace whose datastore is a container of a real blob server."""
    workspace.add_compute("cpu")
    workspace.add_dataset("airports", version=7, path="codes/")
    container = workspace.datastores["workspaceblobstore"]["azureStorageSection"]["containerName"]
    for path, content in BLOBS.items():
        azurite.upload(container, path, content)
    (tmp_path / "tiny.yaml").write_text(SPEC)

    def run(*words: str) -> Any:
        return loaded(*words, cwd=tmp_path, env=workspace.environment)

    return run


def found(folder: Path) -> dict[str, tuple[int, int, int | None]]:
    """Bytes, files and version of each of the data in the lock."""
    lock, wrong = locks.read(read(folder / "tiny.lock.yaml"), "tiny.yaml")
    assert not wrong
    content = {name: entry.content for name, entry in lock.data.items()}
    return {name: (each.bytes, each.files, each.version) for name, each in content.items()}


def test_paths_globs_and_registered_datasets_are_measured_in_the_workspace(tried, tmp_path):
    done = tried("plan", "tiny.yaml", "--refresh", "--format", "json")
    assert done.exit_code == 0, done.stderr
    assert found(tmp_path) == {"table": (5, 1, None), "folder": (8, 2, None), "airports": (2, 1, 7)}
    edges = json.loads(done.stdout)["edges"]
    assert {(each["source"], each["bytes"], each["bytes_from"]) for each in edges} == {
        ("table", 5, "measured"),
        ("folder", 8, "measured"),
        ("airports", 2, "measured"),
    }
    before = (tmp_path / "tiny.lock.yaml").read_bytes()
    assert "is up to date" in tried("plan", "tiny.yaml", "--refresh").stderr
    assert (tmp_path / "tiny.lock.yaml").read_bytes() == before


def test_what_the_workspace_does_not_have_is_told_at_its_place_and_nothing_is_written(
    tried, workspace, tmp_path
):
    workspace.datasets.clear()
    text = SPEC.replace("table: {type: path,", "table: {type: path, datastore: lake,")
    (tmp_path / "tiny.yaml").write_text(text)
    done = tried("plan", "tiny.yaml", "--refresh")
    assert done.exit_code == 3
    for told in (
        "the workspace has no datastore 'lake'\n --> tiny.yaml:6:34",
        "the workspace has no dataset 'airports'\n --> tiny.yaml:8:35",
    ):
        assert told in done.stderr
    assert not (tmp_path / "tiny.lock.yaml").exists()


def test_what_cannot_be_listed_is_told_and_the_rest_is_measured(tried, workspace, tmp_path):
    workspace.datastores["share"] = workspace.datastores["workspaceblobstore"] | {
        "name": "share",
        "dataStoreType": "AzureFile",
    }
    text = SPEC.replace("folder: {type: directory,", "folder: {type: directory, datastore: share,")
    (tmp_path / "tiny.yaml").write_text(text)
    done = tried("plan", "tiny.yaml", "--refresh")
    assert done.exit_code == 0, done.stderr
    assert found(tmp_path).keys() == {"table", "airports"}
    assert "folder    not looked at: datastore 'share' is AzureFile" in done.stderr
    again = json.loads(tried("plan", "tiny.yaml", "--refresh", "--format", "json").stdout)
    told = {each["name"]: each["problem"] for each in again["refreshed"]["data"]}
    assert told["folder"].startswith("datastore 'share' is AzureFile")
    assert (told["table"], told["airports"]) == (None, None)


def test_everything_that_is_not_there_is_told_at_once(tried, workspace, tmp_path):
    workspace.add_dataset("airports", version=8, path="gone/")
    (tmp_path / "tiny.yaml").write_text(SPEC.replace("raw/a.csv", "raw/x.csv"))
    done = tried("plan", "tiny.yaml", "--refresh")
    assert done.exit_code == 1
    assert "2 of 3 data cannot be looked at" in done.stderr
    assert "data 'airports': nothing is at 'gone' in datastore 'workspaceblobstore'" in done.stderr
    assert "data 'table': nothing is at 'raw/x.csv'" in done.stderr
    assert "did you mean 'raw/a.csv'?" in done.stderr
    assert not (tmp_path / "tiny.lock.yaml").exists()


def test_a_key_that_is_refused_is_told_to_be_the_workspaces_own(tried, workspace):
    section = workspace.datastores["workspaceblobstore"]["azureStorageSection"]
    section["credential"] = section["accountKey"] = "bm90IHRoZSBrZXk="
    done = tried("plan", "tiny.yaml", "--refresh")
    assert done.exit_code == 1
    assert "403 AuthorizationFailure; check the key" in done.stderr
    assert "it is that of datastore 'workspaceblobstore' in the workspace" in done.stderr
    assert "bm90IHRoZSBrZXk" not in done.stderr


def test_a_later_version_than_that_of_the_lock_is_told_wherever_the_workspace_is_asked(
    tried, workspace, tmp_path
):
    assert tried("plan", "tiny.yaml", "--refresh").exit_code == 0
    asked = (("plan", "tiny.yaml", "--online"), ("submit", "tiny.yaml", "--no-wait"))
    assert not any("lock" in tried(*words).stderr for words in asked)
    workspace.add_dataset("airports", version=8, path="codes/")
    for words in asked:
        done = tried(*words)
        assert done.exit_code == 0, done.stderr
        said = " ".join((done.stderr + done.stdout).split())
        assert "`latest` of dataset 'airports' is version 8 now, which is what runs" in said
        assert "the plan goes by version 7 in the lock: `amlshare plan SPEC --refresh`" in said
    (tmp_path / "tiny.yaml").write_text(SPEC.replace("version: latest", "version: 7"))
    assert "in the lock" not in tried(*asked[0]).stderr


SIGNED = "https://acct.blob.core.windows.net/c/a.csv?sv=2020-10-02&sig=c2VjcmV0c2VjcmV0%3D"


def test_a_dataset_of_a_signed_url_is_told_by_its_host_and_path_alone(tried, workspace):
    flow = {"meta": {"RsDataflow": f'type: mltable\npaths:\n  - file: "{SIGNED}"\n'}}
    workspace.datasets["airports"][0]["latest"]["dataflow"] = json.dumps(flow)
    for saved in workspace.saved_datasets.values():
        saved["dataflowJson"] = json.dumps(flow)
    done = tried("plan", "tiny.yaml", "--refresh")
    assert done.exit_code == 0, done.stderr
    said = " ".join(done.stderr.split())
    assert "'airports' is made of https://acct.blob.core.windows.net/c/a.csv" in said
    assert "sig" not in said
    assert "c2Vj" not in done.stderr + done.stdout


@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_of_a_url_only_what_is_no_key_is_kept(quote):
    assert _read(f"paths:\n- file: {quote}{SIGNED}{quote}\n")[1] == [SIGNED.partition("?")[0]]
    url = f"{quote}https://me:pass@example.com/a.csv{quote}"
    assert _read(f"paths:\n- file: {url}\n")[1] == ["https://example.com/a.csv"]


PLACE = "azureml://subscriptions/x/resourcegroups/y/workspaces/z/datastores/lake/paths/"


def test_a_dataset_may_be_made_of_several_places():
    definition = f"""
type: mltable
paths:
  - pattern: {PLACE}raw/2013/**
  - folder: {PLACE}raw/jan%20feb/
  - file: "{PLACE}raw/a.csv"
transformations:
- read_delimited: {{delimiter: ','}}
"""
    wanted = [("lake", "raw/2013/**"), ("lake", "raw/jan feb/"), ("lake", "raw/a.csv")]
    assert _read(definition) == (wanted, [])
    assert _read(json.dumps({"meta": {"RsDataflow": definition}})) == (wanted, [])


def test_what_a_dataset_has_from_the_web_is_no_place_of_a_datastore():
    definition = f"paths:\n- file: https://example.com/a.csv\n- file: {PLACE}b.csv\n"
    assert _read(definition) == ([("lake", "b.csv")], ["https://example.com/a.csv"])
    assert _read("{}") == ([], [])
