"""What a YAML syntax error means: libyaml's words, and the text at its marks, as our sentences."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import yaml

from amlshare.diagnostics import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something wrong at the characters ``start`` to ``end`` of a file's text.

    ``also`` holds other places that matter: start, end and what to say of them.
    """

    code: str
    message: str
    start: int
    end: int
    label: str = ""
    help: str | None = None
    also: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Broken:
    """Where the parser stopped (``at``), and where what it was reading began (``opened``)."""

    text: str
    at: int
    opened: int

    @property
    def char(self) -> str:
        return self.text[self.at : self.at + 1]

    @property
    def before(self) -> str:
        """The line up to where the parser stopped."""
        return self.text[_line(self.text, self.at)[0] : self.at]

    @property
    def goes_on(self) -> bool:
        """Whether the line belongs to what was opened: the same one, or indented further."""
        start, end = _line(self.text, self.opened)
        return self.at <= end or _ink(self.before, 0) > _ink(self.text[start:end], 0)


def explain(error: yaml.MarkedYAMLError, text: str) -> Fault:
    """The fault that stopped the parser, which says what was expected and a likely repair."""
    problem = error.problem_mark or error.context_mark
    context = error.context_mark or error.problem_mark
    at = min(problem.index, len(text)) if problem else 0
    broken = _Broken(text=text, at=at, opened=min(context.index, at) if context else at)
    said = f"{error.context or ''}: {error.problem or ''}"
    if broken.char == "\t" or "tab character" in said:
        return _tab(broken)
    for pattern, told in _TABLE:
        if re.search(pattern, said):
            return told(broken)
    return _other(broken)


def _tab(broken: _Broken) -> Fault:
    more = len(re.findall(r"(?m)^ *\t", broken.text[broken.at + 1 :]))
    return Fault(
        code="tab-indentation",
        message="a tab where YAML wants spaces",
        start=broken.at,
        end=_match(r"\t*", broken.text, broken.at),
        label="expected spaces",
        help="indent with spaces, two for each level"
        + (f"; {more} more lines start with a tab" if more > 1 else ""),
    )


def _colon(broken: _Broken) -> Fault:
    """``key: a: b``, or a key below a line that is no mapping."""
    if value := re.search(r":\s+", broken.before):
        start = broken.at - len(broken.before) + value.end()
        return _syntax(
            "a value that holds ': ' must be quoted",
            start,
            _line(broken.text, broken.at)[1],
            help=f"write {_quoted(broken.text, start)}",
        )
    start, end = _above(broken.text, broken.at)
    indent = len(broken.before) - len(broken.before.lstrip())
    above = broken.text[start:end]
    if ":" not in above and len(above) - len(above.lstrip()) >= indent:
        return _lacks_colon(_Broken(text=broken.text, at=broken.at, opened=_ink(above, start)))
    return _syntax(
        "this line is indented as if it belonged to the line above",
        broken.at - len(broken.before.lstrip()),
        broken.at,
        label="expected the indentation of the line above",
        help="give keys of one mapping the same indentation",
        also=((_ink(above, start), end, "the line above has a value already"),),
    )


def _lacks_colon(broken: _Broken) -> Fault:
    start, end = broken.opened, _line(broken.text, broken.opened)[1]
    glued = re.match(r"[\w-]+:(?=\S)", broken.text[start:end])
    return _syntax(
        "this line is no KEY: VALUE",
        start,
        end,
        label="a space is missing after the ':'" if glued else "expected ':' after the key",
        help="write KEY: VALUE, or indent the line further if it belongs to the value above",
    )


def _quote(broken: _Broken) -> Fault:
    return _syntax(
        "this quote is never closed",
        broken.opened,
        broken.opened + 1,
        label="opened here",
        help=f"close it with {broken.text[broken.opened : broken.opened + 1]} where the text ends",
    )


def _escape(broken: _Broken) -> Fault:
    start = max(broken.opened, broken.text.rfind("\\", broken.opened, broken.at + 1))
    end = _match(r"\\(?:[xuU][0-9A-Fa-f]{0,8}|.)", broken.text, start)
    return _syntax(
        f"'{broken.text[start:end]}' means nothing inside \"...\"",
        start,
        end,
        help="put the text in '...', where a backslash is a backslash, or write two of them",
    )


def _misplaced(broken: _Broken) -> Fault:
    """What stands among the keys of a mapping, or the items of a list, and is neither."""
    ended = broken.before.rstrip()[-1:]
    if broken.char and broken.char in ":]}":
        return _unopened(broken)
    if ended and ended in "\"'":
        return _after_quote(broken, ended)
    if ended and ended in "]}":
        return _syntax(f"text after the closing '{ended}'", broken.at, _end(broken))
    return _indentation(broken)


