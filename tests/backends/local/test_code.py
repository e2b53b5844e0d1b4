"""Code folders: copies that no step can write to, and working folders as steps expect them."""

from __future__ import annotations

from pathlib import Path

import pytest
from backends.local import apart
from backends.local.plans import Project, command, script

from amlshare.backends.local import code


def damage(base: Path) -> list[str]:
    """What becomes of code that a step writes to: small, large and new files, and bytecode."""
    project = Project(base)
    code._LARGE = 100
    for name, text in (("x.py", "import y\n"), ("y.py", "print(1)\n"), ("large", "l" * 100)):
        project.write(f"code/{name}", text)
    line = "for f in y.py large; do p=$(realpath $f); echo 2 > $p; done; touch $(dirname $p)/new"
    project.run(
        script("a", "x.py"),
        command("b", f"{line} || true", code="code"),
        script("c", "x.py"),
        jobs=1,
    )
    large = (base / "code/large").read_text() == "l" * 100
    (kept,) = (project.state / "code").iterdir()
    return [
        *project.printed("c"),
        str(large),
        *(each.name for each in (kept / "__pycache__").iterdir()),
    ]


def test_a_step_cannot_write_to_the_code_and_its_bytecode_is_kept(tmp_path: Path) -> None:
    printed, large, *caches = apart.call_isolated(damage, tmp_path, PYTHONDONTWRITEBYTECODE="")
    assert (printed, large) == ("1", "True")
    assert [name.partition(".")[0] for name in caches] == ["y"]


def run_twice(base: Path) -> str:
    """The mounts that a run leaves behind."""
    project = Project(base)
    project.write("code/sub/x.py", "print(1)\n")
    for _ in range(2):
        project.run(script("a", "sub/x.py"), regenerate=True)
    mounts = Path("/proc/self/mountinfo").read_text()
    return "\n".join(line for line in mounts.splitlines() if f"{project.state}/code" in line)


def test_the_code_is_let_go_of_at_the_end_of_a_run(tmp_path: Path) -> None:
    assert apart.call_isolated(run_twice, tmp_path) == ""


@pytest.mark.parametrize(
    "change", ["mkdir new", "ln -sf /dev/null x.sh", "rm -r sub", "rm -rf $PWD", "touch sub/new"]
)
def test_a_step_finds_its_folder_as_the_code_is_whatever_another_did(
    project: Project, change: str
) -> None:
    project.write("code/x.sh", "echo 1")
    project.write("code/sub/y.sh", "echo 2")
    out = project.run(
        command("a", change, code="code"),
        command("b", "mkdir new && bash x.sh && bash sub/y.sh && ls sub", code="code"),
        jobs=1,
    )
    assert out.status == "completed", project.end("b").message
    assert project.printed("b") == ("1", "2", "y.sh")


def test_a_folder_that_is_as_it_was_found_is_given_again(project: Project) -> None:
    project.write("code/sub/x.sh", "pwd")
    project.run(*(command(name, "bash sub/x.sh", code="code") for name in "abc"), jobs=1)
    assert len(set(project.printed())) == 1
