"""A server on loopback that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOST = "the connection is closed without a reply"
# half a reply, after which the connection is closed, and a page from something on the way
CUT = (200, {"Content-Type": "application/json", "Content-Length": "9"}, b'{"a"')
PAGE = (200, {"Content-Type": "text/html"}, b"<html><head><title>Log in</title></head></html>")


@dataclass(slots=True, kw_only=True)
class Server:
    """``replies`` are taken in turn, the last for ever: LOST, or (status, headers, body)."""

    url: str = ""
    replies: list[Any] = field(default_factory=lambda: [reply(200)])
    heard: list[str] = field(default_factory=list)


def reply(status: int, body: object = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """A reply; what is no text becomes JSON."""
    text = body if isinstance(body, str) else json.dumps(body if body is not None else {})
    return status, {key.replace("_", "-"): value for key, value in headers.items()}, text.encode()


@contextmanager
def serving() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told.heard.append(f"{self.command} {self.path}")
            answer = told.replies.pop(0) if len(told.replies) > 1 else told.replies[0]
            if answer is LOST:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            status, headers, body = answer
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = "Content-Length" in headers

        do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
