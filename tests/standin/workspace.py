"""One workspace: what it holds, what has been asked of it, and the faults that a test wants."""

from __future__ import annotations

import fnmatch
import json
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import trustme

from standin import datasets, progress, resources, storage
from standin.proxy import CutConnection, HangConnection, Proxy, Reply, Request, ResetConnection
from standin.routes import ARM, LOGIN, REGION, ROUTES, Call, Refusal, Route, find, refusal_reply
from standin.storage import BLOBS

How = Literal[
    "503",
    "429",
    "401",
    "403",
    "500",
    "reset before",
    "reset after",
    "cut after",
    "garbled after",
    "hang",
]
PAGE = Reply(
    status=200,
    body=b"<!DOCTYPE html><html><head><title>Access gateway</title></head></html>",
    headers={"Content-Type": "text/html; charset=utf-8"},
)
SAID: Mapping[str, tuple[str, str]] = {
    "401": ("UserError", "The token is not valid."),
    "403": ("UserError", "The principal has no permission to do this."),
    "429": ("TooManyRequests", "There are too many requests. Try again later."),
    "500": ("InternalServerError", "An internal error has occurred."),
    "503": ("ServiceUnavailable", "The service is not available. Try again later."),
}


@dataclass(slots=True, kw_only=True)
class Record:
    """A request: ``route`` is "POST pipelines/Pipelines/Create"; ``body`` is JSON where it is any.

    ``status`` is None until there is a reply, and where there never is one.
    """

    number: int
    method: str
    host: str
    route: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int | None = None
    fault: str | None = None


@dataclass(slots=True, kw_only=True)
class Fault:
    """What goes wrong, from the request of that number on or at those of a route, how often."""

    number: int | None
    route: str | None
    how: How
    left: int
    message: str | None

    def meets(self, record: Record) -> bool:
        reached = self.number is None or record.number >= self.number
        return self.left > 0 and reached and (not self.route or matches(self.route, record.route))


