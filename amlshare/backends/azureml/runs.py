"""The runs of a workspace: lists, one with its steps, logs, and how one is stopped.

Runs and steps have the fields of those of the local backend, as far as the service knows them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import islice
from typing import Any

from amlshare.backends.azureml.marks import DIGEST, PIPELINE, TARGET
from amlshare.backends.azureml.sdk import ServiceError, asking
from amlshare.backends.azureml.service import service
from amlshare.backends.interface import BackendError, Status

_RUNNING = frozenset({"Running", "Finalizing", "CancelRequested", "NotResponding"})
_ENDS: Mapping[str, Status] = {
    "Completed": "completed",
    "Finished": "completed",
    "Failed": "failed",
    "Canceled": "canceled",
    "Bypassed": "skipped",
    "PartiallyExecuted": "skipped",
}
# the pipelines service once answered with numbers
_NUMBERED = {"0": "NotStarted", "1": "Running", "2": "Failed", "3": "Finished", "4": "Canceled"}
# what the script itself printed, before what the machine says around it
_LOGS = (r"user_logs/std_log.*\.txt", r"azureml-logs/70_driver_log.*\.txt", r"logs/user/.*")
_WHOLE_ID = 36
_MOST = 20
_LOOKED_AT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run in a list. ``seconds`` is None while it runs; ``steps`` counts those that have begun.

    ``created`` is in Unix seconds.
    """

    id: str
    pipeline: str
    target: str | None
    status: str
    created: float
    seconds: float | None
    steps: dict[str, int] = field(default_factory=dict)
    reused: int = 0
    experiment: str = ""
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun:
    """A step of a run, once it has begun. ``id`` is that of its own run, ``node`` its graph node's.

    ``made_by`` is the run whose result it took over.
    """

    step: str
    position: int
    status: Status
    reused: bool | None = None
    seconds: float | None = None
    moved_bytes: int | None = None
    message: str | None = None
    attempts: int = 1
    made_by: str | None = None
    id: str = ""
    node: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDetail:
    """A step of a run; the service does not say what it read and made."""

    step: StepRun
    inputs: tuple[Any, ...] = ()
    outputs: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail:
    """A run with the steps that have begun, in the order in which they did."""

    run: RunSummary
    steps: tuple[StepDetail, ...]


class Run:
    """A run of the workspace, by its whole id. Raises ServiceError where there is none."""

    def __init__(self, workspace: Any, number: str) -> None:
        from azureml.core import Experiment

        self.id = number
        self._caller = service(workspace)
        with asking(f"looking for run {number}"):
            entity = self._caller.get_pipeline_run_async(number)
            self.experiment = Experiment(workspace, entity.run_history_experiment_name)
            self._history = self._looked_up()

    @property
    def url(self) -> str:
        """Where people look at it."""
        return str(self._history.get_portal_url())

    def status(self) -> Status:
        """How it stands."""
        with asking(f"asking for the status of run {self.id}"):
            entity = self._caller.get_pipeline_run_async(self.id)
        code = str(entity.status.status_code if entity.status else "0")
        return status_of(_NUMBERED.get(code, code))

    def steps(self) -> tuple[StepRun, ...]:
        """The steps that have begun, in the order in which they did."""
        with asking(f"asking for the steps of run {self.id}"):
            children = list(self._history.get_children(_rehydrate_runs=False))
        found = [_entry(child) for child in children]
        found.sort(key=lambda each: (str(each.start_time_utc or "~"), each.name or ""))
        return tuple(_step(each, position) for position, each in enumerate(found))

    def summary(self, steps: Sequence[StepRun]) -> RunSummary:
        """It as a line of a list."""
        with asking(f"looking at run {self.id}"):
            entry = _entry(self._looked_up())
        return _summary(entry, self.experiment.name, steps, self.url)

    def error(self) -> str | None:
        """Why it failed, where the run as a whole says so."""
        with asking(f"looking at run {self.id}"):
            return _message(_entry(self._looked_up()))

    def log(self, step: StepRun) -> str:
        """All of what a step printed; empty where there is nothing yet."""
        with asking(f"fetching the log of step '{step.step}'"):
            return self._log_files(step) or self._streams(step)

    def cancel(self) -> None:
        """Stop it."""
        with asking(f"cancelling run {self.id}"):
            self._caller.cancel_pipeline_run_async(self.id)

    def _looked_up(self) -> Any:
        from azureml.pipeline.core import PipelineRun

        return PipelineRun(self.experiment, self.id)

    def _log_files(self, step: StepRun) -> str:
        from azureml._file_utils import download_file_stream
        from azureml.core import Run as AnyRun

        files = AnyRun(self.experiment, step.id).get_details().get("logFiles") or {}
        for pattern in _LOGS:
            names = sorted(name for name in files if re.fullmatch(pattern, name))
            if names:
                return "".join(_ended(download_file_stream(files[name])) for name in names)
        return ""

    def _streams(self, step: StepRun) -> str:
        """What the pipelines service keeps of it; that is all there is of a reused step."""
        if step.node is None:
            return ""
        names = ("get_node_stdout_log_async", "get_node_stderr_log_async")
        texts = [getattr(self._caller, name)(self.id, step.node) for name in names]
        return "".join(_ended(str(text)) for text in dict.fromkeys(texts) if text)


