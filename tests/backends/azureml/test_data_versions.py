"""The service does not look at data: a step's version, from the lock, makes it run again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from backends.azureml.offline import Catalogue, needs_sdk, send_plan

from amlshare import commands
from amlshare.movement.known import Known
from amlshare.pipeline import edges

pytestmark = needs_sdk
EVERYTHING = Path(__file__).parent / "everything"
LOCAL = "local: {datastores: {workspaceblobstore: data}}\n"


def sent(digests: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The module of every step, when the lock has these digests of data."""
    plan = commands.plan(commands.Request(spec=str(EVERYTHING / "everything.yaml")))
    known = replace(plan, known=Known(digests=digests))
    found = send_plan(known, EVERYTHING, Catalogue(tables=frozenset({"routes"})))
    return {each["Name"]: each for each in found.body["modules"]}


def without_hash(module: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in module.items() if key != "IdentifierHash"}


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return commands.plan(commands.Request(spec=str(EVERYTHING / "everything.yaml"))).pipeline


def test_changed_data_changes_the_modules_of_its_readers_and_nothing_else_of_them(pipeline):
    data = {each.name: f"sha256:{'0' * 16}" for each in pipeline.data}
    before = sent(data)
    for names in ({"flights"}, {"weather"}, {"airports", "carriers"}):
        after = sent(data | dict.fromkeys(names, f"sha256:{'1' * 16}"))
        changed = {step for step in before if before[step] != after[step]}
        assert changed == {edge.step for edge in edges(pipeline) if edge.source in names}, names
        assert all(without_hash(before[step]) == without_hash(after[step]) for step in before)


@pytest.fixture
def locked(flights):
    """The project, with its data here and a lock."""
    flights.write(more=LOCAL)
    (flights.folder / "data/raw").mkdir(parents=True)
    refreshed(flights, "one")
    return flights


def refreshed(flights: Any, content: str) -> None:
    (flights.folder / "data/raw/flights.csv").write_text(content)
    done = flights.run("plan", "flights.yaml", "--refresh")
    assert done.exit_code == 0, done.stderr


def test_it_is_published_again_when_its_data_has_changed_and_a_diff_says_so(locked):
    first = locked.submitted("--publish")["published"]
    assert locked.submitted("--publish")["published"]["created"] is False
    assert locked.run("diff", "flights.yaml", "--exit-code").exit_code == 0
    refreshed(locked, "two")
    shown = json.loads(locked.run("diff", "flights.yaml", "--format", "json").stdout)
    assert [(each["name"], each["impact"]) for each in shown["changes"]] == [
        ("clean", "changed"),
        ("train", "downstream"),
    ]
    assert [each["field"] for each in shown["changes"][0]["fields"]] == ["data"]
    second = locked.submitted("--publish")["published"]
    assert second["created"]
    assert second["id"] != first["id"]
    graphs = locked.workspace.asked("POST pipelines/Pipelines/Create")
    before, after = (_modules(locked.workspace, each.body["Graph"]) for each in graphs)
    assert {step for step in before if before[step] != after[step]} == {"clean"}


def _modules(workspace: Any, graph: Any) -> dict[str, str]:
    """The module of each step of a graph."""
    numbers = [node["ModuleId"] for node in graph["ModuleNodes"]]
    return {workspace.modules[number]["Data"]["Name"]: number for number in numbers}
