"""Schedules of a workspace made to match those of a spec: made, changed, enabled, disabled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from amlshare.backends.azureml.found import Found
from amlshare.backends.azureml.job import Job
from amlshare.backends.azureml.once import once
from amlshare.backends.azureml.recurrences import Recurrence
from amlshare.backends.azureml.schedules import (
    Wanted,
    is_active,
    is_as_wanted,
    is_watching,
    listed,
    owner,
    owner_of,
    wanted,
)
from amlshare.backends.azureml.sdk import asking
from amlshare.backends.azureml.service import service


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What a schedule runs: a pipeline endpoint, or else a published pipeline, by its id."""

    pipeline: str
    endpoint: str | None = None


def match(job: Job, workspace: Any, base: Path, runs: Runs) -> tuple[str, ...]:
    """Make the workspace's schedules those of the job; returns notes of what was done.

    What was done stays done where a later one fails, and the same submit again goes on from there.
    """
    matching = _Matching(job, workspace, base, runs)
    notes = [note for each in wanted(job) for note in matching.match(each)]
    return (*notes, *matching.disable_rest())


class _Matching:
    """The schedules of the workspace, listed once: ours, active and not, and the names of others.

    ``_known`` are the ids of ours that were there before; whatever comes besides, another job made.
    """

    def __init__(self, job: Job, workspace: Any, base: Path, runs: Runs) -> None:
        self._job = job
        self._workspace = workspace
        self._base = base
        self._runs = runs
        entities = listed(workspace, active=False)
        ours = [each for each in entities if owner_of(each) == owner(job)]
        self._known = {each.id for each in ours}
        self._active = [each for each in ours if is_active(each)]
        self._disabled = [each for each in ours if not is_active(each)]
        others = (each for each in entities if each.id not in self._known)
        self._others = {each.name for each in others if is_active(each)}

    def match(self, want: Wanted) -> Iterator[str]:
        """One schedule of the spec: nothing, a change, or another one in the place of the old."""
        same = [each for each in self._active if each.name == want.name]
        self._active = [each for each in self._active if each not in same]
        kept = next((each for each in same if self._can_become(each, want)), None)
        for each in same:
            if each is not kept:
                self._disable(each)
        asleep = next((each for each in self._disabled if self._can_become(each, want)), None)
        if kept is not None:
            if not is_as_wanted(kept, want, self._job):
                self._update(kept, want)
                yield from self._told(want, "changed")
        elif asleep is not None:
            self._update(asleep, want)
            yield from self._told(want, "enabled again")
        else:
            yield from self._make(want, again=bool(same))

    def disable_rest(self) -> Iterator[str]:
        """Disable what is ours and not in the spec any more."""
        for each in self._active:
            self._disable(each)
            yield f"schedule '{each.name}' is disabled: the spec does not have it any more"

    def _can_become(self, entity: Any, want: Wanted) -> bool:
        """Whether a change makes it the wanted one: what it runs, and where, cannot be changed."""
        return (
            entity.name == want.name
            and self._runs_it(entity)
            and entity.pipeline_submission_info.experiment_name == want.experiment
            and is_watching(entity) == (want.watched is not None)
        )

    def _runs_it(self, entity: Any) -> bool:
        if self._runs.endpoint:
            return bool(entity.pipeline_endpoint_id == self._runs.endpoint)
        return bool(entity.pipeline_id == self._runs.pipeline and not entity.pipeline_endpoint_id)

    # Making one

    def _make(self, want: Wanted, *, again: bool) -> Iterator[str]:
        arguments = {
            "name": want.name,
            "experiment_name": want.experiment,
            "description": want.description,
            **self._when(want),
        }
        made = once(
            f"making schedule '{want.name}'",
            lambda: self._post(arguments),
            lambda: self._look(want),
        )
        overtaken = self._settle(want, made.id)
        yield from [overtaken] if overtaken else self._told(want, "made anew" if again else "made")
        if want.name in self._others:
            yield f"schedule '{want.name}' has a namesake that amlshare did not make, left as it is"

    def _post(self, arguments: Mapping[str, Any]) -> Any:
        from azureml.pipeline.core import Schedule as Made

        if self._runs.endpoint:
            return Made.create_for_pipeline_endpoint(
                self._workspace, pipeline_endpoint_id=self._runs.endpoint, **arguments
            )
        return Made.create(self._workspace, pipeline_id=self._runs.pipeline, **arguments)

    def _new(self, want: Wanted) -> list[Any]:
        """The active schedules of that name that came since the first look, the oldest first."""
        return [
            each
            for each in listed(self._workspace, active=True)
            if each.name == want.name
            and each.id not in self._known
            and owner_of(each) == want.owner
        ]

    def _look(self, want: Wanted) -> Any | None:
        """The wanted schedule, where it is there already."""
        for each in self._new(want):
            said = each.pipeline_submission_info.description
            if said == want.description and self._runs_it(each):
                return each
        return None

    def _settle(self, want: Wanted, made: str) -> str | None:
        """Two jobs at once may both find nothing and make one: the oldest stays, whoever made it.

        A note where that is not the one ``made`` here.
        """
        first, *rest = self._new(want) or [None]
        if first is None or made not in {first.id, *(each.id for each in rest)}:
            return None  # the list is behind: it has what was made in a moment
        for each in rest:
            self._disable(each)
        if first.id == made:
            return None
        is_same = self._can_become(first, want) and is_as_wanted(first, want, self._job)
        otherwise = (
            "" if is_same else ", and is not as this spec has it: run the same command again"
        )
        return (
            f"schedule '{want.name}' was made at the same time by another job as {first.id}, which "
            f"stays{otherwise}"
        )

    # Changing one

    def _update(self, entity: Any, want: Wanted) -> None:
        """Give it all that the spec says, and enable it."""
        arguments = {"description": want.description, "status": "Active", **self._when(want)}
        if want.watched is not None:
            arguments["datastore_name"] = arguments.pop("datastore").name
            arguments["path_on_datastore"] = want.watched.path  # None would leave it as it is
        provider = self._provider()
        with asking(f"changing schedule '{want.name}'"):
            provider.update_schedule(entity.id, **arguments)

    def _disable(self, entity: Any) -> None:
        provider = self._provider()
        with asking(f"disabling schedule '{entity.name}'"):
            provider.set_status(entity.id, "Disabled")

    def _provider(self) -> Any:
        from azureml.pipeline.core._aeva_provider import _AevaScheduleProvider

        return _AevaScheduleProvider(service(self._workspace), self._workspace)

    # What the SDK is told

    def _when(self, want: Wanted) -> dict[str, Any]:
        """When it runs and with what, as the SDK takes it."""
        values = {"pipeline_parameters": self._parameters(want)}
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

    def _parameters(self, want: Wanted) -> dict[str, Any]:
        """Values of parameters; data becomes the SDK's object for other data."""
        entries = tuple(
            want.data[each.name].data if each.name in want.data else each for each in self._job.data
        )
        found = Found(replace(self._job, data=entries), self._workspace, self._base)
        objects = {name: _bound(self._job, found, name) for name in want.data}
        return {name: objects.get(name, value) for name, value in want.parameters.items()}

    def _told(self, want: Wanted, what: str) -> Iterator[str]:
        yield f"schedule '{want.name}' was {what}"
        if want.watched and want.watched.deeper:
            yield (
                f"schedule '{want.name}' sees new files in {want.watched.path or '/'} itself, not "
                "in the folders below it"
            )
        for name, chosen in want.data.items():
            if chosen.data.dataset:
                yield f"schedule '{want.name}' keeps the version of '{name}' that it was given"


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


def _bound(job: Job, found: Found, name: str) -> Any:
    """The SDK's value of a data parameter: a DataPath, or a dataset."""
    step, given = next(
        (step, given) for step in job.steps for given in step.inputs if given.source == name
    )
    if given.via == "DataPath":
        return found.data_path(name).default_value
    return found.dataset(step, given).default_value
