"""What a submit would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from amlshare.advice import advise
from amlshare.codes import CodeReader
from amlshare.commands.knowledge import known
from amlshare.commands.reading import Reading, at_their_places, has_errors, in_order, read
from amlshare.commands.request import Request, UsageError, find_workspace
from amlshare.diagnostics import Diagnostic, SpecError
from amlshare.document.tree import collector_paused
from amlshare.layers import AS_THEY_ARE
from amlshare.movement import Moves
from amlshare.movement.known import Known
from amlshare.pipeline import Pipeline
from amlshare.plan import Plan, make_plan, moves_of
from amlshare.snapshots import SnapshotError

if TYPE_CHECKING:
    from amlshare.backends.azureml.graph import Graph
    from amlshare.movement.budget import Budget, Verdict


def plan(request: Request) -> Plan:
    """What a submit would do. Raises SpecError with every diagnostic when one is an error."""
    return planned(request)[0]


def planned(
    request: Request, texts: Mapping[str, str] = AS_THEY_ARE, told: Known | None = None
) -> tuple[Plan, Moves]:
    """A plan as :func:`plan` makes it, and all that moves in it.

    ``texts`` are read in place of the files of these names; ``told`` is what is known beside the
    spec, None to look.
    """
    made, moves = draft(request, texts, told)
    if has_errors(made.diagnostics):
        raise SpecError(made.diagnostics)
    return made, moves


def draft(
    request: Request, texts: Mapping[str, str] = AS_THEY_ARE, told: Known | None = None
) -> tuple[Plan, Moves]:
    """A plan as :func:`planned` makes it, but for one thing: where no run could keep to it, its
    diagnostics say so. Raises SpecError for a spec of which there can be no plan.
    """
    reading = read(request, texts)
    if reading.pipeline is None:
        raise SpecError(reading.diagnostics)
    snapshots = reading.snapshots
    try:
        with collector_paused():
            made = make_plan(
                reading.pipeline,
                backend=request.backend,
                read_code=CodeReader(snapshots),
                digest_file=lambda file: snapshots.digest(snapshots.base / file),
                selected=_selected(reading.pipeline, request),
                known=told or known(request, reading.pipeline, reading.lock, reading.profiles),
            )
            moves = moves_of(made)
            return _advised(made, moves, reading), moves
    except SnapshotError as error:
        found = Diagnostic(code="unreadable-code", severity="error", message=str(error))
        raise SpecError([found, *reading.diagnostics]) from None


def _advised(made: Plan, moves: Moves, reading: Reading) -> Plan:
    """The plan with all that is to say of it."""
    assert reading.document is not None
    advice = [reading.document.locate(each.said) for each in advise(made, moves)]
    found = in_order([*reading.diagnostics, *advice]) if advice else reading.diagnostics
    return replace(made, diagnostics=found)


def _selected(pipeline: Pipeline, request: Request) -> tuple[str, ...] | None:
    if request.select is None and request.exclude is None:
        return None
    from amlshare.selection import SelectionError, select

    try:
        return select(pipeline, request.select or "", request.exclude or "")
    except SelectionError as error:
        raise UsageError(str(error)) from None


def graph(plan: Plan) -> Graph | None:
    """What SDK v1 builds of a plan, None for other backends.

    Raises UsageError where it cannot: a selected step reads from one that is not.
    """
    if plan.backend != "azureml":
        return None
    from amlshare.backends.azureml.graph import make_graph
    from amlshare.backends.azureml.job import make_job
    from amlshare.backends.interface import NotSelectedError

    try:
        with collector_paused():
            return make_graph(make_job(plan))
    except NotSelectedError as error:
        raise UsageError(str(error)) from None


def online(plan: Plan, request: Request, tell: Callable[[str], None]) -> dict[str, bool]:
    """Ask the workspace for what a plan names; says of each step whether its module is there.

    ``tell`` is told where it has other data than the plan goes by. Raises SpecError with what the
    workspace does not have, or BackendError.
    """
    from amlshare.backends.interface import NotInWorkspaceError, NotSelectedError

    if plan.backend != "azureml":
        raise UsageError(f"--online asks a workspace, which `--backend {plan.backend}` does not do")
    from amlshare.backends.azureml import online as workspace

    name = find_workspace(request, plan.pipeline)
    assert name is not None
    try:
        return workspace.known_modules(plan, request.base, name, tell)
    except NotSelectedError as error:
        raise UsageError(str(error)) from None
    except NotInWorkspaceError as error:
        raise at_their_places(error.findings, request) from None


def judge(plan: Plan, moves: Moves, budget: Budget) -> Verdict:
    """Whether what is known to move in a run of a plan keeps within a budget."""
    from amlshare.movement import budget as budgets

    return budgets.judge(budget, moves, steps=plan.selected, shared=plan.backend == "local")


def plan_document(
    plan: Plan,
    moves: Moves,
    graph: Graph | None = None,
    modules: Mapping[str, bool] | None = None,
) -> dict[str, Any]:
    """The JSON of a plan and what moves in it, of the graph that it becomes, and which of its
    modules are there.
    """
    from amlshare.plan import plain
    from amlshare.plan_document import dump

    with collector_paused():
        document = dump(plan, moves)
        if graph is not None:
            document["graph"] = plain(graph)
        if modules is not None:
            document["modules"] = dict(modules)
        return document
