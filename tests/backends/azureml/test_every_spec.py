"""Every example of specs/ goes to a workspace: run, published once, scheduled, and the same after.

The specs lie in a checkout whose remote has a token in its URL, as in many a CI job.
"""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import preloaded
import pytest
from azurite import Azurite
from backends.azureml.offline import needs_sdk
from conftest import Command, clean_environment
from standin import Service, Workspace

pytestmark = needs_sdk
REPOSITORY = Path(__file__).parents[3]
SPECS = sorted(path.name for path in (REPOSITORY / "specs").glob("*.yaml"))
TOKEN = "token-of-the-remote"  # made up
REMOTE = f"https://someone:{TOKEN}@git.example.com/x.git"
SCHEDULES = """
schedules:
  weekly: {every: 1 week, at: "22:30", days: [mon, thu], time_zone: Europe/Berlin}
  hourly: {cron: "0 * * * *"}
"""
# a registered dataset cannot be watched
WATCHED = {"path.yaml": "weather", "directory.yaml": "weather", "flights.yaml": "flights"}


@dataclass(kw_only=True)
class Checkout:
    """A copy of the specs and scripts in a git checkout, and a workspace that has their data."""

    folder: Path
    workspace: Workspace
    run: Callable[..., Any]
    said: list[str] = field(default_factory=list)

    def amlshare(self, *words: str) -> Any:
        """The real command."""
        return self.noted(self.run(*words, cwd=self.folder, env=self.workspace.environment))

    def noted(self, done: Any) -> Any:
        self.said += [done.stdout, done.stderr]
        return done

    def published(self, *words: str) -> dict[str, Any]:
        done = self.amlshare("submit", *words, "--publish", "--format", "json")
        assert done.exit_code == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)["published"]
        return found

    def write(self, spec: str, text: str) -> None:
        (self.folder / "specs" / spec).write_text(text, "utf-8")

    def change(self, spec: str, old: str, new: str) -> None:
        """Put one text in the place of another, where it stands first."""
        text = (self.folder / spec).read_text("utf-8")
        assert old in text
        (self.folder / spec).write_text(text.replace(old, new, 1), "utf-8")

    def secrets(self) -> set[str]:
        """All that nobody may see."""
        key = next(iter(self.workspace.datastores.values()))["azureStorageSection"]["credential"]
        return {self.workspace.client_secret, *self.workspace.tokens, key, TOKEN}

    @property
    def active(self) -> dict[str, Any]:
        return _active(self.workspace.published)

    @property
    def schedules(self) -> dict[str, Any]:
        return _active(self.workspace.schedules)


def _active(entities: dict[str, Any]) -> dict[str, Any]:
    return {key: each for key, each in entities.items() if each["EntityStatus"] in ("0", "Active")}


@pytest.fixture
def checkout(service: Service, azurite: Azurite, tmp_path: Path) -> Iterator[Checkout]:
    """When a test ends, no host was asked that is not the service's, and nothing told a secret."""
    folder = tmp_path / "checkout"
    hidden = shutil.ignore_patterns(".amlshare", "__pycache__")
    for name in ("specs", "scripts"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=hidden)
    _git(folder, "init", "--quiet")
    _git(folder, "remote", "add", "origin", REMOTE)
    _git(folder, "add", ".")
    _git(folder, "commit", "--quiet", "--message", "all of it")
    with service.workspace(tmp_path / "home", azurite) as workspace:
        for name in ("cpu-cluster", "cpu-big"):
            workspace.add_compute(name)
        for name in ("airports", "hourly_weather"):
            workspace.add_dataset(name)
        made = Checkout(folder=folder, workspace=workspace, run=Command(cwd=folder))
        yield made
        assert workspace.refused == []
        said = "".join(made.said)
        sent = json.dumps([[each.body, each.path] for each in workspace.requests])
        assert [each for each in made.secrets() if each in said] == []
        assert [each for each in (TOKEN, "git.example.com") if each in sent] == []


