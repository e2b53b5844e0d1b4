from __future__ import annotations

import pytest
from checks.specimen import codes, findings, only

from amlshare.checks.keys import keys_at
from amlshare.checks.places import place, who

FRACTION = """
data: {d: {type: path, location: x}}
steps: {a: {script: a.py, inputs: {i: {from: d, reads: {fraction: all}}}}}
"""


@pytest.mark.parametrize(
    ("text", "code", "label", "help_"),
    [
        # nesting
        ("steps: [{a: {script: a.py}}]", "wrong-type", "a mapping", "take the dashes away"),
        ("steps: [{name: a, script: a.py}]", "wrong-type", "a mapping", "for example `clean: {"),
        ("steps: {script: a.py}", "unnamed-entry", "a name", "write a name above"),
        ("steps: {a: {script: a.py}, inputs: [x]}", "unnamed-entry", "a name", "such as 'a'"),
        ("schedules: {every: day}", "unnamed-entry", "a name", "`nightly: {every: day}`"),
        ("steps: {a: {script: a.py, outputs: {type: path}}}", "unnamed-entry", "a name", "cleaned"),
        # a text in the place of an entry
        (
            "steps: {a: 'script:a.py'}",
            "wrong-type",
            "a mapping",
            "blank after the colon: `script: ",
        ),
        ("steps: {a: a.py}", "wrong-type", "a mapping", "`a: {script: a.py}`"),
        ("data: {x: raw/}", "wrong-type", "a mapping", "`x: {type: path, location: raw/}`"),
        ("compute: cpu", "wrong-type", "a mapping", "write `defaults: {compute: cpu}`"),
        ("steps: {a: {script: a.py, outputs: x}}", "wrong-type", "names", "write `outputs: [x]`"),
        ("steps: {a: {sequence: x}}", "wrong-type", "scripts and", "`sequence: [{script: x}]`"),
        ("steps: {a: {sequence: a b}}", "wrong-type", "scripts and", "[{command: a b}]`"),
        ("steps: {a: {sequence: [x y]}}", "wrong-type", "a mapping", "write `- command: x y`"),
        ("steps: {a: {sequence: [x.py]}}", "wrong-type", "a mapping", "write `- script: x.py`"),
        ("steps: {a: {sequence: [~]}}", "wrong-type", "a mapping", "or take it out"),
        ("steps: {a: {sequence: {script: x}}}", "wrong-type", "scripts and", "with a dash"),
        ("steps: {a: {sequence: [{command: x}], scratch: s}}", "wrong-type", "names", "[s]"),
        (
            "steps: {a: {sequence: [{command: x}], scratch: {environment: s}}}",
            "wrong-type",
            "a mapping",
            None,
        ),
        ("steps: {a: {script: a.py, outputs: {x: path}}}", "wrong-type", "a map", "{type: path}`"),
        ("steps: {a: {script: a.py, inputs: [x]}}", "wrong-type", "a mapping", "`inputs: {x: x}`"),
        ("steps: {a: {script: a.py, arguments: -a b}}", "wrong-type", "a list", "[-a, b]"),
        ("steps: {a: {script: a.py, arguments: [{--a: b}]}}", "wrong-type", "text", "two items"),
        ("steps: {a: {script: a.py, environment: {image: x}}}", "wrong-type", "text", "`environ"),
        # other types
        ("name: 5", "wrong-type", "a text", 'in quotes: "5"'),
        ("experiment: true", "wrong-type", "a text", 'in quotes: "true"'),
        ("data:", "wrong-type", "a mapping", "fill it in, or take `data:` out"),
        ("steps: {a: {script: a.py, arguments: }}", "wrong-type", "a list, or", "fill it in"),
        ("steps: {a: {script: a.py, retries: two}}", "wrong-type", "a whole number", None),
        ("compute: {c: {hourly_rate: '1'}}", "wrong-type", "a number", None),
        ("compute: {c: {hourly_rate: 0}}", "bad-number", "more than 0", None),
        (FRACTION, "wrong-type", "a number", None),
        ("amlshare: '1'", "wrong-type", "the number 1", None),
        ("amlshare: 2", "unsupported-version", "1", "install the amlshare"),
        # numbers
        ("compute: {c: {max_nodes: 0}}", "bad-number", "at least 1", None),
        ("steps: {a: {script: a.py, nodes: 0}}", "bad-number", "a whole number from 1 on", None),
        ("steps: {a: {script: a.py, nodes: '${x}'}}", "bad-reference", "", "write ${inputs.N}"),
        ("steps: {a: {script: a.py, timeout: soon}}", "bad-time", "a number and a unit", "such as"),
    ],
)
def test_what_is_wrong_and_how_it_is_written(text: str, code: str, label: str, help_: str | None):
    found = only(text)
    assert (found.code, label in found.label) == (code, True), found
    assert found.help is None if help_ is None else help_ in (found.help or ""), found


