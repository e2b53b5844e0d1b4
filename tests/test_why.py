"""What `plan` and `why` say after something was changed, end to end."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from amlshare.commands import Request, UsageError, diff, plan, planned, save, since
from amlshare.commands.explaining import Difference, first_difference, why
from amlshare.impacts import Impacts
from amlshare.movement.known import Size

SPEC = """\
amlshare: 1
name: shop
defaults: {environment: python, datastore: blobs, code: scripts}
environments: {python: {image: "registry/image:1", conda: env.yml}, bare: {image: "registry/b:1"}}
compute: {cpu: {cluster: cpu}}
local: {datastores: {blobs: data}}
parameters: {least: 2}
data: {raw: {type: path, location: raw.csv, format: file}}
steps:
  argued:
    script: plain.py
    environment: bare
    compute: cpu
    arguments: {--least: "${parameters.least}", --word: one}
  edited: {script: edited.py, environment: bare, compute: cpu}
  packed: {command: "true", code: none, compute: cpu}
  fed:
    command: cp ${inputs.raw} ${outputs.copy}
    code: none
    environment: bare
    compute: cpu
    inputs: {raw: raw}
    outputs: {copy: {format: file}}
  last:
    command: cat ${inputs.copy}
    code: none
    environment: bare
    compute: cpu
    inputs: {copy: fed.copy}
"""
FILES = {
    "shop.yaml": SPEC,
    "env.yml": "dependencies:\n  - python=3.10\n  - pip: [numpy==1.26.4]\n",
    "scripts/plain.py": "import sys\n",
    "scripts/edited.py": "# the first line\nprint(1)\nprint(2)\n",
    "data/raw.csv": "a,b\n1,2\n",
}
EDITS = {
    "shop.yaml": ("--word: one", "--word: two"),
    "env.yml": ("1.26.4", "2.0.0"),
    "scripts/edited.py": ("print(1)", "print('one')"),
    "data/raw.csv": ("1,2", "1,2\n3,4"),
}
HERE = ("--backend", "local")


def write(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def edit(folder: Path, *names: str) -> None:
    for name in names or EDITS:
        path = folder / name
        path.write_text(path.read_text().replace(*EDITS[name]))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project, in the working folder."""
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def became(backend="local", against=None):
    """What the plan says of each step: its impact, and why."""
    request = Request(spec="shop.yaml", backend=backend)
    found = since(plan(request), request, against)
    assert isinstance(found, Impacts), found
    return {
        name: (each.impact, [*map(str, (*each.reasons, *each.again))])
        for name, each in found.steps.items()
    }


def causes(step, backend="local", against=None):
    return why(Request(spec="shop.yaml", backend=backend), step, against).causes


def notes(step, backend="local", against=None):
    return why(Request(spec="shop.yaml", backend=backend), step, against).notes


def refresh(amlshare):
    done = amlshare("plan", "shop.yaml", "--refresh", *HERE)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_each_change_since_the_last_run_is_found_to_the_file_and_line(shop, amlshare):
    assert "No submit to local from here yet; compare --against a revision or a file." in refresh(
        amlshare
    )
    assert amlshare("submit", "shop.yaml", *HERE).exit_code == 0
    assert {impact for impact, _ in became().values()} == {"unchanged"}
    assert "its result is eligible for reuse" in notes("edited")[0]

    edit(shop)
    screen = refresh(amlshare)
    assert "~ changed: argument --word: one -> two" in screen
    assert "3 changed, 2 downstream, 0 unchanged since run " in screen
    assert {name: impact for name, (impact, _) in became().items()} == {
        "argued": "changed",
        "edited": "changed",
        "packed": "changed",
        "fed": "downstream",
        "last": "downstream",
    }

    def first(step):
        cause = causes(step)[0]
        return cause.what, cause.before, cause.after, cause.file, cause.line

    assert first("argued") == ("argument --word", "one", "two", "shop.yaml", 14)
    code = "code edited.py changed"
    assert first("edited") == (code, "print(1)", "print('one')", "scripts/edited.py", 2)
    package = "pip.numpy of environment 'python'"
    assert first("packed") == (package, "1.26.4", "2.0.0", "env.yml", 3)
    what, before, after, *place = first("fed")
    assert (what, place) == ("content of data 'raw'", ["shop.yaml", 8])
    assert (before.split(", ")[:2], after.split(", ")[:2]) == (
        ["8 B", "1 file"],
        ["12 B", "1 file"],
    )
    assert [(each.step, each.what) for each in causes("last")] == [
        ("last", "it reads fed.copy of step 'fed', which is downstream of a change"),
        ("fed", "content of data 'raw'"),
    ]
    done = amlshare("why", "shop.yaml", "last", *HERE)
    assert "for fed:\n\n  content of data 'raw'\n  --> shop.yaml:8\n      - 8 B" in done.stdout


