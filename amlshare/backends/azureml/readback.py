"""A published graph read back as the job that it was built from, as far as it tells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from amlshare.backends.azureml import wrapping
from amlshare.backends.azureml.data_nodes import DataNodes, Graph, Json, Links
from amlshare.backends.azureml.description import environment
from amlshare.backends.azureml.job import (
    Job,
    JobCompute,
    JobEnvironment,
    JobInput,
    JobOutput,
    JobParameter,
    JobStep,
    ParallelConfig,
    Via,
)
from amlshare.backends.azureml.wrapping import Registration, Word, Wrapper
from amlshare.diff import Fields
from amlshare.pipeline import Distribution
from amlshare.references import Reference, parse, references

_AFTER = "_run_after_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readback:
    """The job, the fields of its environments by their names, and what a person should know."""

    job: Job
    environments: Mapping[str, Fields]
    notes: tuple[str, ...] = ()


def read(name: str, graph: Graph, like: Job) -> Readback:
    """The job of the pipeline ``name``; things get the names that they have in ``like``."""
    links = Links(graph)
    data = DataNodes(graph, links, like)
    environments = _Environments(like)
    steps = [_Step(number, links, data, environments).read() for number in links.nodes]
    job = Job(
        pipeline=name,
        experiment="",
        parameters=tuple(_parameters(graph)),
        data=data.all,
        compute=tuple({step.compute: made for step, made in steps if step.compute}.values()),
        environments=tuple(JobEnvironment(name=each) for each in environments.found),
        steps=tuple(step for step, _ in steps),
    )
    return Readback(job=job, environments=environments.found, notes=tuple(environments.notes))


def _parameters(graph: Graph) -> Iterator[JobParameter]:
    for each in graph.interface.get("Parameters") or []:
        kind, text = str(each.get("Type")), each.get("DefaultValue") or ""
        if kind == "0":
            value: str | int | float = int(text)
        else:
            value = float(text) if kind == "1" else text
        type_ = cast("Any", {"0": "integer", "1": "number"}.get(kind, "string"))
        yield JobParameter(name=each["Name"], type=type_, default=value, value=value)


# Environments


class _Environments:
    """The environments of a graph by the names of a spec, which has its own for registered ones."""

    def __init__(self, like: Job) -> None:
        self._like = like.environments
        self.found: dict[str, Fields] = {}
        self.notes: list[str] = []

    def name(self, definition: Json) -> str:
        """The name of an environment, which is kept; empty for none."""
        if not definition:
            return ""
        fields = dict(environment(definition))
        registered = [
            e for e in self._like if e.registered and e.registered == fields.get("registered")
        ]
        name = str(definition["name"])
        if registered:
            pinned = [each for each in registered if each.version == fields["version"]]
            name = (pinned or registered)[0].name
            if not pinned and registered[0].version is None:
                self._note(name, str(fields["version"]))
                fields["version"] = "latest"
        self.found[name] = fields
        return name

    def _note(self, name: str, version: str) -> None:
        if name not in self.found:
            said = f"the latest version of environment '{name}' was {version} when it was published"
            self.notes.append(said)


# Steps


class _Step:
    """A module node read back as a step."""

    def __init__(
        self, number: str, links: Links, data: DataNodes, environments: _Environments
    ) -> None:
        self._number = number
        self._links = links
        self._data = data
        self._environments = environments
        self._node, self._module = links.nodes[number], links.modules[number]
        # a step of another tool may have none
        self._runconfig: Json = json.loads(self._node.get("Runconfig") or "{}")
        self._parameters = {each["Name"]: each for each in self._node.get("ModuleParameters") or []}

    def read(self) -> tuple[JobStep, JobCompute]:
        cluster = self._value("Target") or ""
        kind = cast("Any", self._value("MLCComputeType") or "AmlCompute")
        step = JobStep(
            name=self._module["Name"],
            kind=self._module.get("StepType") or "PythonScriptStep",
            compute=cluster,
            environment=self._environments.name(self._runconfig.get("environment") or {}),
            inputs=tuple(self._inputs()),
            outputs=tuple(self._outputs()),
            env=self._runconfig.get("environmentVariables") or {},
            after=tuple(self._after()),
            reuse=self._module.get("IsDeterministic", True),
            nodes=self._nodes(),
            distribution=self._distribution(),
            timeout=self._runconfig.get("maxRunDurationSeconds"),
            **self._run(),
        )
        return step, JobCompute(name=cluster, cluster=cluster, type=kind)

    def _value(self, name: str) -> str | None:
        """The value of a module parameter."""
        return cast("str | None", (self._parameters.get(name) or {}).get("Value"))

    def _ports(self, side: str) -> Iterator[Json]:
        for port in (self._module.get("StructuredInterface") or {}).get(side) or []:
            if not port["Name"].startswith(_AFTER):
                yield port

    def _inputs(self) -> Iterator[JobInput]:
        for port in self._ports("Inputs"):
            source, via = self._source(port["Name"])
            yield JobInput(
                name=port["Name"],
                source=source,
                via=via,
                mode=port.get("DataStoreMode") or "mount",
                at=port.get("PathOnCompute"),
            )

    def _source(self, name: str) -> tuple[str, Via]:
        """Where an input comes from: ``DATA`` or ``STEP.OUTPUT``."""
        start = self._links.sources[self._number].get(name)
        if start is None:
            return "", "PipelineData"
        if found := self._data.source(start["NodeId"]):
            return found
        return f"{self._links.step(start['NodeId'])}.{start['PortName']}", "PipelineData"

    def _after(self) -> Iterator[str]:
        for start in self._links.sources[self._number].values():
            if start["PortName"].startswith(_AFTER):
                yield self._links.step(start["NodeId"])

    def _outputs(self) -> Iterator[JobOutput]:
        settings = {each["Name"]: each for each in self._node.get("ModuleOutputSettings") or []}
        for port in self._ports("Outputs"):
            setting = settings.get(port["Name"], port)
            options = setting.get("DatasetOutputOptions") or {}
            is_files = bool(options or setting.get("DatasetRegistration"))
            yield JobOutput(
                name=port["Name"],
                via="OutputFileDatasetConfig" if is_files else "PipelineData",
                mode=setting.get("DataStoreMode") or "mount",
                datastore=setting.get("DataStoreName") or "",
                path=options.get("PathOnDatastore"),
                is_directory=is_files or port.get("DataTypeId") == "AnyDirectory",
                overwrite=bool(setting.get("Overwrite")),
                only=tuple((options.get("SourceGlobs") or {}).get("GlobPatterns") or ()),
                export=self._export(port["Name"]),
                table=self._table(port["Name"], setting),
                registered=_registration(setting.get("DatasetRegistration")),
            )

    def _export(self, name: str) -> str | None:
        ends = self._links.readers[self._number, name]
        return next((end["GraphPortName"] for end in ends if end.get("GraphPortName")), None)

    def _table(self, name: str, setting: Json) -> Any:
        """As what table an output is read, or registered."""
        texts = [(setting.get("DatasetRegistration") or {}).get("AdditionalTransformations")]
        texts += [_transformed(self._links, end) for end in self._links.readers[self._number, name]]
        found = " ".join(text for text in texts if text)
        return "csv" if "Delimited" in found else "parquet" if "Parquet" in found else None

    def _nodes(self) -> int | Reference:
        given = self._parameters.get("NodeCount") or {}
        if str(given.get("ValueType")) == "1":
            return Reference("parameter", given["Value"])
        return int(self._runconfig.get("nodeCount") or 1)

    def _distribution(self) -> Distribution | None:
        config, nodes = self._runconfig, int(self._runconfig.get("nodeCount") or 1)
        if config.get("communicator") == "IntelMpi":
            return Distribution(type="mpi", processes_per_node=config["mpi"]["processCountPerNode"])
        if config.get("framework") == "PyTorch":
            processes = config["pytorch"].get("processCount") or nodes
            return Distribution(type="pytorch", processes_per_node=processes // nodes)
        return Distribution(type="tensorflow") if config.get("framework") == "TensorFlow" else None

    # What it runs

    def _run(self) -> dict[str, Any]:
        interface = self._module.get("StructuredInterface") or {}
        words = [_word(each) for each in interface.get("Arguments") or []]
        if self._module.get("StepType") == "ParallelRunStep":
            return _parallel(words)
        if command := self._value("Command"):
            return {"words": (command, *words)}
        script = self._value("Script")
        if script == wrapping.SCRIPT and words[:1] == ["--amlshare"]:
            return {"wrapper": _wrapper(str(words[1]), words[3:])}
        return {"script": script, "words": tuple(words)}


def _transformed(links: Links, end: Json) -> str | None:
    """What an input makes of the files that it reads."""
    node = links.nodes.get(end.get("NodeId", ""), {})
    settings = node.get("ModuleInputSettings") or []
    found = (each for each in settings if each["Name"] == end.get("PortName"))
    return next((each.get("AdditionalTransformations") for each in found), None)


def _registration(given: Json | None) -> Registration | None:
    if not given:
        return None
    return Registration(
        name=given["Name"], description=given.get("Description"), tags=given.get("Tags") or {}
    )


_PORT = re.compile(r"(?P<kind>DatasetConsumptionConfig|DatasetOutputConfig):(?P<name>\w+)")


def _word(argument: Json) -> Word:
    """An argument of a module: a port, a parameter or a text."""
    kind, value = argument.get("ValueType"), argument.get("Value") or ""
    match kind:
        case "Input":
            return Reference("input", value)
        case "Output":
            return Reference("output", value)
        case "Parameter":
            return Reference("parameter", value)
        case _:
            pass
    if found := _PORT.fullmatch(value):
        is_input = found["kind"] == "DatasetConsumptionConfig"
        return Reference("input" if is_input else "output", found["name"])
    return str(value)


def _wrapper(text: str, tokens: list[Word]) -> Wrapper:
    from pydantic import TypeAdapter

    task = wrapping.decode(text)
    given = (each for each in tokens if isinstance(each, Reference))
    named = (part for name in task.get("tokens", ()) for part in references(parse(name)[0]))
    known = tuple(each if each.kind == "scratch" else next(given) for each in named)
    made = TypeAdapter(Wrapper).validate_python(task | {"tokens": (), "reasons": ()})
    return replace(made, tokens=known)


# A ParallelRunStep: the flags of its driver, the step's own words, and what it divides

_DRIVER = frozenset(
    """client_sdk_version scoring_module_name mini_batch_size error_threshold output_action
    logging_level run_invocation_timeout run_max_try create_snapshot_at_runtime
    append_row_file_name output process_count_per_node partition_keys""".split()
)
_OVER = re.compile(r"--input(_ds_|_fds_|_pipeline_param_)?\d+")


def _parallel(words: list[Word]) -> dict[str, Any]:
    driver: dict[str, Word] = {}
    rest = list(words)
    while len(rest) > 1 and str(rest[0])[2:] in _DRIVER and str(rest[0])[2:] not in driver:
        driver[str(rest[0])[2:]] = rest[1]
        rest = rest[2:]
    over: Word = ""
    while len(rest) > 1 and _OVER.fullmatch(str(rest[-2])):
        over = rest[-1]
        rest = rest[:-2]
    return {
        "script": driver["scoring_module_name"],
        "words": tuple(rest),
        "parallel": ParallelConfig(
            over=over.name if isinstance(over, Reference) else over,
            output=output.name if isinstance(output := driver.get("output"), Reference) else None,
            rows_to=cast("str | None", driver.get("append_row_file_name")),
            mini_batch=_number(driver.get("mini_batch_size")),
            partition_by=tuple(json.loads(str(driver.get("partition_keys", "[]")))),
            processes_per_node=cast("Any", _number(driver.get("process_count_per_node"))),
            error_threshold=int(str(driver["error_threshold"])),
            batch_timeout=int(str(driver["run_invocation_timeout"])),
            batch_tries=int(str(driver["run_max_try"])),
        ),
    }


def _number(word: Word | None) -> int | Reference | None:
    return int(word) if isinstance(word, str) and word.isdecimal() else cast("Any", word)
