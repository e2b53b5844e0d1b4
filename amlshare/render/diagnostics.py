"""Diagnostics as people read them: where, the line itself, a caret under the fragment, a way out.

```
error[unknown-source]: nothing is called 'clean.claened'
  --> specs/flights.yaml:47:24
   |
47 |       cleaned: {from: clean.claened, mode: download}
   |                       ^^^^^^^^^^^^^ did you mean 'clean.cleaned'?
```
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from amlshare.diagnostics import Diagnostic, Severity, Span
from amlshare.render.paper import Paper, cells, clean, cut, fold, shorten
from amlshare.render.words import count

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint")
"""The worst first."""

_HINTS = 3
"""Hints of one code that stand below a plan."""
_TAB = 4
_LABEL = 24
"""Columns that a label wants below the carets; with fewer it begins further left."""
_MARGIN = 12
"""Columns kept free on the left of a fragment in a line that is too long to show whole."""


def diagnostics_text(found: Sequence[Diagnostic], paper: Paper) -> str:
    """Each of ``found`` in full, then how many there are and where to read more."""
    blocks = ["\n".join(_block(each, paper)) + "\n" for each in found]
    return "\n".join([*blocks, _summary(found, paper)])


def brief(found: Iterable[Diagnostic], paper: Paper) -> Iterator[str]:
    """The lines below a plan: warnings in full, of hints the sentence and the place."""
    hints: dict[str, list[Diagnostic]] = {}
    for each in found:
        if each.severity == "hint":
            hints.setdefault(each.code, []).append(each)
        else:
            yield ""
            yield from _block(each, paper)
    if hints:
        yield ""
    for code, same in hints.items():
        head = style_of("hint", paper)(f"hint[{code}]")
        for each in same[:_HINTS]:
            where = f" {_place(each.span)}:" if each.span else ""
            yield f"{head}:{where} {clean(each.message)}"
        if len(same) > _HINTS:
            yield f"{head}: {len(same) - _HINTS:,} more of these; `plan --format json` has them all"


def _block(each: Diagnostic, paper: Paper) -> Iterator[str]:
    # the sentence is never folded, so that it can be searched for
    head = style_of(each.severity, paper)(f"{each.severity}[{each.code}]")
    yield head + paper.bold(f": {clean(each.message)}")
    width = len(str(each.span.line)) if each.span else 1
    if each.span:
        yield f"{' ' * width}{paper.dim('-->')} {_place(each.span)}"
        yield from _snippet(each, each.span, width, paper)
    for label in each.related:
        yield f"{' ' * width} {paper.dim('=')} {clean(label.message)}: {_place(label.span)}"
    if each.help:
        first, *rest = fold(clean(each.help), paper.width - width - 9)
        yield f"{' ' * width} {paper.dim('=')} help: {first}"
        yield from (f"{' ' * (width + 9)}{line}" for line in rest)


def _place(span: Span) -> str:
    return f"{clean(span.file)}:{span.line}:{span.column}"


def _snippet(each: Diagnostic, span: Span, width: int, paper: Paper) -> Iterator[str]:
    """The line of ``span`` and the carets below it."""
    lines = (each.source or "").splitlines()
    if not lines:
        return
    bar = paper.dim("|")
    room = max(paper.width - width - 3, 20)
    shown, start, length = _window(lines[0], span, room, paper)
    label = clean(each.label or "")
    if span.end_line > span.line:
        label = f"{paper.sign('…')} to line {span.end_line}" + (f": {label}" if label else "")
    style = style_of(each.severity, paper)
    carets = " " * start + style("^" * length)
    yield f"{' ' * width} {bar}"
    yield f"{paper.dim(str(span.line))} {bar} {shown}"
    if label and start + length + 1 + cells(label) > room:
        yield f"{' ' * width} {bar} {carets}"
        roomy = room - start >= min(cells(label), _LABEL)
        indent = start if roomy else max(room - cells(label), 0)
        for line in fold(label, room - indent):
            yield f"{' ' * width} {bar} {' ' * indent}{style(line)}"
    else:
        yield f"{' ' * width} {bar} {carets}" + (f" {style(label)}" if label else "")


def _window(line: str, span: Span, room: int, paper: Paper) -> tuple[str, int, int]:
    """What of ``line`` is shown, and where in it the fragment starts and how long it is, in cells.

    A line longer than ``room`` is cut on both sides, so that the fragment stays in sight.
    """
    start = span.column - 1
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    before, fragment, after = line[:start], line[start : max(end, start)], line[max(end, start) :]
    left, middle = _shown(before), _shown(fragment, cells(_shown(before)))
    rest = middle + _shown(after, cells(left) + cells(middle))
    if cells(left) + cells(rest) > room:
        if cells(left) + min(cells(middle), room // 2) > room - _MARGIN:
            left = paper.sign("…") + cut(left[::-1], _MARGIN)[::-1]
        rest = shorten(rest, room - cells(left), paper)
    length = max(min(cells(middle), cells(rest)), 1)
    return (left + rest).rstrip(), cells(left), length


def _shown(text: str, column: int = 0) -> str:
    """``text`` as it is shown from ``column`` on: tabs filled up, the unseen spelled out."""
    if "\t" not in text:
        return clean(text)
    parts: list[str] = []
    for char in text:
        part = " " * (_TAB - column % _TAB) if char == "\t" else clean(char)
        parts.append(part)
        column += cells(part)
    return "".join(parts)


def style_of(severity: Severity, paper: Paper) -> Callable[[str], str]:
    """Red for an error, yellow for a warning, blue for a hint."""
    styles = {"error": paper.red, "warning": paper.yellow, "hint": paper.blue}
    return styles[severity]


def tally(found: Iterable[Diagnostic]) -> str:
    """``2 errors, 1 hint``."""
    numbers = Counter(each.severity for each in found)
    parts = [count(numbers[severity], severity) for severity in SEVERITIES if numbers[severity]]
    return ", ".join(parts) or "no errors"


def _summary(found: Sequence[Diagnostic], paper: Paper) -> str:
    line = paper.bold(tally(found))
    if not found:
        return f"{line}\n"
    worst = min(found, key=lambda each: SEVERITIES.index(each.severity))
    return f"{line}; {paper.dim('for more:')} amlshare explain {worst.code}\n"
