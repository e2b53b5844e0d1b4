"""A patch that is suggested makes a spec that is right, and saves what it says."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import Command

from amlshare import commands
from amlshare.advice.suggestions import Suggestion
from amlshare.commands import Request
from amlshare.commands.suggesting import suggest

ROOT = Path(__file__).parents[2]
ROWS = 4000
CLEAN = """\
import sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
from pathlib import Path
Path(given["--out"]).mkdir(parents=True, exist_ok=True)
Path(given["--out"], "flights.csv").write_bytes(Path(given["--flights"]).read_bytes())
"""


@pytest.fixture
def flights(tmp_path: Path) -> Path:
    """The flagship spec with a raw table that is small, and a script that needs no libraries."""
    for name in ("specs", "scripts"):
        left = shutil.ignore_patterns(".amlshare", "__pycache__", "*.lock.yaml")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=left)
    (tmp_path / "scripts/clean.py").write_text(CLEAN)
    header = ["carrier", "month", "dep_time", *(f"x{number}" for number in range(16))]
    row = ["UA", "1", "", *("123456" for _ in range(16))]
    table = "".join(",".join(line) + "\n" for line in [header, *[row] * ROWS])
    raw = tmp_path / ".data/raw"
    raw.mkdir(parents=True)
    (raw / "flights.csv").write_text(table)
    (raw / "airlines.csv").write_text("carrier,name\nUA,United\n")
    spec = tmp_path / "specs/flights.yaml"
    text = spec.read_text()
    spec.write_text(text.replace("size: 31053850", f"size: {len(table)}"))
    return tmp_path


def answer(amlshare: Command, folder: Path, *words: str) -> dict[str, Any]:
    done = amlshare(*words, "--format", "json", cwd=folder)
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_patch_for_the_raw_table_saves_what_the_plan_for_azure_says(
    flights: Path, amlshare: Command
):
    def plan(*words: str) -> dict[str, Any]:
        return answer(amlshare, flights, "plan", "specs/flights.yaml", *words)

    def moved(*steps: str) -> int:
        words = ("submit", "specs/flights.yaml", "--backend", "local", "--as-cloud")
        done = answer(amlshare, flights, *words, "--regenerate", "--select", " ".join(steps))
        assert {step["status"] for step in done["steps"] if step["name"] in steps} == {"completed"}
        return sum(step["moved_bytes"] or 0 for step in done["steps"])

    chosen = "--select", "audit cancellations clean"
    found = plan("--suggest", *chosen)
    first = found["suggestions"][0]
    assert first["message"] == (
        "run cancellations and clean in one step, which fetches flights once"
    )
    before = moved("audit", "cancellations", "clean")

    taken = amlshare("plan", "specs/flights.yaml", "--suggest", "--take", "1", *chosen, cwd=flights)
    assert taken.stdout == first["patch"]
    subprocess.run(["git", "apply"], input=taken.stdout, text=True, cwd=flights, check=True)

    names = ("audit", "cancellations_and_clean")
    after = plan("--select", " ".join(names))
    saved = first["saved_bytes"]
    assert saved == found["movement"]["moved_bytes"] - after["movement"]["moved_bytes"]
    assert before - moved(*names) == pytest.approx(saved, rel=0.1)


SPEC = """\
amlshare: 1
name: trial
defaults: {compute: cpu, environment: e, code: none}
compute: {cpu: {vm_size: Standard_DS3_v2}}
environments: {e: {image: "python:3.11.4"}, other: {image: "python:3.12.1"}}
local: {datastores: {workspaceblobstore: store}}
data:
  raw: {type: directory, location: raw/, size: 1 GB}        # a comment
