"""What lies in a code folder: said where it costs, and not a word of an ordinary one."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlshare.checks import code
from amlshare.diagnostics import Finding
from amlshare.snapshots import MOST_FILES, Snapshots
from amlshare.spec import Spec

RULES = (code.sizes, code.data, code.notebooks, code.junk, code.line_ends, code.secret_values)
SPEC = Spec.model_validate(
    {"amlshare": 1, "name": "demo", "defaults": {"code": "code"}, "steps": {"run": {}}}
)
KEY = "Kx9" * 28 + "Zq=="  # made up
assert len(KEY) == 88
# Azurite's, published by Microsoft
EMULATOR = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
PEM = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n" * 3  # made up


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An ordinary code folder."""
    (tmp_path / "code").mkdir()
    write(tmp_path / "code", **{"run.py": "print('hello')\n", "lib/tables.py": "import csv\n"})
    return tmp_path / "code"


def write(folder: Path, **files: str | int) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(content) if isinstance(content, int) else content.encode())


def found(folder: Path) -> list[Finding]:
    snapshots = Snapshots(folder.parent)
    return [finding for rule in RULES for finding in rule(SPEC, snapshots)]


def codes(folder: Path) -> list[str]:
    return [finding.code for finding in found(folder)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("airports.csv", 100_000),
        ("image.png", 900_000),
        ("run.sh", "#!/bin/sh\npython run.py\n"),
        ("windows.py", "print('hello')\r\n"),
        ("README.md", "How to run it\r\n"),
        ("login.py", "client(token=settings.token, password=given.password)\n"),
        ("emulator.py", f"KEY = '{EMULATOR}'\n"),
        ("parser.py", "A, Z = '-----BEGIN PRIVATE KEY-----', '-----END PRIVATE KEY-----'\n"),
        ("digest.py", "DIGEST = 'sha256:" + "ab" * 32 + "'\n"),
        ("packed.bin", "\0" + KEY),
        ("venv.py", "import venv\n"),
    ],
)
def test_of_an_ordinary_file_nothing_is_said(folder: Path, name: str, content: str | int):
    write(folder, **{name: content})
    assert codes(folder) == []


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("raw/flights.csv", 400_000, "data-in-code"),
        ("MODEL.ONNX", 400_000, "data-in-code"),
        ("look.ipynb", "{}", "notebooks-in-code"),
        ("node_modules/x/index.js", "", "junk-in-code"),
        ("lib/.pytest_cache/README.md", "", "junk-in-code"),
        ("env/pyvenv.cfg", "", "junk-in-code"),
        (".DS_Store", 6148, "junk-in-code"),
        ("run.sh", "python run.py\r\n", "windows-line-ends"),
        ("bin/start", "#!/usr/bin/env python\r\nprint()\r\n", "windows-line-ends"),
        ("store.py", f"KEY = '{KEY}'\n", "secret-in-code"),
        ("key.pem", PEM, "secret-in-code"),
        ("deep/config.json", '{"url": "https://x?sv=1&sig=abcdefghijk"}', "secret-in-code"),
    ],
)
def test_what_costs_or_breaks_is_said(folder: Path, name: str, content: str | int, expected: str):
    write(folder, **{name: content})
    (finding,) = found(folder)
    assert finding.code == expected
    assert name.partition("/")[0] in finding.message
    assert finding.route == ("defaults", "code")


@pytest.mark.parametrize(
    "name", ["raw/flights.csv", "look.ipynb", "env/pyvenv.cfg", "a/node_modules/x/y.csv"]
)
def test_the_line_that_is_offered_is_the_cure(folder: Path, name: str):
    write(folder, **{name: 400_000})
    (finding,) = found(folder)
    assert finding.help
    write(folder, **{".amlignore": finding.help.split("`")[1]})
    assert codes(folder) == []
    assert list(Snapshots(folder.parent).files("code")) == [".amlignore", "lib/tables.py", "run.py"]


def test_a_gitignore_is_not_put_out_of_force_by_the_cure(folder: Path):
    write(folder, **{".gitignore": "*.log", "look.ipynb": ""})
    assert "copy of .gitignore" in (found(folder)[0].help or "")


def test_what_lies_in_an_environment_is_said_once(folder: Path):
    inside = {"env/lib/x.csv": 400_000, "env/lib/x.ipynb": "", "env/x.sh": "\r\n", "env/k.py": KEY}
    write(folder, **{"env/pyvenv.cfg": "", **inside})
    assert codes(folder) == ["junk-in-code"]


