"""Rules about targets: what can be laid over a spec."""

from __future__ import annotations

from collections.abc import Iterator

from amlshare.checks.schema import wrong_type
from amlshare.diagnostics import Finding
from amlshare.spec import Spec


def mappings(spec: Spec) -> Iterator[Finding]:
    """wrong-type: a target has sections, as the spec has."""
    for name, over in spec.targets.items():
        if over is not None and not isinstance(over, dict):
            yield wrong_type(over, ("targets", name), "a mapping with sections of the spec")
