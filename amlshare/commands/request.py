"""What a command is asked for, and how it says that it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amlshare.backends.interface import WorkspaceName
    from amlshare.history import Key
    from amlshare.pipeline import Pipeline

STATE = ".amlshare"
DEFAULT_BACKEND = "azureml"


class UsageError(Exception):
    """The command line asks for what cannot be: exit code 2. The message says what can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the shared options say. ``spec`` is a path, or ``-`` for standard input.

    ``workspace`` has what was given of ``subscription_id``, ``resource_group`` and ``name``.
    """

    spec: str
    backend: str = DEFAULT_BACKEND
    target: str | None = None
    parameters: tuple[str, ...] = ()
    select: str | None = None
    exclude: str | None = None
    workspace: Mapping[str, str] = field(default_factory=dict)

    @property
    def base(self) -> Path:
        """The folder that the spec's paths are relative to."""
        return Path() if self.spec == "-" else Path(self.spec).parent

    @property
    def lock(self) -> Path | None:
        """Where the lock of the spec lies, `NAME.lock.yaml` beside it; None for standard input."""
        return None if self.spec == "-" else Path(self.spec).with_suffix(".lock.yaml")

    @property
    def rates(self) -> Path | None:
        """Where measured rates lie, `NAME.rates.yaml` beside the spec; None for standard input."""
        return None if self.spec == "-" else Path(self.spec).with_suffix(".rates.yaml")

    @property
    def state(self) -> Path:
        """Where local runs, history and the catalogue lie."""
        return self.base / STATE


def find_workspace(request: Request, pipeline: Pipeline) -> WorkspaceName | None:
    """The workspace that a submit goes to; None on this machine. Raises UsageError for none."""
    if request.backend == "local":
        return None
    import os

    from amlshare import workspaces

    try:
        return workspaces.find(request.workspace, os.environ, pipeline.workspace, request.base)
    except workspaces.NoWorkspaceError as error:
        raise UsageError(str(error)) from None


def history_key(request: Request, pipeline: Pipeline) -> Key | None:
    """Whose submits those of a request are; None where no workspace is known."""
    from amlshare.history import Key

    try:
        workspace = find_workspace(request, pipeline)
    except UsageError:
        return None
    return Key(
        backend=request.backend,
        pipeline=pipeline.name,
        target=pipeline.target,
        workspace=workspace,
    )
