"""The runs on this machine: a list of them, one with its lineage, and what can be removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

from amlshare.render.paper import Paper, Parts, clean, flow, fold, pad, pad_left
from amlshare.render.states import state_of, style_of_run
from amlshare.render.words import count, duration, kind
from amlshare.units import show_size

if TYPE_CHECKING:
    from amlshare.backends.azureml import runs as azureml
    from amlshare.backends.local import runs as local
    from amlshare.backends.local.records import InputRecord, OutputRecord
    from amlshare.backends.local.runs import Candidate

    RunSummary: TypeAlias = local.RunSummary | azureml.RunSummary
    RunDetail: TypeAlias = local.RunDetail | azureml.RunDetail
    StepDetail: TypeAlias = local.StepDetail | azureml.StepDetail

_DIGEST = 12
"""Digits of a digest that are shown: enough to compare by eye."""
_BELOW = 8
_NOTICED = 0.1
"""Seconds from which on it is worth saying how long an input took."""


def runs_text(runs: Sequence[RunSummary], paper: Paper) -> str:
    """A line for each run."""
    if not runs:
        return "no runs yet; start one with `amlshare submit SPEC --backend local`\n"
    ids = max(len(run.id) for run in runs)
    names = max(len(_pipeline(run)) for run in runs)
    states = max(len(run.status) for run in runs)
    lines: list[str] = []
    for run in runs:
        state = style_of_run(run.status, paper)(pad(run.status, states))
        start = f"{pad(run.id, ids)}  {state}"
        parts: Parts = [(pad(_pipeline(run), names), str), (_when(run.created), paper.dim)]
        parts += [(pad_left(_took(run), 10), str), (_steps(run), paper.dim)]
        lines += flow(start, ids + 2 + states, parts, below=4, width=paper.width)
    return "\n".join(lines) + "\n"


def _pipeline(run: RunSummary) -> str:
    return clean(f"{run.pipeline} ({run.target})" if run.target else run.pipeline)


def _took(run: RunSummary) -> str:
    return "" if run.seconds is None else duration(run.seconds)


def _steps(run: RunSummary) -> str:
    """``9 steps, 3 reused, 2 failed``: those that simply ran are the rest."""
    parts = [count(sum(run.steps.values()), "step")]
    parts += [f"{run.reused:,} reused"] if run.reused else []
    parts += [f"{number:,} {name}" for name, number in run.steps.items() if name != "completed"]
    return ", ".join(parts)


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


def run_text(detail: RunDetail, paper: Paper, *, logs: str) -> str:
    """A run with the lineage of its steps. ``logs`` is the command line that shows a log."""
    run = detail.run
    took = f", took {_took(run)}" if run.seconds is not None else ""
    state = style_of_run(run.status, paper)(run.status)
    lines = [
        f"run {paper.bold(run.id)} of {_pipeline(run)}: {state}",
        *map(paper.dim, fold(f"started {_when(run.created)}{took}; {_steps(run)}", paper.width)),
    ]
    for step in detail.steps:
        lines += ["", *_step(step, paper)]
    return "\n".join([*lines, "", f"{paper.dim('the log of a step:')} {logs} {run.id} STEP"]) + "\n"


def _step(detail: StepDetail, paper: Paper) -> Iterator[str]:
    step = detail.step
    sign, style, word = state_of(step.status, step.reused, paper)
    facts = [f"from run {step.made_by}"] if step.made_by else []
    facts += [duration(step.seconds)] if step.seconds is not None and not step.reused else []
    facts += [f"{show_size(step.moved_bytes)} moved"] if step.moved_bytes else []
    facts += [count(step.attempts, "attempt")] if step.attempts > 1 else []
    about = f"  {paper.dim(', '.join(facts))}" if facts else ""
    yield f"{style(sign)} {paper.bold(step.step)}  {style(word)}{about}"
    if step.message:
        yield f"    {clean(step.message)}"
    width = max((len(each) for each in _names(detail)), default=0)
    for given in detail.inputs:
        yield from _input(given, width, paper)
    for output in detail.outputs:
        yield from _output(output, width, paper)


def _names(detail: StepDetail) -> list[str]:
    inputs = [given.input for given in detail.inputs]
    return inputs + [output.output for output in detail.outputs]


def _input(given: InputRecord, width: int, paper: Paper) -> Iterator[str]:
    arrow = paper.sign("←")
    line = f"    {paper.cyan(arrow)} {pad(given.input, width)}"
    how = f"{given.mode} ({given.how})" if given.how and given.how != given.mode else given.mode
    facts = [how, f"sha256 {given.digest[:_DIGEST]}"]
    facts += [f"made by run {given.made_by}"] if given.made_by else []
    if given.moved_bytes:
        seconds = given.seconds or 0
        time = f" in {duration(seconds)}" if seconds >= _NOTICED else ""
        facts.append(f"{show_size(given.moved_bytes)} moved{time}")
    source = "" if given.source == given.input else given.source
    parts: Parts = [(source, str), (_origin(given), str), (", ".join(facts), paper.dim)]
    yield from flow(line, 5 + len(arrow) + width, parts, below=_BELOW, width=paper.width)


def _origin(given: InputRecord) -> str:
    """Where an input lay; that of another step's output is said there."""
    if given.dataset:
        return clean(f"{given.dataset}@{given.version}")
    if "." in given.source or not given.location:
        return ""
    return clean(f"{given.datastore}:{given.location}")


