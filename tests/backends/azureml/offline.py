"""A workspace without a service: the SDK's own objects, and nothing that opens a socket.

What the SDK would ask the service for is answered from :class:`Catalogue`. Graphs are built with
the SDK's dry-run caller; ``wire`` gives them as they would be sent.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import re
import textwrap
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml

from amlshare import commands
from amlshare.backends.azureml import sdk
from amlshare.backends.azureml.build import build
from amlshare.backends.azureml.job import make_job
from amlshare.backends.azureml.staging import staged

needs_sdk = pytest.mark.skipif(
    importlib.util.find_spec("azureml") is None
    or importlib.util.find_spec("azureml.pipeline") is None,
    reason="needs the extra azureml",
)
SUBSCRIPTION = "00000000-0000-0000-0000-00000000000a"
_IDS = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What the workspace holds. Whatever is not named is there too: a blob datastore, a file
    dataset of version 1, an image with a Python.
    """

    tables: frozenset[str] = frozenset()
    datastores: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def offline(catalogue: Catalogue | None = None) -> Iterator[Any]:
    """An ``azureml.core.Workspace`` on which pipelines are built, validated and finalised."""
    sdk.prepare()
    catalogue = catalogue or Catalogue()
    with contextlib.ExitStack() as stack:
        for target, answer in _answers(catalogue).items():
            stack.enter_context(patch(target, answer))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        yield _workspace()


def _workspace() -> Any:
    from azureml._restclient.service_context import ServiceContext, _ServiceKeys
    from azureml.core import Workspace
    from azureml.core.authentication import AbstractAuthentication

    class NoSignIn(AbstractAuthentication):
        def __init__(self) -> None:
            super().__init__("AzureCloud")

    class NoDiscovery(ServiceContext):
        def _fetch_endpoints(self) -> dict[str, str]:
            return dict.fromkeys(_ServiceKeys.get_discovery_keys(), "http://127.0.0.1:1")

    names = (SUBSCRIPTION, "group", "workspace")
    workspace = Workspace(
        *names,
        auth=NoSignIn(),
        _location="eastus",
        _disable_service_check=True,
        _workspace_id=_id("workspace"),
    )
    workspace._discovery_url_internal = "http://127.0.0.1:1"
    workspace._service_context = NoDiscovery(
        *names, workspace._workspace_id_internal, "http://127.0.0.1:1", workspace._auth
    )
    workspace.saved = []
    return workspace


def _id(name: str) -> str:
    return str(uuid.uuid5(_IDS, name))


def _answers(catalogue: Catalogue) -> dict[str, Any]:
    """What is asked of the service, and who answers."""
    return {
        "azureml.core.Datastore.get": staticmethod(partial(_datastore, catalogue)),
        "azureml.core.Dataset.get_by_name": staticmethod(partial(_dataset, catalogue)),
        "azureml.core.Environment.get": staticmethod(partial(_environment, catalogue)),
        "azureml.data._dataset._Dataset._ensure_saved": _save,
        "azureml.pipeline.core._aeva_provider._AevaWorkflowProvider.create_provider": staticmethod(
            _provider
        ),
    }


def _provider(workspace: Any, **_: Any) -> Any:
    from azureml.pipeline.core._aeva_provider import _AevaWorkflowProvider
    from azureml.pipeline.core._restclients.aeva.dryrun_service_caller import DryRunServiceCaller

    class NoUpload:
        def upload(self, directory: str) -> str:  # noqa: ARG002 # called by name
            return str(uuid.uuid4())

    class Recorder(DryRunServiceCaller):
        """Keeps the body of every module that would be made."""

        def __init__(self) -> None:
            super().__init__()
            self.modules: list[dict[str, Any]] = []

        def create_module_async(self, creation_info: Any) -> Any:
            self.modules.append(creation_info.serialize())
            return super().create_module_async(creation_info)

    return _AevaWorkflowProvider(Recorder(), NoUpload(), workspace)


