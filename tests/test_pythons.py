"""The same submit and the same publish with each other Python that amlshare is installed for here.

`make smoke` installs it: `PYTHON=python3.10 make smoke` makes `.venv-python3.10` in the checkout.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import clean_environment
from standin import Workspace

CHECKOUT = Path(__file__).parents[1]
PYTHONS = sorted(CHECKOUT.glob(".venv-python3.*/bin/python"))
SPEC = """\
amlshare: 1
name: small
environments: {any: {image: "registry/image:1"}}
defaults: {compute: cpu, environment: any, datastore: workspaceblobstore, code: code}
data:
  table: {type: directory, location: raw/**/*.csv, format: csv}
  codes: {type: dataset, name: codes, version: 1, format: file}
steps:
  make:
    script: step.py
    inputs: {codes: {from: codes, mode: mount}, table: {from: table, mode: mount}}
    outputs: [made]
    arguments: ["${inputs.codes}", "${inputs.table}", "${outputs.made}"]
  rows:
    parallel: {script: step.py, over: table, mini_batch: "10", nodes: 1, rows_to: rows/all.csv}
    inputs: {table: {from: table, mode: mount}}
    outputs: {rows: {type: path}}
  count:
    command: wc -l ${inputs.rows}
    inputs: {rows: rows.rows, made: make.made}
    outputs: {model: {type: dataset, name: counted, expect: {files: ">=1"}}}
publish: {endpoint: small}
schedules:
  daily: {every: 1 day}
"""


@pytest.fixture(params=PYTHONS, ids=lambda path: path.parts[-3].removeprefix(".venv-"))
def python(request: pytest.FixtureRequest) -> Path:
    """The interpreter of an environment beside the checkout that has amlshare."""
    path: Path = request.param
    if not (path.parents[1] / "smoke.done").exists() and not _has_amlshare(path):
        pytest.skip(f"amlshare is not installed in {path.parents[1].name}")
    return path


def _has_amlshare(python: Path) -> bool:
    return _run(python, "-c", "import azureml.pipeline.core, amlshare").returncode == 0


def _run(python: Path, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, **options
    )


@pytest.mark.skipif(
    not PYTHONS,
    reason="no other Python has amlshare: `PYTHON=python3.10 make smoke` installs it for one",
)
def test_there_is_another_python() -> None:
    """A run without one says so."""


def test_another_python_submits_publishes_once_and_sees_no_difference(
    python: Path, workspace: Workspace, tmp_path: Path
) -> None:
    workspace.add_compute("cpu")
    workspace.add_dataset("codes")
    (tmp_path / "code").mkdir()
    (tmp_path / "code/step.py").write_text("print('step')\n", encoding="utf-8")
    (tmp_path / "small.yaml").write_text(SPEC, encoding="utf-8")

    def amlshare(*words: str) -> Any:
        done = _run(
            python,
            "-m",
            "amlshare",
            *words,
            "--format",
            "json",
            cwd=tmp_path,
            env=clean_environment() | workspace.environment,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    assert amlshare("submit", "small.yaml")["run"]["status"] == "completed"
    first, again = (amlshare("submit", "small.yaml", "--publish")["published"] for _ in range(2))
    assert (first["created"], again["created"]) == (True, False)
    assert amlshare("diff", "small.yaml", "--against", "published", "--exit-code")["changes"] == []
    assert [len(workspace.published), len(workspace.schedules), workspace.refused] == [1, 1, []]
