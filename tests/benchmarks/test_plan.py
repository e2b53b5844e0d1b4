"""How fast `plan` is, beside the imports that it stands on, and how it grows with the steps.

Times are printed, never asserted; what is loaded, and memory, are.
"""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROUNDS = 15
SCRIPTS = 20
BASE = "import typer,yaml,rich.console,rich.table;from pydantic import BaseModel"
AMLSHARE = ["-m", "amlshare", "plan", "spec.yaml", "--backend", "local"]

HEAD = """\
amlshare: 1
name: bench
defaults: {compute: cpu-cluster, environment: python, datastore: blobs, code: scripts}
environments: {python: {image: "python:3.11.4"}}
local: {datastores: {blobs: data}, datasets: {codes: data/codes.csv}}
parameters: {rate: 0.5}
data:
  raw: {type: path, location: raw/a.csv, format: file, size: 30 MB}
  codes: {type: dataset, name: codes, version: 3, format: csv}
steps:
"""
STEP = """\
  step_{number}:
    script: work_{script}.py
    inputs:
      table: {source}
      codes: {{from: codes, mode: download}}
    outputs:
      out: {{type: directory, format: csv, size: 3 MB}}
    arguments:
      --table: ${{inputs.table}}
      --codes: ${{inputs.codes}}
      --out: ${{outputs.out}}
      --rate: ${{parameters.rate}}
"""
# What a plan would be if nobody asked what moves.
WITHOUT = """\
from amlshare import plan
from amlshare.cli import main
from amlshare.commands import planning
from amlshare.movement import EdgeBytes, Movement, Moves
from amlshare.movement.waiting import UNTIMED
from amlshare.pipeline import edges

NOTHING = dict.fromkeys(("bytes", "files", "distinct_bytes", "moved_bytes"))
IDLE = dict(moved_bytes=None, unique_bytes=None, duplicate_bytes=None)


def moves_of(made):
    return Moves(
        edges=tuple(
            EdgeBytes(edge=edge, bytes_from="unknown", access="mount", **NOTHING)
            for edge in edges(made.pipeline)
        ),
        outputs=(),
        movement=Movement(**IDLE, duplicates=(), unknown_edges=()),
        waiting=UNTIMED,
    )


plan.choose_modes = plan.mount_settings = lambda *given, **named: {}
planning.moves_of, planning.advise = moves_of, lambda *given: ()
main()
"""
SCRIPT = '''\
"""One of the scripts: as long as such scripts are."""

import argparse
import csv
from pathlib import Path

import shared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--codes", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=1.0)
    args = parser.parse_args()
    with args.table.open(newline="") as table:
        rows = [shared.clean(row) for row in csv.DictReader(table)]
    rows = rows[: int(len(rows) * args.rate) + args.codes.stat().st_size]
    with (args.out / "{script}.csv").open("w", newline="") as file:
        csv.writer(file).writerows(row.values() for row in rows)


if __name__ == "__main__":
    main()
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a process took, start to end: seconds, those of them at work, MB at its peak."""

    seconds: float
    cpu: float
    peak: float


def run(arguments: list[str], cwd: Path) -> Taken:
    """A Python process as users have it: with bytecode."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    command = [sys.executable, *arguments]
    process = subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return Taken(
        seconds=seconds, cpu=usage.ru_utime + usage.ru_stime, peak=usage.ru_maxrss * 1024 / 1e6
    )


def write_project(folder: Path, steps: int, head: str = HEAD, readers: int = 1) -> Path:
    """A spec with steps of some ten lines, each of which reads what an earlier one made, which
    has so many ``readers``.
    """
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts/shared.py").write_text("def clean(row):\n    return row\n")
    for script in range(SCRIPTS):
        text = SCRIPT.replace("{script}", str(script))
        (folder / f"scripts/work_{script}.py").write_text(text)
    with (folder / "spec.yaml").open("w") as spec:
        spec.write(head)
        for number in range(steps):
            source = "raw" if number < 5 else f"step_{(number - 5) // readers}.out"
            spec.write(STEP.format(number=number, script=number % SCRIPTS, source=source))
    return folder


def test_ten_steps_beside_the_imports_alone(tmp_path: Path):
    folder = write_project(tmp_path, 10)
    pairs = [(run(["-c", BASE], folder), run(AMLSHARE, folder)) for _ in range(ROUNDS + 1)][1:]
    base, plan = zip(*pairs, strict=True)
    ratio = statistics.median(one.seconds / other.seconds for other, one in pairs)
    cpu = statistics.median(one.cpu / other.cpu for other, one in pairs)
    print(f"\nplan of 10 steps       {middle(plan):.3f} s")
    print(f"the imports alone      {middle(base):.3f} s")
    print(f"ratio                  {ratio:.2f}  (of processor time {cpu:.2f}; wanted: 1.4)")


def middle(taken: tuple[Taken, ...]) -> float:
    return statistics.median(each.seconds for each in taken)


@pytest.mark.parametrize(("steps", "seconds", "rounds"), [(1_000, 1, 5), (10_000, 6, 3)])
def test_many_steps(tmp_path: Path, steps: int, seconds: float, rounds: int):
    folder = write_project(tmp_path, steps)
    found = [run(AMLSHARE, folder) for _ in range(rounds)]
    peak = max(each.peak for each in found)
    least = min(each.cpu for each in found)
    print(f"\nplan of {steps:,} steps  {middle(tuple(found)):.2f} s (wanted: {seconds} s)")
    print(f"  at least {least:.2f} s of processor time; peak {peak:.0f} MB")
    if steps == 1_000:
        assert peak < 120


def test_the_model_of_movement_beside_a_plan_without_it(tmp_path: Path):
    """Two plans for Azure of one spec, whose sizes and machines are known."""
    cluster = "compute: {cpu-cluster: {vm_size: Standard_DS3_v2, hourly_rate: 0.3}}\n"
    folder = write_project(tmp_path, 1_000, head=f"{HEAD.rstrip()[:-6]}{cluster}steps:\n")
    words = [*AMLSHARE[2:-1], "azureml"]
    ways = ["-c", WITHOUT], AMLSHARE[:2]
    pairs = [tuple(run([*way, *words], folder) for way in ways) for _ in range(9)]
    without, with_ = zip(*pairs, strict=True)
    ratio = statistics.median(one.cpu / other.cpu for other, one in pairs)
    print(f"\nplan of 1,000 steps for Azure with the model     {middle(with_):.2f} s")
    print(f"and without it                                   {middle(without):.2f} s")
    print(
        f"the model adds, of processor time                {100 * (ratio - 1):+.0f} % (wanted: 20)"
    )


@pytest.mark.parametrize(("backend", "readers"), [("local", 1), ("azureml", 2)])
def test_growth_is_that_of_n_log_n(tmp_path: Path, backend: str, readers: int):
    sizes = (1_000, 2_000, 4_000, 8_000)
    start = min(run(["-c", BASE], tmp_path).cpu for _ in range(5))
    times = []
    for steps in sizes:
        folder = write_project(tmp_path / str(steps), steps, readers=readers)
        plan = [*AMLSHARE[:-1], backend]
        times.append(min(run(plan, folder).cpu for _ in range(3)) - start)
    print(f"\nfor {backend}, where {readers} read what a step made")
    print(f"{'steps':>8}{'seconds':>10}{'µs for n log n':>16}")
    for steps, seconds in zip(sizes, times, strict=True):
        print(f"{steps:>8,}{seconds:>10.2f}{1e6 * seconds / (steps * math.log2(steps)):>16.2f}")
