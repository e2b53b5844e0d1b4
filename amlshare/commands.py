"""What each command does, with no terminal: paths in, data out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amlshare import backends, checks, layers
from amlshare.checks import mending
from amlshare.codes import CodeReader
from amlshare.diagnostics import Diagnostic, Finding, SpecError
from amlshare.pipeline import Pipeline
from amlshare.plan import Plan, make_plan
from amlshare.resolution import ParameterError, resolve
from amlshare.snapshots import Snapshots
from amlshare.spec import Spec

if TYPE_CHECKING:
    from amlshare.backends.interface import Outcome, Watch

STATE = ".amlshare"


class UsageError(Exception):
    """The command line asks for what cannot be: exit code 2. The message says what can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the shared options say. ``spec`` is a path, or ``-`` for standard input."""

    spec: str
    backend: str = "azureml"
    target: str | None = None
    parameters: tuple[str, ...] = ()
    select: str | None = None
    exclude: str | None = None
    subscription: str | None = None
    resource_group: str | None = None
    workspace: str | None = None

    @property
    def base(self) -> Path:
        """The folder that the spec's paths are relative to."""
        return Path() if self.spec == "-" else Path(self.spec).parent

    @property
    def state(self) -> Path:
        """Where local runs, history and the catalogue lie."""
        return self.base / STATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A spec as far as it could be read; ``pipeline`` is None when there are errors."""

    pipeline: Pipeline | None
    diagnostics: tuple[Diagnostic, ...]
    snapshots: Snapshots


def read(request: Request) -> Reading:
    """The pipeline of a spec and everything there is to say of it."""
    document = layers.load(request.spec, target=request.target)
    snapshots = Snapshots(request.base)
    found = list(document.diagnostics)
    pipeline = None
    if document.readable:
        parsed = mending.parse(document.data)
        findings = list(parsed.findings)
        if parsed.spec is not None:
            findings += parsed.certain(checks.check(parsed.spec, snapshots))
        if parsed.spec is not None and not _has_errors([*found, *findings]):
            pipeline, more = _resolve(parsed.spec, request)
            findings += more
        found += [document.locate(finding) for finding in findings]
    if _has_errors(found):
        pipeline = None
    return Reading(pipeline=pipeline, diagnostics=_in_order(found), snapshots=snapshots)


def _resolve(spec: Spec, request: Request) -> tuple[Pipeline, list[Finding]]:
    try:
        resolved = resolve(spec, _given(request.parameters), request.target)
    except ParameterError as error:
        raise UsageError(str(error)) from None
    return resolved.pipeline, [
        *resolved.findings,
        *_portability(resolved.pipeline, request.backend),
    ]


def _portability(pipeline: Pipeline, backend: str) -> Iterator[Finding]:
    """What the backend in use cannot do, and, as hints, what the others in the cloud could not."""
    yield from backends.check(backend, pipeline)
    for other in backends.names():
        if other not in (backend, "local"):
            for finding in backends.check(other, pipeline):
                help_ = f"matters only for `--backend {other}`: {finding.help}"
                yield replace(finding, severity="hint", help=help_)


def _given(parameters: Iterable[str]) -> dict[str, str]:
    given = {}
    for text in parameters:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"-p '{text}' is no parameter; expected NAME=VALUE")
        given[name.strip()] = value
    return given


def _has_errors(found: Iterable[Diagnostic | Finding]) -> bool:
    return any(each.severity == "error" for each in found)


def _in_order(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By file and place, each once."""

    def place(each: Diagnostic) -> tuple[object, ...]:
        span = each.span
        return (span.file, span.line, span.column) if span else ("", 0, 0)

    return tuple(sorted(dict.fromkeys(found), key=place))


def check(paths: Sequence[str], request: Request) -> tuple[Diagnostic, ...]:
    """Every diagnostic of the specs, for each of their targets where none is chosen."""
    found: dict[Diagnostic, None] = {}
    for path in paths:
        for target in [request.target] if request.target else [None, *_targets(path)]:
            reading = read(replace(request, spec=path, target=target))
            found |= dict.fromkeys(reading.diagnostics)
    return _in_order(found)


def _targets(path: str) -> list[str]:
    """The targets of a spec on disk; standard input can be read only once."""
    if path == "-":
        return []
    targets = layers.load(path).data.get("targets")
    return [name for name in targets if isinstance(name, str)] if isinstance(targets, dict) else []


