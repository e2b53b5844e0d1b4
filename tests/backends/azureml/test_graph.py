"""The graph that `plan` shows is the one that the SDK builds."""

from __future__ import annotations

from pathlib import Path

import pytest
from backends.azureml.offline import send_plan

from amlshare import commands
from amlshare.backends.azureml.graph import make_graph
from amlshare.backends.azureml.job import make_job

pytestmark = pytest.mark.filterwarnings("ignore")  # the SDK has many
SPECS = Path(__file__).parents[3] / "specs"


@pytest.mark.parametrize("name", ["flights", "path", "directory", "dataset"])
def test_it_has_the_nodes_and_edges_of_the_wire(name: str) -> None:
    plan = commands.plan(commands.Request(spec=str(SPECS / f"{name}.yaml")))
    graph = make_graph(make_job(plan))
    sent = send_plan(plan, SPECS).body["graph"]
    edges = [edge for edge in sent["Edges"] if "NodeId" in edge["DestinationInputPort"]]
    ports = [edge["DestinationInputPort"]["PortName"] for edge in edges]
    assert len(graph.modules) == len(sent["ModuleNodes"])
    assert len(graph.data) == len(sent["DatasetNodes"])
    assert sorted(link.input for link in graph.links) == sorted(ports)


def test_it_names_what_the_sdk_makes_of_a_step_and_of_its_ports() -> None:
    graph = commands.graph(commands.plan(commands.Request(spec=str(SPECS / "flights.yaml"))))
    assert graph is not None
    clean = next(each for each in graph.links if each.step == "clean")
    assert (clean.source, clean.via, clean.mode) == ("flights", "DataReference", "download")
    audit = next(each for each in graph.modules if each.step == "audit")
    assert (audit.kind, audit.wrapped) == ("PythonScriptStep", ("a bash command",))
    table = next(each for each in graph.outputs if each.output == "table")
    assert table.place == "workspaceblobstore:features/{run-id}/"


def test_other_backends_have_none() -> None:
    request = commands.Request(spec=str(SPECS / "path.yaml"), backend="local")
    assert commands.graph(commands.plan(request)) is None
