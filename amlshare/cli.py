"""The command line: flags in, ``commands`` called, what ``render`` returns printed; exit codes.

What a command needs is imported in its body, so that `--help`, `--version` and completion are fast.
"""

from __future__ import annotations

import atexit
import gc
import inspect
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, TextIO, TypeAlias

import typer
from typer.core import TyperGroup

from amlshare import __version__, backends, signals
from amlshare.diagnostics import Diagnostic, SpecError, closest
from amlshare.render.paper import Paper

if TYPE_CHECKING:
    from amlshare.backends.interface import Publishing, RunStarted
    from amlshare.commands import Request, Whose
    from amlshare.plan import Plan
    from amlshare.render.built import Built
    from amlshare.render.progress import Progress

    Requests: TypeAlias = Callable[[Path], Request]

FAILED, USAGE, SPEC_ERROR, DIFFERENT, BROKEN_PIPE = 1, 2, 3, 4, 141
HELP = {"help_option_names": ["-h", "--help"]}


def _examples(*lines: str) -> str:
    """An epilog that is shown line by line."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


class _ListUnlessNamed(TyperGroup):
    """`amlshare runs` with its options is `amlshare runs list`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = args and (not args[0].startswith("-") or args[0] in ctx.help_option_names)
        if not named and not ctx.resilient_parsing:
            args = ["list", *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The options of `list` too, since they may stand here."""
        listed = self.commands["list"].get_params(ctx)
        records = [each.get_help_record(ctx) for each in listed if "--help" not in each.opts]
        with formatter.section("Options where no command is named, those of list"):
            formatter.write_dl([record for record in records if record])
        super().format_options(ctx, formatter)


app = typer.Typer(
    name="amlshare",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=HELP,
    help="Azure ML pipelines from YAML: see what a pipeline does with its data, then run it.",
    epilog=_examples(
        "amlshare init shop && cd shop",
        "amlshare plan pipeline.yaml",
        "amlshare submit pipeline.yaml --backend local",
    ),
)
runs_app = typer.Typer(
    cls=_ListUnlessNamed,
    rich_markup_mode=None,
    context_settings=HELP,
    help="List the runs on this machine or of a workspace, or show one.",
    epilog=_examples(
        "amlshare runs",
        "amlshare runs --backend azureml --in specs/flights.yaml",
        "amlshare runs show 20251123-022845-ab12",
    ),
)
app.add_typer(runs_app, name="runs")


class PlanFormat(str, Enum):
    text = "text"
    json = "json"
    markdown = "markdown"
    mermaid = "mermaid"


class Format(str, Enum):
    text = "text"
    json = "json"


def _known_backend(name: str) -> str:
    if name not in backends.names():
        meant = closest(name, backends.names())
        hint = f"; did you mean '{meant}'?" if meant else ""
        raise typer.BadParameter(f"'{name}' is none of {', '.join(backends.names())}{hint}")
    return name


def _backend_names() -> list[str]:
    return list(backends.names())


WorkspaceOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Azure: the workspace, instead of the spec's.")
]
GroupOption = Annotated[
    str | None, typer.Option("--resource-group", metavar="NAME", help="Azure: its resource group.")
]
SubscriptionOption = Annotated[
    str | None, typer.Option(metavar="ID", help="Azure: its subscription.")
]
Spec = Annotated[Path, typer.Argument(metavar="SPEC", help="The spec: a YAML file.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How it is written.")]


def _shared(
    *,
    backend: Annotated[
        str,
        typer.Option(
            envvar="AMLSHARE_BACKEND",
            callback=_known_backend,
            autocompletion=_backend_names,
            metavar="NAME",
            help="Where it runs: azureml, azureml-v2 or local.",
        ),
    ] = "azureml",
    target: Annotated[
        str | None, typer.Option(metavar="NAME", help="The overlay under `targets` to apply.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="A value; may be repeated."),
    ] = None,
    select: Annotated[
        str | None,
        typer.Option(metavar="EXPR", help="Only these steps: train, +train, train+, tag:x; a,b."),
    ] = None,
    exclude: Annotated[
        str | None, typer.Option(metavar="EXPR", help="Not these steps, though selected.")
    ] = None,
    workspace: WorkspaceOption = None,
    resource_group: GroupOption = None,
    subscription: SubscriptionOption = None,
) -> Requests:
    """The options of every command that takes a spec; gives the request for one."""
    from amlshare.commands import Request

    return lambda spec: Request(
        spec=str(spec),
        backend=backend,
        target=target,
        parameters=tuple(parameter or ()),
        select=select,
        exclude=exclude,
        workspace=_workspace(workspace, resource_group, subscription),
    )


def _workspace(name: str | None, group: str | None, subscription: str | None) -> dict[str, str]:
    given = {"name": name, "resource_group": group, "subscription_id": subscription}
    return {key: value for key, value in given.items() if value is not None}


def _run_options(
    *,
    jobs: Annotated[
        int | None,
        typer.Option("-j", "--jobs", min=1, metavar="N", help="Local: steps at once."),
    ] = None,
    python: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Local: the Python that runs the steps.")
    ] = None,
    as_cloud: Annotated[
        bool, typer.Option("--as-cloud", help="Local: every step fetches for itself, as on Azure.")
    ] = False,
    regenerate: Annotated[
        bool, typer.Option("--regenerate", help="Reuse nothing: run every step.")
    ] = False,
    continue_on_step_failure: Annotated[
        bool, typer.Option("--continue-on-step-failure", help="Go on with what does not need it.")
    ] = False,
    experiment: Annotated[
        str | None, typer.Option(metavar="NAME", help="The experiment, instead of the spec's.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A tag of the run.")
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Azure: return once the service has the run.")
    ] = False,
    create_compute: Annotated[
        bool, typer.Option("--create-compute", help="Azure: create compute targets that miss.")
    ] = False,
) -> dict[str, Any]:
    """How a submit runs: fields of the backends' ``Settings``."""
    return {
        "jobs": jobs,
        "python": str(python) if python else None,
        "as_cloud": as_cloud,
        "regenerate": regenerate,
        "continue_on_step_failure": continue_on_step_failure,
        "experiment": experiment,
        "tags": _tags(tag or ()),
        "wait": not no_wait,
        "create_compute": create_compute,
    }


def _publish_options(
    *,
    publish: Annotated[
        bool, typer.Option("--publish", help="Azure: publish the pipeline instead of running it.")
    ] = False,
    run: Annotated[bool, typer.Option("--run", help="With --publish: run it as well.")] = False,
    endpoint: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="With --publish: the endpoint that then serves it."),
    ] = None,
    version_label: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="With --publish: its version, such as a build's id."),
    ] = None,
    disable_old: Annotated[
        bool,
        typer.Option("--disable-old", help="With --publish: disable those that it supersedes."),
    ] = False,
) -> Publishing | None:
    """What a submit publishes, None for nothing."""
    from amlshare.backends.interface import Publishing
    from amlshare.commands import UsageError

    given = {
        "--run": run,
        "--endpoint": endpoint is not None,
        "--version-label": version_label is not None,
        "--disable-old": disable_old,
    }
    if not publish:
        if alone := [option for option, is_given in given.items() if is_given]:
            raise UsageError(f"{alone[0]} goes with --publish")
        return None
    return Publishing(
        run=run, endpoint=endpoint, version_label=version_label, disable_old=disable_old
    )


