"""The real command from end to end: what it prints where, and its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from amlshare.explanations import CODES

SPEC = """\
amlshare: 1
name: tiny
defaults: {code: code, datastore: here, compute: cpu, environment: plain}
environments: {plain: {conda: plain.yml}}
local: {datastores: {here: data}}
parameters: {word: hello}
data:
  names: {type: path, location: names.txt, format: file, size: 30 MB}
steps:
  greet:
    script: greet.py
    inputs: {names: {from: names, mode: download}}
    outputs: [greetings]
    arguments:
      --names: ${inputs.names}
      --out: ${outputs.greetings}
      --word: ${parameters.word}
  count:
    command: wc -l < ${inputs.greetings}/out.txt > ${outputs.lines}/n.txt
    inputs: {greetings: greet.greetings}
    outputs: {lines: {type: directory, location: "lines/{run-id}/"}}
targets:
  loud: {parameters: {word: HELLO}}
"""
GREET = """\
import argparse, pathlib
parser = argparse.ArgumentParser()
for flag in ("--names", "--out", "--word"):
    parser.add_argument(flag)
given = parser.parse_args()
names = pathlib.Path(given.names).read_text().split()
print("greeting", len(names))
out = pathlib.Path(given.out)
out.mkdir(parents=True, exist_ok=True)
(out / "out.txt").write_text("".join(f"{given.word} {name}\\n" for name in names))
"""
COMMANDS = "plan check submit explain init schema logs clean runs diff cancel".split()


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A spec of two steps, its script and its data."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "greet.py").write_text(GREET, "utf-8")
    (tmp_path / "plain.yml").write_text("dependencies: [python=3.11]\n", "utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "names.txt").write_text("Ada\nGrace\n", "utf-8")
    path = tmp_path / "tiny.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def broken(spec: Path) -> Path:
    spec.write_text(SPEC.replace("greet.greetings", "greet.greetngs"), "utf-8")
    return spec


# --- help -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS), ["runs", "show"]])
def test_every_help_has_an_example(amlshare, command):
    done = amlshare(*command, "--help")
    assert done.exit_code == 0
    assert f"Examples:\n    amlshare {' '.join(command)}".rstrip() in done.stdout


def test_the_version(amlshare):
    from amlshare import __version__

    assert amlshare("--version").stdout == f"{__version__}\n"


def test_help_and_version_import_little():
    for arguments in ("--version", "plan --help", "--help"):
        done = imported_by(*arguments.split())
        assert not done & {"amlshare.commands", "yaml", "rich", "sqlite3", "asyncio"}


def imported_by(*arguments: str | Path) -> set[str]:
    """The modules that a command has imported when it ends."""
    program = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('\\nMODULES', *sys.modules, file=sys.stderr))\n"
        "from amlshare.cli import main\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True
    )
    return set(done.stderr.rpartition("MODULES")[2].split())


def test_a_plan_imports_nothing_that_only_a_run_needs(spec):
    modules = imported_by("plan", spec)
    assert "amlshare.render.text" in modules
    unwanted = {"rich.console", "rich.live", "sqlite3", "asyncio", "fsspec", "jsonschema"}
    assert not modules & unwanted
    assert not {name for name in modules if name.partition(".")[0] in {"azure", "azureml"}}


# --- usage ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pln"], "Did you mean 'plan'"),
        (["plan"], "Missing argument 'SPEC'"),
        (["plan", "tiny.yaml", "--bakend", "local"], "--backend"),
        (["plan", "tiny.yaml", "--backend", "lcal"], "did you mean 'local'?"),
        (["plan", "tiny.yaml", "-p", "word"], "expected NAME=VALUE"),
        (["plan", "tiny.yaml", "-p", "wrd=x"], "word"),
        (["plan", "tiny.yaml", "--select", "nobody"], "nobody"),
        (["plan", "tiny.yaml", "--max-moved", "5 gigs"], "expected a number and a unit, such as"),
        (["plan", "tiny.yaml", "--max-duplicate", "0.1"], "from 0 to 100 %"),
        (["submit", "tiny.yaml", "--backend", "local", "--tag", "x"], "expected NAME=VALUE"),
        (["plan", "tiny.yaml", "--select", "count"], "select it as well, with `--select +count`"),
        (["submit", "tiny.yaml", "--publish", "--no-wait"], "--no-wait goes with a run"),
        (["submit", "tiny.yaml", "--publish", "--endpoint", "a b/ü"], "cannot be an endpoint's"),
        (["explain", "unknown-sorce"], "unknown-source"),
        (["submit", "plan.json"], "plan.json"),
    ],
)
@pytest.mark.usefixtures("spec")
def test_wrong_usage_is_2_and_says_what_is_right(amlshare, arguments, said):
    done = amlshare(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_backend_may_stand_in_the_environment(amlshare, spec):
    assert "tiny on local" in amlshare("plan", spec, env={"AMLSHARE_BACKEND": "local"}).stdout
    assert amlshare("plan", spec, env={"AMLSHARE_BACKEND": "lcal"}).exit_code == 2


def test_without_a_workspace_submit_names_the_way_to_run_here(amlshare, spec):
    done = amlshare("submit", spec)
    assert done.exit_code == 2
    assert "--backend local" in done.stderr


# --- plan -------------------------------------------------------------------------------------


def test_plan_shows_what_would_be_done(amlshare, spec):
    done = amlshare("plan", spec.name)
    assert done.exit_code == 0
    assert "1. greet" in done.stdout
    assert "2. count" in done.stdout
    assert "amlshare submit tiny.yaml --backend local\n" in done.stdout
    assert done.stderr == ""


def test_the_way_to_run_it_repeats_what_was_asked(amlshare, spec):
    asked = ("--target", "loud", "-p", "word=a b", "--select", "greet")
    done = amlshare("plan", spec.name, *asked)
    wanted = "tiny.yaml --backend local --target loud -p 'word=a b' --select greet\n"
    assert wanted in done.stdout


def test_a_plan_as_json_is_one_document(amlshare, spec):
    done = amlshare("plan", spec, "--format", "json")
    document = json.loads(done.stdout)
    assert (document["format"], document["backend"]) == (1, "azureml")
    assert [step["name"] for step in document["steps"]] == ["greet", "count"]
    assert document["edges"][0]["bytes"] == 30_000_000


@pytest.mark.parametrize(
    ("format_", "begin"), [("markdown", "### `tiny`"), ("mermaid", "flowchart TD")]
)
def test_a_plan_in_other_formats(amlshare, spec, format_, begin):
    assert amlshare("plan", spec, "--format", format_).stdout.startswith(begin)


@pytest.mark.parametrize("format_", ["text", "json", "markdown", "mermaid"])
def test_a_plan_over_budget_is_shown_and_ends_with_5(amlshare, spec, format_):
    done = amlshare("plan", spec, "--max-moved", "20MB", "--format", format_)
    assert done.exit_code == 5
    assert done.stderr.startswith("over budget\n")
    assert "names  30 MB  for greet" in done.stderr
    assert "its size is not known: greet.greetings" in done.stderr
    if format_ == "json":
        assert json.loads(done.stdout)["budget"]["over"] is True
        assert json.loads(done.stdout)["budget"]["unknown_edges"] == ["count.greetings"]
    assert "tiny" in done.stdout or format_ == "mermaid"


def test_a_plan_within_its_budget_ends_with_0(amlshare, spec, tmp_path):
    limits = ("--max-moved", "30 MB", "--max-duplicate", "10%", "--select", "greet")
    done = amlshare("plan", spec, *limits, "-o", "plan.txt")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("within budget: 30 MB to move (at most 30 MB)")
    assert (tmp_path / "plan.txt").exists()


def test_a_plan_can_be_written_to_a_file(amlshare, spec, tmp_path):
    done = amlshare("plan", spec, "-o", "plan.txt", env={"FORCE_COLOR": "1", "NO_COLOR": ""})
    assert done.stdout == ""
    assert (tmp_path / "plan.txt").read_text("utf-8").startswith("tiny on azureml\n")


def test_a_file_that_cannot_be_written_is_said(amlshare, spec):
    done = amlshare("plan", spec, "-o", "nowhere/plan.txt")
    assert done.exit_code == 2
    assert "cannot write 'nowhere/plan.txt': No such file or directory" in done.stderr


def test_colour_is_for_terminals_and_those_who_force_it(amlshare, spec):
    assert "\x1b[" not in amlshare("plan", spec, env={"NO_COLOR": ""}).stdout
    assert "\x1b[" in amlshare("plan", spec, env={"NO_COLOR": "", "FORCE_COLOR": "1"}).stdout


def test_a_terminal_without_utf_8_gets_ascii(amlshare, spec):
    spec.write_text(SPEC.replace("name: tiny", "name: tiny\ndescription: größe"), "utf-8")
    done = amlshare("plan", spec, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.exit_code == 0
    assert "<- names" in done.stdout
    assert "gr\\xf6\\xdfe" in done.stdout


def test_whoever_reads_only_the_head_ends_it_quietly(spec):
    command = f"{sys.executable} -m amlshare plan {spec} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout == "tiny on azureml\n"
    assert done.stderr == ""


@pytest.mark.parametrize("words", ["", "--help", "plan --help", "plan tiny.yaml", "plan nope.yaml"])
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full"])
@pytest.mark.usefixtures("spec")
def test_where_a_stream_is_closed_or_full_there_is_no_traceback(tmp_path, words, closed):
    command = f"{sys.executable} -m amlshare {words} {closed}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode in {0, 1, 2, 3}
    assert "Traceback" not in done.stderr
    assert "ignored" not in done.stderr


# --- errors in a spec -------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["plan", "submit"])
def test_errors_in_a_spec_are_3_and_go_to_stderr(amlshare, spec, command):
    done = amlshare(command, broken(spec), "--backend", "local")
    assert done.exit_code == 3
    assert done.stdout == ""
    assert "error[unknown-source]" in done.stderr
    assert "did you mean 'greet.greetings'?" in done.stderr
    assert "1 error" in done.stderr


@pytest.mark.parametrize("command", ["plan", "submit", "check"])
def test_errors_as_json_are_one_document_on_stdout(amlshare, spec, command):
    done = amlshare(command, broken(spec), "--backend", "local", "--format", "json")
    assert done.exit_code == 3
    document = json.loads(done.stdout)
    assert document["format"] == 1
    assert "unknown-source" in {each["code"] for each in document["diagnostics"]}


def test_other_errors_as_json_are_a_document_too(amlshare, spec):
    done = amlshare("plan", spec, "-p", "word", "--format", "json")
    assert done.exit_code == 2
    document = json.loads(done.stdout)
    assert document["diagnostics"] == []
    assert "NAME=VALUE" in document["error"]


def test_check_finds_nothing_in_a_sound_spec(amlshare, spec):
    done = amlshare("check", spec, "--backend", "local")
    assert done.exit_code == 0
    assert "error" not in done.stdout.replace("no errors", "")


def test_check_shows_the_errors_of_every_spec(amlshare, spec, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("amlshare: 1\nname: other\nsteps: {}\nwhat: 1\n", "utf-8")
    done = amlshare("check", broken(spec), other)
    assert done.exit_code == 3
    assert "tiny.yaml:" in done.stdout
    assert "other.yaml:4:1" in done.stdout


def test_check_reads_standard_input(amlshare):
    done = amlshare("check", "-", stdin="amlshare: 1\nname: [\n")
    assert done.exit_code == 3
    assert "-->" in done.stdout


def test_a_plan_of_standard_input_names_no_file(amlshare, spec):
    done = amlshare("plan", "-", stdin=spec.read_text("utf-8"))
    assert "amlshare submit SPEC --backend local\n" in done.stdout


def test_an_error_cannot_steer_the_terminal(amlshare, spec):
    done = amlshare("plan", spec, "-p", "\x1b[2J")
    assert "\x1b" not in done.stderr


def test_a_spec_that_is_not_there_is_said(amlshare):
    done = amlshare("plan", "nothing.yaml")
    assert done.exit_code in {2, 3}
    assert "nothing.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_unforeseen_asks_for_a_report_and_v_shows_the_traceback():
    program = (
        "from amlshare import commands, cli\n"
        "def fail(*_):\n"
        "    raise KeyError('boo')\n"
        "commands.schema = fail\n"
        "cli.main()"
    )
    for flags, traced in (([], False), (["-v"], True)):
        arguments = [sys.executable, "-c", program, "schema", *flags]
        done = subprocess.run(arguments, capture_output=True, text=True)
        assert done.returncode == 1
        assert "this should not happen: KeyError: 'boo'" in done.stderr
        assert "please report it" in done.stderr
        assert ("Traceback" in done.stderr) is traced


# --- explain, schema, init --------------------------------------------------------------------


def test_explain_says_what_a_code_means_with_an_example(amlshare):
    done = amlshare("explain", "unknown-source")
    assert done.exit_code == 0
    assert done.stdout.startswith("error[unknown-source]: ")
    assert "wrong:" in done.stdout
    assert json.loads(amlshare("explain", "unknown-source", "--format", "json").stdout)["bad"]


def test_explain_without_a_code_lists_them_all_by_severity(amlshare):
    lines = amlshare("explain").stdout.splitlines()
    heads = [line for line in lines if line and not line.startswith("  ")]
    assert heads == ["errors:", "warnings:", "hints:", "For one of them: amlshare explain CODE"]
    said = [line.split(maxsplit=1) for line in lines if line.startswith("  ")]
    listed = json.loads(amlshare("explain", "--format", "json").stdout)["codes"]
    assert {each["code"]: each["title"] for each in listed} == dict(said)
    assert [each["code"] for each in listed] == list(CODES)


def test_schema_is_json_on_stdout(amlshare):
    assert json.loads(amlshare("schema").stdout)["$schema"]


def test_init_writes_a_project_that_plans(amlshare):
    done = amlshare("init", "shop")
    assert done.exit_code == 0
    assert done.stdout.endswith("\nLook at it:  amlshare plan shop/pipeline.yaml\n")
    assert amlshare("plan", "shop/pipeline.yaml").exit_code == 0
    assert amlshare("init", "shop").exit_code == 2


# --- submit and what it leaves ----------------------------------------------------------------


def submit(amlshare, spec: Path, *arguments: str):
    return amlshare("submit", spec, "--backend", "local", *arguments)


def test_a_run_shows_its_progress_on_stderr_and_its_end_on_stdout(amlshare, spec):
    done = submit(amlshare, spec)
    assert done.exit_code == 0, done.stderr
    assert "[greet] greeting 2" in done.stderr
    assert "→ count started" in done.stderr
    assert "✓  greet  ran" in done.stdout
    assert "count.lines" in done.stdout
    assert " completed in " in done.stdout
    assert ": 2 steps, 2 ran" in done.stdout


def test_a_second_run_reuses_every_step(amlshare, spec):
    submit(amlshare, spec)
    done = submit(amlshare, spec)
    assert "2 steps, 2 reused" in done.stdout
    again = submit(amlshare, spec, "--regenerate")
    assert "2 steps, 2 ran" in again.stdout


def test_a_run_as_json_is_one_document(amlshare, spec):
    document = json.loads(submit(amlshare, spec, "--format", "json").stdout)
    assert document["run"]["status"] == "completed"
    assert document["published"] is None
    assert {step["name"]: step["status"] for step in document["steps"]} == {
        "greet": "completed",
        "count": "completed",
    }


def test_a_step_that_fails_is_1_with_its_last_lines(amlshare, spec):
    (spec.parent / "code" / "greet.py").write_text("raise SystemExit('no names today')", "utf-8")
    done = submit(amlshare, spec)
    assert done.exit_code == 1
    assert "step greet failed" in done.stdout
    assert "| no names today" in done.stdout
    assert f"amlshare logs --in {spec.parent} " in done.stdout
    assert "⊘  count  skipped" in done.stdout


def test_a_saved_plan_is_submitted_as_it_is_until_it_is_stale(amlshare, spec):
    amlshare("plan", spec, "--backend", "local", "--save", "plan.json")
    assert amlshare("submit", "plan.json").exit_code == 0
    (spec.parent / "code" / "greet.py").write_text(GREET + "\n# changed\n", "utf-8")
    done = amlshare("submit", "plan.json")
    assert done.exit_code == 2
    assert "stale" in done.stderr


def test_runs_are_listed_and_shown_with_their_lineage(amlshare, spec):
    run = json.loads(submit(amlshare, spec, "--format", "json").stdout)["run"]["id"]
    assert run in amlshare("runs").stdout
    listed = json.loads(amlshare("runs", "--format", "json").stdout)
    assert [each["id"] for each in listed["runs"]] == [run]
    shown = amlshare("runs", "show", run[:-2])
    assert "← names" in shown.stdout
    document = json.loads(amlshare("runs", "show", run, "--format", "json").stdout)
    assert [step["name"] for step in document["steps"]] == ["greet", "count"]


def test_runs_are_found_beside_a_spec_in_another_folder(amlshare, spec, tmp_path):
    submit(amlshare, spec)
    elsewhere = tmp_path.parent
    assert "tiny" in amlshare("runs", "--in", spec, cwd=elsewhere).stdout


def test_where_there_are_no_runs_the_way_to_those_of_a_workspace_is_said(amlshare):
    assert "amlshare runs --backend azureml --in SPEC" in amlshare("runs").stderr


def test_the_help_of_runs_shows_the_options_that_it_takes(amlshare):
    shown = amlshare("runs", "--help").stdout
    assert all(option in shown for option in ("--in SPEC|DIR", "--backend NAME", "--experiment"))


def test_a_code_folder_that_sdk_v1_refuses_is_an_error_there_and_a_hint_here(amlshare, spec):
    with (spec.parent / "code/model.bin").open("wb") as file:
        file.truncate(400 * 10**6)
    there = amlshare("check", spec)
    assert there.exit_code == 3
    assert "error[large-code]: code folder 'code' has 400 MB" in there.stdout
    here = amlshare("check", spec, "--backend", "local")
    assert here.exit_code == 0
    assert "hint[large-code]" in here.stdout


def test_logs_print_what_a_step_printed(amlshare, spec):
    run = json.loads(submit(amlshare, spec, "--format", "json").stdout)["run"]["id"]
    assert amlshare("logs", run, "greet").stdout == "greeting 2\n"
    assert "greeting 2" in amlshare("logs", run).stdout
    wrong = amlshare("logs", run, "gret")
    assert wrong.exit_code == 1
    assert "greet" in wrong.stderr


def test_clean_shows_first_and_removes_only_when_told(amlshare, spec):
    submit(amlshare, spec)
    submit(amlshare, spec, "-p", "word=bye")
    asked = amlshare("clean")
    assert asked.exit_code == 2
    assert "to remove" in asked.stdout
    assert "--yes" in asked.stderr
    assert amlshare("clean", "--yes").exit_code == 0
    assert len(json.loads(amlshare("runs", "--format", "json").stdout)["runs"]) == 1


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_run_that_is_stopped_says_so_and_the_same_command_goes_on(amlshare, spec, number, code):
    (spec.parent / "code" / "greet.py").write_text(
        "import time; print('up', flush=True); time.sleep(60)"
    )
    process = amlshare.start("submit", spec, "--backend", "local", "--format", "json")
    assert process.stderr is not None
    while "[greet] up" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == code
    assert stderr.endswith("the same command goes on from there\ninterrupted\n")
    shown = json.loads(stdout)
    assert (shown["error"], shown["run"]["status"]) == ("interrupted", "interrupted")
    assert shown["run"]["id"] in amlshare("runs").stdout


# --- completion -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("amlshare pl", "plan"),
        ("amlshare plan --backend l", "local"),
        ("amlshare runs ", "show"),
        ("amlshare explain unknown-so", "unknown-source"),
    ],
)
def test_the_shell_completes(words, offered):
    environment = os.environ | {
        "_AMLSHARE_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "amlshare"], env=environment, capture_output=True, text=True
    )
    assert offered in done.stdout.split()
