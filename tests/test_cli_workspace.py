"""The command line against a workspace: the options, the screens and the exit codes."""

from __future__ import annotations

import json
import re
import shlex
import signal
import time
from pathlib import Path

import pytest

SPEC = """\
amlshare: 1
name: tiny
environments: {any: {image: "registry/image:1"}}
steps:
  make:
    command: echo made
    code: none
    compute: cpu
    environment: any
    outputs: [made]
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def tried(amlshare, workspace):
    """The command, signed in to a workspace that has the compute target `cpu`."""
    workspace.add_compute("cpu")
    return lambda *words, **more: amlshare(*words, env=workspace.environment, **more)


def test_a_run_is_followed_to_its_end_and_then_listed_shown_and_its_log_printed(tried, workspace):
    done = tried("submit", "tiny.yaml", "--tag", "why=test")
    assert (done.exit_code, "completed in" in done.stdout) == (0, True), done.stderr
    (run,) = workspace.runs
    assert workspace.runs[run].tags["why"] == "test"
    assert run in tried("runs", "--experiment", "tiny").stdout
    shown = tried("runs", "show", run[:8], "--in", "tiny.yaml").stdout
    assert f"amlshare logs --in tiny.yaml {run} STEP" in shown
    assert "make: done" in tried("logs", run, "make").stdout


@pytest.fixture(autouse=True)
def _spec(spec: Path) -> None:
    """Every test has it."""


def test_a_step_that_fails_is_1_and_its_last_lines_are_shown(tried, workspace):
    workspace.outcome("make", "Failed", log="one\nboom\n")
    done = tried("submit", "tiny.yaml")
    assert done.exit_code == 1
    assert "step make failed" in done.stdout
    assert "| boom" in done.stdout
    assert "amlshare logs --in tiny.yaml" in done.stdout


def test_no_variable_sends_the_token_elsewhere(workspace, amlshare):
    workspace.add_compute("cpu")
    env = workspace.environment | {"AZUREML_SERVICE_ENDPOINT": "http://elsewhere.test"}
    done = amlshare("submit", "tiny.yaml", env=env)
    assert (done.exit_code, workspace.refused) == (0, []), done.stderr


def test_nobody_waits_with_no_wait_and_cancel_stops_the_run(tried, workspace):
    workspace.automatic = False
    done = tried("submit", "tiny.yaml", "--no-wait", "--format", "json")
    run = json.loads(done.stdout)["run"]
    assert (done.exit_code, run["status"]) == (0, "queued")
    stopped = tried("cancel", run["id"])
    assert stopped.stdout == f"run {run['id']} is being canceled\n"


@pytest.fixture
def begun(amlshare, workspace, tmp_path):
    """Start a command, which looks for its temporary folder in `tmp`, and wait for a request."""
    workspace.add_compute("cpu")
    (tmp_path / "tmp").mkdir()

    def start(route, *words):
        env = workspace.environment | {"TMPDIR": str(tmp_path / "tmp")}
        process = amlshare.start(*words, env=env)
        while not workspace.asked(route):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        return process

    return start


SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
CHILDREN = "GET history/experiments/{experimentName}/runs/{runId}/children"
CREATION = "POST pipelines/PipelineRuns/Unsubmitted/CreationInfoWithGraph"


def copies(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "tmp").glob("amlshare-*"))


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_who_ends_the_waiting_gets_the_run_and_no_copy_stays(
    begun, workspace, tmp_path, number, code
):
    workspace.automatic = False
    process = begun(CHILDREN, "submit", "tiny.yaml", "--format", "json")
    assert not copies(tmp_path)  # already while it waits
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    (run,) = workspace.runs
    shown = json.loads(stdout)
    assert (process.returncode, shown["error"]) == (code, "interrupted")
    assert shown["run"] == {
        "id": run,
        "url": shown["run"]["url"],
        "backend": "azureml",
        "status": "running",
    }
    assert shown["run"]["url"] in stderr.splitlines()[0]
    assert stderr.endswith("interrupted\n")


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_who_ends_it_before_there_is_a_run_is_told_and_no_copy_stays(
    begun, workspace, tmp_path, number, code
):
    workspace.fail(route=CREATION, how="hang")
    process = begun(CREATION, "submit", "tiny.yaml", "--format", "json")
    assert copies(tmp_path)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    shown = json.loads(stdout)
    assert (process.returncode, shown["error"], "run" in shown) == (code, "interrupted", False)
    assert "Traceback" not in stderr
    assert not copies(tmp_path)


@pytest.mark.parametrize("how", ["file", "stdin", "target", "saved"])
def test_the_commands_that_are_printed_work_when_they_are_pasted(
    amlshare, workspace, tmp_path, how
):
    workspace.add_compute("cpu")
    workspace.automatic = False
    options, env = options_of(workspace)
    (tmp_path / "tiny.yaml").write_text(SPEC + "targets: {prod: {description: x}}\n")
    words = {"stdin": ["-"], "target": ["tiny.yaml", "--target", "prod"], "saved": ["plan.json"]}
    if how == "saved":
        amlshare("plan", "tiny.yaml", "--save", "plan.json")
    done = amlshare(
        "submit", *words.get(how, ["tiny.yaml"]), *options, "--no-wait", env=env, stdin=SPEC
    )
    assert done.exit_code == 0, done.stderr
    printed = re.findall(r"`(amlshare .*?)`", done.stdout)
    assert [line.split()[1] for line in printed] == ["logs", "cancel"]
    for line in printed:
        pasted = amlshare(*shlex.split(line)[1:], env=env)
        assert pasted.exit_code == 0, pasted.stderr


def options_of(workspace) -> tuple[list[str], dict[str, str]]:
    """The workspace as options, and an environment that says nothing of it."""
    variables = {
        "AZURE_SUBSCRIPTION_ID": "--subscription",
        "AZUREML_RESOURCE_GROUP": "--resource-group",
        "AZUREML_WORKSPACE": "--workspace",
    }
    env = dict(workspace.environment)
    return [word for name, option in variables.items() for word in (option, env.pop(name))], env


def test_what_is_published_twice_is_published_once(tried, workspace):
    first = tried("submit", "tiny.yaml", "--publish", "--version-label", "7", "--format", "json")
    again = tried("submit", "tiny.yaml", "--publish", "--version-label", "8")
    published = json.loads(first.stdout)["published"]
    assert (published["created"], published["version"]) == (True, "7")
    assert json.loads(first.stdout)["run"] is None
    assert f"already published tiny 7: {published['id']}" in again.stdout
    assert (first.exit_code, again.exit_code, len(workspace.published)) == (0, 0, 1)


def test_online_says_which_modules_are_there(tried):
    before = tried("plan", "tiny.yaml", "--online")
    assert "its module is new" in before.stdout
    tried("submit", "tiny.yaml", "--publish")
    after = tried("plan", "tiny.yaml", "--online", "--format", "json")
    assert json.loads(after.stdout)["modules"] == {"make": True}


def test_online_changes_nothing_in_the_workspace(tried, workspace, tmp_path):
    text = SPEC.replace("    outputs: [made]", "    inputs: {raw: raw}\n    outputs: [made]")
    (tmp_path / "tiny.yaml").write_text(text + "data: {raw: {type: directory, location: raw/}}\n")
    done = tried("plan", "tiny.yaml", "--online")
    assert (done.exit_code, "its module is new" in done.stdout) == (0, True), done.stderr
    methods = {(each.method, each.host) for each in workspace.requests if each.method != "GET"}
    assert methods == {("POST", "login.microsoftonline.com")}


def test_what_the_workspace_lacks_is_an_error_in_the_spec(amlshare, workspace):
    for words in (("plan", "tiny.yaml", "--online"), ("submit", "tiny.yaml")):
        done = amlshare(*words, env=workspace.environment)
        assert done.exit_code == 3
        assert "error[missing-in-workspace]: the workspace has no compute target 'cpu'" in (
            done.stderr
        )
        assert "tiny.yaml:8:14" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["submit", "tiny.yaml", "--jobs", "2"], "--jobs works with `--backend local`"),
        (["submit", "tiny.yaml", "--backend", "local", "--no-wait"], "--no-wait works on Azure"),
        (["submit", "tiny.yaml", "--backend", "local", "--publish"], "--publish works on Azure"),
        (["submit", "tiny.yaml", "--endpoint", "x"], "--endpoint goes with --publish"),
        (["plan", "tiny.yaml", "--online", "--backend", "local"], "--online asks a workspace"),
        (["runs", "--backend", "azureml-v2"], "has no runs of 'azureml-v2'"),
        (["cancel", "20251123-022845-ab12"], "with Ctrl-C"),
    ],
)
def test_an_option_of_another_backend_is_wrong_usage(amlshare, words, said):
    done = amlshare(*words)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_a_step_that_is_selected_without_what_it_reads_is_wrong_usage(tried, spec):
    spec.write_text(SPEC + "  use: {command: 'wc ${inputs.made}', inputs: {made: make.made}}\n")
    spec.write_text(spec.read_text() + "defaults: {code: none, compute: cpu, environment: any}\n")
    for words in (["plan"], ["plan", "--online"], ["submit"]):
        done = tried(words[0], "tiny.yaml", "--select", "use", *words[1:])
        assert (done.exit_code, "--select +use" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("words", [["submit", "tiny.yaml"], ["runs", "--backend", "azureml"]])
def test_without_a_workspace_every_way_to_name_one_is_said(amlshare, words):
    done = amlshare(*words)
    assert done.exit_code == 2
    for way in ("--workspace", "AZUREML_WORKSPACE", "config.json", "--backend local"):
        assert way in done.stderr


def test_runs_are_asked_for_by_their_experiment(tried):
    tried("submit", "tiny.yaml")
    assert "has no experiment 'nope'" in tried("runs", "--experiment", "nope").stderr
    unsaid = tried("runs", "--backend", "azureml")
    assert (unsaid.exit_code, "--experiment NAME" in unsaid.stderr) == (2, True)