def status_of(word: str) -> Status:
    """A status in our words; whatever is not known yet is queued."""
    if word in _RUNNING:
        return "running"
    return _ENDS.get(word, "queued")


def runs(workspace: Any, experiment: str, *, most: int = _MOST) -> tuple[RunSummary, ...]:
    """The latest runs that amlshare submitted to an experiment, the newest first.

    Raises BackendError for an experiment that there is not.
    """
    found = _experiment(workspace, experiment)
    with asking(f"listing the runs of experiment '{experiment}'"):
        latest = list(islice(_submitted(found), most))
    summaries = []
    for each in latest:
        steps = Run(workspace, each.id).steps()
        summaries.append(_summary(_entry(each), experiment, steps, each.get_portal_url()))
    return tuple(summaries)


def show(workspace: Any, run: str, experiment: str | None = None) -> RunDetail:
    """A run, by its id or the beginning of it. Raises BackendError for none or several."""
    found = find(workspace, run, experiment)
    steps = found.steps()
    return RunDetail(run=found.summary(steps), steps=tuple(StepDetail(step=each) for each in steps))


def logs(
    workspace: Any, run: str, step: str | None = None, experiment: str | None = None
) -> Iterator[str]:
    """What a step printed; with no step, what each of them did, below its name.

    Raises BackendError where there is no such run, step or log.
    """
    found = find(workspace, run, experiment)
    steps = {each.step: each for each in found.steps()}
    if step is None:
        for each in steps.values():
            if text := found.log(each):
                yield f"==> {each.step} <==\n"
                yield text
        return
    if step not in steps:
        begun = ", ".join(steps) or "none"
        raise BackendError(
            f"no step '{step}' of run {found.id} has begun; those that have: {begun}"
        )
    text = found.log(steps[step])
    if not text:
        raise BackendError(
            f"step '{step}' of run {found.id} has no log: it is {steps[step].status}"
        )
    yield text


def cancel(workspace: Any, run: str, experiment: str | None = None) -> str:
    """Stop a run; returns its id. Raises BackendError for one that has ended."""
    found = find(workspace, run, experiment)
    status = found.status()
    if status in _ENDS.values():
        raise BackendError(f"run {found.id} has ended: it is {status}")
    found.cancel()
    return found.id


def find(workspace: Any, run: str, experiment: str | None = None) -> Run:
    """A run by its id, or by the beginning of it among the latest of an experiment, or of each.

    Raises BackendError for none or several.
    """
    if len(run) >= _WHOLE_ID:
        try:
            return Run(workspace, run)
        except ServiceError as error:
            if error.status == 404:
                raise BackendError(_none(workspace, run)) from None
            raise
    found = sorted(set(_beginning(workspace, run, experiment)))
    if len(found) > 1:
        raise BackendError(f"several runs begin with '{run}': {', '.join(found)}")
    if not found:
        raise BackendError(
            f"{_none(workspace, run)} among the latest {_LOOKED_AT} of "
            f"{'its experiment' if experiment else 'each experiment'}: give its whole id to look "
            "further back"
        )
    return Run(workspace, found[0])


