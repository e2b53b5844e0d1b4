"""The lock of a spec: what lay at its data when `plan --refresh` last looked.

``NAME.lock.yaml`` lies beside ``NAME.yaml``, under version control: with it every machine makes the
same plan, and a pull request shows that data has changed. Pure: whoever refreshes it passes in what
was found, and the date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from amlshare.diagnostics import Diagnostic, Route
from amlshare.document import Document
from amlshare.document.reading import Reader
from amlshare.document.writing import word
from amlshare.pipeline import Data

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What lay at data: its bytes and files, and a digest that other content does not have.

    ``digest`` is None where nothing tells whether the content is another; ``version`` is that of a
    registered dataset.
    """

    bytes: int
    files: int
    digest: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The content of data ``at`` a place, first seen on the day ``since`` (2026-11-23).

    ``changes`` counts how often a refresh has found another content there than the one before.
    """

    at: str
    content: Content
    since: str
    changes: int = 0


Entries = Mapping[str, Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The entries of a spec's data by name, and those of its targets by theirs."""

    data: Entries = field(default_factory=dict)
    targets: Mapping[str, Entries] = field(default_factory=dict)

    def find(self, data: Data, target: str | None) -> Entry | None:
        """What is known of data: by the target's own entry, else the spec's; both only where they
        are about the place that the spec names now.
        """
        own = self.targets.get(target or "", {})
        at = place(data)
        entries = (each.get(data.name) for each in (own, self.data))
        return next((entry for entry in entries if entry is not None and entry.at == at), None)


EMPTY = Lock()


def place(data: Data) -> str:
    """Where data is looked for: ``DATASTORE:LOCATION``, or ``NAME@VERSION`` of a dataset."""
    if data.dataset is not None:
        return f"{data.dataset}@{data.version}"
    return f"{data.datastore}:{data.location}"


# Refreshing


def refreshed(
    lock: Lock,
    found: Mapping[str, Content],
    data: Iterable[Data],
    target: str | None = None,
    *,
    shared: Collection[str] = (),
    today: str,
) -> Lock:
    """The lock with what was ``found`` of ``data``, all that the pipeline reads.

    What was not looked at now stays; entries of other data go. Of a target, those that are
    ``shared`` lie where the spec has them without it, and have one entry for both.
    """
    if target is None:
        return replace(lock, data=dict(_renewed(lock, found, data, None, today)))
    every = tuple(data)
    both = _renewed(lock, found, (each for each in every if each.name in shared), None, today)
    own = _renewed(lock, found, (each for each in every if each.name not in shared), target, today)
    return Lock(data={**lock.data, **dict(both)}, targets={**lock.targets, target: dict(own)})


def without(lock: Lock, target: str, shared: Collection[str]) -> Lock:
    """The lock without what a target has of data that it shares with the spec."""
    own = lock.targets.get(target, {})
    kept = {name: entry for name, entry in own.items() if name not in shared}
    return replace(lock, targets={**lock.targets, target: kept})


def _renewed(
    lock: Lock, found: Mapping[str, Content], data: Iterable[Data], target: str | None, today: str
) -> Iterator[tuple[str, Entry]]:
    kept = lock.data if target is None else lock.targets.get(target, {})
    for each in data:
        before = lock.find(each, target)
        if each.name in found:
            yield each.name, _entry(place(each), before, found[each.name], today)
        elif each.name in kept:
            yield each.name, kept[each.name]


def _entry(at: str, before: Entry | None, found: Content, today: str) -> Entry:
    if before is None:
        return Entry(at=at, content=found, since=today)
    if before.content == found:
        return before
    return Entry(at=at, content=found, since=today, changes=before.changes + 1)


# As text


def write(lock: Lock, spec: str) -> str:
    """The text of the lock of ``spec``, the name of its file: the same for the same lock."""
    lines = [
        f"# Written by `amlshare plan {spec} --refresh`: what lay at its data then.",
        "# Keep it beside the spec, under version control.",
        f"lock: {FORMAT}",
        *_section("data", lock.data, ""),
    ]
    targets = {name: entries for name, entries in sorted(lock.targets.items()) if entries}
    lines += ["targets:"] if targets else []
    for name, entries in targets.items():
        lines += [f"  {word(name)}:", *_section("data", entries, "    ")]
    return "\n".join(lines) + "\n"


