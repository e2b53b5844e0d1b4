"""Outputs: staged beside their place, checked, then moved there in one rename.

A step writes below ``.amlshare-staging`` of the datastore, so that its place is in the same file
system. What is at a place is thus always whole: of this run or of the one before.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

from amlshare.backends.local.records import Publication
from amlshare.datastores import Datastore
from amlshare.pipeline import Expect, Output
from amlshare.units import show_size

STAGING = ".amlshare-staging"
DigestFile = Callable[[Path, os.stat_result | None], str]


class OutputError(Exception):
    """A step's output cannot be published: what is wrong with it, and the way out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an output comes to lie, and where the step writes it until then.

    ``location`` is that of the file itself where the format is ``file``; ``staged`` is what the
    script is given: a folder that is there, or a file to be written.
    """

    output: Output
    datastore: Datastore
    location: str
    staged: Path

    @property
    def name(self) -> str:
        """The last part of the location."""
        return PurePosixPath(self.location).name

    @property
    def path(self) -> Path | None:
        """The final place on this machine, None where it is elsewhere."""
        folder = self.datastore.folder
        return None if folder is None else folder / self.location

    @property
    def is_fixed(self) -> bool:
        """Whether other runs publish at the same place."""
        return "{run-id}" not in self.output.location

    def __str__(self) -> str:
        return f"{self.datastore.name}:{self.location}"


def place(output: Output, datastore: Datastore, *, run: str, box: Path) -> Place:
    """Where ``output`` of ``run`` is published; it is staged at ``box``, a file beside it under
    its own ending. Raises OutputError for a location outside the datastore.

    A location that ends in ``/`` is a folder: a single file lies in it under the output's name.
    """
    filled = output.location.replace("{run-id}", run)
    if output.format == "file" and (filled.endswith("/") or not filled):
        filled += output.name
    parts = [part for part in filled.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or parts[0] == STAGING:
        raise OutputError(
            f"output '{output.name}' has the location '{output.location}': it needs a place of its "
            "own inside the datastore, such as features/{run-id}/"
        )
    staged = box.with_name(f"{box.name}.{parts[-1]}") if output.format == "file" else box
    return Place(output=output, datastore=datastore, location="/".join(parts), staged=staged)


def prepare(place: Place) -> None:
    """Make room for the step to write in."""
    discard(place)
    folder = place.staged.parent if place.output.format == "file" else place.staged
    while not folder.is_dir():
        # a run that ends removes what it leaves empty, perhaps just now
        with suppress(FileNotFoundError):
            folder.mkdir(parents=True, exist_ok=True)


def refuse_occupied(place: Place) -> None:
    """Raise OutputError where something lies that may not be replaced."""
    _refuse_file_above(place)
    # a mount is written through: on Azure it replaces what is there, file by file
    if place.output.overwrite or place.output.mode == "mount" or not _is_occupied(place):
        return
    raise OutputError(
        f"output '{place.output.name}': {place} already holds data, and may not be replaced; write "
        "'overwrite: true' to replace it, or put {run-id} into its location to keep both"
    )


def _refuse_file_above(place: Place) -> None:
    path, root = place.path, place.datastore.folder
    while path is not None and path.parent != root:
        path = path.parent
        if path.is_file():
            raise OutputError(
                f"output '{place.output.name}': {place} cannot be made, since {path} is a file and "
                "would have to be a folder: remove it, or give the output another location"
            )


def _is_occupied(place: Place) -> bool:
    path = place.path
    if path is None:
        return place.datastore.exists(place.location)
    try:
        with os.scandir(path) as entries:
            return any(entries)
    except NotADirectoryError:
        return True
    except FileNotFoundError:
        return False


# what a step has written


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The files of an output or input: (path in it, sha256) each, and their size in bytes."""

    files: tuple[tuple[str, str], ...]
    bytes: int

    @property
    def digest(self) -> str:
        return content_digest(self.files)


def content_digest(files: Iterable[tuple[str, str]]) -> str:
    """One digest for (path, digest) pairs, in whatever order."""
    found = sha256()
    for name, digest in sorted(files):
        found.update(f"{name}\0{digest}\n".encode("utf-8", "surrogateescape"))
    return found.hexdigest()


