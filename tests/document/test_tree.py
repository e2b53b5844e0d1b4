from __future__ import annotations

import gc

import pytest

from amlshare.document import parse, tree
from amlshare.document.tree import MAX_DEPTH

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + last] * 10)}]\n"
    for last, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.fixture(params=["libyaml", "python"])
def composer(request, monkeypatch):
    if request.param == "python":
        monkeypatch.setattr(tree, "_Composer", tree._PythonComposer)


def codes(text):
    return [found.code for found in parse(text, "a.yaml").diagnostics]


@pytest.mark.usefixtures("composer")
@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 100_000,
        "- " * 100_000,
        "? " * 100_000,
        "".join(" " * level + "a:\n" for level in range(500)),
        "a: &a0 [x]\n" + "".join(f"b{n}: &a{n + 1} [*a{n}]\n" for n in range(MAX_DEPTH)),
    ],
    ids=["lists", "mappings", "items", "keys", "lines", "aliases"],
)
def test_depth_has_an_end(text):
    assert codes(text) == ["too-deep"]


@pytest.mark.usefixtures("composer")
@pytest.mark.parametrize(
    ("text", "column"),
    [("a: &a [*a]", 4), ("a: &a {b: {c: *a}}", 4), ("a: [&a [&b [*a]]]", 5), ("&a {b: *a}", 1)],
)
def test_a_value_that_contains_itself_is_found_at_its_anchor(text, column):
    [found] = parse(text, "a.yaml").diagnostics
    assert (found.code, found.span.column, found.span.end_column) == (
        "alias-cycle", column, column + 2
    )  # fmt: skip


def test_aliases_cannot_multiply_a_file_beyond_measure():
    [found] = parse(BOMB, "a.yaml").diagnostics
    assert (found.code, found.span.line) == ("alias-bomb", 6)


def test_as_many_values_as_are_written_out_are_no_bomb():
    text = "a: &a [" + "x, " * 50 + "]\n" + "".join(f"b{n}: *a\n" for n in range(2000))
    assert codes(text) == []


def test_a_second_document_is_found_where_it_starts():
    [found] = parse("a: 1\n---\nb: 2\n", "a.yaml").diagnostics
    assert (found.code, found.span.line) == ("several-documents", 2)
    assert parse("a: 1\n---\nb: 2\n", "a.yaml").data == {"a": 1}


@pytest.mark.parametrize("text", ["---\na: 1\n", "a: 1\n...\n", "%YAML 1.2\n---\na: 1\n"])
def test_the_marks_of_one_document_pass(text):
    assert codes(text) == []


def test_the_garbage_collector_is_left_as_it_was():
    parse("a: [", "a.yaml")
    assert gc.isenabled()
