from __future__ import annotations

import pytest

from amlshare.document import parse


def codes(raw):
    return [found.code for found in parse(raw, "a.yaml").diagnostics]


def test_utf_8_is_read_with_and_without_a_mark():
    assert parse("a: é😀".encode(), "a").data == parse("a: é😀".encode("utf-8-sig"), "a").data


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_another_encoding_is_named_and_read_on(encoding):
    document = parse("name: é\nname: x".encode(encoding), "a.yaml")
    assert [found.code for found in document.diagnostics] == ["bad-encoding", "duplicate-key"]
    assert encoding[:6].upper() in document.diagnostics[0].message
    assert document.data == {"name": "é"}


def test_a_byte_that_is_no_utf_8_is_found_and_the_rest_is_read():
    document = parse("é: 1\nb: caf".encode() + b"\xe9\nb: 2", "a.yaml")
    assert [(found.code, found.span.line) for found in document.diagnostics] == [
        ("bad-encoding", 2), ("duplicate-key", 3)
    ]  # fmt: skip
    first = document.diagnostics[0]
    assert (first.span.column, first.source) == (7, "b: caf\ufffd")
    assert "'é'" in first.message


@pytest.mark.parametrize("char", ["\0", "\x07", "\x7f", "\x9f", "\ufeff", "\uffff", "\ud800"])
def test_a_character_that_yaml_does_not_allow_is_found(char):
    [found] = parse(f"a: 1\nb: x{char}{char}", "a.yaml").diagnostics
    assert (found.code, found.span.line, found.span.column) == ("bad-encoding", 2, 5)
    assert f"U+{ord(char):04X}" in found.message
    assert "1 more" in found.help


@pytest.mark.parametrize("char", ["\t", "\x85", "\xa0", "\u2028", "\ue000", "\U0001f600"])
def test_what_yaml_allows_passes(char):
    assert codes(f"a: 'x{char}y'") == []
