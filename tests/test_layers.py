from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from amlshare.diagnostics import SpecError
from amlshare.document.edits import Edit, Put, applied
from amlshare.layers import load, spelled_out

MAIN = """\
amlshare: 1
name: a
include: [common/shared.yaml]
compute:
  cpu: {cluster: small, nodes: 2}
parameters: {rate: 1e-3, rows: {type: integer, default: 5}}
steps:
  clean:
    script: clean.py
    inputs: {table: flights, other: {from: flights, mode: mount}}
    outputs: [cleaned]
    arguments: {--fast: true, --in: x}
    after: [one, two]
"""
SHARED = """\
environments:
  python: {conda: python.yml}
data:
  flights: {type: path, location: raw}
"""


@pytest.fixture
def spec(tmp_path, monkeypatch):
    """Write files, and read ``a.yaml`` among them."""
    monkeypatch.chdir(tmp_path)

    def read(files, target=None):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, "utf-8")
        return load("a.yaml", target=target)

    return read


def over(spec, target, base=MAIN, shared=SHARED):
    """The spec with a target that is written in flow style."""
    files = {"a.yaml": f"{base}targets:\n  prod: {target}\n", "common/shared.yaml": shared}
    return spec(files, "prod")


def codes(document):
    return [found.code for found in document.diagnostics]


def places(document):
    return [
        f"{each.span.file}:{each.span.line}:{each.span.column}" for each in document.diagnostics
    ]


def test_an_included_file_adds_its_names(spec):
    document = spec({"a.yaml": MAIN, "common/shared.yaml": SHARED})
    assert codes(document) == []
    assert document.data["data"] == {"flights": {"type": "path", "location": "raw"}}
    assert list(document.data["compute"]) == ["cpu"]


def test_each_value_is_found_in_the_file_that_it_stands_in(spec):
    document = spec({"a.yaml": MAIN, "common/shared.yaml": SHARED})
    shared, main = document.span(("data", "flights", "type")), document.span(("compute", "cpu"))
    assert (shared.file, shared.line) == ("common/shared.yaml", 4)
    assert (main.file, main.line) == ("a.yaml", 5)
    assert document.span(("data", "missing")).file == "common/shared.yaml"


def test_local_paths_of_an_included_file_are_relative_to_it(spec):
    shared = """\
environments: {e: {conda: e.yml, pip: [numpy]}, f: {dockerfile: ../f, pip: r.txt}, g: {pip: /r}}
local:
  datastores: {here: data, there: "abfs://c/x", home: "${env.HOME}/x"}
  python: .venv/bin/python
data: {d: {type: path, upload: raw/d.csv, location: raw/d.csv}}
targets: {prod: {defaults: {code: scripts}, steps: {s: {code: none}}}}
"""
    data = spec({"a.yaml": MAIN, "common/shared.yaml": shared}).data
    assert data["environments"] == {
        "e": {"conda": "common/e.yml", "pip": ["numpy"]},
        "f": {"dockerfile": "f", "pip": "common/r.txt"},
        "g": {"pip": "/r"},
    }
    assert data["local"] == {
        "datastores": {"here": "common/data", "there": "abfs://c/x", "home": "${env.HOME}/x"},
        "python": "common/.venv/bin/python",
    }
    assert data["data"]["d"]["upload"] == "common/raw/d.csv"
    assert data["data"]["d"]["location"] == "raw/d.csv"
    assert data["targets"]["prod"] == {
        "defaults": {"code": "common/scripts"}, "steps": {"s": {"code": "none"}}
    }  # fmt: skip


def test_an_included_file_may_include_and_is_read_once(spec):
    files = {
        "a.yaml": "include: [x/b.yaml, x/c.yaml]\namlshare: 1\n",
        "x/b.yaml": "include: [y/d.yaml]\n",
        "x/c.yaml": "include: [./y/d.yaml]\n",
        "x/y/d.yaml": "environments: {e: {conda: e.yml}}\n",
    }
    document = spec(files)
    assert codes(document) == []
    assert document.data["environments"] == {"e": {"conda": "x/y/e.yml"}}
    assert document.span(("environments", "e", "conda")).file == "x/y/d.yaml"


