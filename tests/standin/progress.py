"""How a submitted pipeline goes on: each step's status, its log, and what it leaves behind."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from standin import datasets, storage
from standin.routes import new_id, now

if TYPE_CHECKING:
    from standin.workspace import Workspace

ENDED = {"Finished", "Failed", "Canceled"}
IN_FLIGHT = {"Queued", "Running"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    status: str = "Finished"
    log: str = ""


@dataclass(slots=True, kw_only=True)
class Step:
    """``status``: NotStarted, Queued, Running, Finished, Failed or Canceled.

    ``node`` is the node as it was sent; ``module`` the entity that it names. A step has a run of
    its own as soon as it is queued; ``made_by`` is the step's run whose outputs a reused one has.
    """

    node: Mapping[str, Any]
    module: Mapping[str, Any]
    after: frozenset[str]
    status: str = "NotStarted"
    run_id: str = field(default_factory=new_id)
    log: str = ""
    started: str | None = None
    ended: str | None = None
    reused: bool = False
    made_by: str | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.node["Id"]

    @property
    def name(self) -> str:
        return self.module["Name"]

    @property
    def settings(self) -> list[Mapping[str, Any]]:
        return self.node.get("ModuleOutputSettings") or []


@dataclass(slots=True, kw_only=True)
class PipelineRun:
    """``entity`` is what the pipelines service shows of it; the rest is how it is doing."""

    entity: dict[str, Any]
    steps: list[Step]
    number: int
    goes_on: bool
    status: str = "NotStarted"
    submitted: bool = False
    started: str | None = None
    ended: str | None = None
    looks: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    thread: threading.Thread | None = None

    @property
    def id(self) -> str:
        return self.entity["Id"]

    @property
    def experiment(self) -> str:
        return self.entity["RunHistoryExperimentName"]

    def step(self, name: str) -> Step:
        """A step by its name, by its node or by its run."""
        for step in self.steps:
            if name in {step.name, step.id, step.run_id}:
                return step
        raise KeyError(name)


def start(workspace: Workspace, run: PipelineRun) -> None:
    """Submit it; where the test executes runs itself, in a thread of its own."""
    run.submitted = True
    run.entity["IsSubmitted"] = True
    if workspace.execute is not None:
        run.status, run.started = "Running", now()
        run.thread = threading.Thread(target=_execute, args=(workspace, run), daemon=True)
        run.thread.start()


def _execute(workspace: Workspace, run: PipelineRun) -> None:
    assert workspace.execute is not None
    try:
        workspace.execute(workspace, run.id)
    except Exception:  # noqa: BLE001 - it is the test's, and the fixture reports it
        workspace.proxy.crashes.append(traceback.format_exc())
    with workspace.lock:
        _end(run, canceled=run.status == "Canceled")


def tick(workspace: Workspace, run: PipelineRun) -> None:
    """Somebody has looked. The first looks see a run go on in small steps, the next its end."""
    if not workspace.automatic or workspace.execute is not None or not run.submitted:
        return
    run.looks += 1
    advance(workspace, run)
    while run.looks > workspace.small_steps and run.status not in ENDED:
        advance(workspace, run)


def advance(workspace: Workspace, run: PipelineRun) -> None:
    """One small step: every step that can goes on to its next status."""
    if run.status in ENDED or not run.submitted:
        return
    run.status, run.started = "Running", run.started or now()
    before = {step.id: step.status for step in run.steps}
    for step in run.steps:
        if step.status == "NotStarted":
            step.status = "Queued" if _may_begin(run, step, before) else step.status
        elif step.status == "Queued":
            step.status, step.started = "Running", now()
        elif step.status == "Running":
            ended = workspace.outcomes.get(step.name, Outcome(log=f"{step.name}: done\n"))
            report(workspace, run, step.name, ended.status, ended.log)
    after = {step.id: step.status for step in run.steps}
    if after == before or set(after.values()) <= ENDED:
        _end(run)


def _may_begin(run: PipelineRun, step: Step, before: Mapping[str, str]) -> bool:
    fed = {before[one] for one in step.after} <= {"Finished"}
    return fed and (run.goes_on or "Failed" not in before.values())


def report(
    workspace: Workspace,
    run: PipelineRun,
    name: str,
    status: str,
    log: str | None = None,
    *,
    reused: bool = False,
) -> None:
    if status not in ENDED | IN_FLIGHT:
        raise ValueError(f"a step is not {status!r}")
    step = run.step(name)
    step.status, step.reused = status, reused or step.reused
    step.started = step.started or now()
    if log is not None:
        step.log = log
        workspace.blobs["azureml", log_path(workspace, step)] = log.encode()
    if status in ENDED:
        step.ended = now()
    if status == "Finished" and not step.reused:
        _register(workspace, step)


def log_path(workspace: Workspace, step: Step) -> str:
    return f"ExperimentRun/dcid.{step.run_id}/{workspace.log_file}"


def _end(run: PipelineRun, *, canceled: bool = False) -> None:
    """A run ends when nothing can go on; what has not begun by then never will."""
    for step in run.steps:
        if step.status in IN_FLIGHT:
            step.status, step.ended = "Canceled", now()
    states = {step.status for step in run.steps}
    if run.status not in ENDED:
        run.status = "Canceled" if canceled else "Finished" if states == {"Finished"} else "Failed"
    run.ended = run.ended or now()


def cancel(run: PipelineRun) -> None:
    if run.status not in ENDED:
        run.status = "Canceled"
        _end(run, canceled=True)


def location(step: Step, setting: Mapping[str, Any]) -> tuple[str, str]:
    """The datastore of an output and its path there, with the placeholders filled in."""
    options = setting.get("DatasetOutputOptions") or {}
    maker = step.made_by or step.run_id
    path = options.get("PathOnDatastore") or f"azureml/{maker}/{setting['Name']}"
    filled = path.replace("{run-id}", maker).replace("{output-name}", setting["Name"])
    return setting["DataStoreName"], filled


def _register(workspace: Workspace, step: Step) -> None:
    for setting in step.settings:
        registration = setting.get("DatasetRegistration") or {}
        if registration.get("Name"):
            datastore, path = location(step, setting)
            transformed = registration.get("AdditionalTransformations")
            versions = workspace.datasets.get(registration["Name"])
            datasets.add(
                workspace,
                registration["Name"],
                int(versions[-1]["latest"]["versionId"]) + 1 if versions else 1,
                "tabular" if transformed else "file",
                datastore,
                path,
                description=registration.get("Description"),
                tags=registration.get("Tags"),
            )


def log_url(workspace: Workspace, step: Step) -> str:
    return storage.url(workspace, "azureml", log_path(workspace, step))
