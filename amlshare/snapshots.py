"""The code folder as it is uploaded: which files belong to it, and what they hold.

The rules are the SDK's: patterns of a ``.amlignore`` at the folder's root leave files out, and
those of a ``.gitignore`` where there is no ``.amlignore``. Bytecode and version control are left
out always: they are no code.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

IGNORE_FILES = (".amlignore", ".gitignore")
_NEVER = frozenset({".git", "__pycache__", ".amlshare", ".ipynb_checkpoints"})


class Snapshots:
    """Reads code folders, each once; ``base`` is the folder that their paths are relative to."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self._files: dict[str, dict[str, Path]] = {}
        self._digests: dict[Path, str] = {}

    def files(self, folder: str) -> dict[str, Path]:
        """The files of a code folder by posix path, sorted; empty when there is no such folder."""
        if folder not in self._files:
            root = self.base / folder
            self._files[folder] = dict(sorted(_walk(root, ignored(root))))
        return self._files[folder]

    def digest(self, path: Path) -> str:
        """The sha256 of a file, as hex."""
        if path not in self._digests:
            found = sha256()
            with path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    found.update(chunk)
            self._digests[path] = found.hexdigest()
        return self._digests[path]


def _walk(root: Path, is_ignored: Callable[[str], bool]) -> Iterator[tuple[str, Path]]:
    for folder, folders, names in os.walk(root):
        prefix = Path(folder).relative_to(root).as_posix()
        prefix = "" if prefix == "." else prefix + "/"
        folders[:] = [
            name for name in folders if name not in _NEVER and not is_ignored(f"{prefix}{name}/")
        ]
        for name in names:
            path = Path(folder, name)
            if name not in _NEVER and not is_ignored(prefix + name) and path.is_file():
                yield prefix + name, path


def ignore_file(root: Path) -> Path | None:
    """The file whose patterns count for a code folder."""
    return next((root / name for name in IGNORE_FILES if (root / name).is_file()), None)


def ignored(root: Path) -> Callable[[str], bool]:
    """Whether a posix path in the folder is left out of the snapshot."""
    file = ignore_file(root)
    if file is None:
        return lambda path: False
    from pathspec import PathSpec

    lines = file.read_text("utf-8", errors="replace").splitlines()
    return PathSpec.from_lines("gitwildmatch", lines).match_file
