"""A small project that is submitted to a stand-in of the service."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import preloaded
import pytest
from conftest import clean_environment

SPEC = """\
amlshare: 1
name: flights
tags: {team: ops}
environments: {py: {image: mcr.microsoft.com/azureml/base:1}}
defaults: {compute: cpu-cluster, environment: py, datastore: workspaceblobstore, code: code}
parameters: {least: 3}
data:
  raw: {type: path, location: raw/flights.csv, format: file}
steps:
  clean:
    script: clean.py
    inputs: {raw: raw}
    outputs: [cleaned]
    arguments: {--raw: "${inputs.raw}", --out: "${outputs.cleaned}", --least: "${parameters.least}"}
  train:
    script: train.py
    inputs: {cleaned: clean.cleaned}
    outputs: {model: {type: directory, location: "model/{run-id}/"}}
    arguments: {--in: "${inputs.cleaned}", --out: "${outputs.model}"}
"""


class Project:
    """A folder with `flights.yaml` and its code, and the command that submits it.

    Most commands run in a fork of a process that has loaded the SDK; ``start`` is a plain process.
    """

    def __init__(self, folder: Path, workspace: Any, command: Any, loaded: Any) -> None:
        self.folder = folder
        self.workspace = workspace
        self._command = command
        self._loaded = loaded
        (folder / "code").mkdir()
        for name in ("clean", "train"):
            (folder / "code" / f"{name}.py").write_text(f"print('{name}')\n", encoding="utf-8")
        self.write()
        workspace.add_compute("cpu-cluster")

    def write(self, more: str = "", replaced: tuple[str, str] = ("", "")) -> None:
        """The spec, with ``more`` at its end, and one text of it replaced by another."""
        text = SPEC.replace(*replaced) if replaced[0] else SPEC
        (self.folder / "flights.yaml").write_text(text + more, encoding="utf-8")

    def start(self, *arguments: str, **env: str) -> Any:
        """Start any command of amlshare in the folder."""
        return self._command.start(*arguments, env=self._environment(env))

    def run(self, *arguments: str, **env: str) -> Any:
        """Any command of amlshare, in the folder."""
        return self._loaded(*arguments, cwd=self.folder, env=self._environment(env))

    def submit(self, *options: str, **env: str) -> Any:
        """Submit it. What fails for the moment is not sent again, unless ``env`` says so."""
        return self.run("submit", "flights.yaml", *options, **env)

    def submitted(self, *options: str) -> dict[str, Any]:
        """Submit it, which goes well; what was done, as JSON."""
        done = self.submit(*options, "--format", "json")
        assert done.exit_code == 0, done.stderr
        shown: dict[str, Any] = json.loads(done.stdout)
        return shown

    def _environment(self, env: dict[str, str]) -> dict[str, str]:
        return {**self.workspace.environment, "AMLSHARE_RETRY_SECONDS": "0", **env}


@pytest.fixture(scope="session")
def loaded() -> Iterator[Callable[..., preloaded.Completed]]:
    """The command, in a process that has loaded the SDK already."""
    with preloaded.server(clean_environment()) as run:
        yield run


@pytest.fixture
def flights(tmp_path: Path, workspace: Any, amlshare: Any, loaded: Callable[..., Any]) -> Project:
    return Project(tmp_path, workspace, amlshare, loaded)
