"""Which run a submit is: a new one, or an interrupted one that goes on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from amlshare.backends.interface import BackendError, Settings
from amlshare.backends.local.folder import Folder, RunLocks, take_run
from amlshare.backends.local.job import Job, to_data
from amlshare.backends.local.records import OutputRecord, Records, RunRecord, StepRecord
from amlshare.backends.local.recovery import recover
from amlshare.plan import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A run that is ours now. ``done`` are the steps that it finished before."""

    id: str
    locks: RunLocks
    resumed: bool = False
    done: Mapping[str, StepRecord] = field(default_factory=dict)


def open_run(
    job: Job, settings: Settings, folder: Folder, records: Records, staging: Iterable[str]
) -> Opened:
    """Go on with the last run of this pipeline when it was interrupted and the job is the same;
    else begin a new run. ``staging`` are folders in which a run stages its outputs."""
    wanted = digest([to_data(job), settings.python, settings.as_cloud])
    with folder.locked():
        recover(folder, records)
        last = records.last_run(job.pipeline, job.target)
        if last and last.status == "interrupted" and last.job == wanted:
            if not settings.regenerate and (locks := take_run(folder, last.id)):
                return _reopened(last, locks, records)
        return _begun(job, settings, folder, records, wanted, tuple(staging))


def _reopened(last: RunRecord, locks: RunLocks, records: Records) -> Opened:
    records.reopen_run(last.id)
    done = {step.step: step for step in records.steps(last.id) if step.status == "completed"}
    return Opened(id=last.id, locks=locks, resumed=True, done=done)


def _begun(
    job: Job,
    settings: Settings,
    folder: Folder,
    records: Records,
    wanted: str,
    staging: tuple[str, ...],
) -> Opened:
    run = folder.new_run()
    locks = take_run(folder, run)
    assert locks is not None, "nobody else knows this run yet"
    begun = RunRecord(
        id=run,
        pipeline=job.pipeline,
        target=job.target,
        job=wanted,
        status="running",
        created=time.time(),
        experiment=settings.experiment,
        tags=settings.tags,
        staging=tuple(f"{folder}/{run}" for folder in staging),
    )
    chosen = set(job.selected)
    steps = [
        StepRecord(run=run, step=step.name, position=position, status="queued")
        for position, step in enumerate(job.steps)
        if step.name in chosen
    ]
    with records.change():
        records.put(begun, *steps)
    return Opened(id=run, locks=locks)


def earlier_outputs(job: Job, records: Records) -> tuple[list[OutputRecord], list[str]]:
    """What earlier runs published of the steps that are not selected but are read.

    Also gives what there is to say about it. Raises BackendError where there is nothing.
    """
    steps = {step.name: step for step in job.steps}
    chosen = set(job.selected)
    found, notes = [], []
    wanted = {
        (given.source, name) for name in job.selected for given in steps[name].inputs
    }
    for source, reader in sorted(wanted):
        feeder, _, output = source.partition(".")
        if not output or feeder in chosen:
            continue
        made = records.last_made(job.pipeline, job.target, feeder)
        outputs = records.outputs(made.run, feeder) if made else []
        read = next((each for each in outputs if each.output == output), None)
        if made is None or read is None:
            raise BackendError(
                f"step '{reader}' reads {source}, step '{feeder}' is not selected, and no earlier "
                f"run here has its output: select it too, with --select +{reader}"
            )
        if made.code != steps[feeder].key.get("code"):
            notes.append(f"{source} was made by other code of step '{feeder}', in run {made.run}")
        found.append(read)
    return found, notes
