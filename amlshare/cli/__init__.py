"""The command line: flags in, ``commands`` called, what ``render`` returns printed; exit codes."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

from amlshare import __version__, signals
from amlshare.cli.frame import FAILED, HOMES, app, say, unforeseen


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


def _register(words: Sequence[str]) -> None:
    """Make known the commands of the module in which that one is which ``words`` call; all of them
    where they call none, as for help and completion. The others would be a tenth of its time.
    """
    called = words[0] if words and "_AMLSHARE_COMPLETE" not in os.environ else ""
    for home in dict.fromkeys([HOMES[called]] if called in HOMES else HOMES.values()):
        import_module(f"amlshare.cli.{home}")


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
    _register(sys.argv[1:])
    try:
        app(prog_name="amlshare")
    except OSError as error:  # a help that cannot be written: commands tell theirs themselves
        say(f"error: {unforeseen(error, verbose=False)}")
        sys.exit(FAILED)
