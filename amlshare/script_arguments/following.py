"""Follows a script statement by statement, without running it, to where it reads its words.

Names stand for what they certainly stand for, and for UNKNOWN else. Where it is open whether a
statement runs, it is followed as one that *may*: what it does to a parser makes that parser open,
what it assigns is unknown, and a parser that reads its words there proves nothing.
"""

from __future__ import annotations

import re
from typing import Any

from amlshare.script_arguments.accepted import Accepted
from amlshare.script_arguments.calls import Calls
from amlshare.script_arguments.leaving import GaveUp, Left
from amlshare.script_arguments.values import (
    UNKNOWN,
    Argv,
    Bound,
    Class,
    Command,
    Commands,
    Deferred,
    External,
    Function,
    Given,
    Group,
    Module,
    OptionValue,
    ParserValue,
    Scope,
    Typer,
    known,
)

_BYTES = 500_000
_TELLING = re.compile(rb"\b(?:argparse|argv|click|typer|add_argument|parse_args)\b")


class Follower(Calls):
    """Follows one script; of a parallel one, what it does when loaded, and its `init()`."""

    def follow(self) -> Accepted:
        """What the script does with its words."""
        try:
            scope = self.load(self._script)
            if self.parallel:
                init = scope.names.get("init")
                if isinstance(init, Function):
                    self.run_function(init, Given())
        except Left:
            pass
        except (GaveUp, RecursionError):
            return Accepted(unclear="it is too long to follow")
        return Accepted(
            parsings=tuple(self._parsings),
            counted=() if self.parallel else tuple(self._counted),
            unclear=self._unclear,
        )

    def load(self, file: str) -> Scope:
        """The names of a module, which is followed when it is first wanted."""
        if file in self._modules:
            return self._modules[file]
        tree = self._sources.tree(file)
        scope = self._modules[file] = Scope(file=file)
        if tree is None:
            self.unsure(f"{file} cannot be parsed")
            self._doubt = True
            return scope
        text = self._text(file)
        self._words.add(file, text, tree)
        is_script = file == self._script and not self.parallel
        scope.names["__name__"] = "__main__" if is_script else file.removesuffix(".py")
        scope.names["__doc__"] = UNKNOWN
        scope.names["__file__"] = UNKNOWN
        calls, self._calls = self._calls, []
        self._loading.append(file)
        try:
            self.block(tree.body, scope)
        finally:
            self._loading.pop()
            self._calls = calls
        return scope

    def module(self, dotted: str, level: int, scope: Scope) -> Any:
        """What `import dotted` gives, which is followed; outside the folder, its name."""
        found = self._sources.module(dotted, level, scope.module.file, self._script)
        if found is None:
            return External(dotted) if not level else UNKNOWN
        self._load_telling(found.loaded)
        return Module(file=found.file, folder=found.folder)

    def _load_telling(self, files: tuple[str, ...]) -> None:
        """Load what may have to do with arguments; the rest waits until it is wanted."""
        for file in files:
            if self._tells(file):
                self.load(file)

    def _tells(self, file: str) -> bool:
        """Whether a file, or one that it imports, may have to do with arguments."""
        waiting = [file]
        while waiting:
            each = waiting.pop()
            if each in self._silent:
                continue
            if _TELLING.search(self._text(each)):
                return True
            self._silent.add(each)
            waiting += self._sources.imported(each, self._script)
        return False

    def _text(self, file: str) -> bytes:
        """The source of a file. Raises GaveUp where that of all files is too long."""
        text = self._sources.text(file)
        if file not in self._read:
            self._read.add(file)
            self._bytes += len(text)
        if self._bytes > _BYTES:
            raise GaveUp
        return text

    def member(self, owner: Any, name: str) -> Any:
        """``owner.name``."""
        match owner:
            case External():
                return (
                    Argv(0, whole=True)
                    if (owner.name, name) == ("sys", "argv")
                    else External(f"{owner.name}.{name}")
                )
            case Module():
                return self._module_member(owner, name)
            case Function() if owner.command is not None:
                return Bound(owner.command, name)
            case Class():
                self.touch(owner)
                return UNKNOWN
            case Argv() | ParserValue() | Group() | Commands() | OptionValue() | Bound():
                return Bound(owner, name)
            case Command() | Typer():
                return Bound(owner, name)
            case _ if known(owner) or isinstance(owner, (list, dict, tuple)):
                return Bound(owner, name)
            case _:
                return UNKNOWN

    def resolved(self, value: Any) -> Any:
        """A value, looked up where that was put off."""
        if isinstance(value, Deferred):
            return self._module_member(value.module, value.name)
        return value

    def _module_member(self, module: Module, name: str) -> Any:
        scope = self.load(module.file) if module.file else None
        if scope is not None and name in scope.names:
            return self.resolved(scope.names[name])
        found = self._sources.inside(module.folder, name)
        if found is None:
            return UNKNOWN
        self._load_telling(found.loaded)
        return Module(file=found.file, folder=found.folder)
