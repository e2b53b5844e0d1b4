"""What ``--format json`` prints, but for the plan. The keys are a promise: only ever added."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from amlshare.diagnostics import Diagnostic
from amlshare.plan_document import FORMAT, dump_diagnostic

if TYPE_CHECKING:
    from amlshare.backends.interface import Outcome, Published, RunStarted


def diagnostics_document(found: Iterable[Diagnostic]) -> dict[str, Any]:
    """What ``check`` prints, and every command whose spec has errors."""
    return {"format": FORMAT, "diagnostics": [dump_diagnostic(each) for each in found]}


def error_document(message: str, begun: tuple[str, RunStarted] | None = None) -> dict[str, Any]:
    """Any other error of a command, with the run that had begun by then and its backend."""
    document = {"format": FORMAT, "diagnostics": [], "error": message}
    return document if begun is None else {**document, "run": _begun(*begun)}


def _begun(backend: str, run: RunStarted) -> dict[str, Any]:
    """A run that nobody waits for any more: that of a workspace goes on."""
    status = "interrupted" if backend == "local" else "running"
    return {"id": run.run, "url": run.url, "backend": backend, "status": status}


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """What ``submit`` prints."""
    return {
        "format": FORMAT,
        "run": None if outcome.run is None else _run(outcome),
        "published": None if outcome.published is None else _published(outcome.published),
        "steps": [
            {
                "name": step.name,
                "status": step.status,
                "reused": step.reused,
                "seconds": step.seconds,
                "moved_bytes": step.moved_bytes,
                "message": step.message,
            }
            for step in outcome.steps
        ],
        "outputs": dict(outcome.outputs),
        "notes": list(outcome.notes),
    }


def _run(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.run,
        "url": outcome.url,
        "backend": outcome.backend,
        "status": outcome.status,
    }


def _published(published: Published) -> dict[str, Any]:
    return {
        "id": published.id,
        "name": published.name,
        "version": published.version,
        "endpoint": published.endpoint,
        "created": published.created,
        "url": published.url,
    }
