"""The code folder as it is uploaded: which files belong to it, and what they hold.

The rules are the SDK's: patterns of a ``.amlignore`` at the folder's root leave files out, and
those of a ``.gitignore`` where there is no ``.amlignore``; links are followed. Bytecode and version
control are left out always: they are no code.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from amlshare.units import show_size

MOST_BYTES = 300 * 2**20
"""Bytes in a snapshot that SDK v1 takes at most."""
MOST_FILES = 2000
IGNORE_FILES = (".amlignore", ".gitignore")
_NEVER = frozenset({".git", "__pycache__", ".amlshare", ".ipynb_checkpoints"})
# what amlshare keeps beside a spec: it says how data is, and is no code of the spec's folder
BESIDE_A_SPEC = (".lock.yaml", ".rates.yaml")


class SnapshotError(Exception):
    """A code folder that cannot be read whole; the message says which file, and why."""


class Snapshots:
    """Reads code folders, each once; ``base`` is the folder that their paths are relative to.

    ``problems`` says of each folder that was asked for and could not be read whole why that is.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        self.problems: dict[str, str] = {}
        self._files: dict[str, dict[str, Path]] = {}
        self._sizes: dict[str, dict[str, int]] = {}
        self._digests: dict[Path, str] = {}
        self._contents: dict[Path, bytes] = {}

    def files(self, folder: str) -> dict[str, Path]:
        """The files of a code folder by posix path, sorted; empty when there is no such folder.

        Where it cannot be read whole, ``problems`` has it, and these are the files found so far.
        """
        if folder not in self._files:
            root = self.base / folder
            found: list[tuple[str, Path, int]] = []
            try:
                # keeps what was found before an error
                found.extend(_walk(root) if root.is_dir() else ())
            except SnapshotError as error:
                self.problems[folder] = str(error)
            except OSError as error:
                self.problems[folder] = _said(error)
            found.sort()
            self._files[folder] = {name: path for name, path, _ in found}
            self._sizes[folder] = {name: size for name, _, size in found}
        return self._files[folder]

    def sizes(self, folder: str) -> dict[str, int]:
        """The bytes of each of these files."""
        self.files(folder)
        return self._sizes[folder]

    def content(self, path: Path) -> bytes:
        """What a file holds, which is then kept, and not read again for its digest. OSError."""
        if path not in self._contents:
            self._contents[path] = path.read_bytes()
        return self._contents[path]

    def digest(self, path: Path) -> str:
        """The sha256 of a file, as hex. Raises SnapshotError where it cannot be read."""
        if path not in self._digests:
            known = self._contents.get(path)
            try:
                self._digests[path] = _sha256(path) if known is None else sha256(known).hexdigest()
            except OSError as error:
                raise SnapshotError(_said(error)) from None
        return self._digests[path]


def _said(error: OSError) -> str:
    return f"{error.filename} cannot be read: {error.strerror}"


def _sha256(path: Path) -> str:
    found = sha256()
    with path.open("rb") as file:
        try:
            while chunk := file.read(1 << 20):
                found.update(chunk)
        except OSError as error:
            error.filename = path
            raise
    return found.hexdigest()


def _walk(root: Path) -> Iterator[tuple[str, Path, int]]:
    patterns = _Patterns(root)
    stat = root.stat()
    yield from _walk_in(root, "", frozenset({(stat.st_dev, stat.st_ino)}), patterns)


