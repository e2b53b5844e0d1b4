"""What each command does, with no terminal: paths in, data out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amlshare import __version__, backends, checks, layers
from amlshare.checks import mending
from amlshare.codes import CodeReader
from amlshare.diagnostics import Diagnostic, Finding, SpecError, did_you_mean
from amlshare.document.tree import collector_paused
from amlshare.pipeline import Pipeline
from amlshare.plan import Plan, make_plan
from amlshare.resolution import ParameterError, resolve
from amlshare.snapshots import SnapshotError, Snapshots
from amlshare.spec import Spec

if TYPE_CHECKING:
    from amlshare.backends.interface import Outcome, Watch
    from amlshare.backends.local.runs import Candidate, RunDetail, RunSummary
    from amlshare.document import Document
    from amlshare.explanations import Explanation

STATE = ".amlshare"
DEFAULT_BACKEND = "azureml"


class UsageError(Exception):
    """The command line asks for what cannot be: exit code 2. The message says what can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the shared options say. ``spec`` is a path, or ``-`` for standard input."""

    spec: str
    backend: str = DEFAULT_BACKEND
    target: str | None = None
    parameters: tuple[str, ...] = ()
    select: str | None = None
    exclude: str | None = None

    @property
    def base(self) -> Path:
        """The folder that the spec's paths are relative to."""
        return Path() if self.spec == "-" else Path(self.spec).parent

    @property
    def state(self) -> Path:
        """Where local runs, history and the catalogue lie."""
        return self.base / STATE


# Reading and checking


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A spec as far as it could be read; ``pipeline`` is None when there are errors."""

    pipeline: Pipeline | None
    diagnostics: tuple[Diagnostic, ...]
    snapshots: Snapshots


def read(request: Request) -> Reading:
    """The pipeline of a spec and everything there is to say of it. Raises UsageError for ``-p``."""
    snapshots = Snapshots(request.base)
    try:
        document = layers.load(request.spec, target=request.target)
    except SpecError as error:
        return Reading(pipeline=None, diagnostics=error.diagnostics, snapshots=snapshots)
    with collector_paused():
        parsed = mending.parse(document.data, document.diagnostics)
        findings = list(parsed.findings)
        if parsed.spec is not None:
            findings += parsed.certain(checks.check(parsed.spec, snapshots))
        pipeline = None
        if parsed.spec is not None and not _has_errors([*document.diagnostics, *findings]):
            pipeline, more = _resolve(parsed.spec, request)
            findings += more
        return Reading(
            pipeline=None if _has_errors(findings) else pipeline,
            diagnostics=_in_order([*document.diagnostics, *_located(findings, document)]),
            snapshots=snapshots,
        )


def _located(findings: Iterable[Finding], document: Document) -> Iterator[Diagnostic]:
    """The findings at their places, but for those where the file itself is wrong."""
    wrong = {_place(each) for each in document.diagnostics if each.severity == "error"}
    located = map(document.locate, findings)
    return (each for each in located if _place(each) not in wrong)


def _resolve(spec: Spec, request: Request) -> tuple[Pipeline, list[Finding]]:
    try:
        resolved = resolve(spec, _given(request.parameters), request.target)
    except ParameterError as error:
        raise UsageError(f"-p: {error}") from None
    found = [*resolved.findings, *backends.check(request.backend, resolved.pipeline)]
    return resolved.pipeline, [*found, *_elsewhere(resolved.pipeline, request.backend, found)]


def _elsewhere(pipeline: Pipeline, backend: str, found: list[Finding]) -> Iterator[Finding]:
    """What the cloud's other backends could not do, as hints; once, whoever of them says it."""
    said = {(each.code, each.route) for each in found}
    hints: dict[tuple[object, ...], tuple[Finding, list[str]]] = {}
    for other in backends.names():
        if other not in (backend, "local"):
            for each in backends.check(other, pipeline):
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


def _has_errors(found: Iterable[Diagnostic | Finding]) -> bool:
    return any(each.severity == "error" for each in found)


