"""The wheel as a user gets it: built here, installed elsewhere, run outside the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SPEC = """\
amlshare: 1
name: hello
compute: {cpu: {cluster: cpu-cluster}}
environments: {plain: {image: python:3.11}}
defaults: {compute: cpu, environment: plain, datastore: workspaceblobstore, code: none}
steps:
  greet:
    command: echo hello > ${outputs.greeting}/hello.txt
    outputs: [greeting]
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    return next(folder.glob("amlshare-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with amlshare in it as in site-packages; its needs come from the tests' own."""
    folder = tmp_path_factory.mktemp("installed")
    _pip("install", "--target", folder, wheel)
    return folder


def _pip(*args: str | Path) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--no-input"]
    subprocess.run([*pip, *args, "--no-deps", "--no-index"], check=True)


def _run(installed: Path, cwd: Path, *args: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(installed), os.environ["PYTHONPATH"]))
    return subprocess.run(
        [installed / "bin/amlshare", *args],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path):
    sources = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "amlshare").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == sources
    assert "amlshare/py.typed" in held


def test_the_wheel_carries_its_licence(wheel: Path):
    assert any(name.endswith("LICENSE") for name in zipfile.ZipFile(wheel).namelist())


def test_the_version_is_the_one_in_the_package(wheel: Path):
    import amlshare

    assert wheel.name.startswith(f"amlshare-{amlshare.__version__}-")


def test_the_command_runs_outside_the_repository(installed: Path, tmp_path: Path):
    helped = _run(installed, tmp_path, "--help")
    assert "submit" in helped.stdout
    assert helped.returncode == 0


def test_a_spec_is_checked_outside_the_repository(installed: Path, tmp_path: Path):
    (tmp_path / "hello.yaml").write_text(SPEC)
    checked = _run(installed, tmp_path, "check", "hello.yaml", "--backend", "local")
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_pipeline_runs_outside_the_repository(installed: Path, tmp_path: Path):
    (tmp_path / "hello.yaml").write_text(SPEC)
    ran = _run(installed, tmp_path, "submit", "hello.yaml", "--backend", "local")
    assert ran.returncode == 0, ran.stderr
    assert [file.read_text() for file in tmp_path.rglob("hello.txt")] == ["hello\n"]
