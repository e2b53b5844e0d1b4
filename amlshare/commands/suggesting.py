"""Patches of a spec that follow the advice on its plan: `plan --suggest`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from amlshare.advice import Advice
from amlshare.advice.suggestions import NOTICED, Suggestion, Suggestions, suggested
from amlshare.commands.planning import draft
from amlshare.commands.reading import read
from amlshare.commands.request import Request, UsageError
from amlshare.diagnostics import SpecError
from amlshare.document import Document
from amlshare.document.edits import EditError
from amlshare.document.patches import patch
from amlshare.document.rewriting import edited
from amlshare.layers import load, spelled_out
from amlshare.movement import Moves
from amlshare.plan import Plan, moves_of

_MOST = 10
"""Patches that are tried of those that may save something: each is read, checked and planned as the
spec is."""
_MOST_OTHERS = 20
"""Patches that are tried of those that hints speak of one by one."""


def suggest(made: Plan, moves: Moves, request: Request) -> Suggestions:
    """A patch for each advice that one can follow; first those without which nothing runs, then
    those that save most.

    Each patched spec has been read and planned: it has no errors that the spec has not, and what is
    said to be saved is the difference of the two plans. Raises UsageError for a spec that is in no
    file.
    """
    if request.spec == "-":
        raise UsageError("--suggest patches a file: name one in place of -")
    document = load(request.spec)
    advice = suggested(made, moves, document.data)
    chosen = _chosen(advice)
    once: dict[str, Suggestion] = {}
    for each in _tried(chosen, made, moves, document, request):
        once.setdefault(each.patch, each)  # two rules may come to one conclusion
    return Suggestions(
        found=tuple(sorted(once.values(), key=_rank)), untried=len(advice) - len(chosen)
    )


def _chosen(advice: Sequence[Advice]) -> list[Advice]:
    saving = [each for each in advice if each.saves]
    others = [each for each in advice if not each.saves]
    return saving[:_MOST] + others[:_MOST_OTHERS]


def _rank(each: Suggestion) -> tuple[bool, int]:
    return each.finding.severity != "error", -(each.saved_bytes or 0)


def take(suggestions: Suggestions, number: int) -> str:
    """The patch of a suggestion, counted from 1. Raises UsageError where there is none."""
    found = suggestions.found
    if not 1 <= number <= len(found):
        there = f"there are {len(found)}" if found else "there is none"
        raise UsageError(f"--take {number}: no such suggestion; {there}")
    return found[number - 1].patch


def _tried(
    advice: Iterable[Advice], made: Plan, before: Moves, document: Document, request: Request
) -> Iterator[Suggestion]:
    errors = _errors(made if made.selected is None else _whole(made, request))
    for each in advice:
        cured = each.finding.severity == "error"
        try:
            texts = edited(document, spelled_out(document.data, each.edits))
        except EditError:
            continue
        shown = _patch(document, texts)
        now = _moves(made, request, texts, each.renamed, most=errors - cured)
        if shown is None or now is None or not _serve_all_targets(document, request, texts):
            continue
        if not each.saves:
            yield Suggestion(finding=each.finding, patch=shown)
        elif _is_worth_it(before, now):
            yield Suggestion(
                finding=each.finding,
                patch=shown,
                saved_bytes=_less(before, now),
                saved_seconds=_sooner(before, now),
            )


def _is_worth_it(before: Moves, after: Moves) -> bool:
    """Whether a plan saves what anybody would notice, and is not a second slower."""
    less, sooner = _less(before, after), _sooner(before, after) or 0
    noticed = less > 0 and less >= NOTICED * (before.movement.moved_bytes or 0)
    return sooner >= 1 or (noticed and sooner > -1)


def _less(before: Moves, after: Moves) -> int:
    """By how many bytes less moves; what is not known is not counted."""
    return (before.movement.moved_bytes or 0) - (after.movement.moved_bytes or 0)


def _sooner(before: Moves, after: Moves) -> float | None:
    """By how many seconds less the steps wait; None where that is not known of one."""
    if before.waiting.total is None:
        return None
    return before.waiting.total.seconds - (
        after.waiting.total.seconds if after.waiting.total else 0
    )


def _patch(document: Document, texts: Mapping[str, str]) -> str | None:
    """The patch that makes ``texts`` of the files as they are, seen from the current folder.

    None where a file is not, byte for byte, the text that was read.
    """
    sources = {source.file: source for source, _ in document.places.values()}
    parts = []
    for file, text in texts.items():
        before = sources[file].text
        if Path(file).read_bytes() != before.encode():
            return None
        parts.append(patch(before, text, Path(os.path.relpath(file)).as_posix()))
    return "".join(parts)


def _moves(
    made: Plan,
    request: Request,
    texts: Mapping[str, str],
    renamed: Mapping[str, str],
    *,
    most: int,
) -> Moves | None:
    """All that moves in the plan of the patched spec, for the steps that stand for those of
    ``made``; None for a spec that has more than so many errors.
    """
    sizes = {renamed.get(source, source): size for source, size in made.known.sizes.items()}
    told = replace(made.known, sizes=sizes)
    try:
        after, moves = draft(replace(request, select=None, exclude=None), texts, told)
    except (SpecError, UsageError):
        return None
    if _errors(after) > most:
        return None
    if made.selected is None:
        return moves
    known = {step.name for step in made.pipeline.steps}
    names = (step.name for step in after.pipeline.steps)
    chosen = tuple(name for name in names if name in made.selected or name not in known)
    return moves_of(replace(after, selected=chosen))


def _whole(made: Plan, request: Request) -> Plan:
    """The plan of which ``made`` is a selection."""
    return draft(replace(request, select=None, exclude=None), told=made.known)[0]


def _errors(made: Plan) -> int:
    return sum(each.severity == "error" for each in made.diagnostics)


def _serve_all_targets(document: Document, request: Request, texts: Mapping[str, str]) -> bool:
    """Whether no other target has errors after a change that it had not before."""
    targets = document.data.get("targets") or {}
    others = [name for name in (None, *targets) if name != request.target]
    for name in others if targets else ():
        asked = replace(request, target=name)
        if read(asked, texts).pipeline is None and read(asked).pipeline is not None:
            return False
    return True