def _none(workspace: Any, run: str) -> str:
    return f"workspace '{workspace.name}' has no run '{run}' that amlshare submitted"


def _beginning(workspace: Any, run: str, experiment: str | None) -> Iterator[str]:
    from azureml.core import Experiment

    if experiment is not None:
        places = [_experiment(workspace, experiment)]
    else:
        with asking("listing the experiments"):
            places = list(Experiment.list(workspace))
    for place in places:
        with asking(f"listing the runs of experiment '{place.name}'"):
            numbers = [each.id for each in _submitted(place, _LOOKED_AT)]
        yield from (number for number in numbers if number.startswith(run))


def _submitted(experiment: Any, among: int | None = None) -> Iterator[Any]:
    """The runs of an experiment that amlshare submitted, the newest first.

    ``among`` is how many are looked at, whoever submitted them; None for all.
    """
    from azureml.core import Run as AnyRun

    # a filter by the name of a tag alone holds of every run in this SDK
    for run in islice(AnyRun.list(experiment, _rehydrate_runs=False), among):
        if DIGEST in (_entry(run).tags or {}):
            yield run


def _experiment(workspace: Any, name: str) -> Any:
    from azureml.core import Experiment

    with asking("listing the experiments"):
        listed = list(Experiment.list(workspace, experiment_name=name))
    found = [each for each in listed if each.name == name]
    if not found:
        raise BackendError(
            f"workspace '{workspace.name}' has no experiment '{name}': nothing was run there yet"
        )
    return found[0]


# From the service's words to ours


def _entry(run: Any) -> Any:
    """What run history says of a run."""
    return run._client.run_dto  # noqa: SLF001 # what is public asks once more for each value


def _step(entry: Any, position: int) -> StepRun:
    properties, tags = entry.properties or {}, entry.tags or {}
    reused = properties.get("azureml.reusedrunid") or tags.get("azureml.reusedrunid")
    return StepRun(
        step=entry.name or entry.run_id,
        position=position,
        status=status_of(entry.status),
        reused=bool(reused),
        seconds=_seconds(entry),
        message=_message(entry),
        made_by=properties.get("azureml.reusedpipeline") if reused else None,
        id=entry.run_id,
        node=tags.get("azureml.nodeid"),
    )


def _summary(entry: Any, experiment: str, steps: Sequence[StepRun], url: str) -> RunSummary:
    tags = entry.tags or {}
    return RunSummary(
        id=entry.run_id,
        pipeline=tags.get(PIPELINE) or entry.description or experiment,
        target=tags.get(TARGET) or None,
        status=status_of(entry.status),
        created=_moment(entry.created_utc).timestamp(),
        seconds=_seconds(entry),
        steps=dict(Counter(each.status for each in steps)),
        reused=sum(bool(each.reused) for each in steps),
        experiment=experiment,
        url=url,
    )


def _message(entry: Any) -> str | None:
    error = getattr(entry.error, "error", None)
    return str(error.message) if error is not None and error.message else None


def _seconds(entry: Any) -> float | None:
    if entry.start_time_utc is None or entry.end_time_utc is None:
        return None
    return (_moment(entry.end_time_utc) - _moment(entry.start_time_utc)).total_seconds()


def _moment(value: Any) -> datetime:
    """A time of the service, which the SDK gives as text or as a date without a zone."""
    if isinstance(value, str):
        # Python 3.10 reads six digits of a second, or none
        text = re.sub(r"\.(\d+)", lambda found: f".{found[1][:6]:0<6}", value)
        value = datetime.fromisoformat(text.replace("Z", "+00:00"))
    moment: datetime = value if value is not None else datetime.fromtimestamp(0, timezone.utc)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"
