"""One bad spec for each diagnostic, and the screen that a person sees."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from amlshare import commands, explanations
from amlshare.commands import Request
from amlshare.diagnostics import Diagnostic, SpecError
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
    try:
        return commands.plan(request).diagnostics
    except SpecError as error:
        return error.diagnostics


# Code folders that a repository does not keep: too large, ignored, or made good by git.
FOLDERS: dict[str, dict[str, int | str]] = {
    "large": {"model.bin": 301 * MEBIBYTE},
    "nearly": {"weights.model": 260 * MEBIBYTE},
    "with-data": {"airports.csv": 29_000, "flights.csv": 31_053_850, "delay.joblib": 400_000},
    "with-notebooks": {"look.ipynb": "{}", "old/look.ipynb": "{}"},
    "with-junk": {"node_modules/a/b.js": "", "env/pyvenv.cfg": "", "env/bin/python": ""},
    "from-windows": {"run.sh": "#!/bin/bash\r\npython clean.py\r\n", "note.txt": "ends\r\n"},
    "with-secrets": {
        "lib/store.py": "\nURL = 'https://x.blob.core.windows.net/c?sv=2022&sig=abcdefgh12345678'\n",
        "lib/plain.py": "client.login(password=settings.password, api_key=key)\n",
    },
}


def make_folders(folder: Path) -> None:
    """Code folders beside the specs that name them, and a spec that is too large."""
    for name, files in FOLDERS.items():
        (folder / name).mkdir()
        shutil.copy(BAD / "code/clean.py", folder / name)
        for path, content in files.items():
            file = folder / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                file.write_bytes(content.encode())
            else:
                with file.open("wb") as stream:
                    stream.truncate(content)
    for spec in (*BAD.glob("*-code.yaml"), BAD / "windows-line-ends.yaml"):
        shutil.copy(spec, folder)
    (folder / "file-too-large.yaml").write_text("#" * 9 * MEBIBYTE)


def needs_folders(code: str) -> bool:
    spec = BAD / f"{code}.yaml"
    text = spec.read_text("utf-8", "replace") if spec.exists() else ""
    return not text or any(f"code: {name}" in text for name in FOLDERS)


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
    made = needs_folders(code)
    if made:
        make_folders(tmp_path)
    monkeypatch.chdir(tmp_path if made else BAD)
    found = diagnose(code)
    told = {(each.code, each.severity) for each in found if ELSEWHERE not in (each.help or "")}
    assert told == {(code, explanations.explain(code).severity)}
    golden(diagnostics_text(found, Paper()), f"bad/{code}.txt")
