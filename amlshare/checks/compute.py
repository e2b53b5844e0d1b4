"""Rules about compute targets."""

from __future__ import annotations

from collections.abc import Iterator

from amlshare.diagnostics import Finding, Note
from amlshare.spec import Spec


def node_ranges(spec: Spec) -> Iterator[Finding]:
    """bad-node-range: fewer nodes at most than at least."""
    for name, entry in spec.compute.items():
        if entry.min_nodes and entry.max_nodes and entry.min_nodes > entry.max_nodes:
            yield Finding(
                code="bad-node-range",
                message=f"compute target '{name}' has {entry.min_nodes} nodes at least and "
                f"{entry.max_nodes} at most",
                route=("compute", name, "min_nodes"),
                label=f"expected {entry.max_nodes} or less",
                help="`min_nodes: 0` costs nothing while no step runs",
                notes=(Note(message="at most", route=("compute", name, "max_nodes")),),
            )


def keys_fit(spec: Spec) -> Iterator[Finding]:
    """misplaced-key: an instance is one machine."""
    for name, entry in spec.compute.items():
        for key in ("min_nodes", "max_nodes", "idle_seconds", "nodes"):
            if entry.kind == "instance" and getattr(entry, key) is not None:
                yield Finding(
                    code="misplaced-key",
                    message=f"a compute instance has no '{key}'",
                    route=("compute", name, key),
                    on="key",
                    label=f"compute target '{name}' has `kind: instance`",
                    help=f"take `{key}` out: an instance is one machine, and does not scale",
                )
