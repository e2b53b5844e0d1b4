"""What is described of a job is what is read back from the graph that is built from it."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from backends.azureml import offline as sdk
from backends.azureml.offline import Catalogue, offline
from hypothesis import HealthCheck, assume, given, settings
from strategies import few, spec_data
from test_plan import plan_of

from amlshare import commands
from amlshare.backends.azureml import description, limits, readback, wrapping
from amlshare.backends.azureml.data_nodes import Graph
from amlshare.backends.azureml.job import Job, make_job
from amlshare.backends.interface import BackendError
from amlshare.diff import compare

pytestmark = pytest.mark.filterwarnings("ignore")  # the SDK has many
SPECS = Path(__file__).parents[3] / "specs"
EVERYTHING = Path(__file__).parent / "everything" / "everything.yaml"
EVERY = [*(SPECS / f"{name}.yaml" for name in ("flights", "path", "directory", "dataset"))]
EVERY.append(EVERYTHING)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's data library stumbles over an IPv6 address there."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "localhost,127.0.0.1")


def job_of(spec: Path) -> Job:
    return make_job(commands.plan(commands.Request(spec=str(spec))))


def differences(graph: Graph, job: Job, base: Path) -> dict[str, list[str]]:
    """What changed, but for what only follows: the thing, and its fields before and after."""
    found = readback.read(job.pipeline, graph, job)
    before = description.describe(found.job, found.environments)
    after = description.describe(job, description.environments_of(job, base))
    return {
        f"{each.kind} {each.name}": [
            f"{one.field}: {one.before} -> {one.after}" for one in each.fields
        ]
        for each in compare(before, after).changes
        if each.effect != "downstream"
    }


def graph_of(job: Job, base: Path) -> Graph:
    """The graph that the SDK would send for a job, as it would be read back."""
    from amlshare.backends.azureml.staging import staged

    with staged(job, base) as code:
        return graph_with(job, base, code)


def graph_with(job: Job, base: Path, code: Mapping[str, Path]) -> Graph:
    """The same, with a folder of code for each step."""
    from amlshare.backends.azureml.build import build

    saved: dict[str, str] = {}

    def save(dataset: Any, workspace: Any) -> str:
        is_new = not dataset.id
        number = sdk._save(dataset, workspace)
        if is_new:
            saved[number] = dataset._dataflow.to_json()
        return number

    with (
        offline(Catalogue(tables=frozenset({"routes"}))) as workspace,
        patch("azureml.data._dataset._Dataset._ensure_saved", save),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        made = build(job, workspace, code, base)
        made.graph.finalize()
        return sent(made, saved, job)


def sent(pipeline: Any, saved: dict[str, str], job: Job) -> Graph:
    from azureml.pipeline.core._aeva_provider import _AevaGraphProvider

    caller = pipeline._graph_context.workflow_provider._service_caller
    modules = {each["Name"]: each for each in caller.modules}
    steps = {node.node_id: node.name for node in pipeline.graph.module_nodes}
    graph = _AevaGraphProvider._build_graph(pipeline.graph).serialize()
    return Graph(
        graph=graph,
        interface=_AevaGraphProvider._get_graph_interface(pipeline.graph).serialize(),
        modules={each["ModuleId"]: modules[steps[each["Id"]]] for each in graph["ModuleNodes"]},
        sources={each.id: each.serialize() for each in caller._datasource_entities.values()},
        saved=saved,
        registered={sdk._id(each.dataset): each.dataset for each in job.data if each.dataset},
    )


@pytest.mark.parametrize("spec", EVERY, ids=lambda spec: spec.stem)
def test_what_was_built_of_a_spec_does_not_differ_from_it(spec: Path) -> None:
    job = job_of(spec)
    graph = graph_of(job, spec.parent)
    assert differences(graph, job, spec.parent) == {}
    assert len(graph.modules) == len(job.steps)


@pytest.fixture(scope="module")
def everything() -> Graph:
    """What was published of the spec with every construct."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("NO_PROXY", "no_proxy"):
            patched.setenv(name, "localhost,127.0.0.1")
        return graph_of(job_of(EVERYTHING), EVERYTHING.parent)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the environments of random specs name."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "env.yml").write_text("dependencies: [python=3.11, {pip: [pandas==2.1]}]\n")
    (folder / "requirements.txt").write_text("pandas==2.1\nnumpy>=2  # why\n")
    (folder / "Dockerfile").write_text("FROM python:3.11.4\nRUN pip install pandas\n")
    return folder


