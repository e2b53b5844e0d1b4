"""Locations: a file, a folder, or a glob, relative to the root of a datastore."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from amlshare.datastores.interface import DatastoreError, Entry

_WILD = re.compile(r"[*?]|\[[^/]+\]")
_PIECE = re.compile(r"(\*+|\?|\[[^/]+?\])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A location, taken apart. ``parent`` is the folder below which all of its files lie."""

    text: str
    parent: str
    is_folder: bool = False  # it ends with a slash: no file is meant
    pattern: re.Pattern[str] | None = None
    prefix: str = ""  # what the path of every match begins with
    depth: int | None = None  # levels below `parent` that can match; None: any

    @property
    def may_be_file(self) -> bool:
        """Whether a file may have exactly this name: `[1].csv` can be a name and a glob."""
        named = self.pattern is None or "[" in self.text
        return named and bool(self.text) and not self.is_folder


def parse_location(text: str) -> Location:
    """Take a location apart. Raises DatastoreError where it leads out of its datastore."""
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise DatastoreError(f"'{text}' leads out of its datastore", "name a place inside it")
    path = "/".join(parts)
    fixed = _count_fixed(parts)
    if fixed == len(parts):
        return Location(text=path, parent=path, is_folder=text.endswith("/"))
    parent = "/".join(parts[:fixed])
    stem = _WILD.split(parts[fixed], maxsplit=1)[0]
    return Location(
        text=path,
        parent=parent,
        pattern=_to_regex(parts),
        prefix=f"{parent}/{stem}" if parent else stem,
        depth=None if "**" in parts else len(parts) - fixed,
    )


def cut_location(path: str) -> tuple[str, str]:
    """The folder before a path's first wildcard, or before its last part, and what follows."""
    parts = [part for part in path.split("/") if part]
    at = max(0, min(_count_fixed(parts), len(parts) - 1))
    return "/".join(parts[:at]), "/".join(parts[at:])


def cut_url(url: str) -> tuple[str, str]:
    """The URL of the datastore around a URL, and the location in it."""
    scheme, _, rest = url.partition("://")
    if scheme.lower() in {"http", "https"}:  # a query may hold slashes; nothing can be a glob
        path, mark, query = rest.partition("?")
        parent, _, location = path.rpartition("/")
        return f"{scheme}://{parent}{mark}{query}", location
    parent, location = cut_location(rest)
    return f"{scheme}://{parent}", location


def is_file(location: str, entries: Sequence[Entry]) -> bool:
    """Whether what was listed at a location is one file, called by its name."""
    return len(entries) == 1 and entries[0].path == parse_location(location).text


def lay_out(location: str, entries: Sequence[Entry]) -> dict[str, Entry]:
    """Where the files of a location stand for whoever reads them, as Azure lays them out.

    A file by its own name; the files of a folder below it; those of a glob below the folder that
    stands before its first wildcard.
    """
    place = parse_location(location)
    if is_file(location, entries):
        return {place.text.rpartition("/")[2]: entries[0]}
    cut = len(place.parent) + 1 if place.parent else 0
    return {entry.path[cut:]: entry for entry in entries}


def _count_fixed(parts: Sequence[str]) -> int:
    """How many of the first parts hold no wildcard."""
    return next((at for at, part in enumerate(parts) if _WILD.search(part)), len(parts))


def _to_regex(parts: Sequence[str]) -> re.Pattern[str]:
    """A glob as an expression over whole paths; ``**`` stands for any number of folders."""
    *folders, last = parts
    head = "".join("(?:[^/]+/)*" if part == "**" else f"{_part(part)}/" for part in folders)
    try:
        return re.compile(head + ("(?:[^/]+/)*[^/]+" if last == "**" else _part(last)))
    except re.error as error:
        text = "/".join(parts)
        raise DatastoreError(f"'{text}' is no glob ({error})", "correct its [..]") from None


def _part(part: str) -> str:
    return "".join(map(_piece, _PIECE.split(part)))


def _piece(piece: str) -> str:
    if piece.startswith("*"):
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if _PIECE.fullmatch(piece):
        negated = piece[1] in "!^" and len(piece) > 3
        inside = re.sub(r"([\\^[])", r"\\\1", piece[2:-1] if negated else piece[1:-1])
        return f"(?!/)[{'^' if negated else ''}{inside}]"
    return re.escape(piece)
