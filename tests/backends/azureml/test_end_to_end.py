"""From a spec to bytes: the real command and SDK submit to the stand-in, which runs what it got.

What comes out must be what the same spec makes on this machine.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
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

    def submit(self, spec: str, *options: str, exit_code: int = 0) -> Lived:
        """Submit, wait, and see what came of it."""
        done = self.amlshare("submit", spec, *options)
        assert done.exit_code == exit_code, done.stdout + done.stderr
        run = list(self.workspace.runs.values())[-1]
        there = {
            f"{step.name}.{setting['Name']}": self.blobs(*progress.location(step, setting))
            for step in run.steps
            for setting in step.settings
        }
        return Lived(done=done, run=run, there=there)

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
        root = path.rstrip("/")
        with self._container(store) as container:
            names = container.list_blob_names(name_starts_with=root)
            return {
                name[len(root) + 1 :] or Path(name).name: container.download_blob(name).readall()
                for name in names
                if f"{name}/".startswith(f"{root}/")
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
    """The files of a folder by their paths in it, or the one file by its name."""
    if place.is_file():
        return {place.name: place.read_bytes()}
    files = (each for each in place.rglob("*") if each.is_file())
    return {each.relative_to(place).as_posix(): each.read_bytes() for each in files}


def _path(version: Mapping[str, Any]) -> str:
    flow = json.loads(version["latest"]["dataflow"])["meta"]["RsDataflow"]
    return flow.partition("/paths/")[2].splitlines()[0].strip('"')


@dataclass(frozen=True, kw_only=True)
class Lived:
    """How a submit ended, its run, and the files of every output, as they lie in Azurite."""

    done: Completed
    run: progress.PipelineRun
    there: dict[str, dict[str, bytes]]

    @property
    def statuses(self) -> dict[str, str]:
        return {step.name: step.status for step in self.run.steps}


@pytest.fixture
def cloud(
    service: Service, azurite: Azurite, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    with service.workspace(folder / "home", azurite) as workspace:
        workspace.add_compute("cpu-cluster")
        with execution.attach(workspace, azurite, folder / "jobs"):
            yield Cloud(workspace=workspace, azurite=azurite, project=folder / "project")


# The specs of the repository


@pytest.fixture
def examples(cloud: Cloud) -> Cloud:
    """A copy of the repository's specs, and a workspace that has the dataset of one of them."""
    hidden = shutil.ignore_patterns(".amlshare", "__pycache__")
    for name in ("specs", "scripts"):
        shutil.copytree(REPOSITORY / name, cloud.project / name, ignore=hidden)
    for file in (cloud.project / "specs/data/weather").iterdir():
        cloud.put(f"hourly/{file.name}", file.read_bytes())
    cloud.workspace.add_dataset("hourly_weather", path="hourly/")
    return cloud


@pytest.mark.parametrize("name", ["path", "dataset"])
def test_an_example_makes_the_bytes_that_it_makes_on_this_machine(
    examples: Cloud, name: str
) -> None:
    lived = examples.submit(f"specs/{name}.yaml")
    assert lived.run.status == "Finished"
    assert all(lived.there.values())
    assert lived.there == examples.here(f"specs/{name}.yaml")
    if name == "dataset":
        assert examples.registered("temperature_model") == [lived.there["train.model"]]


def test_what_is_submitted_again_is_not_run_again_and_registers_nothing(examples: Cloud) -> None:
    first, again = (examples.submit("specs/directory.yaml") for _ in range(2))
    assert first.there == again.there == examples.here("specs/directory.yaml")
    assert [step.reused for step in first.run.steps] == [False, False]
    assert [step.reused for step in again.run.steps] == [True, True]
    assert "2 reused" in again.done.stdout
    assert examples.registered("daily_weather") == [first.there["process.daily"]]
    assert examples.workspace.refused == []  # nor has the wrapper's SDK sent any telemetry


# One of everything

