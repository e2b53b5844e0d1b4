"""Running and publishing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amlshare import backends
from amlshare.checks.names import ENDPOINT_NAME
from amlshare.commands.planning import plan
from amlshare.commands.reading import at_their_places
from amlshare.commands.request import Request, UsageError, find_workspace
from amlshare.commands.saving import saved
from amlshare.plan import Plan

if TYPE_CHECKING:
    from amlshare.backends.interface import (
        Event,
        Outcome,
        Publishing,
        RunStarted,
        Watch,
        WorkspaceName,
    )
    from amlshare.commands.recording import Recorder


class EndedEarlyError(Exception):
    """A run had begun and is not waited for any more; ``error`` is why."""

    def __init__(self, error: BaseException, run: RunStarted, backend: str) -> None:
        self.error = error
        self.run = run
        self.backend = backend
        super().__init__(str(error))


def submit(
    request: Request, watch: Watch, *, publishing: Publishing | None = None, **options: Any
) -> Outcome:
    """Run or publish a spec or a saved plan.

    Raises UsageError, SpecError (also for what the workspace does not have), or the backend's
    BackendError; and EndedEarlyError for whatever happens once a run has begun. ``options`` are
    fields of :class:`amlshare.backends.interface.Settings`.
    """
    from amlshare.backends.interface import Settings
    from amlshare.commands.recording import Recorder

    if request.spec.endswith(".json"):
        made, request = saved(request)
    else:
        made = plan(request)
    backend = backends.get(request.backend)
    if backend is None:
        raise UsageError(f"this version plans for '{request.backend}' and does not submit to it")
    _only_for(request.backend, {**options, "publishing": publishing})
    if publishing is not None:
        _publishable(publishing, waits=options.get("wait", True))
    workspace = find_workspace(request, made.pipeline)
    settings = Settings(
        base=request.base,
        state=request.state,
        workspace=workspace,
        publishing=publishing,
        found_with=_found_with(request, workspace),
        **options,
    )
    recorder = Recorder(made, request, watch)
    sent = _as_in_the_cloud(made) if settings.as_cloud else made
    outcome = _submitted(lambda told: backend.submit(sent, settings, told), recorder, request)
    return replace(outcome, found_with=settings.found_with)


def _as_in_the_cloud(plan: Plan) -> Plan:
    """A plan for this machine with the modes that the cloud would choose for its files."""
    from amlshare.movement.modes import choose_as_in_the_cloud

    chosen = choose_as_in_the_cloud(plan.pipeline, known=plan.known)
    return replace(plan, modes={**plan.modes, **chosen})


def _submitted(submit: Callable[[Watch], Outcome], recorder: Recorder, request: Request) -> Outcome:
    """What ``submit`` gives, and its errors as those of a command; the history has either."""
    from amlshare.backends.interface import NotInWorkspaceError, NotSelectedError, RunStarted

    begun: list[RunStarted] = []

    def told(event: Event) -> None:
        if isinstance(event, RunStarted):
            begun.append(event)
        recorder.watch(event)

    try:
        outcome = submit(told)
    except NotSelectedError as error:
        raise UsageError(str(error)) from None
    except NotInWorkspaceError as error:
        raise at_their_places(error.findings, request) from None
    except (Exception, KeyboardInterrupt) as error:
        if begun:
            recorder.stopped()
            raise EndedEarlyError(error, begun[0], request.backend) from error
        raise
    recorder.done(outcome)
    return outcome


def _found_with(request: Request, workspace: WorkspaceName | None) -> tuple[str, ...]:
    """The options with which `logs` and `cancel`, which know no `-p` nor `--target`, find a run."""
    if workspace is None:
        return () if request.base == Path() else ("--in", str(request.base))
    from amlshare.workspaces import OPTIONS

    if request.spec == "-" or request.target or request.parameters:
        words, given = [], {part: str(getattr(workspace, part)) for part in OPTIONS}
    else:
        words, given = ["--in", request.spec], dict(request.workspace)
    for part, value in given.items():
        words += [OPTIONS[part], value]
    return tuple(words)


def _publishable(publishing: Publishing, *, waits: bool) -> None:
    """Raise UsageError for what cannot be published so."""
    if not waits and not publishing.run:
        raise UsageError(
            "--no-wait goes with a run, and --publish alone starts none: add --run, or take "
            "--no-wait out"
        )
    if publishing.endpoint is not None and not ENDPOINT_NAME.fullmatch(publishing.endpoint):
        raise UsageError(
            f"--endpoint '{publishing.endpoint}' cannot be an endpoint's name: letters, digits, - "
            "and _ only"
        )


def _only_for(backend: str, options: Mapping[str, Any]) -> None:
    """Raise UsageError for an option that another backend has."""
    mine, other = (_LOCAL, _CLOUD) if backend == "local" else (_CLOUD, _LOCAL)
    for name, option in other.items():
        if options.get(name) not in (None, name == "wait"):
            where = "on Azure" if mine is _LOCAL else "with `--backend local`"
            raise UsageError(f"{option} works {where}, and this is `--backend {backend}`")


_LOCAL = {"jobs": "--jobs", "python": "--python", "as_cloud": "--as-cloud"}
_CLOUD = {"publishing": "--publish", "wait": "--no-wait", "create_compute": "--create-compute"}
