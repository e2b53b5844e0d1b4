"""What a step script is made of, read from its source without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

# Whoever uses one of these may run code that its import statements do not name.
_DYNAMIC = frozenset(
    {"importlib", "runpy", "subprocess", "imp", "pkgutil", "__import__", "exec", "eval", "system"}
)


def closure(script: str, files: Mapping[str, Path]) -> set[str]:
    """The Python files that running ``script`` may load: itself and what it imports in the folder.

    ``files`` are the code folder's files by posix path. Where the source cannot be parsed, or
    loads code in ways that its imports do not show, the answer is every Python file.
    """
    found: set[str] = set()
    waiting = [script]
    while waiting:
        name = waiting.pop()
        if name in found or name not in files:
            continue
        found.add(name)
        tree = _parse(files[name])
        if tree is None or _is_dynamic(tree):
            return {path for path in files if path.endswith(".py")}
        waiting.extend(_imported(tree, name, script, files))
    return found


def _parse(path: Path) -> ast.Module | None:
    try:
        return ast.parse(path.read_bytes(), filename=path.name)
    except (SyntaxError, ValueError, RecursionError, OSError):
        return None


def _is_dynamic(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) if any(
                alias.name.partition(".")[0] in _DYNAMIC for alias in names
            ):
                return True
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in _DYNAMIC:
                return True
            case ast.Call(func=ast.Name(id=name)) if name in _DYNAMIC:
                return True
            case ast.Call(func=ast.Attribute(attr="system" | "popen")):
                return True
    return False


def _imported(tree: ast.Module, name: str, script: str, files: Mapping[str, Path]) -> Iterator[str]:
    """The files of the folder that the import statements of ``name`` may load."""
    roots = {"", _folder(script)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                for root in roots:
                    yield from _modules(root, alias.name, files)
        elif isinstance(node, ast.ImportFrom):
            starts = roots if node.level == 0 else {_up(name, node.level)}
            for start in starts:
                module = node.module or ""
                yield from _modules(start, module, files)
                for alias in node.names:
                    yield from _modules(start, f"{module}.{alias.name}".strip("."), files)


def _modules(start: str, dotted: str, files: Mapping[str, Path]) -> Iterator[str]:
    """The files of a dotted module and of the packages it lies in, as far as they exist."""
    path = start
    for part in filter(None, dotted.split(".")):
        path += part
        for candidate in (f"{path}.py", f"{path}/__init__.py"):
            if candidate in files:
                yield candidate
        path += "/"


def _folder(name: str) -> str:
    parent = PurePosixPath(name).parent.as_posix()
    return "" if parent == "." else parent + "/"


def _up(name: str, level: int) -> str:
    folder = PurePosixPath(name).parent
    for _ in range(level - 1):
        folder = folder.parent
    text = folder.as_posix()
    return "" if text == "." else text + "/"