SPEC = """\
amlshare: 1
name: everything
environments: {python: {image: "mcr.microsoft.com/azureml/base:1"}}
defaults: {compute: cpu-cluster, environment: python, datastore: workspaceblobstore, code: code}
local: {datastores: {workspaceblobstore: cloud}, datasets: {words: words}}
parameters:
  times: 2
  greeting: {type: string}
  loud: {type: boolean, default: false}
  tries: {type: string}
data:
  text: {type: path, location: raw/text.txt, format: file, upload: text.txt, parameter: true}
  words: {type: dataset, name: words, version: latest}
steps:
  repeat:
    script: repeat.py
    inputs: {text: text}
    outputs: {lines: {type: path, format: file}}
    arguments: ["${inputs.text}", "${parameters.times}", "${outputs.lines}"]
  merged:  # repeat and sort in one place
    sequence:
      - script: repeat.py
        arguments: ["${inputs.text}", "${parameters.times}", "${scratch.lines}"]
      - command: |
          mkdir -p "${outputs.sorted}/all"
          sort ${scratch.lines} | uniq -c > ${outputs.sorted}/all/sorted.txt
      - command: echo "${parameters.greeting}, $((1 + 1))" >> ${outputs.sorted}/all/sorted.txt
    scratch: {lines: {format: file}}
    inputs: {text: {from: text, mode: mount}}
    outputs: {sorted: {type: directory, mode: upload}}
  sort:
    command: |
      mkdir -p "${outputs.sorted}/all"
      sort ${inputs.lines} | uniq -c > ${outputs.sorted}/all/sorted.txt
      echo "${parameters.greeting}, $((1 + 1))" >> ${outputs.sorted}/all/sorted.txt
    inputs: {lines: {from: repeat.lines, mode: download}}
    outputs: {sorted: {type: directory, mode: upload}}
  copy:
    command: cp -r ${inputs.words}/. ${outputs.copied}
    inputs: {words: words}
    outputs: {copied: {type: directory}}
  try:
    script: try.py
    retries: 1
    env: {LEVEL: high}
    outputs: {tried: {type: directory, location: "tried/{run-id}/", mode: upload, only: ["*.txt"]}}
    arguments: ["--loud=${parameters.loud}", "${parameters.tries}", "${outputs.tried}"]
  check:
    script: try.py
    after: [try]
    inputs: {sorted: sort.sorted}
    outputs:
      checked:
        type: dataset
        name: checked_words
        description: Checked.
        tags: {stage: new}
        location: checked/{run-id}/
        expect: {files: ">=2", glob: "*.txt", min_size: 3 B}
    arguments: [--copy, "${inputs.sorted}/all/sorted.txt", "${outputs.checked}"]
  told:
    script: told.py
    inputs: {words: {from: words, mode: direct}}
    outputs: {told: {type: directory}}
    arguments: ["${inputs.words}", "${outputs.told}"]
"""
CODE = {
    "repeat.py": """\
import sys
text, times, lines = sys.argv[1:]
with open(text) as given, open(lines, "w") as made:
    made.write(given.read() * int(times))
""",
    "try.py": """\
import os, shutil, sys
from pathlib import Path
option, given, out = sys.argv[1:]
if option == "--copy":
    shutil.copy(given, Path(out, "one.txt"))
    shutil.copy(given, Path(out, "two.txt"))
else:
    Path(out, "left.txt" if not Path(given).exists() else "kept.txt").write_text(
        option + " " + os.environ["LEVEL"]
    )
    Path(out, "other.csv").write_text("not for the cloud")
    if not Path(given).exists():
        Path(given).write_text("tried")
        sys.exit("the first try fails")
""",
    "told.py": """\
import sys
from pathlib import Path
Path(sys.argv[2], "told.txt").write_text(sys.argv[1])
""",
}


def write(project: Path, spec: str, code: Mapping[str, str]) -> None:
    (project / "code").mkdir(parents=True)
    (project / "words").mkdir()
    (project / "words/new.txt").write_text("new words")
    (project / "text.txt").write_text("b\na\n")
    (project / "pipeline.yaml").write_text(spec)
    for name, text in code.items():
        (project / "code" / name).write_text(text)


