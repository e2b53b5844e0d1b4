"""Saved plans: kept, and submitted while they are still true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from amlshare import __version__
from amlshare.commands.planning import plan, plan_document
from amlshare.commands.request import DEFAULT_BACKEND, Request, UsageError
from amlshare.files import write_whole
from amlshare.movement import Moves
from amlshare.plan import Plan


def save(plan: Plan, moves: Moves, request: Request, path: Path) -> None:
    """Keep a plan for ``submit PLAN``, with how it was made, so that it can be seen to be stale.

    Raises UsageError where it could not be made again.
    """
    import json
    import os

    if request.spec == "-":
        raise UsageError("a plan of standard input is not saved: it could not be made again")
    if path.suffix != ".json":
        raise UsageError(f"'{path}' does not end in .json, by which `submit` knows a saved plan")
    if folder := _code_folder_with(path, plan, request):
        raise UsageError(
            f"'{path}' lies in the code folder '{folder}', and would change the code that it is "
            "a plan for; save it elsewhere"
        )
    document = plan_document(plan, moves)
    document["made_from"] = {
        "amlshare": __version__,
        "spec": Path(os.path.relpath(request.spec, path.parent)).as_posix(),
        "target": request.target,
        "parameters": list(request.parameters),
        "select": request.select,
        "exclude": request.exclude,
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise UsageError(f"cannot write '{path}': {error.strerror}") from None


def _code_folder_with(path: Path, plan: Plan, request: Request) -> str | None:
    """The code folder of the plan that a file would belong to."""
    from amlshare.snapshots import would_hold

    file = path.resolve()
    for folder in sorted({code.folder for code in plan.code}):
        root = (request.base / folder).resolve()
        if root in file.parents and would_hold(root, file.relative_to(root).as_posix()):
            return folder
    return None


def saved(request: Request) -> tuple[Plan, Request]:
    """The plan that a saved plan still is, made anew. Raises UsageError when it is stale."""
    from amlshare.diff import differences

    path = Path(request.spec)
    kept, made = _kept(path)
    if request.parameters or request.target or request.select or request.exclude:
        raise UsageError("a saved plan is submitted as it is: without -p, --target or --select")
    if request.backend not in (kept.backend, DEFAULT_BACKEND):
        raise UsageError(f"'{path}' is a plan for {kept.backend}, not for {request.backend}")
    again = replace(
        request,
        spec=str(path.parent / made["spec"]),
        backend=kept.backend,
        target=made["target"],
        parameters=tuple(made["parameters"]),
        select=made["select"],
        exclude=made["exclude"],
    )
    made_now = plan(again)
    if stale := differences(kept, made_now):
        raise UsageError(f"'{path}' is stale: {_said(stale, made['amlshare'])}; plan again")
    return made_now, again


def _kept(path: Path) -> tuple[Plan, dict[str, Any]]:
    """A saved plan, and how it was made."""
    import json

    from amlshare.plan_document import load

    try:
        document = json.loads(path.read_bytes())
        keys = ("amlshare", "spec", "target", "parameters", "select", "exclude")
        return load(document), {key: document["made_from"][key] for key in keys}
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(
            f"'{path}' is no saved plan; make one with `amlshare plan SPEC --save plan.json`"
        ) from None


def _said(stale: list[str], version: str) -> str:
    said = "; ".join(stale[:5]) + (f"; and {len(stale) - 5} more" if stale[5:] else "")
    other = (
        "" if version == __version__ else f" (amlshare {version} made it, this is {__version__})"
    )
    return said + other
