"""Blobs, and the snapshots that are uploaded as blobs.

The account that the service keeps snapshots and logs in lies in memory. An account of Azurite's is
Azurite's: such a request is handed on as it came, signature and all.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import re
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from standin.proxy import Reply, Request
from standin.routes import Call, Refusal, new_id, route

if TYPE_CHECKING:
    from standin.workspace import Workspace

BLOBS = ".blob.core.windows.net"
# made up, like all keys here; base64, because that is what the SDK decodes
KEY = base64.b64encode(b"a made-up key").decode()
NOT_HANDED_ON = {"connection", "transfer-encoding", "keep-alive", "content-length"}


def default_account(workspace: Workspace) -> tuple[str, str, str]:
    """Account, container and key of the default datastore: Azurite's where the test uses it."""
    if workspace.azurite is None:
        return workspace.account, f"azureml-blobstore-{workspace.id}", KEY
    from azurite import ACCOUNT
    from azurite import KEY as AZURITE_KEY

    return ACCOUNT, workspace.azurite.container(), AZURITE_KEY


def url(workspace: Workspace, container: str, path: str) -> str:
    """A link with a SAS of ours, good for one blob."""
    signature = quote(_signature(workspace, container, path), safe="")
    place = f"https://{workspace.account}{BLOBS}/{container}/{quote(path)}"
    return f"{place}?sv=2019-07-07&sr=b&sp=racw&se=2036-01-01T00%3A00%3A00Z&sig={signature}"


def _signature(workspace: Workspace, container: str, path: str) -> str:
    key = workspace.client_secret.encode()
    return base64.b64encode(
        hmac.digest(key, f"{container}/{path}".encode(), hashlib.sha256)
    ).decode()


def answer(workspace: Workspace, request: Request) -> Reply:
    account = request.host.removesuffix(BLOBS)
    if workspace.azurite is not None and account != workspace.account:
        return _hand_on(workspace, request)
    container, _, path = unquote(request.path.lstrip("/")).partition("/")
    if account != workspace.account:
        raise Refusal(404, "ResourceNotFound", f"The account {account} does not exist.")
    if not _may(workspace, request, container, path):
        text = "Server failed to authenticate the request. Make sure the value of Authorization"
        raise Refusal(403, "AuthenticationFailed", f"{text} header is formed correctly.")
    with workspace.lock:
        return _blob(workspace, request, (container, path))


def _may(workspace: Workspace, request: Request, container: str, path: str) -> bool:
    given = request.query.get("sig", "")
    return given == _signature(workspace, container, path)


def _blob(workspace: Workspace, request: Request, place: tuple[str, str]) -> Reply:
    if request.method == "PUT":
        return _put(workspace, request, place)
    if place not in workspace.blobs:
        raise Refusal(404, "BlobNotFound", "The specified blob does not exist.")
    if request.method in {"GET", "HEAD"}:
        return _get(workspace.blobs[place], request)
    raise Refusal(405, "UnsupportedHttpVerb", "The resource does not support this verb.")


def _put(workspace: Workspace, request: Request, place: tuple[str, str]) -> Reply:
    """Put a blob whole, or block by block as large ones are."""
    md5 = base64.b64encode(hashlib.md5(request.body).digest()).decode()
    if request.headers.get("content-md5", md5) != md5:
        raise Refusal(400, "Md5Mismatch", "The MD5 value specified does not match.")
    container, path = place
    if request.query.get("comp") == "block":
        workspace.blobs[container, f"{path}#{request.query['blockid']}"] = request.body
    elif request.query.get("comp") == "blocklist":
        blocks = re.findall(r"<Latest>([^<]+)</Latest>", request.body.decode())
        parts = [workspace.blobs.pop((container, f"{path}#{block}")) for block in blocks]
        workspace.blobs[place] = b"".join(parts)
    else:
        workspace.blobs[place] = request.body
    headers = {"ETag": '"0x1"', "Last-Modified": formatdate(usegmt=True)}
    return Reply(status=201, headers=headers | {"x-ms-request-server-encrypted": "true"})


