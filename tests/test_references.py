"""References inside text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlshare.references import BadReference, Reference, parse, references, write

CLEANED = Reference("input", "cleaned")

near = st.text("${}.ip nputs_x\n", max_size=20)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ("",)),
        ("plain", ("plain",)),
        ("costs $5 {each}", ("costs $5 {each}",)),
        ("${inputs.cleaned}", (CLEANED,)),
        ("${ inputs.cleaned }", (CLEANED,)),
        ("--in=${inputs.cleaned}/a", ("--in=", CLEANED, "/a")),
        ("${inputs.cleaned}${inputs.cleaned}", (CLEANED, CLEANED)),
        ("${outputs.o}", (Reference("output", "o"),)),
        ("${parameters.lr}", (Reference("parameter", "lr"),)),
        ("${env.HOME}", (Reference("env", "HOME"),)),
        ("$${HOME}", ("${HOME}",)),
        ("$$${HOME}", ("$${HOME}",)),
        ("a$${b}c${inputs.cleaned}", ("a${b}c", CLEANED)),
    ],
)
def test_a_text_is_split_at_its_references(text: str, parts: tuple[object, ...]):
    assert parse(text) == (parts, ())


@pytest.mark.parametrize(
    "text",
    [
        "${HOME}",
        "${inputs}",
        "${inputs.}",
        "${input.x}",
        "${}",
        "${",
        "${inputs.x",
        "${{inputs.x}}",
    ],
)
def test_what_only_looks_like_a_reference_is_named(text: str):
    assert parse(text)[1] == (BadReference(text if text != "${inputs.x" else "${"),)


@given(st.text() | near)
def test_no_text_whatever_stops_the_parser(text: str):
    parts, bad = parse(text)
    assert parts or bad


@given(st.text() | near)
def test_a_text_is_written_as_it_was_parsed(text: str):
    parts, _ = parse(text)
    assert parse(write(parts)) == (parts, ())


@given(st.text() | near)
def test_any_text_can_be_written_literally(text: str):
    assert parse(write((text,))) == ((text,), ())


def test_references_are_listed_in_order():
    parts, _ = parse("${outputs.b} ${inputs.cleaned} ${outputs.b}")
    assert [str(each) for each in references(parts)] == [
        "${outputs.b}",
        "${inputs.cleaned}",
        "${outputs.b}",
    ]