def _in_order(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By file and place, each once."""
    return tuple(sorted(dict.fromkeys(found), key=_place))


def _place(each: Diagnostic) -> tuple[str, int, int]:
    return (each.span.file, each.span.line, each.span.column) if each.span else ("", 0, 0)


def check(paths: Sequence[str], request: Request) -> tuple[Diagnostic, ...]:
    """Every diagnostic of the specs, for each of their targets where none is chosen.

    A parameter without a value is only a hint here: whoever plans or submits gives it.
    """
    found: dict[Diagnostic, None] = {}
    for path in paths:
        targets: list[str | None] = [None, *_targets(path)]
        for target in [request.target] if request.target else targets:
            reading = read(replace(request, spec=path, target=target))
            found |= dict.fromkeys(map(_without_values, reading.diagnostics))
    return _in_order(found)


def _without_values(each: Diagnostic) -> Diagnostic:
    return replace(each, severity="hint") if each.code == "no-parameter-value" else each


def _targets(path: str) -> list[str]:
    """The names of a spec's targets."""
    try:
        targets = layers.load(path).data.get("targets")
    except SpecError:
        return []
    return [name for name in targets if isinstance(name, str)] if isinstance(targets, dict) else []


def explain(code: str) -> Explanation:
    """What a diagnostic means. Raises UsageError for a code that there is not."""
    from amlshare import explanations

    if code not in explanations.CODES:
        meant = did_you_mean(code, explanations.CODES)
        raise UsageError(f"no diagnostic is called '{code}'" + (f"; {meant}" if meant else ""))
    return explanations.explain(code)


# Planning


def plan(request: Request) -> Plan:
    """What a submit would do. Raises SpecError with every diagnostic when one is an error."""
    reading = read(request)
    if reading.pipeline is None:
        raise SpecError(reading.diagnostics)
    snapshots = reading.snapshots
    try:
        with collector_paused():
            return make_plan(
                reading.pipeline,
                backend=request.backend,
                read_code=CodeReader(snapshots),
                digest_file=lambda file: snapshots.digest(snapshots.base / file),
                selected=_selected(reading.pipeline, request),
                diagnostics=reading.diagnostics,
            )
    except SnapshotError as error:
        found = Diagnostic(code="unreadable-code", severity="error", message=str(error))
        raise SpecError([found, *reading.diagnostics]) from None


def _selected(pipeline: Pipeline, request: Request) -> tuple[str, ...] | None:
    if request.select is None and request.exclude is None:
        return None
    from amlshare.selection import SelectionError, select

    try:
        return select(pipeline, request.select or "", request.exclude or "")
    except SelectionError as error:
        raise UsageError(str(error)) from None


def plan_document(plan: Plan) -> dict[str, Any]:
    """The JSON of a plan."""
    from amlshare.plan_document import dump

    with collector_paused():
        return dump(plan)


# Saved plans


def save(plan: Plan, request: Request, path: Path) -> None:
    """Keep a plan for ``submit PLAN``, with how it was made, so that it can be seen to be stale.

    Raises UsageError where it could not be made again.
    """
    import json
    import os

    if request.spec == "-":
        raise UsageError("a plan of standard input is not saved: it could not be made again")
    if path.suffix != ".json":
        raise UsageError(f"'{path}' does not end in .json, by which `submit` knows a saved plan")
    if folder := _code_folder_with(path, plan, request):
        raise UsageError(
            f"'{path}' lies in the code folder '{folder}', and would change the code that it is "
            "a plan for; save it elsewhere"
        )
    document = plan_document(plan)
    document["made_from"] = {
        "amlshare": __version__,
        "spec": Path(os.path.relpath(request.spec, path.parent)).as_posix(),
        "target": request.target,
        "parameters": list(request.parameters),
        "select": request.select,
        "exclude": request.exclude,
    }
    try:
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write '{path}': {error.strerror}") from None


def _code_folder_with(path: Path, plan: Plan, request: Request) -> str | None:
    """The code folder of the plan that a file would belong to."""
    from amlshare.snapshots import would_hold

    file = path.resolve()
    for folder in sorted({code.folder for code in plan.code}):
        root = (request.base / folder).resolve()
        if root in file.parents and would_hold(root, file.relative_to(root).as_posix()):
            return folder
    return None


def saved(request: Request) -> tuple[Plan, Request]:
    """The plan that a saved plan still is, made anew. Raises UsageError when it is stale."""
    from amlshare.diff import differences

    path = Path(request.spec)
    kept, made = _kept(path)
    if request.parameters or request.target or request.select or request.exclude:
        raise UsageError("a saved plan is submitted as it is: without -p, --target or --select")
    if request.backend not in (kept.backend, DEFAULT_BACKEND):
        raise UsageError(f"'{path}' is a plan for {kept.backend}, not for {request.backend}")
    again = replace(
        request,
        spec=str(path.parent / made["spec"]),
        backend=kept.backend,
        target=made["target"],
        parameters=tuple(made["parameters"]),
        select=made["select"],
        exclude=made["exclude"],
    )
    made_now = plan(again)
    if stale := differences(kept, made_now):
        raise UsageError(f"'{path}' is stale: {_said(stale, made['amlshare'])}; plan again")
    return made_now, again


def _kept(path: Path) -> tuple[Plan, dict[str, Any]]:
    """A saved plan, and how it was made."""
    import json

    from amlshare.plan_document import load

    try:
        document = json.loads(path.read_bytes())
        keys = ("amlshare", "spec", "target", "parameters", "select", "exclude")
        return load(document), {key: document["made_from"][key] for key in keys}
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(
            f"'{path}' is no saved plan; make one with `amlshare plan SPEC --save plan.json`"
        ) from None


def _said(stale: list[str], version: str) -> str:
    said = "; ".join(stale[:5]) + (f"; and {len(stale) - 5} more" if stale[5:] else "")
    other = (
        "" if version == __version__ else f" (amlshare {version} made it, this is {__version__})"
    )
    return said + other


# Running


def submit(request: Request, watch: Watch, **options: Any) -> Outcome:
    """Run a spec or a saved plan. Raises UsageError, SpecError, or the backend's BackendError.

    ``options`` are the fields of :class:`amlshare.backends.interface.Settings`.
    """
    from amlshare.backends.interface import Settings

    if request.spec.endswith(".json"):
        made, request = saved(request)
    else:
        made = plan(request)
    backend = backends.get(request.backend)
    if backend is None:
        raise UsageError(_no_workspace(request))
    settings = Settings(base=request.base, state=request.state, **options)
    return backend.submit(made, settings, watch)


def _no_workspace(request: Request) -> str:
    return (
        f"no workspace is known for the backend '{request.backend}', and this version submits to "
        "`local` only; run it on this machine with `--backend local`"
    )


def runs(where: Path) -> tuple[RunSummary, ...]:
    """The runs of a folder, or beside a spec, the newest first. Raises BackendError for none."""
    from amlshare.backends.local import runs as local

    return local.runs(_state(where))


def show(run: str, where: Path) -> RunDetail:
    """A run, by its id or the beginning of it. Raises BackendError for none or several."""
    from amlshare.backends.local import runs as local

    return local.show(_state(where), run)


def logs(run: str, step: str | None, where: Path) -> Iterator[str]:
    """What a step printed, piece by piece; with no step, what each of them did, in run order.

    Raises BackendError where there is no such run, step or log.
    """
    from amlshare.backends.interface import BackendError
    from amlshare.backends.local import runs as local

    state = _state(where)
    if step is not None:
        yield from _pieces(local.log_path(state, run, step))
        return
    for each in local.show(state, run).steps:
        try:
            path = local.log_path(state, run, each.step.step)
        except BackendError:
            continue  # it has not run, or its log was cleaned away
        yield f"==> {each.step.step} <==\n"
        yield from _pieces(path)


def _pieces(path: Path) -> Iterator[str]:
    """A text file in pieces; its last line is ended where it is not."""
    piece = "\n"
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        while more := file.read(1 << 16):
            piece = more
            yield piece
    if not piece.endswith("\n"):
        yield "\n"


def clean(where: Path) -> tuple[Candidate, ...]:
    """What can be removed, since nothing refers to it."""
    from amlshare.backends.local import runs as local

    return local.clean_candidates(_state(where))


def remove(found: Iterable[Candidate], where: Path) -> None:
    """Remove what :func:`clean` found."""
    from amlshare.backends.local import runs as local

    local.clean(_state(where), found)


def _state(where: Path) -> Path:
    """The state beside a spec, or in a folder, or in the one folder below it that has one."""
    if not where.is_dir():
        if not where.exists():
            raise UsageError(f"there is no '{where}'; name a spec, or the folder that it lies in")
        return where.parent / STATE
    found = [where / STATE] if (where / STATE).exists() else sorted(where.glob(f"*/{STATE}"))
    if len(found) > 1:
        folders = ", ".join(f"'{each.parent}'" for each in found)
        raise UsageError(f"there are runs in {folders}: say which with --in FOLDER")
    return found[0] if found else where / STATE


# Starting


def schema() -> dict[str, Any]:
    """The JSON Schema of the language."""
    from amlshare.spec import json_schema

    return json_schema()


def init(folder: Path) -> list[Path]:
    """Write a small working project with each kind of edge; returns its files.

    Raises UsageError when something is in the way.
    """
    import json

    template = Path(__file__).parent / "templates" / "init"
    sources = [path for path in sorted(template.rglob("*")) if path.is_file()]
    files = {
        folder / path.relative_to(template): path.read_bytes()
        for path in sources
        if "__pycache__" not in path.parts
    }
    files[folder / "amlshare.schema.json"] = json.dumps(schema(), indent=1).encode() + b"\n"
    if taken := [str(path) for path in sorted(files) if path.exists()]:
        raise UsageError(f"already there: {', '.join(taken)}; choose another folder")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from None
    return sorted(files)
