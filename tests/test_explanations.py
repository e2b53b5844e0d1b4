"""Every diagnostic is explained, and what its explanation shows is true."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from amlshare import commands, explanations
from amlshare.checks.steps import KINDS
from amlshare.commands import Request, UsageError
from amlshare.diagnostics import Diagnostic, SpecError
from amlshare.units import parse_size

ROOT = Path(__file__).parent.parent
BACKENDS = {
    "input-not-told": "local",
    "no-stand-in": "local",
    "only-lost": "azureml-v2",
    "order-only": "azureml-v2",
    "path-on-compute": "azureml-v2",
    "schedule-on-change": "azureml-v2",
    "table-not-argument": "azureml-v2",
    "tags-lost": "azureml-v2",
}
# In kebab case beside the codes, and none.
NO_CODES = {"duplicate-output", "here-literal", "latin-1", "output-name", "run-id"}
# Snippets that are no YAML, or whose file matters more than what it says, stand alone.
ALONE = {
    "duplicate-key",
    "empty-file",
    "merge-key",
    "not-a-mapping",
    "several-documents",
    "tab-indentation",
    "unknown-alias",
    "unknown-tag",
    "yaml-syntax",
    "alias-bomb",
    "alias-cycle",
    "duplicate-anchor",
    "non-string-key",
}
FIT = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--table", required=True)
parser.add_argument("--max_epochs", type=int)
parser.add_argument("--loss", choices=["absolute", "squared"])
parser.add_argument("--model")
parser.add_argument("--notes")
which = parser.add_mutually_exclusive_group()
which.add_argument("--gpu", action="store_true")
which.add_argument("--cpu", action="store_true")
args = parser.parse_args()
open(args.table).read(args.max_epochs, args.loss, args.gpu, args.cpu)
open(args.model + "/model.bin", "w").close()
"""
BY_FILE = """
import argparse
parser = argparse.ArgumentParser()
for name in open("names.txt"):
    parser.add_argument(name)
parser.parse_args()
"""
# What a snippet shows with the world around it: see the tests of the rule.
SHOWN_ELSEWHERE = {
    "large-code",
    "missing-in-workspace",
    "nearly-large-code",
    "unfit-in-workspace",
}
# What a comment of a snippet says of a file beside the spec.
FILE = re.compile(r"# (\S+) has (?:(?P<size>\d+ [KM]?B)|the line: (?P<line>.+))")
# What no part of a spec can show, but only a whole file.
NOT_SHOWN = set("bad-encoding bad-lock bad-rates file-too-large too-deep unreadable-file".split())


PLACES = ("advice", "checks", "document")


def codes_in_the_source() -> set[str]:
    """Every text in kebab case in the modules that find things."""
    package = ROOT / "amlshare"
    files = [file for place in PLACES for file in (package / place).glob("*.py")]
    files += (package / "backends").glob("*.py")
    backends = ("local/limits.py", "azureml/limits.py", "azureml/online.py")
    files += [package / "backends" / name for name in backends]
    names = ("calibration.py", "layers.py", "lock.py", "packages.py", "resolution.py")
    files += [package / name for name in names]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
    kebab = re.compile(r"(?!utf-|azureml-)[a-z][a-z0-9]*(-[a-z0-9]+)+")
    return {text for text in texts if isinstance(text, str) and kebab.fullmatch(text)} - NO_CODES


def test_every_code_in_the_source_is_explained_and_no_other():
    assert set(explanations.CODES) == codes_in_the_source()


@pytest.mark.parametrize("code", explanations.CODES)
def test_an_explanation_is_whole(code: str):
    explanation = explanations.explain(code)
    assert explanation.code == code
    assert explanation.title[0].isupper() or explanation.title[0] == "{"
    assert not explanation.title.endswith(".")
    assert explanation.text.rstrip(")").endswith(".")
    assert bool(explanation.bad) == bool(explanation.good) == (code not in NOT_SHOWN)


def test_an_unknown_code_is_answered_with_the_one_that_was_meant():
    with pytest.raises(UsageError, match="did you mean 'unknown-source'"):
        commands.explain("unknown-sourse")