def check(place: Place, digest_file: DigestFile) -> Content:
    """Bring what lies at ``place.staged`` into the shape that is published, and check `expect`.

    Raises OutputError naming the file that is wrong.
    """
    output, staged = place.output, place.staged
    _check_shape(output, staged)
    if output.format == "file":
        details = staged.stat()
        _check_expect(output, [(place.name, details.st_size)])
        return Content(files=((place.name, digest_file(staged, details)),), bytes=details.st_size)
    _settle_links(output, staged)
    files = list(_chosen(output, staged))
    _check_expect(output, [(name, details.st_size) for name, details in files])
    return Content(
        files=tuple((name, digest_file(staged / name, details)) for name, details in files),
        bytes=sum(details.st_size for _, details in files),
    )


def _check_shape(output: Output, staged: Path) -> None:
    wants_file = output.format == "file"
    kind = "file" if wants_file else "folder"
    if not os.path.lexists(staged):
        raise OutputError(
            f"output '{output.name}': the step left no {kind} at ${{outputs.{output.name}}}"
        )
    if wants_file and staged.is_symlink():
        raise OutputError(f"output '{output.name}' is a link, not a file: copy what it points to")
    if wants_file != staged.is_file():
        other = "folder" if wants_file else "file"
        raise OutputError(
            f"output '{output.name}' should be a {kind} and is a {other}: declare "
            f"'format: {other}', or have the script write a {kind}"
        )


