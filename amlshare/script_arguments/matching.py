"""Words held against a parser: what it certainly refuses.

This takes the words as argparse and click do, with one difference: where versions of them differ,
or where a word's text is not known, it refuses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from amlshare.script_arguments.accepted import Kind, Option, Parser

Trouble = Literal["unknown", "ambiguous", "missing", "type", "choice", "count", "conflict"]
_NEGATIVE = re.compile(r"-\.?\d")
_TRUE_OR_FALSE = frozenset("1 0 true false t f yes no y n on off".split())


class Word(NamedTuple):
    """A word that a script is given. ``certain`` is false where a part of its text is not known,
    and a path stands in its place; ``key`` is for whoever asks.
    """

    text: str
    certain: bool = True
    key: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A parser's no: to a word, or, with none, to what is missing."""

    trouble: Trouble
    word: Word | None = None
    option: Option | None = None
    detail: str = ""
    known: tuple[str, ...] = ()


class _UnsureError(Exception):
    """The versions of the library do not agree, or the words end the script."""


class _StopError(Exception):
    """Nothing more can be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What a parser certainly refuses, and which argument each word is for, where that is clear."""

    refusals: tuple[Refusal, ...] = ()
    taken: tuple[tuple[Option, Word], ...] = ()


def match(parser: Parser, words: Sequence[Word]) -> Matched:
    """The words held against a parser."""
    try:
        matching = _Click(parser) if parser.style == "click" else _Argparse(parser)
        try:
            matching.take(list(words))
        except _StopError:
            return Matched(refusals=tuple(matching.refusals))
    except _UnsureError:
        return Matched()
    return Matched(refusals=tuple(matching.refusals), taken=tuple(matching.taken))


@dataclass
class _Matching:
    parser: Parser
    refusals: list[Refusal] = field(default_factory=list)
    seen: list[Option] = field(default_factory=list)
    taken: list[tuple[Option, Word]] = field(default_factory=list)
    loose: list[Word] = field(default_factory=list)  # what no option took
    unknown: bool = False

    def __post_init__(self) -> None:
        self.by_flag = self.parser.by_flag
        self.fixed = [each for each in self.parser.positionals if each.commands is None]
        self.commands = next((each for each in self.parser.options if each.commands), None)
        if any(each.commands == {} for each in self.parser.options):
            raise _UnsureError

    def take(self, words: list[Word]) -> None:
        """Take all words."""
        raise NotImplementedError

    def refuse(self, trouble: Trouble, word: Word | None = None, **more: Any) -> None:
        self.refusals.append(Refusal(trouble=trouble, word=word, **more))

    def no_such_flag(self, word: Word) -> None:
        self.unknown = True
        if not self.parser.lenient:
            self.refuse("unknown", word, known=tuple(self.by_flag))

    def given(self, option: Option, values: list[Word]) -> None:
        """An option with the words that it takes."""
        if option.ends:
            raise _UnsureError
        self.seen.append(option)
        for value in values:
            self.check(option, value)

    def check(self, option: Option, value: Word) -> None:
        """The type and the choices of one word."""
        self.taken.append((option, value))
        if not value.certain or option.rest:
            return
        if option.kind and not fits(value.text, option.kind):
            self.refuse("type", value, option=option)
        elif option.choices is not None and not _chosen(value.text, option):
            self.refuse("choice", value, option=option, known=tuple(map(str, option.choices)))

    def missing_options(self) -> None:
        for option in self.parser.options:
            if option.flags and option.required and not self.has(option):
                self.refuse("missing", option=option)
        for number in self.parser.one_of:
            group = [each for each in self.parser.options if each.exclusive == number]
            if all(each.flags for each in group) and not any(map(self.has, group)):
                self.refuse("missing", option=group[0] if group else None, detail=_either(group))

    def has(self, option: Option) -> bool:
        return any(each is option for each in self.seen)

    def positionals(self) -> None:
        """The words that no option took, shared out among the positional arguments."""
        least = sum(each.least for each in self.fixed)
        most = [each.most for each in self.fixed]
        number = len(self.loose)
        if number < least:
            short = _first_short(self.fixed, number)
            self.refuse("missing", option=short)
        elif None not in most and number > sum(each or 0 for each in most):
            self._too_many(sum(each or 0 for each in most))
        elif all(each.least == each.most for each in self.fixed) and not self.unknown:
            words = iter(self.loose)
            for option in self.fixed:
                for word in (next(words) for _ in range(option.least)):
                    self.check(option, word)

    def _too_many(self, most: int) -> None:
        if self.parser.lenient or self.unknown:
            return
        for word in self.loose[most:]:
            self.refuse("count", word, known=tuple(self.by_flag))

    def command(self, words: list[Word]) -> None:
        """The command that the next word names, and its own words."""
        assert self.commands is not None
        commands = self.commands.commands or {}
        if not words[0].certain:
            raise _UnsureError
        chosen = commands.get(words[0].text)
        if chosen is None:
            self.refuse("choice", words[0], option=self.commands, known=tuple(commands))
            return
        inner = type(self)(chosen)
        inner.take(words[1:])
        self.refusals += inner.refusals
        self.taken += inner.taken


