"""The installed SDK's own swagger models, read as a schema of what the pipelines service takes.

msrest reads a body leniently; the service does not, and neither does this: a key that no model
has, or a value of another type, is refused. Keys count exactly as they are written.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = "standin_aeva"
PLAIN: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "long": int,
    "float": (int, float),
    "bool": bool,
    "object": object,
}


@cache
def folder() -> Path | None:
    """Where the SDK keeps its client of the pipelines service; None where there is no SDK."""
    try:
        found = files("azureml-pipeline-core") or []
    except PackageNotFoundError:
        return None
    paths = [path for path in found if path.as_posix().endswith("_restclients/aeva/__init__.py")]
    return Path(str(paths[0].locate())).parent if paths else None


@cache
def _models() -> ModuleType | None:
    """The models without the rest of the SDK, whose import takes seconds and starts threads."""
    here = folder()
    if here is None:
        return None
    location = here / "models/__init__.py"
    spec = importlib.util.spec_from_file_location(
        PACKAGE, location, submodule_search_locations=[str(location.parent)]
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)
    return module


@cache
def client_routes() -> dict[tuple[str, str], tuple[str | None, str | None]]:
    """(method, url) -> the types of body and reply, as the SDK's generated client has them."""
    here = folder()
    if here is None:
        return {}
    source = (here / "aml_pipelines_api10.py").read_text(encoding="utf-8")
    return dict(_routes(source))


def _routes(source: str) -> Iterator[tuple[tuple[str, str], tuple[str | None, str | None]]]:
    for function in re.split(r"\n    def ", source)[1:]:
        url = re.search(r"metadata = \{'url': '([^']+)'\}", function)
        verb = re.search(r"request = self\._client\.(\w+)\(", function)
        if url and verb:
            body = re.search(r"_serialize\.body\(\w+, '([^']+)'", function)
            reply = re.search(r"deserialized = self\._deserialize\('([^']+)'", function)
            yield (verb[1].upper(), url[1]), (body and body[1], reply and reply[1])


def problems(value: Any, kind: str, where: str) -> Iterator[str]:
    """Say what in ``value`` is not what ``kind`` ("str", "[GraphEdge]", "{str}") says."""
    if value is None:
        return
    if kind.startswith("["):
        yield from _list_problems(value, kind[1:-1], where)
    elif kind.startswith("{"):
        yield from _mapping_problems(value, kind[1:-1], where)
    elif kind in PLAIN:
        if not isinstance(value, PLAIN[kind]) or (kind in {"int", "long"} and value is True):
            yield f"Error converting value {value!r} to type '{kind}'. Path '{where}'."
    elif kind == "iso-8601":
        yield from _time_problems(value, where)
    else:
        yield from _model_problems(value, kind, where)


def _list_problems(value: Any, kind: str, where: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"Cannot deserialize {value!r} as a list. Path '{where}'."
        return
    for number, item in enumerate(value):
        yield from problems(item, kind, f"{where}[{number}]")


def _mapping_problems(value: Any, kind: str, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"Cannot deserialize {value!r} as a dictionary. Path '{where}'."
        return
    for key, item in value.items():
        yield from problems(item, kind, f"{where}.{key}")


def _time_problems(value: Any, where: str) -> Iterator[str]:
    try:
        datetime.fromisoformat(str(value)[:19])
    except ValueError:
        yield f"Could not convert {value!r} to a date. Path '{where}'."


def _model_problems(value: Any, kind: str, where: str) -> Iterator[str]:
    fields = _fields(kind)
    if fields is None:
        return
    if not isinstance(value, dict):
        yield f"Cannot deserialize {value!r} as {kind}. Path '{where}'."
        return
    for key, item in value.items():
        if key in fields:
            yield from problems(item, fields[key], f"{where}.{key}")
        else:
            yield f"Could not find member '{key}' on object of type '{kind}'. Path '{where}'."


@cache
def _fields(kind: str) -> dict[str, str] | None:
    """Key -> type, of a model; None where the client names a model that the SDK does not have."""
    model = getattr(_models(), kind, None)
    if model is None:
        return None
    return {field["key"]: field["type"] for field in model._attribute_map.values()}
