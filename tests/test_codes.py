"""The code that a step depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amlshare.codes import CodeReader
from amlshare.pipeline import Command, Run, Script, Sequence, Step
from amlshare.plan import Code
from amlshare.snapshots import SnapshotError, Snapshots

FILES = {
    "train.py": "import model",
    "model.py": "",
    "report.py": "",
    "settings.json": "{}",
    "sub/table.csv": "",
}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def code_of(base: Path, script: str | None = None, **settings: Any) -> Code | None:
    return code_run(base, Script(file=script) if script else Command(line=("true",)), **settings)


def code_run(base: Path, run: Run, **settings: Any) -> Code | None:
    step = Step(name="s", run=run, **{"code": "code", **settings})
    return CodeReader(Snapshots(base))(step)


def test_a_script_depends_on_what_it_imports_and_on_what_is_no_python(base: Path):
    code = code_of(base, "train.py")
    assert code
    assert list(code.files) == ["model.py", "settings.json", "sub/table.csv", "train.py"]
    assert (code.folder, code.scripts) == ("code", ("train.py",))


def test_a_sequence_depends_on_what_any_of_its_scripts_loads(base: Path):
    both = Sequence(parts=(Script(file="train.py"), Script(file="report.py")))
    code = code_run(base, both)
    assert code
    assert set(code.files) == set(FILES)
    assert code.scripts == ("report.py", "train.py")


def test_a_sequence_with_a_command_depends_on_every_file(base: Path):
    code = code_run(base, Sequence(parts=(Script(file="report.py"), Command(line=("true",)))))
    assert code == code_of(base)


def test_a_command_depends_on_every_file(base: Path):
    code = code_of(base)
    assert code
    assert set(code.files) == set(FILES)


def test_a_script_that_may_find_modules_elsewhere_depends_on_every_file(base: Path):
    code = code_of(base, "report.py", env={"PYTHONPATH": "lib"})
    assert code
    assert set(code.files) == set(FILES)


def test_a_step_without_a_code_folder_has_no_code(base: Path):
    assert code_of(base, code=None) is None


@pytest.mark.parametrize(
    ("edited", "changes"),
    [
        ("train.py", True),
        ("model.py", True),
        ("settings.json", True),
        ("report.py", False),
        ("new.py", False),
        ("new.txt", True),
        ("__pycache__/train.pyc", False),
    ],
)
def test_an_edit_changes_the_digest_of_who_depends_on_it(base: Path, edited: str, changes: bool):
    before = code_of(base, "train.py")
    path = base / "code" / edited
    path.parent.mkdir(exist_ok=True)
    path.write_text("# edited\nimport model\n")
    after = code_of(base, "train.py")
    assert before
    assert after
    assert (before.digest != after.digest) is changes


def test_touching_a_file_changes_nothing(base: Path):
    before = code_of(base, "train.py")
    (base / "code/train.py").touch()
    assert code_of(base, "train.py") == before


def test_the_place_of_the_folder_changes_nothing(base: Path, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    (base / "code").rename(tmp_path / "moving")
    elsewhere.mkdir()
    (tmp_path / "moving").rename(elsewhere / "code")
    found = code_of(elsewhere, "train.py")
    (elsewhere / "code").rename(base / "code")
    assert found == code_of(base, "train.py")


def test_steps_share_what_is_read(base: Path):
    read = CodeReader(Snapshots(base))
    one, other = (Step(name=n, run=Script(file="train.py"), code="code") for n in "ab")
    assert read(one) is read(other)


def test_a_folder_that_cannot_be_read_whole_is_refused(base: Path):
    (base / "code/.amlignore").write_text("!\n")
    with pytest.raises(SnapshotError, match="no pattern"):
        code_of(base, "train.py")
