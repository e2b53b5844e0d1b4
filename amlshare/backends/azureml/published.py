"""What a workspace has published of a spec, read raw, and how the spec differs from it by now.

The SDK's own way to read a published graph fails on registered datasets, so it is asked for the
entities of the service, one after the other, and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from amlshare.backends.azureml import (
    description,
    endpoints,
    marks,
    pinning,
    publication,
    readback,
    schedules,
    sdk,
    staging,
)
from amlshare.backends.azureml.data_nodes import Graph
from amlshare.backends.azureml.job import Job
from amlshare.backends.azureml.publication import Publication
from amlshare.backends.azureml.recurrences import Recurrence
from amlshare.backends.azureml.schedules import Doing
from amlshare.backends.azureml.sdk import ServiceError, asking
from amlshare.backends.azureml.service import service
from amlshare.backends.interface import BackendError, WorkspaceName
from amlshare.diff import Change, Description, Diff, compare
from amlshare.plan import Plan

Answer = TypeVar("Answer")

_WHAT = "reading the published pipeline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Which published pipeline was read, and what could not be compared of it.

    ``folders`` has the digests of the snapshots of its code folders, where it tells them;
    ``tells_data`` that it says which data its steps were published with.
    """

    id: str
    name: str
    version: str | None
    created: str | None
    folders: Mapping[str, str] | None = None
    tells_data: bool = False
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        version = f" version {self.version}" if self.version else ""
        made = f", of {self.created[:16].replace('T', ' ')} UTC" if self.created else ""
        return f"the published pipeline '{self.name}'{version} ({self.id}{made})"


def diff(plan: Plan, base: Path, name: WorkspaceName, *, of: str) -> Diff:
    """How the spec of ``plan``, whose folder is ``base``, differs from what is published of it.

    ``of`` is what the spec is called. What publishing was told besides, with -p and
    --continue-on-step-failure, is part of what is published: ``plan`` has the values of its own -p.
    Raises BackendError, also where nothing is published.
    """
    from amlshare.backends.azureml import signin

    job = publication.job_of(plan)
    identity = publication.of_plan(plan, job, staging.digests(job, base), base)
    wanted = {
        _plainly(each.name, job): _words(schedules.doing_of(each)) for each in schedules.wanted(job)
    }
    sdk.prepare()
    workspace = signin.workspace(name)
    versions = pinning.latest(job, workspace)
    job, identity = pinning.pinned(job, versions), identity.with_versions(versions)
    said = plan.pipeline.publish
    before, facts = read(workspace, job, identity, said.endpoint if said else None)
    after = description.of_publication(identity, job, base, of=of, schedules=wanted)
    if facts.folders is None:
        after = _without(after, "code")
    if not facts.tells_data:
        after = _without(after, "data")
    found = compare(before, after)
    notes = [*facts.notes, *_elsewhere(facts.folders or {}, identity), *_given(found.changes)]
    return replace(found, notes=tuple(notes))


def _given(changes: Iterable[Change]) -> Iterator[str]:
    """What may be no change of the spec, but an option of the command that published."""
    fields = {(each.kind, field.field) for each in changes for field in each.fields}
    if any(each.kind == "parameter" and each.effect == "changed" for each in changes):
        yield (
            "the default of a published parameter is the value that -p gave when it was published: "
            "give the same -p here to compare with it"
        )
    if ("pipeline", "continue_on_step_failure") in fields:
        yield (
            "`continue_on_step_failure` is compared as `publish:` in the spec says it; it may have "
            "been given with --continue-on-step-failure when it was published"
        )


def _without(described: Description, field: str) -> Description:
    """A description as it is where nobody knows a field of the steps."""
    steps = {
        name: {key: value for key, value in step.items() if key != field}
        for name, step in described.named("step").items()
    }
    return Description(things={**described.things, "step": steps}, of=described.of)


def _elsewhere(folders: Mapping[str, str], identity: Publication) -> Iterator[str]:
    """The code folders that are another snapshot by now, which a step's own code may not show."""
    for folder, digest in identity.folders.items():
        if folder in folders and folders[folder] != digest:
            yield (
                f"files in the code folder '{folder}' changed: the service takes it as a whole, "
                "and runs all its steps again"
            )


# Which one


