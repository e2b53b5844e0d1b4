"""The program around a step's own: it runs in the job, from a copy in the step's code folder.

    python amlshare_step.py --amlshare TASK -- TOKEN...

TASK says what to run, how often to try again, and what the outputs must hold: see `wrapping`,
which writes it. The service has put values in place of the tokens. This file is all of the program:
Python 3.8 or later, the standard library, and azureml-core only to register a dataset.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    del sys.path[0]  # a file of the step's own that is called like one of Python's is not meant

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from types import FrameType
from typing import Any

HOME = Path(__file__).resolve().parent
"""The snapshot."""
KEPT = ("outputs", "logs")
"""Folders in which a step works whose files Azure keeps with the run."""


class StepError(Exception):
    """The step fails; the message says why, and what to do."""


def say(message: str) -> None:
    sys.stderr.write(f"amlshare: {message}\n")
    sys.stderr.flush()


def main(arguments: list[str]) -> int:
    """Run the step; the exit code is the script's own, or 1 where an output is not as it should."""
    try:
        task, tokens = read(arguments)
        code = Step(task, tokens).run()
        if code == 0 and is_first(task):
            settle(task.get("contracts", ()), tokens)
    except StepError as error:
        say(str(error))
        return 1
    return code


def read(arguments: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The task and the values of its tokens."""
    if len(arguments) < 3 or arguments[0] != "--amlshare" or arguments[2] != "--":
        raise StepError("expected the arguments --amlshare TASK -- TOKEN...")
    text, tokens = arguments[1], arguments[3:]
    task: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    wanted = [name for name in task.get("tokens", ()) if not is_scratch(name)]
    if len(tokens) != len(wanted):
        raise StepError(
            f"expected {len(wanted)} values, of {', '.join(wanted)}, and got {len(tokens)}: "
            "perhaps one of them is empty, and the service leaves it out"
        )
    given = iter(tokens)
    return task, ["" if is_scratch(name) else next(given) for name in task.get("tokens", ())]


def is_scratch(token: str) -> bool:
    """Whether it is this program that knows where a token lies."""
    return token.startswith("${scratch.")


def is_first(task: dict[str, Any]) -> bool:
    """Whether this process is the one that looks after the outputs of the step."""
    if not task.get("distributed"):
        return True
    if "TF_CONFIG" in os.environ:
        config = json.loads(os.environ["TF_CONFIG"])
        leader = "chief" if "chief" in config.get("cluster", {}) else "worker"
        own = config.get("task", {})
        return (own.get("type"), own.get("index")) == (leader, 0)
    ranks = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "RANK")
    return all(os.environ.get(name, "0") == "0" for name in ranks)


# The step's own program


class Step:
    """The step's own program, and its attempts."""

    def __init__(self, task: dict[str, Any], tokens: list[str]) -> None:
        self._task = task
        self._tokens = tokens
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped: int | None = None

    def run(self) -> int:
        """Run it until it succeeds, at most as often as it may be tried; its exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._pass_on)
        attempts = self._task.get("retries", 0) + 1
        before = self._outputs() if attempts > 1 else {}
        for attempt in range(1, attempts + 1):
            code = self._attempt()
            if code == 0 or self._stopped is not None or attempts == 1:
                break
            then = "trying again" if attempt < attempts else "giving up"
            say(f"attempt {attempt} of {attempts} failed with exit code {code}; {then}")
            if attempt < attempts:
                self._clear(before)
        return code

    def _attempt(self) -> int:
        """Run the programs in turn until one fails; the exit code of the last."""
        programs = self._task["programs"]
        if "name" not in programs[0]:
            return self._run(programs[0])
        with self._scratch() as root:
            for number, program in enumerate(programs, 1):
                where = f"{number}/{len(programs)} {program['name']}"
                code = self._part(where, program, root / str(number))
                if code == 0 and self._stopped is not None and number < len(programs):
                    code = 128 + self._stopped
                if code:
                    break
        return code

    def _part(self, where: str, program: dict[str, Any], folder: Path) -> int:
        """Run a part of a sequence, and say in the log where it begins and that it failed."""
        sys.stderr.write(f"==> {where}\n")
        sys.stderr.flush()
        with working_folder(folder):
            code = self._run(program, folder)
        if code:
            say(f"{where} failed with exit code {code}")
        return code

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A folder with the places of scratch, empty, which are among the tokens; gone afterwards.

        No place of scratch is called by a number.
        """
        asked = os.environ.get("TMPDIR") or None  # alone, tempfile passes over one it cannot use
        try:
            root = Path(tempfile.mkdtemp(prefix="amlshare-", dir=asked)).absolute()
        except OSError as error:
            where = f" in {asked}" if asked else ""
            raise StepError(
                f"there is no place for scratch{where}: {error.strerror}; TMPDIR can name one"
            ) from None
        try:
            for each in self._task.get("scratch", ()):
                self._lay_out(root / each["name"], each.get("format"))
            yield root
        finally:
            shutil.rmtree(root, ignore_errors=True)

    def _lay_out(self, place: Path, kind: str | None) -> None:
        """Make room for scratch, and put its place among the tokens where a part refers to it."""
        if kind != "file":
            place.mkdir()
        for index, name in enumerate(self._task.get("tokens", ())):
            if name == f"${{scratch.{place.name}}}":
                self._tokens[index] = str(place)

    def _run(self, program: dict[str, Any], folder: Path | None = None) -> int:
        """Run a program, here or in a working folder of its own; its exit code."""
        command = self._command(program, folder)
        environment = self._environment(program)
        try:
            # a session of its own: a signal then reaches all that the program started
            self._child = subprocess.Popen(
                command, cwd=folder, env=environment, start_new_session=True
            )
        except OSError as error:
            raise StepError(f"cannot run {command[0]}: {error.strerror}") from None
        if self._stopped is not None:
            self._send(self._stopped)
        code = self._child.wait()
        self._child = None
        return 128 - code if code < 0 else code

    def _command(self, program: dict[str, Any], folder: Path | None) -> list[str]:
        if "script" in program:
            script = os.path.relpath((folder or HOME) / program["script"], folder)
            return [sys.executable, script, *map(self._text, program.get("words", ()))]
        parts = program.get("bash", ())
        for part in parts:
            if isinstance(part, int) and "\n" in self._tokens[part]:
                raise StepError(
                    f"the value of {self._task['tokens'][part]} has several lines, and cannot "
                    "stand in a here-document whose end is quoted: take those quotes out"
                )
        return ["bash", "-c", self._text(parts)]

    def _environment(self, program: dict[str, Any]) -> dict[str, str]:
        variables = program.get("variables", {})
        return {**os.environ, **{name: self._text(parts) for name, parts in variables.items()}}

    def _text(self, parts: Iterable[str | int]) -> str:
        return "".join(self._tokens[part] if isinstance(part, int) else part for part in parts)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        self._stopped = number
        if self._child is not None:
            self._send(number)

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, number)  # type: ignore[union-attr]

    def _outputs(self) -> dict[Path, set[Path]]:
        """What lies in each output of the step, by where that is."""
        names = enumerate(self._task.get("tokens", ()))
        places = [Path(self._tokens[i]) for i, name in names if name.startswith("${outputs.")]
        return {place: set(entries(place)) for place in places}

    def _clear(self, before: dict[Path, set[Path]]) -> None:
        """Remove what has come to the outputs since, and leave their folders."""
        if not is_first(self._task):
            return
        for place, found in self._outputs().items():
            for path in sorted(found - before[place], reverse=True):  # what is deeper comes first
                _remove(path)


