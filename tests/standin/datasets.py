"""Registered datasets and their versions, and those that are only saved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from standin.routes import Call, Refusal, new_id, now, route

if TYPE_CHECKING:
    from standin.workspace import Workspace

DATASETS = "/dataset/v1.0{WS}/datasets"


def add(
    workspace: Workspace,
    name: str,
    version: int,
    kind: str,
    datastore: str,
    path: str,
    **shown: Any,
) -> dict[str, Any]:
    """Register a version that reads a path in a datastore."""
    saved = save(workspace, kind, flow(workspace, kind, datastore, path), {})
    return register(workspace, name, saved, version=version, **shown)


def flow(workspace: Workspace, kind: str, datastore: str, path: str) -> str:
    """What a dataset's definition says that reads a path in a datastore."""
    place = (
        f"azureml://subscriptions/{workspace.subscription_id}/resourcegroups/"
        f"{workspace.resource_group}/workspaces/{workspace.name}/datastores/{datastore}/paths/{path}"
    )
    pattern = "pattern" if "*" in path else "folder" if path.endswith("/") else "file"
    lines = ["---", "type: mltable", "paths:", f"  - {pattern}: {place}"]
    if kind == "tabular":
        lines += ["transformations:", "  - read_delimited:", "      delimiter: ','"]
    return json.dumps({"blocks": [], "meta": {"RsDataflow": "\n".join(lines) + "\n"}})


def save(workspace: Workspace, kind: str, flow: str, properties: Any) -> dict[str, Any]:
    """Keep a definition, under a new id unless the workspace is one that tells equal ones."""
    for saved in workspace.saved_datasets.values() if workspace.saves_once else ():
        if (saved["datasetType"], saved["dataflowJson"]) == (kind, flow):
            return saved
    saved = {
        "id": new_id(),
        "datasetType": kind,
        "dataflowJson": flow,
        "properties": properties or {},
        "dataChanged": False,
    }
    workspace.saved_datasets[saved["id"]] = saved
    return saved


def register(
    workspace: Workspace,
    name: str,
    saved: dict[str, Any],
    *,
    version: int | None = None,
    **shown: Any,
) -> dict[str, Any]:
    versions = workspace.datasets.setdefault(name, [])
    number = versions[0]["datasetId"] if versions else new_id()
    state = {"state": "active", "deprecatedBy": None, "etag": None}
    entry = {
        "datasetId": number,
        "datasetState": state,
        "name": name,
        "description": shown.get("description"),
        "tags": shown.get("tags") or {},
        "isVisible": True,
        "datasetType": saved["datasetType"],
        "createdTime": now(),
        "modifiedTime": now(),
        "latest": {
            "datasetId": number,
            "versionId": str(version or _next(versions)),
            "datasetDefinitionState": state,
            "dataflow": saved["dataflowJson"],
            "properties": saved["properties"],
            "savedDatasetId": saved["id"],
            "createdTime": now(),
        },
    }
    versions.append(entry)
    versions.sort(key=lambda one: int(one["latest"]["versionId"]))
    return entry


def _next(versions: list[dict[str, Any]]) -> int:
    return int(versions[-1]["latest"]["versionId"]) + 1 if versions else 1


def find(workspace: Workspace, number: str, version: str | None) -> dict[str, Any] | None:
    """The version of a registered dataset, or its newest, by the dataset's id."""
    for versions in workspace.datasets.values():
        if versions[0]["datasetId"] == number:
            return _version(versions, version)
    return None


def _version(versions: list[dict[str, Any]], version: str | None) -> dict[str, Any] | None:
    if version in {None, "", "latest"}:
        return versions[-1]
    return next((one for one in versions if one["latest"]["versionId"] == str(version)), None)


@route("GET", f"{DATASETS}/query/name={{name}}")
def by_name(call: Call) -> Any:
    name, version = call.names["name"], call.query.get("versionId")
    versions = call.workspace.datasets.get(name)
    found = versions and _version(versions, version)
    if not found:
        suffix = f" and version: {version}" if version else ""
        text = f"Dataset with name: {name}{suffix} is not found in workspace"
        raise Refusal(404, "UserError", f"{text} {call.workspace.name}.")
    return found


@route("GET", f"{DATASETS}/{{id}}")
def by_id(call: Call) -> Any:
    found = find(call.workspace, call.names["id"], None)
    if not found:
        raise Refusal(404, "UserError", f"Dataset with id {call.names['id']} is not found.")
    return found


@route("GET", DATASETS)
def listed(call: Call) -> Any:
    latest = [versions[-1] for versions in call.workspace.datasets.values()]
    return {"value": latest, "continuationToken": None}


@route("POST", DATASETS)
def post_dataset(call: Call) -> Any:
    """Register one; a name that exists is a conflict, unless a new version is asked for."""
    name, latest = call.body["name"], call.body["latest"]
    update = call.query.get("updateDefinitionIfExists", "").lower() == "true"
    if name in call.workspace.datasets and not update:
        text = f'There is already a dataset registered under name "{name}".'
        raise Refusal(409, "UserError", text)
    saved = save(
        call.workspace, call.body["datasetType"], latest["dataflow"], latest.get("properties")
    )
    shown = {name: call.body.get(name) for name in ("description", "tags")}
    return register(call.workspace, name, saved, **shown)


@route("POST", "/dataset/v1.0{WS}/saveddatasets")
def post_saved(call: Call) -> Any:
    return save(
        call.workspace,
        call.body["datasetType"],
        call.body["dataflowJson"],
        call.body.get("properties"),
    )


@route("GET", "/dataset/v1.0{WS}/saveddatasets/{id}")
def one_saved(call: Call) -> Any:
    return _saved(call, call.names["id"])


@route("GET", "/data/v1.0{WS}/dataversion/unregistered-{id}/versions/{version}")
def data_version(call: Call) -> Any:
    saved = _saved(call, call.names["id"])
    return {
        "dataVersion": {"assetId": saved["id"], "dataType": "MLTable", "dataUri": None},
        "entityMetadata": {"etag": saved["id"], "createdTime": now()},
        "legacyDatasetId": saved["id"],
        "isV2": False,
        "legacyDatasetType": saved["datasetType"],
        "legacyDataflowType": "Json",
        "legacyDataflow": saved["dataflowJson"],
        "legacySavedDatasetId": saved["id"],
    }


def _saved(call: Call, number: str) -> dict[str, Any]:
    if number not in call.workspace.saved_datasets:
        raise Refusal(404, "UserError", f"Saved dataset {number} is not found.")
    return call.workspace.saved_datasets[number]
