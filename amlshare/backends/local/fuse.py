"""A remote datastore as a folder: bytes move when a step reads them, and only those.

A process of our own serves the folder, read-only (`fuse_server`). What it shows is what was listed:
a file that has changed since cannot be read. It ends, and the folder with it, when the run closes
the view or dies.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ctypes.util import find_library
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import amlshare
from amlshare.backends.local import meter
from amlshare.backends.local.isolation import granting_mounts, isolate, unbind
from amlshare.backends.local.view import Transfer, View
from amlshare.datastores import Datastore, DatastoreError, Entry, is_file, lay_out

_PATIENCE = 10  # seconds for the process to end by itself
READY = b"ready\n"


@cache
def can_fuse() -> tuple[bool, str]:
    """Whether this machine can mount remote files lazily, and why not."""
    device = Path("/dev/fuse")
    if os.environ.get("AMLSHARE_FUSE") == "none":
        return False, "AMLSHARE_FUSE=none"
    if not device.exists():
        return False, "there is no /dev/fuse"
    if not os.access(device, os.R_OK | os.W_OK):
        return False, "/dev/fuse is not open to this user"
    if find_spec("fuse") is None:
        return False, "fusepy is not installed: pip install 'amlshare[blob]'"
    if not os.environ.get("FUSE_LIBRARY_PATH") and find_library("fuse") is None:
        return False, "libfuse 2 is not installed: apt install libfuse2"
    if os.geteuid() != 0 and not isolate().bind and which("fusermount") is None:
        return False, "fusermount is not installed: apt install fuse"
    return True, ""


class FuseView(View):
    """A view that moves bytes while it is read."""

    def __init__(self, path: Path, target: Path, server: _Server) -> None:
        super().__init__(path, "fuse")
        self._target = target
        self._server = server

    @property
    def transfer(self) -> Transfer:
        return self._server.transfer

    @property
    def trouble(self) -> str:
        """Why files could not be read, if any; the step has seen no more than an I/O error."""
        return self._server.said

    def close(self) -> None:
        if self._server.stop() != 0:
            unmount(self._target)


class _Server:
    """The process that serves a folder."""

    def __init__(self) -> None:
        # these files have no name: nothing of them is left, however this ends
        self._count = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `stop`
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._last = (Transfer(), "")
        with granting_mounts():
            self._process = subprocess.Popen(
                [sys.executable, "-m", "amlshare.backends.local.fuse_server", self._descriptor],
                env=os.environ | {"PYTHONPATH": _path_to_package()},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                pass_fds=[self._count.fileno()],
                start_new_session=True,  # Ctrl-C is for the run to handle
            )

    @property
    def _descriptor(self) -> str:
        return str(self._count.fileno())

    def serve(self, datastore: Datastore, files: Mapping[str, Entry], target: Path) -> bool:
        """Whether the folder is there, with all of its files."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            pickle.dump((datastore, dict(files), target), self._process.stdin)
            self._process.stdin.flush()
        return self._process.stdout.readline() == READY

    @property
    def transfer(self) -> Transfer:
        """What was read from the datastore until now."""
        return self._last[0] if self._count.closed else meter.read(self._count.fileno())

    @property
    def said(self) -> str:
        """What the process has written to standard error, each line once."""
        if self._errors.closed:
            return self._last[1]
        size = os.fstat(self._errors.fileno()).st_size
        text = os.pread(self._errors.fileno(), size, 0).decode(errors="replace")
        return "\n".join(dict.fromkeys(text.splitlines()))

    def stop(self) -> int:
        """End the process; 0 where it has cleaned up after itself."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        try:
            code = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._last = (self.transfer, self.said)
        self._count.close()
        self._errors.close()
        return code


def _path_to_package() -> str:
    """Where another Python finds this package, installed or not."""
    package = str(Path(amlshare.__file__).parents[1])
    return os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))


def fuse_view(
    datastore: Datastore, location: str, entries: Sequence[Entry], target: Path
) -> FuseView:
    """Show the files of a datastore that lies elsewhere at ``target``, which is not there yet.

    ``entries`` is what the datastore listed at ``location``. Call it where `can_fuse`.
    """
    files = lay_out(location, entries)
    target.mkdir(parents=True)
    server = _Server()
    if not server.serve(datastore, files, target):
        server.stop()
        said = server.said.rpartition("\n")[2]
        raise DatastoreError(f"{datastore.url} cannot be mounted: {said}", "use `mode: download`")
    path = target / next(iter(files)) if is_file(location, entries) else target
    return FuseView(path, target, server)


def unmount(target: Path) -> None:
    """Take a folder that was served off the disk, whoever has it open."""
    try:
        unbind(target)
    except PermissionError:  # mounted by fusermount, which is root
        subprocess.run(["fusermount", "-u", "-z", target], check=False, stderr=subprocess.DEVNULL)