def _verbose(
    *,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Show logs, and tracebacks of what went wrong.")
    ] = False,
) -> bool:
    """The option of every command."""
    return verbose


_GROUPS: dict[str, Callable[..., Any]] = {
    "request": _shared,
    "options": _run_options,
    "publishing": _publish_options,
}


def _command(app: typer.Typer, *examples: str) -> Callable[[Callable[..., None]], None]:
    """Register a command, with ``examples`` below its help.

    A parameter that is named in ``_GROUPS`` stands for the options of that function, and gets what
    it makes of them. Errors become messages and exit codes.
    """

    def register(function: Callable[..., None]) -> None:
        own = _parameters(function)
        groups = {name: _parameters(_GROUPS[name]) for name in own if name in _GROUPS}

        def run(**given: Any) -> None:
            as_json = given.get("format_") in {Format.json, PlanFormat.json}
            with _exits(verbose=given.pop("verbose"), as_json=as_json):
                for name, options in groups.items():
                    given[name] = _GROUPS[name](**{each: given.pop(each) for each in options})
                function(**given)
                sys.stdout.flush()

        every = {name: each for name, each in own.items() if name not in groups}
        for options in (*reversed(groups.values()), _parameters(_verbose)):
            every |= options
        run.__signature__ = inspect.Signature(list(every.values()))  # type: ignore[attr-defined]
        run.__annotations__ = {name: each.annotation for name, each in every.items()}
        app.command(
            function.__name__.strip("_"),
            help=inspect.getdoc(function),
            epilog=_examples(*examples),
        )(run)

    return register


