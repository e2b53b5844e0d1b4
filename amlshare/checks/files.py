"""Rules about the files beside the spec: code folders, scripts, environment files, uploads."""

from __future__ import annotations


from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from amlshare.diagnostics import Finding, Route, closest
from amlshare.snapshots import Snapshots, ignore_file
from amlshare.spec import Spec, Step


def code_folders(spec: Spec, snapshots: Snapshots) -> Iterator[Finding]:
    """missing-code, code-not-found: a script needs the folder that it is uploaded with."""
    checked: set[str] = set()
    for name, step in spec.steps.items():
        code, route = code_of(spec, name, step)
        needs = step.script is not None or step.parallel is not None
        if code is None:
            if needs:
                yield Finding(
                    code="missing-code",
                    message=f"step '{name}' has a script and no code folder",
                    route=("steps", name, "code"),
                    on="key",
                    label="nothing says which folder is uploaded",
                    help="add `code: FOLDER` to the step or to `defaults:`",
                )
        elif code not in checked:
            checked.add(code)
            if not (snapshots.base / code).is_dir():
                yield Finding(
                    code="code-not-found",
                    message=f"there is no code folder '{code}'",
                    route=route,
                    label="no such folder",
                    help="the path is relative to the file it stands in",
                )


def code_of(spec: Spec, name: str, step: Step) -> tuple[str | None, Route]:
    """The code folder of a step, None for none, and where the spec says so."""
    if step.code is not None:
        return (None if step.code == "none" else step.code), ("steps", name, "code")
    default = spec.defaults.code
    return (None if default == "none" else default), ("defaults", "code")


def scripts_found(spec: Spec, snapshots: Snapshots) -> Iterator[Finding]:
    """script-outside, script-not-found, script-ignored."""
    for name, step in spec.steps.items():
        code, _ = code_of(spec, name, step)
        if step.parallel is not None:
            script, route = step.parallel.script, ("steps", name, "parallel", "script")
        elif step.script is not None:
            script, route = step.script, ("steps", name, "script")
        else:
            continue
        if code is not None:
            yield from _script_found(script, code, route, snapshots)


def _script_found(script: str, code: str, route: Route, snapshots: Snapshots) -> Iterator[Finding]:
    path = PurePosixPath(script)
    if path.is_absolute() or ".." in path.parts or "\\" in script:
        yield Finding(
            code="script-outside",
            message=f"script '{script}' is outside its code folder",
            route=route,
            label=f"expected a path in '{code}'",
            help="only the code folder is uploaded: move the script there, or change `code:`",
        )
        return
    files = snapshots.files(code)
    if path.as_posix() in files:
        return
    root = snapshots.base / code
    if (root / script).is_file():
        ignore = ignore_file(root)
        yield Finding(
            code="script-ignored",
            message=f"script '{script}' is not uploaded",
            route=route,
            label=f"left out by {ignore.name if ignore else 'a rule'}",
            help=f"take it out of {ignore.name if ignore else 'the ignore file'} in '{code}'",
        )
    elif root.is_dir():
        similar = closest(script, files)
        yield Finding(
            code="script-not-found",
            message=f"there is no script '{script}' in '{code}'",
            route=route,
            label=f"did you mean '{similar}'?" if similar else "no such file",
            help=None if similar else _python_files(files),
        )


def _python_files(files: Mapping[str, Path]) -> str:
    names = [name for name in files if name.endswith(".py")]
    return f"scripts there: {', '.join(names[:10])}" if names else "no script is there yet"


def other_files(spec: Spec, snapshots: Snapshots) -> Iterator[Finding]:
    """file-not-found: the files of environments, and what `upload:` names."""
    for route, file, what in _files(spec):
        path = snapshots.base / file
        if not (path.exists() if what == "upload" else path.is_file()):
            yield Finding(
                code="file-not-found",
                message=f"there is no file '{file}'",
                route=route,
                label="no such file",
                help="the path is relative to the file it stands in",
            )


def _files(spec: Spec) -> Iterator[tuple[Route, str, str]]:
    for name, environment in spec.environments.items():
        for key in ("conda", "dockerfile", "pip"):
            value = getattr(environment, key)
            if isinstance(value, str):
                yield ("environments", name, key), value, key
    for name, data in spec.data.items():
        if data.upload is not None:
            yield ("data", name, "upload"), data.upload, "upload"
