from __future__ import annotations

from pathlib import Path

import pytest
from checks.specimen import codes, findings

from amlshare import commands
from amlshare.checks import mending
from amlshare.commands import Request


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # a mistake of another kind, told beside what pydantic refuses
        (
            "steps: {a: {script: a.py, timeout: soon, nodes: 2}}",
            {"bad-time", "undistributed-nodes"},
        ),
        ("steps: {a: {script: a.py, zzz: 1}, B: {script: b.py}}", {"unknown-key", "bad-step-name"}),
        ("{name: 5, data: {x: {type: path}}}", {"wrong-type", "missing-key"}),
        ("{tags: [], steps: {a: {script: a.py, after: b}}}", {"wrong-type", "unknown-step"}),
        ("{data: {x: 5, y: {type: path}}}", {"wrong-type", "missing-key"}),
        (
            "steps: {a: {script: a.py, discription: x, nodes: 2}}",
            {"unknown-key", "undistributed-nodes"},
        ),
        ("{compute: {c: {zzz: 1, max_nodes: 1, min_nodes: 2}}}", {"unknown-key", "bad-node-range"}),
    ],
)
def test_what_else_is_wrong_is_told_too(text: str, expected: set[str]):
    assert set(codes(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps: {a: {scirpt: a.py}}", "unknown-key"),
        ("steps: {a: {script: a.py, input: {x: y}, arguments: ['${inputs.x}']}}", "unknown-key"),
        (
            "steps: {a: {script: a.py, outptus: [x]}, b: {command: ls, inputs: {y: a.x}}}",
            "unknown-key",
        ),
        ("{dta: {x: {}}, steps: {a: {script: a.py, inputs: {x: x}}}}", "unknown-key"),
        ("{data: [x], steps: {a: {script: a.py, inputs: {x: x}}}}", "wrong-type"),
        ("{data: {x: 5}, steps: {a: {script: a.py, inputs: {x: x}}}}", "wrong-type"),
        (
            "{parameters: 5, steps: {a: {script: a.py, arguments: ['${parameters.x}']}}}",
            "wrong-type",
        ),
        ("{environments: 5, defaults: {environment: e}}", "wrong-type"),
        ("data: {x: {type: dtaset, name: x, version: 1, parameter: true}}", "unknown-value"),
        ("data: {x: {type: path, location: a.csv, fromat: file}}", "unknown-key"),
        ("steps: {a: {script: a.py, nodes: 2, distribtion: {type: mpi}}}", "unknown-key"),
        (
            "steps: {a: {script: a, outputs: {x: {type: directory, location: y, ovewrite: true}}}}",
            "unknown-key",
        ),
        ("schedules: {s: {evry: day}}", "unknown-key"),
        ("steps: 5", "wrong-type"),
    ],
)
def test_what_is_only_a_consequence_is_not_told(text: str, expected: str):
    assert codes(text) == [expected]


def test_hints_wait_until_the_spec_is_whole():
    text = "{data: {x: {type: path, location: y/}}, zzz: 1}"
    assert [each.code for each in findings(text)] == ["unknown-key"]


def test_nothing_can_be_said_of_the_rest_of_what_is_no_mapping():

    parsed = mending.parse([1, 2])  # type: ignore[arg-type]
    assert parsed.spec is None
    assert [each.code for each in parsed.findings] == ["wrong-type"]


def test_what_a_missing_file_would_have_held_is_not_told(tmp_path: Path):
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "amlshare: 1\nname: demo\ninclude: [shared.yaml]\ndefaults: {environment: e}\n"
        "steps: {a: {command: ls, after: b}}\n"
    )
    found = commands.read(Request(spec=str(spec))).diagnostics
    assert [each.code for each in found] == ["file-not-found"]


def test_a_secret_hides_no_other_mistake(tmp_path: Path):
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "amlshare: 1\nname: demo\n"
        "steps: {a: {command: ls, after: b, env: {DB_PASSWORD: correct-horse-7}}}\n"
    )
    found = commands.read(Request(spec=str(spec))).diagnostics
    assert {each.code for each in found} == {"secret-in-spec", "unknown-step"}
