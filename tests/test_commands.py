"""What each command does, with no terminal."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from amlshare import __version__, commands
from amlshare.backends.interface import BackendError
from amlshare.commands import Request, UsageError, Whose
from amlshare.diagnostics import SpecError
from amlshare.plan import moves_of

SPEC = """\
amlshare: 1
name: trial
defaults: {compute: cpu, environment: e, code: code}
environments: {e: {image: "python:3.11"}}
local: {datastores: {workspaceblobstore: store}}
parameters: {rate: 1}
data:
  raw: {type: directory, location: raw/, upload: raw}
steps:
  make:
    script: make.py
    inputs: {raw: raw}
    outputs: [out]
    arguments: {--raw: "${inputs.raw}", --out: "${outputs.out}", --rate: "${parameters.rate}"}
  read:
    command: cat ${inputs.made}/* > ${outputs.copy}/copy.txt
    inputs: {made: make.out}
    outputs: {copy: {type: directory, location: "copies/{run-id}/"}}
"""
MAKE = """\
import argparse, pathlib
parser = argparse.ArgumentParser()
for name in ("raw", "out", "rate"):
    parser.add_argument("--" + name)
args = parser.parse_args()
out = pathlib.Path(args.out)
out.mkdir(exist_ok=True)
(out / "made.txt").write_text(args.rate)
print("made with", args.rate)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name, text in {"spec.yaml": SPEC, "code/make.py": MAKE, "raw/a.csv": "1\n"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def request(project: Path, **options: Any) -> Request:
    return Request(**{"spec": str(project / "spec.yaml"), "backend": "local", **options})


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def codes(found: Any) -> list[str]:
    return [each.code for each in found]


# Reading and checking


def test_a_good_spec_has_a_pipeline_and_nothing_to_say(project: Path):
    reading = commands.read(request(project))
    assert reading.pipeline
    assert reading.diagnostics == ()


def test_a_spec_with_errors_has_none_and_says_all_of_them_in_order(project: Path):
    edit(project / "spec.yaml", "raw: raw}", "raw: rew}")
    edit(project / "spec.yaml", "script: make.py", "script: makes.py")
    reading = commands.read(request(project))
    assert reading.pipeline is None
    assert codes(reading.diagnostics) == ["script-not-found", "unknown-source"]
    lines = [each.span.line for each in reading.diagnostics if each.span]
    assert lines == sorted(lines)
    assert len(lines) == 2


@pytest.mark.parametrize("name", ["gone.yaml", "code", "nowhere/gone.yaml"])
def test_a_spec_that_cannot_be_read_is_a_diagnostic(project: Path, name: str):
    asked = request(project, spec=str(project / name))
    (found,) = commands.read(asked).diagnostics
    assert found.severity == "error"
    assert commands.check([asked.spec], asked) == (found,)
    with pytest.raises(SpecError):
        commands.plan(asked)


def test_standard_input_is_read_from_the_folder_one_is_in(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SPEC.encode())))
    plan = commands.plan(Request(spec="-", backend="local"))
    assert [step.name for step in plan.pipeline.steps] == ["make", "read"]


def test_the_targets_of_standard_input_are_checked_too(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    text = SPEC + "targets: {bad: {steps: {read: {retries: -1}}}}\n"
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert codes(commands.check(["-"], Request(spec="-", backend="local"))) == ["bad-number"]


def test_checking_several_specs_goes_on_after_one_that_cannot_be_read(project: Path):
    (project / "bad.yaml").write_text("amlshare: 1\nname: bad\nsteps: {}\n")
    paths = [str(project / name) for name in ("gone.yaml", "bad.yaml")]
    found = commands.check(paths, request(project))
    assert sorted(codes(found)) == ["file-not-found", "no-steps"]


def test_a_spec_of_which_only_a_target_is_broken_is_good_without_it(project: Path):
    with (project / "spec.yaml").open("a") as file:
        file.write(
            "targets: {good: {parameters: {rate: 2}}, bad: {steps: {read: {retries: -1}}}}\n"
        )
    asked = request(project)
    assert codes(commands.check([asked.spec], asked)) == ["bad-number"]
    assert commands.plan(asked).pipeline.target is None
    assert commands.plan(request(project, target="good")).pipeline.parameters[0].value == 2
    with pytest.raises(SpecError):
        commands.plan(request(project, target="bad"))


def test_what_is_wrong_with_and_without_a_target_is_said_once(project: Path):
    edit(project / "spec.yaml", "raw: raw}", "raw: rew}")
    with (project / "spec.yaml").open("a") as file:
        file.write("targets: {one: {parameters: {rate: 2}}, two: {parameters: {rate: 3}}}\n")
    asked = request(project)
    assert codes(commands.check([asked.spec], asked)).count("unknown-source") == 1


def test_a_parameter_that_must_be_given_is_an_error_only_of_a_plan(project: Path):
    edit(project / "spec.yaml", "rate: 1}", "rate: {type: integer}}")
    asked = request(project)
    assert [each.severity for each in commands.check([asked.spec], asked)] == ["hint"]
    with pytest.raises(SpecError):
        commands.plan(asked)
    assert commands.plan(request(project, parameters=("rate=3",)))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("rate", "expected NAME=VALUE"),
        ("=1", "expected NAME=VALUE"),
        ("rite=1", "did you mean 'rate'"),
        ("rate=fast", "expected a whole number"),
        ("raw=other", "`parameter: true`"),
    ],
)
def test_a_parameter_that_cannot_be_is_wrong_usage(project: Path, given: str, said: str):
    with pytest.raises(UsageError, match="-p") as raised:
        commands.plan(request(project, parameters=(given,)))
    assert said in str(raised.value)


def test_a_selection_that_names_nothing_is_wrong_usage(project: Path):
    with pytest.raises(UsageError, match="did you mean 'make'"):
        commands.plan(request(project, select="mke"))


def test_what_other_backends_cannot_do_is_a_hint_said_once(project: Path):
    edit(project / "spec.yaml", "compute: cpu, environment: e, ", "")
    asked = request(project)
    found = commands.check([asked.spec], asked)
    assert {each.severity for each in found} == {"hint"}
    help_ = next(each.help for each in found if each.code == "missing-compute") or ""
    assert help_.startswith("matters only for `--backend azureml` and `--backend azureml-v2`: ")
    assert len({(each.code, each.span) for each in found}) == len(found)
    cloud = commands.check([asked.spec], request(project, backend="azureml"))
    assert {each.severity for each in cloud if each.code == "missing-compute"} == {"error"}
    assert codes(cloud).count("missing-compute") == codes(found).count("missing-compute")


TOO_MUCH = """\
compute: {cpu: {vm_size: Standard_DS3_v2}}
targets:
  small: {data: {raw: {size: 4 GB}}}
  large: {data: {raw: {size: 40 GB}}}
"""


def test_checking_finds_the_errors_of_the_plans_too_for_each_target(project: Path):
    edit(project / "spec.yaml", "inputs: {raw: raw}", "inputs: {raw: {from: raw, mode: download}}")
    with (project / "spec.yaml").open("a") as spec:
        spec.write(TOO_MUCH)
    asked = request(project, backend="azureml")
    assert "disk-too-small" in codes(commands.check([asked.spec], asked))
    for target, fails in (("small", False), ("large", True)):
        found = commands.check([asked.spec], replace(asked, target=target))
        assert ("disk-too-small" in codes(found)) is fails
    edit(project / "spec.yaml", "rate: 1", "rate: {type: number}")
    assert "disk-too-small" not in codes(commands.check([asked.spec], asked))  # no plan to make


def test_checking_gives_no_advice(project: Path):
    edit(project / "spec.yaml", "inputs: {raw: raw}", "inputs: {raw: {from: raw, mode: mount}}")
    edit(project / "spec.yaml", "upload: raw}", "size: 2 GB, files: 20000}")
    with (project / "spec.yaml").open("a") as spec:
        spec.write("compute: {cpu: {vm_size: Standard_DS3_v2}}\n")
    asked = request(project, backend="azureml")
    assert "slow-mode" in codes(commands.plan(asked).diagnostics)
    assert commands.check([asked.spec], asked) == ()


# Planning


def test_a_plan_is_the_same_each_time_and_in_each_place(project: Path, tmp_path: Path):
    first = commands.plan(request(project))
    project.rename(tmp_path / "moved")
    assert commands.plan(request(tmp_path / "moved")) == first
    assert str(tmp_path) not in json.dumps(commands.plan_document(first, moves_of(first)))


def test_a_plan_for_this_machine_knows_the_rates_of_azure_too(project: Path):
    (project / "spec.rates.yaml").write_text(
        "rates: 1\nlocal: {latency: 0.002}\nazureml: {latency: 0.05}\n"
    )
    here, there = (commands.plan(request(project, backend=name)) for name in ("local", "azureml"))
    assert (here.known.rates.latency, here.known.cloud_rates.latency) == (0.002, 0.05)
    assert here.known.in_the_cloud() == there.known


def test_a_plan_knows_what_is_selected(project: Path):
    assert commands.plan(request(project, select="read")).selected == ("read",)
    assert commands.plan(request(project, exclude="read")).selected == ("make",)


def test_a_code_file_that_cannot_be_read_is_a_diagnostic(project: Path):
    (project / "code/broken.bin").symlink_to("/proc/self/mem")
    if not (project / "code/broken.bin").exists():
        pytest.skip("needs /proc")
    with pytest.raises(SpecError, match=r"unreadable-code.*broken\.bin cannot be read"):
        commands.plan(request(project))


# Saved plans


def save(project: Path, path: Path, **options: Any) -> Path:
    asked = request(project, **options)
    commands.save(*commands.planned(asked), asked, path)
    return path


def submitted(path: Path, **options: Any) -> Any:
    """The plan that submitting a saved one would run."""
    return commands.saved(Request(spec=str(path), **options))


def stale(path: Path) -> str:
    with pytest.raises(UsageError, match="is stale: ") as raised:
        submitted(path)
    return str(raised.value)


def test_a_saved_plan_is_submitted_as_it_was_made(project: Path):
    path = save(project, project / "plan.json", parameters=("rate=7",), select="+read")
    plan, again = submitted(path)
    assert plan == commands.plan(request(project, parameters=("rate=7",), select="+read"))
    assert again.state.resolve() == project / ".amlshare"


def test_a_plan_may_be_saved_in_another_folder(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(project)
    (tmp_path / "plans").mkdir()
    asked = Request(spec="spec.yaml", backend="local")
    commands.save(*commands.planned(asked), asked, Path("../plans/plan.json"))
    made = json.loads((tmp_path / "plans/plan.json").read_text())["made_from"]
    assert (made["spec"], made["amlshare"]) == ("../project/spec.yaml", __version__)
    monkeypatch.chdir(tmp_path / "plans")
    assert submitted(Path("plan.json"))
    monkeypatch.chdir("/")
    assert submitted(tmp_path / "plans/plan.json")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("code/make.py", "made with", "was made with", "step 'make' changed (code: make.py)"),
        ("spec.yaml", "rate: 1}", "rate: 2}", "step 'make' changed (parameters)"),
        ("spec.yaml", "cat $", "tac $", "step 'read' changed (what it runs)"),
        ("spec.yaml", "3.11", "3.12", "(environment); step 'read' changed (environment)"),
        ("spec.yaml", "compute: cpu,", "compute: gpu,", "compute changed (cpu, gpu)"),
        ("spec.yaml", "location: raw/,", "location: rew/,", "data changed (raw)"),
        ("spec.yaml", "  make:\n", "  make:\n    title: Make\n", "step 'make' changed (title)"),
        ("spec.yaml", "name: trial", "name: trail", "name changed"),
        ("spec.yaml", "  read:\n", "  again:\n", "step 'again' is new; step 'read' is gone"),
        ("spec.yaml", "{made: make.out}", "{made: {from: make.out, mode: mount}}", "travels"),
    ],
)
def test_a_stale_plan_is_refused_with_what_changed(
    project: Path, file: str, old: str, new: str, said: str
):
    path = save(project, project / "plan.json")
    edit(project / file, old, new)
    assert said in stale(path)


def test_a_plan_that_only_moved_in_its_file_is_not_stale(project: Path):
    path = save(project, project / "plan.json")
    edit(project / "spec.yaml", "name: trial\n", "\n# a comment\nname: trial\n\n")
    assert submitted(path)


def test_a_plan_of_another_version_says_so(project: Path):
    path = save(project, project / "plan.json")
    edit(path, f'"amlshare": "{__version__}"', '"amlshare": "0.0.1"')
    assert submitted(path)
    edit(project / "spec.yaml", "rate: 1}", "rate: 2}")
    assert f"(amlshare 0.0.1 made it, this is {__version__})" in stale(path)


def test_a_saved_plan_of_a_spec_that_is_now_broken_says_what_is_wrong(project: Path):
    path = save(project, project / "plan.json")
    edit(project / "spec.yaml", "raw: raw}", "raw: rew}")
    with pytest.raises(SpecError, match="unknown-source"):
        submitted(path)


@pytest.mark.parametrize(
    "options", [{"target": "prod"}, {"parameters": ("rate=2",)}, {"select": "a"}, {"exclude": "a"}]
)
def test_a_saved_plan_takes_no_options(project: Path, options: Any):
    path = save(project, project / "plan.json")
    with pytest.raises(UsageError, match="submitted as it is"):
        submitted(path, **options)


def test_a_saved_plan_belongs_to_its_backend(project: Path):
    path = save(project, project / "plan.json")
    assert submitted(path)[1].backend == "local"
    with pytest.raises(UsageError, match="is a plan for local, not for azureml-v2"):
        submitted(path, backend="azureml-v2")


def test_a_plan_is_not_saved_where_it_would_change_the_code(project: Path):
    with pytest.raises(UsageError, match="lies in the code folder 'code'"):
        save(project, project / "code/plan.json")
    (project / "code/.amlignore").write_text("*.json\n")
    assert submitted(save(project, project / "code/plan.json"))


@pytest.mark.parametrize(
    ("name", "said"), [("plan.txt", ".json"), ("no/plan.json", "No such file")]
)
def test_a_plan_that_cannot_be_saved_there_says_why(project: Path, name: str, said: str):
    with pytest.raises(UsageError, match=said):
        save(project, project / name)


def test_a_plan_of_standard_input_is_not_saved(project: Path, tmp_path: Path):
    planned = commands.planned(request(project))
    with pytest.raises(UsageError, match="standard input"):
        commands.save(*planned, Request(spec="-"), tmp_path / "plan.json")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"format": 1}',
        '{"format": 1, "made_from": 1}',
        "[" * 100_000,
        "\xff",
    ],
)
def test_what_is_no_saved_plan_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "plan.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match="no saved plan; make one with"):
        submitted(path)


def test_a_saved_plan_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="No such file"):
        submitted(tmp_path / "plan.json")
    with pytest.raises(UsageError, match="Is a directory"):
        submitted(tmp_path)


# Running, and what was run


def run(project: Path, **options: Any) -> str:
    return commands.submit(request(project, **options), lambda _: None).run


def test_a_spec_and_a_saved_plan_run_here(project: Path):
    outcome = commands.submit(request(project), lambda _: None)
    assert outcome.status == "completed"
    path = save(project, project / "plan.json")
    again = commands.submit(Request(spec=str(path)), lambda _: None)
    assert [step.reused for step in again.steps] == [True, True]


def test_a_backend_that_runs_nothing_yet_says_what_does(project: Path):
    with pytest.raises(UsageError, match="`--backend local`"):
        commands.submit(request(project, backend="azureml"), lambda _: None)


def test_runs_are_found_by_spec_by_folder_and_from_above(project: Path):
    name = run(project)
    for where in (project / "spec.yaml", project, project.parent):
        assert [each.id for each in commands.runs(Whose(where=where))] == [name]
        assert commands.show(name, Whose(where=where)).run.id == name


def test_runs_of_several_folders_are_not_mixed(project: Path, tmp_path: Path):
    run(project)
    (tmp_path / "other/.amlshare").mkdir(parents=True)
    with pytest.raises(UsageError, match="--in FOLDER"):
        commands.runs(Whose(where=tmp_path))


def test_where_nothing_ran_there_are_no_runs(tmp_path: Path):
    with pytest.raises(BackendError, match="nothing was run here yet"):
        commands.runs(Whose(where=tmp_path))
    with pytest.raises(UsageError, match="there is no"):
        commands.runs(Whose(where=tmp_path / "gone.yaml"))
    assert commands.clean(tmp_path) == ()


def test_logs_are_of_a_step_or_of_all(project: Path):
    name = run(project)
    assert "".join(commands.logs(name, "make", Whose(where=project))) == "made with 1\n"
    assert "".join(commands.logs(name, None, Whose(where=project))) == (
        "==> make <==\nmade with 1\n==> read <==\n"
    )
    with pytest.raises(BackendError, match="has no step 'mke'"):
        list(commands.logs(name, "mke", Whose(where=project)))


def test_what_nothing_refers_to_is_shown_first_and_then_removed(project: Path):
    run(project)
    last = run(project, parameters=("rate=2",))
    found = commands.clean(project)
    assert {each.kind for each in found} >= {"run", "output"}
    assert all(each.path.exists() for each in found)
    commands.remove(found, project)
    assert not any(each.path.exists() for each in found)
    assert [each.id for each in commands.runs(Whose(where=project))] == [last]


# Starting


def test_init_writes_a_project_that_has_each_kind_of_edge_and_runs(tmp_path: Path):
    written = commands.init(tmp_path / "new")
    assert all(path.is_file() for path in written)
    asked = Request(spec=str(tmp_path / "new/pipeline.yaml"), backend="local")
    plan = commands.plan(asked)
    assert {each.type for each in plan.pipeline.data} == {"path", "directory", "dataset"}
    made = {output.type for step in plan.pipeline.steps for output in step.outputs}
    assert made == {"path", "directory", "dataset"}
    assert commands.submit(asked, lambda _: None).status == "completed"
    months = (tmp_path / "new/datastore/reports/shop/months.csv").read_text()
    assert months.splitlines() == [
        "month,worth",
        "2024-01,952.30",
        "2024-02,455.60",
        "2024-03,866.50",
    ]


@pytest.mark.parametrize("backend", ["azureml", "azureml-v2", "local"])
def test_nothing_is_to_be_said_of_what_init_writes(tmp_path: Path, backend: str):
    commands.init(tmp_path)
    path = str(tmp_path / "pipeline.yaml")
    assert commands.check([path], Request(spec=path, backend=backend)) == ()


def test_init_writes_the_schema_that_its_spec_names(tmp_path: Path):
    commands.init(tmp_path)
    first = (tmp_path / "pipeline.yaml").read_text().splitlines()[0]
    name = first.rpartition("=")[2]
    assert json.loads((tmp_path / name).read_text()) == commands.schema()


def test_init_overwrites_nothing(tmp_path: Path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(UsageError, match=r"already there: .*README\.md"):
        commands.init(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_init_says_where_it_cannot_write(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write"):
        commands.init(tmp_path / "file")


# What a command loads


def test_a_plan_loads_neither_the_cloud_nor_what_only_a_run_needs(project: Path):
    code = (
        "import sys; sys.argv = ['amlshare', 'plan', 'spec.yaml', '--backend', 'local']\n"
        "from amlshare.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('LOADED', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.partition("LOADED ")[2].split())
    tops = {name.partition(".")[0] for name in loaded}
    assert tops.isdisjoint({"azure", "azureml", "adlfs", "fsspec", "fuse", "pandas", "aiohttp"})
    assert loaded.isdisjoint({"sqlite3", "asyncio", "concurrent.futures", "rich.console"})
    assert "amlshare.backends.local.executor" not in loaded
