"""What steps print: read from their log files while they grow, a bounded piece at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

LINES = 40
"""The most lines of a step that are passed on at a time; those before them are only counted."""

_CHUNK = 1 << 18
_LONGEST = 4096  # bytes of a line that are passed on


@dataclass(slots=True)
class Tail:
    """Follows a log file from ``offset`` on."""

    path: Path
    offset: int = 0
    _rest: bytes = field(default=b"")

    def read(self, *, end: bool = False) -> tuple[tuple[str, ...], int]:
        """The lines that came since, and how many before them are left out.

        With ``end``, what stands after the last line's end is a line too.
        """
        lines: deque[bytes] = deque(maxlen=LINES)
        count = 0
        for chunk in self._chunks():
            # of many lines only the last are looked at: a flood must cost next to nothing
            *ended, rest = chunk.rsplit(b"\n", LINES + 1)
            if len(ended) <= LINES:
                ended = (self._rest + chunk).split(b"\n")[:-1]
            if not ended:
                rest = (self._rest + rest)[:_LONGEST]
            lines.extend(ended)
            count += chunk.count(b"\n")
            self._rest = rest[:_LONGEST]
        if end and self._rest:
            lines.append(self._rest)
            self._rest = b""
            count += 1
        return tuple(map(_shown, lines)), count - len(lines)

    def _chunks(self) -> Iterator[bytes]:
        """What was appended up to now; not what comes while it is read."""
        try:
            file = self.path.open("rb", buffering=0)
        except FileNotFoundError:
            return
        with file:
            end = os.fstat(file.fileno()).st_size
            file.seek(self.offset)
            while self.offset < end and (chunk := file.read(min(_CHUNK, end - self.offset))):
                self.offset += len(chunk)
                yield chunk


def _shown(line: bytes) -> str:
    """A line as a terminal would leave it: a progress bar's last state."""
    text = line[:_LONGEST].rstrip(b"\r").rpartition(b"\r")[2]
    return text.decode("utf-8", "replace")


def mark(path: Path, line: str) -> None:
    """Append a line to a log that no program printed."""
    with path.open("ab+") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 1))
        after = b"" if file.read(1) in (b"", b"\n") else b"\n"
        file.write(after + line.encode("utf-8", "replace") + b"\n")


def last_lines(path: Path, count: int = 20) -> tuple[str, ...]:
    """The last lines of a log, from its last bytes only."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - count * 400))
            lines = file.read().splitlines()
    except FileNotFoundError:
        return ()
    whole = lines[1:] if size > count * 400 and len(lines) > 1 else lines
    return tuple(map(_shown, whole[-count:]))