steps:
  one:
    command: cat "${inputs.raw}"/* > "${outputs.made}"
    inputs: {raw: {from: raw, mode: download}}
    outputs: {made: {format: file, size: 500 MB}}
  two:
    command: cat "${inputs.raw}"/* "${inputs.first}" > "${outputs.made}"
    inputs: {raw: {from: raw, mode: download}, first: one.made}
    outputs: {made: {format: file, size: 1 KB}}
  three:
    command: cat "${inputs.made}"
    environment: other
    inputs: {made: two.made}
    after: [one]
outputs: {result: two.made}
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "spec.yaml"
    file.write_text(SPEC)
    return file


def suggestions(**keys: Any) -> tuple[Suggestion, ...]:
    request = Request(spec="spec.yaml", **keys)
    return suggest(*commands.draft(request), request).found


def test_those_that_save_most_come_first_and_each_applies(spec: Path):
    found = suggestions()
    assert found[0].finding.message == "run one and two in one step, which fetches raw once"
    assert [each.finding.code for each in found] == ["merge", "dataset-serves-better"]
    saved = [each.saved_bytes or 0 for each in found]
    assert saved == sorted(saved, reverse=True)
    for each in found:
        spec.write_text(SPEC)
        subprocess.run(["git", "apply"], input=each.patch, text=True, check=True)
        made = commands.plan(Request(spec="spec.yaml"))
        assert not any(found.severity == "error" for found in made.diagnostics)


def test_what_one_hands_to_the_other_alone_is_scratch_and_names_do_not_clash(spec: Path):
    first = suggestions()[0]
    subprocess.run(["git", "apply"], input=first.patch, text=True, check=True)
    text = spec.read_text()
    assert "  one_and_two:\n    sequence:\n" in text
    assert (
        "scratch:\n      made: {format: file}" in text or "scratch: {made: {format: file}}" in text
    )
    assert '> "${scratch.made}"' in text
    assert '"${scratch.made}" > "${outputs.two_made}"' in text
    assert "outputs: {result: one_and_two.two_made}" in text
    assert "after: [one_and_two]" in text
    assert "# a comment" in text


def test_what_is_read_in_part_is_mounted_and_nothing_else_moves(spec: Path):
    part = "{raw: {from: raw, mode: download, reads: {fraction: 0.1}}, first: one.made}"
    spec.write_text(SPEC.replace("{raw: {from: raw, mode: download}, first: one.made}", part))
    found = next(each for each in suggestions() if each.finding.code == "mount")
    assert found.finding.message == "mount raw in two, which reads 10 % of it"
    assert found.saved_bytes == 900_000_000
    assert f"+    inputs: {part.replace('download', 'mount')}\n" in found.patch


def test_what_else_a_merge_changes_is_said(spec: Path):
    tagged = "    outputs: {made: {format: file, size: 500 MB}}\n    tags: {about: first}\n"
    text = SPEC.replace("    outputs: {made: {format: file, size: 500 MB}}\n", tagged)
    kept = "{made: {type: directory, size: 1 KB}}"
    text = text.replace("{made: {format: file, size: 1 KB}}", kept)
    spec.write_text(text.replace("outputs: {result: two.made}\n", ""))
    assert (suggestions()[0].finding.help or "").endswith(
        "They then also run again together, when one of them changes; all of it is tagged about: "
        "first; the new step's name is in the location of two.made"
    )


def test_steps_whose_tags_contradict_each_other_stay_apart(spec: Path):
    text = SPEC
    for name in ("one", "two"):
        text = text.replace(f"  {name}:\n", f"  {name}:\n    tags: {{about: {name}}}\n")
    spec.write_text(text)
    assert {each.finding.code for each in suggestions()} == {"dataset-serves-better"}


def test_steps_that_a_target_changes_are_left_alone(spec: Path):
    spec.write_text(SPEC + "targets: {prod: {steps: {two: {timeout: 1h}}}}\n")
    assert {each.finding.code for each in suggestions()} == {"dataset-serves-better"}


@pytest.mark.usefixtures("spec")
def test_of_a_selection_only_its_steps_are_made_one():
    assert not [each for each in suggestions(select="one three") if each.finding.code == "merge"]


def test_a_file_that_is_not_as_it_reads_gets_no_patch(spec: Path):
    spec.write_bytes(b"\xef\xbb\xbf" + SPEC.encode())  # a byte order mark
    assert suggestions() == ()


def test_a_spec_from_a_pipe_and_a_number_that_is_none_are_wrong_usage(
    spec: Path, amlshare: Command
):
    piped = amlshare("plan", "-", "--suggest", stdin=SPEC, cwd=spec.parent)
    assert (piped.exit_code, "patches a file" in piped.stderr) == (2, True)
    fourth = amlshare("plan", "spec.yaml", "--suggest", "--take", "4", cwd=spec.parent)
    assert (fourth.exit_code, "there are 2" in fourth.stderr) == (2, True)


def test_a_patched_spec_runs_here_and_writes_the_bytes_that_it_wrote(spec: Path, amlshare: Command):
    raw = spec.parent / "store/raw"
    raw.mkdir(parents=True)
    (raw / "a.txt").write_text("a b\nc\n")

    def result(source: str) -> bytes:
        done = answer(amlshare, spec.parent, "submit", "spec.yaml", "--backend", "local")
        return Path(done["outputs"][source].removeprefix("file://")).read_bytes()

    before = result("two.made")
    for number in (-1, 0):  # the kind of the edge, and then a merge
        patch = suggestions()[number].patch
        subprocess.run(["git", "apply"], input=patch, text=True, check=True)
    assert "type: dataset" in spec.read_text()
    assert result("one_and_two.two_made") == before == b"a b\nc\n" * 2


def test_a_patch_reaches_into_the_files_that_a_spec_includes(spec: Path):
    shared = "data:\n  raw: {type: directory, location: raw/, size: 1 GB}        # a comment\n"
    assert shared in SPEC
    folder = spec.parent / "common"
    folder.mkdir()
    (folder / "data.yaml").write_text(shared)
    spec.write_text(SPEC.replace(shared, "include: [common/data.yaml]\n"))
    (found,) = (each for each in suggestions() if each.finding.code == "dataset-serves-better")
    subprocess.run(["git", "apply"], input=found.patch, text=True, check=True)
    assert (folder / "data.yaml").read_text() == (
        "data:\n  raw: {type: dataset, name: raw, version: 1, size: 1 GB}        # a comment\n"
    )
    local = "local: {datastores: {workspaceblobstore: store}, datasets: {raw: store/raw/}}\n"
    assert local in spec.read_text()


@pytest.mark.parametrize("target", [None, "prod"])
def test_what_would_break_another_target_is_not_suggested(spec: Path, target: str | None):
    spec.write_text(SPEC + "targets: {prod: {data: {raw: {location: other/}}}}\n")
    assert {each.finding.code for each in suggestions(target=target)} == {"merge"}


def test_from_another_folder_the_patch_is_for_that_folder(
    spec: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(spec.parent.parent)
    name = f"{spec.parent.name}/spec.yaml"
    request = Request(spec=name)
    first = suggest(*commands.planned(request), request).found[0]
    assert first.patch.startswith(f"--- a/{name}\n+++ b/{name}\n")


def test_what_is_not_tried_is_counted_and_every_kind_of_edge_has_its_patch(spec: Path):
    head = SPEC[: SPEC.index("data:")]
    data = "".join(f"  d{n}: {{type: path, location: d{n}/, size: 1 GB}}\n" for n in range(12))
    reads = "{{command: 'ls \"${{inputs.d}}\"', inputs: {{d: {{from: d{n}, mode: download}}}}"
    two = "  a{n}: " + reads + "}}\n  b{n}: " + reads + "}}\n"
    pairs = "".join(two.format(n=n) for n in range(12))
    spec.write_text(f"{head}data:\n{data}steps:\n{pairs}")
    request = Request(spec="spec.yaml")
    made = suggest(*commands.planned(request), request)
    codes = [each.finding.code for each in made.found]
    assert (codes.count("merge"), codes.count("dataset-serves-better")) == (10, 12)
    assert made.untried == 2


def test_steps_that_share_much_are_made_one_once(spec: Path):
    more = "  more: {type: path, location: more/, size: 2 GB}\nsteps:\n"
    text = SPEC.replace("steps:\n", more)
    for old in ("{raw: {from: raw, mode: download}}", "mode: download}, first: one.made}"):
        text = text.replace(old, old[:-1] + ", more: {from: more, mode: download}}")
    spec.write_text(text.replace("command: cat", 'command: ls "${inputs.more}"; cat', 2))
    merges = [each for each in suggestions() if each.finding.code == "merge"]
    assert [each.finding.message for each in merges] == [
        "run one and two in one step, which fetches more once"
    ]
    assert merges[0].saved_bytes == 3_500_000_000  # both, and what one hands to two


TOO_SMALL = SPEC.replace("size: 1 GB", "size: 40 GB")


def test_what_does_not_fit_a_disk_has_patches_and_exits_with_3(spec: Path, amlshare: Command):
    spec.write_text(TOO_SMALL)
    done = amlshare("plan", "spec.yaml", "--suggest", cwd=spec.parent)
    assert done.exit_code == 3
    assert "error[disk-too-small]: step 'one' puts 40.5 GB" in done.stdout
    assert done.stdout.count("+    inputs: {raw: {from: raw, mode: mount}") == 2
    one = amlshare("plan", "spec.yaml", "--take", "1", cwd=spec.parent)
    assert (one.exit_code, one.stdout.count("+++ b/spec.yaml")) == (3, 1)
    assert one.stderr.count("error[disk-too-small]") == 2
    for _ in range(2):  # one error after the other
        patch = suggestions()[0].patch
        subprocess.run(["git", "apply"], input=patch, text=True, cwd=spec.parent, check=True)
    commands.planned(Request(spec="spec.yaml"))


def test_of_a_selection_the_errors_of_other_steps_keep_no_patch_away(spec: Path):
    spec.write_text(TOO_SMALL)
    (cure,) = (each for each in suggestions(select="one") if each.finding.severity == "error")
    assert cure.finding.route == ("steps", "one", "inputs", "raw", "mode")


def test_a_plan_with_errors_is_not_saved(spec: Path, amlshare: Command):
    spec.write_text(TOO_SMALL)
    done = amlshare("plan", "spec.yaml", "--suggest", "--save", "p.json", cwd=spec.parent)
    assert (done.exit_code, (spec.parent / "p.json").exists()) == (3, False)


@pytest.mark.parametrize(
    "words",
    [
        ("--max-moved", "1B"),
        ("--format", "json"),
        ("--save", "p.json"),
    ],
    ids=str,
)
def test_a_patch_alone_has_no_place_for_what_else_is_asked_for(
    spec: Path, amlshare: Command, words: tuple[str, ...]
):
    done = amlshare("plan", "spec.yaml", "--take", "1", *words, cwd=spec.parent)
    assert (done.exit_code, "diff" in done.stdout) == (2, False)
    assert "--take prints a patch alone: leave --" in done.stderr
    assert words[0] in done.stderr


@pytest.mark.usefixtures("spec")
def test_above_its_patch_no_suggestion_says_where_the_patch_is():
    assert not any("--suggest" in (each.finding.help or "") for each in suggestions())
    hints = commands.plan(Request(spec="spec.yaml")).diagnostics
    assert [each.help for each in hints if each.code == "dataset-serves-better"] == [
        (
            "register it once in the workspace as dataset 'raw' and pin that version; "
            "`plan --suggest` prints the patch"
        )
    ]
