"""What each command does, with no terminal: paths in, data out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amlshare import __version__, backends, checks, layers
from amlshare.checks import mending
from amlshare.checks.names import ENDPOINT_NAME
from amlshare.codes import CodeReader
from amlshare.diagnostics import Diagnostic, Finding, SpecError, did_you_mean
from amlshare.document.tree import collector_paused
from amlshare.pipeline import Pipeline
from amlshare.plan import Plan, make_plan
from amlshare.resolution import ParameterError, resolve
from amlshare.snapshots import SnapshotError, Snapshots
from amlshare.spec import Spec

if TYPE_CHECKING:
    from amlshare.backends.azureml import runs as azureml_runs
    from amlshare.backends.azureml.graph import Graph
    from amlshare.backends.interface import (
        Event,
        Outcome,
        Publishing,
        RunStarted,
        Watch,
        WorkspaceName,
    )
    from amlshare.backends.local import runs as local_runs
    from amlshare.backends.local.runs import Candidate
    from amlshare.backends.packages import ReadText
    from amlshare.diff import Diff
    from amlshare.document import Document
    from amlshare.explanations import Explanation

STATE = ".amlshare"
DEFAULT_BACKEND = "azureml"


class UsageError(Exception):
    """The command line asks for what cannot be: exit code 2. The message says what can."""


class EndedEarlyError(Exception):
    """A run had begun and is not waited for any more; ``error`` is why."""

    def __init__(self, error: BaseException, run: RunStarted, backend: str) -> None:
        self.error = error
        self.run = run
        self.backend = backend
        super().__init__(str(error))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the shared options say. ``spec`` is a path, or ``-`` for standard input.

    ``workspace`` has what was given of ``subscription_id``, ``resource_group`` and ``name``.
    """

    spec: str
    backend: str = DEFAULT_BACKEND
    target: str | None = None
    parameters: tuple[str, ...] = ()
    select: str | None = None
    exclude: str | None = None
    workspace: Mapping[str, str] = field(default_factory=dict)

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
            found = parsed.certain(checks.check(parsed.spec, snapshots))
            findings += _for_backend(found, request.backend)
        pipeline = None
        if parsed.spec is not None and not _has_errors([*document.diagnostics, *findings]):
            pipeline, more = _resolve(parsed.spec, request)
            findings += more
        return Reading(
            pipeline=None if _has_errors(findings) else pipeline,
            diagnostics=_in_order([*document.diagnostics, *_located(findings, document)]),
            snapshots=snapshots,
        )


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
    wrong = {_place(each) for each in document.diagnostics if each.severity == "error"}
    located = map(document.locate, findings)
    return (each for each in located if _place(each) not in wrong)


def _resolve(spec: Spec, request: Request) -> tuple[Pipeline, list[Finding]]:
    try:
        resolved = resolve(spec, _given(request.parameters), request.target)
    except ParameterError as error:
        raise UsageError(f"-p: {error}") from None
    read = _texts(request.base)
    found = [*resolved.findings, *backends.check(request.backend, resolved.pipeline, read)]
    return resolved.pipeline, [*found, *_elsewhere(resolved.pipeline, request.backend, read, found)]


def _texts(base: Path) -> ReadText:
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


def graph(plan: Plan) -> Graph | None:
    """What SDK v1 builds of a plan, None for other backends.

    Raises UsageError where it cannot: a selected step reads from one that is not.
    """
    if plan.backend != "azureml":
        return None
    from amlshare.backends.azureml.graph import make_graph
    from amlshare.backends.azureml.job import make_job
    from amlshare.backends.interface import NotSelectedError

    try:
        with collector_paused():
            return make_graph(make_job(plan))
    except NotSelectedError as error:
        raise UsageError(str(error)) from None


def online(plan: Plan, request: Request) -> dict[str, bool]:
    """Ask the workspace for what a plan names; says of each step whether its module is there.

    Raises SpecError with what the workspace does not have, or BackendError.
    """
    from amlshare.backends.interface import NotInWorkspaceError, NotSelectedError

    if plan.backend != "azureml":
        raise UsageError(f"--online asks a workspace, which `--backend {plan.backend}` does not do")
    from amlshare.backends.azureml import online as workspace

    name = _workspace(request, plan.pipeline)
    assert name is not None
    try:
        return workspace.known_modules(plan, request.base, name)
    except NotSelectedError as error:
        raise UsageError(str(error)) from None
    except NotInWorkspaceError as error:
        raise _at_their_places(error.findings, request) from None


