"""Runs what is submitted to the stand-in, through the local backend, with blobs in Azurite.

    with execution.attach(workspace, azurite, tmp_path / "cloud"):
        amlshare("submit", spec, env=workspace.environment)

The graph that the service received is all that is known: it becomes a spec, its code is the
snapshots that were uploaded, and each step runs in a process of its own with the variables that the
service gives a job, so that the SDK in it talks to the stand-in as the run. Inputs are read from
Azurite's containers, and outputs are written there, where the service would put them.

A step is reused when an earlier one of this workspace had the same module, parameters, run
configuration and output settings, and read the same places; so, as the service does, it takes no
notice of changed bytes at a place. What it says of registration is a guess: that a reused step
registers nothing anew.

Not run: parallel steps over the rows of a table, and any step on several nodes but as one process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from conftest import clean_environment

from standin import history, identity, progress
from standin.execution_graph import Submitted
from standin.execution_spec import spec
from standin.routes import REGION

if TYPE_CHECKING:
    from azurite import Azurite

    from standin.workspace import Workspace

DRIVER = Path(__file__).with_name("execution_driver.py")
STATUS = {"completed": "Finished", "failed": "Failed", "canceled": "Canceled"}


@contextmanager
def attach(workspace: Workspace, azurite: Azurite, folder: Path) -> Iterator[None]:
    """Carry out what is submitted to ``workspace`` meanwhile; ``folder`` is where it happens."""
    executor = Executor(azurite, folder)
    workspace.execute = executor.run
    try:
        yield
    finally:
        workspace.execute = None
        executor.close()


class Executor:
    """Runs the runs of one workspace, each in a process of the local backend."""

    def __init__(self, azurite: Azurite, folder: Path) -> None:
        self._azurite = azurite
        self._folder = folder
        self._made: dict[str, str] = {}
        self._processes: list[subprocess.Popen[str]] = []
        self._closed = False

    def close(self) -> None:
        """Stop what still runs."""
        self._closed = True
        for process in self._processes:
            process.terminate()
            process.wait()

    def run(self, workspace: Workspace, number: str) -> None:
        """Run it and wait for its end. Raises RuntimeError where it could not be run at all."""
        folder = self._folder / number
        folder.mkdir(parents=True)
        with workspace.lock:
            run = workspace.runs[number]
            submitted = Submitted(workspace, run)
            keys = {
                step.id: self._reuse(workspace, run, submitted, step) for step in submitted.steps
            }
            steps = [step for step in submitted.steps if not step.reused]
            if not steps:
                return
            code = {step.name: self._unpack(workspace, step) for step in steps}
            variables = {step.name: {"AZUREML_RUN_ID": step.run_id} for step in steps}
            text = json.dumps(spec(workspace, submitted, steps, code, variables), indent=1)
        (folder / "pipeline.yaml").write_text(text, encoding="utf-8")
        self._drive(workspace, run, folder)
        with workspace.lock:
            for step in steps:
                if step.status == "Finished" and (key := keys[step.id]):
                    self._made[key] = step.run_id

    def _reuse(
        self,
        workspace: Workspace,
        run: progress.PipelineRun,
        submitted: Submitted,
        step: progress.Step,
    ) -> str | None:
        """Take over what an earlier step made, where it would be the same; the step's key."""
        key = submitted.key(step)
        if key in self._made:
            step.made_by = self._made[key]
            progress.report(workspace, run, step.name, "Finished", reused=True)
        return key

    def _unpack(self, workspace: Workspace, step: progress.Step) -> Path:
        """The files of a step's snapshot, as they were uploaded."""
        number = step.module["DataLocation"]["StorageId"]
        folder = self._folder / "snapshots" / number
        for path, content in workspace.snapshots[number].files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return folder

    # the process

    def _drive(self, workspace: Workspace, run: progress.PipelineRun, folder: Path) -> None:
        with (
            (folder / "errors.txt").open("w") as errors,
            self._start(workspace, run, folder, errors) as process,
        ):
            threading.Thread(target=_stop_if_canceled, args=(process, run), daemon=True).start()
            assert process.stdout is not None
            for line in process.stdout:
                _tell(workspace, run, json.loads(line))
            if process.wait() and run.status != "Canceled" and not self._closed:
                raise RuntimeError((folder / "errors.txt").read_text()[-5000:])

    def _start(
        self, workspace: Workspace, run: progress.PipelineRun, folder: Path, errors: IO[str]
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, DRIVER, "pipeline.yaml", str(int(run.goes_on))],
            cwd=folder,
            env=self._environment(workspace, run),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        self._processes.append(process)
        return process

    def _environment(self, workspace: Workspace, run: progress.PipelineRun) -> dict[str, str]:
        """What the service tells every job, how to reach it, and the key of the blobs.

        The local backend keeps that key to itself: steps do not see it.
        """
        client = {
            name: value
            for name, value in workspace.environment.items()
            if not name.startswith("AZURE")
        }
        home = self._folder / "home"
        home.mkdir(exist_ok=True)
        return {
            **clean_environment(),
            **client,
            **_job(workspace, run),
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            "AZURE_STORAGE_CONNECTION_STRING": self._azurite.connection_string,
        }


def _job(workspace: Workspace, run: progress.PipelineRun) -> dict[str, str]:
    return {
        "AZUREML_RUN_TOKEN": identity.issue(workspace),
        "AZUREML_ARM_SUBSCRIPTION": workspace.subscription_id,
        "AZUREML_ARM_RESOURCEGROUP": workspace.resource_group,
        "AZUREML_ARM_WORKSPACE_NAME": workspace.name,
        "AZUREML_ARM_PROJECT_NAME": run.experiment,
        "AZUREML_EXPERIMENT_ID": history.experiment(workspace, run.experiment)["experimentId"],
        "AZUREML_WORKSPACE_ID": workspace.id,
        "AZUREML_ROOT_RUN_ID": run.id,
        "AZUREML_SERVICE_ENDPOINT": f"https://{REGION}",
        "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"https://{REGION}/discovery",
        "AZUREML_CURRENT_CLOUD": "AzureCloud",
    }


def _stop_if_canceled(process: subprocess.Popen[str], run: progress.PipelineRun) -> None:
    while process.poll() is None:
        if run.status == "Canceled":
            process.terminate()
            return
        time.sleep(0.1)


def _tell(workspace: Workspace, run: progress.PipelineRun, told: Mapping[str, Any]) -> None:
    """Note in the workspace's state how a step is doing."""
    with workspace.lock:
        if run.status == "Canceled":
            return
        match told["event"]:
            case "StepStarted":
                progress.report(workspace, run, told["step"], "Running", "")
            case "StepPrinted":
                log = run.step(told["step"]).log + "".join(f"{line}\n" for line in told["lines"])
                progress.report(workspace, run, told["step"], "Running", log)
            case "StepFinished" if told["status"] in STATUS:
                log = told["log"]
                if told["status"] == "failed" and told["message"]:
                    log += f"{told['message']}\n"
                progress.report(workspace, run, told["step"], STATUS[told["status"]], log)