@settings(few, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=spec_data())
def test_neither_does_what_was_built_of_any_spec(data: dict[str, Any], files: Path) -> None:
    plan = plan_of(data)
    assume(all(found.severity != "error" for found in limits.check(plan.pipeline, lambda _: None)))
    try:
        job = make_job(plan)
    except BackendError:
        assume(False)
    code = {step.name: files / step.name for step in job.steps}
    for step in job.steps:
        code[step.name].mkdir(exist_ok=True)
        for script in filter(None, (step.script, wrapping.SCRIPT)):
            (code[step.name] / script).write_text("")
    assert differences(graph_with(job, files, code), job, files) == {}


CHANGES: list[tuple[str, str, dict[str, list[str]]]] = [
    ("year: 2014", "year: 2015", {"parameter year": ["default: 2014 -> 2015"]}),
    ("season: summer", "season: winter", {"parameter season": ["default: summer -> winter"]}),
    ("rate: 0.5", "rate: 5", {"parameter rate": ["type: number -> integer", "default: 0.5 -> 5"]}),
    (
        "location: raw/planes/, datastore: other",
        "location: raw/aeroplanes/, datastore: lake",
        {"data planes": ["datastore: other -> lake", "location: raw/planes/ -> raw/aeroplanes/"]},
    ),
    (
        "location: raw/trips/, format: parquet",
        "location: raw/trips/, format: csv",
        {"data trips": ["format: parquet -> csv"]},
    ),
    (
        "name: airports, version: 3",
        "name: airports, version: 5",
        {"data airports": ["version: 3 -> 5"]},
    ),
    (
        "name: airports, version: 3",
        "name: airports, version: latest",
        {"data airports": ["version: 3 -> latest"]},
    ),
    (
        "location: raw/chosen.csv, format: file, parameter: true",
        "location: raw/new.csv, format: file, parameter: true",
        {"data chosen": ["location: raw/chosen.csv -> raw/new.csv"]},
    ),
    (
        'pip: ["pandas==2.1.0"]',
        'pip: ["pandas==2.2.0"]',
        {"environment image_pip": ["pip.pandas: 2.1.0 -> 2.2.0"]},
    ),
    (
        "registered: AzureML-sklearn, version: 12",
        "registered: AzureML-sklearn, version: 13",
        {"environment curated": ["version: 12 -> 13"]},
    ),
    (
        "{from: flights, mode: download, at: /tmp/flights}",
        "{from: flights, mode: mount}",
        {
            "step clean": [
                "inputs.flights.mode: download -> mount",
                "inputs.flights.at: /tmp/flights -> None",
            ]
        },
    ),
    ("timeout: 2h", "timeout: 90m", {"step clean": ["timeout: 2 h -> 90 min"]}),
    (
        "--out=${outputs.clean_cleaned}/sub",
        "--out=${outputs.clean_cleaned}/other",
        {"step readers": ["arguments"]},
    ),
    ('&& echo "$HOME"', '&& echo "$PWD"', {"step bash": ["command"]}),
    ("--prices, ", "--all, --prices, ", {"step merged": ["sequence.1.arguments"]}),
    (
        'sort "${scratch.parts}"/*.csv',
        'sort -u "${scratch.parts}"/*.csv',
        {"step merged": ["sequence.2.command"]},
    ),
    (
        "sorted: {format: file}",
        "sorted: {format: folder}",
        {"step merged": ["scratch.sorted.format: file -> folder"]},
    ),
    ("retries: 2", "retries: 3", {"step readers": ["retries: 2 -> 3"]}),
    ("reuse: false", "reuse: true", {"step readers": ["reuse: False -> True"]}),
    (
        'expect: {files: ">=1"}',
        'expect: {files: ">=2"}',
        {"step tables": ["outputs.held.expect.files: >=1 -> >=2"]},
    ),
    ("name: held_back", "name: held", {"step tables": ["outputs.held.name: held_back -> held"]}),
    (
        "stage: candidate",
        "stage: final",
        {"step tables": ["outputs.model.tags.stage: candidate -> final"]},
    ),
    (
        "location: models/delay/",
        "location: models/late/",
        {"step tables": ["outputs.model.location: models/delay/ -> models/late/"]},
    ),
    ("allow_failed: 3", "allow_failed: 4", {"step score": ["parallel.allow_failed: 3 -> 4"]}),
    (
        "mini_batch: 10 KB",
        "mini_batch: 20 KB",
        {"step by_rows": ["parallel.mini_batch: 10000 -> 20000"]},
    ),
    ("env: {LEVEL: info}", "env: {LEVEL: debug}", {"*": ["env.LEVEL: info -> debug"]}),
    (
        "cluster: my-box",
        "cluster: your-box",
        {
            "step audit": ["compute: my-box -> your-box"],
            "compute my-box": ["kind: instance"],
            "compute your-box": ["kind: None"],
        },
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), CHANGES, ids=lambda value: str(value)[:32])
def test_a_change_is_shown_and_nothing_else(
    old: str, new: str, expected: dict[str, list[str]], everything: Graph, tmp_path: Path
) -> None:
    folder = tmp_path / "everything"
    shutil.copytree(EVERYTHING.parent, folder)
    text = (folder / "everything.yaml").read_text("utf-8")
    assert old in text
    (folder / "everything.yaml").write_text(text.replace(old, new, 1), "utf-8")
    job = job_of(folder / "everything.yaml")
    said = differences(everything, job, folder)
    wanted = expected if "*" not in expected else dict.fromkeys(said, expected["*"])
    assert set(said) == set(wanted)
    for name, fields in wanted.items():
        assert len(said[name]) == len(fields)
        assert all(map(str.startswith, said[name], fields)), said[name]