def _walk_in(
    folder: str | Path, prefix: str, above: frozenset[tuple[int, int]], patterns: _Patterns
) -> Iterator[tuple[str, Path, int]]:
    """The files below ``folder`` with their sizes. A link to one of the folders ``above`` it is not
    followed.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            if entry.name in _NEVER or patterns.match(name):
                continue
            stat = _stat(entry)
            if stat is not None and S_ISREG(stat.st_mode):
                if entry.name.endswith(BESIDE_A_SPEC) and _is_ours(entry.path):
                    continue
                yield _utf8(name), Path(entry.path), stat.st_size
            elif stat is not None and S_ISDIR(stat.st_mode) and not patterns.match_whole(name):
                here = (stat.st_dev, stat.st_ino)
                if here not in above:
                    yield from _walk_in(entry.path, f"{name}/", above | {here}, patterns)


def _is_ours(path: str) -> bool:
    """Whether a file is a lock or has rates: its first line says who wrote it, also where the rest
    is broken, or its key says so, also where people wrote it.
    """
    text = Path(path).read_bytes()
    if b"`amlshare " in text.partition(b"\n")[0]:
        return True
    from amlshare.document import parse

    data = parse(text, path).data
    return any(type(data.get(key)) is int for key in ("lock", "rates"))


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    """That of the file behind a link; None for a link that leads nowhere."""
    try:
        return entry.stat()
    except OSError:
        if entry.is_symlink():
            return None
        raise


def _utf8(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(name)
        raise SnapshotError(f"the name of a file is not UTF-8: {shown!r}; rename it") from None
    return name


def ignore_file(root: Path) -> Path | None:
    """The file whose patterns count for a code folder."""
    return next((root / name for name in IGNORE_FILES if (root / name).is_file()), None)


def would_hold(root: Path, path: str) -> bool:
    """Whether a file at a posix path in a code folder would belong to its snapshot."""
    parts = path.split("/")
    patterns = _Patterns(root)
    above = ("/".join(parts[:length]) for length in range(1, len(parts) + 1))
    return _NEVER.isdisjoint(parts) and not any(map(patterns.match, above))


# What is too much


def excess(
    sizes: Mapping[str, int], added: int | None = None, *, part: float = 1
) -> tuple[str, str, str] | None:
    """How a snapshot is more than ``part`` of what SDK v1 takes; None for one that is not.

    That is what it has, what there may be at most, and where most of it lies: "420 MB",
    "314.6 MB (300 MiB)", "largest files: model.bin (400 MB)". ``sizes`` are those of its files, and
    ``added`` is that of one that comes beside them.
    """
    size, number = sum(sizes.values(), added or 0), len(sizes) + (added is not None)
    if size > part * MOST_BYTES:
        return *_sizes(size), f"largest files: {_largest(sizes)}"
    if number > part * MOST_FILES:
        return f"{number:,} files", f"{MOST_FILES:,}", f"most of them lie in {_fullest(sizes)}"
    return None


def _sizes(size: int) -> tuple[str, str]:
    """A size and the limit, so that one can be seen to be more than the other."""
    if 0 < size - MOST_BYTES < 10**6:
        return f"{size:,} bytes", f"{MOST_BYTES:,} (300 MiB)"
    return show_size(size), "314.6 MB (300 MiB)"


def _largest(sizes: Mapping[str, int]) -> str:
    first, *rest = sorted(sizes, key=lambda name: (-sizes[name], name))[:5]
    names = [first, *(name for name in rest if sizes[name] * 100 > sizes[first])]
    return ", ".join(f"{name} ({show_size(sizes[name])})" for name in names)


def _fullest(names: Iterable[str]) -> str:
    """The folders with the most files, each as deep as more than half of its files lie."""
    held: Counter[str] = Counter()
    for name in names:
        parts = name.split("/")[:-1]
        held.update("/".join(parts[:length]) for length in range(1, len(parts) + 1))
        held["."] += not parts
    tops = [folder for folder in held if "/" not in folder]
    found = {_deepest(folder, held): held[folder] for folder in tops}
    folders = sorted(found, key=lambda folder: (-held[folder], folder))[:5]
    said = {".": "the folder itself"}
    return ", ".join(f"{said.get(each, each)} ({held[each]:,})" for each in folders if held[each])


def _deepest(folder: str, held: Mapping[str, int]) -> str:
    while True:
        below = [each for each in held if each.rpartition("/")[0] == folder]
        most = max(below, key=lambda each: held[each], default=folder)
        if most == folder or 2 * held[most] <= held[folder]:
            return folder
        folder = most


class _Patterns:
    """The patterns of a code folder's ignore file. Raises SnapshotError for one that is none."""

    def __init__(self, root: Path) -> None:
        self.match: Callable[[str], bool] = _nothing
        """Whether a posix path in the folder is left out."""
        self._some_kept = False
        file = ignore_file(root)
        if file is not None:
            lines = file.read_text("utf-8-sig", errors="replace").splitlines()
            self._some_kept = any(line.startswith("!") for line in lines)
            self.match = _matcher(file, lines)

    def match_whole(self, folder: str) -> bool:
        """Whether everything in a folder is left out: no later pattern takes some of it back."""
        return not self._some_kept and self.match(f"{folder}/")


def _nothing(_path: str) -> bool:
    return False


def _matcher(file: Path, lines: list[str]) -> Callable[[str], bool]:
    from pathspec import PathSpec

    with warnings.catch_warnings():
        # pathspec 1.0 has a new name for these patterns; azureml-core holds it below 1.0
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return PathSpec.from_lines("gitwildmatch", lines).match_file
        except ValueError as error:
            raise SnapshotError(f"{file} has a line that is no pattern: {error}") from None
