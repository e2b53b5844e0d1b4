"""The text of one file, and where in it each route is written."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

import yaml

from amlshare import secrets
from amlshare.diagnostics import Route, Span
from amlshare.document.tree import collector_paused, compose

On: TypeAlias = Literal["key", "value"]
_BREAK = re.compile(r"\r\n|\n|\r")


class _Entry(NamedTuple):
    """Where a key (-1 for none) and its value start and end; ``node`` holds further entries."""

    key_start: int
    key_end: int
    start: int
    end: int
    block: bool
    node: yaml.CollectionNode | None


class Source:
    """A file's text, with places as character indices from 0. Its secrets are never shown."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self._hidden: list[tuple[int, int]] = []
        self._known: dict[int, dict[str | int, _Entry]] = {}  # by the id of the node

    def hide(self, start: int, end: int) -> None:
        """Blank these characters in every line that is shown from now on."""
        self._hidden.append((start, end))
        self.__dict__.pop("_lines", None)

    def span(self, start: int, end: int) -> Span:
        line, column = self._position(start)
        end_line, end_column = self._position(max(start, end))
        return Span(
            file=self.file, line=line, column=column, end_line=end_line, end_column=end_column
        )

    def line(self, number: int) -> str:
        """A line, counted from 1, with its secrets masked."""
        return secrets.mask(self._lines[number - 1])

    def find(self, route: Route, on: On = "value", fragment: str | None = None) -> tuple[int, int]:
        """Where the key or value at ``route``, or ``fragment`` inside it, starts and ends."""
        entry, steps = self._walk(route)
        if not steps:
            return entry.start, self._line_end(entry.start)
        whole = steps == len(route)
        value = self._ink(entry.start, entry.end)
        if on == "value" and whole and fragment and (inside := self._inside(value, fragment)):
            return inside
        if entry.key_start >= 0 and (on == "key" or not self._speaks(entry, whole)):
            place = self._ink(entry.key_start, entry.key_end)
        elif entry.block:
            place = value[0], min(value[1], self._line_end(value[0]))
        else:
            place = value
        return (fragment and self._inside(place, fragment)) or place

    def _walk(self, route: Route) -> tuple[_Entry, int]:
        """The entry as far as ``route`` leads, and how many steps that is."""
        entry = self._root
        for steps, part in enumerate(route):
            entries = self._entries(entry)
            if part not in entries:
                return entry, steps
            entry = entries[part]
        return entry, len(route)

    def _entries(self, entry: _Entry) -> dict[str | int, _Entry]:
        """What an entry holds, looked at when it is first asked for: few routes ever are."""
        node = entry.node
        if node is None:
            return {}
        if id(node) not in self._known:
            self._known[id(node)] = dict(_entries(node))
        return self._known[id(node)]

    def _speaks(self, entry: _Entry, whole: bool) -> bool:
        """Whether a value shows better than its key what is meant.

        A text does, also where it is short for a mapping; a flow collection when it is ``whole``.
        """
        return entry.end > entry.start if entry.node is None else whole and not entry.block

    def _inside(self, place: tuple[int, int], fragment: str) -> tuple[int, int] | None:
        at = self.text.find(fragment, *place)
        return (at, at + len(fragment)) if at >= 0 else None

    def _ink(self, start: int, end: int) -> tuple[int, int]:
        """The place without the white space at its end."""
        return start, start + len(self.text[start:end].rstrip())

    @cached_property
    def _root(self) -> _Entry:
        """Where everything is: the text is read anew when that is first asked for."""
        with collector_paused():
            root, _ = compose(self.text)
            if root is None:
                return _Entry(-1, -1, 0, 0, block=False, node=None)
            return _entry(None, root)

    @cached_property
    def _lines(self) -> list[str]:
        return _BREAK.split(secrets.blank(self.text, self._hidden))

    @cached_property
    def _end(self) -> int:
        return len(self.text.rstrip("\r\n"))

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in _BREAK.finditer(self.text))]

    def _position(self, index: int) -> tuple[int, int]:
        """Line and column, both from 1; what lies behind the text is at its end."""
        line = bisect_right(self._starts, min(index, self._end)) - 1
        return line + 1, min(index - self._starts[line], len(self._lines[line])) + 1

    def _line_end(self, index: int) -> int:
        line = bisect_right(self._starts, index) - 1
        return self._starts[line] + len(self._lines[line])


def _entry(key: yaml.Node | None, node: yaml.Node) -> _Entry:
    """The places of a node."""
    at = (key.start_mark.index, key.end_mark.index) if key else (-1, -1)
    start, end = node.start_mark.index, node.end_mark.index
    if not isinstance(node, yaml.CollectionNode):
        return _Entry(*at, start, end, False, None)
    return _Entry(*at, start, end, not node.flow_style, node)


def _entries(node: yaml.CollectionNode) -> Iterator[tuple[str | int, _Entry]]:
    """The entries of a node, by key or number.

    A name in ``[a, b]`` is an entry too, since such a list may be short for a mapping. Of two
    with one name the first counts, so it comes last.
    """
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):
            if isinstance(key, yaml.ScalarNode):
                yield key.value, _entry(key, value)
        return
    for number, item in enumerate(node.value):
        yield number, _entry(None, item)
        if isinstance(item, yaml.ScalarNode):
            yield item.value, _entry(item, item)