@cache
def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """A function's parameters, with their annotations as objects."""
    # for type checkers alone: importing them would cost time
    known = {"Requests": object, "Publishing": object, "Whose": object}
    signature = inspect.signature(function, eval_str=True, locals=known)
    return {
        name: each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, each in signature.parameters.items()
    }


@contextmanager
def _exits(*, verbose: bool, as_json: bool) -> Iterator[None]:
    """Errors as messages on stderr (as JSON also on stdout) and the exit codes of the contract."""
    if verbose:
        import logging

        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(name)s: %(message)s")
    try:
        with signals.raised():
            yield
    except typer.Exit:
        raise
    # every other way out of a command ends here
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001
        raise typer.Exit(_ended(error, verbose=verbose, as_json=as_json)) from None


def _ended(error: BaseException, *, verbose: bool, as_json: bool) -> int:
    """Say why a command ended; the exit code that it is."""
    from amlshare.commands import EndedEarlyError

    begun = None
    if isinstance(error, EndedEarlyError):
        begun = (error.backend, error.run)
        error = error.error
    try:
        if isinstance(error, BrokenPipeError):
            raise error
        code = _explained(error, begun, verbose=verbose, as_json=as_json)
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever read has enough; what is left to flush at the end must not complain either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return code


def _explained(
    error: BaseException, begun: tuple[str, RunStarted] | None, *, verbose: bool, as_json: bool
) -> int:
    """Say what went wrong, and which run had begun; the exit code that it is."""
    from amlshare.backends.interface import BackendError
    from amlshare.commands import UsageError
    from amlshare.render.documents import diagnostics_document, error_document
    from amlshare.render.paper import clean

    if isinstance(error, KeyboardInterrupt | typer.Abort):
        if as_json:
            _print_json(error_document("interrupted", begun))
        _say("interrupted")
        return signals.exit_code(error)
    if isinstance(error, SpecError):
        if as_json:
            _print_json(diagnostics_document(error.diagnostics))
        else:
            _complain(error.diagnostics)
        return SPEC_ERROR
    message, code = str(error), FAILED
    if isinstance(error, UsageError):
        code = USAGE
    elif not isinstance(error, BackendError):
        message = _unforeseen(error, verbose=verbose)
    if as_json:
        _print_json(error_document(message, begun))
    paper = _paper(sys.stderr)
    _say(f"{paper.red('error')}: " + "\n".join(map(clean, message.splitlines())))
    return code


def _unforeseen(error: BaseException, *, verbose: bool) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'cannot write'}: {error.strerror}"
    if verbose:
        import traceback

        traceback.print_exception(error)
    how = "the traceback above" if verbose else "the traceback that the same command with -v shows"
    kind = type(error).__name__
    return f"this should not happen: {kind}: {error}\nplease report it, with {how}"


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _complain(found: Sequence[Diagnostic]) -> None:
    from amlshare.render.diagnostics import diagnostics_text

    sys.stderr.write(diagnostics_text(found, _paper(sys.stderr)))


def _paper(stream: TextIO) -> Paper:
    from amlshare.render.paper import paper_of

    return paper_of(stream, os.environ)


def _print_json(document: Mapping[str, Any]) -> None:
    sys.stdout.write(_json(document))


def _json(document: Mapping[str, Any]) -> str:
    import json

    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        from amlshare.commands import UsageError

        raise UsageError(f"cannot write '{output}': {error.strerror}") from None


@_command(
    app,
    "amlshare plan specs/flights.yaml",
    "amlshare plan specs/flights.yaml --target prod -p min_distance=0",
    "amlshare plan specs/flights.yaml --format markdown -o plan.md",
)
def plan(
    spec: Spec,
    request: Requests,
    *,
    format_: Annotated[
        PlanFormat, typer.Option("--format", help="How it is written.")
    ] = PlanFormat.text,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it there.")
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Keep the plan, to `submit` exactly this one."),
    ] = None,
    online: Annotated[
        bool,
        typer.Option("--online", help="Azure: ask the workspace for all that the spec names."),
    ] = False,
) -> None:
    """Show what a submit would do.

    The steps in order, every edge with its data and bytes, what is fetched more than once, and
    all diagnostics; with no network.
    """
    from amlshare import commands

    if online and format_ == PlanFormat.mermaid:
        raise commands.UsageError("a graph has no place for what --online finds: leave one out")
    asked = request(spec)
    made = commands.plan(asked)
    if save:
        commands.save(made, asked, save)
    known = commands.online(made, asked) if online else None
    _write(_plan_in(format_, made, asked, known, None if output else sys.stdout), output)


