"""Which run a submit is: a new one, or an interrupted one that goes on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from amlshare.backends.interface import BackendError, Settings
from amlshare.backends.local.folder import Folder, Lock, take_run
from amlshare.backends.local.job import Job, to_data
from amlshare.backends.local.program import Program
from amlshare.backends.local.records import OutputRecord, Records, RunRecord, StepRecord
from amlshare.backends.local.recovery import recover
from amlshare.backends.local.sources import Sources
from amlshare.plan import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A run that is ours now. ``done`` are the steps that it finished before."""

    id: str
    lock: Lock
    resumed: bool = False
    done: Mapping[str, StepRecord] = field(default_factory=dict)


def open_run(
    job: Job,
    settings: Settings,
    folder: Folder,
    records: Records,
    sources: Sources,
    staging: Iterable[str],
) -> Opened:
    """Go on with the last run of this pipeline when it was interrupted, the job is the same and
    what it published still is; else begin a new run. ``staging`` are folders in which a run stages
    its outputs.
    """
    wanted = digest([to_data(job), settings.python, settings.as_cloud, settings.regenerate])
    with folder.locked():
        recover(folder, records)
        last = records.last_run(job.pipeline, job.target)
        again = last and last.status == "interrupted" and last.job == wanted
        if last and again and (done := _finished(last, records, sources)) is not None:
            lock = take_run(folder, last.id)
            if lock is not None:
                records.reopen_run(last.id)
                return Opened(id=last.id, lock=lock, resumed=True, done=done)
        return _begun(job, settings, folder, records, wanted, tuple(staging))


def _finished(last: RunRecord, records: Records, sources: Sources) -> dict[str, StepRecord] | None:
    """The steps that ``last`` finished; None where an output of theirs is not as it was.

    Then a new run takes over what still is, and makes the rest and all that read it.
    """
    done = {step.step: step for step in records.steps(last.id) if step.status == "completed"}
    made = [output for step in done for output in records.outputs(last.id, step)]
    return done if all(map(sources.is_published, made)) else None


def _begun(
    job: Job,
    settings: Settings,
    folder: Folder,
    records: Records,
    wanted: str,
    staging: tuple[str, ...],
) -> Opened:
    run = folder.new_run()
    lock = take_run(folder, run)
    assert lock is not None, "nobody else knows this run yet"
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
    return Opened(id=run, lock=lock)


def earlier_outputs(
    job: Job, records: Records, sources: Sources, program: Program
) -> tuple[list[OutputRecord], list[str]]:
    """What earlier runs published of the steps that are not selected but are read.

    Also gives what there is to say about it. Raises BackendError where there is nothing.
    """
    steps = {step.name: step for step in job.steps}
    found, notes = {}, []
    for reader in job.selected:
        for given in steps[reader].inputs:
            feeder, _, output = given.source.partition(".")
            if not output or feeder in job.selected or given.source in found:
                continue
            made = records.last_made(job.pipeline, job.target, feeder)
            read = _output(made, output, records)
            if made is None or read is None or not sources.is_published(read):
                why = "changed or removed since" if read else "never published here"
                raise BackendError(
                    f"step '{reader}' reads {given.source}, step '{feeder}' is not selected, and "
                    f"its output was {why}: select it too, with --select +{reader}"
                )
            if made.own != program.own_key(steps[feeder]):
                what = "the code" if made.code != steps[feeder].key.get("code") else "the step"
                notes.append(f"{given.source} is of run {made.run}: {what} has changed since")
            found[given.source] = read
    return list(found.values()), notes


def _output(made: StepRecord | None, name: str, records: Records) -> OutputRecord | None:
    outputs = records.outputs(made.run, made.step) if made else []
    return next((each for each in outputs if each.output == name), None)
