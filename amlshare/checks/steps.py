"""Rules about a step by itself: what it runs, on how many nodes, how often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from amlshare.checks.names import Guesses, unknown
from amlshare.checks.parameters import type_of
from amlshare.checks.places import place
from amlshare.checks.views import each_output, each_program
from amlshare.diagnostics import Finding, Note, Route
from amlshare.references import Reference, parse
from amlshare.spec import Compute, Part, Spec, Step

KINDS = ("script", "command", "parallel", "sequence")
_PART_KINDS = ("script", "command")


def has_steps(spec: Spec) -> Iterator[Finding]:
    """no-steps: an empty pipeline."""
    if not spec.steps:
        yield Finding(
            code="no-steps",
            message="the pipeline has no steps",
            route=("steps",),
            on="key",
            help="add a step: `clean: {script: clean.py}`",
        )


def runs_something(spec: Spec) -> Iterator[Finding]:
    """nothing-to-run: a step with none of script, command, parallel and sequence."""
    for name, step in spec.steps.items():
        if step.sequence is not None and not step.sequence:
            yield Finding(
                code="nothing-to-run",
                message=f"the sequence of step '{name}' is empty",
                route=("steps", name, "sequence"),
                label="expected a list of scripts and commands",
                help="add a part, for example `- script: FILE.py`",
            )
    for _, _, body, route in each_program(spec):
        kinds = _kinds(body)
        if all(getattr(body, kind) is None for kind in kinds):
            yield Finding(
                code="nothing-to-run",
                message=f"{place(route)} runs nothing",
                route=route,
                on="key",
                label=f"has no {', '.join(kinds[:-1])} or {kinds[-1]}",
                help="add one of them, for example `script: FILE.py`",
            )
        elif body.command is not None and not body.command.strip():
            yield Finding(
                code="nothing-to-run",
                message=f"the command of {place(route)} is empty",
                route=(*route, "command"),
                label="expected a line for bash",
                help="fill it in, or run a `script:`",
            )


def _kinds(body: Step | Part) -> tuple[str, ...]:
    return KINDS if isinstance(body, Step) else _PART_KINDS


def runs_one_thing(spec: Spec) -> Iterator[Finding]:
    """two-things-to-run: a step with more than one of script, command, parallel and sequence."""
    parts = (each for each in each_program(spec) if each.body is not each.owner)
    bodies: list[tuple[Route, Step | Part]] = [(("steps", n), s) for n, s in spec.steps.items()]
    bodies += [(part.route, part.body) for part in parts]
    for route, body in bodies:
        given = [kind for kind in _kinds(body) if getattr(body, kind) is not None]
        if len(given) > 1:
            first, second = given[:2]
            yield Finding(
                code="two-things-to-run",
                message=f"{place(route)} has both '{first}' and '{second}'",
                route=(*route, second),
                on="key",
                label=f"a {'step' if isinstance(body, Step) else 'part'} runs one thing",
                help=_TOGETHER.get(second, "make it two steps, or take one out")
                if isinstance(body, Step)
                else "make it two parts, or take one out",
                notes=(Note(message="the other", route=(*route, first), on="key"),),
            )


_TOGETHER = {
    "parallel": "the script of a parallel step stands in it: "
    "`parallel: {script: FILE.py, over: INPUT}`",
    "sequence": "everything that the step runs is a part of its sequence: `- script: FILE.py`",
}


def sequence_alone(spec: Spec) -> Iterator[Finding]:
    """misplaced-key: arguments belong to the parts of a sequence, and scratch only to one."""
    for name, step in spec.steps.items():
        if step.sequence is not None and step.arguments:
            yield Finding(
                code="misplaced-key",
                message=f"step '{name}' is a sequence and has arguments of its own",
                route=("steps", name, "arguments"),
                on="key",
                label="each part has its own",
                help="write them into the parts that run a `script:`",
            )
        if step.sequence is None and step.scratch:
            yield Finding(
                code="misplaced-key",
                message=f"step '{name}' has scratch and no sequence",
                route=("steps", name, "scratch"),
                on="key",
                label="goes with `sequence`",
                help="what a step alone needs it finds in its own temporary folder: take it out",
            )


def sequence_nodes(spec: Spec) -> Iterator[Finding]:
    """sequence-nodes: its parts hand over what they make on one disk."""
    for name, step in spec.steps.items():
        for key in ("nodes", "distribution") if step.sequence is not None else ():
            if getattr(step, key) not in (1, None):
                yield Finding(
                    code="sequence-nodes",
                    message=f"step '{name}' is a sequence and has '{key}'",
                    route=("steps", name, key),
                    on="key",
                    label="the parts of a sequence run on one node",
                    help="let what runs on several nodes be a step of its own",
                )


def command_without_arguments(spec: Spec) -> Iterator[Finding]:
    """command-arguments: a command is one line and has its words in it."""
    for _, _, body, route in each_program(spec):
        if body.command is not None and body.arguments:
            yield Finding(
                code="command-arguments",
                message=f"{place(route)} has a command and arguments",
                route=(*route, "arguments"),
                on="key",
                label="a command has its words in its line",
                help="write them into `command:`, or run a `script:`",
            )


def nodes_distributed(spec: Spec) -> Iterator[Finding]:
    """undistributed-nodes: several nodes that do not know of each other do the same work."""
    for name, step in spec.steps.items():
        nodes = _number(spec, step.nodes)
        together = step.distribution or step.parallel or step.sequence
        if nodes is not None and nodes > 1 and not together:
            yield Finding(
                code="undistributed-nodes",
                message=f"step '{name}' runs on {nodes} nodes without `distribution`",
                route=("steps", name, "nodes"),
                label="each node would do the same work",
                help="add `distribution: {type: mpi}` (or pytorch, tensorflow), or take "
                "`nodes` out",
            )


def nodes_available(spec: Spec) -> Iterator[Finding]:
    """too-many-nodes: more than the cluster has at most; the run would wait for ever."""
    for name, route, value in _numbers(spec):
        step = spec.steps[name]
        most = _most_nodes(spec.compute.get(step.compute or spec.defaults.compute or ""))
        nodes = _number(spec, value) if route[-1] == "nodes" else None
        if most is not None and nodes is not None and nodes > most:
            yield Finding(
                code="too-many-nodes",
                message=f"step '{name}' wants {nodes} nodes, and its compute target has "
                f"{most} at most",
                route=route,
                label="it would wait for ever",
                help="take fewer, or a larger cluster: `max_nodes:` says how many it has",
            )


def _most_nodes(cluster: Compute | None) -> int | None:
    if cluster is None:
        return None
    return 1 if cluster.kind == "instance" else cluster.max_nodes


def _number(spec: Spec, value: object) -> int | None:
    """A number as it is without `-p`; None where that is not known."""
    if isinstance(value, Reference) and value.name in spec.parameters:
        value = spec.parameters[value.name].default
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def number_parameters(spec: Spec) -> Iterator[Finding]:
    """unknown-parameter, parameter-not-number: a parameter where a number stands."""
    guess = Guesses(spec.parameters)
    for _, route, value in _numbers(spec):
        if not isinstance(value, Reference):
            continue
        parameter = spec.parameters.get(value.name) if value.kind == "parameter" else None
        if parameter is None:
            yield unknown("unknown-parameter", value.name, route, guess)
        elif type_of(parameter) not in ("integer", ""):
            yield _not_a_number(value, route, "is no whole number", "an integer parameter")
    yield from number_values(spec, {n: entry.default for n, entry in spec.parameters.items()})


def number_values(spec: Spec, values: Mapping[str, object]) -> Iterator[Finding]:
    """parameter-not-number: a parameter where a number stands has a value below 1."""
    for _, route, number in _numbers(spec):
        if isinstance(number, Reference):
            value = values.get(number.name)
            if isinstance(value, int) and not isinstance(value, bool) and value < 1:
                yield _not_a_number(number, route, f"is {value}", "a number from 1 on")


def _not_a_number(reference: Reference, route: Route, found: str, expected: str) -> Finding:
    return Finding(
        code="parameter-not-number",
        message=f"parameter '{reference.name}' {found}",
        route=route,
        label=f"expected {expected}",
        help="change its type and default, or what `-p` gives it",
        notes=(Note(message="the parameter", route=("parameters", reference.name), on="key"),),
    )


def _numbers(spec: Spec) -> Iterator[tuple[str, Route, object]]:
    """Every number that may be a parameter, but for one node, with its step and its route."""
    for name, step in spec.steps.items():
        if step.nodes != 1:
            yield name, ("steps", name, "nodes"), step.nodes
        if step.parallel is None:
            continue
        route = ("steps", name, "parallel")
        yield name, (*route, "nodes"), step.parallel.nodes
        yield name, (*route, "processes_per_node"), step.parallel.processes_per_node
        if isinstance(step.parallel.mini_batch, str):
            parts, _ = parse(step.parallel.mini_batch)
            if len(parts) == 1:
                yield name, (*route, "mini_batch"), parts[0]


def each_once(spec: Spec) -> Iterator[Finding]:
    """duplicate-item: a list of names has one of them twice."""
    for route, items in _lists(spec):
        seen: dict[str, int] = {}
        for index, item in enumerate(items):
            if item in seen:
                yield Finding(
                    code="duplicate-item",
                    message=f"'{item}' is listed twice",
                    route=(*route, index),
                    help="take one of them out",
                    notes=(Note(message="the other", route=(*route, seen[item])),),
                )
            seen.setdefault(item, index)


def _lists(spec: Spec) -> Iterator[tuple[Route, list[str]]]:
    for name, step in spec.steps.items():
        if step.after:
            yield ("steps", name, "after"), step.after
        if step.parallel is not None:
            yield ("steps", name, "parallel", "partition_by"), step.parallel.partition_by
    for _, _, output, route in each_output(spec):
        if output.only:
            yield (*route, "only"), output.only
    for name, schedule in spec.schedules.items():
        yield ("schedules", name, "at"), schedule.at
        yield ("schedules", name, "days"), schedule.days
