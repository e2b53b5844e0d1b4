"""The schedules of a published pipeline, made to match the spec: made, changed, disabled.

A schedule is known by its name and by a marker at the end of its description, which holds a digest
of all that it says, and the pipeline and target that it belongs to. Others are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from amlshare.backends.azureml.found import Found
from amlshare.backends.azureml.job import Job, JobData
from amlshare.backends.azureml.once import once
from amlshare.backends.azureml.publication import service
from amlshare.backends.azureml.recurrences import Recurrence, recurrences
from amlshare.backends.azureml.sdk import asking, retried
from amlshare.backends.interface import BackendError
from amlshare.pipeline import Schedule, Value
from amlshare.plan import digest, plain

_MARKER = re.compile(r"\[amlshare:(?P<digest>[0-9a-f]{16}):(?P<owner>[^\]]*)\]\s*$")
_GLOB = re.compile(r"[*?\[{]")
_MINUTE = 60
_POLL = 5
_BLOB = "AzureBlob"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A folder of a datastore that is looked at every so many minutes; not the folders below."""

    datastore: str
    path: str
    minutes: int
    deeper: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A schedule as the spec has it. ``owner`` is the pipeline and the target it belongs to."""

    name: str
    owner: str
    experiment: str
    recurrence: Recurrence | None = None
    watched: Watched | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict)

    @property
    def description(self) -> str:
        """What people read, and the marker."""
        how = "on a change of data" if self.watched else "by the clock"
        return f"Runs {self.owner} {how}. [amlshare:{digest(plain(self))}:{self.owner}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What a schedule runs: a pipeline endpoint, or else a published pipeline, by its id."""

    pipeline: str
    endpoint: str | None = None


def wanted(job: Job) -> tuple[Wanted, ...]:
    """The schedules of a job; what needs several recurrences has several, NAME-2 and on.

    Raises BackendError for a time zone that SDK v1 has no name for.
    """
    return tuple(each for schedule in job.schedules for each in _wanted(job, schedule))


def _wanted(job: Job, schedule: Schedule) -> Iterator[Wanted]:
    try:
        rules: tuple[Recurrence | None, ...] = recurrences(schedule) or (None,)
    except ValueError as error:
        raise BackendError(f"schedule '{schedule.name}': {error}") from None
    names = [job.pipeline, *([job.target] if job.target else []), schedule.name]
    for number, rule in enumerate(rules, 1):
        yield Wanted(
            name=".".join(names) + (f"-{number}" if number > 1 else ""),
            owner=owner(job),
            experiment=schedule.experiment or job.experiment,
            recurrence=rule,
            watched=_watched(job, schedule),
            parameters=schedule.parameters,
        )


def owner(job: Job) -> str:
    """What marks the schedules of a pipeline for a target as one family."""
    return f"{job.pipeline}@{job.target}" if job.target else job.pipeline


def _watched(job: Job, schedule: Schedule) -> Watched | None:
    if schedule.on_change is None:
        return None
    data = next(each for each in job.data if each.name == schedule.on_change)
    folder, pattern = _folder(data)
    return Watched(
        datastore=data.datastore or "",
        path=folder,
        minutes=(schedule.poll or _POLL * _MINUTE) // _MINUTE,
        deeper="/" in pattern,
    )


def _folder(data: JobData) -> tuple[str, str]:
    """The folder that data lies in, without its last slash, and the pattern below it."""
    path = data.path or ""
    if match := _GLOB.search(path):
        folder, _, rest = path[: match.start()].rpartition("/")
        return folder, rest + path[match.start() :]
    if data.format == "folder" or path.endswith("/"):
        return path.rstrip("/"), ""
    folder, _, name = path.rpartition("/")
    return (folder, name) if "." in name or data.format == "file" else (path, "")


# What the workspace has


def check(job: Job, workspace: Any) -> None:
    """Raise BackendError for a watched datastore of a kind that cannot be watched."""
    from azureml.core import Datastore

    for each in wanted(job):
        if each.watched is None:
            continue
        name = each.watched.datastore
        with asking(f"looking up datastore '{name}'"):
            store = Datastore.get(workspace, name)
        if store.datastore_type != _BLOB:
            raise BackendError(
                f"schedule '{each.name}' watches datastore '{name}', which is "
                f"{store.datastore_type}; SDK v1 watches only blob storage: use `every:` instead"
            )