def plan(request: Request) -> Plan:
    """What a submit would do. Raises SpecError with every diagnostic when one is an error."""
    reading = read(request)
    if reading.pipeline is None:
        raise SpecError(reading.diagnostics)
    return make_plan(
        reading.pipeline,
        backend=request.backend,
        read_code=CodeReader(reading.snapshots),
        digest_file=lambda file: reading.snapshots.digest(reading.snapshots.base / file),
        selected=_selected(reading.pipeline, request),
        diagnostics=reading.diagnostics,
    )


def _selected(pipeline: Pipeline, request: Request) -> tuple[str, ...] | None:
    if request.select is None and request.exclude is None:
        return None
    from amlshare.selection import SelectionError, select

    try:
        return select(pipeline, request.select or "", request.exclude or "")
    except SelectionError as error:
        raise UsageError(f"--select: {error}") from None


def plan_document(plan: Plan) -> dict[str, Any]:
    """The JSON of a plan."""
    from amlshare.plan_document import dump

    return dump(plan)


def save(plan: Plan, request: Request, path: Path) -> None:
    """Keep a plan for ``submit PLAN``, with how it was made, so that it can be seen to be stale."""
    import json
    import os

    document = plan_document(plan)
    document["made_from"] = {
        "spec": Path(os.path.relpath(request.spec, path.parent)).as_posix(),
        "target": request.target,
        "parameters": list(request.parameters),
        "select": request.select,
        "exclude": request.exclude,
    }
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")


def saved(request: Request) -> tuple[Plan, Request]:
    """The plan that a saved plan still is, made anew. Raises UsageError when it is stale."""
    import json

    path = Path(request.spec)
    try:
        document = json.loads(path.read_bytes())
        made = document["made_from"]
        again = Request(
            spec=str(path.parent / made["spec"]),
            backend=document["backend"],
            target=made["target"],
            parameters=tuple(made["parameters"]),
            select=made["select"],
            exclude=made["exclude"],
        )
    except FileNotFoundError:
        raise UsageError(f"there is no saved plan '{path}'") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(
            f"'{path}' is no saved plan; make one with `amlshare plan SPEC --save {path}`"
        ) from None
    if again.backend != request.backend and request.backend != Request.backend:
        raise UsageError(f"'{path}' is a plan for {again.backend}, not for {request.backend}")
    if request.parameters or request.target or request.select or request.exclude:
        raise UsageError("a saved plan is submitted as it is: without -p, --target or --select")
    made_now = plan(again)
    if stale := _differences(document, plan_document(made_now)):
        raise UsageError(
            f"'{path}' is stale: {stale}; look at it with `amlshare plan {again.spec}` and save "
            "it again"
        )
    return made_now, again


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What makes a saved plan stale, for people; empty when nothing does."""
    before = {step["name"]: step for step in old["steps"]}
    after = {step["name"]: step for step in new["steps"]}
    said = [f"step '{name}' is new" for name in after if name not in before]
    said += [f"step '{name}' is gone" for name in before if name not in after]
    for name, step in after.items():
        parts = before.get(name, step)["parts"]
        changed = [part for part in step["parts"] if step["parts"][part] != parts.get(part)]
        if changed:
            said.append(f"step '{name}' changed ({', '.join(changed)})")
    ignored = ("diagnostics", "made_from")
    if not said and any(new[key] != old.get(key) for key in new if key not in ignored):
        said.append("the spec changed")
    return "; ".join(said[:5]) + (f"; and {len(said) - 5} more" if len(said) > 5 else "")


def submit(request: Request, watch: Watch, **options: Any) -> Outcome:
    """Run a spec or a saved plan. Raises UsageError, SpecError, or the backend's BackendError.

    ``options`` are the fields of :class:`amlshare.backends.interface.Settings`.
    """
    from amlshare.backends.interface import Settings

    made, request = saved(request) if request.spec.endswith(".json") else (plan(request), request)
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


def schema() -> dict[str, Any]:
    """The JSON Schema of the language."""
    from amlshare.spec import json_schema

    return json_schema()


def init(folder: Path) -> list[Path]:
    """A small working project with each kind of edge. Raises UsageError when it is in the way."""
    from importlib.resources import as_file, files

    with as_file(files("amlshare") / "templates" / "init") as template:
        sources = sorted(path for path in template.rglob("*") if path.is_file())
        targets = [folder / path.relative_to(template) for path in sources]
        if taken := [str(path) for path in targets if path.exists()]:
            raise UsageError(f"already there: {', '.join(taken)}; choose another folder")
        for source, target in zip(sources, targets, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    return targets
