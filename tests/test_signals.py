"""What ends a command from outside, at any moment."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
STRUCK = """
import os, runpy, sys

class Strike:
    def find_spec(self, name, *rest):
        if name == {module!r}:
            os.kill(os.getpid(), {number})

sys.meta_path.insert(0, Strike())
sys.argv = ["amlshare", "schema"]
runpy.run_module("amlshare", run_name="__main__", alter_sys=True)
"""


def struck(module: str, number: int) -> subprocess.CompletedProcess[str]:
    """The command, sent a signal at the moment when it imports a module."""
    program = STRUCK.format(module=module, number=int(number))
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


@pytest.mark.parametrize("module", ["amlshare.cli", "typer", "amlshare.diagnostics"])
@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_it_is_heeded_before_anything_is_imported(module: str, number: int, code: int) -> None:
    done = struck(module, number)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "interrupted\n")


@pytest.mark.parametrize("module", ["amlshare.commands", "amlshare.spec"])
@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_it_is_heeded_while_a_command_works(module: str, number: int, code: int) -> None:
    done = struck(module, number)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "interrupted\n")


def test_what_is_ignored_stays_so() -> None:
    command = f"trap '' HUP; exec {sys.executable} -c \"$0\""
    program = STRUCK.format(module="amlshare.spec", number=int(signal.SIGHUP))
    done = subprocess.run(["bash", "-c", command, program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("{")


def test_no_file_is_written_to_where_there_is_no_stderr(tmp_path: Path) -> None:
    program = STRUCK.format(module="typer", number=int(signal.SIGINT))
    program = f"open({str(tmp_path / 'other')!r}, 'w'); " + program.lstrip()
    command = f'exec {sys.executable} -c "$0" 2>&-'
    done = subprocess.run(["bash", "-c", command, program], capture_output=True, text=True)
    assert done.returncode == 130
    assert (tmp_path / "other").read_text() == ""
