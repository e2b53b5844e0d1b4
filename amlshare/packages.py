"""The packages of an environment, as far as the spec and the files that it names say them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

from amlshare import secrets
from amlshare.diagnostics import Finding, Route
from amlshare.pipeline import Environment, Pipeline

ReadText: TypeAlias = Callable[[str], str | None]
"""The text of a file that a spec names, None where it cannot be read."""

_OPTION = re.compile(r"(?:--(?:requirement|constraint|editable)[ =]|-[rce] ?)(.+)")
_RELATIVE = re.compile(r"\.{1,2}([/\\].*)?|~.*")
# an absolute path may be one of the image's
_ELSEWHERE = re.compile(r"/|[A-Za-z][\w.+-]*:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """What pip and conda install. ``key`` is where the spec says it, ``file`` the file if any."""

    pip: tuple[str, ...]
    conda: tuple[str, ...] = ()
    key: str
    file: str | None = None


class PackagesError(Exception):
    """A file is no list of packages; the message says why."""


def packages(entry: Environment, read: ReadText) -> Packages | None:
    """What is installed, None where that is not said or a file cannot be read.

    Raises PackagesError for a conda file that is none.
    """
    if isinstance(entry.pip, tuple):
        return Packages(pip=entry.pip, key="pip")
    if entry.pip is not None:
        text = read(entry.pip)
        return None if text is None else Packages(pip=requirements(text), key="pip", file=entry.pip)
    if entry.conda is not None:
        text = read(entry.conda)
        return None if text is None else _conda(text, entry.conda)
    return None


def requirements(text: str) -> tuple[str, ...]:
    """The requirements in a file. A line that ends in a backslash goes on in the next."""
    lines = text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines()
    words = (line.split(" #")[0].strip() for line in lines)
    return tuple(" ".join(line.split()) for line in words if line and not line.startswith("#"))


def conda_file(text: str, file: str) -> Mapping[str, Any]:
    """What a conda file says. Raises PackagesError where it is none."""
    import yaml

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise PackagesError(f"'{file}' is no YAML{line}") from None
    listed = document.get("dependencies") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise PackagesError(f"'{file}' has no list `dependencies`")
    pips = (each.get("pip") for each in listed if isinstance(each, dict))
    if any(pip is not None and not isinstance(pip, list) for pip in pips):
        raise PackagesError(f"`pip` in '{file}' is no list")
    return dict(document)


def _conda(text: str, file: str) -> Packages:
    listed = conda_file(text, file)["dependencies"]
    pip = [line for each in listed if isinstance(each, dict) for line in each.get("pip") or []]
    conda = tuple(str(each) for each in listed if not isinstance(each, dict))
    return Packages(pip=tuple(map(str, pip)), conda=conda, key="conda", file=file)


def check(pipeline: Pipeline, read: ReadText) -> Iterator[Finding]:
    """bad-conda-file, local-requirement: what the cloud could not install."""
    for entry in pipeline.environments:
        try:
            found = packages(entry, read)
        except PackagesError as error:
            yield Finding(
                code="bad-conda-file",
                message=f"the conda file of environment '{entry.name}' cannot be used",
                route=("environments", entry.name, "conda"),
                label=str(error),
                help="write it such as `dependencies: [python=3.11, {pip: [pandas==2.2.3]}]`",
            )
            continue
        if found is not None:
            yield from _local(entry, found)


def _local(entry: Environment, found: Packages) -> Iterator[Finding]:
    for number, line in enumerate(found.pip):
        if path := local_path(line):
            route: Route = ("environments", entry.name, found.key)
            where = f" in '{found.file}'" if found.file else ""
            yield Finding(
                code="local-requirement",
                message=f"'{line}'{where} needs a file that is not there when the environment is "
                "built in the cloud",
                route=route if found.file else (*route, number),
                label=f"'{path}' lies on this machine only",
                help="write its packages here, or name a package of an index or a URL",
            )


def local_path(line: str) -> str | None:
    """The file or folder beside the spec that a requirement names, if it does."""
    option = _OPTION.fullmatch(line)
    if option is None:
        return line if _RELATIVE.fullmatch(line) else None
    named = option[1].strip()
    return None if _ELSEWHERE.match(named) else named


_REQUIRED = re.compile(r"(?P<name>[\w.-]+(?:::[\w.-]+|\[[^\]]*\])?)\s*(?P<version>(?:[=<>!~].*)?)")


def versions(conda: Mapping[str, Any]) -> dict[str, str]:
    """What a conda file says, in the words of a difference: ``conda.NAME`` and ``pip.NAME`` with a
    version each, and the channels: their URLs without what may be a key.
    """
    found: dict[str, str] = {}
    for line in _listed(conda.get("dependencies")):
        kind, lines = (
            ("pip", _listed(line.get("pip"))) if isinstance(line, Mapping) else ("conda", [line])
        )
        for each in lines:
            name, version = _required(secrets.mask_urls(str(each)), "==" if kind == "pip" else "=")
            key = f"{kind}.{name}"
            found[key] = f"{found[key]}, {version}" if key in found else version
    channels = [secrets.mask_urls(str(each)) for each in _listed(conda.get("channels"))]
    return {**found, **({"channels": ", ".join(channels)} if channels else {})}


def summary(text: str) -> str:
    """What a difference says of a file as a whole: never its text, which may hold secrets of any
    shape (in a Dockerfile ``ENV TOKEN=``, ``ARG``, an index with a password).
    """
    lines = len(text.splitlines())
    return f"{lines} line{'s' * (lines != 1)}, {sha256(text.encode()).hexdigest()[:12]}"


def _listed(value: Any) -> Sequence[Any]:
    """A list; what is none, in a file that is no conda file, has nothing in it."""
    return value if isinstance(value, (list, tuple)) else ()


def _required(line: str, sign: str) -> tuple[str, str]:
    """The name and version of a requirement; anything else stands for itself, as its name."""
    match = _REQUIRED.fullmatch(line.strip())
    if match is None:
        return line.strip(), "given"
    version = match["version"].removeprefix(sign)
    said = match["version"] if version.startswith("=") else version
    return match["name"], said or "any"


def names(lines: Iterable[str]) -> frozenset[str]:
    """The names of packages, in lower case with dashes."""
    return frozenset(
        re.split(r"[^\w.-]", each.strip())[0].lower().replace("_", "-") for each in lines
    )
