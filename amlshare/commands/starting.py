"""Starting a project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from amlshare.commands.request import UsageError


def schema() -> dict[str, Any]:
    """The JSON Schema of the language."""
    from amlshare.spec import json_schema

    return json_schema()


def init(folder: Path) -> list[Path]:
    """Write a small working project with each kind of edge; returns its files.

    Raises UsageError when something is in the way.
    """
    import json

    template = Path(__file__).parent.parent / "templates" / "init"
    sources = [path for path in sorted(template.rglob("*")) if path.is_file()]
    files = {
        folder / path.relative_to(template): path.read_bytes()
        for path in sources
        if "__pycache__" not in path.parts
    }
    files[folder / "amlshare.schema.json"] = json.dumps(schema(), indent=1).encode() + b"\n"
    if taken := [str(path) for path in sorted(files) if path.exists()]:
        raise UsageError(f"already there: {', '.join(taken)}; choose another folder")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from None
    return sorted(files)
