"""What the README shows is what the command prints."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
SCREEN = re.compile(r"```console\n\$ amlshare ([^\n]+)\n(.*?)```", re.DOTALL)


def test_its_screens_are_what_the_commands_print(
    amlshare: Callable[..., Any], golden: Callable[[str, Path], None]
) -> None:
    golden(SCREEN.sub(lambda found: _screen(amlshare, found[1]), README.read_text("utf-8")), README)


def _screen(amlshare: Callable[..., Any], words: str) -> str:
    done = amlshare(*shlex.split(words), cwd=ROOT, env={"COLUMNS": "92"})
    printed = (done.stdout + done.stderr).rstrip()
    return f"```console\n$ amlshare {words}\n{printed}\n```"


def test_it_names_every_command(amlshare: Callable[..., Any]) -> None:
    commands = re.findall(
        r"^  (\w+)  ", amlshare("--help").stdout.split("Commands:")[1], re.MULTILINE
    )
    text = README.read_text("utf-8")
    assert commands
    assert [name for name in commands if f"`{name}" not in text] == []
