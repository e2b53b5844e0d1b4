"""What many rules look at: the inputs, outputs and texts of all steps, gathered once for a spec."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple, TypeVar

from amlshare import references
from amlshare.diagnostics import Route
from amlshare.references import BadReference, Reference, Text
from amlshare.spec import Input, Output, Part, Spec, Step

View = TypeVar("View")

_gathered: dict[str, tuple[Spec, object]] = {}
# The same words stand in many steps.
parse = lru_cache(maxsize=4096)(references.parse)


def once(gather: Callable[[Spec], View]) -> Callable[[Spec], View]:
    """Remember what was gathered from a spec until another one is asked for, or :func:`forget`."""

    def view(spec: Spec) -> View:
        last = _gathered.get(gather.__name__)
        if last is None or last[0] is not spec:
            last = _gathered[gather.__name__] = (spec, gather(spec))
        return last[1]  # type: ignore[return-value]  # each name has one kind of view

    return view


def forget() -> None:
    """Let go of the last spec."""
    _gathered.clear()
    parse.cache_clear()


@once
def each_input(spec: Spec) -> list[tuple[str, str, Input, Route]]:
    """Every input with its step, its name and its route."""
    return [
        (step, name, given, ("steps", step, "inputs", name))
        for step, body in spec.steps.items()
        for name, given in body.inputs.items()
    ]


@once
def each_output(spec: Spec) -> list[tuple[str, str, Output, Route]]:
    """Every output with its step, its name and its route."""
    return [
        (step, name, output, ("steps", step, "outputs", name))
        for step, body in spec.steps.items()
        for name, output in body.outputs.items()
    ]


def source_of(spec: Spec, source: str) -> tuple[str, str] | None:
    """The type and the format of an edge, which are its source's; None for an unknown source."""
    step, dot, output = source.partition(".")
    if not dot:
        data = spec.data.get(source)
        return (data.type, data.format) if data else None
    body = spec.steps.get(step)
    if body is None or output not in body.outputs:
        return None
    return body.outputs[output].type, body.outputs[output].format


def source_type(spec: Spec, source: str) -> str | None:
    """The type of an edge, which is its source's; None for an unknown source."""
    found = source_of(spec, source)
    return found[0] if found else None


@once
def sources(spec: Spec) -> dict[str, str | None]:
    """Every source that an input names, with its type; None for an unknown one."""
    named = {given.source for _, _, given, _ in each_input(spec)}
    return {source: source_type(spec, source) for source in named}


class Program(NamedTuple):
    """What a step runs: the step's own keys say so, or those of a part of its sequence."""

    step: str
    owner: Step
    body: Step | Part
    route: Route


@once
def each_program(spec: Spec) -> list[Program]:
    """Everything that is run."""
    found: list[Program] = []
    for name, step in spec.steps.items():
        route: Route = ("steps", name)
        if step.sequence is None:
            found.append(Program(name, step, step, route))
        for index, part in enumerate(step.sequence or ()):
            found.append(Program(name, step, part, (*route, "sequence", index)))
    return found


class Place(NamedTuple):
    """A text that references may stand in: an argument's word or a command's line."""

    step: str
    route: Route
    parts: Text
    bad: tuple[BadReference, ...]

    @property
    def is_command(self) -> bool:
        return self.route[-1] == "command"


@once
def texts(spec: Spec) -> list[Place]:
    """Every text with a ``$`` in the arguments and commands of the steps."""
    return [
        Place(step, route, *parse(text)) for step, route, text in each_word(spec) if "$" in text
    ]


@once
def each_reference(spec: Spec) -> list[tuple[Place, Reference]]:
    """Every reference in the arguments and commands of the steps."""
    return [
        (place, part)
        for place in texts(spec)
        for part in place.parts
        if isinstance(part, Reference)
    ]


@once
def each_word(spec: Spec) -> list[tuple[str, Route, str]]:
    """The texts of all arguments and commands, with their steps and routes."""
    found: list[tuple[str, Route, str]] = []
    for name, _, body, route in each_program(spec):
        if body.command is not None:
            found.append((name, (*route, "command"), body.command))
        elif isinstance(body.arguments, list):
            found += _listed(name, (*route, "arguments"), body.arguments)
        else:
            for flag, value in body.arguments.items():
                if isinstance(value, str):
                    found.append((name, (*route, "arguments", flag), value))
                elif isinstance(value, list):
                    found += _listed(name, (*route, "arguments", flag), value)
    return found


def _listed(name: str, route: Route, words: list[object]) -> Iterator[tuple[str, Route, str]]:
    for index, word in enumerate(words):
        if isinstance(word, str):
            yield name, (*route, index), word