def test_a_step_that_failed_runs_again_though_nothing_changed(shop, amlshare):
    (shop / "scripts/edited.py").write_text("raise SystemExit(1)\n")
    assert amlshare("submit", "shop.yaml", *HERE, "--select", "edited").exit_code == 1
    assert became()["edited"] == ("unchanged", ["it failed the last time"])
    assert became()["argued"] == ("added", [])
    (cause,) = causes("edited")
    assert (cause.what, cause.file) == ("it failed the last time", None)
    assert notes("edited") == ()


@pytest.mark.usefixtures("shop")
def test_what_a_run_found_at_its_sources_is_shown_where_nothing_else_says_it(amlshare):
    assert amlshare("submit", "shop.yaml", *HERE).exit_code == 0
    sizes = plan(Request(spec="shop.yaml")).known.sizes
    eight = Size(bytes=8, files=1, origin="history")
    assert sizes == {"raw": eight, "fed.copy": eight}


def test_clean_removes_the_texts_of_code_that_no_step_was_submitted_with_last(shop, amlshare):
    submit = ("submit", "shop.yaml", *HERE, "--select", "edited")
    amlshare(*submit)
    edit(shop, "scripts/edited.py")
    amlshare(*submit)
    code = shop / ".amlshare/history/code"
    before = len(list(code.iterdir()))
    assert amlshare("clean", "--yes").exit_code == 0
    assert len(list(code.iterdir())) == before - 1
    assert became()["edited"][0] == "unchanged"


def test_a_file_that_differs_in_its_line_ends_alone_is_said_to(shop):
    request = Request(spec="shop.yaml", backend="local")
    shutil.copytree(shop, shop / "before")
    path = shop / "scripts/edited.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (cause,) = why(request, "edited", "before/shop.yaml").causes
    assert cause.what == "code edited.py changed, in nothing but its line ends"


@pytest.mark.usefixtures("shop")
def test_a_step_that_there_is_not_is_wrong_usage(amlshare):
    done = amlshare("why", "shop.yaml", "edit", *HERE)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: no step is called 'edit'; did you mean 'edited'?\n"


@pytest.mark.usefixtures("shop")
def test_where_nothing_was_submitted_why_says_what_there_is_to_compare_with(amlshare):
    done = amlshare("why", "shop.yaml", "fed", "--format", "json")
    found = json.loads(done.stdout)
    assert (found["impact"], found["reasons"]) == (None, [])
    assert "compare --against published, a revision or a file" in found["notes"][0]
    assert "Azure does not notice other bytes at blobs:raw.csv (data 'raw')" in found["notes"][1]
    with pytest.raises(UsageError, match="no submit to azureml"):
        causes("fed", "azureml", "last")


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.test")
    subprocess.run(["git", "-C", folder, *identity, *words], check=True, capture_output=True)


def test_a_git_revision_has_the_spec_and_all_that_it_names(shop):
    git(shop, "init", "-q")
    (shop / ".gitattributes").write_text("scripts export-ignore\n")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "first")
    edit(shop, "scripts/edited.py", "env.yml")
    found = became(against="HEAD")
    assert {name for name, (impact, _) in found.items() if impact == "changed"} == {
        "edited",
        "packed",
    }
    (cause,) = causes("edited", against="HEAD")
    assert (cause.line, cause.before) == (2, "print(1)")
    changes = diff(Request(spec="shop.yaml"), "HEAD").changes
    assert [(each.kind, each.name, each.effect) for each in changes] == [
        ("environment", "python", "changed"),
        ("step", "edited", "changed"),
        ("step", "packed", "downstream"),
    ]
    status = subprocess.run(
        ["git", "-C", shop, "status", "--porcelain"], check=True, capture_output=True, text=True
    )
    assert status.stdout.split() == ["M", "env.yml", "M", "scripts/edited.py"]


