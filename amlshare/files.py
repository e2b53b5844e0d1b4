"""Files that are written whole, or not at all: whoever reads one meanwhile has it as it was."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Have ``data`` in a file, in place of what is there; through a link, in the file behind it.

    Raises OSError, and what was there stays as it was.
    """
    file = Path(os.path.realpath(path))
    part = file.with_name(f".{file.name[:40]}.{os.urandom(4).hex()}")
    try:
        part.write_bytes(data)
        with suppress(FileNotFoundError):
            part.chmod(file.stat().st_mode & 0o7777)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
