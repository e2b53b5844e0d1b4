"""What inputs read: where it lies, which files it has, and the digest of its content.

Each source is looked up once a run, however many steps read it. The content of what lies on this
machine is known by the digests of its files, so that changed data is noticed whatever its date;
what lies elsewhere is known by its listing (path, size and version of every file).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from amlshare.backends.interface import BackendError, Settings
from amlshare.backends.local.folder import Folder, alone_at
from amlshare.backends.local.job import Job
from amlshare.backends.local.outputs import STAGING, content_digest
from amlshare.backends.local.records import DatasetRecord, OutputRecord, Records
from amlshare.backends.local.store import Store
from amlshare.datastores import (
    Datastore,
    DatastoreError,
    Entry,
    is_file,
    lay_out,
    open_datastore,
    open_path,
)
from amlshare.movement.here import is_remote
from amlshare.pipeline import Data, Input
from amlshare.plan import digest
from amlshare.references import Reference, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What an input reads, and the digest of its content. ``made_by`` is the run that wrote it."""

    datastore: Datastore
    location: str
    digest: str
    dataset: str | None = None
    version: int | None = None
    made_by: str | None = None

    def __str__(self) -> str:
        return f"{self.datastore.name}:{self.location}" if self.datastore.name else self.location


class Datastores:
    """The datastores of a job, each opened once. Safe for many threads."""

    def __init__(self, job: Job, folder: Folder, base: Path) -> None:
        self._values = job.datastores
        self._used = sorted(set(_used(job)))
        self._folder = folder
        self._base = base
        self._open: dict[str, Datastore] = {}
        self._lock = Lock()

    def get(self, name: str) -> Datastore:
        """The datastore ``name``: its stand-in, or a folder of the state where none is named."""
        with self._lock:
            if name not in self._open:
                self._open[name] = self._opened(name)
            return self._open[name]

    def _opened(self, name: str) -> Datastore:
        value = self._stand_in(name)
        if value is None:
            folder = self._folder.datastore(name).absolute()
            folder.mkdir(parents=True, exist_ok=True)
            return open_datastore(name, str(folder), self._base)
        return open_datastore(name, value, self._base)

    def staging(self) -> list[str]:
        """The folders below which outputs are staged. Raises BackendError where a variable that the
        place of data or of an output needs is not set.
        """
        # a store elsewhere is opened when a step needs it: it may want credentials
        near = [name for name in self._used if not is_remote(self._stand_in(name))]
        folders = (self.get(name).folder for name in near)
        return [str(folder / STAGING) for folder in folders if folder is not None]

    def _stand_in(self, name: str) -> str | None:
        value = self._values.get(name)
        return None if value is None else with_env(value, f"local.datastores.{name}")


def _used(job: Job) -> Iterator[str]:
    """The datastores that the steps to run are known to read or write."""
    data = {each.name: each.datastore for each in job.data}
    for step in job.steps:
        if step.name in job.selected:
            yield from filter(None, (data.get(given.source) for given in step.inputs))
            yield from (output.datastore for output in step.outputs)


def with_env(value: str, where: str) -> str:
    """``value`` with ``${env.X}`` in place. Raises BackendError for a variable that is not set."""
    parts, _ = parse(value)
    return "".join(_env(part, where) if isinstance(part, Reference) else part for part in parts)


def _env(reference: Reference, where: str) -> str:
    if reference.name not in os.environ:
        raise BackendError(
            f"{where} names {reference}, and the environment variable {reference.name} is not set: "
            "set it, or name a folder there"
        )
    return os.environ[reference.name]