def _get(content: bytes, request: Request) -> Reply:
    headers = {
        "ETag": '"0x1"',
        "Last-Modified": formatdate(usegmt=True),
        "Content-Type": "application/octet-stream",
        "x-ms-blob-type": "BlockBlob",
    }
    given = request.headers.get("x-ms-range") or request.headers.get("range") or ""
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", given)
    if not wanted or not content:
        return Reply(status=200, body=content, headers=headers)
    first, last = int(wanted[1]), min(int(wanted[2] or len(content)), len(content) - 1)
    headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return Reply(status=206, body=content[first : last + 1], headers=headers)


def _hand_on(workspace: Workspace, request: Request) -> Reply:
    """Azurite tells accounts apart by the Host header, and so do signatures."""
    place = urlsplit(workspace.azurite.url)
    assert place.hostname
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    headers = {k: v for k, v in request.headers.items() if k not in NOT_HANDED_ON}
    headers["content-length"] = str(len(request.body))
    try:
        connection.request(request.method, request.target, request.body, headers)
        reply = connection.getresponse()
        content = reply.read()
    finally:
        connection.close()
    kept = {k: v for k, v in reply.getheaders() if k.lower() not in NOT_HANDED_ON}
    if request.method == "HEAD" and (length := reply.getheader("Content-Length")):
        kept["Content-Length"] = length
    return Reply(status=reply.status, body=content, headers=kept)


# --- snapshots --------------------------------------------------------------------------------


@route("GET", "/content/v1.0{WS}/snapshots/latest/metadata")
def latest_snapshot(_: Call) -> Any:
    """A client that kept none gets an empty one to begin with, and so sends every file."""
    root = {"name": "", "hash": None, "type": "Directory", "timestamp": None, "children": {}}
    return {"id": "00000000-0000-0000-0000-000000000000", "root": root}


@route("POST", "/content/v2.0{WS}/snapshots/getblob")
def blob_links(call: Call) -> Any:
    batch = new_id()
    names = call.body["FileNames"]
    nodes = [
        {"fullName": name, "blobUri": url(call.workspace, "snapshots", f"{batch}/{name}")}
        for name in names
    ]
    return {"fileNodes": nodes}


@route("POST", "/content/v2.0{WS}/snapshots/{id}")
def post_snapshot(call: Call) -> Any:
    from standin.workspace import Snapshot

    parent = call.workspace.snapshots.get(call.body["ParentSnapshotId"])
    sent = {
        node["FullName"]: node["BlobUri"] for node in call.body["FileRevisionList"]["FileNodes"]
    }
    known = parent.files if parent else {}
    files = {
        path: _content(call.workspace, path, sent.get(path), known)
        for path in _paths(call.body["DirTreeNode"])
    }
    number = call.names["id"]
    properties = call.body.get("Properties") or {}
    call.workspace.snapshots[number] = Snapshot(id=number, files=files, properties=properties)
    return {"id": number}


def _paths(node: Mapping[str, Any], above: str = "") -> Iterator[str]:
    keys = {key.lower(): value for key, value in node.items()}
    children = keys.get("children") or {}
    for name, child in children.items():
        kind = {key.lower(): value for key, value in child.items()}.get("type")
        path = f"{above}{name}"
        if kind == "File":
            yield path
        yield from _paths(child, f"{path}/")


def _content(
    workspace: Workspace, path: str, link: str | None, known: Mapping[str, bytes]
) -> bytes:
    """A file's bytes: as just uploaded, or as the snapshot before this one has them."""
    if link is None and path in known:
        return known[path]
    place = unquote(urlsplit(link or "").path).lstrip("/").partition("/")
    if (place[0], place[2]) not in workspace.blobs:
        raise Refusal(400, "UserError", f"The snapshot's file {path} has not been uploaded.")
    return workspace.blobs[place[0], place[2]]


@route("GET", "/content/v1.0{WS}/snapshots/{id}/metadata")
def snapshot_metadata(call: Call) -> Any:
    number = call.names["id"]
    if number not in call.workspace.snapshots:
        raise Refusal(404, "UserError", f"Snapshot {number} was not found.")
    return {"id": number, "properties": dict(call.workspace.snapshots[number].properties)}
