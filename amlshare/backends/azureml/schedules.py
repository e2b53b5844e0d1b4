"""The schedules of a published pipeline: those of a spec, and what a workspace has of them.

A schedule is known by its name and by a marker at the end of its description, which holds a digest
of all that it says, and the pipeline and target that it belongs to. Others are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from amlshare.backends.azureml.found import BLOB
from amlshare.backends.azureml.job import Job, JobData, Via
from amlshare.backends.azureml.online import UNFIT
from amlshare.backends.azureml.recurrences import START, Frequency, Recurrence, recurrences
from amlshare.backends.azureml.sdk import ServiceError, asking
from amlshare.backends.azureml.service import service
from amlshare.backends.interface import BackendError
from amlshare.diagnostics import Finding
from amlshare.pipeline import Schedule, Value
from amlshare.plan import digest, plain

_MARKER = re.compile(r"\[amlshare:(?P<digest>[0-9a-f]{16}):(?P<owner>[^\]]*)\]\s*$")
_GLOB = re.compile(r"[*?\[{]")
_MINUTE = 60
_POLL = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A folder of a datastore that is looked at every so many minutes; not the folders below."""

    datastore: str
    path: str
    minutes: int
    deeper: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The data that a schedule gives to a parameter, and as what the step gets it."""

    data: JobData
    via: Via


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A schedule as the spec has it. ``owner`` is the pipeline and the target it belongs to.

    ``parameters`` are as they are written; ``data`` is what those of them stand for that are data.
    """

    name: str
    owner: str
    experiment: str
    recurrence: Recurrence | None = None
    watched: Watched | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict)
    data: Mapping[str, Chosen] = field(default_factory=dict)

    @property
    def description(self) -> str:
        """What people read, and the marker."""
        how = "on a change of data" if self.watched else "by the clock"
        return f"Runs {self.owner} {how}. [amlshare:{digest(plain(self))}:{self.owner}]"