def plan_document(
    plan: Plan, graph: Graph | None = None, known: Mapping[str, bool] | None = None
) -> dict[str, Any]:
    """The JSON of a plan, of the graph that it becomes, and which of its modules are there."""
    from amlshare.plan import plain
    from amlshare.plan_document import dump

    with collector_paused():
        document = dump(plan)
        if graph is not None:
            document["graph"] = plain(graph)
        if known is not None:
            document["modules"] = dict(known)
        return document


# Comparing


def diff(request: Request, against: str = "published") -> Diff:
    """How a spec differs from what is published of it in its workspace.

    Raises UsageError, SpecError, or BackendError, also where nothing is published.
    """
    if against != "published":
        raise UsageError(f"--against '{against}' is not known: this version knows 'published'")
    if request.backend != "azureml":
        raise UsageError(f"nothing is published with `--backend {request.backend}`")
    if request.select is not None or request.exclude is not None:
        raise UsageError("a pipeline is published as a whole: take --select and --exclude out")
    from amlshare.backends.azureml import published

    made = plan(request)
    name = _workspace(request, made.pipeline)
    assert name is not None
    return published.diff(made, request.base, name, of=request.spec)


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


def submit(
    request: Request, watch: Watch, *, publishing: Publishing | None = None, **options: Any
) -> Outcome:
    """Run or publish a spec or a saved plan.

    Raises UsageError, SpecError (also for what the workspace does not have), or the backend's
    BackendError; and EndedEarlyError for whatever happens once a run has begun. ``options`` are
    fields of :class:`amlshare.backends.interface.Settings`.
    """
    from amlshare.backends.interface import Settings

    if request.spec.endswith(".json"):
        made, request = saved(request)
    else:
        made = plan(request)
    backend = backends.get(request.backend)
    if backend is None:
        raise UsageError(f"this version plans for '{request.backend}' and does not submit to it")
    _only_for(request.backend, {**options, "publishing": publishing})
    if publishing is not None:
        _publishable(publishing, waits=options.get("wait", True))
    workspace = _workspace(request, made.pipeline)
    settings = Settings(
        base=request.base,
        state=request.state,
        workspace=workspace,
        publishing=publishing,
        found_with=_found_with(request, workspace),
        **options,
    )
    outcome = _submitted(lambda told: backend.submit(made, settings, told), watch, request)
    return replace(outcome, found_with=settings.found_with)


def _submitted(submit: Callable[[Watch], Outcome], watch: Watch, request: Request) -> Outcome:
    """What ``submit`` gives, and its errors as those of a command."""
    from amlshare.backends.interface import NotInWorkspaceError, NotSelectedError, RunStarted

    begun: list[RunStarted] = []

    def told(event: Event) -> None:
        if isinstance(event, RunStarted):
            begun.append(event)
        watch(event)

    try:
        return submit(told)
    except NotSelectedError as error:
        raise UsageError(str(error)) from None
    except NotInWorkspaceError as error:
        raise _at_their_places(error.findings, request) from None
    except (Exception, KeyboardInterrupt) as error:
        if begun:
            raise EndedEarlyError(error, begun[0], request.backend) from error
        raise


def _found_with(request: Request, workspace: WorkspaceName | None) -> tuple[str, ...]:
    """The options with which `logs` and `cancel`, which know no `-p` nor `--target`, find a run."""
    if workspace is None:
        return () if request.base == Path() else ("--in", str(request.base))
    from amlshare.workspaces import OPTIONS

    if request.spec == "-" or request.target or request.parameters:
        words, given = [], {part: str(getattr(workspace, part)) for part in OPTIONS}
    else:
        words, given = ["--in", request.spec], dict(request.workspace)
    for part, value in given.items():
        words += [OPTIONS[part], value]
    return tuple(words)


def _publishable(publishing: Publishing, *, waits: bool) -> None:
    """Raise UsageError for what cannot be published so."""
    if not waits and not publishing.run:
        raise UsageError(
            "--no-wait goes with a run, and --publish alone starts none: add --run, or take "
            "--no-wait out"
        )
    if publishing.endpoint is not None and not ENDPOINT_NAME.fullmatch(publishing.endpoint):
        raise UsageError(
            f"--endpoint '{publishing.endpoint}' cannot be an endpoint's name: letters, digits, - "
            "and _ only"
        )


def _only_for(backend: str, options: Mapping[str, Any]) -> None:
    """Raise UsageError for an option that another backend has."""
    mine, other = (_LOCAL, _CLOUD) if backend == "local" else (_CLOUD, _LOCAL)
    for name, option in other.items():
        if options.get(name) not in (None, name == "wait"):
            where = "on Azure" if mine is _LOCAL else "with `--backend local`"
            raise UsageError(f"{option} works {where}, and this is `--backend {backend}`")


_LOCAL = {"jobs": "--jobs", "python": "--python", "as_cloud": "--as-cloud"}
_CLOUD = {"publishing": "--publish", "wait": "--no-wait", "create_compute": "--create-compute"}


