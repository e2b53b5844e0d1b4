"""A mount namespace of the run's own, in which inputs are bound read-only where steps see them.

Nothing of it is visible outside, and nothing of it outlives the run's processes. As root it takes
nothing; anyone else gets a user namespace with the same user and group, in which programs that
become root (sudo, ping) do not work. ``AMLSHARE_ISOLATION=none`` switches it off.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import gettempdir

_CLONE_NEWNS, _CLONE_NEWUSER = 0x20000, 0x10000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8  # the same bits as in statvfs
_MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1 << 5, 1 << 12, 1 << 14, 1 << 18
_MNT_DETACH, _UMOUNT_NOFOLLOW = 2, 8
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
_CAP_SYS_ADMIN, _CAP_VERSION, _PR_CAP_AMBIENT = 21, 0x20080522, 47

_SWITCHED_OFF = "AMLSHARE_ISOLATION=none"

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """Whether folders and files can be bound read-only; ``reason`` says why not."""

    bind: bool
    reason: str = ""

    def notes(self) -> list[str]:
        """What a person should know of it, unless it is as they asked."""
        if self.bind or self.reason == _SWITCHED_OFF:
            return []
        note = (
            f"inputs cannot be bound read-only here ({self.reason}): a step that changes one "
            f"fails, but the change stays; {_SWITCHED_OFF} accepts that without this note"
        )
        return [note]


@cache
def isolate() -> Isolation:
    """Move this process, and all it starts from here on, to a mount namespace of its own.

    Call it in the main thread before any other thread starts. Never raises.
    """
    if os.environ.get("AMLSHARE_ISOLATION") == "none":
        return Isolation(bind=False, reason=_SWITCHED_OFF)
    if sys.platform != "linux":
        return Isolation(bind=False, reason="only Linux has mount namespaces")
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 - a count is all that is wanted
        return Isolation(bind=False, reason="other threads were running already")
    failed = 0
    for flags in (_CLONE_NEWNS, _CLONE_NEWNS | _CLONE_NEWUSER):
        # a namespace cannot be left: whether it serves is tried in a child
        failed = _try_in_child(flags)
        if not failed:
            _enter(flags)
            return Isolation(bind=True)
    return Isolation(bind=False, reason=f"no mount namespace: {os.strerror(failed)}")


def _try_in_child(flags: int) -> int:
    """0 where entering such a namespace and binding in it works, else an errno."""
    child = os.fork()
    if child == 0:
        try:
            _enter(flags)
            folder = Path(gettempdir())
            bind(folder, folder)
            read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
            os._exit(0 if read_only else errno.EPERM)
        except OSError as error:
            os._exit(error.errno or errno.EPERM)
        finally:
            os._exit(errno.EPERM)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _enter(flags: int) -> None:
    user, group = os.geteuid(), os.getegid()
    _check(_libc.unshare(flags), Path("/proc/self/ns"))
    if flags & _CLONE_NEWUSER:
        Path("/proc/self/setgroups").write_bytes(b"deny")
        Path("/proc/self/uid_map").write_bytes(b"%d %d 1" % (user, user))
        Path("/proc/self/gid_map").write_bytes(b"%d %d 1" % (group, group))
    _mount(None, Path("/"), _MS_REC | _MS_PRIVATE)


def bind(source: Path, target: Path) -> None:
    """Show ``source``, a folder or a file, read-only at ``target``, which is made. OSError."""
    bind_writable(source, target)
    try:
        make_read_only(target)
    except OSError:
        unbind(target)
        raise


def bind_writable(source: Path, target: Path) -> None:
    """The first half of `bind`, for many files that `make_read_only` then takes together."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    # what is mounted below the source belongs to it; in a user namespace it may not be left out
    _mount(source, target, _MS_BIND | _MS_REC)


def unbind(target: Path) -> None:
    """Take away what is bound at ``target``, and all below it. That nothing is, is no error."""
    result = _libc.umount2(os.fsencode(target), _MNT_DETACH | _UMOUNT_NOFOLLOW)
    if ctypes.get_errno() != errno.EINVAL:
        _check(result, target)


class _Attributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


_READ_ONLY = _Attributes(1, 0, 0, 0)


def make_read_only(target: Path) -> None:
    """Nobody can write through the mount at ``target`` and those below it."""
    path, size = os.fsencode(target), ctypes.sizeof(_READ_ONLY)
    if _libc.syscall(
        _MOUNT_SETATTR, _AT_FDCWD, path, _AT_RECURSIVE, ctypes.byref(_READ_ONLY), size
    ):
        # before Linux 5.12, or forbidden where the older way is not
        for mount in _find_mounts(target):
            _remount_read_only(mount)


def _remount_read_only(mount: Path) -> None:
    # in a user namespace the flags that a mount came with must be given again
    kept = os.statvfs(mount).f_flag & (_MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    _mount(None, mount, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | kept)


def _find_mounts(target: Path) -> list[Path]:
    """The mount at ``target`` and those below it."""
    lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    points = (re.sub(rb"\\(\d{3})", _unescape, line.split()[4]) for line in lines)
    mounts = {Path(os.fsdecode(point)) for point in points}
    return [each for each in mounts if each.is_relative_to(os.path.realpath(target))]


def _unescape(octal: re.Match[bytes]) -> bytes:
    return bytes([int(octal[1], 8)])


def _mount(source: Path | None, target: Path, flags: int) -> None:
    name = None if source is None else os.fsencode(source)
    result = _libc.mount(name, os.fsencode(target), None, ctypes.c_ulong(flags), None)
    _check(result, *filter(None, (source, target)))


def _check(result: int, what: Path, to: Path | None = None) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(what), None, to and str(to))


# --- the right to mount, for a program of ours ------------------------------------------------


class _CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapSets(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32 * 3) for name in ("low", "high")]


@contextmanager
def granting_mounts() -> Iterator[None]:
    """Programs that this thread starts meanwhile may mount, as this process may.

    In a user namespace a program loses that right when it starts, unless it is passed on. Steps
    are started without it: they cannot take away what keeps them from writing.
    """
    header = _CapHeader(_CAP_VERSION, 0)
    sets = _CapSets()
    _libc.capget(ctypes.byref(header), ctypes.byref(sets))
    mine = 1 << _CAP_SYS_ADMIN
    if os.geteuid() == 0 or not sets.low[1] & mine:
        yield
        return
    sets.low[2] |= mine
    _libc.capset(ctypes.byref(header), ctypes.byref(sets))
    _libc.prctl(_PR_CAP_AMBIENT, 2, _CAP_SYS_ADMIN, 0, 0)
    try:
        yield
    finally:
        _libc.prctl(_PR_CAP_AMBIENT, 3, _CAP_SYS_ADMIN, 0, 0)
        sets.low[2] &= ~mine
        _libc.capset(ctypes.byref(header), ctypes.byref(sets))
