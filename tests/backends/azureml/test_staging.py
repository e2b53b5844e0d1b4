"""What is uploaded for each step."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from backends.local.plans import command, script

from amlshare import snapshots
from amlshare.backends.azureml import amlshare_step
from amlshare.backends.azureml.job import Job, make_job
from amlshare.backends.azureml.staging import digests, staged
from amlshare.backends.azureml.wrapping import SCRIPT
from amlshare.backends.interface import BackendError
from amlshare.pipeline import Pipeline, Step
from amlshare.plan import Plan

PLAIN = script("plain", "x.py")
WRAPPED = script("wrapped", "x.py", retries=1)
PROGRAM = Path(amlshare_step.__file__)


def job_of(*steps: Step) -> Job:
    return make_job(
        Plan(backend="azureml", pipeline=Pipeline(name="p", experiment="p", steps=steps))
    )


def write(base: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = base / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def held(folder: Path) -> dict[str, bytes]:
    """The files of a folder, and what they hold."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_snapshot_has_what_belongs_to_it_and_no_more(tmp_path: Path) -> None:
    write(tmp_path, {"x.py": "x", "a/b.py": "b", "__pycache__/x.pyc": "", "data.csv": ""})
    write(tmp_path, {".amlignore": "*.csv\n"})
    with staged(job_of(PLAIN, WRAPPED), tmp_path) as folders:
        plain = {".amlignore": b"*.csv\n", "a/b.py": b"b", "x.py": b"x"}
        assert held(folders["plain"]) == plain
        assert held(folders["wrapped"]) == plain | {SCRIPT: PROGRAM.read_bytes()}
    assert not any(folder.exists() for folder in folders.values())


def test_steps_that_need_the_same_share_a_folder(tmp_path: Path) -> None:
    write(tmp_path, {"x.py": ""})
    other = script("other", "x.py", retries=2)
    with staged(job_of(PLAIN, WRAPPED, other), tmp_path) as folders:
        assert folders["wrapped"] == folders["other"] != folders["plain"]


def test_a_step_without_code_has_the_wrapper_alone(tmp_path: Path) -> None:
    steps = (command("plain", "true"), command("bash", "true | cat"))
    with staged(job_of(*steps), tmp_path) as folders:
        assert folders["plain"] == folders["bash"]
        assert list(held(folders["plain"])) == [SCRIPT]


def test_links_are_followed(tmp_path: Path) -> None:
    write(tmp_path, {"x.py": ""})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/y.py").write_text("y")
    (tmp_path / "code/linked").symlink_to(tmp_path / "elsewhere")
    with staged(job_of(PLAIN), tmp_path) as folders:
        assert held(folders["plain"]) == {"linked/y.py": b"y", "x.py": b""}
        assert not (folders["plain"] / "linked").is_symlink()


@pytest.mark.parametrize("patterns", ["*\n!x.py\n", "amlshare*\n", "*.py\n!x.py"])
def test_no_pattern_leaves_out_the_wrapper(tmp_path: Path, patterns: str) -> None:
    from azureml._project.ignore_file import get_project_ignore_file

    write(tmp_path, {"x.py": "", "y.csv": "", ".amlignore": patterns})
    with staged(job_of(PLAIN, WRAPPED), tmp_path) as folders:
        is_excluded = get_project_ignore_file(str(folders["wrapped"])).is_file_excluded
        assert not is_excluded(str(folders["wrapped"] / SCRIPT))
        assert not is_excluded(str(folders["wrapped"] / "x.py"))
        assert (folders["plain"] / ".amlignore").read_text() == patterns


def fingerprints(base: Path) -> dict[str, str]:
    """What the SDK makes of each snapshot."""
    from azureml._project.ignore_file import get_project_ignore_file
    from azureml.pipeline.core._module_builder import _ModuleBuilder

    found = {}
    with staged(job_of(PLAIN, WRAPPED), base) as folders:
        for name, folder in folders.items():
            excluded = get_project_ignore_file(str(folder)).is_file_excluded
            calculate = _ModuleBuilder._default_content_hash_calculator
            found[name] = calculate(excluded, str(folder))
    return found


