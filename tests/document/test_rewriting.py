"""Edits change what they are told to, and leave the rest of a text as it is."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import few, spec_data

from amlshare.document import parse
from amlshare.document.edits import Drop, Edit, EditError, Put, applied
from amlshare.document.encoding import legible
from amlshare.document.rewriting import edited
from amlshare.document.writing import flow, word

TEXT = """\
# a pipeline
steps:
  clean:                 # the first
    script: "clean.py"   # quoted
    inputs:
      flights: {from: flights, mode: mount}   # once
      airlines: airlines

  # what is known before departure
  features:
    command: |
      join
    inputs: {cleaned: clean.cleaned}
    after: [a, b]
    env:
      - 1     # one

      # two
      - x: 2
        y: 3
"""


def after(*edits: Edit, text: str = TEXT) -> str:
    return edited(parse(text, "spec.yaml"), edits)["spec.yaml"]


def changed(*edits: Edit, text: str = TEXT) -> list[str]:
    """The lines that are new after edits, and those that are gone, with + and -."""
    from difflib import ndiff

    lines = ndiff(text.splitlines(), after(*edits, text=text).splitlines())
    return [line[0] + line[2:] for line in lines if line[0] in "+-"]


def test_a_value_is_replaced_and_the_comment_behind_it_stays():
    route = ("steps", "clean", "inputs", "flights", "mode")
    assert changed(Put(route=route, value="download")) == [
        "-      flights: {from: flights, mode: mount}   # once",
        "+      flights: {from: flights, mode: download}   # once",
    ]


def test_a_bare_value_becomes_a_mapping_in_one_line():
    put = Put(route=("steps", "clean", "inputs", "airlines"), value={"from": "a", "mode": "mount"})
    assert changed(put) == [
        "-      airlines: airlines",
        "+      airlines: {from: a, mode: mount}",
    ]


def test_a_new_key_stands_last_or_where_it_is_told():
    assert changed(Put(route=("steps", "clean", "reuse"), value=False)) == ["+    reuse: false"]
    text = after(Put(route=("steps", "clean", "title"), value="Clean", after="script"))
    assert '    script: "clean.py"   # quoted\n    title: Clean\n    inputs:' in text


def test_a_new_key_of_a_mapping_in_one_line_stands_in_that_line():
    assert changed(Put(route=("steps", "features", "inputs", "more"), value="x, y")) == [
        "-    inputs: {cleaned: clean.cleaned}",
        '+    inputs: {cleaned: clean.cleaned, more: "x, y"}',
    ]


def test_what_stands_apart_stays_apart():
    new = {"command": "true", "inputs": {"a": "b"}}
    text = after(Put(route=("steps", "new"), value=new, after="clean"))
    assert (
        "      airlines: airlines\n\n  new:\n    command: true\n" in text
        or '      airlines: airlines\n\n  new:\n    command: "true"\n' in text
    )
    assert "    inputs: {a: b}\n\n  # what is known" in text


def test_keys_that_are_not_there_yet_are_written_with_what_they_hold():
    put = Put(route=("local", "datasets", "flights"), value="../data/flights.csv")
    assert changed(put) == ["+local:", "+  datasets: {flights: ../data/flights.csv}"]


def test_a_dropped_key_takes_its_value_and_its_comment_along():
    assert after(Drop(route=("steps", "features"))) == TEXT[: TEXT.index("\n  # what")]
    assert changed(Drop(route=("steps", "clean", "inputs", "flights"))) == [
        "-      flights: {from: flights, mode: mount}   # once",
    ]


def test_the_last_key_that_is_dropped_leaves_an_empty_mapping():
    assert changed(Drop(route=("steps", "features", "inputs", "cleaned"))) == [
        "-    inputs: {cleaned: clean.cleaned}",
        "+    inputs: {}",
    ]


def test_items_are_replaced_added_and_dropped():
    route = ("steps", "features", "env")
    assert changed(Put(route=(*route, 2), value={"x": "${a}", "y": [1]})) == [
        "+",  # as between the others
        "+      - x: ${a}",
        "+        y: [1]",
    ]
    assert changed(Put(route=(*route, 0), value="${a}")) == [
        "-      - 1     # one",
        "+      - ${a}     # one",
    ]
    assert changed(Drop(route=(*route, 1, "x"))) == [
        "-      - x: 2",
        "-        y: 3",
        "+      - y: 3",
    ]
    assert changed(Drop(route=("steps", "features", "after", 0))) == [
        "-    after: [a, b]",
        "+    after: [b]",
    ]


def test_a_key_that_is_not_there_is_not_missed():
    assert after(Drop(route=("steps", "clean", "reuse"))) == TEXT


def test_a_value_of_many_lines_gives_way_to_one_of_one_line_and_back():
    shorter = after(Put(route=("steps", "features", "env"), value=None))
    assert "    env: null\n" in shorter
    assert shorter.endswith("    after: [a, b]\n    env: null\n")
    longer = Put(route=("steps", "features", "after"), value={"a": {"b": {"c": 1, "d": 2}}, "e": 1})
    assert "    after:\n      a: {b: {c: 1, d: 2}}\n      e: 1\n    env:" in after(longer)


def test_a_long_text_is_folded_and_read_back_as_it_was():
    line = " ".join(["word"] * 40)
    text = after(Put(route=("steps", "clean", "title"), value=line))
    assert "    title: >-\n      word" in text
    assert max(map(len, text.splitlines())) <= 100


def test_line_breaks_stay_those_of_the_file():
    text = after(
        Put(route=("steps", "clean", "reuse"), value=False), text=TEXT.replace("\n", "\r\n")
    )
    assert text.count("\r\n") == text.count("\n")


def test_a_file_without_a_last_line_break_gets_none():
    text = after(Put(route=("b",), value=2), text="a: 1")
    assert text == "a: 1\nb: 2"


def test_an_edit_that_would_change_what_an_alias_stands_for_is_refused():
    text = "a: &x {b: 1}\nc: *x\n"
    with pytest.raises(EditError):
        after(Put(route=("c", "b"), value=2), text=text)
    assert after(Put(route=("c",), value=2), text=text) == "a: &x {b: 1}\nc: 2\n"


def test_an_edit_below_a_text_is_refused():
    with pytest.raises(EditError):
        after(Put(route=("steps", "clean", "script", "x"), value=2))


TRICKY = (
    """null|~|1|007|1e-3|true|- a|a: b|a #b|[|<<|---|=|on|?x|:x|-x| a|a |*x|&x|!x|"|'|%|@""".split(
        "|"
    )
)