def _section(name: str, entries: Entries, indent: str) -> Iterator[str]:
    yield f"{indent}{name}:" + ("" if entries else " {}")
    for key, entry in sorted(entries.items()):
        yield f"{indent}  {word(key)}:"
        yield from (f"{indent}    {field}: {value}" for field, value in _fields(entry))


def _fields(entry: Entry) -> Iterator[tuple[str, str]]:
    content = entry.content
    yield "at", word(entry.at)
    if content.version is not None:
        yield "version", str(content.version)
    yield "size", str(content.bytes)
    yield "files", str(content.files)
    if content.digest is not None:
        yield "digest", content.digest
    yield "since", entry.since
    if entry.changes:
        yield "changes", str(entry.changes)


# From text


def read(document: Document, spec: str) -> tuple[Lock, tuple[Diagnostic, ...]]:
    """The lock in a document, and what is wrong with it: then it is empty."""
    reader = _Reader(
        "take it from version control as it was, or delete the file and run "
        f"`amlshare plan {spec} --refresh`"
    )
    if wrong := reader.broken(document):
        return EMPTY, wrong
    lock = reader.lock(document.data)
    wrong = reader.located(document)
    return (EMPTY, wrong) if wrong else (lock, ())


class _Reader(Reader):
    """Plain data as a lock."""

    code = "bad-lock"
    name = "lock"

    def lock(self, data: Any) -> Lock:
        version = data.get("lock")
        if version != FORMAT:
            label = f"expected lock: {FORMAT}"
            self.wrong(("lock",) if "lock" in data else (), "this is no lock of amlshare", label)
            return EMPTY
        self.no_others(data, (), ("lock", "data", "targets"))
        targets = self.mapping(data.get("targets") or {}, ("targets",))
        return Lock(
            data=self._entries(data.get("data") or {}, ("data",)),
            targets={
                name: self._entries(self._data(given, name), ("targets", name, "data"))
                for name, given in targets.items()
            },
        )

    def _data(self, given: Any, target: str) -> Any:
        given = self.mapping(given, ("targets", target))
        self.no_others(given, ("targets", target), ("data",))
        return given.get("data") or {}

    def _entries(self, given: Any, route: Route) -> Entries:
        found = self.mapping(given, route)
        return {name: self._entry(each, (*route, name)) for name, each in found.items()}

    def _entry(self, given: Any, route: Route) -> Entry:
        given = self.mapping(given, route)
        self.no_others(given, route, _KEYS)
        values = {key: self._value(given, route, key) for key in _KEYS}
        return Entry(
            at=values["at"],
            content=Content(
                bytes=values["size"],
                files=values["files"],
                digest=values["digest"],
                version=values["version"],
            ),
            since=values["since"],
            changes=values["changes"] or 0,
        )

    def _value(self, given: Mapping[str, Any], route: Route, key: str) -> Any:
        fits, expected, required = _KEYS[key]
        value = given.get(key)
        if value is None and key not in given:
            if required:
                self.wrong(route, f"'{key}' is missing here", f"expected {key}: {expected}")
        elif not fits(value):
            self.wrong((*route, key), f"'{key}' must be {expected}")
        return value


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _like(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


# what may stand under each key, as people read it, and whether the key must be there
_KEYS: Mapping[str, tuple[Callable[[Any], bool], str, bool]] = {
    "at": (_like(r"(?s).+"), "DATASTORE:LOCATION or NAME@VERSION", True),
    "version": (_is_count, "a whole number", False),
    "size": (_is_count, "a number of bytes", True),
    "files": (_is_count, "a number of files", True),
    "digest": (_like(r"sha256:[0-9a-f]{16}"), "sha256: and 16 hex digits", False),
    "since": (_like(r"\d{4}-\d\d-\d\d"), "a day such as 2026-11-23", True),
    "changes": (_is_count, "a whole number", False),
}
