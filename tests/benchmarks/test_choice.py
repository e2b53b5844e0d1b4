"""Whether `auto` chooses right: each case runs in both modes, and the model is asked which.

Data lies in Azurite, and a mount is a real one, that fetches what is read. Seconds and bytes are
those that `submit` says of the step; the rates come from the runs of a few cases before them. Times
are printed; how often the choice is right is asserted.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from azurite import Azurite
from conftest import Command

from amlshare.backends.local.fuse import can_fuse

ROUNDS = 3
APART = 1.5
GOAL = 0.9
KB, MB = 1000, 10**6
MODES = ("mount", "download")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Files of ``size`` bytes each, and how a step reads them."""

    name: str
    files: int
    size: int
    single: bool = False
    fraction: float = 1.0
    passes: int = 1
    random: bool = False

    @property
    def pattern(self) -> str:
        return "random" if self.random else "sequential"

    @property
    def bytes(self) -> int:
        return self.files * self.size

    @property
    def needed(self) -> int:
        return round(self.bytes * self.fraction)


TELLING = (
    Case(name="small files", files=200, size=4 * KB),
    Case(name="more small files", files=300, size=20 * KB),
    Case(name="large files", files=4, size=24 * MB),
    Case(name="one file", files=1, size=80 * MB, single=True),
)
CASES = (
    Case(name="1,000 small files", files=1000, size=8 * KB),
    Case(name="1,000 small files, a tenth", files=1000, size=8 * KB, fraction=0.1),
    Case(name="1,000 small files, a hundredth", files=1000, size=8 * KB, fraction=0.01),
    Case(name="400 files of 100 KB", files=400, size=100 * KB),
    Case(name="400 files of 100 KB, half", files=400, size=100 * KB, fraction=0.5),
    Case(name="300 small files twice", files=300, size=50 * KB, passes=2),
    Case(name="100 files of 1 MB", files=100, size=1 * MB),
    Case(name="100 files of 1 MB, a fifth", files=100, size=1 * MB, fraction=0.2),
    Case(name="60 files of 2 MB, 3 times", files=60, size=2 * MB, passes=3),
    Case(name="10 files of 10 MB", files=10, size=10 * MB),
    Case(name="10 files of 20 MB, one", files=10, size=20 * MB, fraction=0.1),
    Case(name="one of 150 MB", files=1, size=150 * MB, single=True),
    Case(name="one of 200 MB, a twentieth", files=1, size=200 * MB, single=True, fraction=0.05),
    Case(name="one of 300 MB, a fifth", files=1, size=300 * MB, single=True, fraction=0.2),
    Case(name="one of 100 MB, in no order", files=1, size=100 * MB, single=True, random=True),
    Case(name="one of 10 KB", files=1, size=10 * KB, single=True),
)

