"""The Python of the steps."""

from __future__ import annotations

import venv
from pathlib import Path

from backends.local.plans import Project, command

from amlshare.backends.local import program


def environment(folder: Path) -> str:
    """The Python of a new environment, without packages."""
    venv.create(folder, symlinks=True, with_pip=False)
    return str(folder / "bin" / "python")


def test_two_environments_of_one_python_do_not_share_results(project: Project) -> None:
    one, other = (environment(project.base / name) for name in ("one", "other"))
    step = command("a", "python -c 'import sys; print(sys.prefix)'")
    runs = [project.run(step, python=python) for python in (one, other, one, other)]
    assert [run.steps[0].reused for run in runs] == [False, False, True, True]


def test_this_python_is_the_same_whether_it_is_named_or_not() -> None:
    unnamed = program.find(None, secrets=frozenset())
    assert program.find(unnamed.python, secrets=frozenset()) == unnamed