def find(workspace: Any, identity: Publication, endpoint: str | None) -> Any:
    """The entity of the published pipeline to compare with. Raises BackendError for none.

    It is the default of ``endpoint``, unless that is another target's; else the one that a publish
    would find published already; else the newest that was published of this spec and target; else
    the newest of this name that does not say for which.
    """
    if endpoint is not None and (number := endpoints.default_of(workspace, endpoint)):
        served = publication.one(workspace, number)
        if publication.target_of(served) in (None, identity.target or ""):
            return served
    active = publication.published(workspace)
    same = [each for each in active if publication.carries(each, identity.digest)]
    named = [each for each in active if each.name == identity.name]
    target = identity.target or ""
    ours = [each for each in named if publication.target_of(each) == target]
    unsaid = [each for each in named if publication.target_of(each) is None]
    marked = [each for each in unsaid if publication.digest_of(each)]
    for found in (same[:1], ours, marked, unsaid):
        if found:
            return found[-1]
    where = f" for target '{target}'" if target and named else ""
    raise BackendError(
        f"no pipeline called '{identity.name}' is published{where} in workspace "
        f"'{workspace.name}': publish it with `amlshare submit SPEC --publish`, or see with "
        "--workspace and --target whether another was meant"
    )


# Reading


def read(
    workspace: Any, job: Job, identity: Publication, endpoint: str | None
) -> tuple[Description, Facts]:
    """The description of what is published of ``job``, by the names that things have there."""
    entity = find(workspace, identity, endpoint)
    found = _understood(entity, _graph(workspace, entity), job)
    keys = (marks.CODE, marks.FOLDERS, marks.DATA)
    code, folders, data = (_digests(entity, key) for key in keys)
    unknown = () if code is not None else (_NO_CODE,)
    facts = Facts(
        id=entity.id,
        name=entity.name,
        version=entity.version or None,
        created=entity.created_date.isoformat() if entity.created_date else None,
        folders=None if code is None else folders or {},
        tells_data=data is not None,
        notes=(*found.notes, *unknown),
    )
    about = description.about_pipeline(
        publication.unmarked(entity.description),
        continues=bool(entity.continue_run_on_step_failure),
        schedules=dict(_scheduled(workspace, job)),
    )
    published = _with_versions(found.job, data or {})
    described = description.describe(
        published, found.environments, of=str(facts), code=code, about=about
    )
    return described, facts


def _with_versions(job: Job, versions: Mapping[str, str]) -> Job:
    """The job with the versions of its steps: in its graph they are in no body by themselves."""
    steps = (replace(step, version=versions.get(step.name)) for step in job.steps)
    return replace(job, steps=tuple(steps))


def _understood(entity: Any, graph: Graph, job: Job) -> readback.Readback:
    """The job of a graph, which another tool may have published."""
    try:
        return readback.read(entity.name, graph, job)
    except (LookupError, TypeError, ValueError, AttributeError, StopIteration) as error:
        raise BackendError(
            f"the published pipeline '{entity.name}' ({entity.id}) holds what amlshare does not "
            f"know ({error!r}), so it cannot be compared with; publish the spec with `amlshare "
            "submit SPEC --publish` first"
        ) from error


_NO_CODE = "the code could not be compared: the published pipeline does not say what it was"


