from __future__ import annotations

import pytest
import yaml

from amlshare.document import parse, tree

# a text, the place of its fault, what is underlined, and the start of what is said of it
FAULTS = [
    ("a: b: c", "1:4", "b: c", "a value that holds ': ' must be quoted"),
    ("a: foo\n  b: 1", "2:3", "b", "this line is indented as if it belonged to the line above"),
    ("a:\n   b: 1\n  c: 2", "3:3", "c: 2", "this line is indented differently"),
    ("s:\n  a:\n    x: 1\n   b: 2", "4:4", "b: 2", "this line is indented differently"),
    ("a: 1\nb c\nd: 2", "2:1", "b c", "this line is no KEY: VALUE"),
    ("a:\n  b\n  c: 1", "2:3", "b", "this line is no KEY: VALUE"),
    ("a: 1\nb:c\nd: 2", "2:1", "b:c", "this line is no KEY: VALUE"),
    ('a: "x" y', "1:8", "y", "text after the closing quote"),
    ("a: 'it's'", "1:8", "s'", "text after the closing quote"),
    ('a: "x\nb: "y"', "1:4", '"', "this quote is not closed on its line"),
    ('a: "x\nb: 1', "1:4", '"', "this quote is never closed"),
    ("a: [1, 2\nb: 3", "1:4", "[", "this '[' is never closed"),
    ("a: [1, {x: []},", "1:4", "[", "this '[' is never closed"),
    ("a: [", "1:4", "[", "this '[' is never closed"),
    ("a: {b: [", "1:8", "[", "this '[' is never closed"),
    ("a: {b: 1\n  c: 2}", "2:4", ":", "a ',' or '}' is missing before this"),
    ("a: [1, {x: 1]", "1:13", "]", "'{' is closed by ']'"),
    ("a: [1] 2", "1:8", "2", "text after the closing ']'"),
    ("a: {x: ${y.z}}", "1:8", "${y.z}", "inside [ ] and { }, text with ${...} must be quoted"),
    ("a: [--o=${y.z}/s]", "1:5", "--o=${y.z}", "inside [ ] and { }, text with ${...}"),
    ("a: {b: c: d}", "1:9", ":", "a ',' or '}' is missing before this"),
    ("a: [1, , 2]", "1:8", ",", "a value is missing before this ','"),
    ("a: {: 1}", "1:5", ":", "a key is missing before this ':'"),
    ("a: ]", "1:4", "]", "nothing is open that ']' could close"),
    ("a: @x", "1:4", "@x", "a value that starts with '@' must be quoted"),
    ("a: *.csv", "1:4", "*.csv", "a value that starts with '*' must be quoted"),
    ("a: ? b", "1:4", "?", "a value that starts with '?' must be quoted"),
    ("a: - b", "1:4", "- b", "a list cannot start on the line of its key"),
    ("a: 1\n- b", "2:1", "- b", "a list item among the keys of a mapping"),
    ("a:\n  - 1\n  b: 2", "3:3", "b: 2", "a key among the items of a list"),
    ('a: "C:\\data"', "1:7", "\\d", "'\\d' means nothing inside"),
    ('a: "\\u12"', "1:5", "\\u12", "'\\u12' means nothing inside"),
    ("a: |foo\n  x", "1:5", "foo", "text after '|' must start on the next line"),
    ("[a]\nfoo: 1", "2:1", "foo: 1", "the document has ended above this line"),
    ("%x: 1", "1:1", "%x: 1", "a line cannot start with '%'"),
]
# faults of the same parser that have codes of their own
CODES = [
    ("a:\n\tb: 1", "2:1", "\t", "tab-indentation"),
    ("a: 1\n\tb: 2", "2:1", "\t", "tab-indentation"),
    ("a: >\n\tx", "2:1", "\t", "tab-indentation"),
    ("a: *foo", "1:4", "*foo", "unknown-alias"),
    ("a: &x 1\nb: &x 2", "2:4", "&x", "duplicate-anchor"),
    ("a: !e!x 1", "1:4", "!e!x", "unknown-tag"),
]


def place(text, found):
    line = text.splitlines()[found.span.line - 1]
    return (
        f"{found.span.line}:{found.span.column}",
        line[found.span.column - 1 : found.span.end_column - 1],
    )


@pytest.mark.parametrize(("text", "where", "covers", "says"), FAULTS)
def test_a_syntax_error_says_where_and_what(text, where, covers, says):
    [found] = parse(text, "a.yaml").diagnostics
    assert (found.code, place(text, found)) == ("yaml-syntax", (where, covers))
    assert found.message.startswith(says)


@pytest.mark.parametrize(("text", "where", "covers", "code"), CODES)
def test_a_fault_with_a_code_of_its_own_is_placed_as_well(text, where, covers, code):
    [found] = parse(text, "a.yaml").diagnostics
    assert (found.code, place(text, found)) == (code, (where, covers))


@pytest.mark.parametrize("text", [text for text, *_ in FAULTS])
def test_without_libyaml_a_syntax_error_is_found_as_well(monkeypatch, text):
    monkeypatch.setattr(tree, "_Composer", tree._PythonComposer)
    [found] = parse(text, "a.yaml").diagnostics
    assert found.code == "yaml-syntax"


def test_a_colon_at_the_end_of_a_list_needs_quotes():
    [found] = parse("a: [b:]", "a.yaml").diagnostics
    assert found.message == "this ':' has no value after it"


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("a: b: c", 'write "b: c"'),
        ('a: b: "c"', "write 'b: \"c\"'"),
        ("a: {x: ${y.z}}", 'write "${y.z}"'),
        ("a: *.csv", 'write "*.csv"'),
        ("a: 'it's'", "write '' for a quote inside the text"),
        ("a:\n\tb: 1\n\tc: 2\n\td: 3", "2 more lines start with a tab"),
    ],
)
def test_a_likely_repair_is_written_out(text, advice):
    [found] = parse(text, "a.yaml").diagnostics
    assert advice in found.help


def test_a_second_place_is_named_where_it_explains_the_first():
    [found] = parse("a: [1, {x: 1]", "a.yaml").diagnostics
    assert [(each.message, each.span.column) for each in found.related] == [("opened here", 8)]


def test_a_misspelt_alias_names_its_anchor():
    [found] = parse("env: &shared {A: b}\nother: *shard", "a.yaml").diagnostics
    assert found.label == "did you mean 'shared'?"


def test_a_parser_that_gives_up_is_no_crash():
    # a tag that is no UTF-8: libyaml lets it pass, and PyYAML cannot read it
    [found] = parse("a: !%ED%A0%80 x", "a.yaml").diagnostics
    assert found.code == "yaml-syntax"


def test_every_sentence_is_ours():
    for text, *_ in FAULTS:
        with pytest.raises(yaml.YAMLError) as raised:
            yaml.compose(text)
        [found] = parse(text, "a.yaml").diagnostics
        assert raised.value.problem not in f"{found.message} {found.help}"