def _plan_in(
    format_: PlanFormat,
    made: Plan,
    asked: Request,
    known: Mapping[str, bool] | None,
    stream: TextIO | None,
) -> str:
    """``made`` in a format; as text for ``stream``, or for a file."""
    from amlshare import commands

    match format_:
        case PlanFormat.json:
            return _json(commands.plan_document(made, commands.graph(made), known))
        case PlanFormat.markdown:
            from amlshare.render.markdown import plan_markdown

            return plan_markdown(made, _built(made, known))
        case PlanFormat.mermaid:
            from amlshare.render.mermaid import plan_mermaid

            return plan_mermaid(made)
        case PlanFormat.text:
            from amlshare.render.text import plan_text

            paper = _paper(stream) if stream else Paper()
            built = _built(made, known)
            return plan_text(made, paper, submit=_submit_line(asked), built=built)


def _built(made: Plan, known: Mapping[str, bool] | None) -> Built:
    """What the backend makes of a plan, in words."""
    from amlshare.commands import graph
    from amlshare.render.built import HERE, built

    found = graph(made)
    return HERE if found is None else built(found, known or {})


def _submit_line(asked: Request) -> str:
    """The command line that runs here what was planned."""
    spec = asked.spec if asked.spec != "-" else "SPEC"
    words = ["amlshare", "submit", spec, "--backend", "local"]
    words += ["--target", asked.target] if asked.target else []
    for given in asked.parameters:
        words += ["-p", given]
    words += ["--select", asked.select] if asked.select else []
    words += ["--exclude", asked.exclude] if asked.exclude else []
    return shlex.join(words)


@_command(
    app,
    "amlshare diff specs/flights.yaml --against published",
    "amlshare diff specs/flights.yaml --target prod --exit-code",
    "amlshare diff specs/flights.yaml --format json",
)
def diff(
    spec: Spec,
    request: Requests,
    *,
    against: Annotated[
        str,
        typer.Option(
            metavar="published", help="With what: what is published of the spec in the workspace."
        ),
    ] = "published",
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 4 where there are differences.")
    ] = False,
    format_: FormatOption = Format.text,
) -> None:
    """Show how a spec differs from what is published of it.

    In the spec's own words: steps, edges, modes, compute, environments, parameters, destinations,
    registrations and code, and which steps follow from a change.
    """
    from amlshare import commands
    from amlshare.render.diff import diff_document, diff_text

    found = commands.diff(request(spec), against)
    if format_ == Format.json:
        _print_json(diff_document(found))
    else:
        sys.stdout.write(diff_text(found, _paper(sys.stdout)))
    if exit_code and found.changes:
        raise typer.Exit(DIFFERENT)


@_command(
    app,
    "amlshare check specs/*.yaml",
    "cat specs/flights.yaml | amlshare check -",
    "amlshare check specs/flights.yaml --format json",
)
def check(
    specs: Annotated[
        list[Path], typer.Argument(metavar="SPEC...", help="The specs; - is standard input.")
    ],
    request: Requests,
    *,
    format_: FormatOption = Format.text,
) -> None:
    """Show every diagnostic of specs."""
    from amlshare import commands
    from amlshare.render.diagnostics import diagnostics_text
    from amlshare.render.documents import diagnostics_document

    found = commands.check([str(spec) for spec in specs], request(specs[0]))
    if format_ == Format.json:
        _print_json(diagnostics_document(found))
    else:
        sys.stdout.write(diagnostics_text(found, _paper(sys.stdout)))
    if any(each.severity == "error" for each in found):
        raise typer.Exit(SPEC_ERROR)