def test_a_revision_that_git_does_not_know_is_wrong_usage(shop, amlshare):
    done = amlshare("plan", "shop.yaml", "--against", "nowhere")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "a revision that git knows here" in done.stderr
    git(shop, "init", "-q")
    git(shop, "commit", "-qm", "empty", "--allow-empty")
    with pytest.raises(UsageError, match=r"there is no 'shop\.yaml' at revision 'HEAD'"):
        became(against="HEAD")


def test_another_spec_and_a_saved_plan_can_be_compared_with(shop):
    request = Request(spec="shop.yaml", backend="local")
    save(*planned(request), request, Path("plan.json"))
    shutil.copy(shop / "shop.yaml", shop / "other.yaml")
    edit(shop, "shop.yaml")
    for other in ("plan.json", "other.yaml"):
        found = became(against=other)
        assert found["argued"] == ("changed", ["argument --word: one -> two"])
        assert {impact for impact, _ in found.values()} == {"changed", "unchanged"}
    with pytest.raises(UsageError, match="a plan for local, not for azureml"):
        became("azureml", against="plan.json")
    (shop / "other.yaml").write_text("amlshare: 1\nname: x\nsteps: {a: {}}\n")
    with pytest.raises(UsageError, match=r"other\.yaml cannot be planned"):
        became(against="other.yaml")


def test_a_saved_plan_differs_in_no_environment_but_one_whose_files_changed(shop, amlshare):
    request = Request(spec="shop.yaml", backend="local")
    save(*planned(request), request, Path("plan.json"))
    same = ("diff", "shop.yaml", *HERE, "--against", "plan.json", "--exit-code")
    done = amlshare(*same)
    assert (done.exit_code, done.stdout) == (
        0,
        "No differences: shop.yaml is the same as plan.json.\n",
    )
    edit(shop, "env.yml")
    (python, packed) = diff(request, "plan.json").changes
    assert (python.name, [each.field for each in python.fields]) == ("python", ["digest"])
    assert (packed.name, packed.effect) == ("packed", "downstream")
    assert became(against="plan.json")["packed"][0] == "changed"


def test_a_part_of_a_sequence_is_counted_as_its_log_does_and_found_at_its_line(shop):
    parts = "    sequence:\n      - command: date\n      - command: ls\n    code: none\n"
    spec = SPEC.partition("steps:")[0] + "steps:\n  both:\n    compute: cpu\n" + parts
    (shop / "shop.yaml").write_text(spec.replace("command: ls", "command: ls -l"))
    (shop / "other.yaml").write_text(spec)
    (cause,) = causes("both", against="other.yaml")
    assert (cause.what, cause.before, cause.after) == ("sequence.2.command", "ls", "ls -l")
    assert (shop / "shop.yaml").read_text().splitlines()[cause.line - 1] == "      - command: ls -l"


def test_what_differs_and_azure_does_not_look_at_is_said(shop):
    request = Request(spec="shop.yaml")
    save(*planned(request), request, Path("plan.json"))
    spec = (shop / "shop.yaml").read_text()
    spec = spec.replace("edited: {script", "edited: {timeout: 2h, script")
    (shop / "shop.yaml").write_text(spec)
    said = "Azure does not look at timeout of 'edited': earlier results are eligible for reuse"
    assert notes("edited", "azureml", "plan.json")[0].startswith(said)


