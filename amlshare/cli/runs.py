"""The commands about runs."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amlshare.cli.frame import Format, FormatOption, app, command, paper_for, print_json, runs_app
from amlshare.cli.options import RunId, Where

if TYPE_CHECKING:
    from amlshare.commands import Whose


def logs_line(found_with: Iterable[str]) -> str:
    """The command that shows the logs of a run, up to its id."""
    return shlex.join(["amlshare", "logs", *found_with])


@command(
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
        print_json(runs_document(found))
    else:
        sys.stdout.write(runs_text(found, paper_for(sys.stdout)))


@command(runs_app, "amlshare runs show 20251123-022845-ab12", "amlshare runs show 20251123-0228")
def show(run: RunId, whose: Whose, *, format_: FormatOption = Format.text) -> None:
    """Show a run: its steps, what each read and made, and from where."""
    from amlshare import commands
    from amlshare.render.runs import run_document, run_text

    found = commands.show(run, whose)
    if format_ == Format.json:
        print_json(run_document(found))
    else:
        sys.stdout.write(run_text(found, paper_for(sys.stdout), logs=logs_line(whose.words)))


@command(app, "amlshare logs 20251123-022845-ab12 train", "amlshare logs 20251123-022845-ab12")
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
    for text in log_text(pieces, paper_for(sys.stdout)) if sys.stdout.isatty() else pieces:
        sys.stdout.write(text)


@command(app, "amlshare cancel 8f6f4a0e-6c39-4a3b-9b0e-2d1f0f8f4c11", "amlshare cancel 8f6f4a0e")
def cancel(run: RunId, whose: Whose) -> None:
    """Stop a run of a workspace."""
    from amlshare import commands

    sys.stdout.write(f"run {commands.cancel(run, whose)} is being canceled\n")


@command(
    app, "amlshare calibrate specs/flights.yaml", "amlshare calibrate specs/flights.yaml --write"
)
def calibrate(
    where: Annotated[
        Path, typer.Argument(metavar="SPEC|DIR", help="Whose runs: beside a spec, or in a folder.")
    ] = Path(),
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Keep the rates beside SPEC, in NAME.rates.yaml.")
    ] = False,
    format_: FormatOption = Format.text,
) -> None:
    """Show how fast data came in finished runs.

    From runs on this machine that mounted or downloaded from a store elsewhere. `plan` goes by
    the rates that are kept beside its spec, in place of those that it assumes.
    """
    from amlshare import commands
    from amlshare.render.calibration import calibration_document, calibration_text

    found = commands.calibrate(where, write=write)
    if format_ == Format.json:
        print_json(calibration_document(found))
    else:
        spec = str(where) if where.is_file() else "SPEC"
        keep = shlex.join(["amlshare", "calibrate", spec, "--write"])
        sys.stdout.write(calibration_text(found, paper_for(sys.stdout), keep=keep))


@command(app, "amlshare clean", "amlshare clean --in specs --yes")
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
    sys.stdout.write(candidates_text(found, paper_for(sys.stdout)))
    if found and not yes:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise commands.UsageError("nothing was removed: with no terminal to ask on, say --yes")
        if not typer.confirm("Remove it?"):
            return
    commands.remove(found, where)
