"""What a datastore is: the one place where a new kind of datastore starts reading."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

from amlshare.secrets import mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file at a datastore. ``version`` changes whenever its content may have changed.

    It is no ``is_lasting`` one where nobody tells that: then it holds for this process alone.
    """

    path: str
    size: int
    version: str
    is_lasting: bool = True


# inside a class with a method `list`, the word no longer names the type
Entries: TypeAlias = list[Entry]
Names: TypeAlias = list[str]


class DatastoreError(Exception):
    """What was asked, what the service or the machine said, and what to do next. No secrets."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(mask(f"{message}; {advice}" if advice else message))


class Datastore(Protocol):
    """What can be done at a datastore, wherever it lies. Safe to use from several threads."""

    @property
    def name(self) -> str:
        """As the spec calls it; "" for one that stands around a path."""

    @property
    def url(self) -> str:
        """Where it lies, for people: no secret."""

    @property
    def key(self) -> str:
        """What tells it from every other datastore, in every run: no secret."""

    @property
    def folder(self) -> Path | None:
        """The real folder where it lies on this machine, else None."""

    def list(self, location: str) -> Entries:
        """The files at a location, sorted by path.

        A location is a file, a folder (all below it), or a glob with ``*``, ``?``, ``[..]`` and
        ``**``. An empty folder gives an empty list; where nothing is, DatastoreError is raised.
        """

    def open(self, path: str) -> BinaryIO:
        """The file, to be read; the caller closes it."""

    def read(self, entry: Entry, start: int, end: int) -> bytes:
        """The bytes from ``start`` up to ``end``, of no other version than the entry's."""

    def fetch(self, entry: Entry, target: Path) -> str:
        """Write the file to ``target`` and return its sha256. A partial file never stays."""

    def put(self, source: Path, path: str) -> None:
        """Write ``source`` to ``path``, in place of what is there."""

    def remove(self, path: str) -> None:
        """Remove the file at ``path``. That there is none is no error."""

    def exists(self, path: str) -> bool:
        """Whether ``path`` is a file or a folder at the datastore."""

    def uri(self, location: str) -> str:
        """What a script opens for itself: a path or a URL. It may hold a SAS: never print it."""
