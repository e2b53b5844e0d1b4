"""Text as YAML nodes: composed by libyaml, bounded in depth and in what aliases add."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from amlshare.document.syntax import Fault, explain

MAX_DEPTH = 100
MAX_ALIASED = 1_000_000
"""How many values the aliases of a file may add to those that are written out."""


@contextmanager
def collector_paused() -> Iterator[None]:
    """For while nodes arise by the hundred thousand, and none is garbage.

    To look for it would take four times as long as to read them.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _TooDeepError(Exception):
    def __init__(self, node: yaml.Node) -> None:
        super().__init__()
        self.node = node


class _Bounded:
    """What PyYAML's composers ask back: no tag is guessed, and depth has an end.

    They call themselves for each level, so that a file of brackets could end the process.
    """

    depth = 0

    def resolve(self, *_: object) -> str:
        return ""

    def descend_resolver(self, parent: yaml.Node, _: object) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _TooDeepError(parent)

    def ascend_resolver(self) -> None:
        self.depth -= 1


class _PythonComposer(_Bounded, Reader, Scanner, Parser, Composer):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)


_Composer: type = _PythonComposer
if yaml.__with_libyaml__:
    from yaml._yaml import CParser

    class _LibyamlComposer(_Bounded, CParser):
        pass

    _Composer = _LibyamlComposer


def compose(text: str) -> tuple[yaml.Node | None, list[Fault]]:
    """The root node, None where there is none, and what stopped the parser or came too much."""
    with collector_paused():
        try:
            return _compose(_Composer(text), text)
        except yaml.MarkedYAMLError as error:
            return None, [explain(error, text)]
        except _TooDeepError as error:
            return None, [_too_deep(error.node)]
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            said = str(error).partition("\n")[0]
            message = f"the parser gave up on this file: {said}"
            return None, [Fault(code="yaml-syntax", message=message, start=0, end=0)]


def _compose(composer: Any, text: str) -> tuple[yaml.Node | None, list[Fault]]:
    root = composer.get_node() if composer.check_node() else None
    if root is None:
        return None, []
    faults = []
    if composer.check_node():
        faults.append(_another_document(text, root.end_mark.index))
    if "&" in text and (fault := _alias_fault(root, text)):
        return None, [*faults, fault]
    return root, faults


def _another_document(text: str, index: int) -> Fault:
    found = re.compile(r"^(---|\.\.\.)(?=\s|\Z)", re.MULTILINE).search(text, index)
    start, end = found.span() if found else (index, index)
    return Fault(
        code="several-documents",
        message="a second document starts here, and a spec is one",
        start=start,
        end=end,
        help="put each pipeline into a file of its own, or take this line out",
    )


def _too_deep(node: yaml.Node) -> Fault:
    start = node.start_mark.index
    return Fault(
        code="too-deep",
        message=f"more than {MAX_DEPTH} values stand inside each other",
        start=start,
        end=start + 1,
        help="a spec needs fewer than ten",
    )


class _AliasError(Exception):
    def __init__(self, node: yaml.Node, code: str, message: str, advice: str) -> None:
        super().__init__(message)
        self.node, self.code, self.message, self.advice = node, code, message, advice

    def fault(self, text: str) -> Fault:
        start = self.node.start_mark.index
        anchor = re.compile(r"&[^\s,\[\]{}]*").match(text, start)
        return Fault(
            code=self.code,
            message=self.message,
            start=start,
            end=anchor.end() if anchor else start + 1,
            help=self.advice,
        )


def _alias_fault(root: yaml.Node, text: str) -> Fault | None:
    """Why the tree cannot be written out as plain data, where aliases make it endless or huge."""
    try:
        _weigh(root, {})
    except _AliasError as error:
        return error.fault(text)
    except _TooDeepError as error:
        return _too_deep(error.node)
    return None


def _weigh(node: yaml.Node, known: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """How many nodes ``node`` becomes when each alias is written out, and how deep they stand."""
    if id(node) in known:
        if (weight := known[id(node)]) is not None:
            return weight
        raise _AliasError(
            node,
            "alias-cycle",
            "this value contains itself",
            "write the inner value out, in place of the alias",
        )
    known[id(node)] = None
    count, depth = 1, 0
    for child in _children(node):
        below, deep = _weigh(child, known)
        count, depth = count + below, max(depth, deep + 1)
    if count - len(known) > MAX_ALIASED:
        raise _AliasError(
            node,
            "alias-bomb",
            f"the aliases in this value stand for more than {MAX_ALIASED:,} values",
            "write out what the spec needs",
        )
    if depth > MAX_DEPTH:
        raise _TooDeepError(node)
    known[id(node)] = count, depth
    return count, depth


def _children(node: yaml.Node) -> Iterable[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return (child for pair in node.value for child in pair)
    return node.value if isinstance(node, yaml.SequenceNode) else ()
