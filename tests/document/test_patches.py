"""A patch is taken by those who take patches."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from amlshare.document.patches import patch

BEFORE = "a: 1\nb: 2\nc: 3\n"
AFTER = "a: 1\nb: 4\nc: 3\n"


@pytest.mark.parametrize("program", [["git", "apply"], ["patch", "-p1"]], ids=" ".join)
@pytest.mark.parametrize("name", ["spec.yaml", "my specs/the spec.yaml", "spécs/ü.yaml"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BEFORE, AFTER),
        (BEFORE.replace("\n", "\r\n"), AFTER.replace("\n", "\r\n")),
        (BEFORE.rstrip(), AFTER.rstrip()),
        (BEFORE.rstrip(), AFTER + "d: 5"),
        ("a: x\u2028y\n", "a: x\u2028y\nb: 1\n"),
    ],
    ids=["plain", "crlf", "no last break", "one more line", "other breaks"],
)
def test_a_patch_makes_the_one_text_of_the_other(
    tmp_path: Path, program: list[str], name: str, before: str, after: str
):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(before.encode())
    made = patch(before, after, name).encode()
    done = subprocess.run(program, input=made, cwd=tmp_path, capture_output=True)
    assert (done.returncode, file.read_bytes()) == (0, after.encode()), done
