"""Mini-batches: how an input is cut, and what becomes of failing ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DRIVER = Path(__file__).parents[3] / "amlshare" / "backends" / "local" / "parallel_driver.py"
ECHO = (
    "import os\ndef run(batch):\n    return ['+'.join(map(os.path.basename, batch))] * len(batch)\n"
)


def drive(folder: Path, script: str, *arguments: str, **order: Any) -> tuple[int, str, str]:
    """Exit code, what was printed, and the rows."""
    (folder / "entry.py").write_text(script)
    known = {
        "file": "entry.py", "over": str(folder / "in"), "mini_batch": None, "batch_unit": "files",
        "partition_by": [], "partitions": None, "nodes": 1, "processes_per_node": 2,
        "allow_failed": 0, "batch_timeout": None, "batch_retries": 0, "table": False,
        "cores": 2, "rows_to": str(folder / "out" / "rows.txt"),
    }  # fmt: skip
    (folder / "order.json").write_text(json.dumps(known | order))
    done = subprocess.run(
        [sys.executable, str(DRIVER), str(folder / "order.json"), *arguments],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
        env=dict(os.environ) | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    rows = folder / "out" / "rows.txt"
    return done.returncode, done.stdout, rows.read_text() if rows.exists() else ""


def files(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def test_files_come_in_batches_and_rows_in_order(tmp_path: Path) -> None:
    files(tmp_path, "a", "b", "c/d", "e é")
    code, _, rows = drive(tmp_path, ECHO, mini_batch=3)
    assert (code, rows) == (0, "a+b+e é\n" * 3 + "d\n")


def test_one_file_is_a_batch_where_nothing_is_said(tmp_path: Path) -> None:
    files(tmp_path, *(f"{i:03}" for i in range(100)))
    _, said, rows = drive(tmp_path, ECHO)
    assert rows == "".join(f"{i:03}\n" for i in range(100))
    assert said == "100 mini-batches, 100 items, 0 failed\n"


def test_init_is_called_once_in_each_worker_with_the_arguments(tmp_path: Path) -> None:
    files(tmp_path, *"abcdef")
    script = (
        "import os, sys, time\ndef init():\n    print('init', sys.argv[1:])\n"
        "def run(batch):\n    time.sleep(0.05)\n    return [os.getpid()]\n"
    )
    _, said, rows = drive(tmp_path, script, "--x", "1")
    assert said.count("init ['--x', '1']") == 2
    assert len(set(rows.split())) == 2


def test_partitions_come_together_with_their_keys(tmp_path: Path) -> None:
    files(tmp_path, "JFK/1.csv", "JFK/2.csv", "EWR/1.csv")
    script = (
        "import os\ndef run(batch, mini_batch_context):\n"
        "    return [str(mini_batch_context.partition_key_value) + str(len(batch))]\n"
    )
    _, _, rows = drive(
        tmp_path, script, partition_by=["station"], partitions="{station}/{month}.csv"
    )
    assert rows == "{'station': 'EWR'}1\n{'station': 'JFK'}2\n"


def test_a_file_that_lies_otherwise_than_partitions_say_is_named(tmp_path: Path) -> None:
    files(tmp_path, "odd.txt")
    code, said, _ = drive(tmp_path, ECHO, partition_by=["s"], partitions="{s}/{m}.csv")
    assert (code, said) == (1, "error: odd.txt does not lie as `partitions` says: {s}/{m}.csv\n")


def test_rows_of_a_table_come_as_frames(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    (tmp_path / "in").mkdir()
    lines = "".join(f"{i},x{i}\n" for i in range(1000))
    (tmp_path / "in" / "t.csv").write_text("a,b\n" + lines)
    script = "def run(frame):\n    print(len(frame))\n    return frame[['b', 'a']]\n"
    code, said, rows = drive(tmp_path, script, table=True, mini_batch=2000, batch_unit="bytes")
    assert code == 0
    assert rows == "".join(f"x{i} {i}\n" for i in range(1000))
    assert 3 < len(said.splitlines()) < 8


def test_a_table_can_be_cut_by_the_values_of_a_column(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "t.csv").write_text("a,b\n1,x\n2,y\n3,x\n")
    script = (
        "def run(frame, context):\n    return [context.partition_key_value['b'], sum(frame.a)]\n"
    )
    _, _, rows = drive(tmp_path, script, table=True, partition_by=["b"])
    assert rows == "x\n4\ny\n2\n"


FAILS = (
    "def run(batch):\n    if batch[0].endswith('b'): raise ValueError('bad')\n    return batch\n"
)


def test_failed_items_beyond_what_is_allowed_fail_the_step(tmp_path: Path) -> None:
    files(tmp_path, *"abc")
    code, said, _ = drive(tmp_path, FAILS)
    assert code == 1
    assert "ValueError: bad" in said
    assert "error: 1 items failed, and `allow_failed` is 0" in said


def test_failed_items_may_be_allowed(tmp_path: Path) -> None:
    files(tmp_path, *"abc")
    code, said, rows = drive(tmp_path, FAILS, allow_failed=1)
    assert (code, len(rows.splitlines())) == (0, 2)
    assert said.endswith("3 mini-batches, 3 items, 1 failed\n")


def test_items_for_which_no_row_is_returned_have_failed(tmp_path: Path) -> None:
    files(tmp_path, *"abc")
    code, said, _ = drive(tmp_path, "def run(batch):\n    return batch[:1]\n", mini_batch=3)
    assert (code, "2 items failed" in said) == (1, True)


def test_a_batch_is_tried_again(tmp_path: Path) -> None:
    files(tmp_path, "a")
    script = (
        "import os\ndef run(batch):\n    open('tries', 'a').write('x')\n"
        "    if os.path.getsize('tries') < 3: os._exit(9)\n    return batch\n"
    )
    code, said, _ = drive(tmp_path, script, batch_retries=2)
    assert (code, said.count("ended its process (exit code 9)")) == (0, 2)


def test_a_batch_that_takes_too_long_has_failed(tmp_path: Path) -> None:
    files(tmp_path, "a")
    script = "import time\ndef run(batch):\n    time.sleep(60)\n"
    code, said, _ = drive(tmp_path, script, batch_timeout=0.3)
    assert code == 1
    assert "mini-batch 0 ran longer than 0.3 s" in said


def test_a_script_that_cannot_start_says_why(tmp_path: Path) -> None:
    files(tmp_path, "a")
    code, said, _ = drive(tmp_path, "import no_such_module\n")
    assert code == 1
    assert "No module named 'no_such_module'" in said
    assert said.endswith("error: entry.py could not be started: see above\n")


def test_no_files_are_no_batches(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert drive(tmp_path, ECHO) == (0, "0 mini-batches, 0 items, 0 failed\n", "")


def test_an_input_that_is_not_there_fails_the_step(tmp_path: Path) -> None:
    over = "https://example.com/*.csv"
    code, said, _ = drive(tmp_path, ECHO, over=over)
    assert (code, "error: there is no input at" in said) == (1, True)
