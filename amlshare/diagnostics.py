"""What amlshare tells people about their files: findings (symbolic) and diagnostics (placed)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Route = tuple[str | int, ...]
Severity = Literal["error", "warning", "hint"]

_SHORTLIST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of a file. Everything counts from 1, columns count characters.

    ``end_column`` is exclusive: the span of ``ab`` at the start of a file is 1:1 to 1:3.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A second place that a finding speaks of."""

    message: str
    route: Route
    on: Literal["key", "value"] = "value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check says, at a symbolic place: a document turns it into a diagnostic.

    ``fragment`` is text inside the scalar at ``route`` to underline, ``label`` stands beside the
    caret, ``help`` names the next step.
    """

    code: str
    message: str
    route: Route
    on: Literal["key", "value"] = "value"
    fragment: str | None = None
    label: str = ""
    help: str | None = None
    severity: Severity = "error"
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A message at a span."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """A finding with its place in a file; ``span`` is None where no file could be opened.

    ``source`` is the line on which the span starts, with secrets masked.
    """

    code: str
    severity: Severity = "error"
    message: str
    span: Span | None = None
    source: str | None = None
    label: str = ""
    help: str | None = None
    related: tuple[Label, ...] = ()

    def __str__(self) -> str:
        place = f"{self.span.file}:{self.span.line}:{self.span.column}: " if self.span else ""
        advice = "; ".join(text for text in (self.label, self.help) if text)
        told = f"{place}{self.severity}[{self.code}]: {self.message}"
        return f"{told} ({advice})" if advice else told


class SpecError(Exception):
    """A spec that cannot be used, with every diagnostic that says why."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return "\n".join(map(str, self.diagnostics))


def closest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that ``word`` was most likely meant to be, or None.

    Letter case and `-` for ``_`` do not count as differences; of dotted names (`STEP.OUTPUT`) one
    part alone is enough when it says which name is meant.
    """
    names = [name for name in dict.fromkeys(choices) if name != word]
    by_fold: dict[str, str] = {}
    for name in names:
        by_fold.setdefault(_fold(name), name)
    folded = _fold(word)
    return by_fold.get(folded) or _similar(folded, by_fold) or _sharing_a_part(folded, by_fold)


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`did you mean 'x'?`, or nothing when no choice is near."""
    name = closest(word, choices)
    return f"did you mean '{name}'?" if name is not None else ""


def _fold(name: str) -> str:
    return name.strip().casefold().replace("-", "_").replace(" ", "_")


def _similar(word: str, by_fold: dict[str, str]) -> str | None:
    import difflib

    near = difflib.get_close_matches(word, _shortlist(word, list(by_fold)), n=1)
    return by_fold[near[0]] if near else None


def _shortlist(word: str, names: list[str]) -> list[str]:
    """The names with the longest shared start and end: difflib is slow over thousands."""
    if len(names) <= _SHORTLIST:
        return names
    import heapq

    def shared(name: str) -> int:
        ends = _shared_start(word, name) + _shared_start(word[::-1], name[::-1])
        return ends - abs(len(word) - len(name))

    return heapq.nlargest(_SHORTLIST, names, key=shared)


def _shared_start(one: str, other: str) -> int:
    for length, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return length
    return min(len(one), len(other))


def _sharing_a_part(word: str, by_fold: dict[str, str]) -> str | None:
    """``cleaned`` or `claen.cleaned` for `clean.cleaned`, where no other name fits as well."""
    parts = set(word.split("."))
    sharing = [name for fold, name in by_fold.items() if parts & set(fold.split("."))]
    return sharing[0] if len(sharing) == 1 else None
