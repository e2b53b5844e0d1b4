"""What a backend makes of a plan's steps and edges, in words for the rows of the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from amlshare.render.paper import clean
from amlshare.render.words import count

if TYPE_CHECKING:
    from amlshare.backends.azureml.graph import Graph, Module

Ends: TypeAlias = Mapping[tuple[str, str], tuple[str, str]]
"""The kind and the mode of a port, by step and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """Words for steps and ports; empty where the backend is this machine."""

    steps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ends: Ends = field(default_factory=dict)
    summary: str = ""

    def mode(self, step: str, port: str, stated: str) -> str:
        """``auto: mount`` where the spec leaves it open."""
        found = self.ends.get((step, port))
        return f"auto: {found[1]}" if found and stated.startswith("auto") else stated

    def kind(self, step: str, port: str) -> Iterator[str]:
        """The SDK's object behind a port, for its notes."""
        if found := self.ends.get((step, port)):
            yield found[0]


HERE = Built()
"""On this machine nothing stands between the plan and what is done."""


def built(graph: Graph, known: Mapping[str, bool]) -> Built:
    """The words for ``graph``; ``known`` says which steps' modules the workspace has already."""
    ends = {(each.step, each.input): (each.via, each.mode) for each in graph.links}
    ends |= {(each.step, each.output): (each.via, each.mode) for each in graph.outputs}
    return Built(
        steps={each.step: tuple(_words(each, known)) for each in graph.modules},
        ends=ends,
        summary=_summary(graph),
    )


def _words(module: Module, known: Mapping[str, bool]) -> Iterator[str]:
    yield module.kind
    if module.wrapped:
        yield f"in a wrapper: {clean(', '.join(module.wrapped))}"
    if module.step in known:
        yield "eligible for reuse" if known[module.step] else "its module is new"


def _summary(graph: Graph) -> str:
    wrapped = sum(bool(each.wrapped) for each in graph.modules)
    text = f"SDK v1 builds {count(len(graph.modules), 'module')}, "
    text += f"{count(len(graph.data), 'data node')} and {count(len(graph.links), 'edge')}"
    return text + (f"; {count(wrapped, 'step')} in a wrapper." if wrapped else ".")