def test_one_file_may_be_included_without_a_list(spec):
    files = {"a.yaml": "include: b.yaml\namlshare: 1\n", "b.yaml": "tags: {team: ops}\n"}
    assert spec(files).data["tags"] == {"team": "ops"}


def test_files_that_include_each_other_are_a_cycle(spec):
    files = {
        "a.yaml": "include: [x/b.yaml]\namlshare: 1\n",
        "x/b.yaml": "include: [c.yaml]\n",
        "x/c.yaml": "include: [../x/b.yaml]\n",
    }
    document = spec(files)
    assert (codes(document), places(document)) == (["include-cycle"], ["x/c.yaml:1:11"])
    assert "x/b.yaml -> x/c.yaml -> x/b.yaml" in document.diagnostics[0].message


@pytest.mark.parametrize(
    ("name", "code"),
    [("missing.yaml", "file-not-found"), ("common", "not-a-file"), ('"n\\0"', "unreadable-file")],
)
def test_a_file_that_cannot_be_opened_is_named_where_it_is_included(spec, name, code):
    document = spec({"a.yaml": f"include:\n  - {name}\namlshare: 1\n", "common/x.yaml": ""})
    assert (codes(document), places(document)) == ([code], ["a.yaml:2:5"])


def test_what_is_wrong_in_an_included_file_is_found_there(spec):
    document = spec({"a.yaml": MAIN, "common/shared.yaml": "tags: {a: 1, a: 2}\ndata: ["})
    assert (codes(document), places(document)) == (["yaml-syntax"], ["common/shared.yaml:2:7"])
    assert document.data["name"] == "a"


def test_a_name_defined_twice_names_both_places(spec):
    shared = "compute:\n  gpu: {}\n  cpu: {}\n"
    [found] = spec({"a.yaml": MAIN, "common/shared.yaml": shared}).diagnostics
    assert (found.code, found.span.file, found.span.line) == ("duplicate-name", "a.yaml", 5)
    assert [(each.span.file, each.span.line) for each in found.related] == [
        ("common/shared.yaml", 3)
    ]


def test_a_name_in_two_included_files_is_found_in_the_second(spec):
    files = {
        "a.yaml": "include: [b.yaml, c.yaml]\namlshare: 1\n",
        "b.yaml": "local: {datastores: {x: here}, python: /p}\n",
        "c.yaml": "local: {datastores: {x: there, y: here}, python: /q}\n",
    }
    document = spec(files)
    assert codes(document) == ["duplicate-name"] * 2
    assert {found.span.file for found in document.diagnostics} == {"c.yaml"}
    assert document.data["local"]["datastores"] == {"x": "here", "y": "here"}


@pytest.mark.parametrize("key", ["steps", "defaults", "name", "outputs", "publish", "comptue"])
def test_what_belongs_to_one_pipeline_cannot_be_included(spec, key):
    document = spec({"a.yaml": MAIN, "common/shared.yaml": f"tags: {{}}\n{key}: {{}}\n"})
    assert (codes(document), places(document)) == (["not-includable"], ["common/shared.yaml:2:1"])


@pytest.mark.parametrize(("text", "expected"), [("1", []), ("2", ["duplicate-name"])])
def test_an_included_file_may_say_the_version_again(spec, text, expected):
    document = spec({"a.yaml": MAIN, "common/shared.yaml": f"amlshare: {text}\n"})
    assert codes(document) == expected


def test_a_section_of_an_included_file_is_a_mapping(spec):
    document = spec({"a.yaml": MAIN, "common/shared.yaml": "compute: [cpu]\nparameters:\n"})
    assert (codes(document), places(document)) == (["not-a-mapping"], ["common/shared.yaml:1:10"])


@pytest.mark.parametrize("listed", ["{file: x}", "[[x]]", "[1]", "['']", "[null]", '["s3://b/c"]'])
def test_includes_are_a_list_of_files(spec, listed):
    document = spec({"a.yaml": f"amlshare: 1\ninclude: {listed}\n"})
    assert codes(document) == ["bad-include"]
    assert document.data["include"] == []