@given(st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(TRICKY))
def test_every_text_is_read_back_as_it_was(text: str):
    wanted = legible(text)[0]
    for written in (flow({"k": {"a": wanted}}), f"k:\n  a: {word(wanted)}\n"):
        assert parse(written, "f").data == {"k": {"a": wanted}}


# The law: what an edit does to the text is what it does to the data.


class _Writer:
    """Writes data as YAML in all styles that people use, with comments in between."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def document(self, data: dict[str, Any]) -> str:
        return "\n".join(self._mapping(data, 0)) + self._random.choice(["\n", "", "\n\n# end\n"])

    def _some(self, *choices: str) -> str:
        return self._random.choice(choices)

    def _mapping(self, data: dict[str, Any], indent: int) -> list[str]:
        lines = []
        for key, value in data.items():
            if self._some("a", "b", "c") == "a":
                lines.append(self._some("", " " * indent + "# what: this", "   # out", "# {"))
            lines += self._entry(" " * indent + self._key(key) + ":", value, indent)
        return lines

    def _entry(self, start: str, value: Any, indent: int) -> list[str]:
        comment = self._some("", "", "  # why: so", " #")
        if not isinstance(value, (dict, list)) or not value or self._some("f", "b", "b") == "f":
            return [f"{start} {self._flow(value)}{comment}"]
        deeper = indent + self._random.choice([1, 2, 4])
        if isinstance(value, dict):
            return [start + comment, *self._mapping(value, deeper)]
        lines = [start + comment]
        column = self._random.choice([indent, deeper])
        for each in value:
            lines += self._item(each, column)
        return lines

    def _item(self, value: Any, column: int) -> list[str]:
        dash = " " * column + "-"
        if isinstance(value, dict) and value and self._some("f", "b") == "b":
            first, *rest = self._entry(
                dash + " " + self._key(next(iter(value))) + ":",
                value[next(iter(value))],
                column + 2,
            )
            return [first, *rest, *self._mapping(dict(list(value.items())[1:]), column + 2)]
        return [f"{dash} {self._flow(value)}{self._some('', '  # i')}"]

    def _key(self, key: str) -> str:
        return self._some(word(key, inside=True), word(key, inside=True), json.dumps(key))

    def _flow(self, value: Any) -> str:
        if isinstance(value, dict):
            body = self._some(", ", ",  ").join(
                f"{self._key(k)}: {self._flow(v)}" for k, v in value.items()
            )
            return self._some("{", "{ ") + body + self._some("}", " }")
        if isinstance(value, list):
            return "[" + ", ".join(map(self._flow, value)) + "]"
        return self._some(word(value, inside=True), json.dumps(value, ensure_ascii=False))


def routes(data: Any, start: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The routes of all values in data."""
    held = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    found = []
    for key, value in held:
        found += [(*start, key), *routes(value, (*start, key))]
    return found


values = st.recursive(
    st.sampled_from(
        [None, True, 0, 7, 0.5, "", "plain", "two words", "${inputs.x}", "a: b", "# c", "{x}"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b2", "--flag", "on"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def edits_of(draw: st.DrawFn, data: dict[str, Any]) -> list[Edit]:
    found: list[Edit] = []
    for _ in range(draw(st.integers(1, 3))):
        known = routes(applied(data, found))
        route = draw(st.sampled_from(known))
        kind = draw(st.sampled_from(["drop", "put", "add"]))
        if kind == "drop":
            found.append(Drop(route=route))
        elif kind == "put":
            found.append(Put(route=route, value=draw(values)))
        else:
            name = draw(st.sampled_from(["new", "mode", "local"]))
            beside = draw(st.none() | st.sampled_from(["script", "type", "from"]))
            where = (*route[:-1], name) if isinstance(route[-1], str) else (*route, name)
            edit = Put(route=where, value=draw(values), after=beside)
            try:
                applied(data, [*found, edit])
            except EditError:
                continue
            found.append(edit)
    return found


@few
@given(st.data(), spec_data(), st.randoms(use_true_random=False))
def test_an_edit_of_the_text_is_the_same_edit_of_the_data(
    draw: st.DataObject, data: Any, random: Random
):
    text = _Writer(random).document(data)
    document = parse(text, "spec.yaml")
    assert document.data == data, text
    edits = draw.draw(edits_of(document.data))
    new = edited(document, edits).get("spec.yaml", text)
    assert parse(new, "spec.yaml").data == applied(document.data, edits)
