"""Reading a spec: the pipeline that it is, and everything there is to say of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from amlshare import backends, checks, layers
from amlshare.checks import mending
from amlshare.commands.request import Request, UsageError
from amlshare.diagnostics import Diagnostic, Finding, SpecError, did_you_mean
from amlshare.document.tree import collector_paused
from amlshare.pipeline import Pipeline
from amlshare.resolution import ParameterError, resolve
from amlshare.snapshots import Snapshots
from amlshare.spec import Spec

if TYPE_CHECKING:
    from amlshare.calibration import Profile
    from amlshare.document import Document
    from amlshare.explanations import Explanation
    from amlshare.lock import Lock
    from amlshare.packages import ReadText


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A spec as far as it could be read; ``pipeline`` is None when there are errors.

    ``document`` knows the places of what is said later; it is None of a file that is no document.
    ``lock`` is None where none lies beside the spec; ``profiles`` are the rates there, by section.
    """

    pipeline: Pipeline | None
    document: Document | None
    diagnostics: tuple[Diagnostic, ...]
    snapshots: Snapshots
    lock: Lock | None = None
    profiles: Mapping[str, Profile] = field(default_factory=dict)


def read(request: Request, texts: Mapping[str, str] = layers.AS_THEY_ARE) -> Reading:
    """The pipeline of a spec and everything there is to say of it. Raises UsageError for ``-p``.

    ``texts`` are read in place of the files of these names.
    """
    snapshots = Snapshots(request.base)
    try:
        document = layers.load(request.spec, target=request.target, texts=texts)
    except SpecError as error:
        return Reading(
            pipeline=None, document=None, diagnostics=error.diagnostics, snapshots=snapshots
        )
    with collector_paused():
        parsed = mending.parse(document.data, document.diagnostics)
        findings = list(parsed.findings)
        if parsed.spec is not None:
            found = parsed.certain(checks.check(parsed.spec, snapshots))
            findings += _for_backend(found, request.backend)
        pipeline = None
        if parsed.spec is not None and not has_errors([*document.diagnostics, *findings]):
            pipeline, more = _resolve(parsed.spec, request)
            findings += more
        lock, wrong = _lock(request)
        profiles, more_wrong = _profiles(request)
        wrong += more_wrong
        return Reading(
            pipeline=None if has_errors([*findings, *wrong]) else pipeline,
            document=document,
            diagnostics=in_order([*document.diagnostics, *_located(findings, document), *wrong]),
            snapshots=snapshots,
            lock=lock,
            profiles=profiles,
        )


def _lock(request: Request) -> tuple[Lock | None, tuple[Diagnostic, ...]]:
    """The lock beside a spec, None for none, and what is wrong with it."""
    if request.lock is None or not request.lock.exists():
        return None, ()
    from amlshare import document, lock

    return lock.read(document.read(request.lock), Path(request.spec).name)


def _profiles(request: Request) -> tuple[Mapping[str, Profile], tuple[Diagnostic, ...]]:
    """The rates beside the spec by section, and what is wrong with them."""
    if request.rates is None or not request.rates.exists():
        return {}, ()
    from amlshare import calibration, document

    return calibration.read(document.read(request.rates), Path(request.spec).name)


def _for_backend(findings: Iterable[Finding], backend: str) -> Iterator[Finding]:
    """The findings; what SDK v1 alone refuses is a hint for the other backends."""
    for each in findings:
        if each.code in _OF_SDK_V1 and backend != "azureml":
            help_ = f"matters only for `--backend azureml`: {each.help}"
            yield replace(each, severity="hint", help=help_)
        else:
            yield each


_OF_SDK_V1 = frozenset({"large-code"})


def _located(findings: Iterable[Finding], document: Document) -> Iterator[Diagnostic]:
    """The findings at their places, but for those where the file itself is wrong."""
    wrong = {place_of(each) for each in document.diagnostics if each.severity == "error"}
    located = map(document.locate, findings)
    return (each for each in located if place_of(each) not in wrong)


def _resolve(spec: Spec, request: Request) -> tuple[Pipeline, list[Finding]]:
    try:
        resolved = resolve(spec, _given(request.parameters), request.target)
    except ParameterError as error:
        raise UsageError(f"-p: {error}") from None
    read = texts(request.base)
    found = [*resolved.findings, *backends.check(request.backend, resolved.pipeline, read)]
    return resolved.pipeline, [*found, *_elsewhere(resolved.pipeline, request.backend, read, found)]


def texts(base: Path) -> ReadText:
    """Reads files that the spec names, each once; None for what is no text. Rules say so."""

    @cache
    def read(file: str) -> str | None:
        try:
            return (base / file).read_text("utf-8-sig")
        except (OSError, ValueError):
            return None

    return read


def _elsewhere(
    pipeline: Pipeline, backend: str, read: ReadText, found: list[Finding]
) -> Iterator[Finding]:
    """What the cloud's other backends could not do, as hints; once, whoever of them says it."""
    said = {(each.code, each.route) for each in found}
    hints: dict[tuple[object, ...], tuple[Finding, list[str]]] = {}
    for other in backends.names():
        if other not in (backend, "local"):
            for each in backends.check(other, pipeline, read):
                place = (each.code, each.route)
                if place not in said:
                    hints.setdefault(place, (each, []))[1].append(f"`--backend {other}`")
    for each, names in hints.values():
        help_ = f"matters only for {' and '.join(names)}"
        help_ += f": {each.help}" if each.help else ""
        yield replace(each, severity="hint", help=help_)


def _given(parameters: Iterable[str]) -> dict[str, str]:
    given = {}
    for text in parameters:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"-p '{text}' is no parameter; expected NAME=VALUE")
        given[name.strip()] = value
    return given


def has_errors(found: Iterable[Diagnostic | Finding]) -> bool:
    return any(each.severity == "error" for each in found)


def in_order(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By file and place, each once."""
    return tuple(sorted(dict.fromkeys(found), key=place_of))


def place_of(each: Diagnostic) -> tuple[str, int, int]:
    return (each.span.file, each.span.line, each.span.column) if each.span else ("", 0, 0)


def explain(code: str) -> Explanation:
    """What a diagnostic means. Raises UsageError for a code that there is not."""
    from amlshare import explanations

    if code in explanations.SUGGESTIONS:
        raise UsageError(
            f"'{code}' is no diagnostic: `plan --suggest` says beside each patch of this kind what "
            "it does and saves"
        )
    if code not in explanations.CODES:
        meant = did_you_mean(code, explanations.CODES)
        raise UsageError(f"no diagnostic is called '{code}'" + (f"; {meant}" if meant else ""))
    return explanations.explain(code)


def at_their_places(findings: Iterable[Finding], request: Request) -> SpecError:
    document = layers.load(request.spec, target=request.target)
    return SpecError(in_order(map(document.locate, findings)))