@pytest.fixture
def everything(cloud: Cloud) -> Cloud:
    """A pipeline with what the examples do not have; its dataset has two versions."""
    write(cloud.project, SPEC, CODE)
    for version, word in enumerate(("old", "new"), 1):
        cloud.put(f"words/{version}/{word}.txt", f"{word} words".encode())
        cloud.workspace.add_dataset("words", version, path=f"words/{version}/**")
    return cloud


def given(cloud: Cloud, place: str) -> list[str]:
    """Values of all parameters. A file tells the tries here from those there."""
    values = {
        "times": 3,
        "greeting": 'it\'s "$HOME"; {me}',
        "loud": "true",
        "tries": cloud.project / f"tried-{place}",
    }
    return [word for name, value in values.items() for word in ("-p", f"{name}={value}")]


def test_everything_makes_the_bytes_that_it_makes_on_this_machine(everything: Cloud) -> None:
    lived = everything.submit("pipeline.yaml", *given(everything, "there"))
    here = everything.here("pipeline.yaml", *given(everything, "here"))
    id_ = everything.workspace.datasets["words"][-1]["latest"]["savedDatasetId"]
    assert lived.there == {**here, "told.told": {"told.txt": id_.encode()}}
    sorted_ = b'      3 a\n      3 b\nit\'s "$HOME"; {me}, 2\n'
    assert lived.there["sort.sorted"] == {"all/sorted.txt": sorted_}
    assert lived.there["merged.sorted"] == lived.there["sort.sorted"]
    assert "==> 2/3 mkdir -p" in lived.run.step("merged").log
    assert lived.there["try.tried"] == {"kept.txt": b"--loud=true high"}
    assert "attempt 1 of 2 failed with exit code 1; trying again" in lived.run.step("try").log
    assert lived.run.step("check").started >= lived.run.step("try").ended
    assert_registered(everything, lived)


def assert_registered(cloud: Cloud, lived: Lived) -> None:
    """The wrapper has registered the output that is as expected, and the run nothing else."""
    assert cloud.registered("checked_words") == [lived.there["check.checked"]]
    (version,) = cloud.workspace.datasets["checked_words"]
    assert (version["description"], version["tags"]) == ("Checked.", {"stage": "new"})
    assert set(cloud.workspace.datasets) == {"words", "checked_words"}


def test_a_published_pipeline_runs_with_the_values_given_to_it(cloud: Cloud) -> None:
    first_step, _, _ = SPEC.partition("  sort:\n")
    write(cloud.project, first_step, CODE)
    cloud.put("raw/other.txt", b"c\n")
    options = [*given(cloud, "there"), "-p", f"text={STORE}:raw/other.txt"]
    lived = cloud.submit("pipeline.yaml", "--publish", "--run", *options)
    assert lived.run.entity["PipelineId"] in cloud.workspace.published
    sorted_ = b'      3 c\nit\'s "$HOME"; {me}, 2\n'
    assert lived.there == {
        "repeat.lines": {"lines": b"c\n" * 3},
        "merged.sorted": {"all/sorted.txt": sorted_},
    }


# In parallel

PARALLEL = """\
amlshare: 1
name: parallel
environments: {python: {image: "mcr.microsoft.com/azureml/base:1"}}
defaults: {compute: cpu-cluster, environment: python, datastore: workspaceblobstore, code: code}
local: {datastores: {workspaceblobstore: cloud}}
parameters: {size: 2}
data:
  letters: {type: directory, location: raw/letters/, upload: letters, partitions: "{who}/{day}.txt"}
  more: {type: path, location: raw/text.txt, format: file, upload: text.txt}
steps:
  each:
    parallel:
      script: batch.py
      over: letters
      mini_batch: ${parameters.size}
      nodes: 1
      processes_per_node: 2
      batch_retries: 1
      rows_to: rows/rows.txt
    inputs: {letters: letters, more: more}
    outputs: {rows: {type: directory}}
    arguments: [--more, "${inputs.more}"]
  who:
    parallel: {script: batch.py, over: letters, partition_by: [who]}
    inputs: {letters: letters, rows: each.rows}
    outputs: {out: {type: directory}}
    arguments: [--more, "${inputs.rows}", --out, "${outputs.out}"]
"""
BATCH = """\
import argparse
from pathlib import Path

def init():
    global given
    parser = argparse.ArgumentParser()
    parser.add_argument("--more", type=Path)
    parser.add_argument("--out", type=Path)
    given, _ = parser.parse_known_args()

def run(batch):
    more = (given.more / "rows.txt" if given.out else given.more).read_text()
    texts = [Path(file).read_text() for file in sorted(map(str, batch))]
    if given.out:
        Path(given.out, texts[0][0]).write_text(" ".join(texts + sorted(more.split())))
    return [text + more[0] for text in texts]
"""


