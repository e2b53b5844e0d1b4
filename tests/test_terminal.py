"""The real command on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from backends.local import apart
from conftest import clean_environment

SPEC = """\
amlshare: 1
name: tiny
defaults: {datastore: here, compute: cpu, environment: plain}
environments: {plain: {conda: plain.yml}}
local: {datastores: {here: data}}
data:
  raw: {type: path, location: raw, format: folder, size: 1 kB}
steps:
  bad:
    command: echo broken > "${inputs.raw}/x"
    inputs: {raw: {from: raw, mode: mount}}
    outputs: {}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A step that writes to its input."""
    (tmp_path / "data/raw").mkdir(parents=True)
    (tmp_path / "data/raw/x").write_text("whole")
    (tmp_path / "plain.yml").write_text("dependencies: [python=3.11]\n")
    (tmp_path / "amlshare.yaml").write_text(SPEC)
    return tmp_path / "amlshare.yaml"


def on_terminal(*args: str, cwd: Path) -> str:
    """What the command shows on a terminal, up to its end."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "amlshare", *args],
        cwd=cwd,
        env=clean_environment() | {"TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ):
        os.close(theirs)
        shown = b""
        with suppress(OSError), os.fdopen(ours, "rb", buffering=0) as terminal:
            while piece := terminal.read(4096):
                shown += piece
    return shown.decode()


def test_a_step_cannot_write_to_its_input_where_progress_is_drawn(spec: Path) -> None:
    apart.call_isolated(os.getpid)  # skips where nothing can be bound
    shown = on_terminal("submit", spec.name, "--backend", "local", cwd=spec.parent)
    assert "bad failed" in shown
    assert "cannot be bound" not in shown
    assert (spec.parent / "data/raw/x").read_text() == "whole"