def test_a_target_merges_mappings_and_replaces_the_rest(spec):
    target = "{compute: {cpu: {cluster: big}, gpu: {}}, steps: {clean: {after: [x], script: b.py}}}"
    data = over(spec, target).data
    assert data["compute"] == {"cpu": {"cluster": "big", "nodes": 2}, "gpu": {}}
    assert (data["steps"]["clean"]["after"], data["steps"]["clean"]["script"]) == (["x"], "b.py")
    assert data["steps"]["clean"]["outputs"] == ["cleaned"]


def test_scratch_merges_as_outputs_do(spec):
    base = MAIN.replace("outputs: [cleaned]", "scratch: [held]")
    data = over(spec, "{steps: {clean: {scratch: {rest: {format: file}}}}}", base).data
    assert data["steps"]["clean"]["scratch"] == {"held": {}, "rest": {"format": "file"}}


def test_null_in_a_target_deletes(spec):
    data = over(spec, "{parameters: null, steps: {clean: {arguments: {--fast: null}}}}").data
    assert "parameters" not in data
    assert data["steps"]["clean"]["arguments"] == {"--in": "x"}


def test_nothing_to_delete_is_a_warning_with_the_nearest_name(spec):
    [found] = over(spec, "{compute: {cup: null}, steps: {new: {title: null}}}").diagnostics
    assert (found.code, found.severity) == ("nothing-to-delete", "warning")
    assert (found.span.line, found.label) == (15, "did you mean 'cpu'?")


@pytest.mark.parametrize(
    ("target", "route", "value"),
    [
        ("{parameters: {rate: 2}}", ("parameters", "rate"), 2),
        ("{parameters: {rows: 2}}", ("parameters", "rows"), {"type": "integer", "default": 2}),
        (
            "{parameters: {rate: {description: d}}}",
            ("parameters", "rate"),
            {"default": 0.001, "description": "d"},
        ),
        ("{steps: {clean: {inputs: {table: b}}}}", ("steps", "clean", "inputs", "table"), "b"),
        (
            "{steps: {clean: {inputs: {other: b}}}}",
            ("steps", "clean", "inputs", "other"),
            {"from": "b", "mode": "mount"},
        ),
        (
            "{steps: {clean: {inputs: {table: {mode: direct}}}}}",
            ("steps", "clean", "inputs", "table"),
            {"from": "flights", "mode": "direct"},
        ),
        (
            "{steps: {clean: {outputs: {cleaned: {mode: upload}, rest: {}}}}}",
            ("steps", "clean", "outputs"),
            {"cleaned": {"mode": "upload"}, "rest": {}},
        ),
        ("{steps: {clean: {outputs: [rest]}}}", ("steps", "clean", "outputs"), ["rest"]),
    ],
)
def test_short_forms_merge_as_what_they_are_short_for(spec, target, route, value):
    document = over(spec, target)
    merged = document.data
    for part in route:
        merged = merged[part]
    assert (merged, codes(document)) == (value, [])


@pytest.mark.parametrize(
    ("target", "route", "line"),
    [
        ("{compute: {cpu: {cluster: big}}}", ("compute", "cpu", "cluster"), 15),
        ("{compute: {cpu: {cluster: big}}}", ("compute", "cpu", "nodes"), 5),
        ("{compute: {gpu: {cluster: big}}}", ("compute", "gpu", "cluster"), 15),
        ("{parameters: {rows: 2}}", ("parameters", "rows", "default"), 15),
        ("{parameters: {rows: 2}}", ("parameters", "rows", "type"), 6),
        ("{parameters: {rate: {type: number}}}", ("parameters", "rate", "default"), 6),
        ("{steps: {clean: {after: [x]}}}", ("steps", "clean", "after", 0), 15),
        ("{steps: {clean: {script: b}}}", ("steps", "clean", "command"), 8),
    ],
)
def test_a_merged_value_is_found_where_it_was_set(spec, target, route, line):
    span = over(spec, target).span(route)
    assert (span.file, span.line) == ("a.yaml", line)


