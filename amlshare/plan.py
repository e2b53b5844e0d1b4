"""The plan: a pipeline and a fingerprint for each of its steps.

A pure function of its inputs: no clock, no network, no path of this machine. Whoever makes a plan
passes in how code is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import cache
from hashlib import sha256
from typing import Any, TypeAlias

from amlshare.diagnostics import Diagnostic
from amlshare.movement import Moves, moves
from amlshare.movement.choice import Choice
from amlshare.movement.known import NOTHING, Known
from amlshare.movement.modes import choose_here, choose_modes
from amlshare.movement.mounts import mount_settings
from amlshare.pipeline import Data, Input, Output, Parallel, Pipeline, Step, texts
from amlshare.references import Reference, write

# What may change without a port's content changing. How it travels is a part of its own.
_COSMETIC = frozenset("title titles description tags size files reads mode at".split())
PARTS = tuple("code run parameters environment env inputs outputs access compute settings".split())
"""What a fingerprint is made of. ``access`` is how inputs and outputs travel: it changes nothing
that a step reads, and yet the cloud runs the step again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """The files that a step's run depends on: ``files`` maps a path in ``folder`` to a sha256.

    ``scripts`` are those that the step runs, none for one that may run any of them.
    """

    folder: str
    scripts: tuple[str, ...] = ()
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
    """What a submit would do. ``selected`` names the steps to run, None for all of them.

    ``known`` is what it was told beside the pipeline, ``modes`` what was chosen from that for each
    ``STEP.INPUT`` which the spec leaves to auto, and ``mount_settings`` are the variables of a step
    that say how its mounts are kept.
    """

    backend: str
    pipeline: Pipeline
    code: tuple[Code, ...] = ()
    fingerprints: Mapping[str, Fingerprint] = field(default_factory=dict)
    selected: tuple[str, ...] | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    known: Known = NOTHING
    modes: Mapping[str, Choice] = field(default_factory=dict)
    mount_settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


ReadCode: TypeAlias = Callable[[Step], Code | None]
ReadFile: TypeAlias = Callable[[str], str]


def make_plan(
    pipeline: Pipeline,
    *,
    backend: str,
    read_code: ReadCode,
    digest_file: ReadFile,
    selected: Iterable[str] | None = None,
    known: Known = NOTHING,
) -> Plan:
    """The plan of a pipeline.

    ``read_code`` gives the code of a step; ``digest_file`` the sha256 of a file that the spec
    names, such as a conda file, by its path relative to the spec.
    """
    codes: dict[tuple[str, tuple[str, ...]], Code] = {}
    prints: dict[str, Fingerprint] = {}
    sources = {data.name: _digest_data(data, known) for data in pipeline.data}
    shared = _Shared(pipeline, digest_file)
    here = backend == "local"
    told = known if here else known.everywhere()
    modes = (choose_here if here else choose_modes)(pipeline, known=told)
    for step in pipeline.steps:
        code = read_code(step)
        if code is not None:
            codes[code.folder, code.scripts] = code
        found = _fingerprint(step, code, shared, sources, modes)
        prints[step.name] = found
        for output in step.outputs:
            sources[f"{step.name}.{output.name}"] = found.digest
    return Plan(
        backend=backend,
        pipeline=pipeline,
        code=tuple(codes.values()),
        fingerprints=prints,
        selected=None if selected is None else tuple(selected),
        known=known,
        modes=modes,
        mount_settings={} if here else mount_settings(pipeline, modes, known=told),
    )


def moves_of(plan: Plan) -> Moves:
    """All that moves in a run of ``plan``, and for how long its steps wait for that."""
    return moves(
        plan.pipeline,
        known=plan.known,
        modes=plan.modes,
        steps=plan.selected,
        here=plan.backend == "local",
    )


def _digest_data(data: Data, known: Known) -> str:
    """What the spec says of data, and what was found there by whoever looked."""
    said, found = digest(_content(data)), known.digests.get(data.name)
    return said if found is None else digest([said, found])


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
        self._settings: dict[tuple[object, ...], str] = {}

    def settings(self, step: Step) -> str:
        key = (step.nodes, step.distribution, step.retries, step.timeout, step.after, step.reuse)
        if key not in self._settings:
            self._settings[key] = digest(plain(key))
        return self._settings[key]