def match(job: Job, workspace: Any, base: Path, runs: Runs) -> tuple[str, ...]:
    """Make the workspace's schedules those of the job; returns notes of what was done.

    What was done stays done where a later one fails, and the same submit again goes on from there.
    """
    matching = _Matching(job, workspace, base, runs)
    notes = [note for each in wanted(job) for note in matching.match(each)]
    return (*notes, *matching.disable_rest())


def ours(workspace: Any, family: str) -> list[Any]:
    """The entities of the active schedules of a family: see :func:`owner`."""
    return [each for each in _active(service(workspace)) if _mark(each, "owner") == family]


def _active(caller: Any) -> list[Any]:
    """The entities of all active schedules, the oldest first."""
    with asking("listing the schedules"):
        found = retried(lambda: caller.get_all_schedules_async(active_only=True))
    return sorted(found, key=lambda each: (str(each.created_date or ""), each.id))


class _Matching:
    """The active schedules of the workspace, listed once, and those of ours not yet matched."""

    def __init__(self, job: Job, workspace: Any, base: Path, runs: Runs) -> None:
        self._job = job
        self._workspace = workspace
        self._base = base
        self._runs = runs
        self._caller = service(workspace)
        entities = self._list()
        self._ours = [each for each in entities if _mark(each, "owner") == owner(job)]
        self._others = {each.name for each in entities if each not in self._ours}

    def match(self, want: Wanted) -> Iterator[str]:
        """One schedule of the spec: nothing, a change, or a new one in the place of another."""
        same = [each for each in self._ours if each.name == want.name]
        self._ours = [each for each in self._ours if each not in same]
        kept = next((each for each in same if self._can_become(each, want)), None)
        for each in same:
            if each is not kept:
                self._disable(each)
        if kept is None:
            yield from self._make(want, again=bool(same))
        elif kept.pipeline_submission_info.description != want.description:
            self._update(kept, want)
            yield from self._told(want, "changed")

    def disable_rest(self) -> Iterator[str]:
        """Disable what is ours and not in the spec any more."""
        for each in self._ours:
            self._disable(each)
            yield f"schedule '{each.name}' is disabled: the spec does not have it any more"

    def _list(self) -> list[Any]:
        return _active(self._caller)

    def _can_become(self, entity: Any, want: Wanted) -> bool:
        """Whether a change makes it the wanted one: what it runs, and where, cannot be changed."""
        watches = entity.schedule_type in ("1", "DataStore")
        return (
            self._runs_it(entity)
            and entity.pipeline_submission_info.experiment_name == want.experiment
            and watches == (want.watched is not None)
        )

    def _runs_it(self, entity: Any) -> bool:
        if self._runs.endpoint:
            return bool(entity.pipeline_endpoint_id == self._runs.endpoint)
        return bool(entity.pipeline_id == self._runs.pipeline and not entity.pipeline_endpoint_id)

    def _make(self, want: Wanted, *, again: bool) -> Iterator[str]:
        arguments = {
            "name": want.name,
            "experiment_name": want.experiment,
            "description": want.description,
            **self._when(want),
        }
        once(
            f"making schedule '{want.name}'",
            lambda: self._post(arguments),
            lambda: self._look(want),
        )
        yield from self._told(want, "made anew" if again else "made")
        if want.name in self._others:
            yield f"schedule '{want.name}' has a namesake that amlshare did not make, left as it is"

    def _post(self, arguments: Mapping[str, Any]) -> Any:
        from azureml.pipeline.core import Schedule as Made

        if self._runs.endpoint:
            return Made.create_for_pipeline_endpoint(
                self._workspace, pipeline_endpoint_id=self._runs.endpoint, **arguments
            )
        return Made.create(self._workspace, pipeline_id=self._runs.pipeline, **arguments)

    def _look(self, want: Wanted) -> Any | None:
        """The wanted schedule, where it is there already."""
        for each in self._list():
            said = each.pipeline_submission_info.description
            if each.name == want.name and said == want.description and self._runs_it(each):
                return each
        return None

    def _update(self, entity: Any, want: Wanted) -> None:
        arguments = {"description": want.description, **self._when(want)}
        if "datastore" in arguments:
            arguments["datastore_name"] = arguments.pop("datastore").name
        provider = self._provider()
        with asking(f"changing schedule '{want.name}'"):
            retried(lambda: provider.update_schedule(entity.id, **arguments))

    def _disable(self, entity: Any) -> None:
        provider = self._provider()
        with asking(f"disabling schedule '{entity.name}'"):
            retried(lambda: provider.set_status(entity.id, "Disabled"))

    def _provider(self) -> Any:
        from azureml.pipeline.core._aeva_provider import _AevaScheduleProvider

        return _AevaScheduleProvider(self._caller, self._workspace)

    def _when(self, want: Wanted) -> dict[str, Any]:
        """When it runs and with what, as the SDK takes it."""
        values = {"pipeline_parameters": self._parameters(want.parameters)}
        if want.watched is not None:
            from azureml.core import Datastore

            with asking(f"looking up datastore '{want.watched.datastore}'"):
                store = Datastore.get(self._workspace, want.watched.datastore)
            place = {"path_on_datastore": want.watched.path or None}
            return {
                **values,
                **place,
                "datastore": store,
                "polling_interval": want.watched.minutes,
            }
        assert want.recurrence is not None
        return {**values, "recurrence": _recurrence(want.recurrence)}

    def _parameters(self, given: Mapping[str, Value]) -> dict[str, Any]:
        """Values of parameters; data becomes the SDK's object for other data."""
        data = {each.name: each for each in self._job.data if each.parameter}
        chosen = {
            name: _other(data[name], str(value)) for name, value in given.items() if name in data
        }
        entries = tuple(chosen.get(each.name, each) for each in self._job.data)
        found = Found(replace(self._job, data=entries), self._workspace, self._base)
        objects = {name: _bound(self._job, found, name) for name in chosen}
        return {name: objects.get(name, value) for name, value in given.items()}

    def _told(self, want: Wanted, what: str) -> Iterator[str]:
        yield f"schedule '{want.name}' was {what}"
        if want.watched and want.watched.deeper:
            yield (
                f"schedule '{want.name}' sees new files in {want.watched.path or '/'} itself, not "
                "in the folders below it"
            )
        for each in self._job.data:
            if each.parameter and each.name in want.parameters and each.dataset:
                yield f"schedule '{want.name}' keeps the version of '{each.name}' that it was given"


