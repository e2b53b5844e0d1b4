"""What the README shows is what the command prints."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import clean_environment

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PROJECT = ROOT / "pyproject.toml"
YAML = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
SCREEN = re.compile(r"```console\n\$ amlshare ([^\n]+)\n(.*?)```", re.DOTALL)


def test_its_screens_are_what_the_commands_print(
    amlshare: Callable[..., Any], checkout: Path, golden: Callable[[str, Path], None]
) -> None:
    def screen(found: re.Match[str]) -> str:
        done = amlshare(*shlex.split(found[1]), cwd=checkout, env={"COLUMNS": "92"})
        printed = (done.stdout + done.stderr).rstrip()
        return f"```console\n$ amlshare {found[1]}\n{printed}\n```"

    golden(SCREEN.sub(screen, README.read_text("utf-8")), README)


def test_it_names_every_command(amlshare: Callable[..., Any]) -> None:
    commands = re.findall(
        r"^  (\w+)  ", amlshare("--help").stdout.split("Commands:")[1], re.MULTILINE
    )
    text = README.read_text("utf-8")
    assert commands
    assert [name for name in commands if f"`{name}" not in text] == []


def test_its_picture_of_the_house_is_the_layers_that_imports_are_held_to() -> None:
    picture = _block(README, "amlshare/\n", "```")
    layers = _block(PROJECT, "layers = [\n", "]")
    assert re.findall(r"^  (\w+)", picture, re.MULTILINE) == re.findall(r"\w+", layers)


def _block(file: Path, first: str, end: str) -> str:
    """The lines of a file between two lines."""
    _, found, rest = file.read_text("utf-8").partition(f"\n{first}")
    assert found
    return rest.partition(f"\n{end}\n")[0]


def _shell_lines(node: Any) -> Iterator[str]:
    """What the steps of a CI job run: `run` on GitHub, `script` on Azure DevOps."""
    if isinstance(node, dict):
        yield from (node[key] for key in ("run", "script") if isinstance(node.get(key), str))
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, (dict, list)):
            yield from _shell_lines(child)


@pytest.mark.parametrize("job", YAML.findall(README.read_text("utf-8")))
def test_what_its_ci_jobs_run_succeeds(job: str, workspace: Any, tmp_path: Path) -> None:
    """All but the installation, in bash, with a workspace that has what the spec names."""
    workspace.add_compute("cpu-cluster")
    workspace.add_dataset("airports", 1)
    command = tmp_path / "amlshare"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m amlshare "$@"\n')
    command.chmod(0o755)
    env = clean_environment() | workspace.environment
    env |= {"PATH": f"{tmp_path}:{env['PATH']}", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    env |= {"GITHUB_RUN_ID": "7", "BUILD_BUILDID": "7"}
    lines = [line for line in _shell_lines(yaml.safe_load(job)) if "pip install" not in line]
    for line in lines:
        done = subprocess.run(["bash", "-ec", line], cwd=ROOT, env=env, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
    assert [each["Version"] for each in workspace.published.values()] == ["7"]
