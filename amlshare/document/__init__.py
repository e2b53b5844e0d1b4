"""A YAML file as plain data, with the place of every key and value beside it.

``encoding`` makes text of bytes, ``tree`` makes nodes of text and ``values`` makes plain data of
nodes; each collects what is wrong (``syntax`` puts the parser's words into ours). The nodes are
dropped once the data is there. ``source`` reads the text anew for the first diagnostic that asks
where something is written, so that a spec without faults pays nothing for its places.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

from amlshare import secrets
from amlshare.diagnostics import Diagnostic, Finding, Label, Route, Span, did_you_mean
from amlshare.document.encoding import MAX_BYTES, decode, legible
from amlshare.document.source import On, Source
from amlshare.document.syntax import Fault
from amlshare.document.tree import collector_paused
from amlshare.document.values import hide_secrets, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file, or several laid over each other, as plain data that knows its places.

    ``diagnostics`` are those found while reading. Secrets in ``data`` are blanked. A document
    that is not ``readable`` has no data, and its diagnostics say why. ``places`` says where the
    value of a route is written, by the longest start of the route that it knows.
    """

    data: dict[str, Any]
    diagnostics: tuple[Diagnostic, ...]
    places: Mapping[Route, tuple[Source, Route]]
    readable: bool = True

    def has(self, route: Route) -> bool:
        """Whether the data has a value at ``route``."""
        value: Any = self.data
        for part in route:
            entries: Any = dict(enumerate(value)) if isinstance(value, list) else value
            if not isinstance(entries, dict) or part not in entries:
                return False
            value = entries[part]
        return True

    def span(self, route: Route, on: On = "value") -> Span:
        """Where the key or the value at ``route`` is written.

        Of a route that is not there, the longest start that is; of none, the first line with
        data. A value with no text on the line of its key (a block of keys, nothing at all) is
        found at its key.
        """
        source, start, end = self._place(route, on)
        return source.span(start, end)

    def locate(self, finding: Finding) -> Diagnostic:
        """The finding with its place, and without any secret."""
        source, start, end = self._place(finding.route, finding.on, finding.fragment)
        span = source.span(start, end)
        return Diagnostic(
            code=finding.code,
            severity=finding.severity,
            message=secrets.mask(finding.message),
            span=span,
            source=source.line(span.line),
            label=secrets.mask(finding.label),
            help=secrets.mask(finding.help) if finding.help else finding.help,
            related=tuple(
                Label(span=self.span(note.route, note.on), message=secrets.mask(note.message))
                for note in finding.notes
            ),
        )

    def origin(self, route: Route) -> tuple[Source, Route]:
        """The file in which ``route`` is written, and its route there."""
        for length in range(len(route), 0, -1):
            if route[:length] in self.places:
                source, start = self.places[route[:length]]
                return source, (*start, *route[length:])
        source, start = self.places[()]
        return source, (*start, *route)

    def _place(self, route: Route, on: On, fragment: str | None = None) -> tuple[Source, int, int]:
        source, written = self.origin(route)
        start, end = source.find(written, on, fragment)
        return source, start, end


def read(path: Path | str, name: str | None = None) -> Document:
    """The document in a file, or on standard input for ``-``; ``name`` is what people call it.

    Never raises: a file that cannot be opened is a document that is not ``readable``.
    """
    piped = str(path) == "-"
    shown = name or ("<stdin>" if piped else Path(path).as_posix())
    try:
        if piped:
            return parse(_piped(sys.stdin), shown)
        with Path(path).open("rb") as file:
            return parse(file.read(MAX_BYTES + 1), shown)
    except (OSError, ValueError) as error:
        return Document(
            data={},
            diagnostics=(_unopened(Path(path), shown, error),),
            places={(): (Source(shown, ""), ())},
            readable=False,
        )


@lru_cache(maxsize=1)
def _piped(stream: TextIO) -> bytes:
    """What comes in on a stream, which can be read only once, for each target of the spec."""
    return stream.buffer.read(MAX_BYTES + 1)


def parse(text: str | bytes, file: str) -> Document:
    """The document in a text; ``file`` is what people call it. Never raises."""
    decoded, faults = decode(text) if isinstance(text, bytes) else legible(text)
    data = None
    with collector_paused():
        source, hidden = hide_secrets(file, decoded)
        faults += hidden
        if not any(fault.code == "file-too-large" for fault in faults):
            data, more = plain(source)
            faults += more
    faults = sorted(dict.fromkeys(faults), key=lambda fault: fault.start)
    return Document(
        data=data or {},
        diagnostics=tuple(_diagnostic(fault, source) for fault in faults),
        places={(): (source, ())},
        readable=data is not None,
    )


def _diagnostic(fault: Fault, source: Source) -> Diagnostic:
    span = source.span(fault.start, fault.end)
    return Diagnostic(
        code=fault.code,
        message=secrets.mask(fault.message),
        span=span,
        source=source.line(span.line),
        label=secrets.mask(fault.label),
        help=secrets.mask(fault.help) if fault.help else fault.help,
        related=tuple(
            Label(span=source.span(start, end), message=secrets.mask(message))
            for start, end, message in fault.also
        ),
    )


def _unopened(path: Path, shown: str, error: OSError | ValueError) -> Diagnostic:
    match error:
        case IsADirectoryError():
            code, message = "not-a-file", f"{shown} is a folder"
            specs = sorted(each.name for each in path.glob("*.y*ml"))
            such = f", such as {path.as_posix()}/{specs[0]}" if specs else ""
            advice = f"name a YAML file{such}"
        case FileNotFoundError():
            code, message = "file-not-found", f"there is no file {shown}"
            advice = did_you_mean(path.name, _siblings(path)) or "look at the path"
        case _:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            code, message = "unreadable-file", f"cannot read {shown}: {reason}"
            advice = "look at the path, and at who may read it"
    return Diagnostic(code=code, message=secrets.mask(message), help=secrets.mask(advice))


def _siblings(path: Path) -> list[str]:
    try:
        return sorted(each.name for each in path.parent.iterdir() if each.is_file())
    except OSError:
        return []
