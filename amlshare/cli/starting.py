"""The commands that start a project."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from amlshare.cli.frame import app, command, print_json


@command(app, "amlshare init", "amlshare init flights && cd flights && amlshare plan pipeline.yaml")
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where it is written.")] = Path(),
) -> None:
    """Write a small working project."""
    from amlshare import commands

    written = commands.init(folder)
    spec = next(path for path in written if path.suffix == ".yaml")
    lines = [*map(str, written), "", f"Look at it:  {shlex.join(['amlshare', 'plan', str(spec)])}"]
    sys.stdout.write("\n".join(lines) + "\n")


@command(app, "amlshare schema > amlshare.schema.json")
def schema() -> None:
    """Print the JSON Schema of specs."""
    from amlshare import commands

    print_json(commands.schema())
