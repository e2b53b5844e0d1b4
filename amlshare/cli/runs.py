"""The commands about runs."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from amlshare.cli.frame import (
    HELP,
    Format,
    FormatOption,
    app,
    command,
    epilog_of,
    paper_for,
    print_json,
)
from amlshare.cli.options import RunId, Where

if TYPE_CHECKING:
    from amlshare.commands import Whose


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


runs_app = typer.Typer(
    cls=_ListUnlessNamed,
    rich_markup_mode=None,
    context_settings=HELP,
    help="List the runs on this machine or of a workspace, or show one.",
    epilog=epilog_of(
        "amlshare runs",
        "amlshare runs --backend azureml --in specs/flights.yaml",
        "amlshare runs show 20251123-022845-ab12",
    ),
)
app.add_typer(runs_app, name="runs")


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