@contextmanager
def working_folder(place: Path) -> Iterator[None]:
    """A part's own copy of the snapshot at ``place``: it starts there as a step of its own would.

    What it writes to ``outputs`` and ``logs`` goes to those of the job.
    """
    try:
        shutil.copytree(HOME, place, symlinks=True, ignore=_not_copied)
        for name in KEPT:
            with suppress(FileExistsError):
                Path(name).mkdir()
            (place / name).symlink_to(Path(name).absolute())
    except OSError as error:
        raise StepError(f"the code cannot be copied for a part of the step: {error}") from None
    yield
    shutil.rmtree(place, ignore_errors=True)


def _not_copied(folder: str, names: list[str]) -> list[str]:
    """What is no code: the folders whose files are kept, and data that is mounted."""
    kept = KEPT if Path(folder) == HOME else ()
    return [name for name in names if name in kept or os.path.ismount(f"{folder}/{name}")]


def _remove(path: Path) -> None:
    try:
        with suppress(FileNotFoundError):
            path.rmdir() if is_folder(path) else path.unlink()
    except OSError as error:
        raise StepError(
            f"what the failed attempt wrote cannot be removed: {path}: {error.strerror}"
        ) from None


# What an output holds


def is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def entries(place: Path) -> Iterator[Path]:
    """All that lies below a folder, or the file itself."""
    if is_folder(place):
        for folder, folders, files in os.walk(place):
            yield from (Path(folder, name) for name in (*folders, *files))
    elif place.exists():
        yield place


def files_of(place: Path) -> list[tuple[str, int]]:
    """The files of an output: the posix path in it, and bytes, each."""
    root = place.parent if place.is_file() else place
    found = (path for path in entries(place) if path.is_file())
    return sorted((path.relative_to(root).as_posix(), path.stat().st_size) for path in found)


