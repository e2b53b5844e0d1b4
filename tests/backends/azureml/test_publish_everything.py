"""The spec that has everything, published: what the offline workspace shows is what is sent."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from backends.azureml.offline import Catalogue, Sent, needs_sdk, send_plan
from conftest import Command
from standin import Workspace

from amlshare import commands

pytestmark = needs_sdk
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
EVERYTHING = Path(__file__).parent / "everything"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A copy, all of whose compute targets are clusters, which the stand-in has."""
    folder = tmp_path / "everything"
    shutil.copytree(EVERYTHING, folder, ignore=shutil.ignore_patterns(".amlshare"))
    spec = folder / "everything.yaml"
    spec.write_text(re.sub(r", kind: \w+", "", spec.read_text("utf-8")), "utf-8")
    return spec


def furnish(workspace: Workspace) -> None:
    """Put into the workspace what the spec names."""
    for name in ("cpu-cluster", "edge-cluster", "my-box"):
        workspace.add_compute(name)
    for name in ("lake", "other"):
        workspace.add_datastore(name, "account", name, "a2V5")
    for name, version in (("airports", 3), ("known airlines", 1), ("carriers", 4)):
        workspace.add_dataset(name, version)
    workspace.add_dataset("routes", 2, "tabular")
    workspace.add_environment("AzureML-sklearn", "12")
    workspace.add_environment("shared", "7")


def nodes(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """The nodes of the steps in the one published graph, by the name of the step."""
    (sent,) = workspace.asked("POST pipelines/Pipelines/Create")
    found = sent.body["Graph"]["ModuleNodes"]
    return {workspace.modules[each["ModuleId"]]["Data"]["Name"]: each for each in found}


def test_it_is_published_once_and_as_it_is_shown_offline(workspace: Workspace, spec: Path):
    furnish(workspace)
    for _ in range(2):
        made = Command(cwd=spec.parent)("submit", spec.name, "--publish", env=workspace.environment)
        assert made.exit_code == 0, made.stderr
    plan = commands.plan(commands.Request(spec=str(spec)))
    shown = send_plan(plan, spec.parent, Catalogue(tables=frozenset({"routes"})))
    assert nodes(workspace).keys() == {each["Name"] for each in shown.body["modules"]}
    for name, node in nodes(workspace).items():
        assert_same(node, workspace.modules[node["ModuleId"]]["Data"], shown, name)


def assert_same(node: dict[str, Any], module: dict[str, Any], shown: Sent, name: str) -> None:
    settings = ("ModuleParameters", "ModuleInputSettings", "ModuleOutputSettings")
    if name not in ("train_torch", "train_flow"):  # their environments are the workspace's own
        settings += ("Runconfig",)
    sent, offline = ([each[key] for key in settings] for each in (node, shown.node(name)))
    # the numbers that an offline graph has in place of ids
    assert GUID.sub("id", json.dumps(sent)) == re.sub(r"\bid-\d+", "id", json.dumps(offline))
    for key in ("StructuredInterface", "IdentifierHash", "IsDeterministic"):
        assert module[key] == shown.module(name)[key], (name, key)