def _datastore(catalogue: Catalogue, workspace: Any, name: str) -> Any:
    from azureml.data.azure_data_lake_datastore import AzureDataLakeGen2Datastore
    from azureml.data.azure_storage_datastore import AzureBlobDatastore, AzureFileDatastore

    catalogue.asked.append(f"datastore {name}")
    match catalogue.datastores.get(name, "blob"):
        case "file":
            return AzureFileDatastore(workspace, name, "share", "account", account_key="a2V5")
        case "lake":
            return AzureDataLakeGen2Datastore(
                workspace, name, "files", "account", None, None, None, None, None
            )
        case _:
            return AzureBlobDatastore(workspace, name, "box", "account", account_key="a2V5")


def _dataset(catalogue: Catalogue, workspace: Any, name: str, version: Any = "latest") -> Any:
    from azureml.data import FileDataset, TabularDataset
    from azureml.data._dataset import _DatasetRegistration

    catalogue.asked.append(f"dataset {name} {version}")
    number = 1 if version == "latest" else int(version)
    kind = TabularDataset if name in catalogue.tables else FileDataset
    registration = _DatasetRegistration(
        workspace,
        saved_id=_id(f"{name} {number}"),
        registered_id=_id(name),
        name=name,
        version=number,
    )
    return kind._create(definition="{}", registration=registration, dataflow_json="{}")


def _environment(catalogue: Catalogue, _: Any, name: str, version: str | None = None) -> Any:
    from azureml.core import Environment

    catalogue.asked.append(f"environment {name} {version}")
    environment = Environment(name)
    environment.version = version or "7"
    environment.docker.base_image = "registered:1"
    environment.python.user_managed_dependencies = True
    environment.python.conda_dependencies = None
    return environment


def _save(dataset: Any, workspace: Any) -> str:
    """Give an unregistered dataset the id it would get."""
    from azureml.data._dataset import _DatasetRegistration

    if not dataset.id:
        dataset._registration = _DatasetRegistration(workspace, saved_id=str(uuid.uuid4()))
        workspace.saved.append(dataset._dataflow.to_json())
    return str(dataset.id)


def wire(pipeline: Any) -> dict[str, Any]:
    """What a publication would send: the graph, its interface, and the body of each module.

    Ids are numbered in the order in which they appear, and the nodes of steps are called after
    them; what the service is given side by side, in any order, is sorted by name.
    """
    from azureml.pipeline.core._aeva_provider import _AevaGraphProvider

    with contextlib.redirect_stdout(io.StringIO()):
        errors = pipeline.validate()
        assert not errors, errors
        pipeline.graph.finalize()
    caller = pipeline._graph_context.workflow_provider._service_caller
    assigned = _AevaGraphProvider._get_data_set_definition_assignments(pipeline.graph)
    sent = {
        "graph": _AevaGraphProvider._build_graph(pipeline.graph).serialize(),
        "interface": _AevaGraphProvider._get_graph_interface(pipeline.graph).serialize(),
        "assigned": {name: value.serialize() for name, value in assigned.items()},
        "modules": sorted(caller.modules, key=_name),
        "sources": sorted(map(_plain, caller._datasource_entities.values()), key=_name),
        "datasets": pipeline._graph_context._workspace.saved,
    }
    return dict(json.loads(_numbered(json.dumps(sent), pipeline.graph)))


def _plain(entity: Any) -> dict[str, Any]:
    return dict(entity.serialize())


def _name(entity: dict[str, Any]) -> str:
    return str(entity["Name"])


def _numbered(text: str, graph: Any) -> str:
    for number, node in enumerate(graph.nodes):
        is_step = node in graph.module_nodes
        text = text.replace(f'"{node.node_id}"', f'"{node.name if is_step else number}"')
    known: dict[str, str] = {}
    return _GUID.sub(lambda found: known.setdefault(found[0], f"id-{len(known)}"), text)


