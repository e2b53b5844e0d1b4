"""What holds of every graph that the service takes; each function says what does not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from standin import datasets
from standin.routes import Refusal

if TYPE_CHECKING:
    from standin.workspace import Workspace

Json = Mapping[str, Any]


class Graph:
    """A graph as it was sent, with its interface, beside the workspace that it refers to."""

    def __init__(
        self, workspace: Workspace, graph: Json, interface: Json, assignments: Json | None
    ) -> None:
        self.workspace, self.interface = workspace, interface
        self.assignments = assignments or {}
        self.modules: list[Json] = graph.get("ModuleNodes") or []
        self.data: list[Json] = graph.get("DatasetNodes") or []
        self.edges: list[Json] = graph.get("Edges") or []

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The literal parameters and their defaults."""
        given = self.interface.get("Parameters") or []
        return {one["Name"]: one.get("DefaultValue") for one in given}

    @cached_property
    def data_paths(self) -> dict[str, Json]:
        given = self.interface.get("DataPathParameters") or []
        return {one["Name"]: one.get("DefaultValue") or {} for one in given}

    @cached_property
    def dataset_parameters(self) -> dict[str, Json]:
        given = self.interface.get("DataPathParameterList") or []
        return {one["Name"]: one.get("DefaultValue") or {} for one in given}

    def entity(self, node: Json) -> Json:
        return self.workspace.modules[node["ModuleId"]]["Data"]

    def ports(self, node: Json, side: str) -> dict[str, Json]:
        given = self.entity(node)["StructuredInterface"].get(side) or []
        return {port["Name"]: port for port in given}

    @cached_property
    def after(self) -> dict[str, set[str]]:
        """Node -> the module nodes that it waits for."""
        known = {node["Id"] for node in self.modules}
        waits: dict[str, set[str]] = {number: set() for number in known}
        for edge in self.edges:
            source = edge["SourceOutputPort"]["NodeId"]
            target = edge["DestinationInputPort"].get("NodeId")
            if source in known and target in known:
                waits[target].add(source)
        return waits


def check(graph: Graph) -> None:
    """Refuse a graph that does not hold together, with all that is wrong with it."""
    for rules in (_nodes, _modules), (_edges, _inputs, _settings, _parameters, _data, _cycles):
        if wrong := [text for rule in rules for text in rule(graph)]:
            raise Refusal(400, "UserError", "The graph is not valid. " + " ".join(wrong))


def _nodes(graph: Graph) -> Iterator[str]:
    numbers = [node["Id"] for node in [*graph.modules, *graph.data]]
    if not graph.modules:
        yield "It has no module nodes."
    for number in {number for number in numbers if numbers.count(number) > 1}:
        yield f"Two nodes have the id {number}."


def _modules(graph: Graph) -> Iterator[str]:
    for node in graph.modules:
        if node.get("ModuleId") not in graph.workspace.modules:
            yield f"Node {node['Id']}: module {node.get('ModuleId')} does not exist."


def _edges(graph: Graph) -> Iterator[str]:
    outputs = {node["Id"]: set(graph.ports(node, "Outputs")) for node in graph.modules}
    outputs |= {node["Id"]: {"data"} for node in graph.data}
    inputs = {node["Id"]: set(graph.ports(node, "Inputs")) for node in graph.modules}
    seen: list[Any] = []
    for edge in graph.edges:
        source, target = edge["SourceOutputPort"], edge["DestinationInputPort"]
        if source.get("PortName") not in outputs.get(source.get("NodeId"), ()):
            yield f"Edge from {_port(source)}: there is no such output port."
        if not target.get("GraphPortName") and target.get("PortName") not in inputs.get(
            target.get("NodeId"), ()
        ):
            yield f"Edge to {_port(target)}: there is no such input port."
        key = target.get("GraphPortName") or (target.get("NodeId"), target.get("PortName"))
        if key in seen:
            yield f"Two edges lead to {key}."
        seen.append(key)


def _port(port: Json) -> str:
    return f"{port.get('NodeId')}:{port.get('PortName')}"


def _inputs(graph: Graph) -> Iterator[str]:
    """Every input that is not optional is fed."""
    fed = {
        (edge["DestinationInputPort"].get("NodeId"), edge["DestinationInputPort"].get("PortName"))
        for edge in graph.edges
    }
    for node in graph.modules:
        for name, port in graph.ports(node, "Inputs").items():
            if not port.get("IsOptional") and (node["Id"], name) not in fed:
                yield f"Node {node['Id']}: nothing feeds input port {name}."


