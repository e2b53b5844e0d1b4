from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from amlshare.checks import FILE_RULES
from amlshare.diagnostics import Finding
from amlshare.snapshots import Snapshots
from amlshare.spec import Spec

Find = Callable[[str], list[Finding]]


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """What the rules about files find in a spec beside which some files lie."""
    for name in ("code/clean.py", "code/lib/load.py", "code/hidden.py", "code/run.sh", "conda.yml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "code/.amlignore").write_text("hidden.py\n")

    def found(text: str) -> list[Finding]:
        data = {"amlshare": 1, "name": "demo", "steps": {}, **yaml.safe_load(text)}
        spec = Spec.model_validate(data)
        return [each for rule in FILE_RULES for each in rule(spec, Snapshots(tmp_path))]

    return found


@pytest.mark.parametrize(
    ("script", "code", "label"),
    [
        ("claen.py", "script-not-found", "did you mean 'clean.py'?"),
        ("Clean.py", "script-not-found", "did you mean 'clean.py'?"),
        ("load.py", "script-not-found", "did you mean 'lib/load.py'?"),
        ("code/clean.py", "script-not-found", "did you mean 'clean.py'?"),
        ("clean.py --year 2013", "script-not-found", "a script, and its arguments"),
        ("zzzzzz.py", "script-not-found", "no such file"),
        ("hidden.py", "script-ignored", "left out by .amlignore"),
        ("../clean.py", "script-outside", "expected a path in 'code'"),
        ("/code/clean.py", "script-outside", "expected a path in 'code'"),
        ("run.sh", "script-not-python", "a script is run by Python"),
    ],
)
def test_a_script_lies_in_its_code_folder(find: Find, script: str, code: str, label: str):
    (found,) = find(f"{{defaults: {{code: code}}, steps: {{a: {{script: '{script}'}}}}}}")
    assert (found.code, found.label) == (code, label)


def test_the_script_of_a_parallel_step_too(find: Find):
    text = "{defaults: {code: code}, steps: {a: {parallel: {script: x.py, over: y}}}}"
    assert find(text)[0].route == ("steps", "a", "parallel", "script")


@pytest.mark.parametrize("script", ["clean.py", "lib/load.py", "./clean.py"])
def test_what_is_there_is_found(find: Find, script: str):
    assert find(f"{{defaults: {{code: code}}, steps: {{a: {{script: {script}}}}}}}") == []


def test_steps_without_a_code_folder_are_told_at_once(find: Find):
    steps = ", ".join(f"{name}: {{script: clean.py}}" for name in "abcd")
    (found,) = find(f"steps: {{{steps}, e: {{command: ls}}}}")
    assert (found.code, found.route) == ("missing-code", ("steps", "a", "script"))
    assert found.message == "steps 'a', 'b' and 2 more have a script and no code folder"


def test_a_step_may_do_without_code_if_it_has_no_script(find: Find):
    (found,) = find("{defaults: {code: code}, steps: {a: {script: clean.py, code: none}}}")
    assert (found.code, found.route) == ("missing-code", ("steps", "a", "code"))
    assert find("{defaults: {code: code}, steps: {a: {command: ls, code: none}}}") == []


def test_a_missing_code_folder_is_told_once(find: Find):
    steps = "{a: {script: x.py}, b: {script: y.py}}"
    (found,) = find(f"{{defaults: {{code: conda.yml}}, steps: {steps}}}")
    assert (found.code, found.label) == ("code-not-found", "a file, and no folder")
    assert found.route == ("defaults", "code")


@pytest.mark.parametrize(
    ("entry", "label", "help_"),
    [
        ("{conda: cnda.yml}", "no such file", "the path is relative to the file it stands in"),
        ("{conda: code}", "a folder, and no file", "the path is relative to the file it stands in"),
        ("{pip: pandas}", "no such file", "a requirement stands in a list: `pip: [pandas]`"),
        ("{pip: reqs.txt}", "no such file", "the path is relative to the file it stands in"),
    ],
)
def test_the_files_of_an_environment_are_there(find: Find, entry: str, label: str, help_: str):
    (found,) = find(f"environments: {{e: {entry}}}")
    assert (found.code, found.label, found.help) == ("file-not-found", label, help_)


def test_an_upload_is_a_file_or_a_folder(find: Find):
    data = "data: {x: {type: path, location: y/, upload: %s}}"
    assert find(data % "code") == find(data % "conda.yml") == []
    assert [each.code for each in find(data % "nothing")] == ["file-not-found"]
