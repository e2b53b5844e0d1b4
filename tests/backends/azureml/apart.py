"""Python in a process of its own, signed in to a stand-in of the service."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Mapping

from conftest import Completed, clean_environment

SIGN_IN = """
import os
from amlshare.backends.azureml import sdk, signin
from amlshare.backends.interface import BackendError, WorkspaceName

name = WorkspaceName(
    subscription_id=os.environ["AZURE_SUBSCRIPTION_ID"],
    resource_group=os.environ["AZUREML_RESOURCE_GROUP"],
    name=os.environ["AZUREML_WORKSPACE"],
)
workspace = signin.workspace(name)
"""


def run(code: str, environment: Mapping[str, str]) -> Completed:
    """The output of ``code``; what it raises ends it with the last line of stderr, and 1."""
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=clean_environment() | dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return Completed(stdout=process.stdout, stderr=process.stderr, exit_code=process.returncode)


def signed_in(code: str, environment: Mapping[str, str]) -> Completed:
    """The same after ``workspace`` is opened."""
    return run(SIGN_IN + textwrap.dedent(code), environment)


def error(completed: Completed) -> str:
    """The message of what was raised."""
    return completed.stderr.strip().splitlines()[-1].partition(": ")[2]
