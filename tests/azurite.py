"""Azurite, Microsoft's own emulator of blob storage: a real server on a loopback port."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

ACCOUNT = "devstoreaccount1"
# the emulator's key, the same everywhere and published by Microsoft
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

# set before the tests get a HOME of their own, and passed on to their workers
os.environ.setdefault("AMLSHARE_AZURITE", str(Path.home() / ".cache/amlshare/azurite"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Azurite:
    """A running server. ``url`` is the account's: http://127.0.0.1:PORT/devstoreaccount1."""

    url: str

    @property
    def connection_string(self) -> str:
        return f"BlobEndpoint={self.url};AccountName={ACCOUNT};AccountKey={KEY}"

    def sas(self, permission: str = "rwdlac") -> str:
        """A token for the whole account, good for an hour."""
        from azure.storage.blob import generate_account_sas

        return generate_account_sas(
            ACCOUNT,
            KEY,
            resource_types="sco",
            permission=permission,
            expiry=datetime.now(timezone.utc) + timedelta(hours=1),
        )

    def container(self, blobs: Mapping[str, bytes] | None = None) -> str:
        """A container of the test's own, with these blobs."""
        name = f"test-{uuid.uuid4().hex}"
        with self._service() as service:
            service.create_container(name)
        for path, content in (blobs or {}).items():
            self.upload(name, path, content)
        return name

    def upload(
        self, container: str, path: str, content: bytes, metadata: dict[str, str] | None = None
    ) -> None:
        with self._service() as service:
            blob = service.get_blob_client(container, path)
            blob.upload_blob(content, overwrite=True, metadata=metadata)

    def _service(self):  # its type is the SDK's, which is imported only where the server runs
        from azure.storage.blob import BlobServiceClient

        return BlobServiceClient.from_connection_string(self.connection_string)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """A blob server for the session; skips where Node or the npm package is missing."""
    with _served(tmp_path_factory.mktemp("azurite")) as (_, server):
        yield server


@contextmanager
def filled(data: Path, count: int) -> Iterator[tuple[Azurite, str]]:
    """A server of its own and a container with ``count`` blobs of 5 bytes: `raw/000/000000.csv`.

    To put them there one by one takes minutes: the server's own book gets a line for each, between
    two starts.
    """
    with _served(data) as (process, server):
        container = server.container({"raw/first.csv": b"12345"})
        process.send_signal(signal.SIGINT)  # it then writes its book
        process.wait()
    book = data / "__azurite_db_blob__.json"
    content = json.loads(book.read_text())
    blobs = next(each for each in content["collections"] if each["name"] == "$BLOBS_COLLECTION$")
    blobs["data"] = [_like(blobs["data"][0], number) for number in range(count)]
    blobs |= {"binaryIndices": {}, "maxId": count}
    book.write_text(json.dumps(content))
    with _served(data) as (_, server):
        yield server, container


def _like(blob: dict[str, Any], number: int) -> dict[str, Any]:
    return blob | {
        "$loki": number + 1,
        "name": f"raw/{number // 1000:03}/{number:06}.csv",
        "properties": blob["properties"] | {"etag": f'"0x{number:016X}"'},
    }


@contextmanager
def _served(data: Path) -> Iterator[tuple[subprocess.Popen[str], Azurite]]:
    process = subprocess.Popen(
        [_node(), _program(), *_options(data)],
        cwd=data,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=_die_with_parent,  # noqa: PLW1509 - it only calls prctl
    )
    try:
        yield process, Azurite(url=f"{_wait_for_url(process)}/{ACCOUNT}")
    finally:
        process.kill()
        process.communicate()


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Azurite needs Node, and there is no `node` on PATH")
    return node


def _program() -> Path:
    home = Path(os.environ["AMLSHARE_AZURITE"])
    program = home / "node_modules/azurite/dist/src/blob/main.js"
    if not program.exists():
        pytest.skip(f"Azurite is not in {home}; tests/install_azurite.sh installs it")
    return program


def _options(data: Path) -> list[str]:
    listen = ["--blobHost", "127.0.0.1", "--blobPort", "0"]
    # the SDK speaks a later version of the protocol than Azurite knows; what we use is the same
    quiet = ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    return [*listen, "--location", str(data), *quiet]


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _wait_for_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if match := re.search(r"successfully listens on (\S+)", line):
            return match[1]
    raise AssertionError(f"Azurite ended with {process.wait()} before it listened")
