"""Which files belong to a code folder."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from amlshare.snapshots import (
    MOST_BYTES,
    SnapshotError,
    Snapshots,
    excess,
    ignore_file,
    would_hold,
)


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def files(folder: Path) -> list[str]:
    return list(Snapshots(folder.parent).files(folder.name))


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    names = ["main.py", "lib/a.py", "lib/deep/b.py", "build/keep.txt", "build/x.o", "data.csv"]
    write(folder, **dict.fromkeys(names, ""))
    return folder


EVERYTHING = ["build/keep.txt", "build/x.o", "data.csv", "lib/a.py", "lib/deep/b.py", "main.py"]


def test_all_files_belong_to_it_sorted_by_path(code: Path):
    assert files(code) == EVERYTHING


def test_version_control_and_bytecode_never_do(code: Path):
    write(code, **{".git/config": "", "__pycache__/main.pyc": "", "lib/__pycache__/a.pyc": ""})
    write(code, **{".amlshare/state": "", "lib/.ipynb_checkpoints/a.py": ""})
    assert files(code) == EVERYTHING


def test_what_amlshare_keeps_beside_a_spec_does_not_and_what_others_call_so_does(code: Path):
    write(code, **{"main.lock.yaml": "# Written by `amlshare plan main.yaml --refresh`: what\n"})
    assert files(code) == EVERYTHING
    write(code, **{"conda.lock.yaml": "dependencies: []\n"})
    assert "conda.lock.yaml" in files(code)


@pytest.mark.parametrize(
    "text",
    [
        "rates: 1\nazureml: {latency: 0.05}\n",
        "{azureml: {latency: 0.05}, rates: 1}\n",
        "# measured in our region\nazureml:\n  latency: 0.05\n\n'rates': 1\n",
    ],
)
def test_rates_that_were_written_by_hand_are_no_code_either(code: Path, text: str):
    write(code, **{"main.rates.yaml": text})
    assert files(code) == EVERYTHING


@pytest.mark.parametrize(
    "text", ["rates: {usd: 1}\n", "- rates: 1\n", "usd: {rates: 1}\n", "lock: true\n", "", "{\n"]
)
def test_a_file_of_such_a_name_that_says_something_else_is_code(code: Path, text: str):
    write(code, **{"fx.rates.yaml": text, "door.lock.yaml": text})
    assert {"fx.rates.yaml", "door.lock.yaml"} <= set(files(code))


@pytest.mark.parametrize(
    ("patterns", "left_out"),
    [
        ("*.csv", ["data.csv"]),
        ("/main.py", ["main.py"]),
        ("a.py", ["lib/a.py"]),
        ("build/", ["build/keep.txt", "build/x.o"]),
        ("build", ["build/keep.txt", "build/x.o"]),
        ("lib/**/b.py", ["lib/deep/b.py"]),
        ("# comment\n\n*.o\n", ["build/x.o"]),
        ("build/*\n!build/keep.txt", ["build/x.o"]),
        ("build/\n!build/keep.txt", ["build/x.o"]),
        ("build\n!build/keep.txt", ["build/keep.txt", "build/x.o"]),
        ("*.py\n!main.py", ["lib/a.py", "lib/deep/b.py"]),
        ("!main.py\n*.py", ["lib/a.py", "lib/deep/b.py", "main.py"]),
        ("\ufeff*.csv", ["data.csv"]),
        (".amlignore", []),
    ],
)
def test_patterns_leave_files_out_as_the_sdk_has_it(code: Path, patterns: str, left_out: list[str]):
    write(code, **{".amlignore": patterns})
    found = [name for name in files(code) if name != ".amlignore"]
    assert found == [name for name in EVERYTHING if name not in left_out]


def test_a_gitignore_counts_where_there_is_no_amlignore(code: Path):
    write(code, **{".gitignore": "*.csv"})
    assert "data.csv" not in files(code)
    write(code, **{".amlignore": "*.o"})
    assert {"data.csv", "build/x.o"} & set(files(code)) == {"data.csv"}
    assert ignore_file(code) == code / ".amlignore"


def test_an_ignore_file_in_a_folder_below_does_not_count(code: Path):
    write(code, **{"lib/.amlignore": "*"})
    assert "lib/a.py" in files(code)


def test_links_are_followed(code: Path, tmp_path: Path):
    write(tmp_path, **{"shared/c.py": ""})
    (code / "link").symlink_to(tmp_path / "shared")
    (code / "alias.py").symlink_to("main.py")
    assert set(files(code)) == {*EVERYTHING, "link/c.py", "alias.py"}


def test_a_link_to_a_folder_above_is_not_followed_round_and_round(code: Path):
    (code / "lib/up").symlink_to(code)
    (code / "self").symlink_to("self")
    assert files(code) == EVERYTHING


def test_folders_that_link_to_each_other_are_read_once_each_way(code: Path):
    write(code, **{"x/one.py": "", "y/two.py": ""})
    (code / "x/y").symlink_to("../y")
    (code / "y/x").symlink_to("../x")
    found = [name for name in files(code) if name.endswith(("one.py", "two.py"))]
    assert found == ["x/one.py", "x/y/two.py", "y/two.py", "y/x/one.py"]


def test_what_is_neither_file_nor_folder_is_passed_over(code: Path):
    (code / "dangling.py").symlink_to("nowhere.py")
    os.mkfifo(code / "pipe")
    assert files(code) == EVERYTHING


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path):
    snapshots = Snapshots(tmp_path)
    assert snapshots.files("nowhere") == {}
    assert not snapshots.problems


def test_a_line_that_is_no_pattern_is_a_problem(code: Path):
    write(code, **{".amlignore": "*.csv\n!\n"})
    snapshots = Snapshots(code.parent)
    snapshots.files("code")
    assert ".amlignore has a line that is no pattern" in snapshots.problems["code"]


def test_a_name_that_is_not_utf_8_is_a_problem(code: Path):
    Path(os.fsdecode(os.fsencode(code) + b"/caf\xe9.py")).touch()
    snapshots = Snapshots(code.parent)
    snapshots.files("code")
    assert "caf\\xe9.py" in snapshots.problems["code"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_listed_is_a_problem(code: Path):
    (code / "lib").chmod(0)
    try:
        snapshots = Snapshots(code.parent)
        assert "main.py" in snapshots.files("code") or snapshots.problems
        assert "lib cannot be read: Permission denied" in snapshots.problems["code"]
    finally:
        (code / "lib").chmod(0o755)


def test_a_digest_is_the_sha256_of_what_a_file_holds(code: Path):
    path = code / "data.csv"
    path.write_bytes(b"x" * 3_000_000)
    assert Snapshots(code).digest(path) == sha256(b"x" * 3_000_000).hexdigest()


def test_a_file_that_cannot_be_read_is_named(code: Path):
    (code / "broken.bin").symlink_to("/proc/self/mem")
    if not (code / "broken.bin").exists():
        pytest.skip("needs /proc")
    with pytest.raises(SnapshotError, match=r"broken\.bin cannot be read"):
        Snapshots(code).digest(code / "broken.bin")
    with pytest.raises(SnapshotError, match=r"gone\.py cannot be read: No such file"):
        Snapshots(code).digest(code / "gone.py")


@pytest.mark.parametrize(
    ("path", "held"),
    [("plan.json", True), ("build/plan.json", False), ("lib/plan.json", True), ("a.o", False)],
)
def test_a_file_that_is_not_there_yet_would_belong_to_it_or_not(code: Path, path: str, held: bool):
    write(code, **{".amlignore": "build\n*.o"})
    assert would_hold(code, path) is held
    assert not would_hold(code, f".amlshare/{path}")


# what is too much


def test_a_snapshot_within_the_limits_has_no_excess():
    assert excess({"x": MOST_BYTES}) is None
    assert excess({f"f{number}": 0 for number in range(2000)}) is None


def test_one_byte_too_many_can_be_seen():
    has, most, _ = excess({"x": MOST_BYTES + 1}) or ("", "", "")
    assert (has, most) == ("314,572,801 bytes", "314,572,800 (300 MiB)")


def test_what_comes_beside_the_files_counts():
    assert excess({"x": MOST_BYTES}, 1)
    assert excess(dict.fromkeys(map(str, range(2000)), 0), 0)


def test_the_largest_files_are_named_and_no_small_ones():
    sizes = {"big": 400 * 10**6, "small": 1}
    assert excess(sizes) == ("400 MB", "314.6 MB (300 MiB)", "largest files: big (400 MB)")


def test_of_too_many_files_the_folders_that_hold_most_are_named():
    names = [f"src/data/days/{number}.csv" for number in range(1500)]
    names += [f".venv/lib/{folder}/{number}.py" for folder in "abc" for number in range(300)]
    names += ["main.py", "src/x.py"]
    has, most, where = excess(dict.fromkeys(names, 0)) or ("", "", "")
    assert (has, most) == ("2,402 files", "2,000")
    folders = "src/data/days (1,500), .venv/lib (900), the folder itself (1)"
    assert where == f"most of them lie in {folders}"


# what it holds


def test_the_size_of_each_file_is_known_from_the_walk(code: Path):
    write(code, **{"main.py": "12345"})
    sizes = Snapshots(code.parent).sizes("code")
    assert list(sizes) == EVERYTHING
    assert (sizes["main.py"], sizes["data.csv"]) == (5, 0)


def test_a_file_whose_content_was_looked_at_is_not_read_again_for_its_digest(code: Path):
    snapshots, path = Snapshots(code.parent), code / "main.py"
    path.write_text("before")
    assert snapshots.content(path) == b"before"
    path.write_text("after")
    assert snapshots.digest(path) == sha256(b"before").hexdigest()
