"""Local files put where data lies, over a real blob server."""

from __future__ import annotations

from pathlib import Path

import pytest
from backends.azureml.apart import error, signed_in

BEGIN = """
from pathlib import Path
from amlshare.backends.azureml import uploads
from amlshare.backends.azureml.job import Job, JobData

def put(path, upload, store="workspaceblobstore"):
    entry = JobData(name="raw", format="folder", datastore=store, path=path, upload=upload)
    job = Job(pipeline="p", experiment="p", data=(entry,))
    print(*uploads.upload(job, workspace, Path({base!r})), sep="\\n", end="")
"""


@pytest.fixture
def put(workspace, azurite, tmp_path):  # noqa: ARG001 - the workspace's blobs are Azurite's
    def put(call: str) -> str:
        begin = BEGIN.replace("{base!r}", repr(str(tmp_path)))
        done = signed_in(f"{begin}\nput({call})", workspace.environment)
        assert (done.exit_code, done.stderr) == (0, ""), done.stderr
        return done.stdout

    return put


def written(workspace) -> list[str]:
    """The blobs put since the last look."""
    puts = [r.path.partition("/raw/")[2] for r in workspace.requests if _is_put(r)]
    workspace.requests.clear()
    return sorted(puts)


def _is_put(record) -> bool:
    return record.method == "PUT" and "/raw/" in record.path


def fill(folder: Path, **files: str) -> None:
    for name, text in files.items():
        file = folder / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_a_folder_is_put_below_its_location(workspace, put, tmp_path):
    fill(tmp_path / "up", a="1", sub__b="22")
    assert put('"raw/x/", "up"') == "uploaded 2 files (3 B) of 'up' to workspaceblobstore:raw/x/"
    assert written(workspace) == ["x/a", "x/sub/b"]


def test_a_file_is_put_at_its_location_or_into_it(workspace, put, tmp_path):
    fill(tmp_path, a="1")
    put('"raw/x.csv", "a"')
    put('"raw/x/", "a"')
    assert written(workspace) == ["x.csv", "x/a"]


def test_only_what_is_new_is_put_again(workspace, put, tmp_path):
    fill(tmp_path / "up", a="1", b="2", c="3")
    put('"raw/x/", "up"')
    written(workspace)
    assert put('"raw/x/", "up"') == ""
    assert written(workspace) == []
    fill(tmp_path / "up", b="9")
    assert put('"raw/x/", "up"') == "uploaded 1 file (1 B) of 'up' to workspaceblobstore:raw/x/"
    assert written(workspace) == ["x/b"]


def test_what_is_not_there_to_upload_is_told(workspace, azurite, tmp_path):  # noqa: ARG001
    begin = BEGIN.replace("{base!r}", repr(str(tmp_path)))
    told = error(signed_in(f'{begin}\nput("raw/x/", "nowhere")', workspace.environment))
    assert told.startswith("data 'raw', upload: ")


def test_a_datastore_without_a_key_is_told_with_the_ways_out(workspace, tmp_path):
    fill(tmp_path, a="1")
    section = workspace.datastores["workspaceblobstore"]["azureStorageSection"]
    section |= {"credentialType": "None", "credential": None, "accountKey": None}
    begin = BEGIN.replace("{base!r}", repr(str(tmp_path)))
    told = error(signed_in(f'{begin}\nput("raw/x/", "a")', workspace.environment))
    assert "which has no account key or SAS of its own" in told
    assert told.endswith("or take `upload` out and put the files there yourself")
