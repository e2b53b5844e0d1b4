"""References: ``${inputs.N}``, ``${outputs.N}``, ``${scratch.N}``, ``${parameters.N}`` in text.

A text with references is kept as its parts, so that no backend has to parse it again: a part is
plain text or a :class:`Reference`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["input", "output", "scratch", "parameter", "env"]

KINDS: dict[str, Kind] = {
    "inputs": "input",
    "outputs": "output",
    "scratch": "scratch",
    "parameters": "parameter",
    "env": "env",
}
PREFIXES = {kind: prefix for prefix, kind in KINDS.items()}

# `$${` is a literal `${`; `${{` is the other SDK's form and never ours.
_TOKEN = re.compile(r"\$\$\{|\$\{\{[^}]*\}?\}?|\$\{([^{}]*)\}|\$\{")
_NAME = re.compile(r"([a-z]+)\.([A-Za-z_]\w*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that stands for a value known later; ``kind`` says whose name it is."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"${{{PREFIXES[self.kind]}.{self.name}}}"


Text: TypeAlias = tuple[str | Reference, ...]


@dataclass(frozen=True, slots=True)
class BadReference:
    """A ``${...}`` that is none of ours: what stands there, for a message that can name it."""

    text: str


@lru_cache(maxsize=1024)  # ten thousand steps say the same few things
def parse(text: str) -> tuple[Text, tuple[BadReference, ...]]:
    """Split ``text`` at its references; whatever looks like one and is none is listed beside.

    A text without references is one part, also when it is empty.
    """
    if "$" not in text:
        return (text,), ()
    parts: list[str | Reference] = []
    bad: list[BadReference] = []
    end = 0
    for match in _TOKEN.finditer(text):
        _add_text(parts, text[end : match.start()])
        end = match.end()
        if match.group() == "$${":
            _add_text(parts, "${")
        elif reference := _reference(match.group(1)):
            parts.append(reference)
        else:
            bad.append(BadReference(match.group()))
    _add_text(parts, text[end:])
    return tuple(parts) or ("",), tuple(bad)


def _reference(name: str | None) -> Reference | None:
    match = _NAME.fullmatch(name.strip()) if name else None
    if match is None or match.group(1) not in KINDS:
        return None
    return Reference(KINDS[match.group(1)], match.group(2))


def _add_text(parts: list[str | Reference], text: str) -> None:
    if not text:
        return
    if parts and isinstance(parts[-1], str):
        parts[-1] += text
    else:
        parts.append(text)


def write(text: Text) -> str:
    """The text as it would stand in a spec: the inverse of :func:`parse`."""
    return "".join([_written(part) for part in text])


def _written(part: str | Reference) -> str:
    return str(part) if isinstance(part, Reference) else part.replace("${", "$${")


def references(text: Text) -> tuple[Reference, ...]:
    """The references of a text, in order."""
    return tuple(part for part in text if isinstance(part, Reference))
