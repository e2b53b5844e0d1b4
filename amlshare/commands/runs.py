"""The runs of this machine, or of a workspace."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amlshare import backends
from amlshare.commands.reading import read
from amlshare.commands.request import STATE, Request, UsageError

if TYPE_CHECKING:
    from amlshare.backends.azureml import runs as azureml_runs
    from amlshare.backends.local import runs as local_runs
    from amlshare.backends.local.runs import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """Whose runs are asked for: those beside a spec or in a folder, or those of a workspace.

    With no ``backend`` a run is known by its id, and a list is of this machine where it has runs.
    ``workspace`` and ``experiment`` come before what the spec says.
    """

    where: Path = Path()
    backend: str | None = None
    workspace: Mapping[str, str] = field(default_factory=dict)
    experiment: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The options that say the same again."""
        from amlshare.workspaces import OPTIONS

        words = [] if self.where == Path() else ["--in", str(self.where)]
        for part, value in self.workspace.items():
            words += [OPTIONS[part], value]
        return tuple(words)

    def is_here(self, run: str | None = None) -> bool:
        """Whether this machine is meant. Raises UsageError for a backend without runs."""
        if self.backend is not None:
            if backends.get(self.backend) is None:
                raise UsageError(f"this version has no runs of '{self.backend}'")
            return self.backend == "local"
        if run is not None:
            return bool(_RUN_HERE.fullmatch(run)) or not _WORKSPACE_RUN.fullmatch(run)
        return not self.workspace and self.experiment is None


# this machine names runs by the date, the service by GUIDs; both may be cut short
_RUN_HERE = re.compile(r"\d{8}(-\d{0,5}|-\d{6}(-\w*)?)?")
_WORKSPACE_RUN = re.compile(r"[0-9a-f-]+", re.IGNORECASE)


def runs(whose: Whose) -> tuple[local_runs.RunSummary | azureml_runs.RunSummary, ...]:
    """The runs, the newest first. Raises UsageError, or BackendError for none."""
    if whose.is_here():
        from amlshare.backends.local import runs as local

        return local.runs(state_of(whose.where))
    from amlshare.backends.azureml import runs as cloud

    workspace, experiment = _cloud(whose)
    if experiment is None:
        raise UsageError("say whose runs with --experiment NAME, or with --in SPEC")
    return cloud.runs(workspace, experiment)


def show(run: str, whose: Whose) -> local_runs.RunDetail | azureml_runs.RunDetail:
    """A run, by its id or the beginning of it. Raises BackendError for none or several."""
    if whose.is_here(run):
        from amlshare.backends.local import runs as local

        return local.show(state_of(whose.where), run)
    from amlshare.backends.azureml import runs as cloud

    workspace, experiment = _cloud(whose)
    return cloud.show(workspace, run, experiment)


def cancel(run: str, whose: Whose) -> str:
    """Stop a run of a workspace; gives its id. Raises BackendError for one that has ended."""
    if whose.is_here(run):
        raise UsageError("a run of this machine is stopped where it was started, with Ctrl-C")
    from amlshare.backends.azureml import runs as cloud

    workspace, experiment = _cloud(whose)
    return cloud.cancel(workspace, run, experiment)


def logs(run: str, step: str | None, whose: Whose) -> Iterator[str]:
    """What a step printed, piece by piece; with no step, what each of them did, in run order.

    Raises BackendError where there is no such run, step or log.
    """
    if whose.is_here(run):
        return _logs_here(run, step, whose.where)
    from amlshare.backends.azureml import runs as cloud

    workspace, experiment = _cloud(whose)
    return cloud.logs(workspace, run, step, experiment)


def _cloud(whose: Whose) -> tuple[Any, str | None]:
    """The workspace, signed in, and the experiment where one is known."""
    import os

    from amlshare import workspaces
    from amlshare.backends.azureml import signin
    from amlshare.pipeline import Workspace

    said = read(Request(spec=str(whose.where))).pipeline if whose.where.is_file() else None
    base = whose.where.parent if said else whose.where
    told = said.workspace if said else Workspace()
    try:
        name = workspaces.find(whose.workspace, os.environ, told, base)
    except workspaces.NoWorkspaceError as error:
        raise UsageError(str(error)) from None
    experiment = whose.experiment or (said.experiment if said else None)
    return signin.workspace(name), experiment


def _logs_here(run: str, step: str | None, where: Path) -> Iterator[str]:
    from amlshare.backends.interface import BackendError
    from amlshare.backends.local import runs as local

    state = state_of(where)
    if step is not None:
        yield from _pieces(local.log_path(state, run, step))
        return
    for each in local.show(state, run).steps:
        try:
            path = local.log_path(state, run, each.step.step)
        except BackendError:
            continue  # it has not run, or its log was cleaned away
        yield f"==> {each.step.step} <==\n"
        yield from _pieces(path)


def _pieces(path: Path) -> Iterator[str]:
    """A text file in pieces; its last line is ended where it is not."""
    piece = "\n"
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        while more := file.read(1 << 16):
            piece = more
            yield piece
    if not piece.endswith("\n"):
        yield "\n"


def clean(where: Path) -> tuple[Candidate, ...]:
    """What can be removed, since nothing refers to it."""
    from amlshare.backends.local import runs as local

    return (*local.clean_candidates(state_of(where)), *_texts(state_of(where)))


def remove(found: Iterable[Candidate], where: Path) -> None:
    """Remove what :func:`clean` found."""
    from amlshare.backends.local import runs as local

    chosen = tuple(found)
    local.clean(state_of(where), chosen)
    if any(each.kind == "text" for each in chosen):
        for path in _unused(state_of(where)):
            path.unlink(missing_ok=True)


def _texts(state: Path) -> Iterator[Candidate]:
    """The texts of code that no submit in the history has any more."""
    from amlshare.backends.local.runs import Candidate

    if unused := _unused(state):
        yield Candidate(
            kind="text",
            name="texts of code, of submits that were not the last",
            path=unused[0].parent,
            bytes=sum(path.stat().st_size for path in unused),
            files=len(unused),
        )


def _unused(state: Path) -> list[Path]:
    from amlshare.history import History

    return History(state).unused()


def state_of(where: Path) -> Path:
    """The state beside a spec, or in a folder, or in the one folder below it that has one."""
    if not where.is_dir():
        if not where.exists():
            raise UsageError(f"there is no '{where}'; name a spec, or the folder that it lies in")
        return where.parent / STATE
    found = [where / STATE] if (where / STATE).exists() else sorted(where.glob(f"*/{STATE}"))
    if len(found) > 1:
        folders = ", ".join(f"'{each.parent}'" for each in found)
        raise UsageError(f"there are runs in {folders}: say which with --in FOLDER")
    return found[0] if found else where / STATE
