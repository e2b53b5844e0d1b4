from __future__ import annotations

import json
import pickle
from copy import deepcopy

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from amlshare.document import parse, tree
from amlshare.document.values import scalar


def codes(text):
    return [found.code for found in parse(text, "a.yaml").diagnostics]


@pytest.mark.parametrize(
    "text",
    "on off yes no y n True FALSE Null 2013-01-01 12:30 0x10 0o7 1_000 .inf -.inf .nan 1e "
    "+ - . .e5 1e999 a1 1.2.3 v1 -".split(),
)
def test_what_yaml_1_1_made_special_is_text(text):
    assert scalar(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("false", False),
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("007", 7),
        ("0.5", 0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e-3", 0.001),
        ("-1.5E+2", -150.0),
    ],
)
def test_constants_and_decimal_numbers_are_special(text, value):
    assert scalar(text) == value
    assert isinstance(scalar(text), type(value))


@pytest.mark.parametrize("text", ["1e-3", "0.50", "007", "+3", ".5", "1e5"])
def test_a_number_prints_as_it_is_written(text):
    number = scalar(text)
    assert str(number) == f"{number}" == text
    assert str(deepcopy(number)) == str(pickle.loads(pickle.dumps(number))) == text
    assert json.loads(json.dumps(number)) == number


def test_a_number_of_ten_thousand_digits_is_text():
    assert scalar("1" * 10_000) == "1" * 10_000


def test_quotes_make_text():
    assert parse("a: '1'\nb: \"true\"\nc: |\n  null\n", "a").data == {
        "a": "1", "b": "true", "c": "null\n"
    }  # fmt: skip


@pytest.mark.parametrize("key", ["1", "1.5", "true", "null", "~", "007"])
def test_a_key_that_is_no_text_is_named_and_read_as_text(key):
    assert codes(f"{key}: x") == ["non-string-key"]
    assert parse(f"{key}: x", "a").data == {key: "x"}


@pytest.mark.parametrize("key", ["on", "no", "2013-01-01", "'1'", '"true"', "1.2.3"])
def test_a_key_that_yaml_1_2_reads_as_text_is_one(key):
    assert codes(f"{key}: x") == []


@pytest.mark.parametrize("text", ["? [a]\n: b", "{a: {{b}: c}}", "{a: {? {b: c} : d}}"])
def test_a_key_of_several_values_is_left_out(text):
    assert codes(text) == ["non-string-key"]


def test_every_fault_is_collected():
    text = "a: 1\na: 2\nb: !foo 1\nc: {<<: {d: 1}, 1: x}\n---\n"
    assert codes(text) == [
        "duplicate-key", "unknown-tag", "merge-key", "non-string-key", "several-documents"
    ]  # fmt: skip


def test_a_duplicate_key_names_both_places():
    [found] = parse("a: 1\nb: 2\na: 3\n", "a").diagnostics
    assert (found.span.line, [label.span.line for label in found.related]) == (3, [1])


def test_a_quoted_merge_key_is_a_key():
    assert parse("'<<': 1", "a").data == {"<<": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!!str 12", "12"),
        ("!!int 12", 12),
        ('!!int "12"', 12),
        ("!!float 3", 3.0),
        ("!!bool true", True),
        ("!!null", None),
        ("!!seq [a]", ["a"]),
        ("!!map {a: b}", {"a": "b"}),
        ("! 12", 12),
    ],
)
def test_a_tag_that_says_what_the_value_is_passes(text, value):
    assert parse(f"a: {text}", "a").data == {"a": value}
    assert codes(f"a: {text}") == []


@pytest.mark.parametrize(
    "text",
    "!foo !!timestamp !!python/object:os.system !!int !!set !!str,[] !!bool".split(),
)
def test_any_other_tag_is_an_error(text):
    tag, _, value = text.partition(",")
    assert codes(f"a: {tag} {value or 'x'}") == ["unknown-tag"]


def test_an_alias_is_a_copy():
    data = parse("a: &x {b: [1]}\nc: *x\n", "a").data
    data["a"]["b"].append(2)
    assert data["c"] == {"b": [1]}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty-file"),
        ("# only a comment\n", "empty-file"),
        ("---\n", "empty-file"),
        ("- a\n", "not-a-mapping"),
        ("a\n", "not-a-mapping"),
        ("a:b\nc:d\n", "not-a-mapping"),
    ],
)
def test_a_file_that_is_no_mapping_says_what_it_is(text, code):
    assert codes(text) == [code]
    assert not parse(text, "a").readable


def test_colons_without_a_space_are_noticed():
    [found] = parse("a:b\nc:d\n", "a").diagnostics
    assert found.label == "a space is missing after the ':'"


@pytest.mark.parametrize(
    "text",
    [
        "env: {DB_PASSWORD: hunter2}",
        "parameters: {client_secret: {default: hunter2}}",
        "steps: {a: {arguments: [--password, hunter2]}}",
        "steps: {a: {arguments: {--password: hunter2}}}",
        "steps: {a: {command: run --password hunter2}}",
        'url: "https://me:h\\u0075nter2@host"',
        "url: https://me:hunter2@host",
        "# https://me:hunter2@host\na: 1",
    ],
)
def test_a_secret_is_refused_and_blanked(text):
    document = parse(text, "a")
    assert [found.code for found in document.diagnostics] == ["secret-in-spec"]
    assert "hunter2" not in f"{document.data} {document.diagnostics}"
    assert "*****" in document.diagnostics[0].source


@pytest.mark.parametrize(
    "text",
    [
        "steps: {a: {inputs: {password: clean.passwords}}}",
        "parameters: {password: {type: string}}",
        "local: {datastores: {d: '${env.CONNECTION_STRING}'}}",
        "env: {DB_PASSWORD: '${env.DB_PASSWORD}'}",
    ],
)
def test_what_names_a_secret_and_holds_none_passes(text):
    assert codes(text) == []


class Quoting(yaml.SafeDumper):
    """Dumps every text in quotes, since YAML 1.1 and 1.2 differ on which need them."""


Quoting.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)
SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.floats(
    allow_nan=False, allow_infinity=False
)  # fmt: skip
DATA = st.dictionaries(
    st.text(),
    st.recursive(
        SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=9
    ),
    min_size=1,
)


@given(DATA, st.booleans(), st.booleans())
def test_plain_data_reads_back_as_it_was(data, flow, unicode):
    text = yaml.dump(data, Dumper=Quoting, default_flow_style=flow, allow_unicode=unicode)
    assert parse(text, "a").data == data


@given(DATA)
def test_without_libyaml_it_reads_back_too(data):
    text = yaml.dump(data, Dumper=Quoting)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree, "_Composer", tree._PythonComposer)
        assert parse(text, "a").data == data
