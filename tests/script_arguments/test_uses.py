"""What a script does with its values, told from its source (``amlshare.script_arguments.uses``)."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlshare.script_arguments.uses import Uses
from amlshare.scripts import Sources

HEAD = """
import argparse, os, shutil
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument("--data", type=Path)
parser.add_argument("positional")
parser.add_argument("-o", dest="out")
args = parser.parse_args()
"""


def uses(folder: Path, source: str, **others: str) -> Uses:
    files = {"main.py": source} | {f"{name}.py": text for name, text in others.items()}
    for name, text in files.items():
        (folder / name).write_text(text)
    return Uses(Sources({name: folder / name for name in files}), "main.py")


@pytest.mark.parametrize(
    ("use", "unread"),
    [
        ("", {"data", "out", "positional"}),
        ("print(args)", {"data", "out", "positional"}),
        ("print(args.data)", {"out", "positional"}),
        ("log = f'{args}'\nargs.out", {"data", "positional"}),
        ("def main(options):\n    options.out\nmain(args)", {"data", "positional"}),
        ("getattr(args, 'data')", set()),
        ("vars(args)", set()),
        ("run(**vars(args))", set()),
        ("import other\nother.run(args)", set()),
        ("[args]", set()),
        ("class A:\n    def __init__(self, a):\n        self.a = a\nA(args)", set()),
    ],
)
def test_a_value_is_unread_where_nothing_of_its_name_is_read(tmp_path, use, unread):
    found = uses(tmp_path, HEAD + use)
    assert {name for name in ("data", "out", "positional") if found.unread(name)} == unread


def test_a_value_that_another_file_reads_is_read(tmp_path):
    source = HEAD + "import other\nother.run(args)\n"
    found = uses(tmp_path, source, other="def run(options):\n    print(options.data)\n")
    assert not found.unread("data")
    assert found.unread("out")


@pytest.mark.parametrize(
    "write",
    [
        "open(args.data, 'w')",
        "open(args.data, mode='a')",
        "args.data.open('wb')",
        "(args.data / 'x.csv').write_text('')",
        "path = os.path.join(args.data, 'x.csv')\nframe.to_csv(path, index=False)",
        "open(f'{args.data}/x', 'w')",
        "open(args.data + '/x', 'x')",
        "shutil.copy('a', args.data)",
        "shutil.rmtree(args.data)",
        "os.remove(os.path.join(args.data, 'x'))",
        "joblib.dump(model, Path(args.data) / 'm')",
        "def save(frame, path):\n    frame.to_parquet(path)\nsave(frame, args.data)",
        "def main(a):\n    a.data.joinpath('x').touch()\nmain(args)",
    ],
)
def test_a_write_is_found(tmp_path, write):
    found = uses(tmp_path, HEAD + write)
    place = found.written("data")
    assert place is not None
    assert place.line >= HEAD.count("\n")
    assert found.written("out") is None


@pytest.mark.parametrize(
    "read",
    [
        "open(args.data)",
        "open(args.data, 'rb')",
        "args.data.open(newline='')",
        "shutil.copy(args.data, args.out)",
        "args.data.replace('a', 'b')",
        "frame.to_csv(args.out)",
        "path = args.data\npath = 'other'\nopen(path, 'w')",
        "open(args.data.parent / 'x', 'w')",
        "def save(frame, path):\n    frame.to_csv(path)\nsave(args.data, args.out)",
    ],
)
def test_what_only_reads_is_no_write(tmp_path, read):
    assert uses(tmp_path, HEAD + read).written("data") is None
