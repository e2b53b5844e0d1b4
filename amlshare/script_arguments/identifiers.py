"""Which functions of a script may have to do with its arguments, told by the words in them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from amlshare.script_arguments.values import Class, Function

_WORD = re.compile(rb"[^\W\d]\w*")
_PARSING = frozenset(b"ArgumentParser add_argument argv parse_args parse_known_args".split())
_TELLING = _PARSING | frozenset(
    b"""SystemExit _exit add_subparsers add_typer argparse click exec exit option quit
    typer""".split()
)


class Identifiers:
    """The words in each function and class of the modules that were added, comments included."""

    def __init__(self) -> None:
        self._lines: dict[str, list[bytes]] = {}
        self._named: dict[bytes, list[tuple[str, ast.AST]]] = {}
        self._words: dict[ast.AST, frozenset[bytes]] = {}
        self._concern: dict[ast.AST, bool] = {}

    def add(self, file: str, text: bytes, tree: ast.Module) -> None:
        """Take in a module."""
        self._lines[file] = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._concern.clear()
        for node in _definitions(tree):
            self._named.setdefault(node.name.encode(), []).append((file, node))

    def words(self, value: Function | Class) -> frozenset[bytes]:
        """The words in a function or class."""
        return self._in(value.scope.module.file, value.node)

    def _in(self, file: str, node: ast.AST) -> frozenset[bytes]:
        if node not in self._words:
            first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", None)
            lines = self._lines.get(file, [])[first - 1 : last]
            self._words[node] = frozenset(_WORD.findall(b"\n".join(lines)))
        return self._words[node]

    def parse(self, value: Function | Class) -> bool:
        """Whether a function or class has to do with a parser itself."""
        return not self.words(value).isdisjoint(_PARSING)

    def concern(self, value: Function | Class) -> bool:
        """Whether running a function may parse arguments, or build a parser, or end the script."""
        if value.node in self._concern:
            return self._concern[value.node]
        seen: set[ast.AST] = set()
        waiting: list[tuple[str, ast.AST]] = [(value.scope.module.file, value.node)]
        while waiting:
            file, node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            words = self._in(file, node)
            if self._concern.get(node) or not words.isdisjoint(_TELLING):
                self._concern[value.node] = True
                return True
            if node not in self._concern:
                for name in words & self._named.keys():
                    waiting += self._named[name]
        self._concern |= dict.fromkeys(seen, False)
        return False


def _definitions(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """The functions and classes in a block, those inside one another included."""
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        inner = getattr(node, name, None)
        for each in inner if isinstance(inner, list) else ():
            if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield each
            if not isinstance(each, ast.Expr | ast.Assign | ast.Return | ast.Import):
                yield from _definitions(each)