@pytest.mark.parametrize(
    ("text", "label", "help_"),
    [
        ("stpes: {}", "did you mean 'steps'?", None),
        ("jobs: {}", "here it is `steps`", None),
        ("$schema: x", "a comment here", "`# yaml-language-server"),
        ("code: x", "goes under `defaults`", "write `defaults: {code: ..}`"),
        ("over: x", "stands in the wrong place", "`over` is a key of a step's `parallel`"),
        ("zzz: x", "unknown key", "known here: amlshare, name"),
        ("steps: {a: {script: a.py, compute_target: x}}", "here it is `compute`", None),
        (
            "steps: {a: {script: a.py, location: x}}",
            "stands in the wrong place",
            "an output and da",
        ),
        (
            "steps: {a: {script: a.py, parallel: {script: a, over: b, arguments: []}}}",
            "deep",
            "bes",
        ),
        ("data: {x: {type: path, location: y/, form: file}}", "did you mean 'format'?", None),
        ("data: {x: {type: path, path: y/, location: y/}}", "here it is `location`", None),
    ],
)
def test_what_an_unknown_key_was_meant_to_be(text: str, label: str, help_: str | None):
    found = next(each for each in findings(text) if each.code == "unknown-key")
    assert label in found.label
    assert (help_ or "") in (found.help or "")


@pytest.mark.parametrize(
    ("value", "label", "help_"),
    [
        ("dowload", "did you mean 'download'?", "one of: mount, download, direct, auto"),
        ("Mount", "did you mean 'mount'?", "one of"),
        ("ro_mount", "did you mean 'mount'?", "one of"),
        ("upload", "expected mount, download, direct, auto", "an output is uploaded"),
        ("5", "expected mount", ""),
        ("{}", "expected mount", ""),
    ],
)
def test_what_an_unknown_value_was_meant_to_be(value: str, label: str, help_: str):
    data = "data: {x: {type: path, location: y/}}"
    step = f"{{script: a.py, inputs: {{x: {{from: x, mode: {value}}}}}}}"
    found = only(f"{{{data}, steps: {{a: {step}}}}}")
    assert found.code == "unknown-value"
    assert found.label.startswith(label)
    assert (found.help or "").startswith(help_)


def test_a_table_of_sdk_v2_is_a_dataset_and_a_format():
    found = only("data: {x: {type: mltable, name: x, version: 1}}")
    assert (found.label, found.help) == ("did you mean 'dataset'?", "with `format: table`")


def test_what_is_missing_at_one_place_is_told_at_once():
    found = only("data: {x: {location: y/, type: path}}\nsteps: {a: {parallel: {nodes: 2}}}")
    assert found.message == "'parallel' of step 'a' has no 'script' and 'over'"


def test_a_key_that_is_misspelled_is_not_missing_as_well():
    assert codes("data: {x: {tpye: path, location: y/}}") == ["unknown-key"]


def test_a_step_may_be_called_like_a_key():
    assert codes("steps: {command: {script: a.py}, inputs: {command: ls}}") == []
    assert codes("steps: {command: {script: a.py, scirpt: b.py}}") == ["unknown-key"]


@pytest.mark.parametrize(
    ("route", "words"),
    [
        ((), "the spec"),
        (("name",), "'name'"),
        (("defaults", "env", "X"), "'defaults.env.X'"),
        (
            ("steps", "steps", "inputs", "inputs", "mode"),
            "'mode' of input 'inputs' of step 'steps'",
        ),
        (("steps", "a", "after", 1), "item 2 of 'after' of step 'a'"),
        (("steps", "a", "sequence", 1, "script"), "'script' of part 2 of step 'a'"),
        (("steps", "a", "sequence", 0), "part 1 of step 'a'"),
        (("steps", "a", "scratch", "s", "format"), "'format' of scratch 's' of step 'a'"),
        (("outputs", "x"), "output 'x'"),
        (("steps",), "'steps'"),
    ],
)
def test_a_route_in_words(route: tuple[str | int, ...], words: str):
    assert place(route) == words


def test_steps_in_words():
    assert who(["a"]) == "step 'a' has"
    assert who(["a", "b"]) == "steps 'a', 'b' have"
    assert who(["a", "b", "c"]) == "steps 'a', 'b' and 1 more have"


def test_the_keys_of_a_short_form_are_known():
    assert keys_at(("steps", "a", "inputs", "x")) == ("from", "mode", "at", "reads")
    assert keys_at(("steps", "a", "inputs")) == ()
    assert keys_at(("nothing", "here")) == ()