def _output(output: OutputRecord, width: int, paper: Paper) -> Iterator[str]:
    arrow = paper.sign("→")
    line = f"    {paper.green(arrow)} {pad(output.output, width)}"
    what = kind(output.type, output.format)  # type: ignore[arg-type]
    facts = [count(output.files, "file"), show_size(output.bytes)]
    facts += [f"sha256 {output.digest[:_DIGEST]}"]
    registered = clean(f"{output.dataset}@{output.version}") if output.dataset else ""
    place = clean(f"{output.url.rstrip('/')}/{output.location}")
    parts: Parts = [(what, paper.dim), (registered, paper.bold), (", ".join(facts), paper.dim)]
    parts += [(place, str)]
    yield from flow(line, 5 + len(arrow) + width, parts, below=_BELOW, width=paper.width)


def candidates_text(candidates: Sequence[Candidate], paper: Paper) -> str:
    """What ``clean`` would remove, and what that frees."""
    if not candidates:
        return (
            "nothing to remove: what is left is the last run, or something refers to it, or a run "
            "is under way\n"
        )
    sizes = max(len(show_size(each.bytes)) for each in candidates)
    lines: list[str] = []
    for each in candidates:
        what = f"{pad(each.kind, 6)}  {pad_left(show_size(each.bytes), sizes)}"
        parts: Parts = [(clean(each.name), str), (count(each.files, "file"), paper.dim)]
        lines += flow(what, len(what), parts, below=4, width=paper.width)
    freed = show_size(sum(each.bytes for each in candidates))
    files = count(sum(each.files for each in candidates), "file")
    lines += ["", paper.bold(f"{len(candidates):,} to remove: {freed} in {files}")]
    return "\n".join(lines) + "\n"


def runs_document(runs: Sequence[RunSummary]) -> dict[str, Any]:
    """What ``runs list --format json`` prints; times are UTC."""
    return {"format": 1, "runs": [_summary(run) for run in runs]}


def run_document(detail: RunDetail) -> dict[str, Any]:
    """What ``runs show --format json`` prints."""
    from dataclasses import asdict

    return {
        "format": 1,
        "run": _summary(detail.run),
        "steps": [
            {
                **_without_run(asdict(each.step)),
                "inputs": [_without_run(asdict(given)) for given in each.inputs],
                "outputs": [_without_run(asdict(output)) for output in each.outputs],
            }
            for each in detail.steps
        ],
    }


def _summary(run: RunSummary) -> dict[str, Any]:
    return {
        "id": run.id,
        "pipeline": run.pipeline,
        "target": run.target,
        "status": run.status,
        "created": datetime.fromtimestamp(run.created, timezone.utc).isoformat(),
        "seconds": run.seconds,
        "steps": dict(run.steps),
        "reused": run.reused,
        "url": getattr(run, "url", None),
    }


def _without_run(record: dict[str, Any]) -> dict[str, Any]:
    """A record as it stands in its run: which run and step it is of is said by its place."""
    name = record.pop("step") if "position" in record else None
    kept = {key: value for key, value in record.items() if key not in {"run", "step", "position"}}
    return {"name": name, **kept} if name else kept
