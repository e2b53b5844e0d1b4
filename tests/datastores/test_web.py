from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from amlshare.datastores import Datastore, DatastoreError, open_datastore, open_path


@pytest.fixture
def memory(tmp_path: Path) -> Datastore:
    datastore = open_datastore("main", f"memory://{uuid.uuid4().hex}/data", tmp_path)
    source = tmp_path / "source"
    source.write_text("a,b\n")
    for path in ("raw/flights.csv", "raw/weather/jan é.csv"):
        datastore.put(source, path)
    return datastore


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A web server with /a/b.csv."""
    (tmp_path / "site/a").mkdir(parents=True)
    (tmp_path / "site/a/b.csv").write_text("a,b\n")
    handler = partial(Quiet, directory=str(tmp_path / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_files_folders_and_globs_are_listed(memory: Datastore) -> None:
    both = ["raw/flights.csv", "raw/weather/jan é.csv"]
    assert [entry.path for entry in memory.list("raw")] == both
    assert [entry.path for entry in memory.list("**/*.csv")] == both
    assert [entry.path for entry in memory.list("raw/*.csv")] == both[:1]
    assert [entry.path for entry in memory.list("raw/flights.csv")] == both[:1]


def test_a_file_has_one_version_however_it_is_listed(memory: Datastore) -> None:
    assert memory.list("raw/flights.csv") == memory.list("raw/*.csv")


def test_the_version_changes_when_a_file_is_written(memory: Datastore, tmp_path: Path) -> None:
    before = memory.list("raw/flights.csv")
    memory.put(tmp_path / "source", "raw/flights.csv")
    assert memory.list("raw/flights.csv") != before


def test_a_file_is_fetched_with_its_digest(memory: Datastore, tmp_path: Path) -> None:
    [entry] = memory.list("raw/flights.csv")
    assert memory.fetch(entry, tmp_path / "x") == hashlib.sha256(b"a,b\n").hexdigest()
    assert memory.read(entry, 1, 3) == b",b"


def test_a_file_that_changed_since_it_was_listed_is_not_fetched(
    memory: Datastore, tmp_path: Path
) -> None:
    [entry] = memory.list("raw/flights.csv")
    memory.put(tmp_path / "source", "raw/flights.csv")
    with pytest.raises(DatastoreError, match="changed since it was listed; run again"):
        memory.fetch(entry, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_what_is_not_there_is_explained(memory: Datastore) -> None:
    with pytest.raises(DatastoreError, match=r"did you mean 'raw/flights.csv'?"):
        memory.list("raw/flihgts.csv")
    with pytest.raises(DatastoreError, match=r"no file matches 'raw/\*\.txt'"):
        memory.list("raw/*.txt")


def test_a_file_is_removed(memory: Datastore) -> None:
    memory.remove("raw/flights.csv")
    memory.remove("raw/flights.csv")
    assert not memory.exists("raw/flights.csv")
    assert memory.exists("raw/weather")


def test_a_web_address_is_a_file(site: str, tmp_path: Path) -> None:
    datastore, location = open_path(f"{site}/a/b.csv?token=x/y", tmp_path)
    [entry] = datastore.list(location)
    assert (location, entry.path, entry.size) == ("b.csv", "b.csv", 4)
    assert datastore.fetch(entry, tmp_path / "x") == hashlib.sha256(b"a,b\n").hexdigest()


def test_a_web_address_is_shown_without_its_query(site: str, tmp_path: Path) -> None:
    datastore, location = open_path(f"{site}/a/b.csv?token=secret", tmp_path)
    assert datastore.url == datastore.key == f"{site}/a"
    assert datastore.uri(location) == f"{site}/a/b.csv?token=secret"


def test_a_file_without_a_known_version_is_fetched_anew_by_the_next_run(
    site: str, tmp_path: Path
) -> None:
    first, again = (open_datastore("web", site, tmp_path) for _ in range(2))
    assert first.list("a/b.csv") == first.list("a/b.csv")
    assert first.list("a/b.csv") != again.list("a/b.csv")


def test_a_web_address_that_is_not_there_is_explained(site: str, tmp_path: Path) -> None:
    datastore = open_datastore("web", site, tmp_path)
    with pytest.raises(DatastoreError, match=r"nothing is at 'a/c.csv' in .*; check the URL"):
        datastore.list("a/c.csv")
    with pytest.raises(DatastoreError, match=r"no file matches 'a/\*' in .*; check the URL"):
        datastore.list("a/*")


def test_a_server_that_is_down_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DatastoreError, match=r"Cannot connect to host 127\.0\.0\.1:1"):
        open_datastore("web", "http://127.0.0.1:1/a", tmp_path).list("b.csv")


def test_a_server_that_gives_no_parts_cannot_be_mounted(site: str, tmp_path: Path) -> None:
    datastore = open_datastore("web", site, tmp_path)
    [entry] = datastore.list("a/b.csv")
    with pytest.raises(DatastoreError, match="only as a whole; use `mode: download`"):
        datastore.read(entry, 1, 3)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense://a", "nonsense://a.*: Protocol not known: nonsense"),
        ("dropbox://a", "dropbox: URLs need a package that is not installed"),
    ],
)
def test_a_url_of_another_kind_is_explained(url: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DatastoreError, match=message):
        open_datastore("main", url, tmp_path).list("a")


def test_a_password_in_a_url_is_not_shown(tmp_path: Path) -> None:
    datastore = open_datastore("main", "sftp://me:secret@host/a", tmp_path)
    assert datastore.url == datastore.key == "sftp://host/a"