class Sources:
    """The sources of a run's inputs. Safe for many threads."""

    def __init__(
        self,
        job: Job,
        datastores: Datastores,
        records: Records,
        store: Store,
        settings: Settings,
    ) -> None:
        self._data = {each.name: each for each in job.data}
        self._downloaded = {
            given.source
            for step in job.steps
            for given in step.inputs
            if given.mode == "download" and step.name in job.selected
        }
        self._datasets = job.datasets
        self._datastores = datastores
        self._records = records
        self._store = store
        self._base = settings.base
        self._as_cloud = settings.as_cloud
        self._locks = Folder(settings.state.absolute()).root / "locks"
        self._found: dict[str, Future[Source]] = {}
        self._moved: dict[str, int] = {}
        self._lock = Lock()

    def add(self, output: OutputRecord) -> None:
        """A step's output can be read from now on."""
        future: Future[Source] = Future()
        future.set_result(self._of_output(output))
        self._found[f"{output.step}.{output.output}"] = future

    def find(self, name: str) -> Source:
        """The source called DATA or STEP.OUTPUT. Raises DatastoreError or BackendError."""
        with self._lock:
            future = self._found.get(name)
            if mine := future is None:
                future = self._found[name] = Future()
        assert future is not None
        if mine:
            try:
                future.set_result(self._of_data(self._data[name]))
            except BaseException as error:  # noqa: BLE001 - all who wait for it must see it
                future.set_exception(error)
        return future.result()

    def has_changed(self, name: str) -> bool:
        """Whether data is no longer what it was when the run first looked at it."""
        if name not in self._data:
            return False  # a step's output: its place is watched by whoever publishes
        source = self.find(name)
        try:
            files = lay_out(source.location, source.datastore.list(source.location))
            return self._digest(source.datastore, files) != source.digest
        except (DatastoreError, OSError):
            return True

    def is_published(self, output: OutputRecord) -> bool:
        """Whether a recorded output is still where it was published, unchanged."""
        datastore = self._datastores.get(output.datastore)
        try:
            files = lay_out(output.location, datastore.list(output.location))
        except DatastoreError:
            return False
        known = output.mark if datastore.folder is None else output.digest
        return self._digest(datastore, files) == known

    def _of_output(self, output: OutputRecord) -> Source:
        return Source(
            datastore=self._datastores.get(output.datastore),
            location=output.location,
            digest=output.digest,
            dataset=output.dataset,
            version=output.version,
            made_by=output.run,
        )

    def _of_data(self, data: Data) -> Source:
        if data.type != "dataset":
            datastore = self._datastores.get(data.datastore or "")
            if data.upload:
                self._moved[data.name] = self._upload(data, datastore)
            return self._listed(data, datastore, data.location or "")
        name = data.dataset or data.name
        if name in self._datasets:
            value = with_env(self._datasets[name], f"local.datasets.{name}")
            datastore, location = open_path(value, self._base)
            return self._listed(data, datastore, location)
        return self._registered(data, name)

    def _listed(
        self, data: Data, datastore: Datastore, location: str, **more: int | str | None
    ) -> Source:
        try:
            entries = datastore.list(location)
        except DatastoreError as error:
            raise BackendError(f"data '{data.name}': {error}") from error
        return Source(
            datastore=datastore,
            location=location,
            digest=self._content(data, datastore, lay_out(location, entries)),
            **more,  # type: ignore[arg-type]
        )

    def _content(self, data: Data, datastore: Datastore, files: Mapping[str, Entry]) -> str:
        """The digest of data. What is going to be downloaded is not read twice for it."""
        if self._as_cloud or datastore.folder is None or data.name not in self._downloaded:
            return self._digest(datastore, files)
        fetched = self._store.fetch_all(datastore, list(files.values()))
        moved = sum(each.moved for each in fetched)
        self._moved[data.name] = self._moved.get(data.name, 0) + moved
        return content_digest(
            (name, each.digest) for name, each in zip(files, fetched, strict=True)
        )

    def claim_moved(self, given: Input) -> int:
        """The bytes that were moved when a source was looked up. The first step that asks bears
        them; of a download, the first that downloads.
        """
        if given.source in self._downloaded and given.mode != "download":
            return 0
        with self._lock:
            return self._moved.pop(given.source, 0)

    def _digest(self, datastore: Datastore, files: Mapping[str, Entry]) -> str:
        folder = datastore.folder
        if folder is None:
            return listing_digest(datastore, files)
        return content_digest(
            (name, self._store.digest(folder / entry.path, None)) for name, entry in files.items()
        )

    def _registered(self, data: Data, name: str) -> Source:
        found = self._records.dataset(name, _number(data.version))
        if found is None:
            version = "any version" if _number(data.version) is None else f"version {data.version}"
            raise BackendError(
                f"data '{data.name}': the local catalogue has not {version} of dataset '{name}'; "
                f"run the step that registers it, or name a file or folder for it under "
                f"local.datasets.{name}"
            )
        datastore = self._datastores.get(found.datastore)
        source = self._listed(
            data, datastore, found.location, dataset=name, version=found.version, made_by=found.run
        )
        if not is_same(found, source):
            raise BackendError(
                f"data '{data.name}': version {found.version} of dataset '{name}' is gone: the "
                f"files at {source} are no longer those that were registered; register it "
                "again, and give its output a location with {run-id} so that each version stays"
            )
        return source

    def _upload(self, data: Data, datastore: Datastore) -> int:
        """Put the files of ``upload`` at their location unless they are there; the bytes that left
        this machine.
        """
        local, at = open_path(data.upload or "", self._base)
        assert local.folder is not None
        try:
            entries = local.list(at)
        except DatastoreError as error:
            raise BackendError(f"data '{data.name}', upload: {error}") from error
        target = (data.location or "").strip("/")
        single = is_file(at, entries) and not (data.location or "").endswith("/")
        files = {
            target if single else f"{target}/{name}".strip("/"): local.folder / entry.path
            for name, entry in lay_out(at, entries).items()
        }
        with alone_at(self._locks / digest([datastore.key, target])):
            return self._put(datastore, files)

    def _put(self, datastore: Datastore, files: Mapping[str, Path]) -> int:
        new = [path for path in files if not self._is_there(datastore, path, files[path])]
        for path in new:
            datastore.put(files[path], path)
            mark = datastore.list(path)[0].version
            sha = self._store.digest(files[path], None)
            self._records.note_upload(datastore.key, path, sha, mark)
        return 0 if datastore.folder else sum(files[path].stat().st_size for path in new)

    def _is_there(self, datastore: Datastore, path: str, source: Path) -> bool:
        sha = self._store.digest(source, None)
        if not datastore.exists(path):
            return False
        if datastore.folder is not None:
            return self._store.digest(datastore.folder / path, None) == sha
        known = self._records.uploaded(datastore.key, path)
        return known == (sha, datastore.list(path)[0].version)


def listing_digest(datastore: Datastore, files: Mapping[str, Entry]) -> str:
    """What tells a remote listing from any other."""
    return content_digest(
        (name, f"{datastore.key} {entry.path} {entry.size} {entry.version}")
        for name, entry in files.items()
    )


def is_same(record: OutputRecord | DatasetRecord, source: Source) -> bool:
    """Whether a source still is what was recorded of it."""
    wanted = record.digest if source.datastore.folder is not None else record.mark
    return source.digest == wanted


def _number(version: str | None) -> int | None:
    return int(version) if version and version.isdecimal() else None
