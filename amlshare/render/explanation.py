"""What a diagnostic means, with the smallest spec that has it and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, get_args

from amlshare.diagnostics import Severity
from amlshare.explanations import Explanation
from amlshare.render.diagnostics import style_of
from amlshare.render.paper import Paper, clean, fold


def explanation_text(explanation: Explanation, paper: Paper) -> str:
    """The screen of ``explain CODE``."""
    head = style_of(explanation.severity, paper)(f"{explanation.severity}[{explanation.code}]")
    lines = [
        f"{head}{paper.bold(f': {clean(explanation.title)}')}",
        *_paragraphs(explanation.text, paper),
        *_example("wrong", explanation.bad, paper),
        *_example("right", explanation.good, paper),
    ]
    return "\n".join(lines) + "\n"


def explanation_document(explanation: Explanation) -> dict[str, Any]:
    """What ``explain CODE --format json`` prints."""
    return {"format": 1, **asdict(explanation)}


def codes_text(explanations: Sequence[Explanation], paper: Paper) -> str:
    """The screen of ``explain``: the codes with their titles, by severity."""
    wide = max(len(each.code) for each in explanations)
    lines = []
    for severity in get_args(Severity):
        style = style_of(severity, paper)
        lines += [paper.bold(f"{severity}s:")]
        lines += [
            f"  {style(each.code)}{' ' * (wide - len(each.code))}  {clean(each.title)}"
            for each in explanations
            if each.severity == severity
        ]
        lines += [""]
    return "\n".join([*lines, "For one of them: amlshare explain CODE"]) + "\n"


def codes_document(explanations: Iterable[Explanation]) -> dict[str, Any]:
    """What ``explain --format json`` prints without a code."""
    codes = [
        {"code": each.code, "severity": each.severity, "title": each.title} for each in explanations
    ]
    return {"format": 1, "codes": codes}


def _paragraphs(text: str, paper: Paper) -> Iterator[str]:
    for paragraph in text.strip().split("\n\n"):
        yield ""
        yield from fold(clean(paragraph), min(paper.width, 100))


def _example(title: str, text: str, paper: Paper) -> Iterator[str]:
    if text.strip():
        yield ""
        yield paper.dim(f"{title}:")
        yield from (f"  {clean(line)}".rstrip() for line in text.strip("\n").split("\n"))