def _workspace(request: Request, pipeline: Pipeline) -> WorkspaceName | None:
    """The workspace that a submit goes to; None on this machine. Raises UsageError for none."""
    if request.backend == "local":
        return None
    import os

    from amlshare import workspaces

    try:
        return workspaces.find(request.workspace, os.environ, pipeline.workspace, request.base)
    except workspaces.NoWorkspaceError as error:
        raise UsageError(str(error)) from None


def _at_their_places(findings: Iterable[Finding], request: Request) -> SpecError:
    document = layers.load(request.spec, target=request.target)
    return SpecError(_in_order(map(document.locate, findings)))


# Runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """Whose runs are asked for: those beside a spec or in a folder, or those of a workspace.

    With no ``backend`` a run is known by its id, and a list is of this machine where it has runs.
    ``workspace`` and ``experiment`` come before what the spec says.
    """

    where: Path = Path()
    backend: str | None = None
    workspace: Mapping[str, str] = field(default_factory=dict)
    experiment: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The options that say the same again."""
        from amlshare.workspaces import OPTIONS

        words = [] if self.where == Path() else ["--in", str(self.where)]
        for part, value in self.workspace.items():
            words += [OPTIONS[part], value]
        return tuple(words)

    def is_here(self, run: str | None = None) -> bool:
        """Whether this machine is meant. Raises UsageError for a backend without runs."""
        if self.backend is not None:
            if backends.get(self.backend) is None:
                raise UsageError(f"this version has no runs of '{self.backend}'")
            return self.backend == "local"
        if run is not None:
            return bool(_RUN_HERE.fullmatch(run)) or not _WORKSPACE_RUN.fullmatch(run)
        return not self.workspace and self.experiment is None


# this machine names runs by the date, the service by GUIDs; both may be cut short
_RUN_HERE = re.compile(r"\d{8}(-\d{0,5}|-\d{6}(-\w*)?)?")
_WORKSPACE_RUN = re.compile(r"[0-9a-f-]+", re.IGNORECASE)


def runs(whose: Whose) -> tuple[local_runs.RunSummary | azureml_runs.RunSummary, ...]:
    """The runs, the newest first. Raises UsageError, or BackendError for none."""
    if whose.is_here():
        from amlshare.backends.local import runs as local

        return local.runs(_state(whose.where))
    from amlshare.backends.azureml import runs as cloud

    workspace, experiment = _cloud(whose)
    if experiment is None:
        raise UsageError("say whose runs with --experiment NAME, or with --in SPEC")
    return cloud.runs(workspace, experiment)


def show(run: str, whose: Whose) -> local_runs.RunDetail | azureml_runs.RunDetail:
    """A run, by its id or the beginning of it. Raises BackendError for none or several."""
    if whose.is_here(run):
        from amlshare.backends.local import runs as local

        return local.show(_state(whose.where), run)
    from amlshare.backends.azureml import runs as cloud

    workspace, experiment = _cloud(whose)
    return cloud.show(workspace, run, experiment)


def cancel(run: str, whose: Whose) -> str:
    """Stop a run of a workspace; gives its id. Raises BackendError for one that has ended."""
    if whose.is_here(run):
        raise UsageError("a run of this machine is stopped where it was started, with Ctrl-C")
    from amlshare.backends.azureml import runs as cloud

    workspace, experiment = _cloud(whose)
    return cloud.cancel(workspace, run, experiment)


def logs(run: str, step: str | None, whose: Whose) -> Iterator[str]:
    """What a step printed, piece by piece; with no step, what each of them did, in run order.

    Raises BackendError where there is no such run, step or log.
    """
    if whose.is_here(run):
        return _logs_here(run, step, whose.where)
    from amlshare.backends.azureml import runs as cloud

    workspace, experiment = _cloud(whose)
    return cloud.logs(workspace, run, step, experiment)


def _cloud(whose: Whose) -> tuple[Any, str | None]:
    """The workspace, signed in, and the experiment where one is known."""
    import os

    from amlshare import workspaces
    from amlshare.backends.azureml import signin
    from amlshare.pipeline import Workspace

    said = read(Request(spec=str(whose.where))).pipeline if whose.where.is_file() else None
    base = whose.where.parent if said else whose.where
    told = said.workspace if said else Workspace()
    try:
        name = workspaces.find(whose.workspace, os.environ, told, base)
    except workspaces.NoWorkspaceError as error:
        raise UsageError(str(error)) from None
    experiment = whose.experiment or (said.experiment if said else None)
    return signin.workspace(name), experiment


def _logs_here(run: str, step: str | None, where: Path) -> Iterator[str]:
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
