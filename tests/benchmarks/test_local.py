"""How fast a local run is, and how little it moves; the peers run the same graph beside it.

Times are printed, never asserted; bytes and memory are.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

CHAINS, LENGTH, JOBS = 20, 5, 2
STEPS = CHAINS * LENGTH
ROUNDS = 5
PEERS = ("snakemake", "dvc")
AMLSHARE = [sys.executable, "-m", "amlshare"]


def run(command: list[str], cwd: Path, **more: str) -> float:
    """Seconds that a command takes, as a whole process, with bytecode on."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=cwd, env=env | more, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return seconds


def write_spec(folder: Path) -> None:
    """Chains of steps that copy their input with cat."""
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "in.txt").write_text("a line\n")
    steps = {}
    for chain in range(CHAINS):
        for link in range(LENGTH):
            source = f"s{chain}_{link - 1}.out" if link else "start"
            steps[f"s{chain}_{link}"] = {
                "command": 'cat "${inputs.given}" > "${outputs.out}"',
                "inputs": {"given": source},
                "outputs": {"out": {"format": "file"}},
            }
    spec = {
        "amlshare": 1,
        "name": "cats",
        "defaults": {"code": "none", "datastore": "here"},
        "local": {"datastores": {"here": "data"}},
        "data": {"start": {"type": "path", "location": "in.txt", "format": "file"}},
        "steps": steps,
    }
    (folder / "spec.yaml").write_text(json.dumps(spec))


PLAIN = """
import subprocess, sys
from concurrent.futures import ThreadPoolExecutor
def chain(number):
    given = "data/in.txt"
    for link in range({length}):
        made = f"data/{{number}}_{{link}}.txt"
        subprocess.run(["bash", "-c", f'cat "{{given}}" > "{{made}}"'], check=True)
        given = made
with ThreadPoolExecutor({jobs}) as pool:
    list(pool.map(chain, range({chains})))
"""


def write_plain(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "in.txt").write_text("a line\n")
    (folder / "plain.py").write_text(PLAIN.format(length=LENGTH, jobs=JOBS, chains=CHAINS))


def write_snakefile(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "in.txt").write_text("a line\n")
    ends = [f"data/{chain}_{LENGTH - 1}.txt" for chain in range(CHAINS)]
    rules = [f"rule all:\n    input: {ends!r}\n"]
    for chain in range(CHAINS):
        for link in range(LENGTH):
            given = f"data/{chain}_{link - 1}.txt" if link else "data/in.txt"
            rules.append(
                f"rule s{chain}_{link}:\n    input: {given!r}\n"
                f"    output: 'data/{chain}_{link}.txt'\n"
                '    shell: \'cat "{input}" > "{output}"\'\n'
            )
    (folder / "Snakefile").write_text("\n".join(rules))


def write_dvc(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "in.txt").write_text("a line\n")
    stages = {}
    for chain in range(CHAINS):
        for link in range(LENGTH):
            given = f"data/{chain}_{link - 1}.txt" if link else "data/in.txt"
            made = f"data/{chain}_{link}.txt"
            stages[f"s{chain}_{link}"] = {
                "cmd": f"cat {given} > {made}",
                "deps": [given],
                "outs": [made],
            }
    (folder / "dvc.yaml").write_text(json.dumps({"stages": stages}))
    peer = shlex.split(os.environ["AMLSHARE_PEERS"])[0]
    run([f"{peer}/dvc", "init", "--no-scm", "-q"], folder)


def timed(tmp_path: Path, name: str, write: Callable[[Path], None], command: list[str]) -> float:
    """The seconds of a command on a graph that was never run."""
    folder = tmp_path / name
    shutil.rmtree(folder, ignore_errors=True)
    write(folder)
    seconds = run(command, folder)
    shutil.rmtree(folder)
    return seconds