def _after_quote(broken: _Broken, quote: str) -> Fault:
    if broken.before.count(quote) % 2:
        lines = broken.text[: broken.at - len(broken.before)].splitlines(keepends=True)
        position = broken.at - len(broken.before)
        for line in reversed(lines):
            position -= len(line)
            if line.count(quote) % 2:
                start = position + line.rindex(quote)
                return _syntax(
                    "this quote is not closed on its line",
                    start,
                    start + 1,
                    label="opened here",
                    help=f"close it with {quote} where the text ends",
                    also=((broken.at - 1, broken.at, "the next quote closes it only here"),),
                )
    inside = "''" if quote == "'" else '\\"'
    return _syntax(
        "text after the closing quote",
        broken.at,
        _end(broken),
        help=f"write {inside} for a quote inside the text, or quote all of the value",
    )


def _indentation(broken: _Broken) -> Fault:
    item = re.match(r"-\s", broken.text[broken.at : broken.at + 2])
    listed = re.match(r"-\s", broken.text[broken.opened : broken.opened + 2])
    message, advice = (
        "this line is indented differently from those it stands with",
        "give keys of one mapping the same indentation",
    )
    if item and not listed:
        message = "a list item among the keys of a mapping"
        advice = "indent the items below the key that holds them"
    elif listed and not item:
        message = "a key among the items of a list"
        advice = "start the line with '- ', or indent it like the key that holds the list"
    return _syntax(
        message,
        broken.at,
        _end(broken),
        help=advice,
        also=((broken.opened, _end_of_line(broken, broken.opened), "they start here"),),
    )


def _bracket(broken: _Broken) -> Fault:
    """Inside ``[ ]`` or ``{ }``: something that is neither a comma nor the end."""
    opening = broken.text[broken.opened : broken.opened + 1]
    if broken.char == "{" and broken.text[broken.at - 1 : broken.at] == "$":
        return _reference(broken)
    if broken.char and broken.char in "]}":
        return _syntax(
            f"'{opening}' is closed by '{broken.char}'",
            broken.at,
            broken.at + 1,
            label=f"expected '{_closing(opening)}'",
            also=((broken.opened, broken.opened + 1, "opened here"),),
        )
    if broken.at < len(broken.text) and broken.goes_on:
        return _syntax(
            f"a ',' or '{_closing(opening)}' is missing before this",
            broken.at,
            broken.at + 1,
            help="quote a value that holds one of , : [ ] { }",
        )
    return _syntax(
        f"this '{opening}' is never closed",
        broken.opened,
        broken.opened + 1,
        label=f"expected '{_closing(opening)}'",
        help="close it, or look for a missing ',' between two of its entries",
    )


def _reference(broken: _Broken) -> Fault:
    start = broken.at - len(re.split(r"[\s,\[{]", broken.before)[-1])
    end = _match(r"[^\s,]*", broken.text, start)
    whole = re.match(r".*?\}", broken.text[start:end])
    end = start + whole.end() if whole else end
    return _syntax(
        "inside [ ] and { }, text with ${...} must be quoted",
        start,
        end,
        help=f'write "{broken.text[start:end]}"',
    )


def _content(broken: _Broken) -> Fault:
    if not broken.char:
        opened = _last_unclosed(broken.text)
        return _bracket(_Broken(text=broken.text, at=broken.at, opened=opened))
    if broken.char == ",":
        return _syntax("a value is missing before this ','", broken.at, broken.at + 1)
    return _unopened(broken)


def _unopened(broken: _Broken) -> Fault:
    if broken.char == ":":
        return _syntax("a key is missing before this ':'", broken.at, broken.at + 1)
    return _syntax(
        f"nothing is open that '{broken.char}' could close",
        broken.at,
        broken.at + 1,
        help="take it out, or quote the value if it is text",
    )


def _first_character(broken: _Broken) -> Fault:
    start = broken.opened
    first = broken.text[start : start + 1]
    return _syntax(
        f"a value that starts with '{first}' must be quoted",
        start,
        _match(r"[^\s,\]}]+", broken.text, start),
        help=f"write {_quoted(broken.text, start)}",
    )


def _listed_beside(broken: _Broken) -> Fault:
    return _syntax(
        "a list cannot start on the line of its key",
        broken.at,
        _end(broken),
        help="put each '- ' item on a line of its own, or write [a, b]",
    )


def _block_text(broken: _Broken) -> Fault:
    sign = broken.text[broken.opened : broken.opened + 1]
    return _syntax(
        f"text after '{sign}' must start on the next line",
        broken.at,
        _end(broken),
        help=f"break the line after '{sign}', or quote the value if '{sign}' is part of it",
    )


def _bare_colon(broken: _Broken) -> Fault:
    return _syntax(
        "this ':' has no value after it",
        broken.at,
        broken.at + 1,
        help="put a space and a value after it, or quote the text that holds it",
    )


def _ended(broken: _Broken) -> Fault:
    start, end = _above(broken.text, broken.at)
    return _syntax(
        "the document has ended above this line",
        broken.at,
        _end(broken),
        help="a spec is one mapping of KEY: VALUE lines that start in the first column",
        also=((_ink(broken.text[start:end], start), end, "it ended here"),) if end else (),
    )


