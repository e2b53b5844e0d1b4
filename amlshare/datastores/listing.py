"""Listing a location: one way for every kind of datastore, by three questions each answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from amlshare.datastores.interface import DatastoreError, Entries, Entry, Names
from amlshare.datastores.location import Location, parse_location


class Listing(ABC):
    """What a kind of datastore knows of its files."""

    name: str
    url: str
    _absent: ClassVar[str]  # what to do where not even the root of the datastore is there

    @abstractmethod
    def _find_file(self, path: str) -> Entry | None:
        """The file at ``path``."""

    @abstractmethod
    def _find_below(self, place: Location) -> Entries | None:
        """The files below the place's parent, None where that is no folder."""

    @abstractmethod
    def _find_names(self, folder: str) -> Names | None:
        """What a folder holds at its first level (or some of it), None where it is none."""

    @property
    def _where(self) -> str:
        return f"datastore '{self.name}' ({self.url})" if self.name else self.url

    def list(self, location: str) -> Entries:
        place = parse_location(location)
        file = self._find_file(place.text) if place.may_be_file else None
        if file is not None:
            return [file]
        found = self._find_below(place)
        if place.pattern is not None:
            match = place.pattern.fullmatch
            found = [entry for entry in found or () if match(entry.path)] or None
        if found is None:
            raise self._nothing_at(place)
        return sorted(found, key=lambda entry: entry.path)

    def exists(self, path: str) -> bool:
        text = parse_location(path).text
        is_file = bool(text) and self._find_file(text) is not None
        return is_file or self._find_names(text) is not None

    def _nothing_at(self, place: Location) -> DatastoreError:
        """The error that says what is nearest to a place, and what may have been meant."""
        parts = place.parent.split("/") if place.parent else []
        at, names = len(parts), self._find_names(place.parent)
        while names is None and at > 0:
            at -= 1
            names = self._find_names("/".join(parts[:at]))
        missing = parts[at] if at < len(parts) else ""
        advice = self._absent if names is None else _advice("/".join(parts[:at]), missing, names)
        what = "nothing is at" if place.pattern is None else "no file matches"
        return DatastoreError(f"{what} '{place.text}' in {self._where}", advice)


def _advice(folder: str, missing: str, names: Sequence[str]) -> str:
    from difflib import get_close_matches

    if close := get_close_matches(missing, names, n=1):
        return f"did you mean '{folder}/{close[0]}'?" if folder else f"did you mean '{close[0]}'?"
    inside = f"'{folder}'" if folder else "it"
    if not names:
        return f"{inside} is empty"
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{inside} holds {', '.join(sorted(names)[:5])}{more}"
