"""The last submit of each pipeline, beside its spec: what `plan` compares with.

``.amlshare/history/BACKEND/WORKSPACE/PIPELINE@TARGET.json`` says of each step how the last submit
had it that ran it, and how that ended; ``...sizes.json`` beside it how much lay at each source.
``history/code/SHA`` has the texts of small code files, so that a change can be named to the line.
Files are replaced whole, so that none is ever read half, and by one process at a time: of two
submits at once each is remembered of the steps that it ran.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from amlshare.backends.interface import WorkspaceName
from amlshare.diff import Description
from amlshare.files import write_whole
from amlshare.history_document import FORMAT, Begun, Document, begun, ended, load
from amlshare.lock import place
from amlshare.movement.known import Size
from amlshare.past import NO_FOLDERS, Folders, Past
from amlshare.pipeline import Data
from amlshare.plan import Plan

_SIZES = ".sizes.json"
_SHA = re.compile(r'"([0-9a-f]{64})"')
LARGEST = 256 * 1024
"""Bytes of a code file whose text is kept."""
_MOST_KEPT = 16 * 1024 * 1024


class HistoryError(Exception):
    """A history that cannot be read or written; the message says which file, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Whose submits: those of a pipeline and target by a backend, in a workspace."""

    backend: str
    pipeline: str
    target: str | None = None
    workspace: WorkspaceName | None = None

    @property
    def path(self) -> Path:
        """Where they are kept, below ``history``: readable, and another for every key."""
        name = _safe(self.pipeline) + (f"@{_safe(self.target)}" if self.target else "")
        if self.workspace is None:
            return Path(self.backend, f"{name}.json")
        where = (self.workspace.name, self.workspace.resource_group, self.workspace.subscription_id)
        return Path(self.backend, ".".join(map(_safe, where)), f"{name}.json")


_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST = 60


def _safe(name: str) -> str:
    """A name as part of a file's: one that is none, or too long, is told by its digest too.

    So is one with capitals, since there are file systems that do not tell them apart.
    """
    plain = _UNSAFE.sub("_", name)[:_LONGEST]
    if plain == name and name == name.lower():
        return name
    return f"{plain}-{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


class History:
    """The history of a state folder."""

    def __init__(self, state: Path) -> None:
        self.folder = state / "history"

    # reading

    def past(self, key: Key) -> Past | None:
        """The last submit, None where there was none. Raises HistoryError."""
        found = self._read(key)
        return None if found is None else found[1]

    def sizes(self, key: Key, data: Iterable[Data]) -> dict[str, Size]:
        """What the last runs found at each source; of ``data``, where it still lies there.

        Nothing of a history that cannot be read.
        """
        places = {each.name: place(each) for each in data}
        return {
            source: Size(bytes=size, files=files, origin="history")
            for source, (size, files, at) in self._sizes(key).items()
            if at == places.get(source)
        }

    def _sizes(self, key: Key) -> dict[str, tuple[int, int | None, str | None]]:
        """Bytes and files at each source, and of data where it lay."""
        try:
            found = json.loads((self.folder / key.path.with_suffix(_SIZES)).read_bytes())
            return {
                source: (size, files, at)
                for source, (size, files, at) in found.items()
                if isinstance(size, int) and isinstance(files, int | None)
            }
        except (OSError, TypeError, ValueError, AttributeError, RecursionError):
            return {}

    def _read(self, key: Key) -> tuple[Document, Past] | None:
        """The document of a key and what it says. Raises HistoryError."""
        path = self.folder / key.path
        try:
            found = json.loads(path.read_bytes())
            if found["format"] != FORMAT:
                raise HistoryError(f"{path} was written by another version of amlshare")
            return found, load(found)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise HistoryError(f"{path} cannot be read: {error.strerror}") from None
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise HistoryError(f"{path} is no history; the next submit writes it anew") from None

    def text(self, sha: str) -> str | None:
        """The text of a code file that was submitted, by its sha256; None where it is not kept."""
        try:
            return zlib.decompress((self.folder / "code" / sha).read_bytes()).decode("utf-8")
        except (OSError, ValueError, zlib.error):
            return None

    # writing

    def begin(
        self,
        key: Key,
        plan: Plan,
        described: Description,
        submit: Begun,
        folders: Folders = NO_FOLDERS,
    ) -> None:
        """Note that ``plan``, which ``described`` describes, was submitted. Raises HistoryError.

        ``folders`` are its code folders, where the backend takes these as a whole.
        """
        with self._alone():
            try:
                found = self._read(key)
            except HistoryError:
                found = None  # what nobody can read is written anew
            before = found[0] if found else None
            self._write(key.path, begun(before, plan, described, submit, folders))

    def end(self, key: Key, submit: str, statuses: Mapping[str, str]) -> None:
        """Note how the steps of a submit ended. Raises HistoryError."""
        with self._alone():
            if found := self._read(key):
                self._write(key.path, ended(found[0], submit, statuses))

    def measure(self, key: Key, sizes: Mapping[str, Size], data: Iterable[Data]) -> None:
        """Note what a run found at sources; those of ``data`` are known by where it lies.

        Raises HistoryError.
        """
        places = {each.name: place(each) for each in data}
        found = {
            source: (size.bytes, size.files, places.get(source)) for source, size in sizes.items()
        }
        if not found:
            return
        with self._alone():
            self._write(key.path.with_suffix(_SIZES), {**self._sizes(key), **found})

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Within it no other process writes: what it has read is what it adds to."""
        path = self.folder / ".lock"
        try:
            _hide(self.folder.parent)
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise HistoryError(f"{path} cannot be written: {error.strerror}") from None
        try:
            # where there are no such locks, as on Windows and some shares, the last one counts
            with suppress(ImportError, OSError):
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, name: Path, document: Mapping[str, Any]) -> None:
        path = self.folder / name
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text.encode("utf-8", "surrogatepass"))
        except OSError as error:
            raise HistoryError(f"{path} cannot be written: {error.strerror}") from None

    def keep(self, texts: Mapping[str, Callable[[], bytes]]) -> None:
        """Keep the texts of code files, by their sha256; what is no small text is left out."""
        room = _MOST_KEPT
        for sha, read in texts.items():
            path = self.folder / "code" / sha
            if room <= 0 or path.exists():
                continue
            try:
                data = read()
                if len(data) > LARGEST or sha256(data).hexdigest() != sha:
                    continue
                data.decode("utf-8")
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, zlib.compress(data))
            except (OSError, ValueError):
                continue  # a change of it is told without its line
            room -= len(data)

    # cleaning

    def unused(self) -> list[Path]:
        """The kept texts that no submit in the history has any more."""
        folder = self.folder / "code"
        if not folder.is_dir():
            return []
        texts = (path.read_text("utf-8", "replace") for path in self.folder.rglob("*.json"))
        used = {sha for text in texts for sha in _SHA.findall(text)}
        return sorted(path for path in folder.iterdir() if path.name not in used)


def code_files(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Folder, path and sha256 of each file that the selected steps of a plan depend on."""
    chosen = plan.fingerprints if plan.selected is None else plan.selected
    wanted = {plan.fingerprints[name].own["code"] for name in chosen}
    found = {
        (code.folder, name): sha
        for code in plan.code
        if code.digest in wanted
        for name, sha in code.files.items()
    }
    yield from ((folder, name, sha) for (folder, name), sha in found.items())


def _hide(state: Path) -> None:
    """Keep the state out of version control."""
    ignore = state / ".gitignore"
    if not ignore.exists():
        state.mkdir(parents=True, exist_ok=True)
        ignore.write_text("*\n", "utf-8")
