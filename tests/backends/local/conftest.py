"""A project in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from backends.local.plans import Project

from amlshare.backends.local.fuse import can_fuse


@pytest.fixture
def fuse() -> None:
    """A machine that mounts remote files lazily; elsewhere the test is skipped."""
    works, reason = can_fuse()
    if not works:
        pytest.skip(reason)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    return Project(tmp_path / "project with spaces é")
