"""What a step script is made of, read from its source without running it.

Python runs a script with its own folder, and the steps' working folder, as the places where modules
are found. So those are looked in, and everything that is found counts: too much is safe, since then
a step runs again without need; too little would leave a stale result.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from weakref import WeakKeyDictionary

from amlshare.snapshots import Snapshots

# Who imports or uses one of these may run code that no import statement names.
_DYNAMIC_MODULES = frozenset("imp importlib pkgutil runpy subprocess zipimport".split())
_DYNAMIC_NAMES = frozenset("__import__ eval exec".split())
_DYNAMIC_CALLS = frozenset(
    """addsitedir create_subprocess_exec create_subprocess_shell execl execle execlp execlpe execv
    execve execvp execvpe import_module meta_path path_hooks popen posix_spawn posix_spawnp spawnl
    spawnle spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe system""".split()
)
_HARMLESS = ("importlib.metadata", "importlib.resources", "platform.system")
# Who uses one of these may load any module that an object was made with.
_PICKLES = frozenset("cloudpickle dill joblib mlflow pickle read_pickle shelve torch.load".split())

_WORD = re.compile(rb"[\w\x80-\xff]+")
_START = rb"(?m)(?:^|[;:])[ \t\f]*"  # where a statement starts
_IMPORT = re.compile(_START + rb"(?:from|import)\b(?:\\\r?\n|[^\n])*")
_RELATIVE = re.compile(_START + rb"from[\s\\]*\.")
_SYS_PATH = re.compile(rb"\bsys\s*\.\s*path\b|\bfrom[\s\\]*sys\b")
_TREES = 32
_TELLING = frozenset(
    word.partition(".")[0].encode()
    for word in _DYNAMIC_MODULES | _DYNAMIC_NAMES | _DYNAMIC_CALLS | _PICKLES
)


@dataclass(frozen=True, slots=True)
class Import:
    """``from ..module import names``: ``level`` counts the dots, no names for a plain import."""

    level: int
    module: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """What a file's source says that it loads. ``dynamic``: and more, which it does not say."""

    imports: tuple[Import, ...] = ()
    dynamic: bool = False
    pickles: bool = False


@dataclass(frozen=True, slots=True)
class Module:
    """A module of a code folder: ``file`` is None for a folder that only holds others.

    ``folder`` is where its submodules lie, with a slash at the end; ``loaded`` are the files that
    importing it loads, in that order.
    """

    file: str | None
    folder: str
    loaded: tuple[str, ...]


class Sources:
    """The Python files of a code folder, by posix path; each is read at most once.

    A few syntax trees are kept, since who looks at a script looks at what it imports next.
    """

    def __init__(
        self, files: Mapping[str, Path], read: Callable[[Path], bytes] = Path.read_bytes
    ) -> None:
        """``files`` has the paths of a folder's files; ``read`` gives what one of them holds."""
        self._read = read
        self._files = {name: path for name, path in files.items() if name.endswith(".py")}
        self._folders = {
            name[: at + 1] for name in self._files for at, char in enumerate(name) if char == "/"
        }
        self._texts: dict[str, bytes] = {}
        self._trees: dict[str, ast.Module | None] = {}
        self._closures: dict[str, frozenset[str]] = {}
        self._sources: dict[str, Source] = {}
        self._roots: dict[str, frozenset[bytes]] = {}

    def closure(self, script: str) -> frozenset[str]:
        """The files that running ``script`` may load: itself and what it imports in the folder.

        Where the source cannot be parsed, or loads code in ways that its imports do not show, the
        answer is every file. Where it unpickles objects, every imported module is in it, since
        their classes may be there.
        """
        if script not in self._closures:
            self._closures[script] = self._close(script)
        return self._closures[script]

    def _close(self, script: str) -> frozenset[str]:
        found: set[str] = set()
        waiting = [script]
        while waiting:
            name = waiting.pop()
            if name in found or name not in self._files:
                continue
            found.add(name)
            source = self._source(name, script)
            if source.dynamic:
                return frozenset(self._files)
            if source.pickles:
                waiting += self._modules
            waiting += self._imported(source, name, script)
        return frozenset(found)

    @cached_property
    def _modules(self) -> tuple[str, ...]:
        """The files that another file imports."""
        found: dict[str, None] = {}
        for name in self._files:
            if self._imports_here(name, name):
                found |= dict.fromkeys(self._imported(self._parsed(name), name, name))
        return tuple(found)

    def _source(self, name: str, script: str) -> Source:
        """What a file loads; it is parsed only where a plain search finds a telling word."""
        text = self._text(name)
        told = not _TELLING.isdisjoint(_WORD.findall(text)) or _SYS_PATH.search(text)
        return self._parsed(name) if told or self._imports_here(name, script) else Source()

    def _imports_here(self, name: str, script: str) -> bool:
        """Whether an import statement of a file may name another file of the folder."""
        text = self._text(name)
        words = _WORD.findall(b" ".join(_IMPORT.findall(text)))
        tops = (self._top_names(root) for root in _roots(script))
        return bool(_RELATIVE.search(text)) or any(not top.isdisjoint(words) for top in tops)

    def _text(self, name: str) -> bytes:
        """A file's source, empty where it cannot be read: whoever digests the file will say so."""
        if name not in self._texts:
            try:
                self._texts[name] = self._read(self._files[name])
            except OSError:
                self._texts[name] = b""
        return self._texts[name]

    def text(self, name: str) -> bytes:
        """A file's source, empty for one that is not there or cannot be read."""
        return self._text(name) if name in self._files else b""

    def tree(self, name: str) -> ast.Module | None:
        """The syntax tree of a file, None where it is no Python."""
        if name not in self._trees:
            while len(self._trees) >= _TREES:
                del self._trees[next(iter(self._trees))]
            tree = self._trees[name] = _tree(self.text(name))
            self._sources.setdefault(name, _source(tree))
        return self._trees[name]

    def module(self, dotted: str, level: int, name: str, script: str) -> Module | None:
        """What ``from ..dotted import`` in a file means, ``level`` dots; None for what lies
        elsewhere.
        """
        for start in [_up(name, level)] if level else _roots(script):
            found = self._down(Module(None, start, ()), dotted)
            if found is not None:
                return found
        return None

    def _down(self, module: Module, dotted: str) -> Module | None:
        """A module below another one; the package itself for no name."""
        for part in filter(None, dotted.split(".")):
            inner = self.inside(module.folder, part)
            if inner is None:
                return None
            module = Module(inner.file, inner.folder, (*module.loaded, *inner.loaded))
        package = f"{module.folder}__init__.py"
        if module.file is None and package in self._files:
            return Module(package, module.folder, (package,))
        return module

    def inside(self, folder: str, name: str) -> Module | None:
        """The module ``name`` in a folder."""
        path = f"{folder}{name}"
        for file in (f"{path}/__init__.py", f"{path}.py"):
            if file in self._files:
                return Module(file, f"{path}/", (file,))
        return Module(None, f"{path}/", ()) if f"{path}/" in self._folders else None

    def imported(self, name: str, script: str) -> tuple[str, ...]:
        """The files that the import statements of one file may load, as far as they exist."""
        if not self._imports_here(name, script):
            return ()
        return tuple(self._imported(self._parsed(name), name, script))

    def _parsed(self, name: str) -> Source:
        if name not in self._sources:
            self.tree(name)
        return self._sources[name]

    def _top_names(self, root: str) -> frozenset[bytes]:
        """What can be imported from a folder: the first part of each module's name."""
        if root not in self._roots:
            below = (name[len(root) :] for name in self._files if name.startswith(root))
            tops = {name.partition("/")[0].removesuffix(".py") for name in below}
            self._roots[root] = frozenset(top.encode() for top in tops)
        return self._roots[root]

    def _imported(self, source: Source, name: str, script: str) -> Iterator[str]:
        """The files that the import statements of ``name`` may load."""
        for each in source.imports:
            for start in [_up(name, each.level)] if each.level else _roots(script):
                yield from self._chain(start, each.module)
                for imported in each.names:
                    if imported == "*":
                        yield from self._inside(start, each.module)
                    else:
                        yield from self._chain(start, f"{each.module}.{imported}")

    def _chain(self, start: str, dotted: str) -> Iterator[str]:
        """The files of a dotted module and of the packages it lies in, as far as they exist."""
        path = start
        for part in filter(None, dotted.split(".")):
            path += part
            yield from (
                file for file in (f"{path}.py", f"{path}/__init__.py") if file in self._files
            )
            path += "/"

    def _inside(self, start: str, dotted: str) -> Iterator[str]:
        """The modules of a package, any of which its ``__all__`` may name."""
        folder = start + "".join(f"{part}/" for part in dotted.split(".") if part)
        for name in self._files:
            if name.startswith(folder) and "/" not in name[len(folder) :].replace("/__init__", ""):
                yield name


