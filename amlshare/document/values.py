"""Nodes as plain data: the scalars of YAML 1.2, text for keys, and nothing that surprises."""

from __future__ import annotations

import math
import re
from types import NoneType
from typing import Any

import yaml

from amlshare import secrets
from amlshare.diagnostics import Route
from amlshare.document.source import Source
from amlshare.document.syntax import Fault
from amlshare.document.tree import compose

_CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}
_NUMBER = re.compile(
    r"(?P<whole>[-+]?[0-9]+)|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
)
_STANDARD = "tag:yaml.org,2002:"
_TYPES = {"null": NoneType, "bool": bool, "int": int, "float": float, "seq": list, "map": dict}
# a source (`password: clean.password`) is no secret, whatever the input is called
_PORTS = ("inputs", "outputs")


class _Written:
    """A number that prints as it is written: ``007``, ``1e-3``."""

    text: str

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[Any, ...]:
        return _as_written, (type(self), self.text)


class _WrittenInt(_Written, int):
    pass


class _WrittenFloat(_Written, float):
    pass


def _as_written(kind: type[_WrittenInt | _WrittenFloat], text: str) -> int | float:
    number = kind(text)
    number.text = text
    return number


def scalar(text: str) -> str | int | float | bool | None:
    """What a plain scalar stands for. A number prints as it is written."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-.0123456789" or not (found := _NUMBER.fullmatch(text)):
        return text
    try:
        if found["whole"]:
            whole = int(text)
            return whole if str(whole) == text else _as_written(_WrittenInt, text)
        number = float(text)
    except ValueError:  # Python refuses to read thousands of digits
        return text
    if not math.isfinite(number):
        return text
    return number if str(number) == text else _as_written(_WrittenFloat, text)


def hide_secrets(file: str, text: str) -> tuple[Source, list[Fault]]:
    """The source with every secret in its text blanked, before anyone reads it."""
    found = secrets.find_all(text)
    ranges = [(each.start, each.end) for each in found]
    # an `x` reads as text wherever it stands, which `*` does not
    source = Source(file, secrets.blank(text, ranges, by="x"))
    for start, end in ranges:
        source.hide(start, end)
    return source, [_secret(each.kind, each.start, each.end) for each in found]


def plain(source: Source) -> tuple[dict[str, Any] | None, list[Fault]]:
    """The data in a source, None where there is none, and what is wrong with it."""
    root, faults = compose(source.text)
    if not isinstance(root, yaml.MappingNode):
        return None, faults or [_no_mapping(root, source.text)]
    reading = _Reading(source)
    data = reading.mapping(root)
    if secrets.may_name(source.text):
        reading.hide_named(data, ())
    return data, faults + reading.faults


def _no_mapping(root: yaml.Node | None, text: str) -> Fault:
    advice = "a spec is a mapping of KEY: VALUE lines that starts with `amlshare: 1`"
    if root is None or root.value == "":
        message = "there is nothing in this file"
        return Fault(code="empty-file", message=message, start=0, end=0, help=advice)
    start = root.start_mark.index
    glued = isinstance(root, yaml.ScalarNode) and re.match(r"[\w-]+:\S", root.value)
    return Fault(
        code="not-a-mapping",
        message=f"the file is {'one text' if isinstance(root, yaml.ScalarNode) else 'a list'}",
        start=start,
        end=start + len(text[start:].splitlines()[0]),
        label="a space is missing after the ':'" if glued else "expected KEY: VALUE",
        help=advice,
    )


class _Reading:
    """Makes plain data of nodes and collects what is wrong in ``faults``."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._keys: dict[str, str] = {}
        self.faults: list[Fault] = []

    def mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.value:
            name = self._key(key)
            if name is None:
                continue
            if name in data:
                self._key_twice(name, key, node)
            else:
                data[name] = self._value(value)
        return data

    def _value(self, node: yaml.Node) -> Any:
        if node.tag:
            return self._tagged(node)
        if isinstance(node, yaml.ScalarNode):
            return self._quoted(node) if node.style else scalar(node.value)
        return self._collection(node)

    def _collection(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node)
        return [self._value(item) for item in node.value]

    def _quoted(self, node: yaml.ScalarNode) -> str:
        """The text of a scalar; escapes could hide a secret from a look at the file."""
        text: str = node.value
        if node.style == '"' and "\\" in self._written(node):
            found = secrets.find(text)
            if found:
                self._hide(found.kind, node.start_mark.index, node.end_mark.index)
                return secrets.mask(text)
        return text

    def _tagged(self, node: yaml.Node) -> Any:
        """The value of a node whose tag says what it is anyway: others are not known."""
        name = node.tag.removeprefix(_STANDARD)
        if name == "str" and isinstance(node, yaml.ScalarNode):
            return self._quoted(node)
        text = isinstance(node, yaml.ScalarNode)
        value = scalar(node.value) if text else self._collection(node)
        if name == "float" and isinstance(value, int):
            return float(value)
        known = _TYPES.get(name)
        if known and isinstance(value, known) and (known is not int or type(value) is not bool):
            return value
        self._unknown_tag(node, fits=known is None and name != "str")
        return node.value if text else value

    def _unknown_tag(self, node: yaml.Node, *, fits: bool) -> None:
        written = self._written(node)
        found = re.search(r"!\S*", written)
        start, end = found.span() if found else (0, len(written))
        tag = written[start:end]
        self._fault(
            "unknown-tag",
            f"a spec has no tag {tag}" if fits else f"this value is not what {tag} says",
            node.start_mark.index + start,
            node.start_mark.index + end,
            help="take the tag out, or quote the value if it is text that starts with '!'",
        )

    def _key(self, node: yaml.Node) -> str | None:
        """The key as text, one object for one text; None for a key to leave out."""
        if not isinstance(node, yaml.ScalarNode):
            advice = "quote text that starts with { or ["
            self._fault_at(node, "non-string-key", "a key must be text", help=advice)
            return None
        name = self._value(node)
        if name == "<<" and not node.style:
            advice = "write the keys out; share a whole value by an alias, `defaults` or `include`"
            self._fault_at(node, "merge-key", "a spec has no merge keys", help=advice)
            return None
        if isinstance(name, str):
            return self._keys.setdefault(name, name)
        return self._key_of_other_type(node, name)

    def _key_of_other_type(self, node: yaml.ScalarNode, value: object) -> str:
        kind = {NoneType: "nothing", bool: "a truth value"}.get(type(value), "a number")
        self._fault_at(
            node,
            "non-string-key",
            f"the key {node.value} is {kind}, not text" if node.value else "a key is missing here",
            help=f'write "{node.value}"' if node.value else "write the key before the ':'",
        )
        return str(node.value)

    def _key_twice(self, name: str, key: yaml.Node, node: yaml.MappingNode) -> None:
        keys = (each for each, _ in node.value if isinstance(each, yaml.ScalarNode))
        first = next(each for each in keys if each.value == name)
        self._fault_at(
            key,
            "duplicate-key",
            f"the key '{name[:60]}' is given twice",
            help="keep one of them",
            also=((first.start_mark.index, first.end_mark.index, "first given here"),),
        )

    def hide_named(self, data: Any, route: Route, name: str = "") -> None:
        """Blank the values that are secrets by their names, in ``data`` itself."""
        for key, value in list(data.items() if isinstance(data, dict) else enumerate(data)):
            named = self._name(key, name, data)
            if isinstance(value, (dict, list)) and key not in _PORTS:
                self.hide_named(value, (*route, key), named)
            elif named and secrets.is_secret(named, value):
                self._hide(f"the value of '{named}'", *self._source.find((*route, key)))
                data[key] = secrets.MASK * len(str(value))

    def _name(self, key: str | int, name: str, data: Any) -> str:
        """What a value is called: by its key, by the flag before it, or by what holds it."""
        if isinstance(key, str):
            return name if key == "default" else key
        before = data[key - 1] if key else None
        return before if isinstance(before, str) and before.startswith("-") else name

    def _hide(self, kind: str, start: int, end: int) -> None:
        self._source.hide(start, end)
        self.faults.append(_secret(kind, start, end))

    def _written(self, node: yaml.Node) -> str:
        return self._source.text[node.start_mark.index : node.end_mark.index]

    def _fault_at(self, node: yaml.Node, code: str, message: str, **more: Any) -> None:
        written = self._written(node).rstrip().splitlines() or [""]
        start = node.start_mark.index
        self._fault(code, message, start, start + len(written[0]), **more)

    def _fault(self, code: str, message: str, start: int, end: int, **more: Any) -> None:
        self.faults.append(Fault(code=code, message=message, start=start, end=end, **more))


def _secret(kind: str, start: int, end: int) -> Fault:
    return Fault(
        code="secret-in-spec",
        message=f"the spec holds a secret: {kind}",
        start=start,
        end=end,
        label="masked here, not in the file",
        help="take it out and renew it; keep it in Azure Key Vault, which a step reads with its "
        "own identity. Under workspace and local, ${env.NAME} will do",
    )