def test_overhead_of_a_step_beside_the_peers(tmp_path: Path) -> None:
    submit = [*AMLSHARE, "submit", "spec.yaml", "--backend", "local", "--jobs", str(JOBS)]
    rows = {
        "bash through subprocess": (write_plain, [sys.executable, "plain.py"]),
        "amlshare submit": (write_spec, submit),
        "amlshare submit, 1 step": (write_spec, [*submit, "--select", "s0_0"]),
    }
    if peers := os.environ.get("AMLSHARE_PEERS"):
        snakemake = [f"{peers}/snakemake", f"-j{JOBS}", "-q", "all"]
        rows["snakemake -j2"] = (write_snakefile, snakemake)
        rows["dvc repro"] = (write_dvc, [f"{peers}/dvc", "repro", "-q"])
    times: dict[str, list[float]] = {name: [] for name in rows}
    for turn in range(ROUNDS):
        for name, (write, command) in rows.items():
            if turn > 0 and name.startswith(PEERS):
                continue  # they take minutes, and are not near enough to need more
            times[name].append(timed(tmp_path, "graph", write, command))
    least = statistics.median(times["bash through subprocess"])
    print(
        f"\n{STEPS} steps that cat, {JOBS} at a time; medians of {ROUNDS} rounds, one of the peers"
    )
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        each = (middle - least) / STEPS * 1000
        print(f"  {name:24} {middle:7.2f} s  {middle / least:6.1f}x  {each:+7.2f} ms a step")
    start = statistics.median(times["amlshare submit, 1 step"])
    each = (statistics.median(times["amlshare submit"]) - start - least) / STEPS * 1000
    print(f"  amlshare after its start {each:+29.2f} ms a step")


def test_an_input_that_steps_download_moves_once(tmp_path: Path) -> None:
    readers, size = 4, 1 << 30
    (tmp_path / "data").mkdir()
    with (tmp_path / "data" / "big.bin").open("wb") as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))
    steps = {
        f"read{number}": {
            "command": 'stat -c %s "${inputs.big}" > "${outputs.size}"',
            "inputs": {"big": {"from": "big", "mode": "download"}},
            "outputs": {"size": {"format": "file"}},
        }
        for number in range(readers)
    }
    spec = {
        "amlshare": 1,
        "name": "big",
        "defaults": {"code": "none", "datastore": "here"},
        "local": {"datastores": {"here": "data"}},
        "data": {"big": {"type": "path", "location": "big.bin", "format": "file"}},
        "steps": steps,
    }
    (tmp_path / "spec.yaml").write_text(json.dumps(spec))
    command = [*AMLSHARE, "submit", "spec.yaml", "--backend", "local", "--format", "json"]
    print(f"\n{readers} steps download the same {size >> 30} GiB")
    for name, more in (("first run", []), ("every step anew", ["--regenerate"])):
        started = time.perf_counter()
        done = subprocess.run([*command, *more], cwd=tmp_path, capture_output=True, check=True)
        seconds = time.perf_counter() - started
        moved = sum(step["moved_bytes"] or 0 for step in json.loads(done.stdout)["steps"])
        print(f"  {name:24} {moved / size:.2f}x moved, {seconds:.1f} s")
        assert moved == (size if name == "first run" else 0)


PEAK = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
sys.stderr.write(done.stderr[-2000:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""


@pytest.mark.parametrize("mode", ["mount", "download"])
def test_a_file_of_5_gb_passes_through_in_little_memory(tmp_path: Path, mode: str) -> None:
    size = 5 * 10**9
    (tmp_path / "data").mkdir()
    with (tmp_path / "data" / "big.bin").open("wb") as file:
        file.truncate(size)
    spec = {
        "amlshare": 1,
        "name": "large",
        "defaults": {"code": "none", "datastore": "here"},
        "local": {"datastores": {"here": "data"}},
        "data": {"big": {"type": "path", "location": "big.bin", "format": "file"}},
        "steps": {
            "copy": {
                "command": 'cp --sparse=always "${inputs.big}" "${outputs.copy}"',
                "inputs": {"big": {"from": "big", "mode": mode}},
                "outputs": {"copy": {"format": "file"}},
            }
        },
    }
    (tmp_path / "spec.yaml").write_text(json.dumps(spec))
    command = [*AMLSHARE, "submit", "spec.yaml", "--backend", "local"]
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started
    assert done.returncode == 0, done.stderr
    peak = int(done.stdout) * 1024
    print(f"\n5 GB in mode {mode}: {peak / 10**6:.0f} MB at most, {seconds:.1f} s")
    assert peak < 150 * 10**6
