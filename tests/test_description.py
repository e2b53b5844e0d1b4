"""A plan in the words of its spec."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import few, spec_data
from test_plan import plan_of

from amlshare.description import describe, quoted, words
from amlshare.diff import compare
from amlshare.movement.known import Known, Size

CONDA = """\
channels: [conda-forge]
dependencies:
  - python=3.10
  - pip: [numpy==1.26.4, azureml-defaults]
"""
SPEC = {
    "amlshare": 1,
    "name": "shop",
    "environments": {
        "sklearn": {"image": "registry/image:1", "conda": "env.yml"},
        "listed": {"pip": ["pandas==2.2"]},
        "asked": {"pip": "requirements.txt"},
    },
    "compute": {"cpu": {"cluster": "cpu-big", "vm_size": "Standard_DS3_v2"}},
    "parameters": {"least": 5},
    "data": {"raw": {"type": "path", "location": "raw/", "datastore": "blobs", "size": "2 MB"}},
    "steps": {
        "clean": {
            "script": "clean.py",
            "code": "scripts",
            "compute": "cpu",
            "environment": "sklearn",
            "inputs": {"raw": {"from": "raw", "mode": "download"}},
            "outputs": {"table": {"datastore": "blobs", "expect": {"files": ">=1"}}},
            "arguments": {"--least": "${parameters.least}", "--title": "two words"},
            "timeout": "2h",
        }
    },
}


def described(data=SPEC, known=None, files=None):
    plan = plan_of(data, known=known or Known())
    return describe(plan, read=(files or {"env.yml": CONDA}).get)


def test_a_step_has_what_it_runs_with_its_keys_as_in_a_spec():
    step = described().named("step")["clean"]
    assert step | {"code": ""} == {
        "script": "clean.py",
        "arguments": '--least ${parameters.least} --title "two words"',
        "code": "",
        "inputs.raw.from": "raw",
        "inputs.raw.mode": "download",
        "outputs.table.type": "path",
        "outputs.table.mode": "auto",
        "outputs.table.datastore": "blobs",
        "outputs.table.expect.files": ">=1",
        "compute": "cpu",
        "environment": "sklearn",
        "timeout": "2 h",
    }


def test_an_environment_has_the_packages_of_its_files():
    files = {"env.yml": CONDA, "requirements.txt": "scipy>=1.0  # for one thing\n"}
    assert described(files=files).named("environment") == {
        "sklearn": {
            "image": "registry/image:1",
            "conda.python": "3.10",
            "pip.numpy": "1.26.4",
            "pip.azureml-defaults": "any",
            "channels": "conda-forge",
        },
        "listed": {
            "image": described().named("environment")["listed"]["image"],
            "pip.pandas": "2.2",
        },
        "asked": {
            "image": described().named("environment")["listed"]["image"],
            "pip.scipy": ">=1.0",
        },
    }


def test_of_a_dockerfile_there_is_a_digest_and_never_a_word_of_its_text():
    def said(text):
        entries = {**SPEC["environments"], "docked": {"dockerfile": "Dockerfile"}}
        files = {"Dockerfile": text, "env.yml": CONDA}
        return described({**SPEC, "environments": entries}, files=files).named("environment")[
            "docked"
        ]

    before = said("FROM python\nARG KEY=k-12\nENV TOKEN=one\n")
    after = said("FROM python\nARG KEY=k-12\nENV TOKEN=two\n")
    assert before["dockerfile"].startswith("3 lines, ")
    assert before != after
    assert not any(word in str(before) for word in ("k-12", "one", "python"))


@pytest.mark.parametrize("text", ["{", "5", "dependencies: 5", "dependencies: [{pip: 5}]"])
def test_a_conda_file_that_is_none_differs_as_a_whole_and_no_package_looks_removed(text):
    whole, broken = described(), described(files={"env.yml": text})
    for before, after in ((whole, broken), (broken, whole)):
        (change,) = (each for each in compare(before, after).changes if each.name == "sklearn")
        assert [each.field for each in change.fields] == ["conda"]
    said = broken.named("environment")["sklearn"]["conda"]
    assert said.startswith("broken: 1 line, ")
    assert compare(broken, broken).changes == ()
    assert compare(broken, described(files={"env.yml": f"{text} "})).changes != ()


def test_data_has_what_the_lock_says_of_its_content():
    size = Size(bytes=31_000_000, files=1, origin="measured")
    known = Known(sizes={"raw": size}, digests={"raw": "0123456789abcdef"})
    assert described(known=known).named("data")["raw"]["content"] == "31 MB, 1 file, 0123456789ab"
    later = Known(digests={"raw": "0123456789abcdef"}, versions={"raw": 4})
    assert described(known=later).named("data")["raw"]["content"].startswith("version 4, ")
    assert "content" not in described().named("data")["raw"]


def test_a_parameter_has_the_value_that_was_given_where_it_is_not_its_default():
    assert described().named("parameter") == {"least": {"type": "integer", "default": 5}}


def test_of_a_sequence_each_part_is_told():
    data = {**SPEC, "steps": {"both": {
        "sequence": [
            {"script": "one.py", "arguments": ["--out", "${scratch.kept}"]},
            {"command": "cat ${scratch.kept}"},
        ],
        "scratch": ["kept"], "code": "scripts", "compute": "cpu", "environment": "sklearn",
    }}}  # fmt: skip
    step = described(data).named("step")["both"]
    assert step["sequence.1.script"] == "one.py"
    assert step["sequence.1.arguments"] == "--out ${scratch.kept}"
    assert step["sequence.2.command"] == "cat ${scratch.kept}"
    assert step["scratch.kept.format"] == "folder"


def test_a_title_of_a_part_is_for_people():
    parts = {"sequence": [{"command": "date"}, {"command": "ls"}]}
    titled = {"sequence": [{"command": "date", "title": "When"}, {"command": "ls"}]}
    before, after = (described({**SPEC, "steps": {"s": step}}) for step in (parts, titled))
    (change,) = compare(before, after).changes
    assert [(each.field, each.after) for each in change.fields] == [("sequence.1.title", "When")]
    assert change.effect == "cosmetic"


@few
@given(spec_data())
def test_a_plan_is_described_alike_twice_in_single_values_and_differs_not_from_itself(data):
    plan = plan_of(data)
    one, other = (describe(plan, read=lambda _: CONDA) for _ in range(2))
    assert one == other
    assert compare(one, other).changes == ()
    fields = [fields for things in one.things.values() for fields in things.values()]
    kinds = {type(value) for each in fields for value in each.values()}
    assert kinds <= {str, int, float, bool}


@few
@given(spec_data(), st.data())
def test_only_the_steps_that_are_asked_for_are_described(data, drawn):
    plan = plan_of(data)
    names = drawn.draw(st.sets(st.sampled_from([step.name for step in plan.pipeline.steps])))
    found = describe(plan, read=lambda _: None, steps=names)
    whole = describe(plan, read=lambda _: None)
    assert dict(found.named("step")) == {
        name: whole.named("step")[name] for name in whole.named("step") if name in names
    }
    assert replace(found, things={}) == replace(whole, things={})


@given(st.lists(st.text()))
def test_the_words_of_a_line_are_told_apart_again(given_words):
    assert words(" ".join(map(quoted, given_words))) == given_words
