"""Which files a step's script may load (``amlshare.scripts``)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlshare.scripts import Sources, parse


def closure(folder: Path, files: dict[str, str], script: str = "main.py") -> set[str]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return set(Sources({name: folder / name for name in sorted(files)}).closure(script))


FOLDER = {
    "alone.py": "",
    "cleaning.py": "",
    "models/__init__.py": "",
    "models/base.py": "",
    "models/trees.py": "from . import base",
    "models/deep/__init__.py": "from ..trees import Tree",
}


@pytest.mark.parametrize(
    ("source", "loaded"),
    [
        ("import json, argparse", set()),
        ("import cleaning", {"cleaning.py"}),
        ("import cleaning as c", {"cleaning.py"}),
        ("import json; import cleaning", {"cleaning.py"}),
        ("if True: import cleaning", {"cleaning.py"}),
        ("from cleaning import clean", {"cleaning.py"}),
        ("def main():\n    from cleaning import clean\n", {"cleaning.py"}),
        ("try:\n    import cleaning\nexcept ImportError:\n    pass", {"cleaning.py"}),
        ("import \\\n  cleaning", {"cleaning.py"}),
        ("import models", {"models/__init__.py"}),
        ("import models.base", {"models/__init__.py", "models/base.py"}),
        ("from models import base", {"models/__init__.py", "models/base.py"}),
        ("from models import (\n    base,\n)", {"models/__init__.py", "models/base.py"}),
        ("import models.trees", {"models/__init__.py", "models/trees.py", "models/base.py"}),
        (
            "from models import *",
            {"models/__init__.py", "models/base.py", "models/trees.py", "models/deep/__init__.py"},
        ),
        (
            "import models.deep",
            {"models/__init__.py", "models/base.py", "models/trees.py", "models/deep/__init__.py"},
        ),
        ("# import cleaning\ntext = 'import cleaning'", set()),
        ("cleaning = models = 1", set()),
    ],
)
def test_a_script_loads_what_it_imports(tmp_path: Path, source: str, loaded: set[str]):
    assert closure(tmp_path, {**FOLDER, "main.py": source}) == {"main.py"} | loaded


@pytest.mark.parametrize(
    "source",
    [
        "import importlib",
        "from importlib import import_module",
        "import runpy",
        "import subprocess",
        "import os\nos.system('python alone.py')",
        "from os import system",
        "import os\nos.execv('python', ['python', 'alone.py'])",
        "import sys\nsys.path.append('models')",
        "from sys import path",
        "__import__('alone')",
        "exec(open('alone.py').read())",
        "run = eval",
        "import asyncio\nasyncio.create_subprocess_exec('python')",
        "import cleaning\ndef broken(",
        "import cleaning\nx = '\0'",
    ],
)
def test_a_script_that_loads_code_in_other_ways_may_load_every_file(tmp_path: Path, source: str):
    files = {**FOLDER, "main.py": source}
    assert closure(tmp_path, files) == set(files)


@pytest.mark.parametrize(
    "source",
    [
        "from importlib.metadata import version",
        "from importlib import resources",
        "import platform\nplatform.system()",
        "model.eval()",
        "import sys\nsys.exit(0)",
        "import re\nre.compile('a')",
    ],
)
def test_what_only_looks_like_it_loads_nothing_more(tmp_path: Path, source: str):
    assert closure(tmp_path, {**FOLDER, "main.py": source}) == {"main.py"}


@pytest.mark.parametrize("load", ["import joblib", "import torch\ntorch.load('m')"])
def test_who_unpickles_may_load_every_module_that_is_imported_anywhere(tmp_path: Path, load: str):
    files = {"main.py": load, "train.py": "import model", "model.py": "", "other.py": ""}
    assert closure(tmp_path, files) == {"main.py", "model.py"}


def test_modules_are_found_beside_the_script_and_at_the_root(tmp_path: Path):
    files = {"jobs/main.py": "import near, far", "jobs/near.py": "", "far.py": "", "near.py": ""}
    assert closure(tmp_path, files, "jobs/main.py") == set(files)


def test_relative_imports_start_at_the_module_they_stand_in(tmp_path: Path):
    files = {
        "main.py": "import a.b.c",
        "a/__init__.py": "",
        "a/x.py": "",
        "a/b/__init__.py": "",
        "a/b/x.py": "",
        "a/b/c.py": "from .. import x",
    }
    assert closure(tmp_path, files) == files.keys() - {"a/b/x.py"}


def test_a_package_without_init_is_looked_into(tmp_path: Path):
    assert closure(tmp_path, {"main.py": "import space.x", "space/x.py": ""}) == {
        "main.py",
        "space/x.py",
    }


def test_modules_that_import_each_other_are_both_loaded(tmp_path: Path):
    files = {"main.py": "import a", "a.py": "import b", "b.py": "import a, main"}
    assert closure(tmp_path, files) == set(files)


def test_what_a_module_cannot_be_parsed_to_counts_for_who_imports_it(tmp_path: Path):
    files = {"main.py": "import a", "a.py": "import b, (", "b.py": "", "c.py": ""}
    assert closure(tmp_path, files) == set(files)


def test_a_module_is_found_in_source_of_another_encoding(tmp_path: Path):
    (tmp_path / "a.py").touch()
    (tmp_path / "main.py").write_bytes(b"# coding: latin-1\nx = '\xe9'\nimport a\n")
    files = {name: tmp_path / name for name in ("main.py", "a.py")}
    assert Sources(files).closure("main.py") == set(files)


def test_a_module_may_have_a_name_of_any_letters(tmp_path: Path):
    assert closure(tmp_path, {"main.py": "import données", "données.py": ""}) == {
        "main.py",
        "données.py",
    }


def test_a_missing_script_loads_nothing(tmp_path: Path):
    assert closure(tmp_path, {"a.py": ""}, "main.py") == set()


def test_questionable_source_warns_nobody(recwarn: pytest.WarningsRecorder):
    parse(b"import re\nx = '\\d' is 'a'\n")
    assert not recwarn.list


@given(st.text())
def test_no_text_whatever_stops_it(text: str):
    parse(text.encode("utf-8", "surrogatepass"))
