"""What a submitted graph says is to be run: read from what was sent, and from nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from standin import datasets, progress
from standin.pipelines import kept_graph

if TYPE_CHECKING:
    from standin.workspace import Workspace

Json = Mapping[str, Any]
_DATASET = re.compile(r"(DatasetConsumptionConfig|DatasetOutputConfig):(.+)")
_PLACE = re.compile(
    r'(?:file|folder|pattern): "?azureml://\S*/datastores/([^/]+)/paths/(.*?)"?$', re.MULTILINE
)
_PARTITIONS = re.compile(r'partition_format: "?/?(.*?)"?$', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where data lies. ``saved`` is the saved dataset that says so, where one does, and
    ``partitions`` how that says its files are named.
    """

    datastore: str
    path: str
    saved: str | None = None
    partitions: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What feeds an input: data at a place, or the output of a step of the run."""

    port: str
    mode: str
    place: Place
    step: str | None = None
    output: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An output, its placeholders filled in. ``is_file`` for one file and no folder."""

    port: str
    mode: str
    place: Place
    is_file: bool
    overwrite: bool
    only: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word of a step's program: a text, or the port whose path stands for it."""

    text: str = ""
    input: str | None = None
    output: str | None = None


class Submitted:
    """The graph of a run with the run's own values in it."""

    def __init__(self, workspace: Workspace, run: progress.PipelineRun) -> None:
        self._workspace = workspace
        self._run = run
        self._values: Json = run.entity["ParameterAssignments"]
        self._graph = kept_graph(
            workspace, run.entity["GraphId"], run.entity["DataSetDefinitionValueAssignments"]
        )
        self._data = {node["Id"]: node for node in self._graph.data}

    @cached_property
    def steps(self) -> list[progress.Step]:
        """Every step after those that it waits for."""
        ordered: list[progress.Step] = []
        while len(ordered) < len(self._run.steps):
            done = {step.id for step in ordered}
            ready = (step for step in self._run.steps if step.id not in done and step.after <= done)
            ordered += sorted(ready, key=lambda step: step.name)
        return ordered

    def after(self, step: progress.Step) -> list[str]:
        return sorted(self._run.step(number).name for number in step.after)

    def program(self, step: progress.Step) -> tuple[str, list[Word]]:
        """The script, or the word that a command begins with (the other is empty), and the rest."""
        script = self._value(step, "Script") or ""
        words = [self._word(step, one) for one in self._face(step).get("Arguments") or []]
        if not script:
            words.insert(0, Word(text=self._value(step, "Command") or ""))
        return script, words

    def _word(self, step: progress.Step, argument: Json) -> Word:
        value = argument["Value"]
        match argument["ValueType"]:
            case "Input":
                return Word(input=value)
            case "Output":
                return Word(output=value)
            case "Parameter":
                return Word(text=self._value(step, value) or "")
            case "Literal":
                return self._literal(step, value)
        raise NotImplementedError(f"an argument of type {argument['ValueType']}")

    def _literal(self, step: progress.Step, text: str) -> Word:
        """A literal; two of them stand for a dataset: its path, or its id where it is direct."""
        found = _DATASET.fullmatch(text)
        if not found:
            return Word(text=text)
        if found[1] == "DatasetOutputConfig":
            return Word(output=found[2])
        (feed,) = (one for one in self.feeds(step) if one.port == found[2])
        if feed.mode == "direct":
            return Word(text=feed.place.saved or "")
        return Word(input=found[2])

    def _value(self, step: progress.Step, name: str) -> str | None:
        """A parameter of a step: its own value, or that of the run's which it is bound to."""
        for one in step.node.get("ModuleParameters") or []:
            if one["Name"] == name:
                bound = str(one.get("ValueType")) == "1"
                return self._values[one["Value"]] if bound else one.get("Value")
        return None

    def _face(self, step: progress.Step) -> Json:
        face: Json = step.module["StructuredInterface"]
        return face

    def settings(self, step: progress.Step) -> tuple[dict[str, str], int | None]:
        """The environment variables of a step, and its timeout in seconds."""
        given = json.loads(step.node.get("Runconfig") or "{}")
        variables = (given.get("environment") or {}).get("environmentVariables") or {}
        return variables | (given.get("environmentVariables") or {}), given["maxRunDurationSeconds"]

    # data

    def feeds(self, step: progress.Step) -> Iterator[Feed]:
        """What feeds each input of a step, but for those that are there for order alone."""
        ports = self._graph.ports(step.node, "Inputs")
        for edge in self._graph.edges:
            source, target = edge["SourceOutputPort"], edge["DestinationInputPort"]
            port = ports.get(target.get("PortName") or "", {})
            if target.get("NodeId") != step.id or port.get("SkipProcessing"):
                continue
            mode = str(port["DataStoreMode"]).lower()
            if source["NodeId"] in self._data:
                place = self._place(self._data[source["NodeId"]])
                yield Feed(port=port["Name"], mode=mode, place=place)
            else:
                maker = self._run.step(source["NodeId"])
                made = next(one for one in self.made(maker) if one.port == source["PortName"])
                yield Feed(
                    port=port["Name"],
                    mode=mode,
                    place=self._as_dataset(made.place) if mode == "direct" else made.place,
                    step=maker.name,
                    output=made.port,
                )

    def _as_dataset(self, place: Place) -> Place:
        """What a step reads direct from another gets the id of."""
        flow = datasets.flow(self._workspace, "file", place.datastore, place.path)
        saved = datasets.save(self._workspace, "file", flow, {})
        return Place(datastore=place.datastore, path=place.path, saved=saved["id"])

    def _place(self, node: Json) -> Place:
        if number := node.get("DatasetId"):
            location = self._workspace.data_sources[number]["DataLocation"]["DataReference"]
            blob = location["AzureBlobReference"]
            return Place(datastore=blob["AmlDataStoreName"], path=blob["RelativePath"])
        if name := node.get("DataPathParameterName"):
            store, _, path = self._values[name].partition("/")
            return Place(datastore=store, path=path)
        definition = node["DataSetDefinition"]
        if name := definition.get("ParameterName"):
            return self._dataset(self._graph.assignments[name])
        return self._dataset(definition["Value"])

    def _dataset(self, value: Json) -> Place:
        """Where a dataset lies; one that names no version is the newest now."""
        number = (value.get("SavedDataSetReference") or {}).get("Id")
        if number is None:
            registered = value["DataSetReference"]
            found = datasets.find(self._workspace, registered["Id"], registered.get("Version"))
            assert found, f"there is no dataset {registered}"
            number = found["latest"]["savedDatasetId"]
        flow = json.loads(self._workspace.saved_datasets[number]["dataflowJson"])
        text = flow["meta"]["RsDataflow"]
        place, partitions = _PLACE.search(text), _PARTITIONS.search(text)
        assert place, f"no place in {text}"
        return Place(
            datastore=place[1],
            path=unquote(place[2]),
            saved=number,
            partitions=partitions[1] if partitions else None,
        )

    def made(self, step: progress.Step) -> Iterator[Made]:
        """The outputs of a step, each where it will lie or, of a reused step, does lie."""
        ports = self._graph.ports(step.node, "Outputs")
        for setting in step.settings:
            datastore, path = progress.location(step, setting)
            options = setting.get("DatasetOutputOptions")
            globs = (options or {}).get("SourceGlobs") or {}
            file = ports[setting["Name"]]["DataTypeId"] == "AnyFile" and options is None
            yield Made(
                port=setting["Name"],
                mode=str(setting["DataStoreMode"]).lower(),
                place=Place(datastore=datastore, path=path if file else path.rstrip("/") + "/"),
                is_file=file,
                overwrite=bool(setting.get("Overwrite")) or step.run_id in path,
                only=tuple(globs.get("GlobPatterns") or ()),
            )

    # reuse

    def key(self, step: progress.Step) -> str | None:
        """What decides about reuse, None for a step that is always to run."""
        if not step.module["IsDeterministic"] or step.node.get("RegenerateOutput"):
            return None
        parameters = {
            one["Name"]: self._value(step, one["Name"])
            for one in step.node.get("ModuleParameters") or []
        }
        read = [[one.port, one.place.datastore, one.place.path] for one in self.feeds(step)]
        node = [step.node["ModuleId"], step.node.get("Runconfig"), step.settings]
        return json.dumps([node, parameters, sorted(read)], sort_keys=True)
