"""How a status looks: a sign, a colour and a word, the same wherever it is shown."""

from __future__ import annotations

from amlshare.render.paper import Paper, Style


def state_of(status: str, reused: bool | None, paper: Paper) -> tuple[str, Style, str]:
    """A sign, a style and a word for how a step stands."""
    if status == "completed" and reused:
        return paper.sign("↺"), paper.dim, "reused"
    states = {
        "completed": ("✓", paper.green, "ran"),
        "failed": ("✗", paper.red, "failed"),
        "skipped": ("⊘", paper.yellow, "skipped"),
        "canceled": ("⊘", paper.yellow, "canceled"),
    }
    sign, style, word = states.get(status, ("·", paper.dim, status))
    return paper.sign(sign), style, word


def style_of_run(status: str, paper: Paper) -> Style:
    """Green for what went well, red for what did not, yellow for what did not end."""
    styles = {"completed": paper.green, "failed": paper.red}
    return styles.get(status, paper.yellow)
