"""The code that a step depends on: its script, what that imports, and the other files there."""

from __future__ import annotations

from dataclasses import dataclass

from amlshare.pipeline import Step, scripts
from amlshare.plan import Code, digest
from amlshare.scripts import Sources, sources
from amlshare.snapshots import SnapshotError, Snapshots


@dataclass(frozen=True, slots=True)
class _Folder:
    """A code folder: the digests of what is no Python, and the Python files."""

    others: dict[str, str]
    sources: Sources


class CodeReader:
    """Reads the code of steps; steps that share a folder and a script share the work."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._folders: dict[str, _Folder] = {}
        self._known: dict[tuple[str, tuple[str, ...], bool], Code] = {}

    def __call__(self, step: Step) -> Code | None:
        """The code of a step, None for one without a code folder. Raises SnapshotError.

        A command may run anything in its folder. A script runs what it imports, and that may be
        anything too where an environment variable says where else modules are.
        """
        if step.code is None:
            return None
        key = (step.code, scripts(step.run), "PYTHONPATH" in step.env)
        if key not in self._known:
            self._known[key] = self._read(*key)
        return self._known[key]

    def _read(self, name: str, scripts: tuple[str, ...], anything: bool) -> Code:
        folder = self._folder(name)
        files = self._snapshots.files(name)
        closures = (folder.sources.closure(each) for each in scripts)
        loaded = files if anything or not scripts else set().union(*closures)
        found = {each: self._snapshots.digest(files[each]) for each in loaded} | folder.others
        digests = dict(sorted(found.items()))
        return Code(folder=name, scripts=scripts, digest=digest(digests), files=digests)

    def _folder(self, name: str) -> _Folder:
        if name not in self._folders:
            files = self._snapshots.files(name)
            if name in self._snapshots.problems:
                raise SnapshotError(self._snapshots.problems[name])
            others = [each for each in files if not each.endswith(".py")]
            digests = {each: self._snapshots.digest(files[each]) for each in others}
            self._folders[name] = _Folder(digests, sources(self._snapshots, name))
        return self._folders[name]
