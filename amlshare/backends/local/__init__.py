"""The backend that runs a pipeline on this machine, with nothing but Python.

Its parts are imported where they are used: `plan` needs `limits` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amlshare.backends.interface import Outcome, Settings, Watch
    from amlshare.plan import Plan

name = "local"


def to_job(plan: Plan) -> dict[str, Any]:
    """The plan in this machine's terms: plain data."""
    from amlshare.backends.local import job

    return job.to_data(job.make_job(plan))


def submit(plan: Plan, settings: Settings, watch: Watch) -> Outcome:
    """Run ``plan`` here and wait for its end.

    Raises BackendError, and KeyboardInterrupt when it was stopped: submitted again, it goes on.
    """
    import os

    if os.name != "posix":
        from amlshare.backends.interface import BackendError

        raise BackendError("pipelines run on Linux and macOS; on Windows, run this in WSL")
    from amlshare.backends.local import executor

    return executor.submit(plan, settings, watch)
