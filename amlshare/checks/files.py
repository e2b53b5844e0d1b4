"""Rules about the files beside the spec: code folders, scripts, environment files, uploads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from amlshare.checks.places import who
from amlshare.checks.steps import KINDS
from amlshare.checks.views import Program, each_program, once
from amlshare.diagnostics import Finding, Route, closest
from amlshare.snapshots import Snapshots, excess, ignore_file
from amlshare.spec import Spec, Step


def code_given(spec: Spec, _snapshots: Snapshots) -> Iterator[Finding]:
    """missing-code: a script needs the folder that it is uploaded with.

    One finding for all steps that say nothing of it: `defaults` is the way out.
    """
    with_script = {each.step: each.owner for each in each_program(spec) if script_of(each)}
    silent = [name for name, step in with_script.items() if step.code is None]
    if silent and spec.defaults.code in (None, "none"):
        first = with_script[silent[0]]
        kinds = (kind for kind in KINDS if getattr(first, kind) is not None)
        yield _missing_code(silent, next(kinds))
    for name, step in with_script.items():
        if step.code == "none":
            yield _missing_code([name], "code")


def _missing_code(steps: list[str], key: str) -> Finding:
    return Finding(
        code="missing-code",
        message=f"{who(steps)} a script and no code folder",
        route=("steps", steps[0], key),
        on="value" if key == "code" else "key",
        label="nothing says which folder is uploaded",
        help="add `code: FOLDER` to `defaults:`, or to the step",
    )


def code_folders(spec: Spec, snapshots: Snapshots) -> Iterator[Finding]:
    """code-not-found: no such folder, or a file."""
    for code, route in each_folder(spec).items():
        path = snapshots.base / code
        if code.strip() and not path.is_dir():
            yield Finding(
                code="code-not-found",
                message=f"there is no code folder '{code}'",
                route=route,
                label="a file, and no folder" if path.is_file() else "no such folder",
                help="the path is relative to the file it stands in",
            )


def code_readable(spec: Spec, snapshots: Snapshots) -> Iterator[Finding]:
    """unreadable-code: a code folder that cannot be uploaded whole."""
    for code, route in each_folder(spec).items():
        snapshots.files(code)
        if problem := snapshots.problems.get(code):
            yield Finding(
                code="unreadable-code",
                message=f"code folder '{code}' cannot be read whole: {problem}",
                route=route,
                help="mend or move that file",
            )


def code_sizes(spec: Spec, snapshots: Snapshots) -> Iterator[Finding]:
    """large-code: more than SDK v1 takes as a snapshot, though it says so only at a submit."""
    for code, route in each_folder(spec).items():
        if found := excess(snapshots.sizes(code)):
            has, most, where = found
            yield Finding(
                code="large-code",
                message=f"code folder '{code}' has {has}",
                route=route,
                label=f"SDK v1 takes at most {most}",
                help=f"{where}; leave data and models out with {code}/.amlignore",
            )


@once
def each_folder(spec: Spec) -> dict[str, Route]:
    """Every code folder that a step uses, with where the spec names it first."""
    found: dict[str, Route] = {}
    for name, step in spec.steps.items():
        code, route = code_of(spec, name, step)
        if code is not None:
            found.setdefault(code, route)
    return found


def code_of(spec: Spec, name: str, step: Step) -> tuple[str | None, Route]:
    """The code folder of a step, None for none, and where the spec says so."""
    if step.code is not None:
        return (None if step.code == "none" else step.code), ("steps", name, "code")
    default = spec.defaults.code
    return (None if default == "none" else default), ("defaults", "code")


def script_of(program: Program) -> tuple[str, Route] | None:
    """The script that is run, and where the spec says so; None for a command."""
    body, route = program.body, program.route
    if isinstance(body, Step) and body.parallel is not None:
        return body.parallel.script, (*route, "parallel", "script")
    return None if body.script is None else (body.script, (*route, "script"))


def scripts_found(spec: Spec, snapshots: Snapshots) -> Iterator[Finding]:
    """script-outside, script-not-found, script-ignored."""
    for program in each_program(spec):
        code, _ = code_of(spec, program.step, program.owner)
        found = script_of(program)
        if found is None or code is None or found[0] in snapshots.files(code):
            continue
        if found[0].strip() and "\\" not in found[0] and code not in snapshots.problems:
            yield from _script_found(*found, code, snapshots)


def _script_found(script: str, route: Route, code: str, snapshots: Snapshots) -> Iterator[Finding]:
    path = PurePosixPath(script)
    root = snapshots.base / code
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:/", script):
        yield _outside(script, route, code)
    elif not root.is_dir() or path.as_posix() in snapshots.files(code):
        return
    elif (root / script).is_file():
        yield _ignored(script, route, code, root)
    else:
        yield _not_found(script, route, code, snapshots.files(code))


def _outside(script: str, route: Route, code: str) -> Finding:
    return Finding(
        code="script-outside",
        message=f"script '{script}' is outside its code folder",
        route=route,
        label=f"expected a path in '{code}'",
        help="only the code folder is uploaded: move the script there, or change `code:`",
    )


def _ignored(script: str, route: Route, code: str, root: Path) -> Finding:
    ignore = ignore_file(root)
    return Finding(
        code="script-ignored",
        message=f"script '{script}' is not uploaded",
        route=route,
        label=f"left out by {ignore.name}" if ignore else "left out always",
        help=f"take its pattern out of {code}/{ignore.name}" if ignore else "move it elsewhere",
    )


def _not_found(script: str, route: Route, code: str, files: Mapping[str, Path]) -> Finding:
    first, _, rest = script.partition(" ")
    similar = closest(script, files)
    if rest and first in files:
        label, help_ = "a script, and its arguments", "`arguments:` has the words after the script"
    elif script.removeprefix(f"{code}/") in files:
        label = f"did you mean '{script.removeprefix(f'{code}/')}'?"
        help_ = "a script's path starts inside its code folder"
    elif similar:
        label, help_ = f"did you mean '{similar}'?", None
    else:
        label, help_ = "no such file", _python_files(files)
    return Finding(
        code="script-not-found",
        message=f"there is no script '{script}' in '{code}'",
        route=route,
        label=label,
        help=help_,
    )


def _python_files(files: Mapping[str, Path]) -> str:
    names = [name for name in files if name.endswith(".py")]
    return f"scripts there: {', '.join(names[:10])}" if names else "no script is there yet"


def scripts_are_python(spec: Spec, _snapshots: Snapshots) -> Iterator[Finding]:
    """script-not-python: a script is run by Python, whatever its name."""
    for program in each_program(spec):
        found = script_of(program)
        suffix = f".{found[0].rpartition('.')[2]}" if found else ""
        if found and suffix in (".sh", ".bash", ".R", ".r", ".ipynb", ".jl", ".js", ".exe"):
            yield Finding(
                code="script-not-python",
                message=f"script '{found[0]}' is no Python script",
                route=found[1],
                label="a script is run by Python",
                help=_instead(found[0], suffix),
            )


def _instead(script: str, suffix: str) -> str:
    if suffix == ".ipynb":
        return "export the notebook: `jupyter nbconvert --to script`"
    return f"run it with `command: bash {script}`" if suffix == ".sh" else "use `command:`"


def other_files(spec: Spec, snapshots: Snapshots) -> Iterator[Finding]:
    """file-not-found: the files of environments, and what `upload:` names."""
    for route, file in _files(spec):
        path = snapshots.base / file
        if file.strip() and not (path.exists() if route[-1] == "upload" else path.is_file()):
            one_package = route[-1] == "pip" and re.fullmatch(r"[\w.-]+([=<>~!].*)?", file)
            yield Finding(
                code="file-not-found",
                message=f"there is no file '{file}'",
                route=route,
                label="a folder, and no file" if path.is_dir() else "no such file",
                help=f"a requirement stands in a list: `pip: [{file}]`"
                if one_package and not file.endswith(".txt")
                else "the path is relative to the file it stands in",
            )


def _files(spec: Spec) -> Iterator[tuple[Route, str]]:
    for name, environment in spec.environments.items():
        for key in ("conda", "dockerfile", "pip"):
            value = getattr(environment, key)
            if isinstance(value, str):
                yield ("environments", name, key), value
    for name, data in spec.data.items():
        if data.upload is not None:
            yield ("data", name, "upload"), data.upload
