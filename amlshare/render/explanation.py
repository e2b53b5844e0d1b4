"""What a diagnostic means, with the smallest spec that has it and what to write instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

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
    """What ``explain --format json`` prints."""
    return {"format": 1, **asdict(explanation)}


def _paragraphs(text: str, paper: Paper) -> Iterator[str]:
    for paragraph in text.strip().split("\n\n"):
        yield ""
        yield from fold(clean(paragraph), min(paper.width, 100))


def _example(title: str, text: str, paper: Paper) -> Iterator[str]:
    if text.strip():
        yield ""
        yield paper.dim(f"{title}:")
        yield from (f"  {clean(line)}".rstrip() for line in text.strip("\n").split("\n"))