def _directive(broken: _Broken) -> Fault:
    return _syntax(
        "a line cannot start with '%'",
        broken.opened,
        _end_of_line(broken, broken.opened),
        help="take a %YAML or %TAG line out; quote anything else",
    )


def _tag(broken: _Broken) -> Fault:
    return Fault(
        code="unknown-tag",
        message="a spec has no tags",
        start=broken.opened,
        end=_match(r"\S+", broken.text, broken.opened),
        label="not supported",
        help="take it out, or quote the value if it is text that starts with '!'",
    )


def _unknown_alias(broken: _Broken) -> Fault:
    end = _match(r"\*[\w-]*", broken.text, broken.at)
    name = broken.text[broken.at + 1 : end]
    anchors = re.findall(r"(?<!\S)&([\w-]+)", broken.text[: broken.at])
    return Fault(
        code="unknown-alias",
        message=f"no anchor above is called '{name}'",
        start=broken.at,
        end=end,
        label=did_you_mean(name, anchors),
        help=f"mark a value above with '&{name}', or quote this one if it is text",
    )


def _anchored_twice(broken: _Broken) -> Fault:
    end = _match(r"&[\w-]*", broken.text, broken.at)
    name = broken.text[broken.at + 1 : end]
    first = broken.opened, _match(r"&[\w-]*", broken.text, broken.opened)
    return Fault(
        code="duplicate-anchor",
        message=f"the anchor '{name}' is set twice",
        start=broken.at,
        end=end,
        help="give one of them another name",
        also=((*first, "first set here"),),
    )


def _other(broken: _Broken) -> Fault:
    return _syntax(
        "this is not YAML",
        broken.at,
        _end(broken),
        help="look for a quote, a bracket or an indentation that went wrong here or just above",
    )


# what the parser says (libyaml first, then PyYAML's own), and who puts it in our words
_TABLE: tuple[tuple[str, Callable[[_Broken], Fault]], ...] = (
    (r"mapping values are not allowed", _colon),
    (r"could not find expected ':'", _lacks_colon),
    (r"found unexpected ':'", _bare_colon),
    (r"quoted scalar: found unexpected (end of stream|document)", _quote),
    (r"escape|hexdecimal|hexadecimal", _escape),
    (r"expected ',' or", _bracket),
    (r"block (mapping|collection|sequence): .*expected", _misplaced),
    (r"expected (the )?node content", _content),
    (r"sequence entries are not allowed", _listed_beside),
    (r"mapping keys are not allowed|cannot start any token", _first_character),
    (r"an (alias|anchor): .*expected", _first_character),
    (r"found undefined alias", _unknown_alias),
    (r"duplicate anchor", _anchored_twice),
    (r"block scalar: .*expected", _block_text),
    (r"expected '?<document start>", _ended),
    (r"directive|incompatible YAML", _directive),
    (r"scanning a tag|undefined tag handle", _tag),
)


def _syntax(
    message: str,
    start: int,
    end: int,
    *,
    label: str = "",
    help: str | None = None,  # noqa: A002 - the field's name
    also: tuple[tuple[int, int, str], ...] = (),
) -> Fault:
    return Fault(
        code="yaml-syntax",
        message=message,
        start=start,
        end=end,
        label=label,
        help=help,
        also=also,
    )


def _line(text: str, index: int) -> tuple[int, int]:
    """Where the line around ``index`` starts and ends, without its break."""
    start = max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1
    return start, _match(r"[^\r\n]*", text, start)


def _above(text: str, index: int) -> tuple[int, int]:
    """The nearest line above ``index`` that is neither empty nor a comment."""
    start = end = _line(text, index)[0]
    while start > 0:
        start, end = _line(text, start - 1)
        if re.match(r"\s*[^\s#]", text[start:end]):
            break
    return start, end


def _end(broken: _Broken) -> int:
    return _end_of_line(broken, broken.at)


def _end_of_line(broken: _Broken, index: int) -> int:
    return _line(broken.text, index)[1]


def _match(pattern: str, text: str, index: int) -> int:
    """Where ``pattern``, matched at ``index``, ends."""
    found = re.compile(pattern).match(text, index)
    return found.end() if found else index


def _last_unclosed(text: str) -> int:
    """Where the innermost bracket stands that the text leaves open."""
    closed = 0
    for found in reversed(list(re.finditer(r"[\[\]{}]", text))):
        if closed == 0 and found[0] in "[{":
            return found.start()
        closed += 1 if found[0] in "]}" else -1
    return 0


def _ink(line: str, start: int) -> int:
    """Where the first character of ``line`` stands that is no space."""
    return start + len(line) - len(line.lstrip())


def _quoted(text: str, start: int) -> str:
    """The rest of the line as YAML would have it."""
    value = text[start : _line(text, start)[1]].strip()
    return f"'{value}'" if '"' in value or "\\" in value else f'"{value}"'


def _closing(opening: str) -> str:
    return {"[": "]", "{": "}"}.get(opening, "]")
