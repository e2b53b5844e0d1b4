"""What a name in a script stands for while it is followed, as far as that is known.

Texts, numbers, lists and the like stand for themselves. Everything else is one of these, or
UNKNOWN. Every start of `plan` pays for these classes, so they have no more than they need.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from amlshare.script_arguments.accepted import Option, Place


class _Unknown:
    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()
PLAIN = (str, int, float, bool, bytes, type(None), tuple, list, dict, set, frozenset, range)


def known(value: Any) -> bool:
    """Whether a value is plain, and all that is in it too."""
    if isinstance(value, (tuple, list, set, frozenset)):
        return all(map(known, value))
    if isinstance(value, dict):
        return all(known(key) and known(each) for key, each in value.items())
    return isinstance(value, PLAIN)


def hashable(value: Any) -> bool:
    """Whether a value may be a key."""
    try:
        hash(value)
    except TypeError:
        return False
    return True


@dataclass(eq=False, repr=False, slots=True)
class Scope:
    """The names of a module or of a call; ``module`` is the scope that `global` means."""

    names: dict[str, Any] = field(default_factory=dict)
    outer: Scope | None = None
    file: str = ""
    shared: set[str] = field(default_factory=set)

    @property
    def module(self) -> Scope:
        return self if self.outer is None else self.outer.module

    def get(self, name: str) -> Any:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        return None

    def has(self, name: str) -> bool:
        return name in self.names or (self.outer is not None and self.outer.has(name))


@dataclass(eq=False, repr=False, slots=True)
class Module:
    """A module or package of the code folder: ``file`` is None for a plain folder."""

    file: str | None
    folder: str


@dataclass(eq=False, repr=False, slots=True)
class Deferred:
    """A name of a module that is looked at only when it is wanted."""

    module: Module
    name: str


@dataclass(frozen=True, slots=True)
class External:
    """Something from outside the code folder, by its dotted name; built-ins have no dot."""

    name: str


@dataclass(eq=False, repr=False, slots=True)
class Function:
    """A function of the code folder. ``decorators`` are those that are not followed."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    defaults: dict[str, Any] = field(default_factory=dict)
    wrapped: bool = False
    options: list[Option] = field(default_factory=list)  # what click's decorators added so far
    command: Command | None = None


@dataclass(eq=False, repr=False, slots=True)
class Class:
    node: ast.ClassDef
    scope: Scope
    bases: tuple[Any, ...] = ()


@dataclass(eq=False, repr=False, slots=True)
class Argv:
    """``sys.argv`` from an item on; ``whole`` for the very list and no copy of it."""

    start: int
    whole: bool = False


@dataclass(eq=False, repr=False, slots=True)
class ArgvLength:
    start: int


@dataclass(eq=False, repr=False, slots=True)
class ArgvTest:
    """A comparison of the number of words with a number."""

    start: int
    operator: type[ast.cmpop]
    number: int


@dataclass(eq=False, repr=False, slots=True)
class Bound:
    """A method of one of these values."""

    owner: Any
    name: str


@dataclass(eq=False, repr=False, slots=True)
class ParserValue:
    """A parser being built. ``open`` says why not all that it takes is known."""

    options: list[Any] = field(default_factory=list)
    open: str | None = None
    prefixes: str = "-"
    file_prefixes: str = ""
    abbreviates: bool = True
    one_of: list[int] = field(default_factory=list)


@dataclass(eq=False, repr=False, slots=True)
class Group:
    """An argument group of a parser; ``exclusive`` is its number where it is exclusive."""

    parser: ParserValue
    exclusive: int | None = None


@dataclass(eq=False, repr=False, slots=True)
class Commands:
    """What ``add_subparsers`` gives."""

    parser: ParserValue
    place: Place
    required: bool = False
    name: str = "command"
    parsers: dict[str, ParserValue] = field(default_factory=dict)


@dataclass(eq=False, repr=False, slots=True)
class OptionValue:
    """What ``add_argument`` gives."""

    parser: ParserValue
    index: int


@dataclass(eq=False, repr=False, slots=True)
class Command:
    """A click or typer command, or a group of commands; ``open`` as for a parser."""

    options: list[Option] = field(default_factory=list)
    open: str | None = None
    lenient: bool = False
    is_group: bool = False
    optional: bool = False
    commands: dict[str, Command] = field(default_factory=dict)
    place: Place | None = None


@dataclass(eq=False, repr=False, slots=True)
class Typer:
    """A ``typer.Typer()``."""

    commands: list[tuple[str | None, Command]] = field(default_factory=list)
    callback: bool = False
    open: str | None = None


@dataclass(eq=False, repr=False, slots=True)
class Decorator:
    """What a decorator does to the function below it."""

    apply: Callable[[Function], Any]


@dataclass(eq=False, repr=False, slots=True)
class TyperSetting:
    """``typer.Option(...)`` or ``typer.Argument(...)``."""

    positional: bool
    values: tuple[Any, ...]
    named: dict[str, Any]
    open: bool


@dataclass(eq=False, repr=False, slots=True)
class Given:
    """The arguments of a call; ``open`` where ``*`` or ``**`` hide some."""

    values: list[Any] = field(default_factory=list)
    named: dict[str, Any] = field(default_factory=dict)
    open: bool = False


def parts(value: Any) -> tuple[Any, ...]:
    """What can be reached through a value, and so changed."""
    match value:
        case list() | tuple() | set() | frozenset():
            return tuple(value)
        case dict():
            return tuple(value.values())
        case Group() | OptionValue():
            return (value.parser,)
        case Commands():
            return (value.parser, *value.parsers.values())
        case Bound():
            return (value.owner,)
        case Function() if value.command is not None:
            return (value.command,)
        case _:
            return ()