@pytest.mark.filterwarnings("ignore")  # the SDK's own
def test_what_is_equal_is_the_same_for_the_sdk(tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    for base in (first, second):
        write(base, {"x.py": "x", ".amlignore": "*\n!x.py\n"})
    write(second, {"__pycache__/x.pyc": "made by a test"})
    assert fingerprints(first) == fingerprints(second)
    write(second, {"x.py": "y"})
    assert fingerprints(first)["plain"] != fingerprints(second)["plain"]


def test_a_snapshot_does_not_say_when_it_was_made(tmp_path: Path) -> None:
    write(tmp_path, {"x.py": "", "a/y.py": ""})
    with staged(job_of(WRAPPED), tmp_path) as folders:
        paths = [folders["wrapped"], *folders["wrapped"].rglob("*")]
        assert {path.stat().st_mtime for path in paths} == {946_684_800}


def test_nothing_is_left_after_an_error_or_an_interruption(tmp_path: Path) -> None:
    write(tmp_path, {"x.py": ""})
    seen: list[Path] = []

    def interrupted(error: type[BaseException]) -> None:
        with staged(job_of(PLAIN), tmp_path) as folders:
            seen.extend(folders.values())
            raise error

    for error in (KeyboardInterrupt, ValueError):
        with pytest.raises(error):
            interrupted(error)
    assert not any(path.exists() or path.parent.exists() for path in seen)


def test_copies_that_a_killed_submit_left_are_gone_after_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    for name in ("amlshare-code-old", "amlshare-code-new", "amlshare-other", "code"):
        (tmp_path / "tmp" / name).mkdir(parents=True)
        (tmp_path / "tmp" / name / "x.py").touch()
    write(tmp_path, {"x.py": ""})
    for name in ("amlshare-code-old", "amlshare-other", "code"):
        os.utime(tmp_path / "tmp" / name, (0, 0))
    with staged(job_of(PLAIN), tmp_path):
        pass
    left = sorted(path.name for path in (tmp_path / "tmp").iterdir())
    assert left == ["amlshare-code-new", "amlshare-other", "code"]


# what is refused


def refusal(base: Path, *steps: Step) -> str:
    with pytest.raises(BackendError) as refused, staged(job_of(*steps), base):
        pass
    return str(refused.value)


def test_too_large_a_snapshot_is_refused_and_its_largest_files_are_named(tmp_path: Path) -> None:
    write(tmp_path, {f"f{number}": "" for number in range(8)})
    for number in range(1, 7):
        with (tmp_path / f"code/f{number}").open("wb") as file:
            file.truncate(number * 20 * 2**20)
    assert refusal(tmp_path, PLAIN) == (
        "the snapshot of code folder 'code' has 440 MB, and Azure ML takes at most 314.6 MB "
        "(300 MiB); largest files: f6 (126 MB), f5 (105 MB), f4 (83.9 MB), f3 (62.9 MB), "
        "f2 (41.9 MB); leave out what is no code with patterns in code/.amlignore"
    )
    write(tmp_path, {".amlignore": "f[1-6]\n"})
    with staged(job_of(PLAIN), tmp_path):
        pass


@pytest.mark.parametrize(("step", "most"), [(PLAIN, 5), (WRAPPED, 4)])
def test_too_many_files_are_refused_and_the_wrapper_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Step, most: int
) -> None:
    monkeypatch.setattr(snapshots, "MOST_FILES", 5)
    write(tmp_path, {f"f{number}": "" for number in range(most)})
    with staged(job_of(step), tmp_path):
        pass
    write(tmp_path, {"more": ""})
    assert "has 6 files, and Azure ML takes at most 5" in refusal(tmp_path, step)


def test_the_limits_are_those_of_the_sdk() -> None:
    from azureml._restclient import constants

    assert snapshots.MOST_BYTES == constants.SNAPSHOT_MAX_SIZE_BYTES
    assert snapshots.MOST_FILES == constants.SNAPSHOT_MAX_FILES


def test_a_file_of_the_wrappers_name_is_refused_only_where_the_wrapper_comes(
    tmp_path: Path,
) -> None:
    write(tmp_path, {"x.py": "", SCRIPT: "mine"})
    with staged(job_of(PLAIN), tmp_path) as folders:
        assert held(folders["plain"])[SCRIPT] == b"mine"
    assert "has a file amlshare_step.py" in refusal(tmp_path, PLAIN, WRAPPED)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert "code folder 'code' has no file to upload" in refusal(tmp_path, PLAIN)


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    write(tmp_path, {"x.py": "", ".amlignore": "a[b\n!!\n"})
    (tmp_path / "code/.amlignore").write_bytes(b"!\n")
    assert "code folder 'code' cannot be uploaded whole" in refusal(tmp_path, PLAIN)


# digests


def digests_of(base: Path, *steps: Step) -> dict[str, Any]:
    return dict(digests(job_of(*steps), base))


def test_a_digest_is_that_of_the_whole_folder(tmp_path: Path) -> None:
    write(tmp_path, {"x.py": "x", "y.py": "y"})
    first = digests_of(tmp_path, PLAIN)
    assert list(first) == ["code"]
    write(tmp_path, {"__pycache__/x.pyc": ""})
    assert digests_of(tmp_path, PLAIN) == first
    write(tmp_path, {"y.py": "z"})
    assert digests_of(tmp_path, PLAIN) != first


def test_the_wrappers_program_has_a_digest_where_it_is_used(tmp_path: Path) -> None:
    write(tmp_path, {"x.py": "x"})
    assert set(digests_of(tmp_path, PLAIN, WRAPPED)) == {"code", SCRIPT}
    assert set(digests_of(tmp_path, command("a", "true"))) == {SCRIPT}


def test_a_staged_step_runs(tmp_path: Path) -> None:
    write(tmp_path, {"x.py": "print('ran')"})
    with staged(job_of(WRAPPED), tmp_path) as folders:
        from amlshare.backends.azureml import wrapping

        wrapper = job_of(WRAPPED).steps[0].wrapper
        assert wrapper is not None
        done = subprocess.run(
            [sys.executable, SCRIPT, *map(str, wrapping.words(wrapper))],
            cwd=folders["wrapped"], capture_output=True, text=True,
        )  # fmt: skip
    assert done.stdout == "ran\n"
