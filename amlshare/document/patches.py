"""The difference of two texts as a patch: `git apply` and `patch -p1` take it."""

from __future__ import annotations

from difflib import unified_diff

_NO_BREAK = "\n\\ No newline at end of file\n"


def patch(before: str, after: str, path: str) -> str:
    """The unified difference of a file; ``path`` is seen from where the patch is applied."""
    shown = f"{path}\t" if " " in path else path  # what ends a name with blanks
    lines = unified_diff(_lines(before), _lines(after), f"a/{shown}", f"b/{shown}")
    return "".join(line if line.endswith("\n") else line + _NO_BREAK for line in lines)


def _lines(text: str) -> list[str]:
    """The lines with their ends; what else may end a line in Python is text here."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1].removesuffix("\n")
    return lines if lines[-1] else lines[:-1]