def test_parallel_steps_make_the_bytes_that_they_make_on_this_machine(cloud: Cloud) -> None:
    write(cloud.project, PARALLEL, {"batch.py": BATCH})
    for who in "xyz":
        (cloud.project / "letters" / who).mkdir(parents=True)
        for day in "12":
            (cloud.project / f"letters/{who}/{day}.txt").write_text(who + day)
    parallel = cloud.submit("pipeline.yaml")
    assert parallel.there == cloud.here("pipeline.yaml")
    assert parallel.there["who.out"]["x"] == b"x1 x2 x1b x2b y1b y2b z1b z2b"


# What goes wrong


FAILING = """\
amlshare: 1
name: failing
environments: {python: {image: "mcr.microsoft.com/azureml/base:1"}}
defaults: {compute: cpu-cluster, environment: python, datastore: workspaceblobstore, code: code}
steps:
  short:
    script: write.py
    outputs:
      made: {type: dataset, name: too_few, location: "made/{run-id}/", expect: {files: ">=2"}}
    arguments: ["${outputs.made}"]
  after_short:
    script: write.py
    inputs: {made: short.made}
    outputs: {copy: {type: directory}}
    arguments: ["${outputs.copy}", "${inputs.made}"]
  broken:
    command: echo 'before the end' && exit 7
  fine:
    script: write.py
    outputs: {made: {type: dataset, name: enough, location: "fine/{run-id}/"}}
    arguments: ["${outputs.made}"]
"""


def test_what_fails_registers_nothing_and_stops_what_needs_it(cloud: Cloud) -> None:
    write(cloud.project, FAILING, {"write.py": WRITE})
    failed = cloud.submit("pipeline.yaml", "--continue-on-step-failure", exit_code=1)
    assert failed.statuses == {
        "short": "Failed",
        "after_short": "NotStarted",
        "broken": "Failed",
        "fine": "Finished",
    }
    assert cloud.registered("enough") == [{"one.txt": b"1"}]
    assert list(cloud.workspace.datasets) == ["enough"]
    assert failed.there["short.made"] == {}
    assert "before the end" in failed.done.stdout
    broken = "output 'made' breaks its `expect`: files >=2, found 1; it holds one.txt"
    assert broken in failed.run.step("short").log


WRITE = """\
import sys
from pathlib import Path
Path(sys.argv[1], "one.txt").write_text("1")
"""

ENDLESS = """\
amlshare: 1
name: endless
environments: {python: {image: "mcr.microsoft.com/azureml/base:1"}}
defaults: {compute: cpu-cluster, environment: python, datastore: workspaceblobstore, code: code}
parameters: {alive: {type: string}}
steps:
  wait: {script: wait.py, arguments: ["${parameters.alive}"]}
"""
WAIT = """\
import fcntl, sys, time
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
lock.write("alive")
lock.flush()
time.sleep(600)
"""


def test_a_canceled_run_ends_its_steps(cloud: Cloud) -> None:
    write(cloud.project, ENDLESS, {"wait.py": WAIT})
    alive = cloud.project / "alive"
    endless = cloud.submit("pipeline.yaml", "--no-wait", "-p", f"alive={alive}")
    wait_until(lambda: alive.exists() and alive.read_text() == "alive")
    done = cloud.amlshare("cancel", endless.run.id)
    assert done.exit_code == 0, done.stdout + done.stderr
    assert (endless.run.status, endless.statuses) == ("Canceled", {"wait": "Canceled"})
    wait_until(lambda: is_free(alive))


def is_free(file: Path) -> bool:
    """Whether no process holds the lock."""
    with file.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "waited for a minute"
        time.sleep(0.05)
