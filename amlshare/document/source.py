"""The text of one file, and where in it each route is written."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import Literal, TypeAlias

import yaml

from amlshare import secrets
from amlshare.diagnostics import Route, Span
from amlshare.document.syntax import Fault
from amlshare.document.tree import compose

On: TypeAlias = Literal["key", "value"]
_Entry: TypeAlias = tuple[yaml.Node | None, yaml.Node]
_BREAK = re.compile(r"\r\n|\n|\r")


class Source:
    """A file's text, with places as character indices from 0. Its secrets are never shown."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self._hidden: list[tuple[int, int]] = []
        self._tree: yaml.Node | None = None
        self._entries: dict[int, dict[str | int, _Entry]] = {}

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

    def grow(self) -> list[Fault]:
        """Build the tree of nodes; the faults that the parser met."""
        self._tree, faults = compose(self.text)
        return faults

    @property
    def tree(self) -> yaml.Node | None:
        if self._tree is None:
            self.grow()
        return self._tree

    def forget(self) -> None:
        """Drop the tree, which is large; it grows again when a place is asked for."""
        self._tree = None
        self._entries.clear()

    def find(self, route: Route, on: On = "value", fragment: str | None = None) -> tuple[int, int]:
        """Where the key or value at ``route``, or ``fragment`` inside it, starts and ends."""
        key, value, steps = self._walk(route)
        if value is None or not steps:
            return self._first_line(value)
        whole = steps == len(route)
        if on == "value" and whole and fragment and (inside := self._inside(value, fragment)):
            return inside
        node = value
        if key is not None and (on == "key" or not self._speaks(value, whole)):
            node = key
        if fragment and (inside := self._inside(node, fragment)):
            return inside
        start, end = self._ink(node)
        return start, end if _is_inline(node) else min(end, self._line_end(start))

    def _walk(self, route: Route) -> tuple[yaml.Node | None, yaml.Node | None, int]:
        """The key and the value as far as ``route`` leads, and how many steps that is."""
        key, value = None, self.tree
        for steps, part in enumerate(route):
            entry = self._entries_of(value).get(part) if value is not None else None
            if entry is None:
                return key, value, steps
            key, value = entry
        return key, value, len(route)

    def _entries_of(self, node: yaml.Node) -> dict[str | int, _Entry]:
        if id(node) not in self._entries:
            self._entries[id(node)] = dict(_entries(node))
        return self._entries[id(node)]

    def _speaks(self, value: yaml.Node, whole: bool) -> bool:
        """Whether a value shows better than its key what is meant.

        A text does, also where it is short for a mapping; a flow collection when it is ``whole``.
        """
        if isinstance(value, yaml.ScalarNode):
            start, end = self._ink(value)
            return end > start
        return whole and _is_inline(value)

    def _inside(self, node: yaml.Node, fragment: str) -> tuple[int, int] | None:
        start, end = self._ink(node)
        at = self.text.find(fragment, start, end)
        return (at, at + len(fragment)) if at >= 0 else None

    def _ink(self, node: yaml.Node) -> tuple[int, int]:
        """Where a node starts and ends, without the white space after it."""
        start = node.start_mark.index
        return start, start + len(self.text[start : node.end_mark.index].rstrip())

    def _first_line(self, root: yaml.Node | None) -> tuple[int, int]:
        """The first line with data, or the first of all."""
        start = root.start_mark.index if root is not None else 0
        return start, self._line_end(start)

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


def _is_inline(node: yaml.Node) -> bool:
    return not isinstance(node, yaml.CollectionNode) or bool(node.flow_style)


def _entries(node: yaml.Node) -> Iterator[tuple[str | int, _Entry]]:
    """The entries of a node, by key or number.

    A name in ``[a, b]`` is an entry too, since such a list may be short for a mapping. Of two
    with one name the first counts, so it comes last.
    """
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):
            if isinstance(key, yaml.ScalarNode):
                yield key.value, (key, value)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield number, (None, item)
            if isinstance(item, yaml.ScalarNode):
                yield item.value, (item, item)