def settle(contracts: Iterable[dict[str, Any]], tokens: list[str]) -> None:
    """Hold each output to what is expected of it; where all is well, register those that are to."""
    contracts = list(contracts)
    for contract in contracts:
        hold(contract, Path(tokens[contract["token"]]))
    for contract in contracts:
        if "register" in contract:
            register(contract)


def hold(contract: dict[str, Any], place: Path) -> None:
    """Raise StepError where an output is not as its `expect` says."""
    output, expect = contract["output"], contract["expect"]
    if not place.exists():
        raise StepError(f"output '{output}': the step left nothing at ${{outputs.{output}}}")
    only, glob = contract.get("only"), expect.get("glob")
    files = files_of(place)
    if only:
        files = [each for each in files if any(matches(each[0], one) for one in only)]
    counted = [each for each in files if not glob or matches(each[0], glob)]
    size = sum(size for _, size in counted)
    broken = list(broken_terms(expect, len(counted), size))
    if broken:
        where = f" that match {glob}" if glob else ""
        raise StepError(
            f"output '{output}' breaks its `expect`: {', '.join(broken)}{where}; it holds "
            f"{listed([name for name, _ in files])}; nothing is registered"
        )
    say(f"output '{output}' is as expected: files {len(counted)}, {show_size(size)}")


def listed(names: list[str]) -> str:
    shown = ", ".join(names[:5]) or "no file"
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown


def matches(name: str, glob: str) -> bool:
    """Whether a posix path matches: ``*`` within a part, ``**`` over any number of them."""
    return _matches(name.split("/"), glob.strip("/").split("/"))


def _matches(name: list[str], glob: list[str]) -> bool:
    if not glob:
        return not name
    if glob[0] == "**":
        return any(_matches(name[i:], glob[1:]) for i in range(len(name) + 1)) or (
            len(glob) == 1 and bool(name)
        )
    return bool(name) and fnmatchcase(name[0], glob[0]) and _matches(name[1:], glob[1:])


def broken_terms(expect: dict[str, Any], count: int, size: int) -> Iterator[str]:
    """The terms of a contract that do not hold, each with what was found."""
    operator, wanted = expect.get("files") or (">=", 1 if expect.get("glob") else 0)
    holds = {
        "==": count == wanted,
        ">=": count >= wanted,
        "<=": count <= wanted,
        ">": count > wanted,
        "<": count < wanted,
    }
    if not holds[operator]:
        yield f"files {operator}{wanted}, found {count}"
    if expect.get("min_size") is not None and size < expect["min_size"]:
        yield f"at least {show_size(expect['min_size'])}, found {show_size(size)}"


def show_size(size: int) -> str:
    """Three significant digits and a decimal unit."""
    if size < 1000:
        return f"{size} B"
    value, unit = float(size), "B"
    for unit in ("KB", "MB", "GB", "TB", "PB"):  # noqa: B007 - the unit is read after the loop
        value /= 1000
        if value < 999.5:
            break
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    text = f"{value:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"


# Registering


def register(contract: dict[str, Any]) -> None:
    """Make an output a new version of its registered dataset."""
    output, name = contract["output"], contract["register"]["name"]
    try:
        version = _registered(contract)
    except ImportError as error:
        raise StepError(
            f"output '{output}' cannot be registered as {name}: {error}; add azureml-core and "
            "azureml-dataset-runtime, or azureml-defaults, to the step's environment"
        ) from None
    except Exception as error:  # noqa: BLE001 - the SDK has many, and each is a message here
        why = f"{type(error).__name__}: {error}"
        raise StepError(f"output '{output}' cannot be registered as {name}: {why}") from None
    say(f"registered output '{output}' as {name}, version {version}")


def _registered(contract: dict[str, Any]) -> int:
    """Register an output; gives its version."""
    os.environ.setdefault("HBI_WORKSPACE_JOB", "true")  # keeps the SDK's telemetry from the step
    from azureml.core import Dataset, Datastore, Run

    run = Run.get_context(allow_offline=False)
    workspace = run.experiment.workspace
    datastore = Datastore.get(workspace, contract["datastore"])
    path = contract["path"].replace("{run-id}", run.id)
    # an upload comes after this program: there may be nothing to look at yet
    files = Dataset.File.from_files((datastore, path), validate=False)
    wanted = contract["register"]
    made = files.register(
        workspace,
        wanted["name"],
        description=wanted.get("description"),
        tags=wanted.get("tags"),
        create_new_version=True,
    )
    version: int = made.version
    return version


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
