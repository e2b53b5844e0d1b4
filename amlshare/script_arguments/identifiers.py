"""Which functions of a script may have to do with its arguments, told by the words in them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_TELLING = frozenset(
    """ArgumentParser SystemExit _exit add_argument add_subparsers add_typer argparse argv click
    exec exit invoke_without_command option parse_args parse_known_args quit typer""".split()
)


_PARSING = frozenset("ArgumentParser add_argument argv parse_args parse_known_args".split())


class Identifiers:
    """The identifiers in each function and class of the modules that were added."""

    def __init__(self) -> None:
        self._of: dict[ast.AST, set[str]] = {}
        self._named: dict[str, list[ast.AST]] = {}
        self._concern: dict[ast.AST, bool] = {}

    def add(self, tree: ast.Module) -> None:
        """Take in a module."""
        self._concern.clear()
        for node in _definitions(tree.body):
            self._take(node)

    def _take(self, node: ast.AST) -> set[str]:
        found: set[str] = set()
        self._of[node] = found
        name = getattr(node, "name", None)
        if name is not None:
            self._named.setdefault(name, []).append(node)
        waiting = list(ast.iter_child_nodes(node))
        while waiting:
            each = waiting.pop()
            if isinstance(each, ast.Name):
                found.add(each.id)
            elif isinstance(each, ast.Attribute):
                found.add(each.attr)
            elif isinstance(each, (ast.Import, ast.ImportFrom)):
                found |= {alias.name.rpartition(".")[2] for alias in each.names}
                found.add((getattr(each, "module", None) or "").rpartition(".")[2])
            if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found |= self._take(each)
            else:
                waiting.extend(ast.iter_child_nodes(each))
        return found

    def parses(self, node: ast.AST) -> bool:
        """Whether a function or class has to do with a parser itself."""
        found = self._of[node] if node in self._of else self._take(node)
        return not found.isdisjoint(_PARSING)

    def concern(self, node: ast.AST) -> bool:
        """Whether running a function may parse arguments, or build a parser, or end the script."""
        seen: set[ast.AST] = set()
        waiting = [node]
        while waiting:
            each = waiting.pop()
            if each in seen:
                continue
            seen.add(each)
            found = self._of.get(each)
            if found is None:
                found = self._take(each)
            if self._concern.get(each) or not found.isdisjoint(_TELLING):
                self._concern[node] = True
                return True
            if each in self._concern:
                continue
            for name in found & self._named.keys():
                waiting += self._named[name]
        self._concern |= dict.fromkeys(seen, False)
        return False


def _definitions(statements: list[ast.stmt]) -> Iterator[ast.AST]:
    for statement in statements:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement
        elif isinstance(statement, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
            for name in ("body", "orelse", "finalbody"):
                yield from _definitions(getattr(statement, name, []))
            for handler in getattr(statement, "handlers", []):
                yield from _definitions(handler.body)
