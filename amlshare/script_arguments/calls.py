"""Follows calls: of functions of the code folder, of the libraries, and of built-ins."""

from __future__ import annotations

import ast
from typing import Any

from amlshare.script_arguments import argparse_parsers, click_commands, plain, typer_commands
from amlshare.script_arguments.leaving import Returned
from amlshare.script_arguments.statements import Statements
from amlshare.script_arguments.values import (
    UNKNOWN,
    Argv,
    Bound,
    Class,
    Command,
    Commands,
    External,
    Function,
    Given,
    Group,
    OptionValue,
    ParserValue,
    Scope,
    Typer,
)

_LIBRARIES = (argparse_parsers, click_commands, typer_commands)
_OWNED = (ParserValue, Group, Commands, OptionValue, Command, Typer, Bound)
_EXITS = frozenset({"sys.exit", "exit", "quit", "os._exit"})
_DEPTH = 40


class Calls(Statements):
    """Follows calls."""

    def call(self, node: ast.Call, scope: Scope) -> Any:
        function = self.value(node.func, scope)
        given = self._given(node, scope)
        if isinstance(function, Function):
            return self._call_function(function, given, node)
        if isinstance(function, External):
            return self._call_external(function.name, given, node)
        if isinstance(function, Bound):
            return self._call_method(function, given, node)
        if isinstance(function, (Typer, Command)):
            return self._call_method(Bound(function, "__call__"), given, node)
        if isinstance(function, Class):
            self.touch(function)
        self._give_away(given)
        return UNKNOWN

    def _given(self, node: ast.Call, scope: Scope) -> Given:
        given = Given()
        for each in node.args:
            if isinstance(each, ast.Starred):
                value = self.value(each.value, scope)
                if isinstance(value, (list, tuple)) and UNKNOWN not in value:
                    given.values += value
                else:
                    self.escape(value)
                    given.open = True
            else:
                given.values.append(self.value(each, scope))
        for keyword in node.keywords:
            value = self.value(keyword.value, scope)
            if keyword.arg is not None:
                given.named[keyword.arg] = value
            elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
                given.named |= value
            else:
                self.escape(value)
                given.open = True
        return given

    def _give_away(self, given: Given) -> None:
        for value in (*given.values, *given.named.values()):
            self.escape(value)

    def _call_external(self, name: str, given: Given, node: ast.Call) -> Any:
        if name in _EXITS:
            self._exit(given.values)
        if name in ("exec", "eval"):
            self.unsure(f"it uses {name}")
            self._doubt = self._doubt or name == "exec"
        for library in _LIBRARIES:
            made = library.call(self, name, given, node)
            if made is not None:
                return made
        result = plain.call(name, given)
        if result is not None:
            return result[0]
        if name == "typing.cast" and len(given.values) == 2:
            return given.values[1]
        self._give_away(given)
        return UNKNOWN

    def _call_method(self, method: Bound, given: Given, node: ast.Call) -> Any:
        owner = method.owner
        if isinstance(owner, Argv):
            if method.name == "copy":
                return Argv(owner.start)
            if method.name not in ("index", "count") and owner.whole:
                self.words_changed()
            return UNKNOWN
        for library in _LIBRARIES:
            made = library.method(self, method, given, node)
            if made is not None:
                return made[0]
        if isinstance(owner, (list, dict)) and not self.certain:
            self.escape(owner)
            self._give_away(given)
            return UNKNOWN
        result = plain.method(owner, method.name, given)
        if result is UNKNOWN:
            self.escape(owner)
            self._give_away(given)
        return result

    def _call_function(self, function: Function, given: Given, node: ast.Call) -> Any:
        if function.command is not None:
            return self._call_method(Bound(function.command, "__call__"), given, node)
        tracked = any(
            isinstance(value, (*_OWNED, Argv)) for value in (*given.values, *given.named.values())
        )
        if not tracked and not self._words.concern(function):
            self._give_away(given)
            return UNKNOWN
        if given.open or function.wrapped:
            self._give_away(given)
            with self._maybe():
                self.run_function(function, Given(open=True))
            return UNKNOWN
        return self.run_function(function, given)

    def run_function(self, function: Function, given: Given) -> Any:
        node = function.node
        recursive = any(call.node is node for call in self._calls)
        generates = b"yield" in self._words.words(function)
        if recursive or generates or len(self._calls) >= _DEPTH:
            self._give_away(given)
            self._doubt = self._doubt or self._words.concern(function)
            return UNKNOWN
        scope = Scope(outer=function.scope, file=function.scope.file)
        self._receive(function, given, scope)
        if isinstance(node, ast.Lambda):
            return self.value(node.body, scope)
        may, line = self._may, self._line
        self._calls.append(function)
        self._returns.append(False)
        try:
            self.block(node.body, scope)
        except Returned as returned:
            if self._returns[-1]:
                self.escape(returned.value)
                return UNKNOWN
            return returned.value
        finally:
            early = self._returns.pop()
            self._calls.pop()
            self._may, self._line = may, line
        return UNKNOWN if early else None

    def _receive(self, function: Function, given: Given, scope: Scope) -> None:
        """Binds the parameters of a call."""
        arguments = function.node.args
        names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
        only = [each.arg for each in arguments.kwonlyargs]
        for name in (*names, *only):
            missing = UNKNOWN if given.open else function.defaults.get(name, UNKNOWN)
            scope.names[name] = missing
        for name, value in zip(names, given.values, strict=False):
            scope.names[name] = value
        rest = given.values[len(names) :]
        extra = {}
        for name, value in given.named.items():
            if name in names or name in only:
                scope.names[name] = value
            else:
                extra[name] = value
        if arguments.vararg:
            scope.names[arguments.vararg.arg] = UNKNOWN if given.open else tuple(rest)
        else:
            for value in rest:
                self.escape(value)
        if arguments.kwarg:
            scope.names[arguments.kwarg.arg] = UNKNOWN if given.open else extra
