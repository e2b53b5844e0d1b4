"""Plain data as YAML in the style of a spec: what is short in one line, the rest in blocks.

``document.values`` reads it back as it was; the lines have no line breaks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

from amlshare.document.values import scalar

WIDTH = 100
"""Characters in a line; only text without a blank may need more."""

Form: TypeAlias = Literal["flow", "block"]
Quote: TypeAlias = Callable[[str, Any], Sequence[str]]
"""The lines in which a key and its value were written elsewhere, not indented; else none."""

# what may start a text that stands without quotes, and what may not be in it
_START = re.compile(r"[^\s\-?:,\[\]{}#&*!|>'\"%@`]|[-?:](?=[^\s,\[\]{}])")
_BROKEN = re.compile(r":(?=\s|\Z)|\s#|[^\S ]|\A(?:---|\.\.\.)(?:\s|\Z)|\A<<\Z")
# what YAML 1.1, as many read it, takes for a truth value, a number or a day
_OTHERWISE = re.compile(
    r"(?i)yes|no|on|off|=|[-+]?(?:0[box][\da-f_]+|[\d_]*[\d_:.]+(?:e[-+]?\d+)?|\.inf)|\.nan"
    r"|\d{4}-\d\d?-\d\d?(?:[t ].*)?",
    re.ASCII,
)
_IN_FLOW = re.compile(r"[,\[\]{}:]|\A\?")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_FEW = 4
"""Entries of a mapping that is still read in one line."""


def flow(value: Any) -> str:
    """The value in one line, as it may stand inside ``{}`` and ``[]``."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{word(k, inside=True)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return word(value, inside=True)


def word(value: Any, *, inside: bool = False) -> str:
    """A scalar in one line; ``inside`` a flow collection more needs quotes."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    if _is_plain(value) and not (inside and _IN_FLOW.search(value)):
        return value
    return '"' + "".join(map(_escaped, value)) + '"'


def _is_plain(text: str) -> bool:
    return (
        _START.match(text) is not None
        and text == text.strip()
        and text.isprintable()
        and not _BROKEN.search(text)
        and isinstance(scalar(text), str)
        and not _OTHERWISE.fullmatch(text)
    )


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def unwritten(_key: str, _value: Any) -> Sequence[str]:
    """Nothing was written elsewhere."""
    return ()


def entry(
    key: str, value: Any, *, indent: int, form: Form | None = None, quote: Quote = unwritten
) -> list[str]:
    """The lines of a key and its value in a block; ``form`` None chooses by what is in it."""
    if quoted := quote(key, value):
        return [(" " * indent + line).rstrip() for line in quoted]
    start = " " * indent + word(key) + ":"
    return _lines(start, value, indent, form, quote)


def item(value: Any, *, indent: int, quote: Quote = unwritten) -> list[str]:
    """The lines of an item in a block."""
    start = " " * indent + "-"
    if isinstance(value, dict) and value and not _is_short(value, len(start)):
        first, *rest = block(value, indent=indent + 2, quote=quote)
        return [start + first[indent + 1 :], *rest]
    if isinstance(value, list) and value:
        return [f"{start} {flow(value)}"]
    return _lines(start, value, indent, None, quote)


def block(value: dict[str, Any] | list[Any], *, indent: int, quote: Quote = unwritten) -> list[str]:
    """The lines of a collection that is not empty."""
    if isinstance(value, list):
        return [line for each in value for line in item(each, indent=indent, quote=quote)]
    return [
        line for key, each in value.items() for line in entry(key, each, indent=indent, quote=quote)
    ]


def _lines(start: str, value: Any, indent: int, form: Form | None, quote: Quote) -> list[str]:
    if isinstance(value, (dict, list)):
        held = value.values() if isinstance(value, dict) else value
        section = not indent and any(isinstance(each, dict) for each in held)
        short = form != "block" and not section and _is_short(value, len(start))
        if not value or form == "flow" or short:
            return [f"{start} {flow(value)}"]
        return [start, *block(value, indent=indent + 2, quote=quote)]
    if isinstance(value, str) and (folded := _folded(value, indent + 2, len(start))):
        return [f"{start} >-", *folded]
    return [f"{start} {word(value)}"]


def _is_short(value: dict[str, Any] | list[Any], before: int) -> bool:
    """Whether a collection is read best in one line: few words, none of which needs
    quotes only there.
    """
    held = list(value.values()) if isinstance(value, dict) else value
    inner = [each for each in held if isinstance(each, (dict, list)) and each]
    if len(inner) > 1 or any(not _is_short(each, before) for each in inner):
        return False
    if isinstance(value, dict) and len(value) > (1 if inner else _FEW):
        return False
    quoted = any(word(each) != word(each, inside=True) for each in held if isinstance(each, str))
    return before + 1 + len(flow(value)) <= WIDTH and not quoted


def _folded(text: str, indent: int, before: int) -> list[str]:
    """The lines of a text that is too long for one, where it may be broken at its blanks."""
    if before + 1 + len(text) <= WIDTH or not text.isprintable() or text != text.strip():
        return []
    lines, line = [], ""
    # only a single blank is one again when the lines are put together
    for part in re.split(r"(?<=[^ ]) (?=[^ ])", text):
        if line and indent + len(line) + 1 + len(part) > WIDTH:
            lines.append(" " * indent + line)
            line = part
        else:
            line = f"{line} {part}" if line else part
    return [*lines, " " * indent + line]
