"""What is known while a script is followed, and what is told of it by the libraries' modules."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from amlshare.script_arguments.accepted import Counted, Parser, Parsing, Place
from amlshare.script_arguments.identifiers import Identifiers
from amlshare.script_arguments.leaving import Exited, Failed, Left
from amlshare.script_arguments.values import (
    UNKNOWN,
    Argv,
    Class,
    Command,
    External,
    Function,
    Given,
    ParserValue,
    Scope,
    Typer,
    known,
    parts,
)
from amlshare.scripts import Sources

_STATEMENTS = 10_000


class State:
    """Follows one script; the classes that stand on this one each follow a part of the language."""

    def __init__(self, sources: Sources, script: str, *, parallel: bool = False) -> None:
        self._sources = sources
        self._script = script
        self.parallel = parallel
        self._modules: dict[str, Scope] = {}
        self._may = 0
        self._doubt = False
        self._guarded = 0
        self._left = _STATEMENTS
        self._calls: list[Function] = []
        self._unclear: str | None = None
        self._parsings: list[Parsing] = []
        self._counted: list[Counted] = []
        self._line = 0
        self._bytes = 0
        self._read: set[str] = set()
        self._silent: set[str] = set()
        self._loading: list[str] = []
        self._returns: list[bool] = []
        self._escaped: list[Function] = []
        self._touched: list[Class] = []
        self._words = Identifiers()

    @property
    def certain(self) -> bool:
        """Whether what is followed runs whenever the script does."""
        return not self._may and not self._doubt

    def place(self, node: ast.AST | None = None) -> Place:
        """Where a node stands; without one, the statement that is followed."""
        line = getattr(node, "lineno", self._line)
        return Place(file=self._file, line=line)

    def unsure(self, reason: str) -> None:
        """There is more to the script than could be followed."""
        self._unclear = self._unclear or reason

    def parse(self, parser: Parser | None, argv: Any, reason: str, place: Place) -> None:
        """The script has a parser read ``argv``; None for a parser that is not known whole."""
        if not isinstance(argv, Argv):
            if argv is UNKNOWN:
                self.unsure("the words that it parses are not those it is given")
        elif parser is None:
            self.unsure(reason)
        elif not self.certain:
            self.unsure("it parses its words only in some cases")
        else:
            self._parsings.append(Parsing(parser=parser, start=argv.start - 1, place=place))

    def words_changed(self) -> None:
        """The script changes ``sys.argv``: nothing is certain from here on."""
        self.unsure("it changes sys.argv")
        self._doubt = True

    def fail(self) -> NoReturn:
        """The script ends with an error."""
        raise Failed

    def exit(self, given: Given) -> NoReturn:
        """The script ends, as by `sys.exit`."""
        self._exit([UNKNOWN] if given.open else given.values)

    def is_plain_action(self, made: Class) -> bool:
        """Whether a class is an action of argparse that takes words as that says."""
        bases = [base for base in made.bases if base != External("argparse.Action")]
        own = [each for each in made.node.body if isinstance(each, ast.FunctionDef)]
        return not bases and bool(made.bases) and all(each.name == "__call__" for each in own)

    def run(self, function: Function) -> None:
        """A function that a library calls, with arguments that are not known."""
        with self._maybe(), contextlib.suppress(Left):
            self.run_function(function, Given(open=True))

    def escape(self, value: Any) -> None:
        """A value goes where it is not followed: it may be changed, or called, there."""
        match value:
            case list() if UNKNOWN not in value:
                value.append(UNKNOWN)
            case dict():
                value[UNKNOWN] = UNKNOWN
            case ParserValue() | Command() | Typer():
                value.open = value.open or "its parser is handed to code that is not followed"
            case Argv() if value.whole:
                self.words_changed()
            case Function() if value.command is None and value not in self._escaped:
                self._escaped.append(value)
                if self._words.concern(value):
                    self.run(value)
            case Class():
                self.touch(value)
            case _:
                pass
        for each in parts(value):
            self.escape(each)

    def touch(self, made: Class) -> None:
        """A class of the folder is used: any method of one that has to do with parsers may run."""
        if made in self._touched:
            return
        self._touched.append(made)
        if self._words.parse(made):
            self.unsure(f"class {made.node.name} has to do with its arguments")
            for node in made.node.body:
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    self.run(Function(node, made.scope))
        for base in made.bases:
            self.escape(base)

    @property
    def _file(self) -> str:
        return self._calls[-1].scope.module.file if self._calls else self._loading[-1]

    @contextmanager
    def _maybe(self) -> Iterator[None]:
        self._may += 1
        try:
            yield
        finally:
            self._may -= 1

    def _exit(self, values: list[Any]) -> NoReturn:
        code = values[0] if values else None
        if code is UNKNOWN or not known(code) or code in (None, 0):
            raise Exited
        raise Failed

    # What the classes that stand on this one do

    def block(self, statements: list[ast.stmt], scope: Scope) -> None:
        """Follow statements. Raises Left where the end is not reached."""
        raise NotImplementedError

    def value(self, node: ast.expr, scope: Scope) -> Any:
        """What an expression certainly gives, or UNKNOWN."""
        raise NotImplementedError

    def member(self, owner: Any, name: str) -> Any:
        """``owner.name``."""
        raise NotImplementedError

    def load(self, file: str) -> Scope:
        """The names of a module, which is followed when it is first wanted."""
        raise NotImplementedError

    def resolved(self, value: Any) -> Any:
        """A value, looked up where that was put off."""
        raise NotImplementedError

    def module(self, dotted: str, level: int, scope: Scope) -> Any:
        """What `import dotted` gives."""
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Any, scope: Scope) -> None:
        """``target = value``."""
        raise NotImplementedError

    def call(self, node: ast.Call, scope: Scope) -> Any:
        """What a call gives. Raises Left where the script ends in it."""
        raise NotImplementedError

    def run_function(self, function: Function, given: Given) -> Any:
        """Follow a function."""
        raise NotImplementedError

    def otherwise(self, node: ast.AST, scope: Scope) -> None:
        """A construct of which nothing is known: all in it may run, and goes anywhere."""
        raise NotImplementedError