def test_a_target_changes_what_was_included(spec):
    document = over(spec, "{data: {flights: {location: new}}}")
    assert document.data["data"]["flights"] == {"type": "path", "location": "new"}
    assert document.span(("data", "flights", "location")).file == "a.yaml"
    assert document.span(("data", "flights", "type")).file == "common/shared.yaml"


def test_a_target_may_be_included(spec):
    shared = "targets:\n  prod: {compute: {cpu: {cluster: big}}}\n"
    document = spec({"a.yaml": MAIN, "common/shared.yaml": shared}, "prod")
    assert document.data["compute"]["cpu"]["cluster"] == "big"
    assert document.span(("compute", "cpu", "cluster")).file == "common/shared.yaml"


def test_without_a_target_nothing_is_laid_over_the_spec(spec):
    files = {"a.yaml": f"{MAIN}targets: {{prod: {{name: b}}}}\n", "common/shared.yaml": SHARED}
    assert spec(files).data["name"] == "a"
    assert spec(files, "prod").data["name"] == "b"


def test_an_unknown_target_is_an_error_with_a_suggestion(spec):
    files = {"a.yaml": f"{MAIN}targets: {{prod: {{name: b}}}}\n", "common/shared.yaml": SHARED}
    [found] = spec(files, "prd").diagnostics
    assert (found.code, found.span.line, found.label) == (
        "unknown-target", 14, "did you mean 'prod'?"
    )  # fmt: skip


def test_an_unknown_target_of_a_spec_without_any_says_so(spec):
    [found] = spec({"a.yaml": "amlshare: 1\n"}, "prod").diagnostics
    assert (found.code, found.help) == ("unknown-target", "the spec has no `targets`")


@pytest.mark.parametrize("key", ["include", "targets", "amlshare"])
def test_what_is_settled_before_cannot_stand_in_a_target(spec, key):
    assert codes(over(spec, f"{{{key}: x}}")) == ["not-in-target"]


@pytest.mark.parametrize("targets", ["[]", "{prod: x}", "{prod: [a]}", "{prod: null}", "x"])
def test_targets_of_another_shape_are_left_to_the_schema(spec, targets):
    document = spec({"a.yaml": f"amlshare: 1\ntargets: {targets}\n"})
    assert codes(document) == []


def test_only_a_spec_that_cannot_be_read_at_all_raises(spec):
    with pytest.raises(SpecError) as raised:
        spec({"a.yaml": "a: ["})
    assert [found.code for found in raised.value.diagnostics] == ["yaml-syntax"]
    with pytest.raises(SpecError, match="there is no file nowhere"):
        load("nowhere.yaml")


def test_a_spec_on_standard_input_includes_from_the_current_folder(spec, monkeypatch):
    spec({"a.yaml": "amlshare: 1\n", "b.yaml": "tags: {team: ops}\n"})
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"include: [b.yaml]\n")))
    document = load("-")
    assert document.data["tags"] == {"team": "ops"}
    assert document.span(("tags", "team")).file == "b.yaml"


def test_an_edit_below_a_short_form_spells_it_out():
    data = {"steps": {"a": {"inputs": {"raw": "raw"}, "outputs": ["x", "y"]}}}
    edits: list[Edit] = [
        Put(route=("steps", "a", "inputs", "raw", "mode"), value="mount"),
        Put(route=("steps", "a", "inputs", "raw", "at"), value="/raw"),
        Put(route=("steps", "a", "outputs", "y", "type"), value="directory"),
    ]
    found = applied(data, spelled_out(data, edits))
    assert found["steps"]["a"] == {
        "inputs": {"raw": {"from": "raw", "mode": "mount", "at": "/raw"}},
        "outputs": {"x": {}, "y": {"type": "directory"}},
    }


def test_a_text_is_read_in_place_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text("name: a\ninclude: [sub/more.yaml]\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/more.yaml").write_text("parameters: {x: 1}\n")
    found = load("spec.yaml", texts={"sub/more.yaml": "parameters: {x: 2}\n"})
    assert found.data["parameters"] == {"x": 2}
    found = load("spec.yaml", texts={"spec.yaml": "name: b\n"})
    assert found.data == {"name": "b"}
