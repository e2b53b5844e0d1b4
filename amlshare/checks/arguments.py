"""Rules about the words that a step's script gets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from amlshare.checks.views import each_program, each_reference, each_word, texts
from amlshare.diagnostics import Finding
from amlshare.spec import Spec, Step

_FLAG_AND_MORE = re.compile(r"(--?[A-Za-z][\w-]*)\s+\S.*", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{(run-id|output-name)\}")


def one_word_each(spec: Spec) -> Iterator[Finding]:
    """argument-with-blank: a flag and its value in one word; the script would not know it."""
    for _, _, body, route in each_program(spec):
        listed = isinstance(body.arguments, list)
        for index, word in enumerate(body.arguments):
            # the value of a flag in a mapping is a word whatever is in it
            if isinstance(word, str) and (match := _FLAG_AND_MORE.fullmatch(word)):
                yield Finding(
                    code="argument-with-blank",
                    severity="warning",
                    message=f"'{word}' is one word, blank included",
                    route=(*route, "arguments", index if listed else word),
                    on="value" if listed else "key",
                    label="nothing splits it",
                    help=f"write two words, or the mapping `{match[1]}: VALUE`",
                )


def flags_in_mappings(spec: Spec) -> Iterator[Finding]:
    """flag-without-dash: a mapping's keys are passed as they stand."""
    for _, _, body, route in each_program(spec):
        if isinstance(body.arguments, dict):
            for flag in body.arguments:
                if not flag.startswith("-"):
                    yield Finding(
                        code="flag-without-dash",
                        severity="warning",
                        message=f"'{flag}' is passed without dashes",
                        route=(*route, "arguments", flag),
                        on="key",
                        label=f"did you mean '--{flag}'?",
                        help="where it is a word and no flag, use a list",
                    )


def placeholders(spec: Spec) -> Iterator[Finding]:
    """misplaced-placeholder: {run-id} means something in a location only."""
    for _, route, word in each_word(spec):
        if "{" in word and (match := _PLACEHOLDER.search(word)):
            yield Finding(
                code="misplaced-placeholder",
                severity="warning",
                message=f"{match[0]} is plain text here",
                route=route,
                fragment=match[0],
                label="it has a value only in an output's `location:`",
                help="a step learns where its output lies by ${outputs.NAME}",
            )


def ports_passed(spec: Spec) -> Iterator[Finding]:
    """unpassed-input, unpassed-output: the script is not told where it lies."""
    told: dict[str, set[tuple[str, str]]] = {name: set() for name in spec.steps}
    for place, part in each_reference(spec):
        if part.kind in ("input", "output"):
            told[place.step].add((part.kind, part.name))
    unclear = {place.step for place in texts(spec) if place.bad}
    for name, step in spec.steps.items():
        ports = [("input", port) for port in step.inputs]
        ports += [("output", port) for port in step.outputs]
        if len(told[name]) != len(ports) and name not in unclear:
            yield from _unpassed(name, step, ports, told[name] | _told_otherwise(step))


def _unpassed(
    name: str, step: Step, ports: list[tuple[str, str]], told: set[tuple[str, str]]
) -> Iterator[Finding]:
    if not told <= set(ports):
        return  # a reference that means nothing may be meant for any of them
    for kind, port in ports:
        if (kind, port) not in told:
            code = "unpassed-input" if kind == "input" else "unpassed-output"
            yield _unpassed_port(code, port, name, step)


def _told_otherwise(step: Step) -> set[tuple[str, str]]:
    """Ports that a step gets without an argument: direct inputs, files at a path of their own,
    what a parallel step goes over, and where its rows go.
    """
    told = {("input", n) for n, each in step.inputs.items() if each.mode == "direct" or each.at}
    if step.parallel is not None:
        told.add(("input", step.parallel.over))
        if step.parallel.rows_to:
            told.add(("output", step.parallel.rows_to.partition("/")[0]))
    return told


def _unpassed_port(code: str, port: str, name: str, step: Step) -> Finding:
    kind = code.partition("-")[2]
    runs, where = ("the command of step", "`command:`")
    if step.command is None:
        runs, where = ("the script of step", "`arguments:`")
    if step.sequence is not None:
        runs, where = ("the sequence of step", "one of its parts")
    return Finding(
        code=code,
        severity="hint",
        message=f"{runs} '{name}' is not told where {kind} '{port}' lies",
        route=("steps", name, f"{kind}s", port),
        on="key",
        help=f"write ${{{kind}s.{port}}} into {where}, or take the {kind} out",
    )
