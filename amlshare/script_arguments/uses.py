"""What a script does with what argparse gives it: which values it never reads, where it writes.

Told by names: a value counts as read where anything of its name is read in any file that the script
loads. So a value that is said not to be read is not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from amlshare.script_arguments.accepted import Place
from amlshare.scripts import Sources, children

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
_WRITES_SECOND = frozenset("copy copy2 copyfile copytree dump save".split())
_SECOND = frozenset(
    "shutil.copy shutil.copy2 shutil.copyfile shutil.copytree joblib.dump torch.save".split()
)
_FIRST = frozenset("np.save numpy.save os.remove os.unlink os.rmdir os.rename shutil.move".split())
_SINKS = _WRITES | _WRITES_ITSELF | _WRITES_SECOND | {"open", "remove", "rename", "move"}
_OPENS = frozenset({"open", "io.open", "codecs.open", "gzip.open"})
_MODE = re.compile(r"[rwaxbt+]{1,4}")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class _Origin(NamedTuple):
    """Where a path comes from: an argument's value, or a parameter of the function."""

    kind: str
    name: str


class _Block:
    """A function, or a module outside of its functions, and what stands in it."""

    def __init__(self, file: str, node: ast.AST) -> None:
        self.file = file
        self.node = node
        self.calls: list[ast.Call] = []
        self.assigned: list[tuple[str, ast.expr]] = []
        self.bound: dict[str, int] = {}
        self.writes: dict[str, Place] = {}

    @property
    def parameters(self) -> list[str]:
        """The names of its parameters, in order."""
        if not isinstance(self.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return []
        arguments = self.node.args
        return [each.arg for each in (*arguments.posonlyargs, *arguments.args)]


class Uses:
    """The uses in all files that a script may load; nothing is said of more than a few files."""

    def __init__(self, sources: Sources, script: str) -> None:
        self._sources = sources
        files = sorted(sources.closure(script))
        self._files = files if len(files) <= _FILES else []

    def unread(self, name: str) -> bool:
        """Whether nothing reads the value of an argument."""
        read = re.compile(rb"\.\s*" + re.escape(name.encode()) + rb"\b")
        if not self._files or any(read.search(self._sources.text(file)) for file in self._files):
            return False
        return name not in self._seen.texts and not self._seen.escapes

    def written(self, name: str) -> Place | None:
        """Where the script writes to the path that an argument gives."""
        return self._writes.get(name) if self._files else None

    @cached_property
    def _seen(self) -> _Seen:
        seen = _Seen()
        for file in self._files:
            tree = self._sources.tree(file)
            if tree is not None:
                seen.look(file, tree)
        seen.follow()
        return seen

    @cached_property
    def _writes(self) -> dict[str, Place]:
        return dict(_Writes(self._seen).find())


class _Seen:
    """What stands in some files, and where the values go that were parsed.

    ``carriers`` are the names that hold them; ``escapes`` says that they go where it is not seen.
    """

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.functions: dict[str, list[_Block]] = {}
        self.blocks: list[_Block] = []
        self.carriers: set[str] = set()
        self.escapes = False
        self._parents: dict[ast.AST, ast.AST] = {}
        self._names: dict[str, list[ast.AST]] = {}
        self._calls: dict[str, list[ast.AST]] = {}
        self._waiting: list[ast.AST] = []

    def look(self, file: str, tree: ast.Module) -> None:
        """Take in a file."""
        waiting: list[tuple[ast.AST, _Block]] = [(tree, self._block(file, tree))]
        while waiting:
            node, block = waiting.pop()
            if isinstance(node, _SCOPES) and node is not block.node:
                waiting.append((node, self._block(file, node)))
                continue
            for child in children(node):
                self._parents[child] = node
                if isinstance(child, ast.Constant):
                    self._text(child, node)
                elif not isinstance(child, (ast.expr_context, ast.operator, ast.arguments)):
                    self._take(child, block)
                    waiting.append((child, block))

    def _block(self, file: str, node: ast.AST) -> _Block:
        block = _Block(file, node)
        self.blocks.append(block)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.functions.setdefault(node.name, []).append(block)
        return block

    def _take(self, node: ast.AST, block: _Block) -> None:
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                self._names.setdefault(name, []).append(node)
            case ast.Name(id=name):
                block.bound[name] = block.bound.get(name, 0) + 1
            case ast.Call():
                self._calls.setdefault(_called(node), []).append(node)
                block.calls.append(node)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                block.assigned.append((name, value))
            case _:
                pass

    def _text(self, node: ast.Constant, parent: ast.AST) -> None:
        """A text may name a value, but where an argument is defined."""
        defines = isinstance(parent, ast.Call) and _called(parent) == "add_argument"
        defines = defines or (isinstance(parent, ast.keyword) and parent.arg == "dest")
        if isinstance(node.value, str) and not defines:
            self.texts.add(node.value)

    def follow(self) -> None:
        """Find the names that hold what was parsed, and whether it goes where it is not seen."""
        self._waiting = [node for name in _PARSES for node in self._calls.get(name, [])]
        while self._waiting:
            self._follow(self._waiting.pop())

    def _follow(self, node: ast.AST) -> None:
        parent = self._parents.get(node)
        match parent:
            case ast.Attribute():
                self.escapes = self.escapes or parent.attr in ("__dict__", "_get_kwargs")
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
                self._pass(parent, [id(each) for each in parent.args].index(id(node)))
            case ast.keyword():
                self._pass_named(parent)
            case ast.Expr() | ast.FormattedValue() | ast.BinOp() | ast.Compare():
                pass
            case _:
                self.escapes = True

    def _carry(self, target: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                self._carrier(name)
            case ast.Tuple() | ast.List() if all(isinstance(x, ast.Name) for x in target.elts):
                self._carry(target.elts[0])
            case _:
                self.escapes = True

    def _carrier(self, name: str) -> None:
        if name not in self.carriers:
            self.carriers.add(name)
            self._waiting += self._names.get(name, [])

    def _return(self, node: ast.AST) -> None:
        inside: ast.AST | None = node
        while inside is not None and not isinstance(inside, _SCOPES):
            inside = self._parents.get(inside)
        if inside is None or isinstance(self._parents.get(inside), ast.ClassDef):
            self.escapes = True
        elif isinstance(inside, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._waiting += self._calls.pop(inside.name, [])

    def _pass(self, call: ast.Call, index: int) -> None:
        name = _called(call)
        if name in _SHOWS:
            return
        functions = self.functions.get(name, [])
        for function in functions:
            names = function.parameters
            if index >= len(names) or names[0] in ("self", "cls"):
                self.escapes = True
            else:
                self._carrier(names[index])
        self.escapes = self.escapes or not functions

    def _pass_named(self, keyword: ast.keyword) -> None:
        call = self._parents.get(keyword)
        known = isinstance(call, ast.Call) and _called(call) in self.functions
        if keyword.arg is None or not known:
            self.escapes = True
        else:
            self._carrier(keyword.arg)


class _Writes:
    """Finds the calls that write to a path which an argument gives."""

    def __init__(self, seen: _Seen) -> None:
        self._seen = seen
        self._calls = {
            block: [
                call
                for call in block.calls
                if _called(call) in _SINKS or len(seen.functions.get(_called(call), ())) == 1
            ]
            for block in seen.blocks
        }

    def find(self) -> Iterator[tuple[str, Place]]:
        """The arguments, each with the first place where the script writes to it."""
        found: dict[str, Place] = {}
        for _ in range(3):
            for block in self._seen.blocks:
                for origin, place in self._in(block) if self._calls[block] else ():
                    into = found if origin.kind == "value" else block.writes
                    into.setdefault(origin.name, place)
        yield from found.items()

    def _in(self, block: _Block) -> Iterator[tuple[_Origin, Place]]:
        known = {
            name: _Origin("parameter", name) for name in block.parameters if name not in block.bound
        }
        for name, value in sorted(block.assigned, key=lambda each: each[1].lineno):
            origin = self._origin(value, known) if block.bound.get(name) == 1 else None
            if origin is not None:
                known[name] = origin
        for call in self._calls[block]:
            for path in self._targets(call):
                origin = self._origin(path, known)
                if origin is not None:
                    yield origin, Place(file=block.file, line=call.lineno)

    def _origin(self, node: ast.expr, known: dict[str, _Origin]) -> _Origin | None:
        """The argument whose path an expression is, or lies in."""
        match node:
            case ast.Name(id=name):
                return known.get(name)
            case ast.Attribute(value=ast.Name(id=owner)) if owner in self._seen.carriers:
                return _Origin("value", node.attr)
            case ast.Call(func=ast.Attribute(value=path)) if _called(node) in _SAME_PLACE:
                return self._origin(path, known)
            case ast.Call(args=[first, *_]) if _called(node) in _SAME_PATH:
                return self._origin(first, known)
            case ast.BinOp(op=ast.Div() | ast.Add()):
                return self._origin(node.left, known)
            case ast.JoinedStr(values=[ast.FormattedValue() as first, *_]):
                return self._origin(first.value, known)
            case _:
                return None

    def _targets(self, call: ast.Call) -> Iterator[ast.expr]:
        """The paths that a call writes to."""
        name = _called(call)
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        dotted = f"{owner.id}.{name}" if isinstance(owner, ast.Name) else f".{name}"
        first, second = [*call.args, None, None][:2]
        path: ast.expr | None = None
        if name == "open":
            builtin = owner is None or dotted in _OPENS
            mode = (second if builtin else first) or _named(call, "mode")
            path = (first if builtin else owner) if _is_writing(mode) else None
        elif name in _WRITES or dotted in _FIRST:
            path = first
        elif name in _WRITES_ITSELF:
            path = owner
        elif dotted in _SECOND:
            path = second
        elif functions := self._seen.functions.get(name):
            yield from self._handed_on(call, functions)
        if path is not None:
            yield path

    def _handed_on(self, call: ast.Call, functions: list[_Block]) -> Iterable[ast.expr]:
        """What is passed to a function of the folder that writes to it."""
        if len(functions) > 1 or (
            isinstance(call.func, ast.Attribute) and not isinstance(call.func.value, ast.Name)
        ):
            return
        (function,) = functions
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


def _named(call: ast.Call, name: str) -> ast.expr | None:
    return next((each.value for each in call.keywords if each.arg == name), None)


def _is_writing(mode: ast.expr | None) -> bool:
    if not isinstance(mode, ast.Constant) or not isinstance(mode.value, str):
        return False
    return bool(_MODE.fullmatch(mode.value)) and not {"w", "a", "x", "+"}.isdisjoint(mode.value)
