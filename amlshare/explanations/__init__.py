"""What each diagnostic means: a Markdown file for each code, most with a wrong and a right form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import cast

from amlshare.diagnostics import Severity

_FILE = re.compile(
    r"# (?P<title>.+)\n\n"
    r"Severity: (?P<severity>error|warning|hint)\n\n"
    r"(?P<text>.+?)\n"
    r"(?:\n## Wrong\n\n```yaml\n(?P<bad>.*?)```\n)?"
    r"(?:\n## Right\n\n```yaml\n(?P<good>.*?)```\n)?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a code means, and why it matters.

    ``text`` has paragraphs, with an empty line between. ``bad`` is the part of a spec that has the
    mistake, ``good`` the same part without; both are empty where a text cannot show it.
    """

    code: str
    severity: Severity
    title: str
    text: str
    bad: str = ""
    good: str = ""


CODES: tuple[str, ...] = tuple(
    sorted(
        file.name.removesuffix(".md")
        for file in files(__name__).iterdir()
        if file.name.endswith(".md")
    )
)
"""Every code that there is."""
SUGGESTIONS = ("merge", "mount")
"""What `plan --suggest` calls what it finds beside diagnostics: each has its own words there."""


def explain(code: str) -> Explanation:
    """What ``code`` means. Raises FileNotFoundError for one that CODES does not have."""
    found = _FILE.fullmatch((files(__name__) / f"{code}.md").read_text("utf-8"))
    assert found is not None, f"{code}.md is not laid out like the others"
    return Explanation(
        code=code,
        severity=cast("Severity", found["severity"]),
        title=found["title"],
        text=found["text"],
        bad=found["bad"] or "",
        good=found["good"] or "",
    )
