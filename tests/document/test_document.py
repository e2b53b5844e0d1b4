from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlshare.diagnostics import Finding, Note, Span
from amlshare.document import parse, read
from amlshare.document.encoding import MAX_BYTES

SPEC = """\
# a comment
amlshare: 1
data:
  flights: {type: path, location: raw}   # one line
steps:
  clean:
    command: |
      clean --in ${inputs.flights}
    inputs:
      flights: flihgts
    outputs: [cleaned, rest]
    after: [a, b]
    env:
"""
NAMES = st.text("ab:&*!-#{}[]\"'|>%@`,?\n\t \r\\x0A\x00é😀\ufeff\u2028", max_size=60)
ROUTES = st.lists(st.sampled_from([*"ab", "data", "steps", "clean", "env", 0, 1, -1, 99])).map(
    tuple
)


def place(span: Span) -> str:
    return f"{span.line}:{span.column}-{span.end_line}:{span.end_column}"


def marked(span: Span) -> str:
    """What a span on one line covers."""
    return SPEC.splitlines()[span.line - 1][span.column - 1 : span.end_column - 1]


@pytest.mark.parametrize(
    ("route", "on", "covers"),
    [
        (("amlshare",), "value", "1"),
        (("amlshare",), "key", "amlshare"),
        (("data", "flights"), "value", "{type: path, location: raw}"),
        (("data", "flights", "type"), "key", "type"),
        (("steps", "clean", "after", 1), "value", "b"),
        (("steps", "clean", "after", 1), "key", "b"),
    ],
)
def test_a_span_covers_the_key_or_the_value(route, on, covers):
    assert marked(parse(SPEC, "a.yaml").span(route, on)) == covers


@pytest.mark.parametrize(
    ("route", "covers"),
    [
        (("steps", "clean"), "clean"),  # a block: its key says more than its first line
        (("steps", "clean", "env"), "env"),  # nothing written
        (("steps", "clean", "script"), "clean"),  # not there
        (("data", "flights", "format"), "flights"),
        (("steps", "clean", "inputs", "flights", "from"), "flihgts"),  # short for {from: ..}
        (("steps", "clean", "outputs", "rest", "type"), "rest"),  # short for {rest: ..}
        (("name",), "amlshare: 1"),
        ((), "amlshare: 1"),
    ],
)
def test_a_span_of_what_is_not_written_is_the_nearest_that_is(route, covers):
    assert marked(parse(SPEC, "a.yaml").span(route)) == covers


def test_a_block_text_is_found_over_its_lines_and_by_a_fragment():
    document = parse(SPEC, "a.yaml")
    route = ("steps", "clean", "command")
    assert place(document.span(route)) == "7:14-8:35"
    found = document.locate(
        Finding(code="x", message="", route=route, fragment="${inputs.flights}")
    )
    assert marked(found.span) == "${inputs.flights}"
    assert found.source == "      clean --in ${inputs.flights}"


def test_columns_count_characters():
    span = parse("é😀: [😀, b]\r\nc: d", "a.yaml").span(("é😀", 1))
    assert place(span) == "1:9-1:10"


def test_a_byte_order_mark_is_no_column():
    assert place(parse(b"\xef\xbb\xbfa: b", "a.yaml").span(("a",), "key")) == "1:1-1:2"


def test_lines_are_those_of_an_editor():
    document = parse("a: 'x\u2028y'\r\nb: 1\rc: 2\nd: 3", "a.yaml")
    assert [document.span((key,)).line for key in "abcd"] == [1, 2, 3, 4]


def test_of_a_key_given_twice_the_first_counts():
    document = parse("a: 1\nb: 2\na: 3\n", "a.yaml")
    assert document.data == {"a": 1, "b": 2}
    assert document.span(("a",)).line == 1


def test_has_follows_keys_and_numbers():
    document = parse(SPEC, "a.yaml")
    assert document.has(("steps", "clean", "after", 1))
    assert document.has(("steps", "clean", "env"))
    assert not document.has(("steps", "clean", "after", 2))
    assert not document.has(("steps", "clean", "after", "a"))
    assert not document.has(("amlshare", 0))


def test_locate_fills_in_the_place_of_a_finding_and_of_its_notes():
    note = Note(message="misspelt here", route=("steps", "clean", "inputs", "flights"))
    finding = Finding(
        code="x", message="m", route=("data", "flights"), on="key", label="l", help="h",
        severity="hint", notes=(note,),
    )  # fmt: skip
    found = parse(SPEC, "a.yaml").locate(finding)
    assert (found.code, found.severity, found.label, found.help) == ("x", "hint", "l", "h")
    assert place(found.span) == "4:3-4:10"
    assert [(marked(label.span), label.message) for label in found.related] == [
        ("flihgts", "misspelt here")
    ]


