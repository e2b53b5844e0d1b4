"""What text is written on: how wide it is, whether it has colour, which characters it can show.

Renderers ask a :class:`Paper` for styles and symbols; without colour a style is the text itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO, TypeAlias

Style: TypeAlias = Callable[[str], str]
Parts: TypeAlias = list[tuple[str, Style]]

WIDTH_OF_A_FILE = 100
"""Columns where there is no terminal to measure."""

_ASCII = {
    "⏎": "\\n",
    "←": "<-",
    "→": "->",
    "↑": "^",
    "✓": "+",
    "✗": "x",
    "↺": "=",
    "⊘": "-",
    "·": "-",
    "…": "...",
    "×": "x",
    "—": "-",
}
JOINER = "\u200d"  # holds emoji together; every other unseen character is spelled out


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """How wide, in colour or not, with all of Unicode or with ASCII only."""

    width: int = WIDTH_OF_A_FILE
    colour: bool = False
    unicode: bool = True

    def bold(self, text: str) -> str:
        return self._styled("1", text)

    def dim(self, text: str) -> str:
        return self._styled("2", text)

    def red(self, text: str) -> str:
        return self._styled("1;31", text)

    def green(self, text: str) -> str:
        return self._styled("32", text)

    def yellow(self, text: str) -> str:
        return self._styled("33", text)

    def blue(self, text: str) -> str:
        return self._styled("1;34", text)

    def cyan(self, text: str) -> str:
        return self._styled("36", text)

    def magenta(self, text: str) -> str:
        return self._styled("35", text)

    def plain_blue(self, text: str) -> str:
        return self._styled("34", text)

    def sign(self, symbol: str) -> str:
        """``symbol``, or what stands for it in ASCII."""
        return symbol if self.unicode else _ASCII[symbol]

    def _styled(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text


def paper_of(stream: TextIO, environ: Mapping[str, str]) -> Paper:
    """The paper that ``stream`` is; NO_COLOR, FORCE_COLOR, TERM and COLUMNS have their say."""
    is_terminal = stream.isatty()
    return Paper(
        width=_width(stream, environ) if is_terminal else _columns(environ) or WIDTH_OF_A_FILE,
        colour=_has_colour(environ, is_terminal=is_terminal),
        unicode=(stream.encoding or "ascii").lower().replace("-", "").startswith("utf"),
    )


def _has_colour(environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return is_terminal and environ.get("TERM") != "dumb"


def _width(stream: TextIO, environ: Mapping[str, str]) -> int:
    try:
        return _columns(environ) or os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80


def _columns(environ: Mapping[str, str]) -> int | None:
    text = environ.get("COLUMNS", "")
    return max(int(text), 20) if text.isdecimal() and int(text) else None


def clean(text: str) -> str:
    """``text`` on one line, with what would not be seen, or would move the cursor, spelled out."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == JOINER else _spelled(char) for char in text
    )


def _spelled(char: str) -> str:
    if char == "\n":
        return " "
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def cells(text: str) -> int:
    """How many columns ``text`` takes on a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def pad(text: str, width: int) -> str:
    """``text`` and blanks up to ``width`` columns; longer text stays whole."""
    return text + " " * (width - cells(text))


def pad_left(text: str, width: int) -> str:
    """Blanks up to ``width`` columns, then ``text``."""
    return " " * (width - cells(text)) + text


def cut(text: str, width: int) -> str:
    """As much of the beginning of ``text`` as ``width`` columns hold."""
    if text.isascii():
        return text[: max(width, 0)]
    kept, used = [], 0
    for char in text:
        used += cells(char)
        if used > width:
            break
        kept.append(char)
    return "".join(kept)


def shorten(text: str, width: int, paper: Paper) -> str:
    """``text`` cut at ``width`` columns, with a sign where something was cut."""
    if cells(text) <= width:
        return text
    sign = paper.sign("…")
    return cut(text, width - len(sign)) + sign


def fold(text: str, width: int) -> list[str]:
    """``text`` cut at blanks into lines of at most ``width`` columns; a longer word stays whole."""
    if not text:
        return []
    return [text] if cells(text) <= width else fold_pieces(text.split(" "), width)


def fold_note(text: str, width: int) -> list[str]:
    """The same, with each command between backquotes whole, so that it can be pasted."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one that is not closed
        return fold(text, width)
    # no text that is shown has this letter
    parts[1::2] = [part.replace(" ", "\0") for part in parts[1::2]]
    return [line.replace("\0", " ") for line in fold("`".join(parts), width)]


def fold_pieces(pieces: Iterable[str], width: int) -> list[str]:
    """``pieces`` joined by blanks into lines of at most ``width`` columns, none of them cut."""
    lines: list[str] = []
    used = width
    for piece in pieces:
        length = cells(piece)
        if lines and used + 1 + length <= width:
            lines[-1] += f" {piece}"
            used += 1 + length
        else:
            lines.append(piece)
            used = length
    return lines


def flow(
    line: str, used: int, parts: Iterable[tuple[str, Style]], *, below: int, width: int
) -> Iterator[str]:
    """``line``, of ``used`` columns, with what of ``parts`` fits behind it; the rest is below."""
    for text, style in parts:
        if text and used + 2 + cells(text) <= width:
            line, used = f"{line}  {style(text)}", used + 2 + cells(text)
        elif text:
            yield line.rstrip()
            *lines, last = fold(text, width - below)
            yield from (" " * below + style(part) for part in lines)
            line, used = " " * below + style(last), below + cells(last)
    yield line.rstrip()
