"""What a script does with what argparse gives it: which values it never reads, where it writes.

Told by names: a value counts as read where anything of its name is read in any file that the script
loads. So a value that is said not to be read is not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from amlshare.script_arguments.accepted import Place
from amlshare.scripts import Sources

_FILES = 30
_PARSES = frozenset({"parse_args", "parse_known_args"})
_SHOWS = frozenset("print str repr pprint info debug warning error log isinstance hasattr".split())
_SAME_PATH = frozenset("Path PurePath str fspath abspath realpath normpath join expanduser".split())
_SAME_PLACE = frozenset(
    "joinpath resolve absolute with_suffix with_name expanduser as_posix".split()
)
_WRITES = frozenset(
    """to_csv to_parquet to_json to_pickle to_excel to_feather savefig savetxt savez imwrite
    save_pretrained rmtree""".split()
)
_WRITES_ITSELF = frozenset("write_text write_bytes touch unlink rmdir".split())
_WRITES_SECOND = frozenset("copy copy2 copyfile copytree".split())
_REMOVES = frozenset({"os.remove", "os.unlink", "os.rmdir", "shutil.move", "os.rename"})
_MODE = re.compile(r"[rwaxbt+]{1,4}")

Origin = tuple[str, str]  # ("value", an argument's name) or ("parameter", a name)


@dataclass(slots=True)
class _Function:
    """A function: its parameters, and those into which it writes, with where."""

    file: str
    node: ast.FunctionDef | ast.AsyncFunctionDef
    writes: dict[str, Place] = field(default_factory=dict)

    @property
    def parameters(self) -> list[str]:
        arguments = self.node.args
        return [each.arg for each in (*arguments.posonlyargs, *arguments.args)]


class Uses:
    """The uses in all files that a script may load; nothing is said of more than a few files."""

    def __init__(self, sources: Sources, script: str) -> None:
        files = sorted(sources.closure(script))
        self.clear = len(files) <= _FILES
        trees = {file: sources.tree(file) for file in files} if self.clear else {}
        self._trees = {file: tree for file, tree in trees.items() if tree is not None}
        self._read: set[str] = set()
        self._functions: dict[str, list[_Function]] = {}
        self._parents: dict[ast.AST, ast.AST] = {}
        self._carriers: set[str] = set()
        self._returners: set[str] = set()
        self._escapes = False
        self._written: dict[str, Place] = {}
        for file, tree in self._trees.items():
            self._look(file, tree)
        self._follow_values()
        self._find_writes()

    def unread(self, name: str) -> bool:
        """Whether nothing reads the value of an argument."""
        return self.clear and not self._escapes and name not in self._read

    def written(self, name: str) -> Place | None:
        """Where the script writes to the path that an argument gives."""
        return self._written.get(name)

    def _look(self, file: str, tree: ast.Module) -> None:
        """Every name that is read, the functions, and what each node stands in."""
        defining: set[ast.AST] = set()
        for node in ast.walk(tree):
            for child in ast.iter_child_nodes(node):
                self._parents[child] = node
                if node in defining or (isinstance(node, ast.keyword) and node.arg == "dest"):
                    defining.add(child)
            if isinstance(node, ast.Attribute):
                self._read.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                if node not in defining:
                    self._read.add(node.value)
            elif isinstance(node, ast.Call) and _called(node) == "add_argument":
                defining.update(node.args)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._functions.setdefault(node.name, []).append(_Function(file, node))

    # Where the values go

    def _follow_values(self) -> None:
        """Find the names that hold what was parsed, and whether it goes where it is not seen."""
        for _ in range(5):
            before = (len(self._carriers), len(self._returners))
            for tree in self._trees.values():
                for node in ast.walk(tree):
                    if self._holds(node):
                        self._follow(node)
            if before == (len(self._carriers), len(self._returners)):
                return

    def _holds(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self._carriers and isinstance(node.ctx, ast.Load)
        if isinstance(node, ast.Call):
            return _called(node) in _PARSES or _called(node) in self._returners
        return False

    def _follow(self, node: ast.AST) -> None:
        parent = self._parents.get(node)
        match parent:
            case ast.Attribute():
                self._escapes = self._escapes or parent.attr in ("__dict__", "_get_kwargs")
            case ast.Subscript() if parent.value is node:
                self._follow(parent)
            case ast.Assign():
                for target in parent.targets:
                    self._carry(target)
            case ast.AnnAssign() | ast.NamedExpr():
                self._carry(parent.target)
            case ast.Return():
                self._return(parent)
            case ast.Call() if parent.func is not node:
                self._pass(parent, node, [id(each) for each in parent.args].index(id(node)))
            case ast.keyword():
                self._pass_named(parent)
            case ast.Expr() | ast.FormattedValue() | ast.BinOp() | ast.Compare():
                pass
            case _:
                self._escapes = True

    def _carry(self, target: ast.expr) -> None:
        match target:
            case ast.Name():
                self._carriers.add(target.id)
            case ast.Tuple() | ast.List() if all(isinstance(x, ast.Name) for x in target.elts):
                self._carry(target.elts[0])
            case _:
                self._escapes = True

    def _return(self, node: ast.AST) -> None:
        inside: ast.AST | None = node
        while inside is not None and not isinstance(
            inside, (ast.FunctionDef, ast.AsyncFunctionDef)
        ):
            inside = self._parents.get(inside)
        if inside is None or isinstance(self._parents.get(inside), ast.ClassDef):
            self._escapes = True
        else:
            self._returners.add(inside.name)

    def _pass(self, call: ast.Call, node: ast.AST, index: int) -> None:
        name = _called(call)
        functions = self._functions.get(name, [])
        if name in _SHOWS:
            return
        for function in functions:
            method = function.parameters[:1] in (["self"], ["cls"])
            if method or index >= len(function.parameters) or not isinstance(node, ast.expr):
                self._escapes = True
            else:
                self._carriers.add(function.parameters[index])
        self._escapes = self._escapes or not functions

    def _pass_named(self, keyword: ast.keyword) -> None:
        call = self._parents.get(keyword)
        functions = self._functions.get(_called(call)) if isinstance(call, ast.Call) else None
        if keyword.arg is None or not functions:
            self._escapes = True
        else:
            self._carriers.add(keyword.arg)

    # Where the script writes

    def _find_writes(self) -> None:
        functions = [each for same in self._functions.values() for each in same]
        blocks = [(each.file, each.node, each) for each in functions]
        for _ in range(3):
            for file, node, function in blocks:
                self._block(file, node, function)
        for file, tree in self._trees.items():
            self._block(file, tree, None)

    def _block(self, file: str, block: ast.AST, function: _Function | None) -> None:
        """The writes in a function, or in what a module says outside of functions."""
        nodes = list(_inside(block))
        known: dict[str, Origin] = {}
        bound = _bound(nodes)
        if function is not None:
            for name in function.parameters:
                if name not in bound:
                    known[name] = ("parameter", name)
        for node in nodes:
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
                origin = self._origin(node.value, known)
                if origin and isinstance(target, ast.Name) and bound.get(target.id) == 1:
                    known[target.id] = origin
        for node in nodes:
            if isinstance(node, ast.Call):
                place = Place(file=file, line=node.lineno)
                for path in self._targets(node):
                    self._note(self._origin(path, known), function, place)

    def _note(self, origin: Origin | None, function: _Function | None, place: Place) -> None:
        if origin is None:
            return
        kind, name = origin
        if kind == "value":
            self._written.setdefault(name, place)
        elif function is not None:
            function.writes.setdefault(name, place)

    def _origin(self, node: ast.expr, known: dict[str, Origin]) -> Origin | None:
        """The argument whose path an expression is, or lies in."""
        match node:
            case ast.Name():
                return known.get(node.id)
            case ast.Attribute(value=ast.Name(id=owner)) if owner in self._carriers:
                return "value", node.attr
            case ast.Call() if _called(node) in _SAME_PLACE and isinstance(
                node.func, ast.Attribute
            ):
                return self._origin(node.func.value, known) or self._first(node, known)
            case ast.Call():
                return self._first(node, known)
            case ast.BinOp(op=ast.Div() | ast.Add()):
                return self._origin(node.left, known)
            case ast.JoinedStr(values=[ast.FormattedValue() as first, *_]):
                return self._origin(first.value, known)
            case _:
                return None

    def _first(self, node: ast.Call, known: dict[str, Origin]) -> Origin | None:
        if _called(node) in _SAME_PATH and node.args:
            return self._origin(node.args[0], known)
        return None

    def _targets(self, call: ast.Call) -> Iterator[ast.expr]:
        """The paths that a call writes to."""
        name = _called(call)
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        dotted = f"{owner.id}.{name}" if isinstance(owner, ast.Name) else name
        first, second = [*call.args, None, None][:2]
        if name == "open":
            builtin = owner is None or dotted in ("io.open", "codecs.open", "gzip.open")
            mode = second if builtin else first
            mode = mode or next((x.value for x in call.keywords if x.arg == "mode"), None)
            if _is_writing(mode):
                path = first if builtin else owner
                yield from [path] if path is not None else []
        elif name in _WRITES or dotted in ("np.save", "numpy.save") or dotted in _REMOVES:
            yield from [first] if first is not None else []
        elif name in _WRITES_ITSELF and owner is not None:
            yield owner
        elif (name in _WRITES_SECOND and dotted.startswith("shutil.")) or dotted in (
            "joblib.dump",
            "torch.save",
        ):
            yield from [second] if second is not None else []
        elif len(functions := self._functions.get(name, [])) == 1:
            yield from self._handed_on(call, functions[0])

    def _handed_on(self, call: ast.Call, function: _Function) -> Iterable[ast.expr]:
        if isinstance(call.func, ast.Attribute) and not isinstance(call.func.value, ast.Name):
            return
        for parameter, given in zip(function.parameters, call.args, strict=False):
            if parameter in function.writes:
                yield given
        for keyword in call.keywords:
            if keyword.arg in function.writes:
                yield keyword.value


def _called(call: ast.Call) -> str:
    """The last name of what is called."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _is_writing(mode: ast.expr | None) -> bool:
    if not isinstance(mode, ast.Constant) or not isinstance(mode.value, str):
        return False
    return bool(_MODE.fullmatch(mode.value)) and not {"w", "a", "x", "+"}.isdisjoint(mode.value)


def _inside(block: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a block in their order, but not those of functions and classes in it."""
    for child in ast.iter_child_nodes(block):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield child
            yield from _inside(child)


def _bound(nodes: list[ast.AST]) -> dict[str, int]:
    """How often each name is bound."""
    found: dict[str, int] = {}
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found[node.id] = found.get(node.id, 0) + 1
    return found