def _mark(entity: Any, part: str) -> str | None:
    info = entity.pipeline_submission_info
    found = _MARKER.search((info.description if info else "") or "")
    return found[part] if found else None


def _recurrence(rule: Recurrence) -> Any:
    from azureml.pipeline.core import ScheduleRecurrence, TimeZone

    return ScheduleRecurrence(
        frequency=rule.frequency,
        interval=rule.interval,
        start_time=rule.start,
        time_zone=TimeZone(rule.time_zone),
        hours=list(rule.hours) or None,
        minutes=list(rule.minutes) or None,
        week_days=list(rule.week_days) or None,
    )


def _other(data: JobData, given: str) -> JobData:
    """Data as a schedule gives it: a version, NAME:VERSION, or [DATASTORE:]LOCATION."""
    head, _, tail = given.rpartition(":")
    if data.dataset is not None:
        version = None if tail == "latest" else int(tail)
        return replace(data, dataset=head or data.dataset, version=version)
    if head and "/" not in head:
        return replace(data, datastore=head, path=tail)
    return replace(data, path=given)


def _bound(job: Job, found: Found, name: str) -> Any:
    """The SDK's value of a data parameter: a DataPath, or a dataset."""
    for step in job.steps:
        for given in step.inputs:
            if given.source == name and given.via == "DataPath":
                return found.data_path(name).default_value
            if given.source == name:
                return found.dataset(step, given).default_value
    raise BackendError(f"no step reads '{name}', for which a schedule gives a value")