def _either(group: list[Option]) -> str:
    return " or ".join(each.called for each in group)


def _first_short(options: list[Option], number: int) -> Option | None:
    """The first positional argument for which there are not words enough."""
    for option in options:
        number -= option.least
        if number < 0:
            return option
    return None


def fits(text: str, kind: Kind) -> bool:
    """Whether a text is a value of a type."""
    if kind == "bool":
        return text.strip().casefold() in _TRUE_OR_FALSE or not text.strip()
    try:
        int(text) if kind == "int" else float(text)
    except ValueError:
        return False
    return True


def _chosen(text: str, option: Option) -> bool:
    value: Any = text
    if option.kind in ("int", "float"):
        value = int(text) if option.kind == "int" else float(text)
    return value in (option.choices or ())


class _Argparse(_Matching):
    """As argparse does."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(_NEGATIVE.match(flag) for flag in self.by_flag):
            raise _UnsureError

    def take(self, words: list[Word]) -> None:
        # some versions take `--` out of what follows, and out of `--flag=--`
        if any(word.text.endswith("--") for word in words):
            raise _UnsureError
        if any(word.text[:1] in self.parser.file_prefixes for word in words if word.text):
            raise _UnsureError
        if any(each.rest for each in self.fixed):
            raise _UnsureError
        kinds = [self._kind(word) for word in words]
        at = 0
        while at < len(words):
            kind = kinds[at]
            if kind is None:
                if self._begins_command():
                    self.command(words[at:])
                    break
                self.loose.append(words[at])
                at += 1
            else:
                at = self._option(kind, words, kinds, at)
        else:
            if self.commands is not None and self.commands.required:
                self.refuse("missing", option=self.commands)
        self._finish()

    def _begins_command(self) -> bool:
        if self.commands is None:
            return False
        if any(each.least != each.most for each in self.fixed):
            raise _UnsureError
        return len(self.loose) >= sum(each.least for each in self.fixed)

    def _finish(self) -> None:
        self.positionals()
        self.missing_options()
        self._conflicts()

    def _kind(self, word: Word) -> tuple[Option | None, str | None, str] | None:
        """None for a plain word; else the option, the value after `=`, and the flag."""
        text = word.text
        if not text or text[0] not in self.parser.prefixes:
            return None
        if text in self.by_flag:
            return self.by_flag[text], None, text
        if len(text) == 1:
            return None
        flag, equals, value = text.partition("=")
        if equals and flag in self.by_flag:
            return self.by_flag[flag], value, flag
        if not self._is_long(text):
            return self._short(word)
        found = self._abbreviated(flag) if self.parser.abbreviates else {}
        if len(set(map(id, found.values()))) > 1:
            self.refuse("ambiguous", word, detail=", ".join(sorted(found)))
            raise _StopError
        if found:
            return next(iter(found.values())), value if equals else None, next(iter(found))
        return self._unknown_or_plain(text)

    def _is_long(self, text: str) -> bool:
        return len(text) > 1 and text[1] in self.parser.prefixes

    def _abbreviated(self, flag: str) -> dict[str, Option]:
        return {each: option for each, option in self.by_flag.items() if each.startswith(flag)}

    def _unknown_or_plain(self, text: str) -> tuple[Option | None, str | None, str] | None:
        if _NEGATIVE.match(text) or " " in text:
            return None
        return None, None, text

    def _short(self, word: Word) -> tuple[Option | None, str | None, str] | None:
        """``-x5``, ``-abc``, and long names after a single dash."""
        text = word.text
        if _NEGATIVE.match(text):
            return None
        begins = self._abbreviated(text.partition("=")[0])
        first = self.by_flag.get(text[:2])
        if begins:
            if first is not None or len(begins) > 1 or not self.parser.abbreviates:
                raise _UnsureError
            flag, option = next(iter(begins.items()))
            return option, text.partition("=")[2] if "=" in text else None, flag
        if first is None:
            return self._unknown_or_plain(text)
        return first, text[2:], text[:2]

    def _option(self, kind: Any, words: list[Word], kinds: list[Any], at: int) -> int:
        """Take one option with its words; gives where the next word is."""
        option, value, flag = kind
        word = words[at]
        if option is None:
            self.no_such_flag(word)
            return at + 1
        if value is not None:
            self._with_value(option, value, flag, word)
            return at + 1
        if option.rest:
            self.seen.append(option)
            return len(words)
        end = at + 1
        while end < len(words) and kinds[end] is None and _room(option, end - at - 1):
            end += 1
        taken = words[at + 1 : end]
        if len(taken) < option.least:
            self.refuse("count", word, option=option, detail=str(len(taken)))
            self.seen.append(option)
        else:
            self.given(option, taken)
        return end

    def _with_value(self, option: Option, value: str, flag: str, word: Word) -> None:
        """``--flag=value``, ``-fvalue``; a flag without words may be followed by another one."""
        single = not self._is_long(flag)
        while single and option.most == 0 and value and not value.startswith("="):
            self.given(option, [])
            flag, value = flag[0] + value[0], value[1:]
            following = self.by_flag.get(flag)
            if following is None:
                # what is left is refused by some versions and let pass by others
                raise _UnsureError
            option = following
        if option.most == 0:
            if single and value:
                raise _UnsureError
            if value or not single:
                self.refuse("count", word, option=option, detail="value")
            self.given(option, [])
        elif single and not value:
            raise _UnsureError
        elif option.least > 1:
            self.refuse("count", word, option=option, detail="1")
        else:
            text = value[1:] if single and value.startswith("=") else value
            if single and value.startswith("="):
                raise _UnsureError
            self.given(option, [Word(text=text, certain=word.certain, key=word.key)])

    def _conflicts(self) -> None:
        for number in {each.exclusive for each in self.seen if each.exclusive is not None}:
            group: list[Option] = []
            for each in self.seen:
                certain = each.most == 0 or (each.plain_default and each.least > 0)
                if each.exclusive == number and certain and all(each is not o for o in group):
                    group.append(each)
            if len(group) > 1:
                self.refuse("conflict", option=group[1], detail=group[0].called)


def _room(option: Option, taken: int) -> bool:
    return option.most is None or taken < option.most


class _Click(_Matching):
    """As click does."""

    def take(self, words: list[Word]) -> None:
        if any(word.text == "--" for word in words):
            raise _UnsureError
        waiting = list(words)
        while waiting:
            word = waiting.pop(0)
            if word.text[:1] == "-" and len(word.text) > 1:
                self._flag(word, waiting)
            elif self.commands is not None:
                self.command([word, *waiting])
                waiting = []
                break
            else:
                self.loose.append(word)
        else:
            if self.commands is not None and self.commands.required:
                self.refuse("missing", option=self.commands)
        self.positionals()
        self.missing_options()

    def _flag(self, word: Word, waiting: list[Word]) -> None:
        text = word.text
        flag, equals, value = text.partition("=")
        if flag in self.by_flag and (flag.startswith("--") or len(flag) > 2 or not equals):
            self._known(self.by_flag[flag], word, value if equals else None, waiting)
        elif text.startswith("--"):
            self.no_such_flag(word)
        else:
            self._cluster(word, waiting)

    def _cluster(self, word: Word, waiting: list[Word]) -> None:
        """``-abc``, ``-x5``."""
        text = word.text
        for at in range(1, len(text)):
            option = self.by_flag.get(f"-{text[at]}")
            if option is None:
                if _NEGATIVE.match(text):
                    raise _UnsureError
                self.no_such_flag(word)
                return
            if option.most != 0:
                rest = text[at + 1 :]
                self._known(option, word, rest or None, waiting)
                return
            self.given(option, [])

    def _known(self, option: Option, word: Word, value: str | None, waiting: list[Word]) -> None:
        if option.most == 0:
            if value is not None:
                self.refuse("count", word, option=option, detail="value")
            self.given(option, [])
            return
        if value is not None:
            waiting.insert(0, Word(text=value, certain=word.certain, key=word.key))
        taken, waiting[:] = waiting[: option.least], waiting[option.least :]
        if len(taken) < option.least:
            self.refuse("count", word, option=option, detail=str(len(taken)))
            self.seen.append(option)
        else:
            self.given(option, taken)
