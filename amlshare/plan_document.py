"""A plan as a JSON document and back. The keys are a promise: they are only ever added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from amlshare import movement
from amlshare.diagnostics import Diagnostic, Label, Span
from amlshare.movement.choice import Choice
from amlshare.movement.known import Known, Size
from amlshare.movement.machines import Machine
from amlshare.movement.rates import Rates
from amlshare.pipeline import Edge, Output, Pipeline, Step
from amlshare.plan import Code, Fingerprint, Plan, plain
from amlshare.references import parse

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = 1


def dump(plan: Plan, moves: movement.Moves) -> dict[str, Any]:
    """The document of ``plan``, and of what moves in it, that ``plan --format json`` prints and
    ``--save`` keeps.
    """
    pipeline = plan.pipeline
    return {
        "format": FORMAT,
        "backend": plan.backend,
        "pipeline": _pipeline(pipeline),
        "selected": None if plan.selected is None else list(plan.selected),
        "steps": [_step(step, plan, moves.waiting) for step in pipeline.steps],
        "edges": [_edge(each) for each in moves.edges],
        "outputs": _output_rows(pipeline, moves.outputs),
        "movement": _movement(moves.movement, moves.waiting),
        "known": plain(plan.known),
        "code": [_code(code) for code in plan.code],
        "diagnostics": [dump_diagnostic(found) for found in plan.diagnostics],
    }


def _pipeline(pipeline: Pipeline) -> dict[str, Any]:
    shown: dict[str, Any] = plain(replace(pipeline, steps=()))
    return {"description": None, "tags": {}, "target": None, "parameters": [], "data": []} | shown


def _step(step: Step, plan: Plan, waits: movement.Waiting) -> dict[str, Any]:
    fingerprint = plan.fingerprints[step.name]
    run = plain(step.run)
    arguments = run.pop("arguments", [])
    always: dict[str, Any] = {"compute": None, "environment": None, "after": []}
    own = plain(replace(step, inputs=(), outputs=()))
    own.pop("run")
    return {
        "name": step.name,
        "type": step.run.kind,
        **always,
        **own,
        "run": run,
        "fingerprint": fingerprint.digest,
        "parts": dict(fingerprint.own),
        "upstream": dict(fingerprint.upstream),
        "impact": None,
        "reasons": [],
        **_time("waiting_", waits.steps.get(step.name)),
        **_cost(waits.costs.get(step.name)),
        "mount_settings": dict(plan.mount_settings.get(step.name, {})),
        "inputs": [{"mode": given.mode} | plain(given) for given in step.inputs],
        "outputs": [plain(output) for output in step.outputs],
        "arguments": arguments,
    }


def _edge(each: movement.EdgeBytes) -> dict[str, Any]:
    edge: Edge = each.edge
    return {
        "source": edge.source,
        "step": edge.step,
        "input": edge.input,
        "type": edge.type,
        "format": edge.format,
        "mode": edge.mode,
        "mode_reason": each.reason,
        "bytes": each.bytes,
        "files": each.files,
        "bytes_from": each.bytes_from,
        "moved_bytes": each.moved_bytes,
        **_time("", each.time),
        "bound": each.time.bound if each.time else None,
    }


def _time(prefix: str, time: movement.Estimate | None) -> dict[str, Any]:
    """The middle, and between what it lies. Three digits: it is an estimate."""
    if time is None:
        return {f"{prefix}seconds": None, f"{prefix}seconds_range": None}
    middle, *ends = (float(f"{value:.3g}") for value in (time.seconds, time.low, time.high))
    return {f"{prefix}seconds": middle, f"{prefix}seconds_range": ends}


def _cost(cost: movement.Cost | None) -> dict[str, Any]:
    """As :func:`_time`, in the currency of the rates."""
    if cost is None:
        return {"waiting_cost": None, "waiting_cost_range": None}
    middle, *ends = (float(f"{value:.3g}") for value in (cost.amount, cost.low, cost.high))
    return {"waiting_cost": middle, "waiting_cost_range": ends}


def _output_rows(
    pipeline: Pipeline, outputs: tuple[movement.OutputBytes, ...]
) -> list[dict[str, Any]]:
    times = iter(outputs)
    return [
        _output_row(step, output, next(times)) for step in pipeline.steps for output in step.outputs
    ]


def _output_row(step: Step, output: Output, written: movement.OutputBytes) -> dict[str, Any]:
    return {
        "step": step.name,
        "output": output.name,
        "type": output.type,
        "format": output.format,
        "mode": output.mode,
        "datastore": output.datastore,
        "location": output.location,
        "bytes": written.bytes,
        "files": written.files,
        **_time("", written.time),
        "bound": written.time.bound if written.time else None,
    }


def _code(code: Code) -> dict[str, Any]:
    """``script`` is one alone, ``scripts`` are several."""
    one = code.scripts[0] if len(code.scripts) == 1 else None
    several = code if one is None else replace(code, scripts=())
    return {"folder": code.folder, "script": one, **plain(several)}


def _movement(found: movement.Movement, waits: movement.Waiting) -> dict[str, Any]:
    return {
        "moved_bytes": found.moved_bytes,
        "unique_bytes": found.unique_bytes,
        "duplicate_bytes": found.duplicate_bytes,
        "duplicates": [
            {
                "source": each.source,
                "consumers": list(each.consumers),
                "moved_bytes": each.moved_bytes,
                "duplicate_bytes": each.duplicate_bytes,
                "advice": each.advice,
            }
            for each in found.duplicates
        ],
        "unknown_edges": list(found.unknown_edges),
        **_time("waiting_", waits.total),
        **_cost(waits.cost),
        "unknown_seconds": list(waits.unknown),
    }


def dump_diagnostic(found: Diagnostic) -> dict[str, Any]:
    """A diagnostic as in every JSON document of the command line."""
    return {
        "code": found.code,
        "severity": found.severity,
        "message": found.message,
        **_place(found.span),
        "help": found.help,
        "label": found.label,
        "source": found.source,
        "related": [{"message": label.message, **_place(label.span)} for label in found.related],
    }


def _place(span: Span | None) -> dict[str, Any]:
    return {
        "file": span.file if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "end_line": span.end_line if span else None,
        "end_column": span.end_column if span else None,
    }


def load(document: Mapping[str, Any]) -> Plan:
    """The inverse of :func:`dump`. Raises ValueError for a document that is no plan."""
    try:
        return _load(document)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise ValueError(f"this is no saved plan: {error!r}") from error


def _load(document: Mapping[str, Any]) -> Plan:
    body = document["pipeline"] | {"steps": [_load_step(step) for step in document["steps"]]}
    selected = document["selected"]
    return Plan(
        backend=document["backend"],
        pipeline=_pipelines().validate_python(body),
        code=tuple(_load_code(code) for code in document["code"]),
        fingerprints={step["name"]: _load_fingerprint(step) for step in document["steps"]},
        selected=None if selected is None else tuple(selected),
        diagnostics=tuple(_load_diagnostic(found) for found in document["diagnostics"]),
        known=_load_known(document.get("known", {})),
        mount_settings={
            step["name"]: settings
            for step in document["steps"]
            if (settings := step.get("mount_settings"))
        },
        modes={
            f"{edge['step']}.{edge['input']}": Choice(mode=edge["mode"], reason=edge["mode_reason"])
            for edge in document["edges"]
            if edge["mode_reason"] is not None
        },
    )


def _load_code(code: Mapping[str, Any]) -> Code:
    one = [code["script"]] if code.get("script") else []
    return Code(
        folder=code["folder"],
        scripts=tuple(code.get("scripts", one)),
        digest=code["digest"],
        files=code.get("files", {}),
    )


def _load_known(found: Mapping[str, Any]) -> Known:
    return Known(
        sizes={source: Size(**size) for source, size in found.get("sizes", {}).items()},
        digests=dict(found.get("digests", {})),
        changes=dict(found.get("changes", {})),
        versions=dict(found.get("versions", {})),
        rates=Rates(**found.get("rates", {})),
        cloud_rates=Rates(**found.get("cloud_rates", {})),
        machine=Machine(**found["machine"]) if found.get("machine") else None,
    )


@cache
def _pipelines() -> TypeAdapter[Pipeline]:
    from pydantic import TypeAdapter

    return TypeAdapter(Pipeline)


_DERIVED = (
    *("type", "fingerprint", "parts", "upstream", "impact", "reasons", "arguments"),
    *("waiting_seconds", "waiting_seconds_range", "waiting_cost", "waiting_cost_range"),
    "mount_settings",
)


def _load_step(step: Mapping[str, Any]) -> dict[str, Any]:
    run = _load_run(step["run"] | {"arguments": step["arguments"]})
    body = {key: value for key, value in step.items() if key not in _DERIVED}
    return _with_numbers(body) | {"run": run}


def _load_run(run: Mapping[str, Any]) -> dict[str, Any]:
    """With texts in their parts; a command and a sequence have no arguments."""
    body = _with_numbers(run)
    words = body.pop("arguments", [])
    if "line" in body:
        body["line"] = parse(body["line"])[0]
    elif "parts" in body:
        body["parts"] = [_load_run(part) for part in body["parts"]]
    else:
        body["arguments"] = [parse(word)[0] for word in words]
    return body


def _with_numbers(body: Mapping[str, Any]) -> dict[str, Any]:
    """With references, where a text stands in place of a number."""
    numbers = {
        key: body[key] for key in ("nodes", "mini_batch", "processes_per_node") if key in body
    }
    return {**body, **{k: parse(v)[0][0] for k, v in numbers.items() if isinstance(v, str)}}


def _load_fingerprint(step: Mapping[str, Any]) -> Fingerprint:
    return Fingerprint(digest=step["fingerprint"], own=step["parts"], upstream=step["upstream"])


def _load_diagnostic(found: Mapping[str, Any]) -> Diagnostic:
    return Diagnostic(
        code=found["code"],
        severity=found["severity"],
        message=found["message"],
        span=_span(found),
        source=found["source"],
        label=found["label"],
        help=found["help"],
        related=tuple(
            Label(span=span, message=label["message"])
            for label in found["related"]
            if (span := _span(label))
        ),
    )


def _span(place: Mapping[str, Any]) -> Span | None:
    if place["file"] is None:
        return None
    return Span(**{key: place[key] for key in ("file", "line", "column", "end_line", "end_column")})
