"""What a step printed, as a terminal may show it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from amlshare.render.paper import JOINER, Paper

_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|.?)",
    re.DOTALL,
)
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_LONGEST = 1 << 16
"""Letters of a line that are waited for; what is longer is shown as it comes."""


def log_text(pieces: Iterable[str], paper: Paper) -> Iterator[str]:
    """The text of ``pieces``, wherever they were cut, with nothing left that steers a terminal."""
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + piece).split("\n")
        yield "".join(f"{printed(line, colour=paper.colour)}\n" for line in lines)
        if len(rest) > _LONGEST:
            yield printed(rest, colour=paper.colour)
            rest = ""
    yield printed(rest, colour=paper.colour)


def printed(line: str, *, colour: bool) -> str:
    """A line that a program printed: its colours may stay, nothing else that steers a terminal."""
    if line.isprintable():
        return line
    line = line.rstrip("\r").rpartition("\r")[2].expandtabs()
    plain = _ESCAPE.sub(lambda match: _kept_colour(match.group(), colour=colour), line)
    ends = "\x1b[0m" if "\x1b" in plain else ""
    return "".join(c for c in plain if c.isprintable() or c in {"\x1b", JOINER}) + ends


def _kept_colour(sequence: str, *, colour: bool) -> str:
    return sequence if colour and _COLOUR.fullmatch(sequence) else ""
