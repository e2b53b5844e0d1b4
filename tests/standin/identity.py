"""Signing in, and what Azure itself says of the workspace: AAD, ARM and discovery."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from standin.routes import ARM, LOGIN, REGION, Call, Refusal, route

if TYPE_CHECKING:
    from standin.workspace import Workspace

# what AAD answers for any tenant; MSAL checks who it is talking to
KNOWN_HOSTS = [
    {
        "preferred_network": LOGIN,
        "preferred_cache": "login.windows.net",
        "aliases": [LOGIN, "login.windows.net", "login.microsoft.com", "sts.windows.net"],
    }
]


@route("GET", "/common/discovery/instance", LOGIN, signed_in=False)
def instance(call: Call) -> Any:
    tenant = call.workspace.tenant_id
    return {
        "tenant_discovery_endpoint": f"https://{LOGIN}/{tenant}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": KNOWN_HOSTS,
    }


@route("GET", "/{tenant}/v2.0/.well-known/openid-configuration", LOGIN, signed_in=False)
def configuration(call: Call) -> Any:
    _check_tenant(call)
    here = f"https://{LOGIN}/{call.names['tenant']}"
    return {
        "token_endpoint": f"{here}/oauth2/v2.0/token",
        "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{here}/oauth2/v2.0/devicecode",
        "issuer": f"{here}/v2.0",
        "jwks_uri": f"{here}/discovery/v2.0/keys",
    }


@route("POST", "/{tenant}/oauth2/v2.0/token", LOGIN, signed_in=False)
def token(call: Call) -> Any:
    _check_tenant(call)
    said = dict(parse_qsl(call.request.body.decode()))
    client = said.get("client_id", "")
    if client != call.workspace.client_id:
        text = (
            f"AADSTS700016: Application with identifier '{client}' was not found in the directory"
        )
        raise Refusal(400, "unauthorized_client", f"{text} '{call.names['tenant']}'.")
    if said.get("client_secret") != call.workspace.client_secret:
        text = (
            "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the"
            " request is the client secret value, not the client secret ID, for a secret added to"
            f" app '{client}'."
        )
        raise Refusal(401, "invalid_client", text)
    return {
        "token_type": "Bearer",
        "expires_in": 3599,
        "ext_expires_in": 3599,
        "access_token": issue(call.workspace),
    }


def _check_tenant(call: Call) -> None:
    tenant = call.names["tenant"]
    if tenant != call.workspace.tenant_id:
        text = f"AADSTS90002: Tenant '{tenant}' not found. Check to make sure you have the correct"
        raise Refusal(400, "invalid_request", f"{text} tenant ID.")


def issue(workspace: Workspace) -> str:
    """A new token with the claims that the SDK reads; nobody but us looks at its signature."""
    claims = {
        "aud": f"https://{ARM}/",
        "iss": f"https://sts.windows.net/{workspace.tenant_id}/",
        "tid": workspace.tenant_id,
        "appid": workspace.client_id,
        "oid": workspace.client_id,
        "exp": int(time.time()) + 3599,
        "jti": uuid.uuid4().hex,
    }
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    issued = b".".join([*texts, b"c3RhbmQtaW4"]).decode()
    workspace.tokens.add(issued)
    return issued


@route("GET", "/subscriptions", ARM)
def subscriptions(call: Call) -> Any:
    return {"value": [_subscription(call)]}


@route("GET", "/subscriptions/{subscriptionId}", ARM)
def subscription(call: Call) -> Any:
    return _subscription(call)


def _subscription(call: Call) -> Any:
    number = call.workspace.subscription_id
    return {
        "id": f"/subscriptions/{number}",
        "subscriptionId": number,
        "tenantId": call.workspace.tenant_id,
        "displayName": f"Subscription of {call.workspace.name}",
        "state": "Enabled",
        "authorizationSource": "RoleBased",
    }


@route("GET", "/tenants", ARM)
def tenants(call: Call) -> Any:
    number = call.workspace.tenant_id
    return {"value": [{"id": f"/tenants/{number}", "tenantId": number}]}


@route("GET", "{WS}", ARM)
def workspace(call: Call) -> Any:
    it = call.workspace
    provider = f"/subscriptions/{it.subscription_id}/resourceGroups/{it.resource_group}/providers"
    return {
        "id": it.path,
        "name": it.name,
        "type": "Microsoft.MachineLearningServices/workspaces",
        "location": "eastus",
        "tags": {},
        "sku": {"name": "Basic", "tier": "Basic"},
        "identity": {
            "type": "SystemAssigned",
            "principalId": it.client_id,
            "tenantId": it.tenant_id,
        },
        "properties": {
            "workspaceId": it.id,
            "friendlyName": it.name,
            "description": "",
            "discoveryUrl": f"https://{REGION}/discovery",
            "storageAccount": f"{provider}/Microsoft.Storage/storageAccounts/{it.account}",
            "keyVault": f"{provider}/Microsoft.Keyvault/vaults/{it.name}",
            "applicationInsights": f"{provider}/Microsoft.insights/components/{it.name}",
            "hbiWorkspace": False,
            "tenantId": it.tenant_id,
            "provisioningState": "Succeeded",
            "creationTime": "2026-01-01T00:00:00Z",
        },
    }


@route("GET", "/discovery", signed_in=False)
@route("GET", "/discovery{WS}", signed_in=False)
def discovery(_: Call) -> Any:
    names = (
        "api catalog experimentation history hyperdrive labeling modelmanagement pipelines studio"
    )
    return dict.fromkeys(names.split(), f"https://{REGION}") | {
        "studio": "https://ml.azure.com",
        "notebooks": f"https://{REGION}/notebooks",
        "inferencing": f"https://{REGION}/modelmanagement",
    }
