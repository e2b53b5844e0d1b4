"""Which steps a person means: the selection grammar that dbt users know.

A term names steps: by name or pattern (``train``, ``feat*``), by tag (``tag:daily``, or
``tag:team=ops``), by kind (``type:parallel``) or by what they read (``source:flights``). ``+train``
adds what feeds them, ``train+`` what they feed, ``2+train+1`` within so many edges, ``@train`` what
they feed and everything that feeds those. Terms with a comma between are met together, terms with
a space between are added up, and a term that starts with ``!`` is taken away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from amlshare.diagnostics import closest
from amlshare.pipeline import Pipeline, Step, feeders

_TERM = re.compile(
    r"(?P<at>@)?(?:(?P<up>\d*)\+)?(?:(?P<method>[a-z]+):)?(?P<value>[^+@\s,!]+)(?:\+(?P<down>\d*))?"
)
METHODS = ("tag", "type", "source", "name")

Graph = Mapping[str, Iterable[str]]


class SelectionError(ValueError):
    """An expression that cannot be read, or a term that names nothing."""


def select(pipeline: Pipeline, expression: str, exclude: str = "") -> tuple[str, ...]:
    """The names of the selected steps, in run order. Raises SelectionError."""
    words = expression.split()
    wanted = [word for word in words if not word.startswith("!")]
    unwanted = [word[1:] for word in words if word.startswith("!")] + exclude.split()
    graph = _Graph(pipeline)
    chosen = set(graph.steps) if not wanted else _union(wanted, graph)
    chosen -= _union(unwanted, graph)
    if not chosen:
        said = " ".join([*wanted, *(f"!{word}" for word in unwanted)])
        raise SelectionError(f"'{said}' selects no step")
    return tuple(step.name for step in pipeline.steps if step.name in chosen)


class _Graph:
    """The steps by name, and the edges in both directions."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.steps = {step.name: step for step in pipeline.steps}
        self.up: dict[str, tuple[str, ...]] = {}
        self.down: dict[str, list[str]] = {name: [] for name in self.steps}
        for step in pipeline.steps:
            self.up[step.name] = feeders(step)
            for name in self.up[step.name]:
                self.down[name].append(step.name)


def _union(words: Iterable[str], graph: _Graph) -> set[str]:
    found: set[str] = set()
    for word in words:
        found |= set.intersection(*(_term(term, graph) for term in word.split(",")))
    return found


def _term(text: str, graph: _Graph) -> set[str]:
    match = _TERM.fullmatch(text)
    if match is None:
        raise SelectionError(
            f"'{text}' is no selection; expected such as train, +train, train+, tag:daily, !train"
        )
    found = _named(match["method"] or "name", match["value"], graph)
    result = set(found)
    if match["at"]:
        result |= _reach(found, graph.down, None)
        return result | _reach(result, graph.up, None)
    if match["up"] is not None:
        result |= _reach(found, graph.up, int(match["up"]) if match["up"] else None)
    if match["down"] is not None:
        result |= _reach(found, graph.down, int(match["down"]) if match["down"] else None)
    return result


def _named(method: str, value: str, graph: _Graph) -> set[str]:
    if method not in METHODS:
        similar = closest(method, METHODS)
        hint = f"did you mean '{similar}:'?" if similar else f"known: {', '.join(METHODS)}"
        raise SelectionError(f"'{method}:' selects nothing; {hint}")
    found = {name for name, step in graph.steps.items() if _matches(step, method, value)}
    if not found:
        raise SelectionError(_nothing(method, value, graph))
    return found


def _matches(step: Step, method: str, value: str) -> bool:
    match method:
        case "tag":
            key, equals, wanted = value.partition("=")
            tag = step.tags.get(key)
            return tag is not None and (not equals or fnmatchcase(tag, wanted))
        case "type":
            return step.run.kind == value
        case "source":
            return any(fnmatchcase(given.source, value) for given in step.inputs)
        case _:
            return fnmatchcase(step.name, value)


def _nothing(method: str, value: str, graph: _Graph) -> str:
    known = {
        "tag": {key for step in graph.steps.values() for key in step.tags},
        "type": {"script", "command", "parallel", "sequence"},
        "source": {given.source for step in graph.steps.values() for given in step.inputs},
        "name": set(graph.steps),
    }[method]
    similar = closest(value, known)
    what = {"tag": "has the tag", "type": "is of type", "source": "reads"}.get(method, "is called")
    return f"no step {what} '{value}'" + (f"; did you mean '{similar}'?" if similar else "")


def _reach(start: Iterable[str], graph: Graph, depth: int | None) -> set[str]:
    """What is reached from ``start`` within ``depth`` edges, None for all the way."""
    found: set[str] = set()
    front = set(start)
    while front and depth != 0:
        front = {name for each in front for name in graph[each]} - found
        found |= front
        depth = None if depth is None else depth - 1
    return found
