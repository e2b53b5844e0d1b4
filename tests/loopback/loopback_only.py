"""Refuses every connection but to this machine, and notes what was refused.

An audit hook sees the connections of every library, asyncio's among them. `sitecustomize` beside
this file installs it in each Python that a test starts.
"""

from __future__ import annotations

import os
import socket
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any

LOG = "AMLSHARE_TEST_REFUSED"
"""The variable that names the file where refused connections are noted."""

_CONNECTING = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_NAMING = {"socket.getaddrinfo", "socket.gethostbyname"}
_INTERNET = {socket.AF_INET, socket.AF_INET6}
# the last two are what a listener binds to; connecting there stays on this machine too
_LOCAL = {None, "", "localhost", "0.0.0.0", "::"}
_installed = False


class NetworkRefusedError(OSError):
    """A test tried to leave this machine."""


def install() -> None:
    """Hold this interpreter to loopback from here on; there is no way back."""
    global _installed  # noqa: PLW0603 - an audit hook belongs to the process, as this does
    if not _installed:
        sys.addaudithook(_refuse)
        _installed = True


def _refuse(event: str, args: tuple[Any, ...]) -> None:
    if event not in _CONNECTING | _NAMING:
        return
    host = args[0] if event in _NAMING else _peer(*args)
    if _is_local(host):
        return
    message = f"{event} to {host!r} refused: tests reach this machine only"
    if log := os.environ.get(LOG):
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(f"{message} ({' '.join(sys.argv)})\n")
    raise NetworkRefusedError(message)


def _peer(connection: socket.socket, address: Any) -> Any:
    """The host `connection` is about to reach; None for one that no network carries."""
    return address[0] if address and connection.family in _INTERNET else None


def _is_local(host: Any) -> bool:
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if text in _LOCAL:
        return True
    try:
        return ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False
