"""The plan: a pipeline and a fingerprint for each of its steps.

A pure function of its inputs: no clock, no network, no path of this machine. Whoever makes a plan
passes in how code is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache
from hashlib import sha256
from typing import Any, TypeAlias

from typing_extensions import assert_never

from amlshare.diagnostics import Diagnostic
from amlshare.pipeline import Command, Data, Input, Output, Parallel, Pipeline, Script, Step
from amlshare.references import Reference, write

# What a change of leaves a step's result as it was.
_COSMETIC = frozenset({"title", "description", "tags", "size", "files", "reads", "reuse", "mode"})
PARTS = (
    "code",
    "run",
    "parameters",
    "environment",
    "env",
    "inputs",
    "outputs",
    "compute",
    "settings",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """The files that a step's run depends on: ``files`` maps a path in ``folder`` to a sha256."""

    folder: str
    script: str | None
    digest: str
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What decides whether a step runs again.

    ``own`` has a digest for each of PARTS; ``upstream`` has, for each input, the digest of its
    source: a step's fingerprint, or what the spec says of data.
    """

    digest: str
    own: Mapping[str, str]
    upstream: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a submit would do. ``selected`` names the steps to run, None for all of them."""

    backend: str
    pipeline: Pipeline
    code: tuple[Code, ...] = ()
    fingerprints: Mapping[str, Fingerprint] = field(default_factory=dict)
    selected: tuple[str, ...] | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


ReadCode: TypeAlias = Callable[[Step], Code | None]
ReadFile: TypeAlias = Callable[[str], str]


def make_plan(
    pipeline: Pipeline,
    *,
    backend: str,
    read_code: ReadCode,
    digest_file: ReadFile,
    selected: Iterable[str] | None = None,
    diagnostics: Iterable[Diagnostic] = (),
) -> Plan:
    """The plan of a pipeline.

    ``read_code`` gives the code of a step; ``digest_file`` the sha256 of a file that the spec
    names, such as a conda file, by its path relative to the spec.
    """
    codes: dict[tuple[str, str | None], Code] = {}
    prints: dict[str, Fingerprint] = {}
    sources = {data.name: digest(_plain_data(data)) for data in pipeline.data}
    shared = _Shared(pipeline, digest_file)
    for step in pipeline.steps:
        code = read_code(step)
        if code is not None:
            codes[code.folder, code.script] = code
        found = _fingerprint(step, code, shared, sources)
        prints[step.name] = found
        for output in step.outputs:
            sources[f"{step.name}.{output.name}"] = found.digest
    return Plan(
        backend=backend,
        pipeline=pipeline,
        code=tuple(codes.values()),
        fingerprints=prints,
        selected=None if selected is None else tuple(selected),
        diagnostics=tuple(diagnostics),
    )


class _Shared:
    """What many steps have in common, digested once."""

    def __init__(self, pipeline: Pipeline, digest_file: ReadFile) -> None:
        self.values = {parameter.name: parameter.value for parameter in pipeline.parameters}
        self.environments: dict[str | None, str] = {None: ""}
        for entry in pipeline.environments:
            named = (entry.conda, entry.dockerfile, entry.pip)
            files = [digest_file(file) for file in named if isinstance(file, str)]
            self.environments[entry.name] = digest([plain(entry), files])
        self.compute = {None: ""} | {
            entry.name: digest([entry.cluster, entry.vm_size]) for entry in pipeline.compute
        }


def _fingerprint(
    step: Step, code: Code | None, shared: _Shared, sources: Mapping[str, str]
) -> Fingerprint:
    used = {name: shared.values[name] for name in parameters_of(step)}
    settings = [step.nodes, step.distribution, step.retries, step.timeout, step.after]
    own = {
        "code": code.digest if code else "",
        "run": digest(plain(step.run)),
        "parameters": digest(used) if used else "",
        "environment": shared.environments[step.environment],
        "env": digest(step.env) if step.env else "",
        "inputs": digest([_plain_port(given) for given in step.inputs]) if step.inputs else "",
        "outputs": digest([_plain_port(output) for output in step.outputs]) if step.outputs else "",
        "compute": shared.compute[step.compute],
        "settings": digest([plain(value) for value in settings]),
    }
    upstream = {given.name: sources[given.source] for given in step.inputs}
    return Fingerprint(digest=digest([own, upstream]), own=own, upstream=upstream)


def _plain_port(port: Input | Output) -> Any:
    """What decides over a port's content: an input's mode changes how it arrives, not what."""
    return {key: value for key, value in plain(port).items() if key not in _COSMETIC}


def _plain_data(data: Data) -> Any:
    return {key: value for key, value in plain(data).items() if key not in _COSMETIC}


def parameters_of(step: Step) -> tuple[str, ...]:
    """The names of the parameters that a step uses, sorted."""
    values: list[object] = [step.nodes]
    match step.run:
        case Command(line=line):
            values += line
        case Script(arguments=arguments):
            values += [part for text in arguments for part in text]
        case Parallel() as run:
            values += [part for text in run.arguments for part in text]
            values += [run.nodes, run.mini_batch, run.processes_per_node]
        case _:
            assert_never(step.run)
    used = (value for value in values if isinstance(value, Reference))
    return tuple(sorted({value.name for value in used if value.kind == "parameter"}))


def digest(value: object) -> str:
    """16 hex digits of the sha256 of plain data, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


# Plain data


def plain(value: Any) -> Any:
    """A value as plain data: keys at their default are left out, texts are as in a spec."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Reference):
        return str(value)
    if is_dataclass(value):
        shown = {}
        for name, default, is_text in _fields(type(value)):
            found = getattr(value, name)
            if found != default:
                shown[name] = _texts(found) if is_text else plain(found)
        return shown
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value]


@cache
def _fields(kind: type) -> tuple[tuple[str, object, bool], ...]:
    """Name, default and whether it holds texts, for each field of a dataclass."""
    found = []
    for entry in fields(kind):
        default = entry.default
        if entry.default_factory is not MISSING:
            default = entry.default_factory()
        if default is MISSING or entry.name == "kind":
            default = _ALWAYS
        found.append((entry.name, default, entry.name in TEXTS))
    return tuple(found)


_ALWAYS = object()  # equal to no default: the field is always written
# The fields that hold a text (a command's line) or a tuple of texts.
TEXTS = ("line", "arguments")


def _texts(value: Any) -> Any:
    return (
        [write(text) for text in value] if value and isinstance(value[0], tuple) else write(value)
    )
