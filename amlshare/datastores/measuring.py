"""How much lies at a location, and a digest that is another once that changes.

The digest is the same on every machine that sees the same data. Of what lies in a folder it is made
of the content, since a file's times and numbers differ between two copies; of what lies elsewhere
of the listing: the path, size and version (ETag) of every file. Paths count from the location.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from amlshare.datastores.interface import Datastore, Entry
from amlshare.datastores.location import lay_out

DigestFile = Callable[[Path], str]
Place = tuple[Datastore, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Bytes and files at one or several places.

    ``digest`` is None where a server does not tell when a file changes.
    """

    bytes: int
    files: int
    digest: str | None


def measure(places: Iterable[Place], digest_file: DigestFile) -> Measured:
    """What lies at ``places``, all of them together.

    ``digest_file`` gives the sha256 of a local file. Raises DatastoreError, also where nothing
    lies, and OSError for a file that cannot be read.
    """
    found = sha256()
    size = files = 0
    is_lasting = True
    for datastore, location in places:
        for path, entry in lay_out(location, datastore.list(location)).items():
            size += entry.size
            files += 1
            is_lasting = is_lasting and entry.is_lasting
            found.update(_line(path, entry, datastore.folder, digest_file))
    digest = f"sha256:{found.hexdigest()[:16]}" if is_lasting else None
    return Measured(bytes=size, files=files, digest=digest)


def _line(path: str, entry: Entry, folder: Path | None, digest_file: DigestFile) -> bytes:
    content = entry.version if folder is None else digest_file(folder / entry.path)
    return f"{path}\0{entry.size}\0{content}\n".encode("utf-8", "surrogatepass")
