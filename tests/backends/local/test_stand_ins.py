"""Variables in what stands in for datastores, and what steps see of them."""

from __future__ import annotations

import pytest
from backends.local.plans import Project, command


def test_a_variable_that_names_a_folder_is_no_secret(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAW_HOME", str(project.base))
    project.local = {"datastores": {"store": "${env.RAW_HOME}/raw"}}
    project.run(command("a", 'echo "$RAW_HOME"; echo 1 > ${outputs.o}/x', writes=["o"]))
    assert project.printed() == (str(project.base),)


def test_a_variable_in_a_url_is_withheld_from_steps(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fsspec")
    monkeypatch.setenv("RAW_URL", f"memory://{project.base.parent.name}")
    project.local = {"datastores": {"store": "${env.RAW_URL}"}}
    project.run(command("a", 'echo "<$RAW_URL>"'))
    assert project.printed() == ("<>",)
