"""What a backend is: the one place where a new backend starts reading.

A backend is a package or module with the names of :class:`Backend`. Its ``to_job`` is pure and
gives plain data; ``submit`` is what acts on it. What only one backend can be asked, such as what is
published in a workspace, is in its own modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from amlshare.diagnostics import Finding
from amlshare.movement.known import Size
from amlshare.plan import Plan

Status: TypeAlias = Literal["queued", "running", "completed", "failed", "skipped", "canceled"]


class BackendError(Exception):
    """The service, a step or this machine failed; the message says what, where and what to do."""


class NotInWorkspaceError(BackendError):
    """The spec names what the workspace does not have, each at its place in the spec."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(each.message for each in self.findings))


class NotSelectedError(BackendError):
    """A step that is to run reads what is made by one that is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A step's process runs now. ``attempt`` counts from 1."""

    step: str
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """A step came to its end. ``seconds`` and ``moved_bytes`` are None where nothing ran."""

    step: str
    status: Status
    reused: bool | None = None
    seconds: float | None = None
    moved_bytes: int | None = None
    message: str | None = None
    log_tail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPrinted:
    """Lines that a step printed, without their ends.

    ``omitted`` lines before them are only in the log.
    """

    step: str
    lines: tuple[str, ...]
    omitted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something a person should know: a mount that became a download, what is not applied."""

    message: str
    step: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The run has its id. ``resumed`` when an interrupted run goes on; ``steps`` in run order.

    ``url`` is that of its page, where it has one.
    """

    run: str
    steps: tuple[str, ...]
    url: str | None = None
    resumed: bool = False
    finished_before: int = 0


Event: TypeAlias = RunStarted | StepStarted | StepFinished | StepPrinted | Noted
Watch: TypeAlias = Callable[[Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceName:
    """An Azure ML workspace, by name."""

    subscription_id: str
    resource_group: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """What `--publish` adds: None is what the spec says under `publish`."""

    endpoint: str | None = None
    version_label: str | None = None
    disable_old: bool = False
    run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to submit: what the command line adds to the plan. ``base`` is the spec's folder.

    ``workspace`` is None for a backend of this machine. Without ``wait`` a submit returns when the
    service has the run. With ``publishing`` the pipeline is published instead of run.
    ``found_with`` are the options with which `logs` and `cancel` find the run.
    """

    base: Path
    state: Path
    workspace: WorkspaceName | None = None
    wait: bool = True
    publishing: Publishing | None = None
    create_compute: bool = False
    jobs: int | None = None
    python: str | None = None
    as_cloud: bool = False
    regenerate: bool = False
    continue_on_step_failure: bool = False
    experiment: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    found_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """How a step of a run ended, and why. ``run`` is the id of its own run, where the service has
    one.
    """

    name: str
    status: Status
    reused: bool | None = None
    seconds: float | None = None
    moved_bytes: int | None = None
    message: str | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A published pipeline. ``created`` is False for one that was there already."""

    id: str
    name: str
    version: str | None = None
    endpoint: str | None = None
    created: bool = True
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a submit ended. ``outputs`` maps ``STEP.OUTPUT`` to where it lies, for people.

    ``run`` is None where a pipeline was published and not run, ``published`` where it was only run;
    ``notes`` say what else was done: endpoints, schedules, compute targets, uploads.
    ``found_with`` are the options with which `logs` and `cancel` find the run. ``sizes`` says what
    lay at the sources (``DATA``, ``STEP.OUTPUT``) that the run has seen.
    """

    run: str | None
    backend: str
    status: Status
    published: Published | None = None
    notes: tuple[str, ...] = ()
    url: str | None = None
    steps: tuple[StepOutcome, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    found_with: tuple[str, ...] = ()
    sizes: Mapping[str, Size] = field(default_factory=dict)


class Backend(Protocol):
    """The names of a backend that submits; what it cannot do stands in ``backends.check``."""

    def to_job(self, plan: Plan) -> dict[str, Any]:
        """The plan in this backend's terms: plain data, no clock, no network."""

    def submit(self, plan: Plan, settings: Settings, watch: Watch) -> Outcome:
        """Run the job of ``plan`` and wait for its end. Raises BackendError."""
