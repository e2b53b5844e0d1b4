"""What a workspace lists by name: compute targets, datastores, environments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from standin.proxy import Reply
from standin.routes import ARM, REGION, Call, Refusal, new_id, now, route

if TYPE_CHECKING:
    from standin.workspace import Workspace

COMPUTES = "/rp/workspaces{WS}/computes"


def compute(workspace: Workspace, name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """An AmlCompute as the resource provider shows it; every key here is read by the SDK."""
    filled = {
        "vmSize": "Standard_DS3_v2",
        "vmPriority": "Dedicated",
        "scaleSettings": None,
        "subnet": None,
        "remoteLoginPortPublicAccess": "NotSpecified",
        "allocationState": "Steady",
        "allocationStateTransitionTime": now(),
        "errors": None,
        "currentNodeCount": 0,
        "targetNodeCount": 0,
        "nodeStateCounts": dict.fromkeys(
            (f"{state}NodeCount" for state in "preparing running idle unusable leaving".split()), 0
        ),
    }
    return {
        "id": f"{workspace.path}/computes/{name}",
        "name": name,
        "type": "Microsoft.MachineLearningServices/workspaces/computes",
        "location": "eastus",
        "tags": None,
        "identity": {"type": "None", "principalId": None, "userAssignedIdentities": None},
        "properties": {
            "computeType": "AmlCompute",
            "computeLocation": "eastus",
            "description": None,
            "provisioningState": "Succeeded",
            "provisioningErrors": None,
            "createdOn": now(),
            "modifiedOn": now(),
            "resourceId": None,
            "isAttachedCompute": False,
            "disableLocalAuth": False,
            "properties": filled | properties,
        },
    }


@route("GET", COMPUTES)
@route("GET", "{WS}/computes", ARM)
def computes(call: Call) -> Any:
    return {"value": list(call.workspace.computes.values())}


@route("GET", f"{COMPUTES}/{{name}}")
@route("GET", "{WS}/computes/{name}", ARM)
def one_compute(call: Call) -> Any:
    name = call.names["name"]
    if name not in call.workspace.computes:
        text = f"The specified resource compute '{name}' was not found."
        raise Refusal(404, "ComputeNotFound", text)
    return call.workspace.computes[name]


@route("PUT", f"{COMPUTES}/{{name}}")
@route("PUT", "{WS}/computes/{name}", ARM)
def create_compute(call: Call) -> Any:
    name, properties = call.names["name"], call.body.get("properties", {})
    if properties.get("computeType") != "AmlCompute":
        raise Refusal(400, "BadRequest", f"Compute type {properties.get('computeType')!r}?")
    made = compute(call.workspace, name, properties.get("properties") or {})
    call.workspace.computes[name] = made
    operation = f"https://{REGION}/rp/workspaces{call.workspace.path}/computeOperations/{new_id()}"
    return Reply.of(made, 201, **{"Azure-AsyncOperation": operation})


@route("GET", "/rp/workspaces{WS}/computeOperations/{id}")
def compute_operation(call: Call) -> Any:
    status = call.workspace.compute_status
    return {"id": call.names["id"], "status": status, "percentComplete": 100}


def datastore(name: str, account: str, container: str, key: str) -> dict[str, Any]:
    return {
        "name": name,
        "dataStoreType": "AzureBlob",
        "hasBeenValidated": True,
        "tags": {},
        "azureStorageSection": {
            "accountName": account,
            "containerName": container,
            "endpoint": "core.windows.net",
            "protocol": "https",
            "credentialType": "AccountKey",
            "credential": key,
            "accountKey": key,
            "sasToken": None,
            "isSas": False,
            "blobCacheTimeout": 0,
            "areWorkspaceManagedIdentitiesAllowed": False,
            "subscriptionId": "00000000-0000-0000-0000-000000000000",
            "resourceGroup": "",
            "serviceDataAccessAuthIdentity": "None",
        },
    }


@route("GET", "/datastore/v1.0{WS}/datastores")
def datastores(call: Call) -> Any:
    return {"value": list(call.workspace.datastores.values()), "continuationToken": None}


@route("GET", "/datastore/v1.0{WS}/datastores/{name}")
def one_datastore(call: Call) -> Any:
    name = call.names["name"]
    if name not in call.workspace.datastores:
        text = f"Could not find datastore '{name}' in workspace '{call.workspace.name}'."
        raise Refusal(404, "UserError", text)
    return call.workspace.datastores[name]


@route("GET", "/datastore/v1.0{WS}/default")
def default_datastore(call: Call) -> Any:
    return call.workspace.datastores[call.workspace.default_datastore]


def add_environment(
    workspace: Workspace, name: str, version: str, definition: dict[str, Any]
) -> dict[str, Any]:
    made = ENVIRONMENT | definition | {"name": name, "version": version}
    workspace.environments.setdefault(name, {})[version] = made
    return made


ENVIRONMENT: dict[str, Any] = {
    "python": {
        "interpreterPath": "python",
        "userManagedDependencies": False,
        "condaDependencies": {
            "name": "project_environment",
            "channels": ["conda-forge"],
            "dependencies": ["python=3.10", {"pip": ["azureml-defaults"]}],
        },
        "baseCondaEnvironment": None,
    },
    "environmentVariables": {},
    "docker": {
        "baseImage": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20250601.v1",
        "baseDockerfile": None,
        "baseImageRegistry": {"address": None, "username": None, "password": None},
        "platform": {"os": "Linux", "architecture": "amd64"},
        "enabled": False,
        "arguments": [],
    },
    "spark": {"repositories": [], "packages": [], "precachePackages": True},
    "inferencingStackVersion": None,
}


@route("GET", "/environment/v1.0{WS}/environments")
@route("GET", "/environment/v1.0{WS}/environments/")
def environments(call: Call) -> Any:
    latest = [_latest(versions) for versions in call.workspace.environments.values()]
    return {"value": latest, "continuationToken": None}


@route("GET", "/environment/v1.0{WS}/environments/{name}")
@route("GET", "/environment/v1.0{WS}/environments/{name}/versions/{version}")
def one_environment(call: Call) -> Any:
    name, version = call.names["name"], call.names.get("version")
    versions = call.workspace.environments.get(name, {})
    if not versions or (version and version not in versions):
        text = f"No definition exists for environment {name} version {version or 'latest'}."
        raise Refusal(404, "UserError", text)
    return versions[version] if version else _latest(versions)


@route("PUT", "/environment/v1.0{WS}/environments/{name}")
@route("PUT", "/environment/v1.0{WS}/environments/{name}/versions/{version}")
def put_environment(call: Call) -> Any:
    name = call.names["name"]
    count = len(call.workspace.environments.get(name, {}))
    version = call.names.get("version") or str(count + 1)
    return add_environment(call.workspace, name, version, call.body)


def _latest(versions: dict[str, Any]) -> Any:
    return list(versions.values())[-1]
