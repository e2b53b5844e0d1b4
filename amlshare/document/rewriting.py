"""A document's text with edits done to it, which leaves the rest of it as it is.

The text that an edit gives is read again, and held against the data with the same edit: where they
differ (an alias stands in between, say) there is no such text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import yaml

from amlshare.diagnostics import Route
from amlshare.document import Document
from amlshare.document.edits import Drop, Edit, EditError, applied, wrapped
from amlshare.document.source import Source
from amlshare.document.tree import compose
from amlshare.document.values import plain, scalar
from amlshare.document.writing import Form, Quote, entry, flow, item, unwritten, word


def edited(document: Document, edits: Iterable[Edit]) -> dict[str, str]:
    """The new text of each file that ``edits`` change, by its name, where a route is written.

    Raises EditError where the text cannot say what the data would.
    """
    by_file: dict[str, tuple[Source, list[Edit]]] = {}
    for edit in edits:
        source, route = document.origin(edit.route)
        by_file.setdefault(source.file, (source, []))[1].append(replace(edit, route=route))
    return {file: _edited(source, wanted) for file, (source, wanted) in by_file.items()}


def _edited(source: Source, edits: list[Edit]) -> str:
    text = source.text
    quote = _quoting(_Text(text), edits)
    for edit in edits:
        text = _Text(text, quote).edited(edit)
    before, _ = plain(source)
    after, faults = plain(Source(source.file, text))
    if faults or before is None or not _same(after, applied(before, edits)):
        raise EditError(f"the text of {source.file} cannot be changed so")
    return text


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal, and numbers and truth values are written alike."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other) and str(one) == str(other)


def _quoting(text: _Text, edits: Iterable[Edit]) -> Quote:
    """What the edits take away, as it was written: they may put it elsewhere."""
    written: dict[str, list[tuple[Any, Sequence[str]]]] = {}
    for edit in edits:
        for key, value, lines in text.entries(edit.route) if isinstance(edit, Drop) else ():
            written.setdefault(key, []).append((value, lines))

    def quote(key: str, value: Any) -> Sequence[str]:
        return next((lines for old, lines in written.get(key, ()) if _same(old, value)), ())

    return quote


class _Slot(NamedTuple):
    """A value in its place. ``start`` is that of its key, or of its dash; the value itself lies
    between ``after``, behind the colon or dash, and ``end``; both are equal where it is empty.
    """

    part: str | int
    start: int
    after: int
    value_start: int
    end: int
    node: yaml.Node

    @property
    def is_block(self) -> bool:
        """Whether the value is a collection in a block, which is never empty."""
        return isinstance(self.node, yaml.CollectionNode) and not self.node.flow_style


def _is_nothing(node: yaml.ScalarNode) -> bool:
    return not node.style and scalar(node.value) is None


def _is_flow(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


class _Text:
    """A text as nodes with their places, for one edit."""

    def __init__(self, text: str, quote: Quote = unwritten) -> None:
        self._text = text
        self._quote = quote
        self._break = "\r\n" if "\r\n" in text else "\n"
        root, _ = compose(text)
        if root is None:
            raise EditError("the text is no YAML")
        self._root = root

    def edited(self, edit: Edit) -> str:
        """The text with an edit done to it."""
        path = self._path(edit.route)
        if isinstance(edit, Drop):
            return self._without(path) if len(path) == len(edit.route) else self._text
        if len(path) == len(edit.route):
            return self._replaced(path, edit.value)
        missing = edit.route[len(path) :]
        return self._added(path, missing[0], wrapped(missing[1:], edit.value), edit.after)

    def entries(self, route: Route) -> Iterator[tuple[str, Any, list[str]]]:
        """The keys below a route that start a line, with their values and how they are written."""
        path = self._path(route)
        if len(path) == len(route) and not self._in_flow(path):
            for slot in self._slots(path[-1].node):
                lines = self._lines_of(slot)
                text = "\n".join(lines)
                data, faults = plain(Source("", text)) if lines else (None, [])
                if data and not faults and isinstance(slot.part, str):
                    yield slot.part, data.get(slot.part), lines
                yield from self.entries((*route, slot.part))

    def _lines_of(self, slot: _Slot) -> list[str]:
        """The lines of an entry and of the comment above it, moved to the left."""
        column, line = self._column(slot.start), self._line_start(slot.start)
        if self._text[line : slot.start].strip():
            return []
        start = self._with_comment(line, column)
        lines = self._text[start : self._line_end(slot.end)].splitlines()
        return [each[column:] if not each[:column].strip() else "" for each in lines]

    def _path(self, route: Route) -> list[_Slot]:
        """The slots as far as ``route`` leads."""
        node, path = self._root, []
        for part in route:
            found = self._find(node, part)
            if found is None:
                break
            path.append(found)
            node = found.node
        return path

    def _find(self, node: yaml.Node, part: str | int) -> _Slot | None:
        if isinstance(node, yaml.MappingNode):  # to look for the ends of all others takes long
            pairs = (pair for pair in node.value if str(pair[0].value) == part)
            return next((self._keyed(key, value) for key, value in pairs), None)
        return next((each for each in self._slots(node) if each.part == part), None)

    def _slots(self, node: yaml.Node) -> list[_Slot]:
        if isinstance(node, yaml.MappingNode):
            return [self._keyed(key, value) for key, value in node.value]
        if isinstance(node, yaml.SequenceNode):
            found: list[_Slot] = []
            for number, value in enumerate(node.value):
                before = found[-1].end if found else node.start_mark.index
                found.append(self._item(number, value, before, in_flow=bool(node.flow_style)))
            return found
        return []

    def _keyed(self, key: yaml.Node, value: yaml.Node) -> _Slot:
        colon = re.compile(r"\s*:").match(self._text, key.end_mark.index)
        after = colon.end() if colon else key.end_mark.index
        return self._slot(str(key.value), key.start_mark.index, after, value)

    def _item(self, number: int, value: yaml.Node, before: int, *, in_flow: bool) -> _Slot:
        if in_flow:
            start = value.start_mark.index
            return self._slot(number, start, start, value)
        dash = re.compile(r"(?:[^\S\n]*(?:#[^\n]*)?\n)*[^\S\n]*-").match(self._text, before)
        if dash is None:
            raise EditError("an item has no dash")
        return self._slot(number, dash.end() - 1, dash.end(), value)

    def _slot(self, part: str | int, start: int, after: int, value: yaml.Node) -> _Slot:
        if value.start_mark.index < after:  # an alias: the node stands elsewhere
            alias = re.compile(r"\s*\*[^\s,\[\]{}]+").match(self._text, after)
            if alias is None:
                raise EditError("an alias is not where it should be")
            name = yaml.ScalarNode("", alias[0], style="*")
            return _Slot(part, start, after, alias.end() - len(alias[0].strip()), alias.end(), name)
        if value.start_mark.index == value.end_mark.index:
            return _Slot(part, start, after, after, after, value)
        return _Slot(part, start, after, value.start_mark.index, self._end(value), value)

    def _end(self, node: yaml.Node) -> int:
        """Where the ink of a value ends: blocks go on to whatever comes next."""
        if isinstance(node, yaml.CollectionNode) and not node.flow_style:
            if isinstance(node, yaml.MappingNode):
                return self._keyed(*node.value[-1]).end
            return self._slots(node)[-1].end
        start, end = node.start_mark.index, node.end_mark.index
        return start + len(self._text[start:end].rstrip())

    def _line_start(self, index: int) -> int:
        return self._text.rfind("\n", 0, index) + 1

    def _line_end(self, index: int) -> int:
        found = self._text.find("\n", index)
        end = len(self._text) if found < 0 else found
        return end - (self._text[:end].endswith("\r"))

    def _column(self, index: int) -> int:
        return index - self._line_start(index)

    def _holder(self, path: list[_Slot]) -> yaml.Node:
        return path[-1].node if path else self._root

    def _in_flow(self, path: list[_Slot]) -> bool:
        """Whether what stands at the end of ``path`` is part of a flow collection."""
        return any(map(_is_flow, (self._root, *(each.node for each in path))))

    # Putting a value where one is

    def _replaced(self, path: list[_Slot], value: Any) -> str:
        slot = path[-1]
        if self._in_flow(path[:-1]):
            return self._replaced_in_flow(slot, value)
        lines = self._written(path[:-1], slot, value)
        lines[0] += self._behind(slot)
        return (
            self._text[: slot.after]
            + self._break.join(lines)
            + self._text[self._line_end(slot.end) :]
        )

    def _written(self, above: list[_Slot], slot: _Slot, value: Any) -> list[str]:
        """The lines of a value, the first of which goes on behind the colon or dash."""
        indent = self._column(slot.start)
        if isinstance(slot.part, int):
            lines = item(value, indent=indent, quote=self._quote)
            return [lines[0][indent + 1 :], *lines[1:]]
        form = self._form(self._holder(above), slot.part)
        lines = entry("k", value, indent=indent, form=form, quote=self._quote)
        return [lines[0][indent + 2 :], *lines[1:]]

    def _behind(self, slot: _Slot) -> str:
        """The comment behind a value on its line, or behind the key of a block."""
        if slot.is_block and "\n" in self._text[slot.after : slot.value_start]:
            return self._text[slot.after : self._line_end(slot.after)].rstrip()
        if isinstance(slot.node, yaml.ScalarNode) and slot.node.style in ("|", ">"):
            return ""
        return self._text[slot.end : self._line_end(slot.end)].rstrip()

    def _replaced_in_flow(self, slot: _Slot, value: Any) -> str:
        between = self._text[slot.after : slot.value_start] or " "
        if isinstance(slot.part, int):
            between = ""
        elif not self._text[: slot.after].endswith(":"):
            between = ": "
        return self._text[: slot.after] + between + flow(value) + self._text[slot.end :]

    # Adding a key or an item

    def _added(self, path: list[_Slot], part: str | int, value: Any, after: str | None) -> str:
        holder = self._holder(path)
        if isinstance(holder, yaml.ScalarNode) and isinstance(part, str) and _is_nothing(holder):
            return self._replaced(path, {part: value})
        if isinstance(holder, yaml.ScalarNode) or isinstance(part, str) != isinstance(
            holder, yaml.MappingNode
        ):
            raise EditError(f"nothing can be put at {part!r}")
        slots = self._slots(holder)
        if isinstance(part, int) and part != len(slots):
            raise EditError(f"there is no item {part - 1} before it")
        if not slots:
            return self._replaced(path, {part: value} if isinstance(part, str) else [value])
        last = next((each for each in slots if each.part == after), slots[-1])
        if _is_flow(holder):
            new = flow(value)
            new = f"{word(part, inside=True)}: {new}" if isinstance(part, str) else new
            return f"{self._text[: last.end]}, {new}{self._text[last.end :]}"
        return self._line_added(slots, last, part, value, self._form(holder, part))

    def _line_added(
        self, slots: list[_Slot], last: _Slot, part: str | int, value: Any, form: Form | None
    ) -> str:
        indent = self._column(slots[0].start)
        if isinstance(part, str):
            lines = entry(part, value, indent=indent, form=form, quote=self._quote)
        else:
            lines = item(value, indent=indent, quote=self._quote)
        if len(slots) > 1 and self._blank_above(slots[-1]):
            lines.insert(0, "")
        end = self._line_end(last.end)
        new = "".join(self._break + line for line in lines)
        return self._text[:end] + new + self._text[end:]

    def _form(self, holder: yaml.Node, part: str | int) -> Form | None:
        """Block where all the mappings beside the value are written so."""
        beside = [
            each.node
            for each in self._slots(holder)
            if each.part != part and isinstance(each.node, yaml.MappingNode) and each.node.value
        ]
        blocks = len(beside) > 1 and not any(map(_is_flow, beside))
        return "block" if blocks else None

    # Taking away

    def _without(self, path: list[_Slot]) -> str:
        *above, slot = path
        holder = self._holder(above)
        slots = self._slots(holder)
        number = next(i for i, each in enumerate(slots) if each.part == slot.part)
        if len(slots) == 1:
            return self._replaced(above, {} if isinstance(slot.part, str) else [])
        if _is_flow(holder):
            start, end = slots[number - 1].end if number else slot.start, slot.end
            end = end if number else slots[1].start
            return self._text[:start] + self._text[end:]
        line = self._line_start(slot.start)
        if self._text[line : slot.start].strip():  # the first key behind a dash
            return self._text[: slot.start] + self._text[slots[1].start :]
        end = self._line_end(slot.end) + len(self._break)
        start = self._with_comment(line, self._column(slot.start))
        before, rest = self._text[:start], self._text[end:]
        if before.endswith(self._break * 2) and (not rest.strip() or rest.startswith(self._break)):
            before = before.removesuffix(self._break)
        return before + rest

    def _with_comment(self, line: int, column: int) -> int:
        """Where the comment lines that stand right above a line, as far in as it, begin."""
        while line:
            above = self._line_start(line - 1)
            if not re.match(rf" {{{column}}}#", self._text[above:line]):
                break
            line = above
        return line

    def _blank_above(self, slot: _Slot) -> bool:
        line = self._with_comment(self._line_start(slot.start), self._column(slot.start))
        return line > 0 and not self._text[self._line_start(line - 1) : line].strip()