READ = '''\
"""Read a part of the files below a folder, or of one file, as often and in the order asked."""

import random
import sys
from pathlib import Path

place, fraction, passes, pattern = Path(sys.argv[1]), *map(float, sys.argv[2:4]), sys.argv[4]
files, block = sorted(place.rglob("*")) if place.is_dir() else [place], 1 << 20
if place.is_dir():
    files, fraction = files[: max(1, round(len(files) * fraction))], 1.0
for _ in range(int(passes)):
    for file in files:
        end = round(file.stat().st_size * fraction)
        starts = list(range(0, end, block))
        if pattern == "random":
            random.Random(0).shuffle(starts)
        with file.open("rb", buffering=0) as stream:
            for start in starts:
                stream.seek(start)
                left = min(block, end - start)
                while left and (part := stream.read(left)):
                    left -= len(part)
Path(sys.argv[5]).write_text("done")
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A step's seconds, of several rounds the median, and its bytes."""

    seconds: float
    moved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A spec with steps for each case: one in each mode, and one that leaves it to the model."""

    amlshare: Command
    env: dict[str, str]

    def __call__(self, command: str, *words: str) -> dict[str, Any]:
        more = ("--backend", "local") if command in {"plan", "submit"} else ()
        words = ("choice.yaml", *more, *words, "--format", "json")
        done = self.amlshare(command, *words, env=self.env)
        assert done.exit_code == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def ran(self, case: str, mode: str, rounds: int = ROUNDS) -> Ran:
        step = f"{case}_{mode}"
        words = ("--as-cloud", "--regenerate", "--select", step)
        steps = [self("submit", *words)["steps"] for _ in range(rounds)]
        found = [next(each for each in done if each["name"] == step) for done in steps]
        return Ran(
            seconds=statistics.median(each["seconds"] for each in found),
            moved=found[-1]["moved_bytes"],
        )

    def chosen(self) -> dict[str, dict[str, Any]]:
        edges = self("plan")["edges"]
        return {each["step"]: each for each in edges}


@pytest.fixture
def project(azurite: Azurite, amlshare: Command) -> Project:
    works, why = can_fuse()
    if not works:
        pytest.skip(why)
    cases = dict(named())
    container = azurite.container()
    upload(azurite, container, cases)
    (amlshare.cwd / "scripts").mkdir()
    (amlshare.cwd / "scripts/read.py").write_text(READ)
    (amlshare.cwd / "choice.yaml").write_text(json.dumps(spec(container, cases)))
    env = {"AZURE_STORAGE_CONNECTION_STRING": azurite.connection_string}
    env |= dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1")
    return Project(amlshare=amlshare, env=env)


def named() -> Iterator[tuple[str, Case]]:
    yield from ((f"t{number}", case) for number, case in enumerate(TELLING))
    yield from ((f"c{number}", case) for number, case in enumerate(CASES))


def upload(azurite: Azurite, container: str, cases: dict[str, Case]) -> None:
    files = [
        (f"{name}/{number:04}.bin", case.size)
        for name, case in cases.items()
        for number in range(case.files)
    ]
    with azurite._service() as service, ThreadPoolExecutor(8) as pool:
        client = service.get_container_client(container)
        list(pool.map(lambda file: client.upload_blob(file[0], os.urandom(file[1])), files))


def spec(container: str, cases: dict[str, Case]) -> dict[str, Any]:
    data, steps = {}, {}
    for name, case in cases.items():
        place = f"{name}/0000.bin" if case.single else name
        data[name] = {"type": "path", "location": place, "size": case.bytes}
        data[name] |= {"format": "file"} if case.single else {"files": case.files}
        read = {"fraction": case.fraction, "passes": case.passes, "pattern": case.pattern}
        for mode in (*MODES, "auto"):
            steps[f"{name}_{mode}"] = {
                "script": "read.py",
                "inputs": {"raw": {"from": name, "mode": mode, "reads": read}},
                "outputs": {"out": {"type": "path", "format": "file"}},
                "arguments": ["${inputs.raw}", *map(str, read.values()), "${outputs.out}"],
            }
    return {
        "amlshare": 1,
        "name": "choice",
        "defaults": {
            "code": "scripts",
            "datastore": "blobs",
            "compute": "cpu",
            "environment": "python",
        },
        "environments": {"python": {"image": "python:3.11.4"}},
        "local": {"datastores": {"blobs": f"az://{container}", "out": "out"}},
        "data": data,
        "steps": steps,
    }


def test_what_auto_chooses_is_the_faster_way_and_moves_no_more_than_needed(project: Project):
    for number in range(len(TELLING)):
        for mode in MODES:
            project.ran(f"t{number}", mode, rounds=2)
    rates = project("calibrate", "--write")["rates"]
    print("\n" + ", ".join(f"{each['rate']} {each['measured']:g}" for each in rates))
    chosen = project.chosen()
    print(f"{'':34}{'mount':>18}{'download':>18}   apart  chosen     thought")
    right, told = 0, 0
    for number, case in enumerate(CASES):
        ran = {mode: project.ran(f"c{number}", mode) for mode in MODES}
        seconds, moved = _apart(ran, "seconds"), _apart(ran, "moved")
        auto = chosen[f"c{number}_auto"]
        mark = ""
        if max(seconds, moved) >= APART:
            told += 1
            is_right = _is_right(auto["mode"], ran, case)
            right += is_right
            mark = "right" if is_right else "WRONG"
        thought = "/".join(f"{chosen[f'c{number}_{mode}']['seconds']:.2g}" for mode in MODES)
        shown = "".join(f"{each.seconds:8.2f} s {each.moved / MB:5.1f} MB" for each in ran.values())
        print(f"  {case.name:32}{shown}{seconds:6.1f}x  {auto['mode']:9}{mark:6} {thought} s")
    print(f"right in {right} of {told} cases in which the modes are {APART}x apart")
    assert told >= 10
    assert right >= GOAL * told


def _apart(ran: dict[str, Ran], what: str) -> float:
    low, high = sorted(getattr(each, what) for each in ran.values())
    return high / max(low, 1e-9)


def _is_right(mode: str, ran: dict[str, Ran], case: Case) -> bool:
    """Whether no other mode is that much faster; of two that take as long, which moves less."""
    other = next(each for each in MODES if each != mode)
    faster = ran[mode].seconds / ran[other].seconds
    if faster >= APART:
        return False
    return faster <= 1 / APART or ran[mode].moved <= APART * max(ran[other].moved, case.needed)
