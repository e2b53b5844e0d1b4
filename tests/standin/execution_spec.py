"""A submitted graph as a spec of the local backend's: every place is written out."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standin import progress
from standin.execution_graph import Feed, Made, Submitted, Word

if TYPE_CHECKING:
    from standin.workspace import Workspace

KINDS = {"PythonScriptStep", "CommandStep"}


def spec(
    workspace: Workspace,
    submitted: Submitted,
    steps: Collection[progress.Step],
    code: Mapping[str, Path],
    variables: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    """The spec that runs ``steps``. ``code`` has the folder of each one's snapshot, by its name,
    and ``variables`` what the service tells it in its environment.
    """
    made = _Steps(submitted, {step.name for step in steps})
    written = {step.name: made.step(step, code[step.name]) for step in steps}
    for step in steps:
        written[step.name]["env"] = {**written[step.name]["env"], **variables[step.name]}
    stores = {
        name: f"az://{store['azureStorageSection']['containerName']}"
        for name, store in workspace.datastores.items()
    }
    return {
        "amlshare": 1,
        "name": "submitted",
        "defaults": {"compute": "here", "environment": "here", "reuse": False},
        "environments": {"here": {"image": "python:3.11"}},
        "local": {"datastores": stores},
        "data": made.data,
        "steps": written,
    }


class _Steps:
    """Steps in the words of a spec, and the data that they turn out to read."""

    def __init__(self, submitted: Submitted, names: Collection[str]) -> None:
        self._submitted = submitted
        self._names = names
        self.data: dict[str, Any] = {}

    def step(self, step: progress.Step, code: Path) -> dict[str, Any]:
        if step.module["StepType"] not in KINDS:
            raise NotImplementedError(f"the stand-in runs no {step.module['StepType']}")
        script, words = self._submitted.program(step)
        used = {word.input for word in words}
        feeds = {one.port: one for one in self._submitted.feeds(step) if one.port in used}
        variables, timeout = self._submitted.settings(step)
        program = (
            {"script": script, "arguments": [_argument(word) for word in words]}
            if script
            else {"command": " ".join(_shell(word) for word in words)}
        )
        return {
            **program,
            "code": str(code),
            "inputs": {port: self._input(step, feed) for port, feed in feeds.items()},
            "outputs": {one.port: _output(one) for one in self._submitted.made(step)},
            "after": [name for name in self._submitted.after(step) if name in self._names],
            "env": variables,
            **({"timeout": f"{timeout}s"} if timeout else {}),
        }

    def _input(self, step: progress.Step, feed: Feed) -> dict[str, str]:
        if feed.step in self._names:
            return {"from": f"{feed.step}.{feed.output}", "mode": feed.mode}
        name = f"{step.name}_{feed.port}"
        self.data[name] = {
            "type": "directory",
            "datastore": feed.place.datastore,
            "location": feed.place.path,
        }
        return {"from": name, "mode": feed.mode}


def _output(made: Made) -> dict[str, Any]:
    kept = {
        "type": "directory",
        "format": "file" if made.is_file else "folder",
        "mode": made.mode,
        "datastore": made.place.datastore,
        "location": made.place.path,
    }
    if made.mode == "upload":
        kept |= {"overwrite": made.overwrite, "only": list(made.only)}
    return {key: value for key, value in kept.items() if value not in (False, [])}


def _argument(word: Word) -> str:
    if word.input or word.output:
        return f"${{inputs.{word.input}}}" if word.input else f"${{outputs.{word.output}}}"
    return word.text.replace("${", "$${")


def _shell(word: Word) -> str:
    return _argument(word) if word.input or word.output else shlex.quote(_argument(word))
