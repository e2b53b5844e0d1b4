"""Rules about edges: what feeds an input, and whether the mode can carry it."""

from __future__ import annotations

from collections.abc import Iterator

from amlshare.checks.steps import source_type
from amlshare.diagnostics import Finding, Note, Route, closest
from amlshare.references import Reference
from amlshare.spec import Input, Spec
from amlshare.checks.references import texts


def sources_known(spec: Spec) -> Iterator[Finding]:
    """unknown-source: an input or a pipeline output fed by nothing."""
    uses: list[tuple[Route, str]] = []
    for name, step in spec.steps.items():
        for key, given in step.inputs.items():
            uses.append((("steps", name, "inputs", key, "from"), given.source))
    missing = [(route, source) for route, source in uses if source_type(spec, source) is None]
    if missing:
        known = _sources(spec)
        yield from (_unknown_source(spec, source, route, known) for route, source in missing)
    outputs = [source for source in _sources(spec) if "." in source] if spec.outputs else []
    for name, source in spec.outputs.items():
        if source not in outputs:
            yield _unknown_source(spec, source, ("outputs", name), outputs)


def _sources(spec: Spec) -> list[str]:
    outputs = [f"{name}.{key}" for name, step in spec.steps.items() for key in step.outputs]
    return [*spec.data, *outputs]


def _unknown_source(spec: Spec, source: str, route: Route, known: list[str]) -> Finding:
    similar = closest(source, known)
    step, _, _ = source.partition(".")
    help_ = f"known: {', '.join(sorted(known)[:10])}" if known else "add it under `data:`"
    if not similar and step in spec.steps:
        outputs = ", ".join(f"{step}.{key}" for key in spec.steps[step].outputs) or "none"
        help_ = f"outputs of step '{step}': {outputs}"
    return Finding(
        code="unknown-source",
        message=f"nothing is called '{source}'",
        route=route,
        label=f"did you mean '{similar}'?" if similar else "",
        help=None if similar else help_,
    )


def no_cycles(spec: Spec) -> Iterator[Finding]:
    """dependency-cycle: steps that wait for each other; one finding a cycle."""
    graph = _dependencies(spec)
    waiting = dict(graph)
    while free := [name for name, needs in waiting.items() if not (needs & waiting.keys())]:
        for name in free:
            del waiting[name]
    while waiting:
        cycle = _cycle(waiting)
        yield _cycle_finding(spec, cycle)
        for name in cycle:
            del waiting[name]
        while free := [name for name, needs in waiting.items() if not (needs & waiting.keys())]:
            for name in free:
                del waiting[name]


def _dependencies(spec: Spec) -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {}
    for name, step in spec.steps.items():
        needs = {
            given.source.partition(".")[0] for given in step.inputs.values() if "." in given.source
        }
        graph[name] = (needs | set(step.after)) & spec.steps.keys()
    return graph


def _cycle(graph: dict[str, set[str]]) -> list[str]:
    """A cycle in a graph in which every node has a successor in the graph."""
    path: list[str] = []
    seen: dict[str, int] = {}
    name = min(graph)
    while name not in seen:
        seen[name] = len(path)
        path.append(name)
        name = min(graph[name] & graph.keys())
    return path[seen[name] :]


def _cycle_finding(spec: Spec, cycle: list[str]) -> Finding:
    first = cycle[0]
    loop = " -> ".join(f"'{name}'" for name in [*cycle, first])
    if len(cycle) == 1:
        message = f"step '{first}' waits for itself"
    else:
        message = f"steps wait for each other: {loop}"
    places = [
        _waits(spec, name, after) for name, after in zip(cycle, [*cycle[1:], first], strict=True)
    ]
    return Finding(
        code="dependency-cycle",
        message=message,
        route=places[0],
        label=f"waits for '{cycle[1] if len(cycle) > 1 else first}'",
        help="take one of these edges out",
        notes=tuple(
            Note(message=f"'{name}' waits here", route=route)
            for name, route in zip(cycle[1:], places[1:], strict=True)
        ),
    )


def _waits(spec: Spec, name: str, other: str) -> Route:
    """Where a step says that it waits for another."""
    step = spec.steps[name]
    for key, given in step.inputs.items():
        if given.source.partition(".")[0] == other and "." in given.source:
            return ("steps", name, "inputs", key, "from")
    return ("steps", name, "after", step.after.index(other))


def modes_fit(spec: Spec) -> Iterator[Finding]:
    """path-direct, table-as-files: a mode that the edge's type or format cannot have."""
    for name, step in spec.steps.items():
        for key, given in step.inputs.items():
            route = ("steps", name, "inputs", key, "mode")
            yield from _mode_fits(spec, given, route)


def _mode_fits(spec: Spec, given: Input, route: Route) -> Iterator[Finding]:
    if given.mode == "direct" and source_type(spec, given.source) == "path":
        yield Finding(
            code="path-direct",
            message=f"'{given.source}' is a path, and a path cannot be read `direct`",
            route=route,
            label="expected mount or download",
            help="a directory or a dataset can be read `direct`: change the type of "
            f"'{given.source}'",
        )
    data = spec.data.get(given.source)
    if given.mode in ("mount", "download") and data is not None and data.format == "table":
        yield Finding(
            code="table-as-files",
            message=f"'{given.source}' is a registered table and cannot come as files",
            route=route,
            label="expected direct",
            help="use `mode: direct`, or say `format: csv` or `parquet` where its files are wanted",
        )


def direct_is_whole_argument(spec: Spec) -> Iterator[Finding]:
    """direct-in-text: a direct input is a location or an id, and must be a whole argument."""
    for place in texts(spec):
        inputs = spec.steps[place.step].inputs
        for part in place.parts:
            if not isinstance(part, Reference) or part.kind != "input" or len(place.parts) == 1:
                continue
            given = inputs.get(part.name)
            if given is not None and given.mode == "direct":
                yield Finding(
                    code="direct-in-text",
                    message=f"input '{part.name}' is direct and must be a whole argument",
                    route=place.route,
                    fragment=str(part),
                    label="stands inside a text",
                    help="make it a word of its own, or use `mode: mount` or `download`",
                    notes=(
                        Note(
                            message="direct here",
                            route=("steps", place.step, "inputs", part.name, "mode"),
                        ),
                    ),
                )