def _digests(entity: Any, key: str) -> dict[str, str] | None:
    """A property that maps names to digests, None for one that is not there."""
    try:
        found = json.loads((entity.properties or {})[key])
    except (KeyError, TypeError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _graph(workspace: Any, entity: Any) -> Graph:
    """The graph of a published pipeline and all that its ids stand for."""
    caller = service(workspace)
    graph = _plain(_ask(lambda: caller.get_graph_async(entity.graph_id)))
    interface = _plain(_ask(lambda: caller.get_graph_interface_async(entity.graph_id)))
    sources = (node.get("DatasetId") for node in graph.get("DatasetNodes") or [])
    definitions = list(_definitions(graph, interface))
    return Graph(
        graph=graph,
        interface=interface,
        modules=_each(
            (node["ModuleId"] for node in graph.get("ModuleNodes") or []),
            lambda number: _plain(_ask(lambda: caller.get_module_async(number)).data),
        ),
        sources=_each(
            (number for number in sources if number),
            lambda number: _plain(_ask(lambda: caller.get_datasource_async(number))),
        ),
        saved=_each(
            _ids(definitions, "SavedDataSetReference"), lambda number: _saved(workspace, number)
        ),
        registered=_each(
            _ids(definitions, "DataSetReference"), lambda number: _registered(workspace, number)
        ),
    )


def _plain(entity: Any) -> dict[str, Any]:
    """An entity as it travels."""
    made: dict[str, Any] = entity.serialize(keep_readonly=True)
    return made


def _ask(call: Callable[[], Answer]) -> Answer:
    with asking(_WHAT):
        return call()


def _each(numbers: Iterable[str], ask: Callable[[str], Answer]) -> dict[str, Answer]:
    """What stands behind each of ``numbers``, each asked for once."""
    return {number: ask(number) for number in dict.fromkeys(numbers)}


def _definitions(graph: Mapping[str, Any], interface: Mapping[str, Any]) -> Iterator[Any]:
    """What a graph says of each of its datasets."""
    for node in graph.get("DatasetNodes") or []:
        if value := (node.get("DataSetDefinition") or {}).get("Value"):
            yield value
    for parameter in interface.get("DataPathParameterList") or []:
        yield parameter.get("DefaultValue") or {}


def _ids(definitions: Iterable[Mapping[str, Any]], kind: str) -> Iterator[str]:
    return (value[kind]["Id"] for value in definitions if value.get(kind))


def _saved(workspace: Any, number: str) -> str:
    """The definition of a saved dataset."""
    found = _ask(lambda: _datasets(workspace).get_by_id(*_place(workspace), number))
    return str(found.dataflow_json or "{}")


def _registered(workspace: Any, number: str) -> str:
    """The name of a registered dataset; its id where it is not registered any more."""
    try:
        found = _ask(lambda: _datasets(workspace).get_dataset_by_id(*_place(workspace), number))
    except ServiceError as error:
        if error.status != 404:
            raise
        return number
    return str(found.name)


def _datasets(workspace: Any) -> Any:
    from azureml.data._dataset_rest_helper import _restclient

    return _restclient(workspace).dataset


def _place(workspace: Any) -> tuple[str, str, str]:
    return workspace.subscription_id, workspace.resource_group, workspace.name


# Schedules


def _scheduled(workspace: Any, job: Job) -> Iterator[tuple[str, str]]:
    """What the active schedules of a spec do, by the names that they have there.

    One that is as the spec has it is told in the spec's words, however the service shows it.
    """
    wanted = {each.name: each for each in schedules.wanted(job)}
    for entity in schedules.ours(workspace, schedules.owner(job)):
        want, said = wanted.get(entity.name), _words(schedules.doing(entity))
        if want is not None:
            words = _words(schedules.doing_of(want))
            is_same = schedules.is_as_wanted(entity, want, job)
            said = words if is_same else f"{said}, otherwise" if said == words else said
        yield _plainly(entity.name, job), said


def _plainly(name: str, job: Job) -> str:
    """The name of a schedule without those of its pipeline and target."""
    bare = name.removeprefix(f"{job.pipeline}.")
    return bare.removeprefix(f"{job.target}.") if job.target else bare


def _words(does: Doing) -> str:
    """What a schedule does, for people."""
    watched = does.watched
    if watched is None:
        when = _when(does.recurrence) if does.recurrence else ""
    else:
        when = _watching(watched.datastore, watched.path, watched.minutes)
    return _told(when, does.experiment, does.values)


def _when(rule: Recurrence) -> str:
    unit = rule.frequency.lower()
    parts = [f"every {unit}" if rule.interval == 1 else f"every {rule.interval} {unit}s"]
    parts += [f"on {', '.join(rule.week_days)}"] if rule.week_days else []
    times = [f"{hour:02}:{minute:02}" for hour in rule.hours for minute in rule.minutes]
    parts += [f"at {', '.join(times)} {rule.time_zone}"] if times else []
    return " ".join(parts)


def _watching(datastore: str, path: str, minutes: int) -> str:
    return f"when {datastore}:{path} changes, looked at every {minutes} min"


def _told(when: str, experiment: str, parameters: Mapping[str, Any]) -> str:
    given = [f"{name}={value}" for name, value in sorted(parameters.items())]
    return ", ".join([when, f"experiment {experiment}", *given])
