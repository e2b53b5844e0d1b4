from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from azurite import ACCOUNT, KEY, Azurite

from amlshare.datastores import Datastore, DatastoreError, blobs, open_datastore, open_path

FILES = {"raw/flights.csv": b"a,b\n", "raw/a b/jan é?#%20.csv": b"1", "rawer/x": b""}


@pytest.fixture
def container(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azurite.connection_string)
    return azurite.container(FILES)


@pytest.fixture
def datastore(container: str, tmp_path: Path) -> Datastore:
    return open_datastore("main", f"az://{container}", tmp_path)


def paths(datastore: Datastore, location: str) -> list[str]:
    return [entry.path for entry in datastore.list(location)]


def test_files_folders_and_globs_are_listed(datastore: Datastore) -> None:
    csv = ["raw/a b/jan é?#%20.csv", "raw/flights.csv"]
    assert paths(datastore, "raw") == paths(datastore, "**/*.csv") == csv
    assert paths(datastore, "raw/flights.csv") == paths(datastore, "raw/fl*") == csv[1:]
    assert paths(datastore, "") == [*csv, "rawer/x"]


def test_a_prefix_is_a_datastore_too(container: str, tmp_path: Path) -> None:
    datastore = open_datastore("main", f"az://{container}/raw", tmp_path)
    assert paths(datastore, "flights.csv") == ["flights.csv"]
    assert len(datastore.list("")) == 2


def test_every_file_is_fetched_with_its_digest(datastore: Datastore, tmp_path: Path) -> None:
    for entry in datastore.list(""):
        content = FILES[entry.path]
        assert datastore.fetch(entry, tmp_path / "x") == hashlib.sha256(content).hexdigest()
        assert (tmp_path / "x").read_bytes() == content


def test_a_large_file_goes_there_and_back_in_parts(datastore: Datastore, tmp_path: Path) -> None:
    content = os.urandom(19 << 20)
    (tmp_path / "large").write_bytes(content)
    datastore.put(tmp_path / "large", "large")
    [entry] = datastore.list("large")
    assert datastore.fetch(entry, tmp_path / "x") == hashlib.sha256(content).hexdigest()
    with datastore.open("large") as file:
        file.seek(-10, os.SEEK_END)
        assert file.read() == content[-10:]


def test_a_part_of_a_file_is_read(datastore: Datastore) -> None:
    [entry] = datastore.list("raw/flights.csv")
    assert datastore.read(entry, 1, 3) == b",b"


