"""Every example spec: what `check` says of it, and each form of its plan, as golden files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SPECS = sorted(path.name for path in (ROOT / "specs").glob("*.yaml"))
SUFFIXES = {"text": "txt", "json": "json", "markdown": "md", "mermaid": "mmd"}


@pytest.mark.parametrize("form", SUFFIXES)
@pytest.mark.parametrize("spec", SPECS)
def test_the_plan_of_an_example_is_as_reviewed(
    spec: str,
    form: str,
    checkout: Path,
    amlshare: Callable[..., Any],
    golden: Callable[[str, str], None],
) -> None:
    done = amlshare("plan", f"specs/{spec}", "--format", form, cwd=checkout)
    assert (done.exit_code, done.stderr) == (0, "")
    golden(done.stdout, f"golden/{Path(spec).stem}.plan.{SUFFIXES[form]}")


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("backend", ["azureml", "azureml-v2", "local"])
def test_an_example_has_no_error_on_any_backend(
    spec: str, backend: str, amlshare: Callable[..., Any]
) -> None:
    done = amlshare("check", f"specs/{spec}", "--backend", backend, cwd=ROOT)
    assert done.exit_code == 0
    assert "error[" not in done.stdout


def test_there_are_examples() -> None:
    assert {"flights.yaml", "path.yaml", "directory.yaml", "dataset.yaml"} <= set(SPECS)
