"""The data nodes of a published graph, by the names of a spec.

Ids are random, and data has no name there, but for a parameter's. What is called by a name in the
spec gets that name here, where it is the same data, or where the same input of the same step
reads it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import unquote

from amlshare.backends.azureml.job import Job, JobData, Via

Json = Mapping[str, Any]

_TABLES: Mapping[str, Via] = {
    "read_delimited": "Tabular.from_delimited_files",
    "read_parquet": "Tabular.from_parquet_files",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A published graph in the words of the service, with what its ids stand for.

    ``modules`` and ``sources`` are bodies by id, ``saved`` the definitions of saved datasets as
    text, ``registered`` the names of registered ones.
    """

    graph: Json
    interface: Json
    modules: Mapping[str, Json]
    sources: Mapping[str, Json] = field(default_factory=dict)
    saved: Mapping[str, str] = field(default_factory=dict)
    registered: Mapping[str, str] = field(default_factory=dict)


class Links:
    """The nodes and edges of a graph by what they belong to."""

    def __init__(self, graph: Graph) -> None:
        self.nodes: dict[str, Json] = {
            node["Id"]: node for node in graph.graph.get("ModuleNodes") or []
        }
        self.modules = {number: graph.modules[n["ModuleId"]] for number, n in self.nodes.items()}
        self.sources: dict[str, dict[str, Json]] = defaultdict(dict)
        self.readers: dict[tuple[str, str], list[Json]] = defaultdict(list)
        for edge in graph.graph.get("Edges") or []:
            start, end = edge["SourceOutputPort"], edge["DestinationInputPort"]
            self.readers[start["NodeId"], start["PortName"]].append(end)
            if "NodeId" in end:
                self.sources[end["NodeId"]][end["PortName"]] = start

    def step(self, number: str) -> str:
        """The name of the step of a node."""
        return str(self.modules[number]["Name"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """What a data node holds; ``data`` has no name yet, but for a parameter."""

    data: JobData
    via: Via

    @property
    def key(self) -> JobData:
        return _bare(self.data)


def _bare(data: JobData) -> JobData:
    """What of data can be seen in a graph: no name, but that of a parameter."""
    return replace(
        data,
        name=data.name if data.parameter else "",
        format="folder",
        upload=None,
        partitions=None if data.dataset else data.partitions,
    )


class DataNodes:
    """The data nodes of a graph, by the names of a spec."""

    def __init__(self, graph: Graph, links: Links, like: Job) -> None:
        self._graph = graph
        self._links = links
        self._like = {each.name: each for each in like.data}
        self._inputs = {
            (step.name, given.name): given.source for step in like.steps for given in step.inputs
        }
        self._nodes = {
            node["Id"]: self._source(node) for node in graph.graph.get("DatasetNodes") or []
        }
        self._names = self._named()
        self.all = tuple(replace(key, name=name) for key, name in self._names.items())

    def source(self, node: str) -> tuple[str, Via] | None:
        """The name of the data of a node, and how it is made; None for a step's node."""
        found = self._nodes.get(node)
        return (self._names[found.key], found.via) if found else None

    def _named(self) -> dict[JobData, str]:
        """A name for each of the data: its own, then that of the same input, then its place."""
        names: dict[JobData, str] = {}
        readers = self._readers()
        keys = dict.fromkeys(each.key for each in self._nodes.values())
        for key in keys:
            same = [name for name, each in self._like.items() if _bare(each) == key]
            if same:
                names[key] = next((name for name in readers[key] if name in same), same[0])
            elif key.parameter:
                names[key] = key.name
        for key in keys:
            if key not in names:
                free = [name for name in readers[key] if name not in names.values()]
                names[key] = next(iter(free), _place(key))
        return names

    def _readers(self) -> dict[JobData, list[str]]:
        """What the inputs that read each of the data read in the spec."""
        found: dict[JobData, list[str]] = defaultdict(list)
        for number, ports in self._links.sources.items():
            for port, start in ports.items():
                name = self._inputs.get((self._links.step(number), port), "")
                if start["NodeId"] in self._nodes and name in self._like:
                    found[self._nodes[start["NodeId"]].key].append(name)
        return found

    def _source(self, node: Json) -> _Source:
        if number := node.get("DatasetId"):
            return _Source(data=_referred(self._graph.sources[number]), via="DataReference")
        if name := node.get("DataPathParameterName"):
            place = _default(self._graph.interface.get("DataPathParameters"), name)
            data = _at(place.get("DataStoreName"), place.get("RelativePath"))
            return _Source(data=replace(data, name=name, parameter=True), via="DataPath")
        definition = node["DataSetDefinition"]
        if name := definition.get("ParameterName"):
            found = self._dataset(_default(self._graph.interface["DataPathParameterList"], name))
            data = self._late(replace(found.data, name=name, parameter=True))
            return replace(found, data=data)
        return self._dataset(definition["Value"])

    def _late(self, data: JobData) -> JobData:
        """The SDK pins a parameter to a version when it builds, also where the spec does not."""
        like = self._like.get(data.name)
        late = like is not None and like.dataset == data.dataset and like.version is None
        return replace(data, version=None) if late else data

    def _dataset(self, value: Json) -> _Source:
        if reference := value.get("DataSetReference"):
            version = reference.get("Version")
            data = JobData(
                name="",
                format="folder",
                dataset=self._graph.registered.get(reference["Id"]) or reference.get("Name"),
                version=int(version) if version else None,
            )
            return _Source(data=data, via="Dataset.get_by_name")
        return _saved(self._graph.saved[value["SavedDataSetReference"]["Id"]])


def _default(parameters: Any, name: str) -> Json:
    return cast("Json", next(each["DefaultValue"] for each in parameters if each["Name"] == name))


def _at(datastore: str | None, path: str | None, partitions: str | None = None) -> JobData:
    return JobData(
        name="", format="folder", datastore=datastore or "", path=path or "", partitions=partitions
    )


def _referred(source: Json) -> JobData:
    """What a data source refers to, in whichever kind of datastore."""
    location = source.get("DataLocation") or source
    for reference in (location.get("DataReference") or {}).values():
        if isinstance(reference, Mapping) and "AmlDataStoreName" in reference:
            return _at(reference["AmlDataStoreName"], reference.get("RelativePath"))
    return _at("", source.get("Name"))


_PLACE = re.compile(r"azureml://\S*?/datastores/(?P<datastore>[^/]+)/paths/(?P<path>[^\"\n]*)")
_PARTITIONS = re.compile(r'partition_format: "?/?(?P<format>[^"\n]*)')


def _saved(definition: str) -> _Source:
    """The data that the definition of a saved dataset reads, and as what.

    It is JSON around the YAML of an MLTable, of which a few lines matter.
    """
    definition = (json.loads(definition).get("meta") or {}).get("RsDataflow") or definition
    place, partitions = _PLACE.search(definition), _PARTITIONS.search(definition)
    via = next((_TABLES[each] for each in _TABLES if each in definition), "File.from_files")
    data = _at(
        place["datastore"] if place else "",
        unquote(place["path"].strip()) if place else "",
        partitions["format"] if partitions else None,
    )
    return _Source(data=data, via=cast("Via", via))


def _place(data: JobData) -> str:
    """What data is called that the spec has no name for."""
    if data.dataset is not None:
        return f"{data.dataset}@{data.version or 'latest'}"
    return f"{data.datastore}:{data.path}"