def test_a_file_that_changed_since_it_was_listed_is_not_fetched(
    azurite: Azurite, container: str, datastore: Datastore, tmp_path: Path
) -> None:
    [entry] = datastore.list("raw/flights.csv")
    azurite.upload(container, "raw/flights.csv", b"new!")
    with pytest.raises(DatastoreError, match="412 ConditionNotMet; it changed since it was listed"):
        datastore.fetch(entry, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_blobs_that_mark_folders_are_no_files(
    azurite: Azurite, container: str, datastore: Datastore
) -> None:
    azurite.upload(container, "raw", b"", {"hdi_isfolder": "true"})
    azurite.upload(container, "raw/a b", b"")
    azurite.upload(container, "empty/", b"")
    assert len(datastore.list("raw")) == 2
    assert datastore.list("empty") == []


@pytest.mark.parametrize("name", ["raw/flights.csv/below", "raw//x"])
def test_a_blob_that_cannot_be_a_file_is_named(
    azurite: Azurite, container: str, datastore: Datastore, name: str
) -> None:
    azurite.upload(container, name, b"1")
    with pytest.raises(DatastoreError, match=r"the blob '.*' in .* cannot be a file on a disk"):
        datastore.list("")


def test_what_is_not_there_is_explained(datastore: Datastore) -> None:
    with pytest.raises(DatastoreError, match=r"nothing is at .* did you mean 'raw/flights.csv'?"):
        datastore.list("raw/flihgts.csv")
    with pytest.raises(DatastoreError, match=r"no file matches .* 'raw' holds a b, flights.csv"):
        datastore.list("raw/*.parquet")
    with pytest.raises(DatastoreError, match="nothing is at 'ra'"):
        datastore.list("ra")


def test_an_empty_container_is_an_empty_folder(azurite: Azurite, container: str) -> None:
    assert container
    assert open_datastore("main", f"az://{azurite.container()}", Path()).list("") == []


def test_files_and_folders_exist_until_they_are_removed(datastore: Datastore) -> None:
    asked = ["", "raw", "raw/flights.csv", "nothing", "ra"]
    assert [datastore.exists(path) for path in asked] == [True, True, True, False, False]
    datastore.remove("raw/flights.csv")
    datastore.remove("raw/flights.csv")
    assert not datastore.exists("raw/flights.csv")


@pytest.mark.parametrize("name", ["a b/jan é?#%20.csv", "empty"])
def test_a_file_is_put_under_any_name(datastore: Datastore, tmp_path: Path, name: str) -> None:
    (tmp_path / "x").write_bytes(b"" if name == "empty" else b"content")
    datastore.put(tmp_path / "x", name)
    [entry] = datastore.list(name)
    assert datastore.read(entry, 0, 99) == (tmp_path / "x").read_bytes()


# credentials


def test_a_sas_in_the_url_opens_a_container(
    azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING", raising=False)
    url, sas = f"{azurite.url}/{azurite.container(FILES)}", azurite.sas()
    datastore, location = open_path(f"{url}/raw/fl*.csv?{sas}", tmp_path)
    [entry] = datastore.list(location)
    assert datastore.read(entry, 0, 4) == b"a,b\n"
    assert datastore.url == datastore.key == f"{url}/raw"
    assert datastore.uri("x") == f"{url}/raw/x?{sas}"


def test_a_connection_string_with_a_sas_opens_a_container(
    azurite: Azurite, container: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"BlobEndpoint={azurite.url};SharedAccessSignature={azurite.sas()}"
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text)
    assert len(open_datastore("main", f"az://{container}", tmp_path).list("raw")) == 2


def test_a_key_in_the_environment_opens_a_container(
    azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING", raising=False)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY)
    url = f"{azurite.url}/{azurite.container(FILES)}"
    assert len(open_datastore("main", url, tmp_path).list("raw")) == 2


def test_a_datastore_goes_to_another_process(datastore: Datastore) -> None:
    again: Datastore = pickle.loads(pickle.dumps(datastore))
    assert again.list("raw") == datastore.list("raw")


# what goes wrong


def test_a_wrong_key_is_explained(
    azurite: Azurite, container: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = azurite.connection_string.replace(KEY, "d3Jvbmcga2V5")
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", wrong)
    with pytest.raises(DatastoreError, match="403 AuthorizationFailure; check the key") as caught:
        open_datastore("main", f"az://{container}", tmp_path).list("raw")
    assert "d3Jvbmcga2V5" not in str(caught.value)


def test_a_sas_that_does_not_allow_it_is_explained(
    azurite: Azurite, container: str, tmp_path: Path
) -> None:
    url = f"{azurite.url}/{container}?{azurite.sas('rl')}"
    (tmp_path / "x").touch()
    datastore = open_datastore("main", url, tmp_path)
    with pytest.raises(DatastoreError, match="403 AuthorizationPermissionMismatch") as caught:
        datastore.put(tmp_path / "x", "new")
    assert "sig=" not in str(caught.value)


def test_a_missing_container_is_explained(container: str, tmp_path: Path) -> None:
    assert container
    datastore = open_datastore("main", "az://not-there", tmp_path)
    with pytest.raises(DatastoreError, match="404 ContainerNotFound; create the container 'not-"):
        datastore.list("raw")
    with pytest.raises(DatastoreError, match="404 ContainerNotFound"):
        datastore.remove("raw")


def test_a_service_that_is_down_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "_WAITS", (0, 0))
    url = "http://127.0.0.1:1/devstoreaccount1/raw?sig=secret"
    with pytest.raises(DatastoreError, match="it cannot be reached; check the address") as caught:
        open_datastore("main", url, tmp_path).list("x")
    assert "secret" not in str(caught.value)


class Busy(BaseHTTPRequestHandler):
    asked = 0

    def do_HEAD(self) -> None:
        type(self).asked += 1
        self.send_response(503)
        self.send_header("x-ms-error-code", "ServerBusy")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def busy() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/devstoreaccount1/raw?sig=x"
        server.shutdown()
        thread.join()


def test_a_busy_service_is_asked_again_and_then_explained(
    busy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "_WAITS", (0, 0))
    with pytest.raises(DatastoreError, match="503 ServerBusy; the service is busy or down"):
        open_datastore("main", busy, tmp_path).list("x")
    assert Busy.asked == 4


def test_a_missing_package_is_explained() -> None:
    code = """
import sys; sys.modules["adlfs"] = None
from pathlib import Path
from amlshare.datastores import open_datastore
open_datastore("main", "https://a.blob.core.windows.net/b?sig=x", Path()).list("c")
"""
    root, command = Path(blobs.__file__).parents[2], [sys.executable, "-c", code]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert "pip install 'amlshare[blob]'" in ran.stderr.splitlines()[-1]
