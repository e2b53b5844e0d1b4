"""What it costs on Azure that steps share a code folder.

A snapshot is compared as a whole: a change of any file in it runs every step of the folder again,
also those that do not use the file. In most pipelines that is cheap, and nothing is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from amlshare.advice.interface import Advice, Subject
from amlshare.diagnostics import Finding
from amlshare.movement import Moves
from amlshare.pipeline import Script, Step, feeders, scripts
from amlshare.plan import Plan
from amlshare.units import show_size, show_times

_BYTES = 50 * 10**9
_SECONDS = 300
"""What must move, or be waited for at least, before folders are worth being taken apart."""
_TRIED = 20
"""Steps of which it is asked what a change of their code runs again: the last, which feed least."""
_SHOWN = 3


class _Cost(NamedTuple):
    """What some steps move, and for how long they wait, from and to."""

    bytes: int
    low: float
    high: float

    @property
    def is_much(self) -> bool:
        return self.bytes >= _BYTES or self.low >= _SECONDS


def coupled_reruns(about: Subject) -> Iterator[Advice]:
    """coupled-reruns: a change of one step's script moves much for others that do not use it."""
    plan = about.plan
    if plan.backend == "local":
        return
    costs = _Costs(plan, about.moves)
    for folder, steps in _by_folder(plan).items():
        if len(steps) > 1 and costs.of(costs.with_followers(steps)).is_much:
            found = [_needless(step, steps, plan, costs) for step in steps[-_TRIED:]]
            cost, step, others = max(found, key=lambda each: each[0])
            if cost.is_much:
                yield _advice(folder, step, others, cost)


def _by_folder(plan: Plan) -> dict[str, list[Step]]:
    """The steps of each code folder that are in the run, in run order."""
    found: dict[str, list[Step]] = {}
    for step in plan.pipeline.steps:
        if step.code is not None and (plan.selected is None or step.name in plan.selected):
            found.setdefault(step.code, []).append(step)
    return found


class _Costs:
    """What the steps of a plan move and wait for, as far as that is known, and who follows whom."""

    def __init__(self, plan: Plan, moves: Moves) -> None:
        self._bytes: dict[str, int] = {}
        for each in moves.edges:
            name = each.edge.step
            self._bytes[name] = self._bytes.get(name, 0) + (each.moved_bytes or 0)
        self._waits = moves.waiting.steps
        self._followers: dict[str, list[str]] = {}
        for step in plan.pipeline.steps:
            for feeder in feeders(step):
                self._followers.setdefault(feeder, []).append(step.name)

    def of(self, steps: Iterable[str]) -> _Cost:
        """That of ``steps`` together."""
        names = list(steps)
        waits = [wait for name in names if (wait := self._waits.get(name))]
        return _Cost(
            bytes=sum(self._bytes.get(name, 0) for name in names),
            low=sum(wait.low for wait in waits),
            high=sum(wait.high for wait in waits),
        )

    def with_followers(self, steps: Iterable[Step]) -> set[str]:
        """``steps`` and all that runs after one of them."""
        found: set[str] = set()
        waiting = [step.name for step in steps]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self._followers.get(name, [])
        return found


def _needless(
    step: Step, steps: list[Step], plan: Plan, costs: _Costs
) -> tuple[_Cost, Step, list[str]]:
    """What a change of the script of ``step`` costs in vain, and which steps it then runs."""
    codes = {(code.folder, code.scripts): code.files for code in plan.code}
    own = _own_file(step, codes)
    if own is None:
        return costs.of(()), step, []
    users = [each for each in steps if own in _files(each, codes)]
    vain = costs.with_followers(steps) - costs.with_followers(users)
    always = {each.name for each in plan.pipeline.steps if not each.reuse}
    names = [each.name for each in plan.pipeline.steps if each.name in vain - always]
    return costs.of(names), step, names


_Codes = Mapping[tuple[str, tuple[str, ...]], Mapping[str, str]]


def _own_file(step: Step, codes: _Codes) -> str | None:
    """The script of a step; None where a command may run anything."""
    names = scripts(step.run)
    return names[0] if names and names[0] in _files(step, codes) else None


def _files(step: Step, codes: _Codes) -> Collection[str]:
    return codes.get((step.code or "", scripts(step.run)), {})


def _advice(folder: str, step: Step, others: list[str], cost: _Cost) -> Advice:
    more = len(others) - _SHOWN
    named = ", ".join(f"'{name}'" for name in others[:_SHOWN])
    named += f" and {more:,} more" if more > 0 else ""
    wait = f", {show_times(cost.low, cost.high)} of waiting" if cost.high >= 1 else ""
    is_script = isinstance(step.run, Script)
    return Advice(
        finding=Finding(
            code="coupled-reruns",
            severity="hint",
            message=f"on Azure, each change of '{scripts(step.run)[0]}' runs {named} again without "
            f"need: {show_size(cost.bytes)} to move{wait}",
            route=("steps", step.name, "script") if is_script else ("steps", step.name),
            on="value" if is_script else "key",
            label=f"code folder '{folder}' is uploaded and compared as a whole",
            help=f"move what only '{step.name}' runs into a folder of its own, and name it with "
            "`code:` there",
        )
    )
