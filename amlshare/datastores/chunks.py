"""Bytes on this machine's disk, a chunk at a time: never a file as a whole."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from amlshare.datastores.interface import DatastoreError
from amlshare.units import show_size

CHUNK = 1 << 20  # bytes
_FULL = {errno.ENOSPC, errno.EDQUOT}


def read_chunks(file: BinaryIO) -> Iterator[memoryview]:
    """The bytes of ``file`` in turn. A chunk is good until the next one is asked for."""
    size = os.fstat(file.fileno()).st_size
    buffer = memoryview(bytearray(min(CHUNK, size + 1)))
    while count := file.readinto(buffer):  # type: ignore[attr-defined]
        yield buffer[:count]


def write_chunks(chunks: Iterable[bytes | memoryview], target: Path, size: int) -> str:
    """Write ``size`` bytes to ``target`` and return their sha256; remove it when that fails."""
    check_space(target, size)
    try:
        written, digest = _write(chunks, target)
    except BaseException as error:
        target.unlink(missing_ok=True)
        if is_full(error):
            raise disk_full(target, size) from None
        raise
    if written != size:
        target.unlink()
        raise DatastoreError(f"{written:,} of {size:,} bytes came", "run again")
    return digest


def _write(chunks: Iterable[bytes | memoryview], target: Path) -> tuple[int, str]:
    digest, written = sha256(), 0
    with target.open("wb") as file:
        for chunk in chunks:
            digest.update(chunk)
            written += file.write(chunk)
    return written, digest.hexdigest()


def check_space(target: Path, need: int) -> None:
    """Raise DatastoreError where the disk has no room for ``need`` bytes, before any is moved."""
    disk = os.statvfs(target.parent)
    if need > disk.f_bavail * disk.f_frsize:
        raise disk_full(target, need)


def is_full(error: BaseException) -> bool:
    """Whether an error means that the disk, or the user's share of it, is full."""
    return isinstance(error, OSError) and error.errno in _FULL


def disk_full(target: Path, need: int) -> DatastoreError:
    """The error for a disk that has no room for ``need`` bytes at ``target``."""
    mount = target.parent
    while not mount.is_mount():
        mount = mount.parent
    disk = os.statvfs(mount)
    free = disk.f_bavail * disk.f_frsize
    return DatastoreError(
        f"the disk at {mount} is full: {show_size(need)} are needed, {show_size(free)} are free",
        f"make room there, or have {target.parent} on a larger disk",
    )
