"""A project in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from backends.local.plans import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    return Project(tmp_path / "project with spaces é")
