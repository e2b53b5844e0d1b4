"""Two builds of one spec are equal on the wire, whoever builds it and where."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from backends.azureml.offline import Catalogue, needs_sdk, send_plan

from amlshare import commands
from amlshare.backends.azureml import sdk

pytestmark = needs_sdk
TESTS = Path(__file__).parents[2]
EVERYTHING = Path(__file__).parent / "everything"
SPECS = TESTS.parent / "specs"

_BUILD = """
import sys
from pathlib import Path
from amlshare import commands
from backends.azureml.offline import Catalogue, needs_sdk, send_plan
spec = Path(sys.argv[1])
plan = commands.plan(commands.Request(spec=str(spec)))
sys.stdout.write(send_plan(plan, spec.parent, Catalogue(tables=frozenset({"routes"}))).text)
"""


def build(spec: Path, seed: str) -> str:
    """What is sent for a spec, as text, out of a process of its own."""
    path = os.pathsep.join([str(TESTS), str(TESTS.parent), os.environ["PYTHONPATH"]])
    made = subprocess.run(
        [sys.executable, "-c", _BUILD, str(spec)],
        env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": path},
        cwd=spec.parent,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    assert made.stderr == ""
    return made.stdout


def copy(folder: Path, place: Path) -> Path:
    shutil.copytree(folder, place, ignore=shutil.ignore_patterns(".amlshare", "__pycache__"))
    return place


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The spec that has everything, built twice: in two processes, out of two folders."""
    first = copy(EVERYTHING, tmp_path_factory.mktemp("here") / "spec")
    second = copy(EVERYTHING, tmp_path_factory.mktemp("elsewhere") / "deeper" / "another")
    os.utime(second / "code/clean.py", (1, 1))
    return build(first / "everything.yaml", "0"), build(second / "everything.yaml", "77")


def hashes(sent: str) -> dict[str, Any]:
    return {each["Name"]: each["IdentifierHash"] for each in json.loads(sent)["modules"]}


def test_two_builds_are_equal_byte_for_byte(sent: tuple[str, str]):
    assert len(sent[0]) > 100_000
    assert sent[0] == sent[1]


def test_a_step_has_one_fingerprint_in_every_process(sent: tuple[str, str]):
    assert len(set(hashes(sent[0]).values())) == 13
    assert hashes(sent[0]) == hashes(sent[1])


def test_nothing_says_where_the_code_lay(sent: tuple[str, str]):
    assert "/elsewhere" not in sent[1]
    assert str(Path(sys.prefix)) not in sent[1]


def test_an_edited_script_makes_other_modules_of_the_steps_with_its_folder(
    sent: tuple[str, str], tmp_path: Path
):
    folder = copy(EVERYTHING, tmp_path / "spec")
    (folder / "code/clean.py").write_text("print('edited')\n")
    edited = hashes(build(folder / "everything.yaml", "0"))
    same = {name for name, digest in hashes(sent[0]).items() if edited[name] == digest}
    assert same == {"bash"}


def test_two_builds_of_the_large_example_are_equal(tmp_path: Path):
    # it lies at other places, and each is its own git checkout
    files = (SPECS, TESTS.parent / "scripts")
    made = []
    for seed, place in enumerate(("a", "b/c")):
        for folder in files:
            if folder.exists():
                copy(folder, tmp_path / place / folder.name)
        made.append(build(tmp_path / place / "specs/flights.yaml", str(seed)))
    assert made[0] == made[1]


def test_a_build_without_the_package_of_step_classes_is_equal(monkeypatch: pytest.MonkeyPatch):
    spec = EVERYTHING / "everything.yaml"
    plan = commands.plan(commands.Request(spec=str(spec)))
    catalogue = Catalogue(tables=frozenset({"routes"}))
    usual = send_plan(plan, EVERYTHING, catalogue)
    sdk.prepare()
    monkeypatch.setattr(sdk, "steps_classes", sdk._bases)
    assert send_plan(plan, EVERYTHING, catalogue).text == usual.text
