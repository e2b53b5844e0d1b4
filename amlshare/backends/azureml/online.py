"""What a workspace has of what a job names: missing and unfit things, and steps that are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from amlshare.backends.azureml import sdk
from amlshare.backends.azureml.sdk import ServiceError
from amlshare.backends.interface import NotInWorkspaceError, WorkspaceName
from amlshare.diagnostics import Finding, Route, did_you_mean

if TYPE_CHECKING:
    from amlshare.backends.azureml.job import Job, JobCompute, JobData, JobEnvironment, JobInput
    from amlshare.plan import Plan

MISSING = "missing-in-workspace"
UNFIT = "unfit-in-workspace"

# what a step can write to, and what data can lie in
_WRITABLE = frozenset({"AzureBlob"})
_READABLE = frozenset({"AzureBlob", "AzureFile", "AzureDataLake", "AzureDataLakeGen2"})
_KINDS = {"AmlCompute": "amlcompute", "Kubernetes": "kubernetes", "ComputeInstance": "instance"}


def missing(job: Job, workspace: Any) -> list[Finding]:
    """What the job names and the workspace does not have, or has otherwise; each at its place.

    Only asks, and only for the kinds of things that the job names. Raises BackendError.
    """
    return [
        *_computes(job, workspace),
        *_datastores(job, workspace),
        *_datasets(job, workspace),
        *_environments(job, workspace),
    ]


def other_versions(job: Job, workspace: Any, locked: Mapping[str, int]) -> Iterator[str]:
    """What to say of data that is the `latest` version of a dataset, where that is another one than
    the ``locked`` one, by which it was planned. Raises BackendError.
    """
    for data in job.data:
        if data.dataset is None or data.version is not None or data.name not in locked:
            continue
        found = _dataset(data.dataset, None, workspace)
        if found is not None and int(found.version) != locked[data.name]:
            yield (
                f"data '{data.name}': `latest` of dataset '{data.dataset}' is version "
                f"{found.version} now, which is what runs; the plan goes by version "
                f"{locked[data.name]} in the lock: `amlshare plan SPEC --refresh` looks anew, "
                "and a number in the spec pins one"
            )


def known_modules(
    plan: Plan, base: Path, name: WorkspaceName, tell: Callable[[str], None]
) -> dict[str, bool]:
    """Of each step, whether the workspace has its module already; nothing is changed there.

    ``tell`` is told of data that is another than was planned with. Raises BackendError, and
    NotInWorkspaceError for what the workspace lacks.
    """
    from amlshare.backends.azureml import build, signin, staging
    from amlshare.backends.azureml.job import make_job

    job = make_job(plan)
    with staging.staged(job, base) as code:
        workspace = signin.workspace(name)
        if lacking := missing(job, workspace):
            raise NotInWorkspaceError(lacking)
        for note in other_versions(job, workspace, plan.known.versions):
            tell(note)
        with _saving_nothing():
            return dict(modules(build.build(job, workspace, code, base)))


@contextmanager
def _saving_nothing() -> Iterator[None]:
    """Within it, a dataset that is not registered passes for saved: to save it is a POST.

    A module does not depend on which dataset is read, so it is found all the same.
    """
    from azureml.data._dataset import _DatasetRegistration
    from azureml.data.abstract_dataset import AbstractDataset

    def as_saved(dataset: Any, workspace: Any) -> str:
        if not dataset.id:
            dataset._registration = _DatasetRegistration(workspace, saved_id=str(uuid4()))  # noqa: SLF001 # as the SDK does
        return str(dataset.id)

    saving = AbstractDataset._ensure_saved  # noqa: SLF001 # there is no public way to stop it
    AbstractDataset._ensure_saved = as_saved  # noqa: SLF001
    try:
        yield
    finally:
        AbstractDataset._ensure_saved = saving  # noqa: SLF001


def modules(pipeline: Any) -> Mapping[str, bool]:
    """Whether the workspace knows each step of a built pipeline already; creates nothing."""
    with sdk.asking("looking for the steps in the workspace"):
        graph = pipeline.graph
        known = graph.finalize(dry_run=True)
        return {
            node.name: not known[node.node_id][1]
            for node in graph.module_nodes
            if node.node_id in known
        }


def compute_targets(workspace: Any) -> dict[str, str]:
    """The compute targets of a workspace, with their types."""
    with sdk.asking("listing the compute targets of the workspace"):
        return {name: target.type for name, target in workspace.compute_targets.items()}


# Compute targets


def _computes(job: Job, workspace: Any) -> Iterator[Finding]:
    if not job.compute:
        return
    known = compute_targets(workspace)
    for compute in job.compute:
        steps = [step.name for step in job.steps if step.compute == compute.name]
        route = _compute_route(compute, steps)
        if compute.cluster not in known:
            yield _absent("compute target", compute.cluster, route, known, _can_be_made(compute))
        elif known[compute.cluster] in _KINDS.keys() - {compute.type}:
            kind = _KINDS[known[compute.cluster]]
            yield Finding(
                code=UNFIT,
                message=f"compute target '{compute.cluster}' is of kind {kind} in the workspace",
                route=("compute", compute.name),
                on="key",
                label=f"{_KINDS[compute.type]} here",
                help=f"write `compute: {{{compute.name}: {{kind: {kind}}}}}`",
            )


def _compute_route(compute: JobCompute, steps: list[str]) -> Route:
    """Where a compute target is named: in its entry, or in the first step that runs there."""
    is_plain = compute.cluster == compute.name and compute.vm_size is None
    if is_plain and steps:
        return ("steps", steps[0], "compute")
    return ("compute", compute.name, "cluster")


def _can_be_made(compute: JobCompute) -> str:
    if compute.type != "AmlCompute":
        return "make it in the workspace, or name another"
    if compute.vm_size is None:
        return (
            f"name another, or say how to make it, `compute: {{{compute.name}: {{vm_size: "
            "STANDARD_DS3_V2, max_nodes: 4}}`, and submit with --create-compute"
        )
    return "submit with --create-compute to make it"


# Datastores


def _datastores(job: Job, workspace: Any) -> Iterator[Finding]:
    named = [*_stores_read(job), *_stores_written(job)]
    if not named:
        return
    with sdk.asking("listing the datastores of the workspace"):
        known = {name: store.datastore_type for name, store in workspace.datastores.items()}
    for name, route, allowed in named:
        if name not in known:
            yield _absent("datastore", name, route, known)
        elif known[name] not in allowed:
            yield _unfit_store(name, known[name], route, is_output=allowed is _WRITABLE)


def _stores_read(job: Job) -> Iterator[tuple[str, Route, frozenset[str]]]:
    for data in job.data:
        if data.datastore is not None:
            allowed = _WRITABLE if data.upload else _READABLE
            yield data.datastore, ("data", data.name, "datastore"), allowed


def _stores_written(job: Job) -> Iterator[tuple[str, Route, frozenset[str]]]:
    for step in job.steps:
        for out in step.outputs:
            yield out.datastore, ("steps", step.name, "outputs", out.name, "datastore"), _WRITABLE


def _unfit_store(name: str, kind: str, route: Route, *, is_output: bool) -> Finding:
    return Finding(
        code=UNFIT,
        message=f"datastore '{name}' is {kind}",
        route=route,
        label="SDK v1 writes only to blob storage" if is_output else "no files lie there",
        help="name a datastore of blob storage",
    )


# Datasets


def _datasets(job: Job, workspace: Any) -> Iterator[Finding]:
    for data in job.data:
        if data.dataset is not None:
            found = _dataset(data.dataset, data.version, workspace)
            if found is None:
                yield _no_dataset(data, data.dataset, workspace)
            else:
                yield from _readings(job, data, found)


def _dataset(name: str, version: int | None, workspace: Any) -> Any:
    """The registered dataset, None where there is none. ``version`` None is the newest."""
    from azureml.core import Dataset

    wanted = "latest" if version is None else version
    return _found(
        f"looking up dataset '{name}'",
        lambda: Dataset.get_by_name(workspace, name, version=wanted),
    )


def _no_dataset(data: JobData, name: str, workspace: Any) -> Finding:
    """The dataset, or its version, that is not there."""
    newest = _dataset(name, None, workspace) if data.version is not None else None
    if newest is not None:
        return Finding(
            code=MISSING,
            message=f"dataset '{name}' has no version {data.version} in the workspace",
            route=("data", data.name, "version"),
            label=f"the newest is {newest.version}",
            help="name a version that there is, or `latest`",
        )
    known = _names("listing the datasets of the workspace", lambda: list(workspace.datasets.keys()))
    return _absent("dataset", name, ("data", data.name, "name"), known)


def _readings(job: Job, data: JobData, found: Any) -> Iterator[Finding]:
    """A table that is read as files, or files that are read as a table: one finding for each."""
    from azureml.data import FileDataset, TabularDataset

    readings = [(s.name, i) for s in job.steps for i in s.inputs if i.source == data.name]
    for step, given in readings:
        if isinstance(found, TabularDataset) and given.mode != "direct":
            yield _unfit_reading(
                step, given, f"dataset '{data.dataset}' is a table and cannot be read as files",
                f"write `format: table` under data.{data.name}, and `mode: direct` here",
            )  # fmt: skip
        elif isinstance(found, FileDataset) and data.format == "table":
            yield _unfit_reading(
                step, given, f"dataset '{data.dataset}' is files and cannot be read as a table",
                f"take `format: table` out of data.{data.name}, or register it as a table",
            )  # fmt: skip


def _unfit_reading(step: str, given: JobInput, message: str, advice: str) -> Finding:
    route = ("steps", step, "inputs", given.name)
    label = f"step '{step}' reads it as '{given.name}'"
    return Finding(code=UNFIT, message=message, route=route, label=label, help=advice)


# Environments


def _environments(job: Job, workspace: Any) -> Iterator[Finding]:
    for entry in job.environments:
        name, version = entry.registered, entry.version
        if name is not None and _environment(name, version, workspace) is None:
            yield _no_environment(entry, name, workspace)


def _environment(name: str, version: str | None, workspace: Any) -> Any:
    from azureml.core import Environment

    return _found(
        f"looking up environment '{name}'",
        lambda: Environment.get(workspace, name, version),
    )


def _no_environment(entry: JobEnvironment, name: str, workspace: Any) -> Finding:
    newest = _environment(name, None, workspace) if entry.version is not None else None
    if newest is not None:
        return Finding(
            code=MISSING,
            message=f"environment '{name}' has no version {entry.version} in the workspace",
            route=("environments", entry.name, "version"),
            label=f"the newest is {newest.version}",
            help="name a version that there is, or `latest`",
        )
    from azureml.core import Environment

    known = _names("listing the environments", lambda: Environment.list(workspace))
    return _absent("environment", name, ("environments", entry.name, "registered"), known)


# What all have in common


def _found(what: str, ask: Callable[[], Any]) -> Any:
    """What the SDK finds, None where the service answers that it is not there."""
    try:
        with sdk.asking(what):
            return ask()
    except ServiceError as error:
        if error.status == 404:
            return None
        raise


def _names(what: str, ask: Callable[[], Iterable[str]]) -> list[str]:
    """The names that there are, for a suggestion: none where they cannot be listed."""
    try:
        with sdk.asking(what):
            return list(ask())
    except ServiceError:
        return []


def _absent(
    kind: str, name: str, route: Route, known: Iterable[str], advice: str | None = None
) -> Finding:
    names = sorted(known)
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    has = f"it has {shown}" if names else ""
    return Finding(
        code=MISSING,
        message=f"the workspace has no {kind} '{name}'",
        route=route,
        label=did_you_mean(name, names) or has,
        help=advice or "name one that the workspace has, or make it there",
    )
