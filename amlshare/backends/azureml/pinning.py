"""Environments that a spec asks for in their latest version: which one that is now.

What is published holds the definition of that version, so it is part of what it was made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from amlshare.backends.azureml.job import Job
from amlshare.backends.azureml.sdk import ServiceError, asking


def latest(job: Job, workspace: Any) -> dict[str, str]:
    """The newest version of each environment that the job has no version of, where there is one."""
    found = {}
    for each in job.environments:
        if each.registered is not None and each.version is None:
            version = _version(each.registered, workspace)
            if version is not None:
                found[each.name] = version
    return found


def pinned(job: Job, versions: Mapping[str, str]) -> Job:
    """The job with the versions of :func:`latest` in it."""
    return replace(
        job,
        environments=tuple(
            replace(each, version=versions.get(each.name, each.version))
            for each in job.environments
        ),
    )


def _version(name: str, workspace: Any) -> str | None:
    from azureml.core import Environment

    try:
        with asking(f"looking up environment '{name}'"):
            return str(Environment.get(workspace, name).version)
    except ServiceError as error:
        if error.status == 404:
            return None
        raise
