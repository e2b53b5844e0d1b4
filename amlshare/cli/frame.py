"""The frame of every command: its options and help, its errors as messages, its exit code.

What a command needs is imported in its body, so that `--help`, `--version` and completion are fast.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

from amlshare import signals
from amlshare.diagnostics import Diagnostic, SpecError
from amlshare.render.paper import Paper

if TYPE_CHECKING:
    from amlshare.backends.interface import RunStarted


FAILED, USAGE, SPEC_ERROR, DIFFERENT, OVER_BUDGET, BROKEN_PIPE = 1, 2, 3, 4, 5, 141
HELP = {"help_option_names": ["-h", "--help"]}


def epilog_of(*lines: str) -> str:
    """An epilog that is shown line by line."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


HOMES = {
    "init": "starting",
    **dict.fromkeys(("plan", "diff", "why", "check", "explain"), "planning"),
    "submit": "submitting",
    **dict.fromkeys(("runs", "logs", "cancel", "calibrate", "clean"), "runs"),
    "schema": "starting",
}
"""The commands in the order in which people come to need them, and the module of each."""


class _InOrder(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=list(HOMES).index)


app = typer.Typer(
    cls=_InOrder,
    name="amlshare",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=HELP,
    help="Azure ML pipelines from YAML: see what a pipeline does with its data, then run it.",
    epilog=epilog_of(
        "amlshare init shop && cd shop",
        "amlshare plan pipeline.yaml",
        "amlshare submit pipeline.yaml --backend local",
    ),
)


class PlanFormat(str, Enum):
    text = "text"
    json = "json"
    markdown = "markdown"
    mermaid = "mermaid"


class Format(str, Enum):
    text = "text"
    json = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How it is written.")]


def _verbose(
    *,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Show logs, and tracebacks of what went wrong.")
    ] = False,
) -> bool:
    """The option of every command."""
    return verbose


GROUPS: dict[str, Callable[..., Any]] = {}
"""The options that many commands share, by the parameter of a command that stands for them."""


def command(app: typer.Typer, *examples: str) -> Callable[[Callable[..., None]], None]:
    """Register a command, with ``examples`` below its help.

    A parameter that is named in ``GROUPS`` stands for the options of that function, and gets what
    it makes of them. Errors become messages and exit codes.
    """

    def register(function: Callable[..., None]) -> None:
        own = _parameters(function)
        groups = {name: _parameters(GROUPS[name]) for name in own if name in GROUPS}

        def run(**given: Any) -> None:
            as_json = given.get("format_") in {Format.json, PlanFormat.json}
            with _exits(verbose=given.pop("verbose"), as_json=as_json):
                for name, options in groups.items():
                    given[name] = GROUPS[name](**{each: given.pop(each) for each in options})
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
            epilog=epilog_of(*examples),
        )(run)

    return register


@cache
def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """A function's parameters, with their annotations as objects."""
    # for type checkers alone: importing them would cost time
    known = dict.fromkeys(("Requests", "Publishing", "Whose", "Budget"), object)
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
            print_json(error_document("interrupted", begun))
        say("interrupted")
        return signals.exit_code(error)
    if isinstance(error, SpecError):
        if as_json:
            print_json(diagnostics_document(error.diagnostics))
        else:
            _complain(error.diagnostics)
        return SPEC_ERROR
    message, code = str(error), FAILED
    if isinstance(error, UsageError):
        code = USAGE
    elif not isinstance(error, BackendError):
        message = unforeseen(error, verbose=verbose)
    if as_json:
        print_json(error_document(message, begun))
    paper = paper_for(sys.stderr)
    say(f"{paper.red('error')}: " + "\n".join(map(clean, message.splitlines())))
    return code


def unforeseen(error: BaseException, *, verbose: bool) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'cannot write'}: {error.strerror}"
    if verbose:
        import traceback

        traceback.print_exception(error)
    how = "the traceback above" if verbose else "the traceback that the same command with -v shows"
    kind = type(error).__name__
    return f"this should not happen: {kind}: {error}\nplease report it, with {how}"


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _complain(found: Sequence[Diagnostic]) -> None:
    from amlshare.render.diagnostics import diagnostics_text

    sys.stderr.write(diagnostics_text(found, paper_for(sys.stderr)))


def paper_for(stream: TextIO) -> Paper:
    from amlshare.render.paper import paper_of

    return paper_of(stream, os.environ)


def print_json(document: Mapping[str, Any]) -> None:
    sys.stdout.write(to_json(document))


def to_json(document: Mapping[str, Any]) -> str:
    import json

    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        from amlshare.commands import UsageError

        raise UsageError(f"cannot write '{output}': {error.strerror}") from None
