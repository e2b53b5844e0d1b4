"""What is described of a job is what is read back from the graph that is built from it."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from backends.azureml import offline as sdk
from backends.azureml.offline import Catalogue, offline

from amlshare import commands
from amlshare.backends.azureml import description, readback
from amlshare.backends.azureml.job import Job, make_job
from amlshare.diff import compare
from amlshare.plan import Plan

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


def planned(spec: Path, *parameters: str) -> tuple[Plan, Job]:
    plan = commands.plan(commands.Request(spec=str(spec), parameters=parameters))
    return plan, make_job(plan)


def graph_of(job: Job, base: Path) -> readback.Graph:
    """The graph that the SDK would send for a job, as it would be read back."""
    from amlshare.backends.azureml.build import build
    from amlshare.backends.azureml.staging import staged

    saved: dict[str, str] = {}

    def save(dataset: Any, workspace: Any) -> str:
        is_new = not dataset.id
        number = sdk._save(dataset, workspace)
        if is_new:
            saved[number] = dataset._dataflow.to_json()
        return number

    with offline(Catalogue(tables=frozenset({"routes"}))) as workspace, staged(job, base) as code:
        with patch("azureml.data._dataset._Dataset._ensure_saved", save):
            made = build(job, workspace, code, base)
            with contextlib.redirect_stdout(io.StringIO()):
                made.graph.finalize()
            return sent(made, saved, job)


def sent(pipeline: Any, saved: dict[str, str], job: Job) -> readback.Graph:
    from azureml.pipeline.core._aeva_provider import _AevaGraphProvider

    caller = pipeline._graph_context.workflow_provider._service_caller
    modules = {each["Name"]: each for each in caller.modules}
    steps = {node.node_id: node.name for node in pipeline.graph.module_nodes}
    graph = _AevaGraphProvider._build_graph(pipeline.graph).serialize()
    return readback.Graph(
        graph=graph,
        interface=_AevaGraphProvider._get_graph_interface(pipeline.graph).serialize(),
        modules={each["ModuleId"]: modules[steps[each["Id"]]] for each in graph["ModuleNodes"]},
        sources={each.id: each.serialize() for each in caller._datasource_entities.values()},
        saved=saved,
        registered={sdk._id(each.dataset): each.dataset for each in job.data if each.dataset},
    )


@pytest.mark.parametrize("spec", EVERY, ids=lambda spec: spec.stem)
def test_what_was_built_of_a_spec_does_not_differ_from_it(spec: Path) -> None:
    _, job = planned(spec)
    found = readback.read(job.pipeline, graph_of(job, spec.parent), job)
    before = description.describe(found.job, found.environments)
    after = description.describe(job, description.environments_of(job, spec.parent))
    assert compare(before, after).changes == ()
    assert len(after.named("step")) == len(job.steps)
