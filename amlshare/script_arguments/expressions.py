"""Follows expressions: what each certainly gives."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, ClassVar

from amlshare.script_arguments import plain
from amlshare.script_arguments.accepted import Counted
from amlshare.script_arguments.state import State
from amlshare.script_arguments.values import (
    UNKNOWN,
    Argv,
    ArgvTest,
    Bound,
    Command,
    Commands,
    External,
    Function,
    Group,
    OptionValue,
    ParserValue,
    Scope,
    Typer,
    hashable,
    known,
)

_OWNED = (ParserValue, Group, Commands, OptionValue, Command, Typer, Bound)


class Expressions(State):
    """Follows expressions."""

    def _called(self, node: ast.Call, scope: Scope) -> Any:
        return self.call(node, scope)

    def value(self, node: ast.expr, scope: Scope) -> Any:
        """What an expression certainly gives, or UNKNOWN."""
        handler = self._VALUES.get(type(node))
        if handler is not None:
            return handler(self, node, scope)
        with self._maybe():
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    self.escape(self.value(child, scope))
                else:
                    self.otherwise(child, scope)
        return UNKNOWN

    def _constant(self, node: ast.Constant, _scope: Scope) -> Any:
        return UNKNOWN if node.value is ... else node.value

    def _name(self, node: ast.Name, scope: Scope) -> Any:
        if scope.has(node.id):
            return self.resolved(scope.get(node.id))
        return External(node.id)

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Any:
        owner = self.value(node.value, scope)
        found = self.member(owner, node.attr)
        if found is UNKNOWN:
            self._lose(owner)
        return found

    def _sequence(self, node: Any, scope: Scope) -> Any:
        items: list[Any] = []
        for each in node.elts:
            if isinstance(each, ast.Starred):
                value = self.value(each.value, scope)
                items += value if isinstance(value, (list, tuple)) else [UNKNOWN]
            else:
                items.append(self._kept(self.value(each, scope)))
        if isinstance(node, ast.Set):
            return frozenset(items) if all(map(hashable, items)) else UNKNOWN
        return tuple(items) if isinstance(node, ast.Tuple) else items

    def _kept(self, value: Any) -> Any:
        """A value inside another one; what is being built is not followed there."""
        if isinstance(value, _OWNED) and not isinstance(value, (ParserValue, Bound)):
            self.escape(value)
        return value

    def _dict(self, node: ast.Dict, scope: Scope) -> Any:
        found: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            item = self.value(value, scope)
            if key is None:
                if not isinstance(item, dict):
                    return UNKNOWN
                found |= item
                continue
            name = self.value(key, scope)
            if not hashable(name) or not known(name):
                self.escape(item)
                return UNKNOWN
            found[name] = self._kept(item)
        return found

    def _joined(self, node: ast.JoinedStr, scope: Scope) -> Any:
        text = ""
        whole = True
        for part in node.values:
            if isinstance(part, ast.Constant):
                text += str(part.value)
            elif isinstance(part, ast.FormattedValue):
                value = self.value(part.value, scope)
                if part.format_spec or part.conversion != -1 or not known(value):
                    whole = False
                else:
                    text += str(value)
        return text if whole else UNKNOWN

    def _binary(self, node: ast.BinOp, scope: Scope) -> Any:
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        result = plain.operate(node.op, left, right)
        if result is UNKNOWN:
            self._lose(left, right)
        return result

    def _lose(self, *values: Any) -> None:
        for value in values:
            if isinstance(value, _OWNED):
                self.escape(value)

    def _unary(self, node: ast.UnaryOp, scope: Scope) -> Any:
        value = self.value(node.operand, scope)
        if isinstance(node.op, ast.Not):
            truth = plain.truth(value)
            if isinstance(value, ArgvTest):
                return plain.inverse(value)
            return UNKNOWN if truth is None else not truth
        return plain.negative(node.op, value)

    def _boolean(self, node: ast.BoolOp, scope: Scope) -> Any:
        stops = isinstance(node.op, ast.Or)
        first, *rest = node.values
        value = self.value(first, scope)
        for each in rest:
            truth = plain.truth(value)
            if truth is stops:
                return value
            if truth is None:
                with self._maybe():
                    for other in rest:
                        self._lose(self.value(other, scope))
                self._lose(value)
                return UNKNOWN
            value = self.value(each, scope)
        return value

    def _conditional(self, node: ast.IfExp, scope: Scope) -> Any:
        truth = plain.truth(self.value(node.test, scope))
        if truth is not None:
            return self.value(node.body if truth else node.orelse, scope)
        with self._maybe():
            values = self.value(node.body, scope), self.value(node.orelse, scope)
        for value in values:
            self.escape(value)
        return UNKNOWN

    def _compare(self, node: ast.Compare, scope: Scope) -> Any:
        left = self.value(node.left, scope)
        rights = [self.value(each, scope) for each in node.comparators]
        return plain.compare(left, node.ops[0], rights[0]) if len(rights) == 1 else UNKNOWN

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Any:
        owner = self.value(node.value, scope)
        if isinstance(owner, Argv):
            return self._word(owner, node, scope)
        if isinstance(node.slice, ast.Slice):
            bounds = (node.slice.lower, node.slice.upper, node.slice.step)
            key: Any = slice(*(each and self.value(each, scope) for each in bounds))
        else:
            key = self.value(node.slice, scope)
        result = plain.item(owner, key)
        if result is UNKNOWN:
            self._lose(owner)
        return result

    def _word(self, argv: Argv, node: ast.Subscript, scope: Scope) -> Any:
        """``sys.argv[N]``, ``sys.argv[N:]``."""
        if isinstance(node.slice, ast.Slice):
            lower = self.value(node.slice.lower, scope) if node.slice.lower else 0
            if node.slice.upper or node.slice.step or not isinstance(lower, int) or lower < 0:
                return UNKNOWN
            return Argv(argv.start + lower)
        index = self.value(node.slice, scope)
        if isinstance(index, int) and index >= 0 and self.certain and not self._guarded:
            least = argv.start + index
            self._counted.append(Counted(least=least, most=None, place=self.place(node)))
        return UNKNOWN

    def _comprehension(self, node: Any, scope: Scope) -> Any:
        first = node.generators[0]
        items = self.value(first.iter, scope)
        inner = Scope(outer=scope, file=scope.file)
        simple = len(node.generators) == 1 and not first.ifs and not isinstance(node, ast.DictComp)
        if isinstance(items, dict):
            items = list(items)
        if not simple or not isinstance(items, (list, tuple, range)) or len(items) > 1000:
            with self._maybe():
                for each in node.generators:
                    self.assign(each.target, UNKNOWN, inner)
                for part in ("elt", "key", "value"):
                    if hasattr(node, part):
                        self._lose(self.value(getattr(node, part), inner))
            return UNKNOWN
        found = []
        for item in tuple(items):
            self.assign(first.target, item, inner)
            found.append(self.value(node.elt, inner))
        return found

    def _lambda(self, node: ast.Lambda, scope: Scope) -> Any:
        return Function(node, scope)

    def _walrus(self, node: ast.NamedExpr, scope: Scope) -> Any:
        value = self.value(node.value, scope)
        self.assign(node.target, value, scope)
        return value

    _VALUES: ClassVar[dict[type, Callable[..., Any]]] = {
        ast.Constant: _constant,
        ast.Name: _name,
        ast.Attribute: _attribute,
        ast.List: _sequence,
        ast.Tuple: _sequence,
        ast.Set: _sequence,
        ast.Dict: _dict,
        ast.JoinedStr: _joined,
        ast.BinOp: _binary,
        ast.UnaryOp: _unary,
        ast.BoolOp: _boolean,
        ast.IfExp: _conditional,
        ast.Compare: _compare,
        ast.Subscript: _subscript,
        ast.ListComp: _comprehension,
        ast.SetComp: _comprehension,
        ast.GeneratorExp: _comprehension,
        ast.DictComp: _comprehension,
        ast.Lambda: _lambda,
        ast.NamedExpr: _walrus,
        ast.Call: _called,
    }