def test_a_secret_is_placed_and_never_shown(folder: Path):
    write(folder, **{"store.py": f"import os\n\nKEY = '{KEY}'\n"})
    (finding,) = found(folder)
    assert "a storage account key in store.py:3" in finding.message
    assert KEY not in repr(finding)


def test_one_finding_names_all_of_a_kind(folder: Path):
    write(folder, **{f"{number}.ipynb": "" for number in range(5)})
    (finding,) = found(folder)
    assert finding.message.endswith("0.ipynb, 1.ipynb, 2.ipynb and 2 more")


def lines_offered(finding: Finding) -> str:
    return "\n".join((finding.help or "").split("`")[1::2])


def test_the_lines_that_are_offered_are_all_that_are_needed(folder: Path):
    tools = "node_modules .venv .tox .mypy_cache .pytest_cache .idea wandb mlruns".split()
    write(folder, **{f"{tool}/x.txt": "" for tool in tools})
    write(folder, **{f"deep/{number}/.DS_Store": "" for number in range(9)})
    write(folder, **{f"env{number}/pyvenv.cfg": "" for number in range(5)})
    write(folder, **{f"raw/{number}.csv": 400_000 for number in range(40)})
    write(folder, **{f"mixed/{number}.csv": 400_000 for number in range(5)})
    write(folder, **{"mixed/names.csv": "belongs to its script"})
    assert codes(folder) == ["data-in-code", "junk-in-code"]
    write(folder, **{".amlignore": "\n".join(map(lines_offered, found(folder)))})
    assert codes(folder) == []
    files = Snapshots(folder.parent).files("code")
    assert list(files) == [".amlignore", "lib/tables.py", "mixed/names.csv", "run.py"]


def test_many_files_of_a_kind_are_left_out_by_one_line(folder: Path):
    write(folder, **{f"raw/{number}.csv": 400_000 for number in range(40)})
    assert lines_offered(found(folder)[0]) == "/raw/*.csv\ndata:"


def test_every_file_with_the_line_ends_of_windows_is_named_with_its_cure(folder: Path):
    script = "#!/bin/bash\r\n"
    write(folder, **{"src/lib.bash": script, "bin/start": script, "my run.sh": script})
    (finding,) = found(folder)
    assert "bin/start, my run.sh, src/lib.bash have" in finding.message
    assert finding.help == (
        "`dos2unix code/bin/start 'code/my run.sh' code/src/lib.bash`, and "
        "`*.bash text eol=lf`, `*.sh text eol=lf` and `start text eol=lf` in .gitattributes"
    )


def test_of_many_such_files_one_command_finds_them_all(folder: Path):
    write(folder, **{f"{number:02}.sh": "\r\n" for number in range(12)}, start="#!/bin/sh\r\n")
    (finding,) = found(folder)
    assert "09.sh and 3 more have" in finding.message
    assert r"`find code \( -name '*.sh' -o -name start \) -exec dos2unix {} +`" in (
        finding.help or ""
    )


def test_no_secret_goes_unnamed(folder: Path):
    token = "ghp_" + "a1B2" * 9  # made up
    write(folder, **{f"{number}.py": f"KEY = '{KEY}'\n" for number in range(5)})
    write(folder, **{"many.py": f"T = '{token}'\n\nU = '{token}'\nK = '{KEY}'\n"})
    *others, many = found(folder)
    assert [f"in {number}.py:1" in each.message for number, each in enumerate(others)] == [True] * 5
    assert many.message == (
        "code folder 'code' holds what looks like an access token in many.py:1, 3 and "
        "a storage account key in many.py:4"
    )


def test_only_so_much_of_a_folder_is_read(folder: Path):
    write(folder, **{f"{number:02}.txt": f"{KEY}\n" + " " * 120_000 for number in range(60)})
    snapshots = Snapshots(folder.parent)
    assert len(list(code.secret_values(SPEC, snapshots))) == 34
    write(folder, **{"a.txt": KEY + " " * 200_000})
    assert not any("a.txt" in each.message for each in found(folder))


def test_a_folder_with_little_room_left_is_said_to_be_so(folder: Path):
    write(folder, **{f"many/{number}.txt": "" for number in range(MOST_FILES * 9 // 10)})
    (finding,) = found(folder)
    assert finding.code == "nearly-large-code"
    assert "many (1,800), the folder itself (1), lib (1)" in (finding.help or "")


def test_a_folder_that_is_too_large_has_an_error_of_its_own(folder: Path):
    write(folder, **{f"many/{number}.txt": "" for number in range(MOST_FILES + 1)})
    assert codes(folder) == []
