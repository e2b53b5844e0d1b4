"""The command that runs and publishes."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amlshare.cli.frame import (
    FAILED,
    Format,
    FormatOption,
    app,
    command,
    paper_for,
    print_json,
    say,
)
from amlshare.cli.runs import logs_line

if TYPE_CHECKING:
    from amlshare.backends.interface import Publishing
    from amlshare.cli.options import Requests
    from amlshare.render.progress import Progress


@command(
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
        print_json(outcome_document(outcome))
    else:
        text = outcome_text(
            outcome,
            progress.failures,
            paper_for(sys.stdout),
            logs=logs_line(outcome.found_with),
            seconds=progress.seconds,
        )
        sys.stdout.write(text)
    if outcome.status in ("failed", "canceled"):
        raise typer.Exit(FAILED)


@contextmanager
def _progress() -> Iterator[Progress]:
    """What shows a run on stderr: drawn on a terminal, plain lines elsewhere."""
    from amlshare.commands import EndedEarlyError
    from amlshare.render.progress import Live, Progress

    gc.enable()  # a run may take hours
    drawn = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    try:
        with (Live if drawn else Progress)(sys.stderr, paper_for(sys.stderr)) as progress:
            yield progress
    except EndedEarlyError as early:
        if early.backend == "local" and isinstance(early.error, KeyboardInterrupt):
            say("stopped; what finished is kept, and the same command goes on from there")
        raise
