"""Values put into a bash command so that bash never reads them as code, whatever they hold.

A value of plain letters stands as it is. Any other becomes a variable that is set ahead of the
line, and the line holds only its expansion: bash expands it once and parses it never. Should the
place of a reference be misread, in a corner of bash's grammar, then words split or a quote shows.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Literal

from amlshare.references import Reference, Text

Place = Literal["bare", "double", "single", "here", "here-literal"]

_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
_MARK = re.compile(
    r"""\\.|['"`()\n]|\$\(|<<<|<<-?[ \t]*(?P<quote>['"]?)(?P<end>[^\W\d]\w*)(?P=quote)""",
    re.DOTALL,
)


def fill(line: Text, values: Mapping[Reference, str]) -> Text:
    """``line`` with the references that ``values`` knows in place.

    A reference may stand bare, in quotes, in a substitution, or in a here-document.
    """
    parts: list[str | Reference] = []
    variables: dict[str, str] = {}
    for part, place in placed(line):
        if isinstance(part, str) or part not in values:
            parts.append(part)
        elif _PLAIN.fullmatch(values[part]):
            parts.append(values[part])
        else:
            name = variable(part)
            variables[name] = values[part]
            parts.append(expansion(name, place) or values[part])
    ahead = [f"{name}={shlex.quote(value)}; " for name, value in variables.items()]
    return (*ahead, *parts)


def placed(line: Text) -> Iterator[tuple[str | Reference, Place]]:
    """Each part of a line, and where it stands."""
    reader = _Reader()
    for part in line:
        yield part, reader.place
        if isinstance(part, str):
            reader.read(part)


def variable(reference: Reference) -> str:
    """The name of the variable that holds the value of a reference."""
    return f"amlshare_{reference.kind}_{reference.name}"


def expansion(name: str, place: Place) -> str | None:
    """What stands for a variable's value, as one word; None where bash expands nothing."""
    match place:
        case "bare":
            return f'"${{{name}}}"'
        case "single":
            return f"'\"${{{name}}}\"'"
        case "here-literal":
            return None
        case _:
            return f"${{{name}}}"


class _Reader:
    """Reads a command from its start, and knows in what its end stands."""

    def __init__(self) -> None:
        self._open: list[str] = []
        # here-documents that start at the next line: how they are open, and the line they end at
        self._documents: list[tuple[str, str]] = []

    @property
    def place(self) -> Place:
        """Where the next character stands."""
        last = self._open[-1] if self._open else ""
        places: dict[str, Place] = {'"': "double", "'": "single", "<": "here", "<'": "here-literal"}
        return places.get(last, "bare")

    def read(self, text: str) -> None:
        """Read on."""
        position = 0
        while position < len(text):
            if self.place in ("here", "here-literal"):
                position = self._read_document(text, position)
            elif match := _MARK.search(text, position):
                position = self._meet(match)
            else:
                return

    def _read_document(self, text: str, position: int) -> int:
        end = self._documents[0][1]
        closing = re.compile(rf"^\t*{end}$", re.MULTILINE).search(text, position)
        if closing is None:
            return len(text)
        self._open.pop()
        self._documents.pop(0)
        return closing.end()

    def _meet(self, match: re.Match[str]) -> int:
        """Take in a mark; gives where to read on."""
        found, place = match.group(), self.place
        if place == "single":
            if found == "'":
                self._open.pop()
            return match.start() + 1  # a backslash means nothing here
        if found[0] == "\\":
            return match.end()
        if found == "\n":
            if self._documents and place == "bare":
                self._open.append(self._documents[0][0])
        elif match["end"]:
            if place == "double":
                return match.start() + 2
            self._documents.append(("<'" if match["quote"] else "<", match["end"]))
        else:
            self._nest(found, place)
        return match.end()

    def _nest(self, found: str, place: Place) -> None:
        last = self._open[-1] if self._open else ""
        if (found == last and found in '"`') or (found == ")" and last == "("):
            self._open.pop()
        elif found in ("$(", '"', "`") or (found in "'(" and place == "bare"):
            self._open.append("(" if found == "$(" else found)
