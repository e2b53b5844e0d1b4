"""A submitted graph as a spec of the local backend's: every place is written out."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standin import progress
from standin.execution_graph import Feed, Made, Submitted, Word

if TYPE_CHECKING:
    from standin.workspace import Workspace

# what the driver of a ParallelRunStep is told before the words for its script, by one flag each
DRIVER = tuple(
    """client_sdk_version scoring_module_name mini_batch_size error_threshold output_action
    logging_level run_invocation_timeout run_max_try create_snapshot_at_runtime append_row_file_name
    output process_count_per_node partition_keys input_fds_0""".split()
)


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
        program, ports = self._program(step)
        variables, timeout = self._submitted.settings(step)
        feeds = [feed for feed in self._submitted.feeds(step) if feed.port in ports]
        return {
            **program,
            "code": str(code),
            "inputs": {feed.port: self._input(step, feed, program) for feed in feeds},
            "outputs": {one.port: _output(one) for one in self._submitted.made(step)},
            "after": [name for name in self._submitted.after(step) if name in self._names],
            "env": variables,
            **({"timeout": f"{timeout}s"} if timeout else {}),
        }

    def _program(self, step: progress.Step) -> tuple[dict[str, Any], set[str | None]]:
        """What runs, and the inputs that it is told."""
        script, words = self._submitted.program(step)
        ports = {word.input for word in words}
        match step.module["StepType"]:
            case "PythonScriptStep":
                return {"script": script, "arguments": [_argument(word) for word in words]}, ports
            case "CommandStep":
                return {"command": " ".join(_shell(word) for word in words)}, ports
            case "ParallelRunStep":
                told, words = _driver(words)
                parallel = _parallel(told)
                arguments = [_argument(word) for word in words]
                return {"parallel": parallel, "arguments": arguments}, {*ports, parallel["over"]}
            case other:
                raise NotImplementedError(f"the stand-in runs no {other}")

    def _input(self, step: progress.Step, feed: Feed, program: Mapping[str, Any]) -> dict[str, str]:
        over = program.get("parallel", {}).get("over") == feed.port
        mode = "mount" if over else feed.mode
        if feed.step in self._names:
            return {"from": f"{feed.step}.{feed.output}", "mode": mode}
        name = f"{step.name}_{feed.port}"
        data = {
            "type": "directory",
            "datastore": feed.place.datastore,
            "location": feed.place.path,
            "partitions": feed.place.partitions if over else None,
        }
        self.data[name] = {key: value for key, value in data.items() if value is not None}
        return {"from": name, "mode": mode}


def _driver(words: list[Word]) -> tuple[dict[str, Word], list[Word]]:
    """What the driver of a parallel step is told, by its flags, and the words for the script."""
    told: dict[str, Word] = {}
    rest: list[Word] = []
    given = iter(words)
    for word in given:
        flag = word.text.removeprefix("--")
        if word.text.startswith("--") and flag in DRIVER and flag not in told:
            told[flag] = next(given)
        else:
            rest.append(word)
    return told, rest


def _parallel(told: Mapping[str, Word]) -> dict[str, Any]:
    text = {flag: word.text for flag, word in told.items()}
    by = json.loads(text.get("partition_keys", "[]"))
    rows = text["output_action"] == "append_row"
    made = {
        "script": text["scoring_module_name"],
        "over": text["input_fds_0"],
        "mini_batch": None if by else text["mini_batch_size"],
        "partition_by": by or None,
        "processes_per_node": int(text.get("process_count_per_node", 1)),
        "allow_failed": int(text["error_threshold"]),
        "batch_timeout": f"{text['run_invocation_timeout']}s",
        "batch_retries": int(text["run_max_try"]) - 1,
        "rows_to": f"{told['output'].output}/{text['append_row_file_name']}" if rows else None,
    }
    return {key: value for key, value in made.items() if value is not None}


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
