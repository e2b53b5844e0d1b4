"""A fault at any single request leaves at most one of anything, and is named."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("azureml.pipeline.core")

from conftest import clean_environment

RUN = ("submit", "flights.yaml", "--no-wait")
PUBLISH = ("submit", "flights.yaml", "--publish")
HOWS = ("reset before", "reset after", "503", "401", "hang")
IMPATIENT = {"AMLSHARE_RETRY_SECONDS": "0", "AMLSHARE_TIMEOUT": "3"}
MORE = """\
publish: {endpoint: delays}
schedules: {nightly: {every: day, at: "22:30"}}
"""
REQUEST = re.compile(r"(GET|POST|PUT|HEAD|PATCH|DELETE) https://[\w./{}-]+")


@dataclass(kw_only=True)
class Submitter:
    """Commands one after the other; each is a process of its own, forked from one that waits."""

    process: subprocess.Popen[str]
    folder: Path

    def run(self, workspace: Any, *arguments: str) -> tuple[int, str, str]:
        asked = {
            "arguments": arguments,
            "environment": {**workspace.environment, **IMPATIENT},
            "cwd": str(self.folder),
            "stdout": str(self.folder / "stdout"),
            "stderr": str(self.folder / "stderr"),
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        return code, *((self.folder / n).read_text("utf-8") for n in ("stdout", "stderr"))


@pytest.fixture
def submitter(flights: Any) -> Iterator[Submitter]:
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("submitter.py")],
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    flights.write(MORE)
    with process:
        yield Submitter(process=process, folder=flights.folder)
        assert process.stdin is not None
        process.stdin.close()


def _workspace(service: Any, home: Path) -> Any:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    return service.workspace(home)


def active(held: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in held.values() if each["EntityStatus"] == "Active"]


def requests(
    submitter: Submitter, service: Any, home: Path, arguments: tuple[str, ...] = PUBLISH
) -> list[str]:
    """The routes that a command asks, one after the other."""
    with _workspace(service, home) as made:
        made.add_compute("cpu-cluster")
        code, _, stderr = submitter.run(made, *arguments)
        assert code == 0, stderr
        return [each.route for each in made.requests]


def places(how: str, routes: list[str]) -> list[int]:
    """Where to let it fail: at each request where its reply is lost, else at some of the first."""
    first = routes.index("POST pipelines/Pipelines/Create") + 1
    before = range(1, first, 1 if how == "reset after" else 4)
    return [*before, *range(first, len(routes) + 1)]


@pytest.mark.parametrize("how", HOWS)
def test_a_fault_at_any_request_publishes_at_most_once(
    submitter: Submitter, service: Any, tmp_path: Path, how: str
) -> None:
    home = tmp_path / "home"
    for at in places(how, requests(submitter, service, home)):
        with _workspace(service, home) as made:
            made.add_compute("cpu-cluster")
            made.fail(at=at, how=how)
            code, _, stderr = submitter.run(made, *PUBLISH)
            (hit,) = [each for each in made.requests if each.fault]
            assert code in (0, 1), (hit.route, stderr)
            assert code == 0 or REQUEST.search(" ".join(stderr.split())), (hit.route, stderr)
            assert len(made.published) <= 1, hit.route
            if not made.published:
                continue
            code, _, stderr = submitter.run(made, *PUBLISH)
            assert code == 0, (hit.route, stderr)
            held = (made.published, made.endpoints, made.schedules)
            assert [len(active(each)) for each in held] == [1, 1, 1], hit.route


@pytest.mark.parametrize("how", HOWS)
def test_a_fault_at_any_request_runs_at_most_once(
    submitter: Submitter, service: Any, tmp_path: Path, how: str
) -> None:
    home = tmp_path / "home"
    routes = requests(submitter, service, home, RUN)
    first = routes.index("POST pipelines/PipelineRuns/Unsubmitted/CreationInfoWithGraph") + 1
    for at in range(first, len(routes) + 1):
        with _workspace(service, home) as made:
            made.add_compute("cpu-cluster")
            made.fail(at=at, how=how)
            code, _, stderr = submitter.run(made, *RUN)
            told = " ".join(stderr.split())
            begun = [each.id for each in made.runs.values() if each.submitted]
            assert len(begun) <= 1, routes[at - 1]
            assert code == 0 or REQUEST.search(told), (routes[at - 1], told)
            assert code == 0 or all(number in told for number in begun), (routes[at - 1], told)
