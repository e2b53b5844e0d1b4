"""Rules about what lies in a code folder and is no code, or is no good there.

All of a folder is uploaded, and on Azure any change in it runs every step again that has it.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping

from amlshare import secrets
from amlshare.checks.files import each_folder
from amlshare.diagnostics import Finding
from amlshare.snapshots import Snapshots, excess, ignore_file
from amlshare.spec import Spec
from amlshare.units import show_size

_DATA = frozenset(
    """.csv .tsv .jsonl .ndjson .parquet .feather .arrow .avro .orc .xlsx .xls .sqlite .db .dta .sav
    .npy .npz .h5 .hdf5 .nc .zarr .mat .tfrecord .pkl .pickle .joblib .model .bin .pt .pth .ckpt
    .onnx .pb .tflite .safetensors .gguf .zip .tar .gz .bz2 .xz .zst .7z .wav .mp3 .mp4""".split()
)
_LARGE = 300_000
"""Bytes from which on a table is more than a list of names that belongs to its script."""
_JUNK = frozenset(
    """node_modules .venv .tox .nox .svn .hg .mypy_cache .pytest_cache .ruff_cache .hypothesis
    .idea .vscode .DS_Store Thumbs.db mlruns wandb""".split()
)
_TEXT = 128 * 2**10
_TEXTS = 4 * 2**20
"""Bytes of a text that is looked into, and of all texts of a folder."""
_NEAR = 0.8
"""The part of what SDK v1 takes from which on there is little room left."""
_SHOWN = 3
_MENDED = 10
"""Files that one command names."""


def sizes(spec: Spec, snapshots: Snapshots) -> Iterator[Finding]:
    """nearly-large-code: soon SDK v1 takes no more."""
    for code, route in each_folder(spec).items():
        held = snapshots.sizes(code)
        near = None if excess(held) else excess(held, part=_NEAR)
        if near:
            has, most, where = near
            yield Finding(
                code="nearly-large-code",
                message=f"code folder '{code}' has {has}",
                route=route,
                label=f"SDK v1 takes at most {most}",
                help=f"{where}; leave data and models out with {code}/.amlignore",
                severity="hint",
            )


def data(spec: Spec, snapshots: Snapshots) -> Iterator[Finding]:
    """data-in-code: what is read is uploaded with each change of what reads it."""
    for code, route in each_folder(spec).items():
        held = snapshots.sizes(code)
        found = {
            name: held[name]
            for name in _own(held)
            if held[name] > _LARGE and _suffix(name).lower() in _DATA
        }
        if found and not excess(held, part=_NEAR):  # which names the largest files too
            largest = sorted(found, key=lambda name: (-found[name], name))
            yield Finding(
                code="data-in-code",
                message=f"code folder '{code}' holds {show_size(sum(found.values()))} of data: "
                f"{_named(largest)}",
                route=route,
                label="it is uploaded as code, and a change of it runs steps again",
                help=f"{_leave_out(snapshots, code, _patterns(largest, held))}; what "
                "a step reads belongs into a datastore, and under `data:`",
                severity="hint",
            )


def notebooks(spec: Spec, snapshots: Snapshots) -> Iterator[Finding]:
    """notebooks-in-code: to open one and run a cell changes it."""
    for code, route in each_folder(spec).items():
        found = [name for name in _own(snapshots.files(code)) if name.endswith(".ipynb")]
        if found:
            yield Finding(
                code="notebooks-in-code",
                message=f"code folder '{code}' holds notebooks: {_named(found)}",
                route=route,
                label="whoever runs a cell changes it, and with it what the steps depend on",
                help=_leave_out(snapshots, code, ["*.ipynb"]),
                severity="hint",
            )


def junk(spec: Spec, snapshots: Snapshots) -> Iterator[Finding]:
    """junk-in-code: what tools leave behind, and environments, which are another machine's."""
    for code, route in each_folder(spec).items():
        if found := _junk(snapshots.files(code)):
            files = sum(found.values())
            yield Finding(
                code="junk-in-code",
                message=f"code folder '{code}' holds {_named(list(found))}: "
                f"{files:,} {'file' if files == 1 else 'files'} that no step needs",
                route=route,
                label="uploaded as code, and a change of any runs steps again",
                help=_leave_out(snapshots, code, dict.fromkeys(map(_pattern, found))),
                severity="hint",
            )


def line_ends(spec: Spec, snapshots: Snapshots) -> Iterator[Finding]:
    """windows-line-ends: a script that Linux is to run by itself, or a shell."""
    for code, route in each_folder(spec).items():
        found = [
            name
            for name, content in _texts(snapshots, code)
            if (content[:2] == b"#!" or name.endswith((".sh", ".bash"))) and b"\r\n" in content
        ]
        if found:
            yield Finding(
                code="windows-line-ends",
                message=f"in code folder '{code}', {_named(found, _MENDED)} "
                f"{'has' if len(found) == 1 else 'have'} the line ends of Windows",
                route=route,
                label="on Linux, the CR at its end belongs to each line: `/bin/bash\\r`",
                help=_line_ends_mended(code, found),
                severity="warning",
            )


