"""Follows statements: which of them certainly run, and what they make of names."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from amlshare.script_arguments import argparse_parsers, click_commands, plain, typer_commands
from amlshare.script_arguments.accepted import Counted
from amlshare.script_arguments.expressions import Expressions
from amlshare.script_arguments.leaving import Exited, Failed, GaveUp, Left, Returned, Skipped
from amlshare.script_arguments.values import (
    UNKNOWN,
    Argv,
    ArgvTest,
    Bound,
    Class,
    Commands,
    Decorator,
    Deferred,
    External,
    Function,
    Group,
    Module,
    OptionValue,
    ParserValue,
    Scope,
    hashable,
)

_CATCHES_EXIT = frozenset({"SystemExit", "BaseException"})
_LIBRARIES = (argparse_parsers, click_commands, typer_commands)


class Statements(Expressions):
    """Follows statements."""

    def block(self, statements: list[ast.stmt], scope: Scope) -> None:
        for statement in statements:
            self._left -= 1
            if self._left < 0:
                raise GaveUp
            self._line = statement.lineno
            handler = self._FOLLOWED.get(type(statement))
            if handler is None:
                self.otherwise(statement, scope)
            else:
                handler(self, statement, scope)

    def otherwise(self, node: ast.AST, scope: Scope) -> None:
        """A construct of which nothing is known: all in it may run, and goes anywhere."""
        with self._maybe():
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    self.escape(self.value(child, scope))
                elif isinstance(child, ast.stmt):
                    left = self._try_block([child], scope)
                    self._doubt = self._doubt or not isinstance(left, (Failed, type(None)))
                else:
                    self.otherwise(child, scope)

    def _try_block(self, statements: list[ast.stmt], scope: Scope) -> Left | None:
        """How a block is left, None where its end is reached."""
        try:
            self.block(statements, scope)
        except Left as left:
            return left
        return None

    def _after(self, ways: list[Left | None]) -> None:
        """Goes on after blocks of which one ran: what follows may run, or does not."""
        lasting = [way for way in ways if not isinstance(way, Failed)]
        if len(lasting) < len(ways) and self._guarded:
            self._doubt = True
        if None not in lasting:
            raise self._together([way for way in lasting if way is not None])
        for way in lasting:
            if isinstance(way, Exited):
                self._doubt = True
            elif isinstance(way, Returned):
                self.escape(way.value)
                self._may += 1  # until the call ends
                self._returns[-1] = True
            elif isinstance(way, Skipped):
                self._may += 1  # until the loop ends

    def _together(self, ways: list[Left]) -> Left:
        """The way out of blocks of which one ran, and none reached its end."""
        if len(ways) <= 1:
            return ways[0] if ways else Failed()
        for way in ways:
            if isinstance(way, Returned):
                self.escape(way.value)
        kinds = {type(way) for way in ways}
        if kinds == {Exited}:
            return Exited()
        self._doubt = self._doubt or kinds != {Returned}
        return Returned(UNKNOWN)

    def _nothing(self, _node: ast.stmt, _scope: Scope) -> None:
        pass

    def _if(self, node: ast.If, scope: Scope) -> None:
        test = self.value(node.test, scope)
        truth = plain.truth(test)
        if truth is not None:
            self.block(node.body if truth else node.orelse, scope)
            return
        with self._maybe():
            one = self._try_block(node.body, scope)
        with self._maybe():
            other = self._try_block(node.orelse, scope)
        if isinstance(test, ArgvTest) and self.certain and not self._guarded:
            if isinstance(one, Failed) and other is None:
                self._count(test, holds=False)
            elif isinstance(other, Failed) and one is None:
                self._count(test, holds=True)
        self._after([one, other])

    def _count(self, test: ArgvTest, *, holds: bool) -> None:
        span = plain.span(test, holds=holds)
        if span is not None:
            least, most = (None if each is None else each + test.start - 1 for each in span)
            self._counted.append(Counted(least=least or 0, most=most, place=self.place()))

    def _for(self, node: ast.For, scope: Scope) -> None:
        items = self.value(node.iter, scope)
        may = self._may
        if isinstance(items, dict):
            items = list(items)
        if not isinstance(items, (list, tuple, range)) or len(items) > 1000:
            self.escape(items)
            with self._maybe():
                self.assign(node.target, UNKNOWN, scope)
                self._loop_left(self._try_block(node.body, scope))
        else:
            for item in tuple(items):
                self.assign(node.target, item, scope)
                left = self._try_block(node.body, scope)
                if isinstance(left, Skipped):
                    if left.ends:
                        self._may = may
                        return
                elif left is not None:
                    raise left
        self._may = may
        self.block(node.orelse, scope)

    def _loop_left(self, left: Left | None) -> None:
        if left is not None and not isinstance(left, (Skipped, Failed)):
            self._may -= 1
            try:
                self._after([left, None])
            finally:
                self._may += 1

    def _while(self, node: ast.While, scope: Scope) -> None:
        may = self._may
        with self._maybe():
            self.escape(self.value(node.test, scope))
            left = self._try_block(node.body, scope)
        self._may = may
        if left is not None and not isinstance(left, (Skipped, Failed)):
            self._after([left, None])
        self.block(node.orelse, scope)

    def _try(self, node: Any, scope: Scope) -> None:
        catches = any(_catches_exit(each) for each in node.handlers)
        leaves = any(
            isinstance(each, (ast.Return, ast.Break, ast.Continue))
            for statement in node.finalbody
            for each in ast.walk(statement)
        )
        may = self._may
        self._may += catches or leaves
        self._guarded += bool(node.handlers)
        left = self._try_block(node.body, scope)
        self._guarded -= bool(node.handlers)
        self._may = may
        handled: list[Left | None] = []
        for handler in node.handlers:
            with self._maybe():
                if handler.name:
                    self._bind(handler.name, UNKNOWN, scope)
                handled.append(self._try_block(handler.body, scope))
        if left is None:
            left = self._try_block(node.orelse, scope)
        final = self._try_block(node.finalbody, scope)
        if final is not None:
            raise final
        if isinstance(left, Failed) and node.handlers:
            self._after(handled)
        elif left is not None:
            raise left
        else:
            lasting = [way for way in handled if way is not None and not isinstance(way, Failed)]
            if any(not isinstance(way, Returned) for way in lasting):
                self._doubt = True
            elif lasting:
                self._after([None, *lasting])

    def _with(self, node: ast.With, scope: Scope) -> None:
        may = self._may
        for item in node.items:
            value = self.value(item.context_expr, scope)
            called = item.context_expr
            name = ast.unparse(called.func) if isinstance(called, ast.Call) else ""
            if name.endswith(("suppress", "raises", "ExitStack")):
                self._may += 1
            if item.optional_vars is not None:
                self.escape(value)
                self.assign(item.optional_vars, UNKNOWN, scope)
        left = self._try_block(node.body, scope)
        self._may = may
        if left is not None:
            raise left

    def _return(self, node: ast.Return, scope: Scope) -> None:
        raise Returned(None if node.value is None else self.value(node.value, scope))

    def _raise(self, node: ast.Raise, scope: Scope) -> None:
        if isinstance(node.exc, ast.Call) and ast.unparse(node.exc.func) == "SystemExit":
            self._exit([self.value(each, scope) for each in node.exc.args])
        if isinstance(node.exc, ast.Name) and node.exc.id == "SystemExit":
            self._exit([])
        raise Failed

    def _expression(self, node: ast.Expr, scope: Scope) -> None:
        if not isinstance(node.value, ast.Constant):
            self.value(node.value, scope)

    def _assignment(self, node: ast.Assign, scope: Scope) -> None:
        value = self.value(node.value, scope)
        for target in node.targets:
            self.assign(target, value, scope)

    def _annotated(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self.assign(node.target, self.value(node.value, scope), scope)

    def _augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        value = self.value(node.value, scope)
        target = node.target
        before = self.value(target, scope) if isinstance(target, ast.Name) else UNKNOWN
        if isinstance(before, Argv):
            self.words_changed()
        result = plain.operate(node.op, before, value) if self.certain else UNKNOWN
        if result is UNKNOWN:
            self.escape(before)
            self.escape(value)
        elif isinstance(before, list) and isinstance(result, list):
            before[:] = result
            result = before
        self.assign(target, result, scope)

    def assign(self, target: ast.expr, value: Any, scope: Scope) -> None:
        match target:
            case ast.Name():
                self._bind(target.id, value, scope)
            case ast.Tuple() | ast.List():
                self._unpack(target.elts, value, scope)
            case ast.Starred():
                self.escape(value)
                self.assign(target.value, UNKNOWN, scope)
            case ast.Attribute():
                self._set(self.value(target.value, scope), target.attr, value)
            case ast.Subscript():
                owner = self.value(target.value, scope)
                key = self.value(target.slice, scope)
                if isinstance(owner, Argv) and owner.whole:
                    self.words_changed()
                elif isinstance(owner, dict) and self.certain and hashable(key):
                    owner[key] = value
                else:
                    self.escape(owner)
                    self.escape(value)
            case _:
                self.escape(value)

    def _bind(self, name: str, value: Any, scope: Scope) -> None:
        place = scope.module if name in scope.shared else scope
        if self._may and name in place.names:
            # it may be this or what it was
            if place.names[name] is not value:
                self.escape(value)
                self.escape(place.names[name])
                place.names[name] = UNKNOWN
        else:
            place.names[name] = value

    def _set(self, owner: Any, name: str, value: Any) -> None:
        if isinstance(owner, External) and (owner.name, name) == ("sys", "argv"):
            if not isinstance(value, Argv) or value.start:
                self.words_changed()
            return
        if isinstance(owner, External) and owner.name.split(".")[0] in ("argparse", "click"):
            self.unsure(f"it changes {owner.name}")
            self._doubt = True
        if isinstance(owner, Module) and owner.file is not None:
            scope = self.load(owner.file)
            if scope is not None:
                self._bind(name, value, scope)
            return
        if isinstance(owner, (ParserValue, Group, Commands, OptionValue)):
            argparse_parsers.set_attribute(self, owner, name, value)
            return
        self.escape(owner)
        self.escape(value)

    def _unpack(self, targets: list[ast.expr], value: Any, scope: Scope) -> None:
        starred = [each for each in targets if isinstance(each, ast.Starred)]
        if isinstance(value, Argv):
            if self.certain and not self._guarded:
                fixed = len(targets) - len(starred) + value.start - 1
                most = None if starred else fixed
                self._counted.append(Counted(least=max(fixed, 0), most=most, place=self.place()))
            for each in targets:
                self.assign(each, UNKNOWN, scope)
        elif isinstance(value, (tuple, list)) and len(value) == len(targets) and not starred:
            for each, item in zip(targets, tuple(value), strict=True):
                self.assign(each, item, scope)
        else:
            self.escape(value)
            for each in targets:
                self.assign(each, UNKNOWN, scope)

    def _delete(self, node: ast.Delete, scope: Scope) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._bind(target.id, UNKNOWN, scope)
                continue
            owner = self.value(getattr(target, "value", target), scope)
            if isinstance(owner, Argv):
                self.words_changed()
            self.escape(owner)

    def _global(self, node: ast.Global, scope: Scope) -> None:
        scope.shared |= set(node.names)

    def _nonlocal(self, node: ast.Nonlocal, scope: Scope) -> None:
        for name in node.names:
            outer = scope.outer
            while outer is not None and name not in outer.names:
                outer = outer.outer
            if outer is not None:
                self.escape(outer.names[name])
                outer.names[name] = UNKNOWN
        self._doubt = True

    def _import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            module = self.module(alias.name, 0, scope)
            if alias.asname:
                self._bind(alias.asname, module, scope)
                continue
            top = alias.name.partition(".")[0]
            if top != alias.name:
                module = self.module(top, 0, scope)
            self._bind(top, module, scope)

    def _import_from(self, node: ast.ImportFrom, scope: Scope) -> None:
        module = self.module(node.module or "", node.level, scope)
        for alias in node.names:
            if alias.name != "*":
                value = self._imported(module, alias.name)
                self._bind(alias.asname or alias.name, value, scope)
            elif isinstance(module, Module) and module.file is not None:
                loaded = self.load(module.file)
                for name, value in dict(loaded.names).items():
                    if not name.startswith("_"):
                        self._bind(name, value, scope)

    def _imported(self, module: Any, name: str) -> Any:
        """What `from module import name` gives; a module that was not wanted yet still waits."""
        if isinstance(module, Module) and module.file and module.file not in self._modules:
            return Deferred(module, name)
        return self.member(module, name)

    def _function(self, node: Any, scope: Scope) -> None:
        arguments = node.args
        defaults = dict(_defaults(arguments))
        function = Function(
            node, scope, {name: self.value(each, scope) for name, each in defaults.items()}
        )
        self._bind(node.name, self._decorated(function, node.decorator_list, scope), scope)

    def _decorated(self, function: Any, decorators: list[ast.expr], scope: Scope) -> Any:
        for expression in reversed(decorators):
            decorator = self.value(expression, scope)
            function = self._decorate(function, decorator, ast.unparse(expression))
        return function

    def _decorate(self, function: Any, decorator: Any, name: str) -> Any:
        if not isinstance(function, Function):
            self.escape(function)
            return UNKNOWN
        if isinstance(decorator, External | Bound):
            for library in _LIBRARIES:
                made = library.decorate(self, decorator, function)
                if made is not None:
                    return made
        if isinstance(decorator, Decorator):
            return decorator.apply(function)
        function.wrapped = True
        self.escape(function)
        if function.options:
            self.unsure(f"@{name} may change its arguments")
        return function

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        bases = tuple(self.value(each, scope) for each in node.bases)
        self._bind(node.name, Class(node, scope, bases), scope)

    _FOLLOWED: ClassVar[dict[type, Callable[..., Any]]] = {
        ast.If: _if,
        ast.For: _for,
        ast.While: _while,
        ast.Try: _try,
        ast.With: _with,
        ast.Return: _return,
        ast.Raise: _raise,
        ast.Expr: _expression,
        ast.Assign: _assignment,
        ast.AnnAssign: _annotated,
        ast.AugAssign: _augmented,
        ast.Delete: _delete,
        ast.Global: _global,
        ast.Nonlocal: _nonlocal,
        ast.Import: _import,
        ast.ImportFrom: _import_from,
        ast.FunctionDef: _function,
        ast.AsyncFunctionDef: _function,
        ast.ClassDef: _class,
        ast.Pass: _nothing,
        ast.Assert: _nothing,
        ast.Break: lambda _f, _n, _s: _skip(ends=True),
        ast.Continue: lambda _f, _n, _s: _skip(ends=False),
    }


def _defaults(arguments: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    last = names[len(names) - len(arguments.defaults) :]
    yield from zip(last, arguments.defaults, strict=True)
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            yield each.arg, default


def _catches_exit(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return not any(isinstance(each, ast.Raise) and each.exc is None for each in handler.body)
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {ast.unparse(kind).rpartition(".")[2] for kind in kinds}
    return not _CATCHES_EXIT.isdisjoint(names)


def _skip(*, ends: bool) -> None:
    raise Skipped(ends=ends)
