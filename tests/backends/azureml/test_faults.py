"""A fault at any single request of a submit: at most one of anything, and a message that names it.

The requests are learned from a submit without a fault, and each in turn goes wrong in each way. A
sweep is hundreds of commands, so they are forks of a process that has all imports behind it,
several at a time.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import preloaded
import pytest
from azurite import Azurite
from conftest import clean_environment
from standin import Record, Service, Workspace

SPEC = """\
amlshare: 1
name: tiny
environments: {any: {registered: plain, version: 1}}
defaults: {compute: cpu, environment: any, datastore: workspaceblobstore, code: code}
data:
  codes: {type: dataset, name: codes, version: 1, format: file}
  raw: {type: path, location: raw/raw.csv, format: file}
steps:
  make:
    script: make.py
    inputs: {codes: {from: codes, mode: mount}, raw: raw}
    outputs: [made]
    arguments: ["${inputs.codes}", "${inputs.raw}", "${outputs.made}"]
schedules:
  daily: {every: 1 day}
"""
PUBLISH = ("submit", "tiny.yaml", "--publish", "--endpoint", "nightly")
SUBMIT = ("submit", "tiny.yaml")
REPLACE = ("submit", "newer.yaml", *PUBLISH[2:], "--disable-old")
BOTH = ("submit", "tiny.yaml", "--publish", "--run")
KINDS = (
    "reset before",
    "reset after",
    "cut after",
    "garbled after",
    "503",
    "401",
    "hang",
    "429",
    "500",
)
CHANGING = {"POST", "PUT", "PATCH"}
# nothing is tried again, so that what is made of a fault shows at once
GIVES_UP = {"AMLSHARE_RETRY_SECONDS": "0"}
TRIES_ONCE_MORE = {"AMLSHARE_RETRY_SECONDS": "2"}
# long enough for a busy machine to answer what is not meant to hang
IMPATIENT = {"AMLSHARE_TIMEOUT": "4"}
AT_A_TIME = 6

Run: TypeAlias = Callable[..., preloaded.Completed]
Check: TypeAlias = Callable[["Case"], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A command in a workspace of its own, in which a request goes wrong."""

    workspace: Workspace
    run: Run

    def tried(self, words: Sequence[str], **env: str) -> preloaded.Completed:
        return self.run(*words, env=self.workspace.environment | env)

    def ended(self, words: Sequence[str], done: preloaded.Completed) -> Iterator[str]:
        """What is wrong with how a command ended that met a fault."""
        faulty = [record for record in self.workspace.requests if record.fault]
        said = done.stdout + done.stderr
        if not faulty:
            yield "nothing went wrong"
        if done.exit_code not in (0, 1) or "Traceback" in said:
            yield f"exit code {done.exit_code}: {said}"
        if done.exit_code == 1 and not any(names(done.stderr, each) for each in faulty):
            yield f"the request is not named: {said}"
        if done.exit_code == 1 and not all(run in said for run in self.begun):
            yield f"the run that was begun is not named: {said}"
        if any(secret in said for secret in secrets(self.workspace)):
            yield f"a secret: {said}"
        yield from self._counted(words, done)

    def _counted(self, words: Sequence[str], done: preloaded.Completed) -> Iterator[str]:
        publishes = "--publish" in words
        for what, there, is_wanted in (
            ("published", self.active, publishes),
            ("endpoints", self.workspace.endpoints, "--endpoint" in words),
            ("schedules", self.workspace.schedules, publishes),
            ("submitted", self.begun, "--run" in words or not publishes),
        ):
            # what is replaced is disabled at the very end
            most = is_wanted + (what == "published" and "--disable-old" in words)
            if len(there) > most or (done.exit_code == 0 and len(there) < is_wanted):
                yield f"exit code {done.exit_code}, and {what}: {len(there)}"

    @property
    def begun(self) -> list[str]:
        """The ids of the runs that were submitted."""
        return [run.id for run in self.workspace.runs.values() if run.submitted]

    @property
    def active(self) -> list[Any]:
        """The published pipelines that are not disabled."""
        known = self.workspace.published.values()
        return [each for each in known if each["EntityStatus"] in ("0", "Active")]


def names(text: str, record: Record) -> bool:
    return f"{record.method} https://{record.host}{record.path}" in " ".join(text.split())


