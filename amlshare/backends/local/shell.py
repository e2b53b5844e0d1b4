"""Values put into a bash command so that each stays one word, whatever it holds."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from amlshare.references import Reference, Text

_QUOTES = re.compile(r"""\\.|['"]""", re.DOTALL)


def fill(line: Text, values: Mapping[Reference, str]) -> Text:
    """``line`` with the references that ``values`` knows in place, quoted as their place asks.

    A reference may stand bare, in double quotes or in single quotes.
    """
    quote = ""
    parts: list[str | Reference] = []
    for part in line:
        if isinstance(part, str):
            quote = _quote_after(part, quote)
            parts.append(part)
        elif part in values:
            parts.append(_quoted(values[part], quote))
        else:
            parts.append(part)
    return tuple(parts)


def _quote_after(text: str, quote: str) -> str:
    """The quote that is open after ``text``, when ``quote`` was before it."""
    position = 0
    while match := _QUOTES.search(text, position):
        position = match.end()
        found = match.group()
        if quote == "'" and found != "'":
            # a backslash means nothing in single quotes, and may stand before the closing one
            position = match.start() + 1
        elif found == quote:
            quote = ""
        elif not quote and found in "'\"":
            quote = found
    return quote


def _quoted(value: str, quote: str) -> str:
    match quote:
        case "'":
            return value.replace("'", "'\\''")
        case '"':
            return re.sub(r'([\\"$`])', r"\\\1", value)
        case _:
            return shlex.quote(value)
