"""How much lies at a location, and whether it is still the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from azurite import Azurite, filled

from amlshare.datastores import DatastoreError, open_datastore, open_path
from amlshare.datastores.measuring import Measured, measure


def digest_file(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def in_folder(folder: Path, location: str) -> Measured:
    return measure([(open_datastore("main", str(folder), folder), location)], digest_file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "here"
    for name, content in {"raw/a.csv": "12345", "raw/b/c.csv": "123", "raw/b/d.txt": "1"}.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(content)
    return made


def test_a_file_a_folder_and_a_glob_have_bytes_and_files(folder: Path) -> None:
    found = {at: in_folder(folder, at) for at in ("raw/a.csv", "raw/", "raw/**/*.csv")}
    assert [(each.bytes, each.files) for each in found.values()] == [(5, 1), (9, 3), (8, 2)]
    assert len({each.digest for each in found.values()}) == 3


def test_an_empty_folder_is_no_bytes_and_a_missing_one_an_error(folder: Path) -> None:
    (folder / "empty").mkdir()
    assert in_folder(folder, "empty/").bytes == 0
    with pytest.raises(DatastoreError, match="nothing is at 'emtpy'"):
        in_folder(folder, "emtpy/")


def test_a_copy_elsewhere_has_the_same_digest(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "there", copy_function=shutil.copyfile)  # not the times
    assert in_folder(tmp_path / "there", "raw/") == in_folder(folder, "raw/")
    one, at = open_path(str(folder / "raw"), tmp_path)
    assert measure([(one, at)], digest_file) == in_folder(folder, "raw/")


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "raw/a.csv").write_text("54321"),
        lambda folder: (folder / "raw/a.csv").rename(folder / "raw/e.csv"),
        lambda folder: (folder / "raw/b/e.csv").write_text(""),
        lambda folder: (folder / "raw/b/d.txt").unlink(),
    ],
    ids=["content", "name", "more", "less"],
)
def test_any_change_is_another_digest(folder: Path, change: Callable[[Path], object]) -> None:
    before = in_folder(folder, "raw/")
    change(folder)
    assert in_folder(folder, "raw/").digest != before.digest


def test_several_places_are_measured_as_one(folder: Path) -> None:
    datastore = open_datastore("main", str(folder), folder)
    found = measure([(datastore, "raw/a.csv"), (datastore, "raw/b")], digest_file)
    assert (found.bytes, found.files) == (9, 3)


def test_blobs_are_known_by_their_listing(
    azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azurite.connection_string)
    container = azurite.container({"raw/a.csv": b"12345", "raw/b/c.csv": b"123"})

    def look() -> Measured:
        place = (open_datastore("main", f"az://{container}", tmp_path), "raw/")
        return measure([place], lambda _: pytest.fail("nothing lies here"))

    before = look()
    assert (before.bytes, before.files) == (8, 2)
    assert look() == before
    azurite.upload(container, "raw/a.csv", b"54321")
    assert look().digest != before.digest


def test_ten_thousand_blobs_are_counted_over_all_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    with filled(tmp_path / "data", 10_000) as (azurite, container):
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azurite.connection_string)
        datastore = open_datastore("main", f"az://{container}", tmp_path)
        found = measure([(datastore, "raw/")], digest_file)
        assert (found.bytes, found.files) == (50_000, 10_000)
        some = measure([(datastore, "raw/003/*[05].csv")], digest_file)
        assert (some.bytes, some.files) == (1_000, 200)


class _Silent(BaseHTTPRequestHandler):
    """A server that says nothing of when a file changed."""

    def do_HEAD(self) -> None:
        self.send_response_only(200)
        self.send_header("Content-Length", "5")
        self.end_headers()

    do_GET = do_HEAD  # noqa: N815 - the server calls it so

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def silent() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Silent) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_where_nobody_tells_of_changes_there_is_a_size_and_no_digest(
    silent: str, tmp_path: Path
) -> None:
    found = measure([open_path(f"{silent}/a.csv", tmp_path)], digest_file)
    assert found == Measured(bytes=5, files=1, digest=None)