@_command(
    app,
    "amlshare submit specs/flights.yaml",
    "amlshare submit specs/flights.yaml --publish --version-label 20251123.4",
    "amlshare submit specs/flights.yaml --backend local --select +train --jobs 4",
    "amlshare submit plan.json",
)
def submit(
    spec: Annotated[
        Path, typer.Argument(metavar="SPEC|PLAN.json", help="A spec, or a plan that was saved.")
    ],
    request: Requests,
    options: dict[str, Any],
    publishing: Publishing | None,
    *,
    format_: FormatOption = Format.text,
) -> None:
    """Run a pipeline and wait for its end, or publish it.

    The same checks as `plan` come first. What is unchanged is not run again, nor published again;
    a run on this machine that was interrupted goes on where it was.
    """
    from amlshare import commands
    from amlshare.render.documents import outcome_document
    from amlshare.render.outcome import outcome_text

    asked = request(spec)
    with _progress() as progress:
        outcome = commands.submit(asked, progress.watch, publishing=publishing, **options)
    if format_ == Format.json:
        _print_json(outcome_document(outcome))
    else:
        text = outcome_text(
            outcome,
            progress.failures,
            _paper(sys.stdout),
            logs=_logs_line(outcome.found_with),
            seconds=progress.seconds,
        )
        sys.stdout.write(text)
    if outcome.status in ("failed", "canceled"):
        raise typer.Exit(FAILED)


def _logs_line(found_with: Iterable[str]) -> str:
    """The command that shows the logs of a run, up to its id."""
    return shlex.join(["amlshare", "logs", *found_with])


@contextmanager
def _progress() -> Iterator[Progress]:
    """What shows a run on stderr: drawn on a terminal, plain lines elsewhere."""
    from amlshare.commands import EndedEarlyError
    from amlshare.render.progress import Live, Progress

    gc.enable()  # a run may take hours
    drawn = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    try:
        with (Live if drawn else Progress)(sys.stderr, _paper(sys.stderr)) as progress:
            yield progress
    except EndedEarlyError as early:
        if early.backend == "local" and isinstance(early.error, KeyboardInterrupt):
            _say("stopped; what finished is kept, and the same command goes on from there")
        raise


def _tags(texts: Iterable[str]) -> dict[str, str]:
    from amlshare.commands import UsageError

    tags = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"--tag '{text}' is no tag; expected NAME=VALUE")
        tags[name] = value
    return tags


def _codes() -> list[str]:
    from amlshare.explanations import CODES

    return list(CODES)


@_command(app, "amlshare explain unknown-source")
def explain(
    code: Annotated[
        str,
        typer.Argument(metavar="CODE", autocompletion=_codes, help="What stands in error[CODE]."),
    ],
    *,
    format_: FormatOption = Format.text,
) -> None:
    """Say what a diagnostic means."""
    from amlshare import commands
    from amlshare.render.explanation import explanation_document, explanation_text

    explanation = commands.explain(code)
    if format_ == Format.json:
        _print_json(explanation_document(explanation))
    else:
        sys.stdout.write(explanation_text(explanation, _paper(sys.stdout)))


@_command(
    app, "amlshare init", "amlshare init flights && cd flights && amlshare plan pipeline.yaml"
)
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where it is written.")] = Path(),
) -> None:
    """Write a small working project."""
    from amlshare import commands

    written = commands.init(folder)
    spec = next(path for path in written if path.suffix == ".yaml")
    lines = [*map(str, written), "", f"Look at it:  {shlex.join(['amlshare', 'plan', str(spec)])}"]
    sys.stdout.write("\n".join(lines) + "\n")


@_command(app, "amlshare schema > amlshare.schema.json")
def schema() -> None:
    """Print the JSON Schema of specs."""
    from amlshare import commands

    _print_json(commands.schema())