def _fingerprint(
    step: Step,
    code: Code | None,
    shared: _Shared,
    sources: Mapping[str, str],
    modes: Mapping[str, Choice],
) -> Fingerprint:
    own = {
        "code": code.digest if code else "",
        "run": digest(plain(step.run, without=_COSMETIC)),
        "parameters": _digest_some({name: shared.values[name] for name in parameters_of(step)}),
        "environment": shared.environments[step.environment],
        "env": _digest_some(step.env),
        "inputs": _digest_some([_content(given) for given in step.inputs]),
        "outputs": _digest_some([_content(output) for output in step.outputs]),
        "access": _digest_some(_access(step, modes)),
        "compute": shared.compute[step.compute],
        "settings": shared.settings(step),
    }
    upstream = {given.name: sources[given.source] for given in step.inputs}
    return Fingerprint(digest=digest([own, upstream]), own=own, upstream=upstream)


def _content(port: Input | Output | Data) -> Any:
    """What decides over the content of a port, or of data."""
    return plain(port, without=_COSMETIC)


def _access(step: Step, modes: Mapping[str, Choice]) -> list[tuple[str, ...]]:
    """How inputs and outputs travel; of an input that is left to auto, the mode that was chosen."""
    reads = []
    for given in step.inputs:
        choice = modes.get(f"{step.name}.{given.name}")
        reads.append((choice.mode if choice else given.mode, given.at or ""))
    return [*reads, *((output.mode,) for output in step.outputs)]


def _digest_some(value: Any) -> str:
    """The digest of a mapping or list, empty for an empty one."""
    return digest(value) if value else ""


def parameters_of(step: Step) -> tuple[str, ...]:
    """The names of the parameters that a step uses, sorted."""
    run = step.run
    values: list[object] = [step.nodes, *(part for text in texts(run) for part in text)]
    if isinstance(run, Parallel):
        values += [run.nodes, run.mini_batch, run.processes_per_node]
    used = (value for value in values if isinstance(value, Reference))
    return tuple(sorted({value.name for value in used if value.kind == "parameter"}))


def digest(value: object) -> str:
    """16 hex digits of the sha256 of plain data, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


# Plain data

_SCALARS = frozenset({str, int, float, bool, type(None)})
_ALWAYS = object()  # equal to no default: the field is always written
# The fields that hold a text (a command's line) or a tuple of texts.
TEXTS = ("line", "arguments")


def plain(value: Any, *, without: frozenset[str] = frozenset()) -> Any:
    """A value as plain data: keys at their default are left out, texts are as in a spec.

    ``without`` names fields of a dataclass to leave out; it does not reach into what they hold.
    """
    kind: Any = type(value)
    if kind in _SCALARS:
        return value
    if fields_ := _fields(kind):
        shown = {}
        for name, default, is_text in fields_:
            found = getattr(value, name)
            if name not in without and found != default:
                shown[name] = _texts(found) if is_text else plain(found)
        return shown
    if isinstance(value, Reference):
        return str(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (str, int, float)):
        return value
    return [plain(item) for item in value]


@cache
def _fields(kind: type[Any]) -> tuple[tuple[str, object, bool], ...]:
    """Name, default and whether it holds texts, for each field of a dataclass; () for others."""
    if kind is Reference or not is_dataclass(kind):
        return ()
    return tuple((entry.name, _default(entry), entry.name in TEXTS) for entry in fields(kind))


def _default(entry: Field[Any]) -> object:
    if entry.name == "kind":
        return _ALWAYS
    if entry.default_factory is not MISSING:
        return entry.default_factory()
    return _ALWAYS if entry.default is MISSING else entry.default


def _texts(value: Any) -> Any:
    if value and isinstance(value[0], tuple):
        return [write(text) for text in value]
    return write(value)