def secrets(workspace: Workspace) -> set[str]:
    return {workspace.client_secret, *workspace.tokens, "sig=", "Bearer "}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A small project, and how to try it in one new workspace after the other."""

    service: Service
    server: Run
    folder: Path
    learned: dict[tuple[str, ...], list[Record]]
    azurite: Azurite | None = None
    first: Callable[[Case], object] = lambda _: None

    def over(
        self,
        words: Sequence[str],
        how: str,
        *,
        where: Callable[[Record], bool] = lambda _: True,
        env: dict[str, str] = GIVES_UP,
        times: int = 1,
        then: Check = lambda _: iter(()),
    ) -> list[str]:
        """What is wrong, a line for each, when every request of a command goes wrong in turn."""
        env = env | (IMPATIENT if how == "hang" else {})

        def wrong(number: int) -> list[str]:
            with self.case() as case:
                self.first(case)
                before = len(case.workspace.requests)
                case.workspace.fail(at=number, how=how, times=times)
                found = [*case.ended(words, case.tried(words, **env)), *then(case)]
                route = case.workspace.requests[before + number - 1].route
                return [f"{how} at {number}, {route}: {each}" for each in found]

        # most of a case is waiting, all the more where nothing is answered
        with ThreadPoolExecutor(AT_A_TIME * (3 if how == "hang" else 1)) as pool:
            found = pool.map(wrong, self.numbers(words, where))
            return [line for lines in found for line in lines]

    def numbers(self, words: Sequence[str], where: Callable[[Record], bool]) -> list[int]:
        """The requests that a command makes where nothing goes wrong, counted from 1."""
        key = (*words, "azurite" if self.azurite else "")
        if key not in self.learned:
            with self.case() as case:
                self.first(case)
                before = len(case.workspace.requests)
                done = case.tried(words)
                assert done.exit_code == 0, done.stderr
                self.learned[key] = case.workspace.requests[before:]
        numbers = [number for number, each in enumerate(self.learned[key], 1) if where(each)]
        assert numbers
        return numbers

    @contextmanager
    def case(self) -> Iterator[Case]:
        home = Path(tempfile.mkdtemp(dir=self.folder))
        with self.service.workspace(home, self.azurite) as workspace:
            workspace.add_compute("cpu")
            workspace.add_dataset("codes")
            workspace.add_environment("plain")
            yield Case(workspace=workspace, run=self.run)

    def run(self, *words: str, env: dict[str, str]) -> preloaded.Completed:
        return self.server(*words, cwd=self.folder, env=env)


@pytest.fixture(scope="module")
def server() -> Iterator[Run]:
    with preloaded.server(clean_environment()) as run:
        yield run


@pytest.fixture(scope="module")
def learned() -> dict[tuple[str, ...], list[Record]]:
    return {}


@pytest.fixture
def sweep(
    service: Service, server: Run, learned: dict[tuple[str, ...], list[Record]], tmp_path: Path
) -> Sweep:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/make.py").write_text("print('made')\n", encoding="utf-8")
    (tmp_path / "tiny.yaml").write_text(SPEC, encoding="utf-8")
    return Sweep(service=service, server=server, folder=tmp_path, learned=learned)


# What all that follows stands on


@pytest.mark.parametrize("words", [PUBLISH, BOTH], ids=["publish", "both"])
def test_a_fork_does_what_a_process_of_its_own_does(sweep: Sweep, words: Sequence[str]):
    assert _ends(sweep, sweep.run, words) == _ends(sweep, _process(sweep.folder), words)


def _ends(sweep: Sweep, run: Run, words: Sequence[str]) -> list[Any]:
    """How the command ends with a fault and without, and what it asks."""
    with sweep.case() as case:
        case.workspace.fail(route="GET rp/computes", how="503")
        ends = [
            _plain(run(*words, env=case.workspace.environment | env), case.workspace)
            for env in (GIVES_UP, {})
        ]
        return [*ends, [record.route for record in case.workspace.requests]]


def _process(folder: Path) -> Run:
    def run(*words: str, env: dict[str, str]) -> preloaded.Completed:
        done = subprocess.run(
            [sys.executable, "-m", "amlshare", *words],
            cwd=folder,
            env=clean_environment() | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        return preloaded.Completed(
            stdout=done.stdout, stderr=done.stderr, exit_code=done.returncode
        )

    return run


def _plain(done: preloaded.Completed, workspace: Workspace) -> tuple[int, str, str]:
    """What was said, without ids and times."""
    varying = rf"{workspace.key}|[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}|\d+\.\d s"
    return done.exit_code, *(re.sub(varying, "*", text) for text in (done.stdout, done.stderr))


# Once, and at most once


def published_by_the_same_command(case: Case, words: Sequence[str] = PUBLISH) -> Iterator[str]:
    done = case.tried(words)
    if done.exit_code != 0:
        yield f"again: exit code {done.exit_code}: {done.stderr}"
    if [len(case.active), len(case.workspace.endpoints), len(case.workspace.schedules)] != [1] * 3:
        yield "again: not just one of each"


def replaced(case: Case) -> Iterator[str]:
    return published_by_the_same_command(case, REPLACE)


def succeeded(case: Case) -> Iterator[str]:
    if not (case.active and case.workspace.schedules):
        yield "it was not tried again"


def changes(record: Record) -> bool:
    return record.method in CHANGING


def makes(record: Record) -> bool:
    """Whether something is made of which there must not be two."""
    return record.route.endswith("/Create")


def follows(record: Record) -> bool:
    return "pipelines/PipelineRuns/{" in record.route or "/runs/" in record.route


def test_a_lost_reply_at_any_request_publishes_at_most_once_and_the_same_command_then_just_once(
    sweep: Sweep,
):
    assert sweep.over(PUBLISH, "reset after", then=published_by_the_same_command) == []


@pytest.mark.parametrize("how", ["cut after", "garbled after"])
def test_nor_does_half_a_reply_or_a_foreign_page_publish_twice(sweep: Sweep, how: str):
    found = sweep.over(PUBLISH, how, where=changes, then=published_by_the_same_command)
    assert found == []


@pytest.mark.parametrize("how", ["reset before", "503", "401", "hang"])
def test_nor_does_a_request_that_nothing_is_done_of_publish_twice(sweep: Sweep, how: str):
    """What there is after it, there is after some lost reply too; so it is not tried again here."""
    assert sweep.over(PUBLISH, how) == []


@pytest.mark.parametrize("how", KINDS)
def test_whatever_goes_wrong_with_what_makes_things_they_are_made_by_the_same_command(
    sweep: Sweep, how: str
):
    assert sweep.over(PUBLISH, how, where=makes, then=published_by_the_same_command) == []


@pytest.mark.parametrize("how", ["503", "reset after"])
def test_what_passes_in_a_moment_is_no_failure(sweep: Sweep, how: str):
    found = sweep.over(PUBLISH, how, where=changes, env=TRIES_ONCE_MORE, then=succeeded)
    assert found == []


@pytest.mark.parametrize("how", KINDS)
def test_a_fault_at_any_request_that_changes_something_submits_at_most_once(sweep: Sweep, how: str):
    assert sweep.over(SUBMIT, how, where=changes) == []


@pytest.mark.parametrize("how", ["reset after", "garbled after", "503"])
def test_a_fault_while_a_run_is_followed_names_the_run(sweep: Sweep, how: str):
    assert sweep.over(SUBMIT, how, where=follows) == []


@pytest.mark.parametrize("how", KINDS)
def test_what_was_published_is_run_at_most_once(sweep: Sweep, how: str):
    assert sweep.over(BOTH, how, where=lambda each: "PipelineSubmit" in each.route) == []


@pytest.mark.parametrize("how", ["503", "reset after"])
def test_a_service_that_stays_away_ends_a_command_with_a_request_named(sweep: Sweep, how: str):
    assert sweep.over(PUBLISH, how, times=1000, where=changes) == []


@pytest.mark.parametrize("how", ["reset after", "503"])
def test_what_is_published_before_is_replaced_in_the_end(sweep: Sweep, how: str):
    newer = SPEC.replace("[made]", "[made]\n    reuse: false").replace("1 day", "2 days")
    (sweep.folder / "newer.yaml").write_text(newer, encoding="utf-8")
    found = replace(sweep, first=lambda case: case.tried(PUBLISH)).over(
        REPLACE, how, where=lambda each: each.method == "PUT", then=replaced
    )
    assert found == []


@pytest.mark.parametrize("how", KINDS)
def test_a_fault_in_an_upload_does_no_harm(sweep: Sweep, azurite: Azurite, how: str):
    uploads = SPEC.replace("raw/raw.csv, format: file", "raw/raw.csv, format: file, upload: a.csv")
    (sweep.folder / "tiny.yaml").write_text(uploads, encoding="utf-8")
    (sweep.folder / "a.csv").write_text("a\n1\n", encoding="utf-8")
    found = replace(sweep, azurite=azurite).over(
        PUBLISH,
        how,
        where=lambda each: each.host.startswith("devstoreaccount1."),
        then=published_by_the_same_command,
    )
    assert found == []