def _git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=me", "-c", "user.email=me@example.com")
    subprocess.run(["git", "-C", folder, *who, *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def forks() -> Iterator[Callable[..., Any]]:
    """The command without the second that its imports take; test_faults.py says that it is one."""
    with preloaded.server(clean_environment()) as run:
        yield run


def test_there_are_examples() -> None:
    assert {*WATCHED, "dataset.yaml"} <= set(SPECS)


@pytest.mark.parametrize("words", [[each] for each in SPECS] + [["flights.yaml", "--target=prod"]])
def test_an_example_runs_is_published_once_and_is_then_as_published(
    checkout: Checkout, words: list[str]
) -> None:
    spec, options = f"specs/{words[0]}", words[1:]
    ran = checkout.amlshare("submit", spec, *options, "--format", "json")
    assert ran.exit_code == 0, ran.stdout + ran.stderr
    assert json.loads(ran.stdout)["run"]["status"] == "completed"
    first, again = (checkout.published(spec, *options) for _ in range(2))
    assert (first["created"], again["created"]) == (True, False)
    assert {first["id"], again["id"]} == {*checkout.active}
    same = checkout.amlshare("diff", spec, *options, "--against", "published", "--exit-code")
    assert same.exit_code == 0, same.stdout + same.stderr
    checkout.change(spec, "    inputs:", "    reuse: false\n    inputs:")
    other = checkout.amlshare("diff", spec, *options, "--against", "published", "--exit-code")
    assert (other.exit_code, "reuse" in other.stdout) == (4, True), other.stdout + other.stderr


@pytest.mark.parametrize("spec", SPECS)
def test_the_schedules_of_an_example_follow_its_spec(
    checkout: Checkout, forks: Callable[..., Any], spec: str
) -> None:
    checkout.run = forks
    unscheduled = (checkout.folder / "specs" / spec).read_text("utf-8")
    block = SCHEDULES
    if spec in WATCHED:
        block += f"  arrived: {{on_change: {WATCHED[spec]}, poll: 30m}}\n"
    checkout.write(spec, unscheduled + block)
    assert checkout.published(f"specs/{spec}")["created"]
    made = checkout.schedules
    assert len(made) == block.count("{")
    assert not checkout.published(f"specs/{spec}")["created"]
    assert checkout.schedules == made

    checkout.write(spec, unscheduled + block.replace("22:30", "23:15").replace("30m", "45m"))
    assert not checkout.published(f"specs/{spec}")["created"]
    changed = [key for key, each in checkout.schedules.items() if each != made[key]]
    assert (checkout.schedules.keys(), len(changed)) == (made.keys(), block.count("{") - 1)

    checkout.write(spec, unscheduled)
    assert not checkout.published(f"specs/{spec}")["created"]
    assert checkout.schedules == {}
    assert len(checkout.active) == 1


def test_the_log_of_the_sdk_tells_no_secret(checkout: Checkout) -> None:
    done = checkout.amlshare("submit", "specs/path.yaml", "-v", "--publish", "--run")
    assert done.exit_code == 0, done.stdout + done.stderr
    assert "PipelineSubmit" in done.stderr


# Where nobody sits


@contextmanager
def _stdin(kind: str) -> Iterator[dict[str, Any]]:
    """How a process is started that has nothing to read, nowhere to read, or a terminal."""
    if kind == "terminal":
        ours, theirs = pty.openpty()
        try:
            yield {"stdin": theirs}
        finally:
            os.close(ours)
            os.close(theirs)
    else:
        closed = {"preexec_fn": lambda: os.close(0)} if kind == "closed" else {}
        yield {"stdin": subprocess.DEVNULL, **closed}


@pytest.mark.parametrize("kind", ["terminal", "empty", "closed"])
def test_a_submit_ends_alike_whatever_there_is_to_read(checkout: Checkout, kind: str) -> None:
    command = [sys.executable, "-m", "amlshare", "submit", "specs/path.yaml"]
    environment = clean_environment() | checkout.workspace.environment
    for options, created in (([], None), (["--publish"], True), (["--publish"], False)):
        with _stdin(kind) as how:
            done = subprocess.run(
                [*command, *options, "--format", "json"],
                cwd=checkout.folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
                **how,
            )
        checkout.noted(done)
        assert done.returncode == 0, done.stdout + done.stderr
        published = json.loads(done.stdout)["published"]
        assert (published and published["created"]) == created
    assert (len(checkout.active), len(checkout.workspace.runs)) == (1, 1)


def test_the_sdk_is_there_without_a_home() -> None:
    environment = clean_environment()
    del environment["HOME"]
    program = "from amlshare.backends.azureml import sdk; sdk.prepare()"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
