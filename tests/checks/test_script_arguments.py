"""What the rule says of a spec (``amlshare.checks.script_arguments``)."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from amlshare import checks
from amlshare.checks import mending
from amlshare.diagnostics import Finding
from amlshare.snapshots import Snapshots

SCRIPT = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--table", required=True)
parser.add_argument("--epochs", type=int)
parser.add_argument("--names", nargs="+")
parser.add_argument("--loss", choices=["l1", "l2"])
parser.add_argument("--fast", action="store_true")
args = parser.parse_args()
print(args.table, args.epochs, args.names, args.loss, args.fast)
"""
OURS = {"unknown-argument", "missing-argument", "unclear-script", "write-to-input"}
OURS |= {"argument-type", "argument-choice", "argument-count", "argument-conflict"}
OURS |= {"unread-argument", "unread-input", "unwritten-output"}


def findings(folder: Path, arguments: str, script: str = SCRIPT, more: str = "") -> list[Finding]:
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code/fit.py").write_text(script)
    text = (
        "{amlshare: 1, name: demo, defaults: {compute: c, environment: e, code: code},"
        " environments: {e: {image: 'python:3.11'}},"
        " parameters: {number: 3, half: 0.5, whole: 2.0, word: abc, open: {type: integer}},"
        " data: {raw: {type: directory, location: raw/}},"
        f" steps: {{fit: {{script: fit.py, inputs: {{raw: raw}}, outputs: [made],"
        f" arguments: {arguments}{more}}}}}}}"
    )
    spec = mending.parse(yaml.safe_load(text)).spec
    assert spec is not None
    return [each for each in checks.check(spec, Snapshots(folder)) if each.code in OURS]


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        ("{--table: x, --epochs: 3, --names: [a, b], --loss: l1, --fast: true}", []),
        ("{--table: x, --fast: false, --epochs: null}", []),
        ("{--table: x, --epochs: '${parameters.number}'}", []),
        ("{--table: x, --epochs: '${parameters.open}'}", []),
        ("{--table: x, --epochs: '${parameters.whole}'}", []),
        ("{--table: x, --epochs: '${parameters.half}'}", ["argument-type"]),
        ("{--table: x, --epochs: '${parameters.word}'}", ["argument-type"]),
        ("{--table: x, --epochs: '1${parameters.number}'}", []),
        ("{--table: '${inputs.raw}/x.csv'}", []),
        ("['--table=${inputs.raw}', --epochs, 1e3]", ["argument-type"]),
        ("{--table: x, --loss: '${parameters.word}'}", ["argument-choice"]),
        ("{--table: x, --names: []}", ["argument-count"]),
        ("{--table: x, --fast: 'true'}", ["argument-count"]),
        ("{--tabel: x}", ["unknown-argument"]),
        ("{--nothing: x}", ["unknown-argument", "missing-argument"]),
        ("[x]", ["argument-count", "missing-argument"]),
        ("[--table, x, --, --epochs]", []),
    ],
)
def test_arguments_are_held_against_the_parser(tmp_path, arguments, codes):
    assert [each.code for each in findings(tmp_path, arguments)] == codes


def test_each_part_of_a_sequence_is_held_against_its_own_script(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code/fit.py").write_text(SCRIPT)
    text = (
        "{amlshare: 1, name: demo, defaults: {compute: c, environment: e, code: code},"
        " environments: {e: {image: 'python:3.11'}}, steps: {a: {scratch: [table], sequence: ["
        "{script: fit.py, arguments: {--table: x}}, {command: date}, {script: fit.py},"
        " {script: fit.py, arguments: [--tabel, x, --table, y]}]}}}"
    )
    spec = mending.parse(yaml.safe_load(text)).spec
    found = [each for each in checks.check(spec, Snapshots(tmp_path)) if each.code in OURS]
    route = ("steps", "a", "sequence")
    assert [(each.code, each.route) for each in found] == [
        ("missing-argument", (*route, 2, "script")),
        ("unknown-argument", (*route, 3, "arguments", 0)),
    ]
    assert "`--table: ${scratch.table}`" in found[0].help


def test_a_finding_names_the_line_of_the_script_and_the_parameter(tmp_path):
    (found,) = findings(tmp_path, "{--table: x, --epochs: '${parameters.word}'}")
    assert found.route == ("steps", "fit", "arguments", "--epochs")
    assert "fit.py:5" in (found.help or "")
    assert found.notes[0].route == ("parameters", "word")


def test_an_argument_is_written_for_the_port_of_its_name(tmp_path):
    script = SCRIPT.replace("--table", "--made")
    (found,) = findings(tmp_path, "{--epochs: 3}", script)
    assert "`--made: ${outputs.made}`" in (found.help or "")


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("args = p.parse_args()", "unread-input"),
        ("args = p.parse_args()\nopen(args.data + '/x', 'w')", "write-to-input"),
        ("args = p.parse_args()\nopen(args.data)", None),
    ],
)
def test_what_becomes_of_an_input_is_a_hint(tmp_path, script, code):
    head = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--data')\n"
    found = findings(tmp_path, "{--data: '${inputs.raw}'}", head + script)
    assert [(each.code, each.severity) for each in found] == ([(code, "hint")] if code else [])


def test_where_modules_are_looked_for_elsewhere_nothing_is_said(tmp_path):
    assert findings(tmp_path, "{--no: 1}", more=", env: {PYTHONPATH: lib}") == []


def test_scripts_that_cannot_be_followed_are_one_hint(tmp_path):
    script = "import argparse\np = argparse.ArgumentParser(**named)\np.parse_args()\n"
    found = findings(tmp_path, "{--x: 1}", script)
    assert [each.code for each in found] == ["unclear-script"]
    assert findings(tmp_path, "{}", script) == []


def test_a_script_that_reads_no_arguments_is_let_be(tmp_path):
    assert findings(tmp_path, "{--x: 1}", "print('hello')") == []
