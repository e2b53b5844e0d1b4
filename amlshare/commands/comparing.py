"""How a spec differs from something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amlshare.commands.planning import plan
from amlshare.commands.request import Request, UsageError, find_workspace

if TYPE_CHECKING:
    from amlshare.diff import Diff


def diff(request: Request, against: str = "published") -> Diff:
    """How a spec differs from what is published of it in its workspace.

    Raises UsageError, SpecError, or BackendError, also where nothing is published.
    """
    if against != "published":
        raise UsageError(f"--against '{against}' is not known: this version knows 'published'")
    if request.backend != "azureml":
        raise UsageError(f"nothing is published with `--backend {request.backend}`")
    if request.select is not None or request.exclude is not None:
        raise UsageError("a pipeline is published as a whole: take --select and --exclude out")
    from amlshare.backends.azureml import published

    made = plan(request)
    name = find_workspace(request, made.pipeline)
    assert name is not None
    return published.diff(made, request.base, name, of=request.spec)
