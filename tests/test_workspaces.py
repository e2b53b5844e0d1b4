"""Which workspace: its parts from the command line, the environment, the spec and config.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from amlshare.backends.interface import WorkspaceName
from amlshare.pipeline import Workspace
from amlshare.workspaces import NoWorkspaceError, find

NAMED = WorkspaceName(subscription_id="sub", resource_group="group", name="ws")
ENVIRONMENT = {
    "AZURE_SUBSCRIPTION_ID": "sub",
    "AZUREML_RESOURCE_GROUP": "group",
    "AZUREML_WORKSPACE": "ws",
}
CONFIG = {"subscription_id": "sub", "resource_group": "group", "workspace_name": "ws"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(folder: Path, data: object = CONFIG) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(data if isinstance(data, str) else json.dumps(data))


def test_the_environment_names_it(folder):
    assert find({}, ENVIRONMENT, Workspace(), folder) == NAMED


def test_each_part_comes_from_the_first_place_that_has_it(folder):
    config(folder)
    found = find(
        {"name": "given"},
        {"AZUREML_WORKSPACE": "set", "AZUREML_RESOURCE_GROUP": "set"},
        Workspace(name="spec", resource_group="spec", subscription_id="spec"),
        folder,
    )
    assert found == WorkspaceName(name="given", resource_group="set", subscription_id="spec")


def test_the_spec_may_leave_a_part_to_the_environment(folder):
    spec = Workspace(name="ws-${env.STAGE}", resource_group="group", subscription_id="sub")
    assert find({}, {"STAGE": "dev"}, spec, folder).name == "ws-dev"


def test_a_variable_of_the_spec_that_is_not_set_is_named(folder):
    spec = Workspace(name="ws-${env.STAGE}")
    with pytest.raises(NoWorkspaceError, match=r"\$\{env\.STAGE\} as its name, which is not set"):
        find({}, {}, spec, folder)


def test_a_variable_is_not_missed_where_something_stronger_names_the_part(folder):
    assert find({}, ENVIRONMENT, Workspace(name="${env.NONE}"), folder) == NAMED


@pytest.mark.parametrize("place", [".", ".azureml", "aml_config", "..", "../.azureml"])
def test_config_json_is_found_where_the_sdk_looks(folder, place):
    base = folder / "project"
    base.mkdir()
    config(base / place)
    assert find({}, {}, Workspace(), base) == NAMED


def test_config_json_of_the_working_folder_is_the_last_resort(folder, tmp_path_factory):
    config(folder)
    assert find({}, {}, Workspace(), tmp_path_factory.mktemp("elsewhere")) == NAMED


def test_an_old_config_json_holds_a_scope(folder):
    scope = "/subscriptions/sub/resourceGroups/group/providers/Microsoft.ML/workspaces/ws"
    config(folder, {"Scope": scope})
    assert find({}, {}, Workspace(), folder) == NAMED


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"Scope": "/a/b"}'])
def test_a_config_json_without_the_three_parts_is_named(folder, text):
    config(folder, text)
    with pytest.raises(NoWorkspaceError, match=r"config\.json does not hold subscription_id"):
        find({}, {}, Workspace(), folder)


def test_nothing_known_names_every_way_and_the_backend_that_needs_none(folder):
    with pytest.raises(NoWorkspaceError) as raised:
        find({}, {}, Workspace(), folder)
    told = str(raised.value)
    assert told.startswith("no workspace is known")
    ways = "--workspace AZUREML_WORKSPACE workspace: config.json --backend local".split(" ", 4)
    assert all(way in told for way in ways)


def test_only_what_is_missing_is_asked_for(folder):
    with pytest.raises(NoWorkspaceError) as raised:
        find({"name": "ws", "subscription_id": "sub"}, {}, Workspace(), folder)
    told = str(raised.value)
    assert told.startswith("the workspace's resource group is not known: give --resource-group,")
    assert "AZURE_SUBSCRIPTION_ID" not in told
