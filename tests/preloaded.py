"""The real `amlshare` in a fork of a process that has imported all of it, and the SDK, already.

    with preloaded.server() as run:
        done = run("submit", "tiny.yaml", cwd=tmp_path, env=workspace.environment)

It does what the command does in a process of its own, but for the second that imports take; it may
be called from several threads. Run as a program, this file is that process.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODULES = """
    amlshare.cli amlshare.commands amlshare.plan_document amlshare.workspaces
    amlshare.backends.azureml.limits amlshare.backends.azureml.submission
    amlshare.render.logs amlshare.render.outcome amlshare.render.progress
    azureml.core azureml.core.compute azureml.core.authentication azureml.core.runconfig
    azureml.data azureml.data.azure_storage_datastore azureml.data.datapath
    azureml.data.output_dataset_config azureml.pipeline.core azureml.pipeline.core.schedule
    azureml.pipeline.core._aeva_provider azureml._vendor.azure_cli_core.util
    azureml._vendor.azure_cli_core.auth.identity msal msal_extensions
"""
_LONGEST = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    stdout: str
    stderr: str
    exit_code: int


@contextlib.contextmanager
def server(environment: Mapping[str, str]) -> Iterator[Callable[..., Completed]]:
    """Start the process, in ``environment``; ends it, and what still runs of it, with the block."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        address = listener.getsockname()
        number = listener.fileno()
        process = subprocess.Popen(
            [sys.executable, __file__, str(number)],
            pass_fds=[number],
            env=dict(environment),
            start_new_session=True,
        )

    def run(*words: str, cwd: Path, env: Mapping[str, str]) -> Completed:
        return _asked(address, words, str(cwd), {**environment, **env})

    try:
        yield run
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _asked(
    address: tuple[str, int], words: tuple[str, ...], cwd: str, env: Mapping[str, str]
) -> Completed:
    with (
        tempfile.TemporaryDirectory(prefix="preloaded-") as folder,
        socket.create_connection(address, timeout=_LONGEST) as line,
    ):
        asked = {"words": words, "cwd": cwd, "env": dict(env), "folder": folder}
        line.sendall(json.dumps(asked).encode())
        line.shutdown(socket.SHUT_WR)
        code = int(_all(line))
        said = [Path(folder, name).read_text(encoding="utf-8") for name in ("stdout", "stderr")]
    return Completed(stdout=said[0], stderr=said[1], exit_code=code)


def _all(line: socket.socket) -> bytes:
    return b"".join(iter(lambda: line.recv(65536), b""))


# The process


def _serve(listener: socket.socket) -> None:
    """For each connection a child that waits, and its child, which becomes the command.

    Only that one returns from here.
    """
    import importlib

    from amlshare.backends.azureml import sdk

    sdk.prepare()
    for name in MODULES.split():
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        line, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _handle(line)
        line.close()


def _handle(line: socket.socket) -> None:
    asked = json.loads(_all(line))
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        line.sendall(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    line.close()
    _become(asked)


def _become(asked: Mapping[str, Any]) -> None:
    from azureml._base_sdk_common.service_discovery import CachedServiceDiscovery

    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    sys.argv = ["amlshare", *asked["words"]]
    # the SDK reads this one when it is imported, and all others shared what it keeps there
    cache = Path(asked["env"]["HOME"], ".azureml", ".discovery")
    CachedServiceDiscovery.__init__.__defaults__ = (str(cache),)
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(Path(asked["folder"], name), os.O_WRONLY | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    from amlshare.cli import main

    main()