def _line_ends_mended(code: str, names: list[str]) -> str:
    """What mends files now, all of them by name or by the names that they have, and for good."""
    kinds = sorted({_kind(name) for name in names})
    if len(names) <= _MENDED:
        command = " ".join(["dos2unix", *(shlex.quote(f"{code}/{name}") for name in names)])
    else:
        named = " -o ".join(f"-name {shlex.quote(each)}" for each in kinds)
        command = rf"find {shlex.quote(code)} \( {named} \) -exec dos2unix {{}} +"
    lines = _listed(f"{each} text eol=lf" for each in kinds)
    return f"`{command}`, and {lines} in .gitattributes"


def _kind(name: str) -> str:
    """The pattern of the files that are called alike: `*.sh`, and `start` where there is no end."""
    last = name.rpartition("/")[2]
    return f"*{_suffix(last)}" if "." in last else last


def secret_values(spec: Spec, snapshots: Snapshots) -> Iterator[Finding]:
    """secret-in-code: whoever may read the snapshot may read it. Each file is said by itself."""
    for code, route in each_folder(spec).items():
        for name, content in _texts(snapshots, code):
            if lines := _secret_lines(content.decode("utf-8", "replace")):
                found = (
                    f"{'an' if kind[0] == 'a' else 'a'} {kind} in {name}:{', '.join(places)}"
                    for kind, places in lines.items()
                )
                yield Finding(
                    code="secret-in-code",
                    message=f"code folder '{code}' holds what looks like {' and '.join(found)}",
                    route=route,
                    label="it is uploaded, and kept in the workspace for ever",
                    help="take it out, and renew it; a step reads secrets from Azure Key Vault",
                    severity="warning",
                )


def _secret_lines(text: str) -> Mapping[str, list[str]]:
    """The numbers of the lines with secrets, by their kind."""
    found: dict[str, list[str]] = {}
    for each in secrets.find_certain(text):
        found.setdefault(each.kind, []).append(str(text.count("\n", 0, each.start) + 1))
    return found


def _texts(snapshots: Snapshots, code: str) -> Iterator[tuple[str, bytes]]:
    """The texts of a folder that are no longer than a person's, as far as there are not too many.

    Whoever asks next reads nothing again.
    """
    files, held = snapshots.files(code), snapshots.sizes(code)
    room = _TEXTS
    for name in _own(held):
        if held[name] <= min(_TEXT, room):
            room -= held[name]
            try:
                content = snapshots.content(files[name])
            except OSError:  # whoever digests the file says so
                continue
            if b"\0" not in content[:1024]:
                yield name, content


def _own(names: Iterable[str]) -> list[str]:
    """What lies in none of the places that are junk as a whole."""
    names = list(names)
    places = tuple(_junk(names))
    if not places:
        return names
    below = tuple(f"{place}/" for place in places)
    return [name for name in names if name not in places and not name.startswith(below)]


def _junk(names: Collection[str]) -> Mapping[str, int]:
    """The files and folders that are junk, with how many files each has."""
    environments = {name.rpartition("/")[0] for name in names if name.endswith("/pyvenv.cfg")}
    found: dict[str, int] = {}
    for name in names:
        if place := _place(name, environments):
            found[place] = found.get(place, 0) + 1
    return found


def _place(name: str, environments: Collection[str]) -> str | None:
    """The topmost folder above a file, or the file, that is junk; None where none is."""
    parts = name.split("/")
    if not environments and _JUNK.isdisjoint(parts):
        return None
    above = ("/".join(parts[:length]) for length in range(1, len(parts) + 1))
    return next((each for each in above if _is_junk(each) or each in environments), None)


def _is_junk(path: str) -> bool:
    return path.rpartition("/")[2] in _JUNK


def _named(names: list[str], most: int = _SHOWN) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def _suffix(name: str) -> str:
    return f".{name.rpartition('.')[2]}"


def _pattern(place: str) -> str:
    """What leaves junk out: wherever it is called so, but for an environment of any name."""
    last = place.rpartition("/")[2]
    return last if last in _JUNK else f"/{place}"


def _patterns(names: list[str], held: Collection[str]) -> Iterator[str]:
    """What leaves these files out, and no other: one line for many of a kind in one folder."""
    alike, everything = _by_kind(names), _by_kind(held)
    for kind, found in alike.items():
        if len(found) > _SHOWN and len(found) == len(everything[kind]):
            yield kind
        else:
            yield from (f"/{name}" for name in found)


def _by_kind(names: Iterable[str]) -> Mapping[str, list[str]]:
    """Files by the pattern of all in their folder that end alike: `/raw/*.csv`."""
    found: dict[str, list[str]] = {}
    for name in names:
        folder, slash, last = name.rpartition("/")
        found.setdefault(f"/{folder}{slash}*{_suffix(last)}", []).append(name)
    return found


def _listed(lines: Iterable[str]) -> str:
    *most, last = (f"`{each}`" for each in lines)
    return f"{', '.join(most)} and {last}" if most else last


def _leave_out(snapshots: Snapshots, code: str, patterns: Iterable[str]) -> str:
    """The lines that leave something out, and of which file."""
    file = ignore_file(snapshots.base / code)
    begun = ""
    if file is not None and file.name == ".gitignore":
        begun = " (begin with a copy of .gitignore, which then counts no more)"
    return f"leave out {_listed(patterns)} in {code}/.amlignore{begun}"