def _settings(graph: Graph) -> Iterator[str]:
    for node in graph.modules:
        outputs, inputs = graph.ports(node, "Outputs"), graph.ports(node, "Inputs")
        for setting in node.get("ModuleOutputSettings") or []:
            where = f"Node {node['Id']}, output {setting.get('Name')}:"
            if setting.get("Name") not in outputs:
                yield f"{where} the module has no such output port."
            if setting.get("DataStoreName") not in graph.workspace.datastores:
                yield f"{where} datastore {setting.get('DataStoreName')} does not exist."
        for setting in node.get("ModuleInputSettings") or []:
            if setting.get("Name") not in inputs:
                yield f"Node {node['Id']}: the module has no input port {setting.get('Name')}."
        if node.get("Runconfig"):
            yield from _run_configuration(node)


def _run_configuration(node: Json) -> Iterator[str]:
    try:
        given = json.loads(node["Runconfig"])
    except ValueError:
        yield f"Node {node['Id']}: the run configuration is no JSON."
        return
    variables = (given.get("Environment") or {}).get("EnvironmentVariables") or {}
    for name, value in variables.items():
        if not isinstance(value, str):
            yield f"Node {node['Id']}: environment variable {name} is no string."


def _parameters(graph: Graph) -> Iterator[str]:
    for node in graph.modules:
        face = graph.entity(node)["StructuredInterface"]
        for given, declared in (
            ("ModuleParameters", "Parameters"),
            ("ModuleMetadataParameters", "MetadataParameters"),
        ):
            names = {one["Name"] for one in face.get(declared) or []}
            for one in node.get(given) or []:
                if one["Name"] not in names:
                    yield f"Node {node['Id']}: the module has no parameter {one['Name']}."
                if str(one.get("ValueType")) == "1" and one.get("Value") not in graph.parameters:
                    yield f"Node {node['Id']}: the graph has no parameter {one.get('Value')}."
        yield from _compute(graph, node)


def _compute(graph: Graph, node: Json) -> Iterator[str]:
    """Parallel steps name their target like the others do; all in one parameter."""
    given = [*(node.get("ModuleParameters") or []), *(node.get("ModuleMetadataParameters") or [])]
    targets = [one for one in given if one["Name"] == "Target"]
    for target in targets:
        value = target.get("Value")
        name = graph.parameters.get(value) if str(target.get("ValueType")) == "1" else value
        if name not in graph.workspace.computes:
            yield f"Node {node['Id']}: compute target {name} does not exist in the workspace."
    if not targets:
        yield f"Node {node['Id']}: no compute target is given."


def _data(graph: Graph) -> Iterator[str]:
    for node in graph.data:
        yield from _source(graph, node, f"Node {node['Id']}")
    for name, value in {**graph.dataset_parameters, **graph.assignments}.items():
        yield from _reference(graph, value, f"Parameter {name}")
    for name, value in graph.data_paths.items():
        if value.get("DataStoreName") not in graph.workspace.datastores:
            yield f"Parameter {name}: datastore {value.get('DataStoreName')} does not exist."


def _source(graph: Graph, node: Json, where: str) -> Iterator[str]:
    number, parameter = node.get("DatasetId"), node.get("DataPathParameterName")
    definition = node.get("DataSetDefinition") or {}
    if number:
        if number not in graph.workspace.data_sources:
            yield f"{where}: data source {number} does not exist."
    elif parameter:
        if parameter not in graph.data_paths:
            yield f"{where}: the graph has no data path parameter {parameter}."
    elif name := definition.get("ParameterName"):
        if name not in graph.dataset_parameters or name not in graph.assignments:
            yield f"{where}: the graph has no dataset parameter {name}."
    else:
        yield from _reference(graph, definition.get("Value") or {}, where)


def _reference(graph: Graph, value: Json, where: str) -> Iterator[str]:
    registered = value.get("DataSetReference") or {}
    saved = value.get("SavedDataSetReference") or {}
    if saved.get("Id"):
        if saved["Id"] not in graph.workspace.saved_datasets:
            yield f"{where}: saved dataset {saved['Id']} does not exist."
    elif not registered.get("Id"):
        yield f"{where}: it refers to no dataset."
    elif not datasets.find(graph.workspace, registered["Id"], registered.get("Version")):
        version = registered.get("Version") or "latest"
        yield f"{where}: dataset {registered['Id']} has no version {version}."


def _cycles(graph: Graph) -> Iterator[str]:
    try:
        TopologicalSorter(graph.after).prepare()
    except CycleError as error:
        yield f"It has a cycle: {' -> '.join(error.args[1])}."
