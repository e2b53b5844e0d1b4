"""The program of a step: its words, its variables, the Python that runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from typing_extensions import assert_never

from amlshare.backends import shell
from amlshare.backends.interface import BackendError
from amlshare.backends.local.job import JobStep, fill
from amlshare.pipeline import Command, Parallel, Part, Script, programs
from amlshare.plan import digest
from amlshare.references import Reference, Text

_DRIVER = Path(__file__).with_name("parallel_driver.py")

# What signs in to Azure. A step on Azure sees nothing of it either.
_SECRET = re.compile(
    r"AZURE_(CLIENT_SECRET|CLIENT_CERTIFICATE\w*|PASSWORD|FEDERATED_TOKEN\w*|STORAGE_\w+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What the steps of a run have in common. ``secrets`` are variables withheld from them.

    ``version`` tells a Python from any other: those of two environments differ in their paths,
    and may in their packages.
    """

    python: str
    version: str
    secrets: frozenset[str] = frozenset()

    def argvs(self, step: JobStep, known: Mapping[Reference, str], folder: Path) -> list[list[str]]:
        """The words of each program that the step runs in turn.

        ``known`` has the values of inputs, outputs and scratch, and ``folder`` is where an order
        for the driver of a parallel step is left.
        """
        return [self._argv(each, step, known, folder) for each in programs(step.run)]

    def _argv(
        self,
        run: Part | Parallel,
        step: JobStep,
        known: Mapping[Reference, str],
        folder: Path,
    ) -> list[str]:
        match run:
            case Script(file=file, arguments=arguments):
                return [self.python, file, *_words(arguments, known)]
            case Command(line=line):
                return ["bash", "-c", _word(shell.fill(line, known))]
            case Parallel():
                order = folder / "parallel.json"
                order.write_text(json.dumps(_parallel(step, run, known)), "utf-8")
                return [self.python, str(_DRIVER), str(order), *_words(run.arguments, known)]
            case _:
                assert_never(run)

    def own_key(self, step: JobStep) -> str:
        """The part of a step's key for reuse which its inputs have no say in."""
        return digest([step.name, dict(step.key), self.version])

    def env(self, step: JobStep, *, opens: bool) -> dict[str, str]:
        """The caller's variables without what signs in to Azure, and the step's own.

        ``opens`` says that the step opens a remote location for itself: then it needs to sign in.
        """
        kept = {
            name: value
            for name, value in os.environ.items()
            if opens or not (name in self.secrets or _SECRET.fullmatch(name))
        }
        # `python` in a command is the Python of the steps, as it is in an environment on Azure
        kept["PATH"] = os.pathsep.join(
            [str(Path(self.python).parent), kept.get("PATH", os.defpath)]
        )
        return kept | {"PYTHONUNBUFFERED": "1"} | dict(step.env)


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def find(python: str | None, *, secrets: frozenset[str]) -> Program:
    """The program for steps that run in ``python``, or in this one. Raises BackendError."""
    if python is None:
        return _program(sys.executable, sys.version, secrets)
    asked = [python, "-I", "-S", "-c", "import sys; print(sys.executable); print(sys.version)"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BackendError(
            f"'{python}' is no Python that can be run ({_reason(error)}); name another with "
            "--python or local.python"
        ) from error
    executable, _, version = done.stdout.partition("\n")
    return _program(executable, version.rstrip("\n"), secrets)


def _program(python: str, version: str, secrets: frozenset[str]) -> Program:
    return Program(python=python, version=f"{python} {version}", secrets=secrets)


def _reason(error: OSError | subprocess.CalledProcessError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"exit code {error.returncode}"


def _words(texts: tuple[Text, ...], known: Mapping[Reference, str]) -> list[str]:
    return [_word(fill(text, known)) for text in texts]


def _word(text: Text) -> str:
    return "".join(map(str, text))


def _parallel(step: JobStep, run: Parallel, known: Mapping[Reference, str]) -> dict[str, object]:
    """The order for the driver: plain data."""
    order = {key: value for key, value in asdict(run).items() if key not in ("arguments", "kind")}
    order["over"] = known[Reference("input", run.over)]
    order["table"] = step.rows
    order["partitions"] = step.partitions
    order["cores"] = cores()
    if run.rows_to:
        output, file = run.rows_to
        order["rows_to"] = str(Path(known[Reference("output", output)]) / file)
    return order