def _roots(script: str) -> tuple[str, ...]:
    """Where a script's modules are found: its own folder, and the code folder."""
    folder = script.rpartition("/")[0]
    return (f"{folder}/", "") if folder else ("",)


def _up(name: str, level: int) -> str:
    """The package of a file, ``level`` dots up."""
    parts = name.split("/")[:-level]
    return "".join(f"{part}/" for part in parts)


_OF: WeakKeyDictionary[Snapshots, dict[str, Sources]] = WeakKeyDictionary()


def sources(snapshots: Snapshots, folder: str) -> Sources:
    """The Python files of a code folder. Whoever asks again gets the same, and what it has read."""
    known = _OF.setdefault(snapshots, {})
    if folder not in known:
        known[folder] = Sources(snapshots.files(folder), snapshots.content)
    return known[folder]


def parse(text: bytes) -> Source:
    """What a source says that it loads; one that cannot be parsed may load anything."""
    return _source(_tree(text))


def _tree(text: bytes) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _source(tree: ast.Module | None) -> Source:
    if tree is None:
        return Source(dynamic=True)
    imports: list[Import] = []
    names: set[str] = set()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        waiting += children(node)
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            names.add(f"{owner}.{node.attr}")
        elif isinstance(node, ast.Import):
            imports += [Import(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported = tuple(alias.name for alias in node.names)
            imports.append(Import(node.level, node.module or "", imported))
    names |= {name for each in imports if not each.level for name in _imported_names(each)}
    return _judged(tuple(imports), {name for name in names if not name.startswith(_HARMLESS)})


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below a parsed one, as of `ast.iter_child_nodes`, which takes much longer."""
    found: list[ast.AST] = []
    for value in vars(node).values():
        if isinstance(value, list):
            found += [each for each in value if isinstance(each, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def _imported_names(each: Import) -> set[str]:
    return {f"{each.module}.{name}" for name in each.names} or {each.module}


def _judged(imports: tuple[Import, ...], names: set[str]) -> Source:
    """``names`` are those that are used or imported, as ``name``, ``owner.name`` or ``.name``."""
    first = {name.partition(".")[0] for each in imports for name in _imported_names(each) & names}
    last = {name.rpartition(".")[2] for name in names}
    dynamic = names & (_DYNAMIC_NAMES | {"sys.path"}) or last & _DYNAMIC_CALLS
    return Source(
        imports=imports,
        dynamic=bool(dynamic or first & _DYNAMIC_MODULES),
        pickles=bool(_PICKLES & (names | first | last)),
    )
