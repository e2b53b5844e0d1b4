"""What a step finds at its inputs: a view, a copy, or a location to open for itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from amlshare.backends.local.sources import Source, files_of
from amlshare.pipeline import Input


class InputError(Exception):
    """An input cannot be given, or was changed by the step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An input as a step gets it: ``value`` stands for it in arguments.

    ``how`` is bind, link, copy, fuse or direct; ``check`` raises InputError where the step has
    changed it; ``opens`` says that the step opens a remote location for itself.
    """

    value: str
    how: str
    moved_bytes: Callable[[], int] = lambda: 0
    check: Callable[[], None] = lambda: None
    opens: bool = False


class Inputs:
    """Gives inputs to steps."""

    @contextmanager
    def provide(self, given: Input, source: Source, folder: Path) -> Iterator[Given]:
        """The input as its mode says, below ``folder``, as long as the context is open."""
        if given.mode == "direct":
            remote = source.datastore.folder is None
            yield Given(value=source.datastore.uri(source.location), how="direct", opens=remote)
            return
        target = folder / given.name
        target.mkdir(parents=True)
        files = files_of(source)
        for name, entry in files.items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            if given.mode == "mount":
                (target / name).symlink_to(source.datastore.folder / entry.path)
            else:
                shutil.copy2(source.datastore.folder / entry.path, target / name)
        value = target / next(iter(files)) if source.is_file else target
        yield Given(value=str(value), how="link")