def matches(wanted: str, route: str) -> bool:
    """Hold "POST pipelines/Pipelines/Create", "pipelines/Pipelines/*", "*Create" against a name."""
    names = (route, route.partition(" ")[2])
    return wanted in names or any(fnmatch.fnmatchcase(name, wanted) for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A code folder as it was uploaded: the bytes of every file by its path, with slashes."""

    id: str
    files: Mapping[str, bytes]
    properties: Mapping[str, str]


@dataclass(kw_only=True, eq=False, repr=False)
class Workspace:
    """See the package's docstring for what can be asked, arranged and inspected."""

    ca: trustme.CA
    ca_file: str
    home: str
    azurite: Any = None

    # who it is
    key: str = field(default_factory=lambda: uuid.uuid4().hex[:10])
    subscription_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    tenant_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    client_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    client_secret: str = field(default_factory=lambda: f"s3cret~{uuid.uuid4().hex}")
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    # what it holds, each by name or by id
    computes: dict[str, dict[str, Any]] = field(default_factory=dict)
    datastores: dict[str, dict[str, Any]] = field(default_factory=dict)
    datasets: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    saved_datasets: dict[str, dict[str, Any]] = field(default_factory=dict)
    environments: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    modules: dict[str, dict[str, Any]] = field(default_factory=dict)
    data_sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    data_types: dict[str, dict[str, Any]] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    graphs: dict[str, dict[str, Any]] = field(default_factory=dict)
    published: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)
    experiments: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, progress.PipelineRun] = field(default_factory=dict)
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)

    # what has been asked of it
    requests: list[Record] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    # how its runs go
    automatic: bool = True
    small_steps: int = 2
    execute: Callable[[Workspace, str], None] | None = None
    outcomes: dict[str, progress.Outcome] = field(default_factory=dict)
    log_file: str = "user_logs/std_log.txt"

    # how the making of a compute target stands, each time it is asked for
    compute_status: Literal["Creating", "Succeeded", "Failed"] = "Succeeded"

    # whether a definition that is saved again gets the id it has: what the service does is unknown
    saves_once: bool = False

    tokens: set[str] = field(default_factory=set)
    default_datastore: str = "workspaceblobstore"

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._faults: list[Fault] = []
        self.proxy = Proxy(self.ca, self._knows, self._refuse, self.answer)
        account, container, key = storage.default_account(self)
        self.add_datastore(self.default_datastore, account, container, key)

    @property
    def name(self) -> str:
        return f"ws-{self.key}"

    @property
    def resource_group(self) -> str:
        return f"rg-{self.key}"

    @property
    def account(self) -> str:
        """The storage account that the service itself keeps snapshots and logs in."""
        return f"store{self.key}"

    @property
    def path(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"
        )

    @property
    def environment(self) -> dict[str, str]:
        """All that a command gets: `amlshare(..., env=workspace.environment)`."""
        proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        return {
            **dict.fromkeys(proxies, self.proxy.url),
            **{name.lower(): self.proxy.url for name in proxies},
            **dict.fromkeys(("NO_PROXY", "no_proxy"), ""),
            **dict.fromkeys(
                ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"), self.ca_file
            ),
            "HOME": self.home,
            "XDG_CACHE_HOME": f"{self.home}/.cache",
            "AZURE_TENANT_ID": self.tenant_id,
            "AZURE_CLIENT_ID": self.client_id,
            "AZURE_CLIENT_SECRET": self.client_secret,
            "AZURE_SUBSCRIPTION_ID": self.subscription_id,
            "AZUREML_RESOURCE_GROUP": self.resource_group,
            "AZUREML_WORKSPACE": self.name,
        }

    # --- arranging ----------------------------------------------------------------------------

    def add_compute(self, name: str, vm_size: str = "Standard_DS3_v2", max_nodes: int = 4) -> None:
        scale = {
            "minNodeCount": 0,
            "maxNodeCount": max_nodes,
            "nodeIdleTimeBeforeScaleDown": "PT120S",
        }
        self.computes[name] = resources.compute(
            self, name, {"vmSize": vm_size, "scaleSettings": scale}
        )

    def add_datastore(self, name: str, account: str, container: str, key: str) -> None:
        self.datastores[name] = resources.datastore(name, account, container, key)

    def add_dataset(
        self,
        name: str,
        version: int = 1,
        kind: Literal["file", "tabular"] = "file",
        datastore: str = "workspaceblobstore",
        path: str = "raw/**",
    ) -> None:
        datasets.add(self, name, version, kind, datastore, path)

    def add_environment(
        self, name: str, version: str = "1", definition: Mapping[str, Any] | None = None
    ) -> None:
        resources.add_environment(self, name, str(version), dict(definition or {}))

    def outcome(
        self, step: str, status: Literal["Finished", "Failed", "Canceled"], log: str = ""
    ) -> None:
        """Say how a step will end, and what it will have printed."""
        self.outcomes[step] = progress.Outcome(status=status, log=log)

    def fail(
        self,
        *,
        at: int | None = None,
        route: str | None = None,
        how: How,
        times: int = 1,
        message: str | None = None,
    ) -> None:
        """Let ``times`` requests go wrong: from the ``at``-th from now on, or the next of a route.

        ``route`` is a name or a pattern of names, as in Record.route; the part before the space
        may be left out.
        """
        if (at is None) == (route is None):
            raise ValueError("say either `at` or `route`")
        if route is not None and not any(matches(route, name) for name in _names()):
            raise ValueError(f"no route is called {route!r}")
        with self.lock:
            number = None if at is None else len(self.requests) + at
            self._faults.append(
                Fault(number=number, route=route, how=how, left=times, message=message)
            )

    # --- inspecting ---------------------------------------------------------------------------

    def asked(self, route: str) -> list[Record]:
        """The requests of a route, or of all that match a pattern, in their order."""
        with self.lock:
            return [record for record in self.requests if matches(route, record.route)]

    def run(self, run_id: str | None = None) -> progress.PipelineRun:
        """A run, or the only one."""
        if run_id is not None:
            return self.runs[run_id]
        (only,) = self.runs.values()
        return only

    # --- running ------------------------------------------------------------------------------

    def advance(self, run_id: str) -> None:
        """Take a run one small step on, whether it is automatic or not."""
        with self.lock:
            progress.advance(self, self.runs[run_id])

    def report(
        self, run_id: str, step: str, status: str, log: str | None = None, *, reused: bool = False
    ) -> None:
        """Say how a step of a run that ``execute`` carries out is doing."""
        with self.lock:
            progress.report(self, self.runs[run_id], step, status, log, reused=reused)

    # --- answering ----------------------------------------------------------------------------

    def _knows(self, host: str) -> bool:
        return host in {LOGIN, ARM, REGION} or host.endswith(BLOBS)

    def _refuse(self, method: str, host: str) -> None:
        with self.lock:
            self.refused.append(f"{method} {host}")

    def answer(self, request: Request) -> Reply:
        record, fault, found = self._note(request)
        how = fault.how if fault else ""
        record.fault = how or None
        if how == "hang":
            raise HangConnection
        if how == "reset before":
            raise ResetConnection
        if fault and how in SAID:
            code, message = SAID[how]
            refusal = Refusal(int(how), code, fault.message or message)
            reply = refusal_reply(request.host, refusal, record.number)
        else:
            reply = self._work(request, found, record)
        record.status = reply.status
        if how == "reset after":
            raise ResetConnection
        if how == "cut after":
            raise CutConnection(reply)
        return PAGE if how == "garbled after" else reply

    def _note(
        self, request: Request
    ) -> tuple[Record, Fault | None, tuple[Route, dict[str, str]] | None]:
        found = find(request)
        blob = request.host.endswith(BLOBS)
        name = f"{request.method} blob" if blob else found[0].name if found else "unknown"
        with self.lock:
            record = Record(
                number=len(self.requests) + 1,
                method=request.method,
                host=request.host,
                route=name,
                path=request.path,
                query=request.query,
                body=_shown(request),
            )
            self.requests.append(record)
            fault = next((one for one in self._faults if one.meets(record)), None)
            if fault:
                fault.left -= 1
        return record, fault, found

    def _work(
        self, request: Request, found: tuple[Route, dict[str, str]] | None, record: Record
    ) -> Reply:
        try:
            if request.host.endswith(BLOBS):
                return storage.answer(self, request)
            with self.lock:
                return self._called(request, found)
        except Refusal as refusal:
            return refusal_reply(request.host, refusal, record.number)

    def _called(self, request: Request, found: tuple[Route, dict[str, str]] | None) -> Reply:
        if found is None:
            raise Refusal(404, "UserError", f"No route is {request.method} {request.path}.")
        route, names = found
        if route.signed_in:
            self._check_token(request)
        self._check_scope(names)
        value = route.work(Call(workspace=self, request=request, names=names))
        return value if isinstance(value, Reply) else Reply.of(value)

    def _check_token(self, request: Request) -> None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or token not in self.tokens:
            raise Refusal(401, "InvalidAuthenticationToken", "The access token is invalid.")

    def _check_scope(self, names: Mapping[str, str]) -> None:
        subscription = names.get("subscriptionId", self.subscription_id)
        if subscription != self.subscription_id:
            text = f"The subscription '{subscription}' could not be found."
            raise Refusal(404, "SubscriptionNotFound", text)
        group = names.get("resourceGroupName", self.resource_group)
        if group.lower() != self.resource_group:
            text = f"Resource group '{group}' could not be found."
            raise Refusal(404, "ResourceGroupNotFound", text)
        name = names.get("workspaceName", self.name)
        if name.lower() != self.name:
            kind = f"Microsoft.MachineLearningServices/workspaces/{name}"
            text = f"The Resource '{kind}' under resource group '{group}' was not found."
            raise Refusal(404, "ResourceNotFound", text)

    def close(self) -> None:
        self.proxy.close()


def _names() -> list[str]:
    return [one.name for one in ROUTES] + [f"{method} blob" for method in ("GET", "HEAD", "PUT")]


def _shown(request: Request) -> Any:
    """A body as JSON; else as text, where it is any; else nothing."""
    try:
        text = request.body.decode()
    except UnicodeDecodeError:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text or None