def test_nothing_that_is_said_of_a_spec_shows_its_secrets():
    document = parse("a: AccountKey=abcdefgh1234==\nb: {password: hunter2, c: 1, c: 2}\n", "a.yaml")
    finding = Finding(code="x", message="no AccountKey=abcdefgh1234==", route=("b", "c"))
    said = f"{document.diagnostics} {document.locate(finding)} {document.data}"
    assert "abcdefgh1234" not in said
    assert "hunter2" not in said
    assert [found.code for found in document.diagnostics] == [
        "secret-in-spec", "secret-in-spec", "duplicate-key"
    ]  # fmt: skip


def test_a_file_is_read_under_the_name_that_people_gave(tmp_path):
    (tmp_path / "a.yaml").write_text("a: 1", "utf-8")
    assert read(tmp_path / "a.yaml").span(("a",)).file == (tmp_path / "a.yaml").as_posix()
    assert read(tmp_path / "a.yaml", "a.yaml").span(("a",)).file == "a.yaml"


def test_standard_input_is_read_for_a_dash(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: 1")))
    document = read("-")
    assert document.data == {"a": 1}
    assert document.span(("a",)).file == "<stdin>"


def test_a_missing_file_names_its_neighbour(tmp_path):
    (tmp_path / "flights.yaml").touch()
    [found] = read(tmp_path / "flihgts.yaml").diagnostics
    assert (found.code, found.help) == ("file-not-found", "did you mean 'flights.yaml'?")
    assert read(tmp_path / "no" / "where.yaml").diagnostics[0].code == "file-not-found"


def test_a_folder_names_a_spec_in_it(tmp_path):
    (tmp_path / "flights.yaml").touch()
    [found] = read(tmp_path).diagnostics
    assert found.code == "not-a-file"
    assert "flights.yaml" in found.help


@pytest.mark.parametrize("name", ["n" * 300, "nul\0.yaml", "a.yaml/b.yaml"])
def test_what_cannot_be_opened_says_why(tmp_path, name):
    (tmp_path / "a.yaml").touch()
    document = read(tmp_path / name)
    assert [found.code for found in document.diagnostics] == ["unreadable-file"]
    assert not document.readable


def test_a_file_over_the_limit_is_not_read(tmp_path):
    large = tmp_path / "large.yaml"
    large.write_bytes(b"a: 1\n" + b"#" * MAX_BYTES)
    document = read(large)
    assert [found.code for found in document.diagnostics] == ["file-too-large"]
    assert not document.readable
    assert not parse("#" * (MAX_BYTES + 1), "a.yaml").readable


def test_a_file_at_the_limit_is_read():
    assert parse(b"a: 1\n".ljust(MAX_BYTES, b"#"), "a.yaml").data == {"a": 1}


@given(st.text() | NAMES)
def test_no_text_crashes_the_reader(text):
    check(parse(text, "a.yaml"), text)


@given(st.binary() | NAMES.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_crash_the_reader(raw):
    parse(raw, "a.yaml")


@given(NAMES, ROUTES, st.sampled_from(["key", "value"]), st.none() | st.text(max_size=3))
def test_every_route_can_be_located_in_every_text(text, route, on, fragment):
    document = parse(text, "a.yaml")
    finding = Finding(code="x", message="", route=route, on=on, fragment=fragment)
    inside(document.locate(finding).span, text)


def check(document, text):
    assert document.readable or document.diagnostics
    for found in document.diagnostics:
        inside(found.span, text)
        for label in found.related:
            inside(label.span, text)


def inside(span, text):
    """A span lies in the file, its start before its end."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert 1 <= span.line <= span.end_line <= len(lines)
    assert 1 <= span.column <= len(lines[span.line - 1]) + 1
    assert 1 <= span.end_column <= len(lines[span.end_line - 1]) + 1
    assert (span.line, span.column) <= (span.end_line, span.end_column)


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).parent.glob("../bad/*.yaml")), ids=lambda path: path.stem
)
def test_every_line_that_is_shown_is_one_of_the_file(path):
    for found in read(path).diagnostics:
        raw = path.read_bytes().decode("utf-8", "replace")
        assert found.source == raw.splitlines()[found.span.line - 1] or "*" in found.source
