"""A proxy on loopback that ends TLS itself: bytes in, a Request out; a Reply in, bytes out."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import trustme


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """``path`` is still quoted; the names in ``headers`` are in lower case."""

    method: str
    host: str
    path: str
    query: Mapping[str, str]
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: object, status: int = 200, **headers: str) -> Reply:
        return cls(
            status=status,
            body=json.dumps(value).encode(),
            headers={"Content-Type": "application/json; charset=utf-8"} | headers,
        )


class ResetConnection(Exception):  # noqa: N818 - an instruction, no error
    """Close the connection without a word."""


class CutConnection(Exception):  # noqa: N818 - an instruction, no error
    """Send the head of a reply and half of its body, then close the connection."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


class HangConnection(Exception):  # noqa: N818 - an instruction, no error
    """Keep the connection open, and never say a word."""


class Proxy(ThreadingHTTPServer):
    """One port; ``answer`` works on a request, ``refuse`` notes a host that nobody answers for."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self,
        ca: trustme.CA,
        knows: Callable[[str], bool],
        refuse: Callable[[str, str], None],
        answer: Callable[[Request], Reply],
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.knows, self.refuse, self.answer = knows, refuse, answer
        self.context = cache(lambda host: _context(ca, host))
        self.closing = threading.Event()
        self.crashes: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """A client that hangs up, or does not trust us, is no news; our own mistakes are."""
        if not isinstance(sys.exc_info()[1], OSError):
            self.crashes.append(traceback.format_exc())


def _context(ca: trustme.CA, host: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(host).configure_cert(context)
    return context


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy
    host = ""

    def do_CONNECT(self) -> None:
        host = self.path.rpartition(":")[0]
        if not self.server.knows(host):
            self.server.refuse("CONNECT", host)
            self._send(Reply(status=502, headers={"Connection": "close"}))
            return
        self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        context = self.server.context(host)
        self.rfile.close()
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rfile = self.connection.makefile("rb")
        self.host = host
        self.close_connection = False

    def _forward(self) -> None:
        body = self._body()
        if not self.host:
            self.server.refuse(self.command, urlsplit(self.path).netloc)
            self._send(Reply(status=502))
            return
        try:
            self._send(self.server.answer(self._request(body)))
        except ResetConnection:
            self._reset()
        except CutConnection as cut:
            self._cut(cut.reply)
        except HangConnection:
            self.server.closing.wait()
            self._reset()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _forward  # noqa: N815

    def _request(self, body: bytes) -> Request:
        target = urlsplit(self.path)
        return Request(
            method=self.command,
            host=self.host,
            path=target.path,
            query=dict(parse_qsl(target.query, keep_blank_values=True)),
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self._read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            chunks.append(self._read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _read(self, size: int) -> bytes:
        """A client that is killed sends less than it said; nothing is done of that."""
        content = self.rfile.read(size)
        if len(content) < size:
            raise ConnectionResetError
        return content

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        # 204 and 304 have no body, and 1xx is not spoken here
        if reply.status not in {204, 304} and "Content-Length" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.body)))
        head = b"".join(self._headers_buffer) + b"\r\n"
        self._headers_buffer = []
        self.connection.sendall(head if self.command == "HEAD" else head + reply.body)

    def _cut(self, reply: Reply) -> None:
        """A reply that has no body to be cut in does not come at all."""
        if reply.body and self.command != "HEAD":
            length = {"Content-Length": str(len(reply.body))}
            half = reply.body[: len(reply.body) // 2]
            self._send(replace(reply, body=half, headers={**reply.headers, **length}))
            # what was sent is to arrive, which closing the hard way would hinder
            self.close_connection = True
        else:
            self._reset()

    def _reset(self) -> None:
        """Close so that the peer is told at once, even of what it has not read."""
        self.close_connection = True
        now = struct.pack("ii", 1, 0)
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        self.rfile.close()
        self.connection.close()

    def finish(self) -> None:
        for part in (self.rfile, self.wfile, self.connection):
            with contextlib.suppress(OSError):
                part.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's name
        """Say nothing: Workspace.requests is the log."""
