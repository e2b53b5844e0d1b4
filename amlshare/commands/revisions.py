"""A spec as it was at a revision of git, with all the files that it names."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from amlshare.commands.request import UsageError


@contextmanager
def at_revision(spec: Path, revision: str) -> Iterator[Path]:
    """The path of ``spec`` in a folder that has all of its repository as it was; gone at the end.

    The repository is not touched. Raises UsageError with what git says.
    """
    folder = spec.absolute().parent
    commit = _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    within = _git(folder, "rev-parse", "--show-prefix") + spec.name
    top = Path(_git(folder, "rev-parse", "--show-toplevel"))
    if not _git(top, "ls-tree", "--name-only", "--full-tree", commit, "--", within):
        raise UsageError(f"there is no '{within}' at revision '{revision}'")
    with TemporaryDirectory(prefix="amlshare-") as made:
        # what a checkout would give, ignore-attributes of an archive and all else apart
        index = {"GIT_INDEX_FILE": str(Path(made, "index")), "GIT_LFS_SKIP_SMUDGE": "1"}
        _git(top, "read-tree", commit, env=index)
        tree = Path(made, "tree")
        _git(top, "checkout-index", "--all", "--quiet", f"--prefix={tree}/", env=index)
        yield tree / within


def is_revision(folder: Path, name: str) -> bool:
    """Whether git knows a commit by that name."""
    try:
        return bool(_git(folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"))
    except UsageError:
        return False


def _git(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            env={**os.environ, "LC_ALL": "C", **(env or {})},
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError:
        raise UsageError("git is not installed, or not on PATH") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it does not know it"]
        raise UsageError(f"git: {said[0].removeprefix('fatal: ')}")
    return done.stdout.strip()
