"""The code that a step depends on: its script, what that imports, and the other files there."""

from __future__ import annotations

from amlshare.pipeline import Command, Step
from amlshare.plan import Code, digest
from amlshare.scripts import closure
from amlshare.snapshots import Snapshots


class CodeReader:
    """Reads the code of steps; steps that share a folder and a script share the work."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._known: dict[tuple[str, str | None], Code] = {}

    def __call__(self, step: Step) -> Code | None:
        """The code of a step, None for one without a code folder."""
        if step.code is None:
            return None
        script = None if isinstance(step.run, Command) else step.run.file
        key = (step.code, script)
        if key not in self._known:
            self._known[key] = self._read(step.code, script)
        return self._known[key]

    def _read(self, folder: str, script: str | None) -> Code:
        """A command may run anything in its folder; a script runs what it imports."""
        files = self._snapshots.files(folder)
        loaded = set(files) if script is None else closure(script, files)
        names = [name for name in files if not name.endswith(".py") or name in loaded]
        digests = {name: self._snapshots.digest(files[name]) for name in names}
        return Code(folder=folder, script=script, digest=digest(digests), files=digests)