def test_data_under_another_name_is_the_same_data(everything: Graph, tmp_path: Path) -> None:
    folder = tmp_path / "everything"
    shutil.copytree(EVERYTHING.parent, folder)
    text = (folder / "everything.yaml").read_text("utf-8")
    renamed = text.replace("planes:", "aeroplanes:", 1).replace(
        "planes: planes", "planes: aeroplanes"
    )
    assert renamed != text
    (folder / "everything.yaml").write_text(renamed, "utf-8")
    assert differences(everything, job_of(folder / "everything.yaml"), folder) == {}


@pytest.mark.parametrize(
    ("renamed", "expected"),
    [
        (
            {
                "\n  audit:": "\n  inspect:",
                "audit.lines": "inspect.lines",
                ", audit]": ", inspect]",
            },
            "step inspect",
        ),
        ({"\n  clean:": "\n  tidy:", "clean.cleaned": "tidy.cleaned"}, "step tidy"),
        ({"name: everything": "name: all_of_it"}, "pipeline all_of_it"),
    ],
    ids=lambda value: str(value)[-12:],
)
def test_another_name_is_nothing_but_another_name(
    renamed: dict[str, str], expected: str, everything: Graph, tmp_path: Path
) -> None:
    folder = tmp_path / "everything"
    shutil.copytree(EVERYTHING.parent, folder)
    text = (folder / "everything.yaml").read_text("utf-8")
    for old, new in renamed.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "everything.yaml").write_text(text, "utf-8")
    job = job_of(folder / "everything.yaml")
    found = readback.read("everything", everything, job)
    before = description.describe(found.job, found.environments)
    after = description.describe(job, description.environments_of(job, folder))
    changes = compare(before, after).changes
    assert [f"{c.kind} {c.name}" for c in changes if c.effect != "downstream"] == [expected]
    assert all(change.fields == () for change in changes)


def test_a_bash_command_is_described_as_it_stands_in_the_spec() -> None:
    job = job_of(EVERYTHING)
    step = description.describe(job, {each.name: {} for each in job.environments})
    line = 'wc -l ${inputs.flights} > ${outputs.counts}/counts.txt && echo "$HOME"'
    assert step.named("step")["bash"]["command"] == line


@pytest.mark.parametrize(
    ("line", "kind", "name", "version"),
    [
        ("pandas==2.1", "pip", "pandas", "2.1"),
        ("pandas>=2, <3", "pip", "pandas", ">=2, <3"),
        ("dask[complete]==1", "pip", "dask[complete]", "1"),
        ("pandas", "pip", "pandas", "any"),
        ("./wheels/own.whl", "pip", "./wheels/own.whl", "given"),
        ("pandas=2.1", "conda", "pandas", "2.1"),
        ("pandas==2.1", "conda", "pandas", "==2.1"),
        ("conda-forge::pandas=2.1", "conda", "conda-forge::pandas", "2.1"),
    ],
)
def test_a_requirement_is_a_name_and_a_version(
    line: str, kind: str, name: str, version: str
) -> None:
    lines: list[Any] = [{"pip": [line]}] if kind == "pip" else [line]
    definition = {"name": "e", "python": {"condaDependencies": {"dependencies": lines}}}
    assert description.environment(definition) == {f"{kind}.{name}": version}


def test_an_environment_that_brings_its_own_python_has_no_packages() -> None:
    definition = {
        "name": "e",
        "docker": {"baseImage": "image:1"},
        "python": {"userManagedDependencies": True, "condaDependencies": {"dependencies": ["x"]}},
    }
    assert description.environment(definition) == {"image": "image:1"}
