"""The backend that runs and publishes a pipeline on Azure ML with SDK v1.

Its parts are imported where they are used: `plan` needs `limits` and `job` alone, and no SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amlshare.backends.interface import Outcome, Settings, Watch
    from amlshare.plan import Plan

name = "azureml"


def to_job(plan: Plan) -> dict[str, Any]:
    """The plan in the terms of SDK v1: plain data."""
    from amlshare.backends.azureml import job

    return job.to_data(job.make_job(plan))


def submit(plan: Plan, settings: Settings, watch: Watch) -> Outcome:
    """Run or publish ``plan`` in a workspace, and wait for the end of a run.

    Raises BackendError, and KeyboardInterrupt while waiting: the run goes on in the workspace.
    """
    from amlshare.backends.azureml import submission

    return submission.submit(plan, settings, watch)
