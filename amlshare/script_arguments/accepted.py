"""The nouns: what a script's parser takes, as far as its source says it for certain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Style = Literal["argparse", "click"]
Kind = Literal["int", "float", "bool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line of a script; ``file`` is its posix path in the code folder."""

    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An argument that a parser knows; without ``flags`` it is positional.

    It takes ``least`` to ``most`` words, None for any number. ``kind`` is a type that a word can be
    held against, None for one that may take any word. ``ends``: the parser stops there, as for
    ``--help``. ``commands``: its word names one of these, and the rest is for that parser.
    """

    flags: tuple[str, ...] = ()
    name: str
    place: Place
    least: int = 1
    most: int | None = 1
    kind: Kind | None = None
    choices: tuple[Any, ...] | None = None
    required: bool = False
    rest: bool = False
    ends: bool = False
    plain_default: bool = True
    exclusive: int | None = None
    commands: Mapping[str, Parser] | None = None

    @property
    def called(self) -> str:
        """What people call it: its longest flag, or its name."""
        return max(self.flags, key=len) if self.flags else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Parser:
    """Everything that a parser knows. ``lenient``: words that it does not know are let pass."""

    style: Style = "argparse"
    options: tuple[Option, ...] = ()
    lenient: bool = False
    prefixes: str = "-"
    file_prefixes: str = ""
    abbreviates: bool = True
    one_of: tuple[int, ...] = ()  # exclusive groups of which one must be there

    @property
    def positionals(self) -> tuple[Option, ...]:
        return tuple(each for each in self.options if not each.flags)

    @property
    def by_flag(self) -> dict[str, Option]:
        return {flag: each for each in self.options for flag in each.flags}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsing:
    """The script has ``parser`` read its words, from number ``start`` on, whenever it runs."""

    parser: Parser
    start: int = 0
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The script fails unless it gets ``least`` to ``most`` words."""

    least: int
    most: int | None
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What a script certainly does with its words.

    ``unclear`` says why there may be more to it, or that it could not be followed.
    """

    parsings: tuple[Parsing, ...] = ()
    counted: tuple[Counted, ...] = ()
    unclear: str | None = None
    files: tuple[str, ...] = field(default=())