def walk(root: Path, prefix: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Every file that is no folder below ``root``, by posix path; links are not followed."""
    with os.scandir(root) as entries:
        for entry in entries:
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from walk(Path(entry.path), name + "/")
            else:
                yield name, entry.stat(follow_symlinks=False)


def _settle_links(output: Output, staged: Path) -> None:
    """Put the file that a link points to in the link's place, as far as it lies in the output."""
    root = staged.resolve()
    for name, details in list(walk(staged)):
        _check_name(output, name)
        if stat.S_ISLNK(details.st_mode):
            _settle_link(output, root, root / name)
        elif not stat.S_ISREG(details.st_mode):
            raise OutputError(
                f"output '{output.name}': {name} is a pipe, socket or device, which no datastore "
                "can hold; remove it in the script"
            )


def _check_name(output: Output, name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise OutputError(
            f"output '{output.name}': the name of {_shown(name)} is not UTF-8, as it has to be in "
            "a datastore; rename it in the script"
        ) from None


def _shown(name: str | Path) -> str:
    """A name for people, whatever its bytes are."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _settle_link(output: Output, root: Path, link: Path) -> None:
    name, target = link.relative_to(root), link.resolve()
    if not target.is_relative_to(root) or not target.exists() or link.is_relative_to(target):
        why = (
            "outside the output"
            if not target.is_relative_to(root)
            else "to the folder that it lies in"
            if target.exists()
            else "to nothing"
        )
        raise OutputError(
            f"output '{output.name}': {name} is a link that leads {why} "
            f"({_shown(link.readlink())}); have the script write the file itself"
        )
    link.unlink()
    if target.is_dir():
        shutil.copytree(target, link, symlinks=False)
    else:
        shutil.copy2(target, link)


def _chosen(output: Output, staged: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The files that `only` lets through, sorted; the others are removed."""
    for name, details in sorted(walk(staged)):
        if not output.only or any(matches(name, glob) for glob in output.only):
            yield name, details
        else:
            (staged / name).unlink()


def matches(name: str, glob: str) -> bool:
    """Whether a posix path matches ``glob``: ``*`` within a part, ``**`` over any number."""
    return _matches(name.split("/"), glob.strip("/").split("/"))


def _matches(name: list[str], glob: list[str]) -> bool:
    from fnmatch import fnmatchcase

    if not glob:
        return not name
    if glob[0] == "**":
        return any(_matches(name[i:], glob[1:]) for i in range(len(name) + 1)) or (
            len(glob) == 1 and bool(name)
        )
    return bool(name) and fnmatchcase(name[0], glob[0]) and _matches(name[1:], glob[1:])


def _check_expect(output: Output, files: list[tuple[str, int]]) -> None:
    expect = output.expect
    if expect is None:
        return
    counted = [each for each in files if not expect.glob or matches(each[0], expect.glob)]
    broken = list(_broken(expect, len(counted), sum(size for _, size in counted)))
    if broken:
        where = f" that match {expect.glob}" if expect.glob else ""
        raise OutputError(
            f"output '{output.name}' breaks its `expect`: {', '.join(broken)}{where}; nothing is "
            "published or registered"
        )


def _broken(expect: Expect, count: int, size: int) -> Iterator[str]:
    """The terms of the contract that do not hold, each with what was found."""
    operator, wanted = expect.files or (">=", 1 if expect.glob else 0)
    holds = {
        "==": count == wanted,
        ">=": count >= wanted,
        "<=": count <= wanted,
        ">": count > wanted,
        "<": count < wanted,
    }
    if not holds[operator]:
        yield f"files {operator}{wanted}, found {count}"
    if expect.min_size is not None and size < expect.min_size:
        yield f"at least {show_size(expect.min_size)}, found {show_size(size)}"


# publishing


def keep_foreign(place: Place) -> int:
    """Bring the files at the final place that the step did not write into the staged folder.

    Replacing a folder must not lose what others put there: in the cloud it stays too. Returns
    how many files were kept.
    """
    path, kept = place.path, 0
    assert path is not None
    for name, _ in list(walk(path)):
        target = place.staged / name
        if not os.path.lexists(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(path / name, target)
            kept += 1
    return kept


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def publication(place: Place, *, run: str, step: str) -> Publication:
    """The move of a staged output to its place, to be recorded before it is made."""
    path = place.path
    if path is None:
        return Publication(run=run, step=step, output=place.output.name, staged=str(place.staged))
    details = place.staged.lstat()
    return Publication(
        run=run,
        step=step,
        output=place.output.name,
        staged=str(place.staged),
        place=str(path),
        device=details.st_dev,
        inode=details.st_ino,
    )


def move(publication: Publication) -> None:
    """Bring what is staged to its place, unless it is there already. OutputError: it is gone."""
    staged, path = Path(publication.staged), Path(publication.place or "")
    if _is(path, publication):
        return
    if not _is(staged, publication):
        raise OutputError(f"output '{publication.output}' is gone from {staged}")
    path.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(path):
        _exchange(staged, path)
    else:
        staged.rename(path)


def take_back(publication: Publication) -> None:
    """Undo a `move`, so that a publication of several outputs happens whole or not at all."""
    staged, path = Path(publication.staged), Path(publication.place or "")
    if _is(path, publication):
        if os.path.lexists(staged):
            _exchange(staged, path)  # what was swapped out goes back
            return
        path.rename(staged)
    if os.path.lexists(_aside(staged)) and not os.path.lexists(path):
        _aside(staged).rename(path)


def _is(path: Path, publication: Publication) -> bool:
    try:
        details = path.lstat()
    except OSError:
        return False
    return (details.st_dev, details.st_ino) == (publication.device, publication.inode)


def _exchange(staged: Path, path: Path) -> None:
    """Swap files or folders at once where the system can, else with a moment in which none is
    there, and what was there aside.
    """
    if not _swap(os.fsencode(staged), os.fsencode(path)):
        _remove(_aside(staged))
        path.rename(_aside(staged))
        staged.rename(path)


def _aside(staged: Path) -> Path:
    return staged.with_name(staged.name + ".old")


_HERE = -100  # AT_FDCWD
_EXCHANGE = 2  # RENAME_EXCHANGE


def _swap(first: bytes, second: bytes) -> bool:
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    if renameat2(_HERE, first, _HERE, second, _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), os.fsdecode(second))


def upload(place: Place, content: Content) -> Iterator[str]:
    """Write the files of an output to a datastore that lies elsewhere: the path of each, once it
    is there.
    """
    is_file = place.output.format == "file"
    for name, _ in content.files:
        path = place.location if is_file else f"{place.location}/{name}"
        place.datastore.put(place.staged if is_file else place.staged / name, path)
        yield path


def discard(place: Place) -> None:
    """Remove what is staged: a failed step's output, or what a swap brought out."""
    _remove(place.staged)
    _remove(_aside(place.staged))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
