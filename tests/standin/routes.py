"""The routes that the stand-in answers: a path with names in braces, and the function behind it.

``{WS}`` stands for the ARM path of the workspace; ``{path*}`` takes the rest, slashes included.
A route is called after what follows the workspace: "POST pipelines/Pipelines/Create".
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from standin.proxy import Reply, Request

if TYPE_CHECKING:
    from standin.workspace import Workspace

WS = (
    "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
    "/providers/Microsoft.MachineLearningServices/workspaces/{workspaceName}"
)
ROUTES: list[Route] = []
LOGIN, ARM, REGION = "login.microsoftonline.com", "management.azure.com", "eastus.api.azureml.ms"


class Refusal(Exception):  # noqa: N818 - what the service says, no mistake of ours
    """A reply that says no: an HTTP status, the service's code, and its message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def not_found(kind: str, name: str) -> Refusal:
    return Refusal(404, "UserError", f"{kind} {name} was not found.")


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request at its route: ``names`` are those in the path, unquoted."""

    workspace: Workspace
    request: Request
    names: Mapping[str, str]

    @cached_property
    def body(self) -> Any:
        if not self.request.body:
            return None
        try:
            return json.loads(self.request.body)
        except ValueError:
            raise Refusal(400, "BadArgument", "The body is no JSON.") from None

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query


@dataclass(frozen=True, kw_only=True)
class Route:
    method: str
    host: str
    path: str
    work: Callable[[Call], Any]
    signed_in: bool

    @cached_property
    def name(self) -> str:
        path = re.sub(r"/v\d[\d.]*|\{WS\}|/workspaces(?=\{WS\})", "", self.path)
        prefix = {LOGIN: "login", ARM: "arm"}.get(self.host)
        named = prefix + (path or "/workspace") if prefix else path.strip("/")
        return f"{self.method} {named}"

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        text = re.escape(self.path.replace("{WS}", WS)).replace(r"\{", "{").replace(r"\}", "}")
        text = re.sub(r"\{(\w+)\\\*\}", r"(?P<\1>.+)", text)
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", text))

    def match(self, request: Request) -> dict[str, str] | None:
        if (request.method, request.host) != (self.method, self.host):
            return None
        found = self._pattern.fullmatch(request.path)
        return found and {name: unquote(value) for name, value in found.groupdict().items()}


def route(
    method: str, path: str, host: str = REGION, *, signed_in: bool = True
) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
    """Put a function behind a route. It returns what the body says in JSON, or a Reply."""

    def add(work: Callable[[Call], Any]) -> Callable[[Call], Any]:
        ROUTES.append(Route(method=method, host=host, path=path, work=work, signed_in=signed_in))
        return work

    return add


def find(request: Request) -> tuple[Route, dict[str, str]] | None:
    for candidate in ROUTES:
        names = candidate.match(request)
        if names is not None:
            return candidate, names
    return None


def refusal_reply(host: str, refusal: Refusal, number: int) -> Reply:
    """A refusal in the words of the service that stands behind the host."""
    said = {"code": refusal.code, "message": refusal.message}
    if host == LOGIN:
        body: Any = {
            "error": refusal.code,
            "error_description": refusal.message,
            "error_codes": [int(n) for n in re.findall(r"AADSTS(\d+)", refusal.message)],
            "timestamp": "2026-01-01 00:00:00Z",
            "trace_id": f"{number:032x}",
            "correlation_id": f"{number:032x}",
        }
    elif host == ARM:
        body = {"error": said}
    elif host.endswith(".blob.core.windows.net"):
        return storage_refusal(refusal)
    else:
        body = {
            "error": said,
            "correlation": {"operation": f"{number:032x}", "request": f"{number:016x}"},
            "environment": "eastus",
            "location": "eastus",
            "time": "2026-01-01T00:00:00.0000000+00:00",
        }
    return Reply.of(body, refusal.status)


def storage_refusal(refusal: Refusal) -> Reply:
    text = (
        '\ufeff<?xml version="1.0" encoding="utf-8"?>'
        f"<Error><Code>{refusal.code}</Code><Message>{refusal.message}</Message></Error>"
    )
    headers = {"Content-Type": "application/xml", "x-ms-error-code": refusal.code}
    return Reply(status=refusal.status, body=text.encode(), headers=headers)


def now() -> str:
    return datetime.now(timezone.utc).isoformat()


def new_id() -> str:
    return str(uuid.uuid4())
