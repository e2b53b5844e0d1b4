"""The walls of the test suite itself."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import loopback_only
import pytest

REFUSED = Path(os.environ[loopback_only.LOG])


def test_a_connection_to_another_machine_is_refused_and_noted():
    with (
        pytest.raises(loopback_only.NetworkRefusedError),
        socket.socket() as client,
    ):
        client.connect(("192.0.2.1", 80))
    assert "192.0.2.1" in REFUSED.read_text()
    REFUSED.unlink()


def test_so_is_one_from_a_process_that_a_test_starts():
    code = "import socket; socket.create_connection(('example.com', 80))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "NetworkRefusedError" in process.stderr
    assert "example.com" in REFUSED.read_text()
    REFUSED.unlink()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_reached(host: str):
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection((host, server.getsockname()[1])).close()


def test_unix_sockets_are_reached(tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))


def test_home_is_the_sessions_own():
    assert "amlshare-tests-" in os.environ["HOME"]


def test_a_missing_golden_file_fails_and_is_not_written(request: pytest.FixtureRequest):
    if request.config.getoption("--golden"):
        pytest.skip("the golden files are being written")
    golden = request.getfixturevalue("golden")
    with pytest.raises(pytest.fail.Exception, match="make golden"):
        golden("text", "golden/no-such-file.txt")
    assert not (Path(__file__).parent / "golden/no-such-file.txt").exists()