def test_azure_runs_every_step_of_a_code_folder_in_which_a_file_changed(shop, amlshare, workspace):
    workspace.add_compute("cpu")
    options = {"env": workspace.environment}
    (shop / "shop.yaml").write_text(SPEC.partition("  packed:")[0].replace("conda: env.yml", ""))
    submit = ("submit", "shop.yaml", "--no-wait", "--select", "argued")
    assert amlshare(*submit, **options).exit_code == 0

    def step(name):
        document = json.loads(amlshare("plan", "shop.yaml", "--format", "json", **options).stdout)
        (found,) = (each for each in document["steps"] if each["name"] == name)
        return found["impact"], found["reasons"]

    assert step("argued") == ("unchanged", [])
    (shop / "scripts/unused.py").write_text("")
    said = "unused.py is new in its code folder, which Azure takes as a whole"
    assert step("argued") == ("unchanged", [said])
    screen = amlshare("why", "shop.yaml", "argued", **options).stdout
    assert f"  {said}\n  --> scripts/unused.py:1\n" in screen


def test_a_broken_history_is_said_and_the_plan_is_made(shop, amlshare):
    file = shop / ".amlshare/history/local/shop.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    done = amlshare("plan", "shop.yaml", *HERE)
    assert done.exit_code == 0
    said = "shop.json is no history; the next submit writes it anew"
    assert f"{said}." in done.stdout
    assert said in notes("edited")[0]
    for command in ("plan", "diff"):
        done = amlshare(command, "shop.yaml", *HERE, "--against", "last")
        assert (done.exit_code, done.stdout) == (2, "")
        assert said in done.stderr


def test_a_submit_to_a_workspace_is_what_the_next_plan_is_compared_with(shop, amlshare, workspace):
    workspace.add_compute("cpu")
    options = {"env": workspace.environment}
    (shop / "shop.yaml").write_text(SPEC.partition("  fed:")[0].replace("conda: env.yml", ""))
    assert amlshare("submit", "shop.yaml", "--no-wait", **options).exit_code == 0
    edit(shop, "shop.yaml", "scripts/edited.py")
    document = json.loads(amlshare("plan", "shop.yaml", "--format", "json", **options).stdout)
    assert {key: document["comparison"][key] for key in ("changed", "unchanged", "removed")} == {
        "changed": 2,
        "unchanged": 1,
        "removed": [],
    }
    (step,) = (each for each in document["steps"] if each["name"] == "argued")
    assert (step["impact"], step["reasons"]) == ("changed", ["argument --word: one -> two"])
    assert amlshare("submit", "shop.yaml", "--publish", **options).exit_code == 0
    screen = amlshare("plan", "shop.yaml", **options).stdout
    assert "Nothing changed since the published pipeline " in screen


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("a\nb\nc", "a\nB\nc", (2, "b", "B")),
        ("a\nc", "a\nb\nc", (2, None, "b")),
        ("a\nb\nc", "a\nc", (2, "b", None)),
        ("a", "a\nb", (2, None, "b")),
        ("a\nb", "a", (1, "b", None)),
        ("", "a", (1, None, "a")),
        ("a", "", (1, "a", None)),
        ("a\n\n", "a\n", (1, "", None)),
        ("a\nb", "top\na\nb\nend", (1, None, "top", 1)),
        ("a\nb\nc\nd\ne", "A\nb\nc\ne\nf", (1, "a", "A", 2)),
    ],
)
def test_the_first_line_that_differs_is_found_and_the_other_places_are_counted(old, new, found):
    line, before, after, *more = found
    assert first_difference(old, new) == Difference(
        line=line, before=before, after=after, more=sum(more)
    )


def test_texts_that_differ_in_their_line_ends_alone_have_no_line_that_differs():
    assert first_difference("a\r\nb", "a\nb") is None


def test_a_line_put_in_is_not_said_to_replace_another_where_more_differs(shop, amlshare):
    shutil.copytree(shop, shop / "before")
    path = shop / "scripts/edited.py"
    path.write_text(f"# top\n{path.read_text()}print('end')\n")
    done = amlshare("why", "shop.yaml", "edited", *HERE, "--against", "before/shop.yaml")
    shown = "  --> scripts/edited.py:1\n      + # top\n      and 1 more place\n"
    assert f"  code edited.py changed\n{shown}" in done.stdout
