"""A program that runs a spec with the local backend, and prints what happens as lines of JSON.

python execution_driver.py SPEC GOES_ON
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from amlshare import commands
from amlshare.backends.interface import Event, RunStarted, StepFinished
from amlshare.backends.local.folder import Folder


class Teller:
    """Tells of each event; of a step that has ended also all that it printed."""

    def __init__(self, state: Path) -> None:
        self._folder = Folder(state)
        self._run = ""

    def __call__(self, event: Event) -> None:
        told = {"event": type(event).__name__, **asdict(event)}
        match event:
            case RunStarted():
                self._run = event.run
            case StepFinished():
                log = self._folder.log(self._run, event.step)
                told["log"] = log.read_text(errors="replace") if log.exists() else ""
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def main(spec: str, goes_on: str) -> int:
    request = commands.Request(spec=spec, backend="local")
    try:
        commands.submit(request, Teller(request.state), continue_on_step_failure=goes_on == "1")
    except commands.EndedEarlyError as early:
        if isinstance(early.error, KeyboardInterrupt):
            return 130
        raise early.error from None
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
