"""The table of backends. A backend's module is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from amlshare.backends.interface import Backend, Outcome, Settings, Watch
    from amlshare.diagnostics import Finding
    from amlshare.pipeline import Pipeline
    from amlshare.plan import Plan

_MODULES = {
    "azureml": None,
    "azureml-v2": None,
    "local": "amlshare.backends.local",
}


class _PlanOnly:
    """A backend for which plans are made, and nothing is submitted yet."""

    def __init__(self, name: str) -> None:
        self.name = name

    def check(self, pipeline: Pipeline) -> Iterable[Finding]:
        return ()

    def to_job(self, plan: Plan) -> dict[str, Any]:
        raise NotImplementedError(f"{self.name} has no jobs yet")

    def submit(self, plan: Plan, settings: Settings, watch: Watch) -> Outcome:
        raise NotImplementedError(f"nothing is submitted to {self.name} yet")


def names() -> tuple[str, ...]:
    """The backends' names, as ``--backend`` takes them."""
    return tuple(_MODULES)


def submits(name: str) -> bool:
    """Whether a backend can run a plan in this version."""
    return _MODULES[name] is not None


def get(name: str) -> Backend:
    """The backend ``name``. Raises KeyError for one that is not in the table."""
    module = _MODULES[name]
    return cast("Backend", import_module(module)) if module else _PlanOnly(name)
