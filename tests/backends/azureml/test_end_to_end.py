"""From a spec to bytes: the real command and SDK submit to the stand-in, which runs what it got.

What comes out must be what the same spec makes on this machine.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azurite import Azurite
from conftest import Command, Completed
from standin import Service, Workspace, execution, progress

REPOSITORY = Path(__file__).parents[3]
STORE = "workspaceblobstore"


def _has(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


pytestmark = pytest.mark.skipif(
    not (_has("azureml.pipeline.core") and _has("adlfs")),
    reason="needs the extras azureml and blob",
)


@dataclass(kw_only=True)
class Cloud:
    """A workspace whose runs are carried out, and a folder with the specs that go there."""

    workspace: Workspace
    azurite: Azurite
    project: Path

    def amlshare(self, *words: str) -> Completed:
        return Command(cwd=self.project)(*words, env=self.workspace.environment)

    def lived(self, spec: str, *options: str) -> Lived:
        """Submit, wait, and see what came of it."""
        done = self.amlshare("submit", spec, *options)
        assert self.workspace.runs, done.stdout + done.stderr
        run = list(self.workspace.runs.values())[-1]
        there = {
            f"{step.name}.{setting['Name']}": self.blobs(*progress.location(step, setting))
            for step in run.steps
            for setting in step.settings
        }
        return Lived(cloud=self, spec=spec, done=done, run=run, there=there)

    def here(self, spec: str, *options: str) -> dict[str, dict[str, bytes]]:
        """The files of every output, as this machine makes them."""
        command = Command(cwd=self.project)
        done = command("submit", spec, "--backend", "local", "--format", "json", *options)
        assert done.exit_code == 0, done.stdout + done.stderr
        outputs = json.loads(done.stdout)["outputs"]
        return {
            name: _files(Path(place.removeprefix("file://"))) for name, place in outputs.items()
        }

    def blobs(self, store: str, path: str) -> dict[str, bytes]:
        """The blobs at a path or below it, named as in a folder."""
        with self._container(store) as container:
            names = [each.name for each in container.list_blobs(name_starts_with=path)]
            inside = [
                name
                for name in names
                if name == path or path.endswith("/") or name[len(path)] == "/"
            ]
            return {
                name[len(path) :].strip("/") or Path(name).name: container.download_blob(
                    name
                ).readall()
                for name in inside
            }

    def put(self, path: str, content: bytes) -> None:
        with self._container(STORE) as container:
            container.upload_blob(path, content, overwrite=True)

    def _container(self, store: str) -> Any:
        from azure.storage.blob import ContainerClient

        name = self.workspace.datastores[store]["azureStorageSection"]["containerName"]
        return ContainerClient.from_connection_string(self.azurite.connection_string, name)

    def registered(self, name: str) -> list[dict[str, bytes]]:
        """The files of every version of a registered dataset, the oldest first."""
        return [self.blobs(STORE, _path(one)) for one in self.workspace.datasets.get(name, [])]


def _files(place: Path) -> dict[str, bytes]:
    found = (
        [place] if place.is_file() else sorted(each for each in place.rglob("*") if each.is_file())
    )
    root = place.parent if place.is_file() else place
    return {each.relative_to(root).as_posix(): each.read_bytes() for each in found}


def _path(version: Mapping[str, Any]) -> str:
    flow = json.loads(version["latest"]["dataflow"])["meta"]["RsDataflow"]
    return flow.partition("/paths/")[2].splitlines()[0].strip('"')


@pytest.fixture(scope="module")
def open_cloud(
    service: Service, azurite: Azurite, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], AbstractContextManager[Cloud]]:
    @contextmanager
    def opened() -> Iterator[Cloud]:
        folder = tmp_path_factory.mktemp("cloud")
        with service.workspace(folder / "home", azurite) as workspace:
            workspace.add_compute("cpu-cluster")
            with execution.attach(workspace, azurite, folder / "jobs"):
                yield Cloud(workspace=workspace, azurite=azurite, project=folder / "project")

    return opened


# The specs of the repository


@dataclass(kw_only=True)
class Lived:
    """A spec that was submitted: how that ended, and what came of it there and here."""

    cloud: Cloud
    spec: str
    done: Completed
    run: progress.PipelineRun
    there: dict[str, dict[str, bytes]]

    @property
    def statuses(self) -> dict[str, str]:
        return {step.name: step.status for step in self.run.steps}


@pytest.fixture(scope="module", params=["path", "directory", "dataset"])
def example(
    open_cloud: Callable[[], AbstractContextManager[Cloud]], request: pytest.FixtureRequest
) -> Iterator[Lived]:
    """One of the small specs, submitted to a workspace that has its data."""
    with open_cloud() as cloud:
        hidden = shutil.ignore_patterns(".amlshare", "__pycache__")
        for name in ("specs", "scripts"):
            shutil.copytree(REPOSITORY / name, cloud.project / name, ignore=hidden)
        for file in (cloud.project / "specs/data/weather").iterdir():
            cloud.put(f"hourly/{file.name}", file.read_bytes())
        cloud.workspace.add_dataset("hourly_weather", path="hourly/")
        yield cloud.lived(f"specs/{request.param}.yaml")


def test_an_example_completes(example: Lived) -> None:
    assert example.done.exit_code == 0, example.done.stdout + example.done.stderr
    assert example.run.status == "Finished"


def test_an_example_makes_the_bytes_that_it_makes_on_this_machine(example: Lived) -> None:
    assert all(example.there.values())
    assert example.there == example.cloud.here(example.spec)


def test_what_an_example_registers_is_its_output(example: Lived) -> None:
    registers = {"directory": "daily_weather", "dataset": "temperature_model"}
    if name := registers.get(Path(example.spec).stem):
        output = {"directory": "process.daily", "dataset": "train.model"}[Path(example.spec).stem]
        assert example.cloud.registered(name) == [example.there[output]]


def test_an_example_that_is_submitted_again_runs_nothing_again(example: Lived) -> None:
    again = example.cloud.lived(example.spec)
    assert again.done.exit_code == 0, again.done.stdout + again.done.stderr
    assert {step.name: step.reused for step in again.run.steps} == dict.fromkeys(
        again.statuses, True
    )
    assert "reused" in again.done.stdout
    assert again.there == example.there
    assert all(len(versions) == 1 for versions in example.cloud.workspace.datasets.values())
