"""The table of backends. A backend's module is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from amlshare.backends.interface import Backend
    from amlshare.diagnostics import Finding
    from amlshare.packages import ReadText
    from amlshare.pipeline import Pipeline

_CHECKS = {
    "azureml": "amlshare.backends.azureml.limits",
    "azureml-v2": "amlshare.backends.azureml_v2",
    "local": "amlshare.backends.local.limits",
}
_SUBMITS = {"azureml": "amlshare.backends.azureml", "local": "amlshare.backends.local"}


def names() -> tuple[str, ...]:
    """The backends' names, as ``--backend`` takes them."""
    return tuple(_CHECKS)


def check(name: str, pipeline: Pipeline, read: ReadText) -> Iterable[Finding]:
    """What the backend ``name`` cannot do of a pipeline, each at its place.

    ``read`` gives the text of a file that the spec names.
    """
    found: Iterable[Finding] = import_module(_CHECKS[name]).check(pipeline, read)
    return found


def get(name: str) -> Backend | None:
    """The backend ``name``; None for one to which this version does not submit."""
    return cast("Backend", import_module(_SUBMITS[name])) if name in _SUBMITS else None