def wanted(job: Job) -> tuple[Wanted, ...]:
    """The schedules of a job; what needs several recurrences has several, NAME-2 and on.

    Raises BackendError for a time zone that SDK v1 has no name for, and for data that no step
    reads.
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
            data=_chosen(job, schedule.parameters),
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


def _chosen(job: Job, given: Mapping[str, Value]) -> dict[str, Chosen]:
    """The data behind the values of a schedule."""
    data = {each.name: each for each in job.data if each.parameter and each.name in given}
    return {
        name: Chosen(data=_other(each, str(given[name])), via=_via(job, name))
        for name, each in data.items()
    }


def _via(job: Job, name: str) -> Via:
    readings = (each.via for step in job.steps for each in step.inputs if each.source == name)
    via = next(readings, None)
    if via is None:
        raise BackendError(f"no step reads '{name}', for which a schedule gives a value")
    return via


def _other(data: JobData, given: str) -> JobData:
    """Data as a schedule gives it: a version, NAME:VERSION, or [DATASTORE:]LOCATION."""
    data = replace(data, upload=None)
    head, _, tail = given.rpartition(":")
    if data.dataset is not None:
        version = None if tail == "latest" else int(tail)
        return replace(data, dataset=head or data.dataset, version=version)
    if head and "/" not in head:
        return replace(data, datastore=head, path=tail)
    return replace(data, path=given)


def unwatchable(job: Job, workspace: Any) -> Iterator[Finding]:
    """The schedules that watch a datastore of a kind that cannot be watched, each at its place."""
    kinds: dict[str, str | None] = {}
    for each in job.schedules:
        watched = _watched(job, each)
        if watched is None:
            continue
        name = watched.datastore
        if name not in kinds:
            kinds[name] = _kind(name, workspace)
        if kinds[name] not in (BLOB, None):
            yield Finding(
                code=UNFIT,
                message=f"schedule '{each.name}' watches datastore '{name}', which is "
                f"{kinds[name]}",
                route=("schedules", each.name, "on_change"),
                label="SDK v1 watches only blob storage",
                help="use `every:` instead, or data in blob storage",
            )


def _kind(name: str, workspace: Any) -> str | None:
    """What a datastore is; None where there is none, which is told of its data."""
    from azureml.core import Datastore

    try:
        with asking(f"looking up datastore '{name}'"):
            return str(Datastore.get(workspace, name).datastore_type)
    except ServiceError as error:
        if error.status == 404:
            return None
        raise


# What the workspace has


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """What a schedule does, in the spec and in a workspace alike.

    ``values`` are the texts that parameters get. Data in a datastore is DATASTORE:LOCATION; a
    dataset is named by nothing but an id there, so it is `a dataset` whichever it is.
    """

    experiment: str
    recurrence: Recurrence | None = None
    watched: Watched | None = None
    values: Mapping[str, str] = field(default_factory=dict)


_A_DATASET = "a dataset"
_FREQUENCIES = dict(zip("01234", ("Month", "Week", "Day", "Hour", "Minute"), strict=True))
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NUMBERED = {str(number): day for number, day in enumerate(_DAYS)}
_SECONDS = len(START)


def listed(workspace: Any, *, active: bool) -> list[Any]:
    """The entities of all schedules, or of the active ones, the oldest first."""
    caller = service(workspace)
    with asking("listing the schedules"):
        found = caller.get_all_schedules_async(active_only=active)
    return sorted(found, key=lambda each: (str(each.created_date or ""), each.id))


def ours(workspace: Any, family: str) -> list[Any]:
    """The entities of the active schedules of a family: see :func:`owner`."""
    return [each for each in listed(workspace, active=True) if owner_of(each) == family]


def owner_of(entity: Any) -> str | None:
    """The family that a schedule belongs to; None for one that amlshare did not make."""
    info = entity.pipeline_submission_info
    found = _MARKER.search((info.description if info else "") or "")
    return found["owner"] if found else None


def is_active(entity: Any) -> bool:
    """Whether it runs anything."""
    return entity.entity_status in ("0", "Active")


def is_watching(entity: Any) -> bool:
    """Whether it runs on a change of data, and not by the clock."""
    return entity.schedule_type in ("1", "DataStore")


def is_as_wanted(entity: Any, want: Wanted, job: Job) -> bool:
    """Whether the workspace's schedule does what the spec says; people can change it there.

    The marker alone tells which dataset is given.
    """
    if entity.pipeline_submission_info.description != want.description:
        return False
    defaults = _defaults(job)
    return _compared(doing(entity), defaults) == _compared(doing_of(want), defaults)


def doing_of(want: Wanted) -> Doing:
    """What a schedule of the spec does."""
    values = {name: str(value) for name, value in want.parameters.items()}
    data = {
        name: _place(chosen.data.datastore, chosen.data.path)
        if chosen.via == "DataPath"
        else _A_DATASET
        for name, chosen in want.data.items()
    }
    return Doing(
        experiment=want.experiment,
        recurrence=want.recurrence,
        watched=want.watched,
        values={**values, **data},
    )


def doing(entity: Any) -> Doing:
    """What a schedule of the workspace does, whatever form the service gives it."""
    info = entity.pipeline_submission_info
    places = {
        name: _place(each.data_store_name, each.relative_path)
        for name, each in (info.data_path_assignments or {}).items()
    }
    datasets = dict.fromkeys(info.data_set_definition_value_assignments or {}, _A_DATASET)
    rule, trigger = entity.recurrence, entity.data_store_trigger_info
    return Doing(
        experiment=info.experiment_name or "",
        recurrence=_recurrence(rule) if rule and not is_watching(entity) else None,
        watched=_watching(trigger) if trigger and is_watching(entity) else None,
        values={**(info.parameter_assignments or {}), **places, **datasets},
    )


def _place(datastore: str | None, path: str | None) -> str:
    return f"{datastore or ''}:{(path or '').strip('/')}"


def _watching(trigger: Any) -> Watched:
    return Watched(
        datastore=trigger.data_store_name or "",
        path=(trigger.path_on_data_store or "").strip("/"),
        minutes=trigger.polling_interval or _POLL,
    )


def _recurrence(rule: Any) -> Recurrence:
    times, frequency = rule.schedule, str(rule.frequency)
    days = [str(each) for each in (times and times.week_days) or ()]
    return Recurrence(
        frequency=cast("Frequency", _FREQUENCIES.get(frequency, frequency)),
        interval=rule.interval or 1,
        time_zone=rule.time_zone or "UTC",
        hours=tuple((times and times.hours) or ()),
        minutes=tuple((times and times.minutes) or ()),
        week_days=tuple(_NUMBERED.get(each, each) for each in days),
        start=str(rule.start_time or START),
    )


def _compared(does: Doing, defaults: Mapping[str, str]) -> Doing:
    """It without what makes no difference: an order, a value that is the default anyway."""
    values = {name: value for name, value in does.values.items() if defaults.get(name) != value}
    watched = does.watched and replace(
        does.watched, path=does.watched.path.strip("/"), deeper=False
    )
    return replace(
        does,
        recurrence=does.recurrence and _sorted(does.recurrence),
        watched=watched,
        values=values,
    )


def _sorted(rule: Recurrence) -> Recurrence:
    """A recurrence with its times in order, and its start without a fraction or a zone."""
    return replace(
        rule,
        hours=tuple(sorted(rule.hours)),
        minutes=tuple(sorted(rule.minutes)),
        week_days=tuple(sorted(rule.week_days)),
        start=rule.start[:_SECONDS],
    )


def _defaults(job: Job) -> dict[str, str]:
    """What parameters are where a schedule says nothing; the service may fill them in."""
    places = {
        each.name: _place(each.datastore, each.path)
        for each in job.data
        if each.parameter and each.dataset is None
    }
    return {**{each.name: str(each.default) for each in job.parameters}, **places}
