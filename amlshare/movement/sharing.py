"""Which steps could be one, so that what they share is fetched once, and why others could not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from amlshare.pipeline import Parallel, Pipeline, Step, feeders

_MANY = 4
"""Steps that are counted, not named."""


class Sharing:
    """The steps of a pipeline, asked whether some of them could be one."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._steps = {step.name: step for step in pipeline.steps}
        self._bits = {name: 1 << number for number, name in enumerate(self._steps)}
        self._before = dict.fromkeys(self._steps, 0)
        self._behind = dict.fromkeys(self._steps, 0)
        needs = {step.name: feeders(step) for step in pipeline.steps}
        for name, needed in needs.items():
            for need in needed:
                self._before[name] |= self._before[need] | self._bits[need]
        for name in reversed(self._steps):
            for need in needs[name]:
                self._behind[need] |= self._behind[name] | self._bits[name]

    def groups(self, names: Collection[str]) -> list[tuple[str, ...]]:
        """Those of ``names`` that could be one step, two or more each, in run order."""
        alike: dict[object, list[str]] = {}
        for name in sorted(set(names), key=self._bits.__getitem__):
            if (key := _surroundings(self._steps[name])) is not None:
                alike.setdefault(key, []).append(name)
        return [group for same in alike.values() if len(group := tuple(self._fitting(same))) > 1]

    def why_apart(self, names: Sequence[str]) -> str:
        """Why no two of the steps ``names`` could be one, by the first two that differ."""
        steps = [self._steps[name] for name in dict.fromkeys(names)]
        for step in steps:
            if isinstance(step.run, Parallel):
                return f"{step.name} is a parallel step"
            if step.nodes != 1 or step.distribution is not None:
                return f"{step.name} runs on several nodes"
        one, *others = steps
        for other in others:
            if said := _difference(one, other):
                return said
        return f"other steps run between {one.name} and {others[0].name}"

    def _fitting(self, names: list[str]) -> Iterator[str]:
        """As many of ``names`` as leave no cycle when they are one step."""
        bits = before = behind = 0
        for name in names:
            more = bits | self._bits[name]
            above, below = before | self._before[name], behind | self._behind[name]
            # a step that runs after one of them and before another would have to do both
            if not above & below & ~more:
                yield name
                bits, before, behind = more, above, below


def _surroundings(step: Step) -> object | None:
    """What steps must have in common to be one; None for a step that stays alone."""
    if isinstance(step.run, Parallel) or step.nodes != 1 or step.distribution is not None:
        return None
    variables = tuple(sorted(step.env.items()))
    limited = step.timeout is not None
    # one more try of all would repeat what only one of them may repeat
    tried = step.retries
    return (step.compute, step.environment, step.code, variables, step.reuse, limited, tried)


def _difference(one: Step, other: Step) -> str | None:
    if one.compute != other.compute:
        return f"{one.name} runs on {one.compute}, {other.name} on {other.compute}"
    if one.environment != other.environment:
        name = other.environment or "none"
        return f"{one.name} runs in environment {one.environment or 'none'}, {other.name} in {name}"
    if one.code != other.code:
        return f"{one.name} and {other.name} have their code in different folders"
    if one.env != other.env:
        return f"{one.name} and {other.name} set different variables"
    if one.reuse != other.reuse:
        return f"{(other if one.reuse else one).name} always runs"
    if (one.timeout is None) != (other.timeout is None):
        return f"only {(other if one.timeout is None else one).name} has a timeout"
    if one.retries != other.retries:
        return f"{one.name} has retries: {one.retries}, {other.name} retries: {other.retries}"
    return None


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them: `a`, `a and b`, `a, b and c`."""
    return " and ".join([*([", ".join(names[:-1])] if names[1:] else []), *names[-1:]])


def _part(some: int, whole: int) -> str:
    return f"all {whole}" if some == whole else f"{some} of them"


def advice(sharing: Sharing, consumers: Sequence[str]) -> str:
    """What would avoid that the steps ``consumers`` fetch one source, each for itself."""
    names = list(dict.fromkeys(consumers))
    if len(names) == 1:
        return f"{names[0]} reads it under several names: read it under one"
    found = sharing.groups(names)
    if found:
        group = found[0]
        shown = listed(group) if len(group) < _MANY else _part(len(group), len(names))
        return f"{shown} could be one step, which fetches it once: --suggest tries it"
    return (
        f"they cannot be one step ({sharing.why_apart(names)}): let one of them hand on what the "
        "others need, or mount it where only a part is read"
    )