Where = Annotated[
    Path,
    typer.Option("--in", metavar="SPEC|DIR", help="Whose runs: beside a spec, or in a folder."),
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run, or the beginning of its id.")]


def _whose(
    *,
    where: Where = Path(),
    backend: Annotated[
        str | None,
        typer.Option(
            envvar="AMLSHARE_BACKEND",
            callback=lambda name: name and _known_backend(name),
            autocompletion=_backend_names,
            metavar="NAME",
            help="Where it ran: azureml or local; a run's id tells by itself.",
        ),
    ] = None,
    experiment: Annotated[
        str | None, typer.Option(metavar="NAME", help="Azure: the experiment, if not the spec's.")
    ] = None,
    workspace: WorkspaceOption = None,
    resource_group: GroupOption = None,
    subscription: SubscriptionOption = None,
) -> Whose:
    """The options of every command about runs."""
    from amlshare.commands import Whose

    return Whose(
        where=where,
        backend=backend,
        workspace=_workspace(workspace, resource_group, subscription),
        experiment=experiment,
    )


_GROUPS["whose"] = _whose


@_command(
    runs_app,
    "amlshare runs list",
    "amlshare runs list --in specs --format json",
    "amlshare runs list --backend azureml --in specs/flights.yaml",
)
def list_(whose: Whose, *, format_: FormatOption = Format.text) -> None:
    """List the runs, the newest first."""
    from amlshare import commands
    from amlshare.render.runs import runs_document, runs_text

    found = commands.runs(whose)
    if format_ == Format.json:
        _print_json(runs_document(found))
    else:
        sys.stdout.write(runs_text(found, _paper(sys.stdout)))


@_command(runs_app, "amlshare runs show 20251123-022845-ab12", "amlshare runs show 20251123-0228")
def show(run: RunId, whose: Whose, *, format_: FormatOption = Format.text) -> None:
    """Show a run: its steps, what each read and made, and from where."""
    from amlshare import commands
    from amlshare.render.runs import run_document, run_text

    found = commands.show(run, whose)
    if format_ == Format.json:
        _print_json(run_document(found))
    else:
        sys.stdout.write(run_text(found, _paper(sys.stdout), logs=_logs_line(whose.words)))


@_command(app, "amlshare logs 20251123-022845-ab12 train", "amlshare logs 20251123-022845-ab12")
def logs(
    run: RunId,
    whose: Whose,
    step: Annotated[
        str | None, typer.Argument(metavar="STEP", help="A step; without one, all of them.")
    ] = None,
) -> None:
    """Print what the steps of a run printed."""
    from amlshare import commands
    from amlshare.render.logs import log_text

    pieces = commands.logs(run, step, whose)
    # a file gets what was printed; a terminal is not steered by it
    for text in log_text(pieces, _paper(sys.stdout)) if sys.stdout.isatty() else pieces:
        sys.stdout.write(text)


@_command(app, "amlshare cancel 8f6f4a0e-6c39-4a3b-9b0e-2d1f0f8f4c11", "amlshare cancel 8f6f4a0e")
def cancel(run: RunId, whose: Whose) -> None:
    """Stop a run of a workspace."""
    from amlshare import commands

    sys.stdout.write(f"run {commands.cancel(run, whose)} is being canceled\n")


@_command(app, "amlshare clean", "amlshare clean --in specs --yes")
def clean(
    *,
    where: Where = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove it without asking.")] = False,
) -> None:
    """Remove old runs and what nothing refers to.

    Kept are the last run of each pipeline and target, what it took over from earlier ones, and
    every version of a registered dataset.
    """
    from amlshare import commands
    from amlshare.render.runs import candidates_text

    found = commands.clean(where)
    sys.stdout.write(candidates_text(found, _paper(sys.stdout)))
    if found and not yes:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise commands.UsageError("nothing was removed: with no terminal to ask on, say --yes")
        if not typer.confirm("Remove it?"):
            return
    commands.remove(found, where)


def _version(*, asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda asked: _version(asked=asked),
            is_eager=True,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    """Azure ML pipelines from YAML."""


class _NoPlugins(ModuleType):
    """Stands in for the module with which pydantic searches all that is installed for plugins.

    Nothing here takes one, and to import that module takes as long as to read and check a spec.
    """

    name = "pydantic.plugin._loader"

    def get_plugins(self) -> tuple[()]:
        return ()

    def __getattr__(self, attribute: str) -> Any:
        """Whatever else may be asked of it: the module itself takes its place."""
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        del sys.modules[self.name]
        return getattr(import_module(self.name), attribute)


def _open_streams() -> None:
    """Put the null device where this process was started with a stream closed: `<&-`, a daemon."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 # until the end
            setattr(sys, name, stream)


def main() -> None:
    """Run the command line."""
    # a command lives for a moment and keeps what it makes: collecting would be a tenth of its time
    gc.disable()
    atexit.register(gc.freeze)  # or the last collection of all would be another
    sys.modules.setdefault(_NoPlugins.name, _NoPlugins(_NoPlugins.name))
    signals.end_at_once()
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        # a terminal that lacks a letter shows its code instead of failing
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        app(prog_name="amlshare")
    except OSError as error:  # a help that cannot be written: commands tell theirs themselves
        _say(f"error: {_unforeseen(error, verbose=False)}")
        sys.exit(FAILED)
