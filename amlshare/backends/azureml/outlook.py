"""What a submit would find in the workspace: whether all is there, and which steps it knows."""

from __future__ import annotations

from pathlib import Path

from amlshare.backends.azureml import build, online, sdk, signin, staging
from amlshare.backends.azureml.job import make_job
from amlshare.backends.interface import NotInWorkspaceError, WorkspaceName
from amlshare.plan import Plan


def known_modules(plan: Plan, base: Path, name: WorkspaceName) -> dict[str, bool]:
    """Of each step, whether the workspace has its module already; nothing is changed there.

    Raises BackendError, and NotInWorkspaceError for what the workspace lacks.
    """
    job = make_job(plan)
    with staging.staged(job, base) as code:
        sdk.prepare()
        workspace = signin.workspace(name, interactive=True)
        if missing := online.missing(job, workspace):
            raise NotInWorkspaceError(missing)
        return dict(online.modules(build.build(job, workspace, code, base)))
