"""One bad spec for each diagnostic, and the screen that a person sees."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from amlshare import commands, explanations
from amlshare.commands import Request
from amlshare.diagnostics import Diagnostic
from amlshare.render.diagnostics import diagnostics_text
from amlshare.render.paper import Paper

BAD = Path(__file__).parent / "bad"
# Beside a spec may lie its lock: `bad-lock.lock.yaml`.
CODES = sorted({f.stem for f in BAD.glob("*.yaml") if "." not in f.stem} | {"file-too-large"})
# What only a workspace shows: tests/backends/azureml/test_online.py finds each of them in one.
ONLINE = {"missing-in-workspace", "unfit-in-workspace"}
# What a hint says that matters only for another backend than the one in use.
ELSEWHERE = "matters only for"
MEBIBYTE = 2**20


def diagnose(code: str) -> tuple[Diagnostic, ...]:
    """The diagnostics of a bad spec; its first line may say `# backend: NAME`."""
    with Path(f"{code}.yaml").open(encoding="utf-8", errors="replace") as file:
        backend = re.match(r"# backend: (\S+)", file.readline(80))
    target = "prdo" if code == "unknown-target" else None
    request = Request(
        spec=f"{code}.yaml", target=target, backend=backend[1] if backend else "azureml"
    )
    return commands.read(request).diagnostics


def make_large(folder: Path) -> None:
    """What is too large to be kept in a repository."""
    (folder / "large").mkdir()
    shutil.copy(BAD / "large-code.yaml", folder)
    shutil.copy(BAD / "code/clean.py", folder / "large")
    with (folder / "large/model.bin").open("wb") as file:
        file.truncate(301 * MEBIBYTE)
    (folder / "file-too-large.yaml").write_text("#" * 9 * MEBIBYTE)


def test_every_code_has_a_bad_spec():
    assert set(CODES) | ONLINE == set(explanations.CODES)
    assert not set(CODES) & ONLINE


@pytest.mark.parametrize("code", CODES)
def test_a_bad_spec_has_one_mistake(
    code: str,
    golden: Callable[[str, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    if "large" in code:
        make_large(tmp_path)
    monkeypatch.chdir(tmp_path if "large" in code else BAD)
    found = diagnose(code)
    told = {(each.code, each.severity) for each in found if ELSEWHERE not in (each.help or "")}
    assert told == {(code, explanations.explain(code).severity)}
    golden(diagnostics_text(found, Paper()), f"bad/{code}.txt")
