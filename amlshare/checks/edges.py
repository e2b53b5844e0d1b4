"""Rules about edges: what feeds an input, and whether the mode can carry it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from amlshare.checks.names import Guesses
from amlshare.checks.views import Place, each_input, source_type, sources, texts
from amlshare.diagnostics import Finding, Note, Route
from amlshare.references import Reference
from amlshare.spec import Spec

# How a source is written elsewhere: ${{parent.jobs.clean.outputs.cleaned}}, steps.clean.cleaned.
_DRESSED = re.compile(
    r"(?:\$\{\{?\s*)?(?:parent\.)?(?:(?:jobs|steps|data|inputs|outputs)\.)?([^{}\s]*?)\s*\}{0,2}"
)


def sources_known(spec: Spec) -> Iterator[Finding]:
    """unknown-source: an input fed by nothing."""
    types = sources(spec)
    if None in types.values():
        known = Guesses([*spec.data, *_outputs(spec)])
        for _, _, given, route in each_input(spec):
            if types[given.source] is None:
                yield _unknown_source(spec, given.source, (*route, "from"), known)


def exports_known(spec: Spec) -> Iterator[Finding]:
    """unknown-source: an output of the pipeline that no step makes."""
    known = Guesses(_outputs(spec)) if spec.outputs else Guesses(())
    for name, source in spec.outputs.items():
        if source not in known.names:
            yield _unknown_source(spec, source, ("outputs", name), known)


def _outputs(spec: Spec) -> list[str]:
    return [f"{name}.{key}" for name, step in spec.steps.items() for key in step.outputs]


def _unknown_source(spec: Spec, source: str, route: Route, known: Guesses) -> Finding:
    message, label, help_ = _what_else(spec, source, route)
    if not label and (label := known.label(source)):
        help_ = None
    return Finding(
        code="unknown-source",
        message=message or f"nothing is called '{source}'",
        route=route,
        label=label,
        help=help_,
    )


def _what_else(spec: Spec, source: str, route: Route) -> tuple[str, str, str | None]:
    """What a source that is none probably is: a message, a label, and the next step."""
    step, _, output = source.partition(".")
    plain = _DRESSED.fullmatch(source)
    meant = plain[1].replace(".outputs.", ".") if plain else ""
    if meant != source and source_type(spec, meant):
        return "", f"did you mean '{meant}'?", "a source is written DATA or STEP.OUTPUT"
    if source in spec.data:
        return f"'{source}' is data, and no output of a step", "expected STEP.OUTPUT", None
    if source in spec.parameters:
        help_ = f"pass it as an argument: ${{parameters.{source}}}"
        return f"'{source}' is a parameter, and no data", "expected DATA or STEP.OUTPUT", help_
    if step in spec.steps:
        names = [f"{step}.{key}" for key in spec.steps[step].outputs]
        made = f"it makes {', '.join(names) or 'no output yet: add `outputs:` to it'}"
        if not output:
            return f"'{source}' is a step, and none of its outputs", "expected STEP.OUTPUT", made
        return "", "", f"look at step '{step}': {made}"
    if "/" in source or ":" in source:
        help_ = "describe it under `data:`, and name the entry here"
        return "", "this looks like a location", help_
    return "", "", _listing(spec, route)


def _listing(spec: Spec, route: Route) -> str:
    names = _outputs(spec) if route[0] == "outputs" else [*spec.data, *_outputs(spec)]
    if not names:
        return "describe it under `data:`, or name an output of another step: STEP.OUTPUT"
    return f"known: {', '.join(sorted(names)[:10])}{', ...' if len(names) > 10 else ''}"


def no_cycles(spec: Spec) -> Iterator[Finding]:
    """dependency-cycle: steps that wait for each other."""
    graph = _dependencies(spec)
    if not _is_in_order(graph):
        for cycle in cycles(graph):
            yield _cycle_finding(spec, cycle)


def _dependencies(spec: Spec) -> dict[str, list[str]]:
    graph = {name: list(step.after) for name, step in spec.steps.items()}
    for step, _, given, _ in each_input(spec):
        source, dot, _ = given.source.partition(".")
        if dot:
            graph[step].append(source)
    return graph


def _is_in_order(graph: Mapping[str, list[str]]) -> bool:
    """Whether each step stands below those that it waits for, as people write them mostly."""
    above: set[str] = set()
    for name, needs in graph.items():
        if not above.issuperset(needs):
            return False
        above.add(name)
    return True


def cycles(graph: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """Cycles in a graph, none of which shares a node with another; found in linear time.

    What a node waits for and is no node itself is left out.
    """
    done: set[str] = set()
    told: set[str] = set()
    for start in sorted(graph):
        path = {start: iter(graph[start])} if start not in done else {}
        while path:
            name, rest = next(reversed(path.items()))
            other = next(rest, None)
            if other is None:
                del path[name]
                done.add(name)
            elif other in path:
                names = list(path)
                cycle = names[names.index(other) :]
                if told.isdisjoint(cycle):
                    told.update(cycle)
                    yield cycle
            elif other not in done and other in graph:
                path[other] = iter(graph[other])


def _cycle_finding(spec: Spec, cycle: list[str]) -> Finding:
    first, *others = cycle
    if others:
        loop = " -> ".join(f"'{name}'" for name in [*cycle, first][:8])
        message = f"steps wait for each other: {loop}{' -> ...' if len(cycle) > 7 else ''}"
    else:
        message = f"step '{first}' waits for itself"
    places = [_waits(spec, name, to) for name, to in zip(cycle, [*others, first], strict=True)]
    return Finding(
        code="dependency-cycle",
        message=message,
        route=places[0],
        label=f"waits for '{others[0]}'" if others else "its own output",
        help="take one of these edges out" if others else "name another step's output, or data",
        notes=tuple(
            Note(message=f"'{name}' waits here", route=route)
            for name, route in list(zip(others, places[1:], strict=True))[:10]
        ),
    )


def _waits(spec: Spec, name: str, other: str) -> Route:
    """Where a step says that it waits for another."""
    step = spec.steps[name]
    for key, given in step.inputs.items():
        if given.source.partition(".")[0] == other and "." in given.source:
            return ("steps", name, "inputs", key, "from")
    return ("steps", name, "after", step.after.index(other))


def paths_not_direct(spec: Spec) -> Iterator[Finding]:
    """path-direct: a path is files where they lie, never a location or an id."""
    types = sources(spec)
    for _, _, given, route in each_input(spec):
        if given.mode == "direct" and types[given.source] == "path":
            yield Finding(
                code="path-direct",
                message=f"'{given.source}' is a path, and a path cannot be read `direct`",
                route=(*route, "mode"),
                label="expected mount or download",
                help="a directory or a dataset can be read `direct`: change the type of "
                f"'{given.source}'",
            )


def tables_direct(spec: Spec) -> Iterator[Finding]:
    """table-as-files: a registered table is read as a table, its files cannot be had."""
    tables = {name for name, data in spec.data.items() if data.format == "table"}
    for _, _, given, route in each_input(spec):
        if given.source in tables and given.mode in ("mount", "download"):
            yield Finding(
                code="table-as-files",
                message=f"'{given.source}' is a registered table and cannot come as files",
                route=(*route, "mode"),
                label="expected direct",
                help="use `mode: direct`, or say `format: csv` or `parquet` where its files are "
                "wanted",
            )


def direct_is_whole_argument(spec: Spec) -> Iterator[Finding]:
    """direct-in-text: a direct input is a location or an id, and must be a whole argument."""
    direct = {(step, name) for step, name, given, _ in each_input(spec) if given.mode == "direct"}
    for place in texts(spec) if direct else ():
        for index, part in enumerate(place.parts):
            if not isinstance(part, Reference) or part.kind != "input":
                continue
            if (place.step, part.name) in direct and not _is_word(place, index):
                yield _direct_in_text(part, place.step, place.route)


def _is_word(place: Place, index: int) -> bool:
    """Whether a part is a word of its own: the whole argument, or between blanks in a command."""
    if not place.is_command:
        return len(place.parts) == 1
    before = place.parts[index - 1] if index else " "
    after = place.parts[index + 1] if index + 1 < len(place.parts) else " "
    return str(before)[-1] in " \t\n\"'(" and str(after)[0] in " \t\n\"');|&>"


def _direct_in_text(part: Reference, step: str, route: Route) -> Finding:
    return Finding(
        code="direct-in-text",
        message=f"input '{part.name}' is direct and must be a whole argument",
        route=route,
        fragment=str(part),
        label="stands inside a text",
        help="make it a word of its own, or use `mode: mount` or `download`",
        notes=(Note(message="direct here", route=("steps", step, "inputs", part.name, "mode")),),
    )


def paths_on_compute(spec: Spec) -> Iterator[Finding]:
    """at-direct, shared-at: `at` is where the files of one input lie on the compute target."""
    taken: dict[tuple[str, str], Route] = {}
    for step, name, given, route in each_input(spec):
        if given.at is None:
            continue
        place = (step, given.at.rstrip("/"))
        if given.mode == "direct":
            yield _at_direct(name, (*route, "at"))
        elif other := taken.get(place):
            yield _shared_at(given.at, (*route, "at"), other)
        taken.setdefault(place, (*route, "at"))


def _at_direct(name: str, route: Route) -> Finding:
    return Finding(
        code="at-direct",
        message=f"input '{name}' is direct and has no path on the compute target",
        route=route,
        on="key",
        label="there are no files to put there",
        help="take `at` out, or use `mode: mount` or `download`",
    )


def _shared_at(at: str, route: Route, other: Route) -> Finding:
    return Finding(
        code="shared-at",
        message=f"two inputs are put at '{at}'",
        route=route,
        label=f"input '{other[3]}' lies there already",
        help="give each its own path",
        notes=(Note(message="the other", route=other),),
    )
