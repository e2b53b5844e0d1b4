"""Why a step would run again, or would not: each cause with its place, before and after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from amlshare.commands.explaining import Cause, Why
from amlshare.render.impacts import SIGNS, style_of
from amlshare.render.paper import Paper, clean, fold

_INDENT = "    "
_BECAME = {
    "added": "is new",
    "renamed": "was renamed",
    "changed": "changed",
    "cosmetic": "changed only for people",
}


def why_text(found: Why, paper: Paper) -> str:
    """The screen of ``why``."""
    lines = [_head(found, paper)] if found.impact else []
    step = found.step
    for cause in found.causes:
        if cause.step != step:
            step = cause.step
            lines += ["", f"for {paper.bold(clean(step))}:"]
        lines += ["", *_cause(cause, paper)]
    for note in found.notes:
        lines += [""] if lines else []
        first, *more = fold(f"{note[:1].upper()}{clean(note[1:])}.", paper.width)
        lines += [first, *more]
    return "\n".join(lines) + "\n"


def _head(found: Why, paper: Paper) -> str:
    assert found.impact is not None
    said = _BECAME.get(found.impact, f"is {found.impact}")
    sign = f"{SIGNS[found.impact]} ".lstrip()
    style = style_of(found.impact, paper)
    return f"{style(sign)}{paper.bold(clean(found.step))} {said} since {clean(found.against or '')}"


def _cause(cause: Cause, paper: Paper) -> Iterator[str]:
    """What differs, where, and both sides of it."""
    for line in fold(clean(cause.what), paper.width - 2):
        yield f"  {line}"
    if cause.file is not None:
        line_ = f":{cause.line}" if cause.line else ""
        yield paper.dim(f"  --> {clean(cause.file)}{line_}")
    before = None if cause.before is None else clean(_said(cause.before))
    after = None if cause.after is None else clean(_said(cause.after))
    if before is not None:
        yield from _side("-", before, paper.red, paper)
    if after is not None:
        yield from _side("+", after, paper.green, paper)
    if cause.more:
        yield f"{_INDENT}  and {cause.more:,} more place{'s' * (cause.more != 1)}"


def _side(sign: str, text: str, style: Any, paper: Paper) -> Iterator[str]:
    first, *more = fold(text, paper.width - len(_INDENT) - 4) or [""]
    yield f"{_INDENT}  {style(f'{sign} {first}')}"
    yield from (f"{_INDENT}    {style(line)}" for line in more)


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def why_document(found: Why) -> dict[str, Any]:
    """What ``why --format json`` prints. The keys are a promise: only ever added."""
    return {
        "format": 1,
        "step": found.step,
        "impact": found.impact,
        "against": found.against,
        "reasons": [asdict(cause) for cause in found.causes],
        "notes": list(found.notes),
    }