@dataclass(frozen=True, slots=True)
class Sent:
    """What is sent for one spec, step by step."""

    body: dict[str, Any]

    @property
    def text(self) -> str:
        """All of it, in the order in which it is sent."""
        return json.dumps(self.body, indent=1)

    def module(self, step: str) -> dict[str, Any]:
        """The body of a step's module."""
        return next(each for each in self.body["modules"] if each["Name"] == step)

    def node(self, step: str) -> dict[str, Any]:
        """The step's node in the graph."""
        return next(each for each in self.body["graph"]["ModuleNodes"] if each["Id"] == step)

    def modes(self, step: str) -> dict[str, tuple[str, str | None]]:
        """For each port of a step how its data travels, and its path on the compute target."""
        ports = self.module(step)["StructuredInterface"]
        return {
            port["Name"]: (port["DataStoreMode"], port.get("PathOnCompute"))
            for port in ports["Inputs"] + ports["Outputs"]
            if not port["Name"].startswith("_run_after")
        }

    def words(self, step: str) -> list[str]:
        """The arguments of a step; one that the service resolves starts with what it is."""
        found = self.module(step)["StructuredInterface"]["Arguments"]
        kinds = {"Literal": "", "Input": "Input:", "Output": "Output:", "Parameter": "Parameter:"}
        return [kinds[word["ValueType"]] + word["Value"] for word in found]

    def output(self, step: str, name: str) -> dict[str, Any]:
        """The settings of an output."""
        found = self.node(step)["ModuleOutputSettings"]
        return next(each for each in found if each["Name"] == name)

    def settings(self, step: str) -> dict[str, str]:
        """The settings of the step's node; a parameter decides what reads ``parameter NAME``."""
        return {
            each["Name"]: ("parameter " if each["ValueType"] == "1" else "") + each["Value"]
            for each in self.node(step)["ModuleParameters"]
            if each.get("Value") is not None
        }

    def run(self, step: str) -> dict[str, Any]:
        """The RunConfiguration of a step."""
        return dict(json.loads(self.node(step)["Runconfig"]))

    def source(self, step: str, port: str) -> Any:
        """What feeds an input: ``STEP.OUTPUT``, or a data node without its id."""
        for edge in self.body["graph"]["Edges"]:
            if edge["DestinationInputPort"] == {"NodeId": step, "PortName": port}:
                start = edge["SourceOutputPort"]
                if start["PortName"] != "data":
                    return f"{start['NodeId']}.{start['PortName']}"
                nodes = self.body["graph"]["DatasetNodes"]
                node = next(each for each in nodes if each["Id"] == start["NodeId"])
                return {key: value for key, value in node.items() if key != "Id"}
        raise AssertionError(f"nothing feeds {step}.{port}")


HEAD = {
    "amlshare": 1,
    "name": "demo",
    "defaults": {"compute": "cpu", "environment": "python", "code": "code", "datastore": "lake"},
    "environments": {"python": {"image": "python:3.11.4"}},
}


def spec_of(folder: Path, text: str) -> Path:
    """A spec that says ``text`` beside what every spec says, with the scripts it names."""
    text = textwrap.dedent(text).strip() + "\n"
    said = re.findall(r"^(\w+):", text, re.MULTILINE)
    head = {key: value for key, value in HEAD.items() if key not in said}
    (folder / "code").mkdir(exist_ok=True)
    for script in set(re.findall(r"script: (\w+\.py)", text)):
        (folder / "code" / script).write_text('"""A step."""\n', "utf-8")
    spec = folder / "demo.yaml"
    spec.write_text(yaml.safe_dump(head, sort_keys=False) + text, "utf-8")
    return spec


def send(folder: Path, text: str, catalogue: Catalogue | None = None) -> Sent:
    """Check, plan and build a spec that says ``text``, and give what would be sent."""
    spec = spec_of(folder, text)
    return send_plan(commands.plan(commands.Request(spec=str(spec))), folder, catalogue)


def send_plan(plan: Any, folder: Path, catalogue: Catalogue | None = None) -> Sent:
    """Build a plan, whose spec lies in ``folder``, and give what would be sent."""
    job = make_job(plan)
    with staged(job, folder) as code, offline(catalogue) as workspace:
        return Sent(wire(build(job, workspace, code, folder)))


def fingerprints(pipeline: Any) -> dict[str, str]:
    """What decides about each step's module: its definition and its snapshot."""
    return {
        node.name: node._module_builder.get_fingerprint() for node in pipeline.graph.module_nodes
    }