@pytest.mark.parametrize("kind", explanations.SUGGESTIONS)
def test_a_kind_of_suggestion_is_answered_with_where_it_is_explained(kind: str):
    with pytest.raises(UsageError, match="`plan --suggest` says"):
        commands.explain(kind)


def test_what_advice_calls_itself_is_a_code_or_a_kind_of_suggestion():
    texts = (file.read_text("utf-8") for file in (ROOT / "amlshare/advice").glob("*.py"))
    named = {name for text in texts for name in re.findall(r'(?:code=|_CODE = )"(.+?)"', text)}
    assert named - set(explanations.CODES) == set(explanations.SUGGESTIONS)


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the snippets name."""
    files = {
        "scripts/clean.py": "",
        "scripts/train.py": "",
        "train/train.py": "",
        "scripts/score.py": "",
        "scripts/hidden.py": "",
        "scripts/fit.py": FIT,
        "scripts/by_file.py": BY_FILE,
        "scripts/run.sh": "",
        "scripts/.amlignore": "hidden.py\n",
        "sklearn.yml": "dependencies: [python=3.11]",
        "requirements.txt": "",
        "data/flights.csv": "",
        "environments.yaml": "environments: {sklearn: {image: 'python:3.12'}}\n",
        "steps.yaml": "steps: {clean: {script: clean.py}}\n",
        "cycle.yaml": "include: [cycle.yaml]\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def whole(snippet: dict[str, Any], default: dict[str, str]) -> dict[str, Any]:
    """A snippet with what every spec has, and ``default`` for steps that run nothing."""
    spec: dict[str, Any] = {
        "amlshare": 1,
        "name": "demo",
        "steps": {"clean": {"script": "clean.py"}},
        "environments": {"python": {"image": "python:3.11"}},
        **snippet,
    }
    defaults = {"compute": "cpu-cluster", "environment": "python", "code": "scripts"}
    spec["defaults"] = defaults | spec.get("defaults", {})
    if spec["environments"].keys() - {"python"}:
        spec["environments"].setdefault("python", {"image": "python:3.11"})
    for step in spec["steps"].values() if isinstance(spec["steps"], dict) else ():
        if isinstance(step, dict) and not set(KINDS) & step.keys():
            step.update(default)
    return spec


def write_files(snippet: str, folder: Path) -> None:
    """The files that a snippet speaks of."""
    for name, size, line in FILE.findall(snippet):
        (folder / name).parent.mkdir(exist_ok=True)
        with (folder / name).open("wb") as file:
            file.write(line.replace("\\r", "\r").encode() + b"\n" if line else b"")
            file.truncate(parse_size(size) if size else None)


def diagnose(code: str, snippet: str, folder: Path) -> tuple[Diagnostic, ...]:
    default = {} if code == "nothing-to-run" else {"script": "clean.py"}
    text = snippet if code in ALONE else yaml.safe_dump(whole(yaml.safe_load(snippet), default))
    (folder / "spec.yaml").write_text(text)
    write_files(snippet, folder)
    target = re.search(r"--target (\w+)", snippet)
    request = Request(
        spec="spec.yaml",
        backend=BACKENDS.get(code, "azureml"),
        target=target[1] if target else None,
    )
    try:
        return commands.plan(request).diagnostics
    except SpecError as error:
        return error.diagnostics


def test_what_a_snippet_says_of_files_is_true_of_them(tmp_path: Path):
    write_files("# a/b has 2 KB\n# c has the line: x\\r\n# d has nothing", tmp_path)
    assert (tmp_path / "a/b").stat().st_size == 2000
    assert (tmp_path / "c").read_bytes() == b"x\r\n"
    assert not (tmp_path / "d").exists()


SHOWN = [code for code in explanations.CODES if explanations.explain(code).bad]


@pytest.mark.parametrize("code", [code for code in SHOWN if code not in SHOWN_ELSEWHERE])
def test_the_wrong_form_is_found_and_the_right_one_is_right(code: str, surroundings: Path):
    explanation = explanations.explain(code)
    wrong = diagnose(code, explanation.bad, surroundings)
    assert {(each.code, each.severity) for each in wrong} >= {(code, explanation.severity)}, wrong
    right = diagnose(code, explanation.good, surroundings)
    assert code not in {each.code for each in right}
    if code not in ALONE:
        assert not [each for each in right if each.severity == "error"]
