"""Signing in, in an order that never leaves a CI job waiting for a person.

1. ``AZURE_TENANT_ID``, ``AZURE_CLIENT_ID``, ``AZURE_CLIENT_SECRET``: a service principal. Some of
   the three are a mistake that is told, but for the client id alone.
2. A managed identity, where the machine says that it has one (``IDENTITY_ENDPOINT``,
   ``MSI_ENDPOINT``), or where ``AZURE_CLIENT_ID`` alone names one. A virtual machine without these
   is not asked: where there is none, that is a wait for nothing; `az login --identity` does it.
3. The Azure CLI's login, where `az` is on the PATH. The SDK can use it only if the CLI is installed
   in the same Python, which it hardly ever is; so `az` itself is asked for tokens.
4. The browser, where a person sits at a terminal.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from amlshare.backends.azureml import sdk, wire
from amlshare.backends.azureml.sdk import ServiceError
from amlshare.backends.interface import WorkspaceName

Kind: TypeAlias = Literal["service principal", "managed identity", "Azure CLI", "browser"]

PRINCIPAL = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
WAYS = (
    "in CI, set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or run `az login` in an"
    " earlier step; on a machine with a managed identity set AZURE_CLIENT_ID alone; at a terminal"
    " run `az login`"
)
_ADVICE: Mapping[Kind, str] = {
    "service principal": "check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
    "managed identity": "check that the machine has a managed identity, and AZURE_CLIENT_ID where"
    " it has several",
    "Azure CLI": "run `az login`",
    "browser": "run `az login`, then this again",
}
_AZ_SECONDS = 60.0
_EARLY = 300.0
_IMDS = f"http://{wire.LINK_LOCAL}/metadata/identity/oauth2/token"
_IMDS_SECONDS = 5.0


class SignInError(ServiceError):
    """No way to sign in, a credential that is not accepted, or a workspace that is not seen."""


def workspace(name: WorkspaceName) -> Any:
    """The workspace, as an `azureml.core.Workspace`, signed in. Raises SignInError.

    A browser is opened only where a person sits at a terminal. Settings in the environment that
    say nothing are told before anything is sent: BackendError.
    """
    wire.check_settings()
    kind = way(os.environ, interactive=_is_watched(os.environ))
    sdk.prepare()
    try:
        return _opened(name, _signed_in(kind, name))
    except SignInError:
        raise
    except ServiceError as error:
        raise SignInError(str(error), error.exchange) from None


def way(environ: Mapping[str, str], *, interactive: bool) -> Kind:
    """How to sign in here. Raises SignInError where there is no way, or half of one."""
    given = [name for name in PRINCIPAL if environ.get(name)]
    if len(given) == len(PRINCIPAL):
        return "service principal"
    if given and given != ["AZURE_CLIENT_ID"]:
        raise SignInError(_half(given))
    if given or environ.get("IDENTITY_ENDPOINT") or environ.get("MSI_ENDPOINT"):
        return "managed identity"
    if shutil.which("az", path=environ.get("PATH", "")):
        return "Azure CLI"
    if interactive:
        return "browser"
    raise SignInError(f"there is no way to sign in to Azure here: {WAYS}")


def _half(given: list[str]) -> str:
    missing = [name for name in PRINCIPAL if name not in given]
    verb = "is" if len(missing) == 1 else "are"
    return (
        f"{' and '.join(missing)} {verb} not set, though {' and '.join(given)}"
        f" {'is' if len(given) == 1 else 'are'}: set all three to sign in as a service principal,"
        " or none of them to use the Azure CLI's login"
    )


def _is_watched(environ: Mapping[str, str]) -> bool:
    """Whether a person is there: at a terminal, and not in CI, which may have one too."""
    in_ci = environ.get("CI", "").lower() not in ("", "0", "false")
    return not in_ci and sys.stdin.isatty() and sys.stderr.isatty()


def _signed_in(kind: Kind, name: WorkspaceName) -> Any:
    """An authentication of the SDK that has been accepted once."""
    advice = dict.fromkeys((400, 401, 403, 404), _ADVICE[kind])
    with sdk.asking(f"signing in ({_who(kind)})", advice):
        auth = _authentication(kind, name)
        auth.get_authentication_header()
    return auth


def _who(kind: Kind) -> str:
    client = os.environ.get("AZURE_CLIENT_ID")
    return f"{kind} {client}" if client and kind != "Azure CLI" else kind


def _authentication(kind: Kind, name: WorkspaceName) -> Any:
    from azureml.core import authentication as ways

    cloud = os.environ["AZUREML_CURRENT_CLOUD"]
    if kind == "service principal":
        return ways.ServicePrincipalAuthentication(
            *(os.environ[each] for each in PRINCIPAL), cloud=cloud
        )
    if kind == "browser":
        return _asked(ways, cloud)
    source = _Identity() if kind == "managed identity" else _Cli(subscription=name.subscription_id)
    return ways.TokenAuthentication(source, cloud=cloud)


def _asked(ways: Any, cloud: str) -> Any:
    """The login in a browser. What it has to tell a person goes to stderr."""
    from contextlib import redirect_stdout

    with redirect_stdout(sys.stderr):
        return ways.InteractiveLoginAuthentication(cloud=cloud)


def _opened(name: WorkspaceName, auth: Any) -> Any:
    from azureml.core import Workspace

    shown = f"workspace '{name.name}' of resource group '{name.resource_group}'"
    advice = {
        403: "give the identity that is signed in a role on it, such as 'AzureML Data Scientist'",
        404: "check --workspace, --resource-group and --subscription, and where else they are set",
    }
    with sdk.asking(f"opening {shown} in subscription {name.subscription_id}", advice):
        auth._check_if_subscription_exists = _let_be  # noqa: SLF001 # no public way
        found = Workspace(name.subscription_id, name.resource_group, name.name, auth=auth)
        # when the connection fails, the SDK says nothing and leaves this empty
        if found._workspace_autorest_object is None:  # noqa: SLF001
            raise ConnectionError("there was no reply")
    return found


def _let_be(*_args: object) -> bool:
    """In place of the SDK's look at all subscriptions: the workspace's own 403 or 404 says more."""
    return True


@dataclass(slots=True, kw_only=True)
class _Tokens:
    """Tokens by the resource they are for, each kept until shortly before its end."""

    kept: dict[str, tuple[str, float]] = field(default_factory=dict)

    def __call__(self, resource: str) -> str:
        token, end = self.kept.get(resource, ("", 0.0))
        if end - _EARLY < time.time():
            token, end = self.fetch(resource)
            self.kept[resource] = (token, end)
        return token

    def fetch(self, resource: str) -> tuple[str, float]:
        """A token, and when it ends in seconds since 1970."""
        raise NotImplementedError


@dataclass(slots=True, kw_only=True)
class _Cli(_Tokens):
    """Tokens from the Azure CLI."""

    subscription: str

    def fetch(self, resource: str) -> tuple[str, float]:
        words = "account get-access-token --output json --resource".split()
        command = [shutil.which("az") or "az", *words, resource, "--subscription"]
        try:
            done = subprocess.run(
                [*command, self.subscription],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=min(wire.most(), _AZ_SECONDS),
                check=True,
            )
            said = json.loads(done.stdout)
            return str(said["accessToken"]), float(
                said.get("expires_on") or time.time() + 2 * _EARLY
            )
        except subprocess.CalledProcessError as error:
            raise SignInError(f"{_NO_CLI}: {_last_line(error.stderr)}; {WAYS}") from None
        except subprocess.TimeoutExpired:
            raise SignInError(f"{_NO_CLI}: `az` did not answer in time; {WAYS}") from None
        except (ValueError, KeyError, OSError):
            raise SignInError(f"{_NO_CLI}: it gave no token; {WAYS}") from None


_NO_CLI = "signing in with the Azure CLI failed"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return sdk.masked(lines[-1].removeprefix("ERROR: ").rstrip(".")) if lines else "it said nothing"


@dataclass(slots=True, kw_only=True)
class _Identity(_Tokens):
    """Tokens of a managed identity: from the machine's own endpoint, or a virtual machine's."""

    def fetch(self, resource: str) -> tuple[str, float]:
        import requests

        url, headers, query, limit = _endpoint(os.environ)
        with requests.Session() as session:
            session.trust_env = False  # a proxy would be another machine
            query = {"resource": resource, **query}
            reply = session.get(url, headers=headers, params=query, timeout=limit)
        reply.raise_for_status()
        said = reply.json()
        ends = str(said.get("expires_on", ""))
        return said["access_token"], float(ends) if ends.isdigit() else time.time() + 2 * _EARLY


def _endpoint(
    environ: Mapping[str, str],
) -> tuple[str, dict[str, str], dict[str, str], float | None]:
    """Where tokens are: URL, headers, query, time-out."""
    client = environ.get("AZURE_CLIENT_ID")
    named = {"client_id": client} if client else {}
    if url := environ.get("IDENTITY_ENDPOINT"):
        secret = environ.get("IDENTITY_HEADER", "")
        return url, {"X-IDENTITY-HEADER": secret}, {"api-version": "2019-08-01", **named}, None
    if url := environ.get("MSI_ENDPOINT"):
        named = {"clientid": client} if client else {}
        secret = environ.get("MSI_SECRET", "")
        return url, {"secret": secret}, {"api-version": "2017-09-01", **named}, None
    return _IMDS, {"Metadata": "true"}, {"api-version": "2018-02-01", **named}, _IMDS_SECONDS
