"""What was done: one SQLite file with runs, steps, outputs, reuse keys and the dataset catalogue.

Every change is one short transaction, safe for several processes. It survives a killed process at
any moment; a power cut may lose the last moments (nothing is synced: a step costs no disk wait).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

from amlshare.backends.interface import BackendError

_PATIENCE = 60.0  # seconds to wait for another process's transaction

_FIRST = """
CREATE TABLE runs(
  id TEXT PRIMARY KEY, pipeline TEXT NOT NULL, target TEXT, job TEXT NOT NULL,
  status TEXT NOT NULL, created REAL NOT NULL, finished REAL, message TEXT,
  experiment TEXT, tags TEXT NOT NULL DEFAULT '{}', staging TEXT NOT NULL DEFAULT '[]');
CREATE INDEX runs_of ON runs(pipeline, target, created);
CREATE TABLE steps(
  run TEXT, step TEXT, position INTEGER NOT NULL, status TEXT NOT NULL, reused INTEGER,
  seconds REAL, moved_bytes INTEGER, message TEXT, attempts INTEGER NOT NULL DEFAULT 0,
  key TEXT, own TEXT, code TEXT, made_by TEXT, finished REAL,
  PRIMARY KEY(run, step));
CREATE TABLE inputs(
  run TEXT, step TEXT, input TEXT, source TEXT NOT NULL, mode TEXT NOT NULL, how TEXT,
  digest TEXT NOT NULL, datastore TEXT, location TEXT, dataset TEXT, version INTEGER,
  made_by TEXT, moved_bytes INTEGER,
  PRIMARY KEY(run, step, input));
CREATE TABLE outputs(
  run TEXT, step TEXT, output TEXT, type TEXT NOT NULL, format TEXT NOT NULL,
  datastore TEXT NOT NULL, url TEXT NOT NULL, location TEXT NOT NULL, digest TEXT NOT NULL,
  files INTEGER NOT NULL, bytes INTEGER NOT NULL, dataset TEXT, version INTEGER,
  description TEXT, tags TEXT NOT NULL DEFAULT '{}', mark TEXT, kept INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(run, step, output));
CREATE INDEX outputs_at ON outputs(datastore, location);
CREATE TABLE publications(
  run TEXT, step TEXT, output TEXT, staged TEXT NOT NULL, place TEXT,
  device INTEGER, inode INTEGER,
  PRIMARY KEY(run, step, output));
CREATE INDEX publications_at ON publications(place);
CREATE TABLE reuse(key TEXT PRIMARY KEY, run TEXT NOT NULL, step TEXT NOT NULL);
CREATE TABLE datasets(
  name TEXT, version INTEGER, digest TEXT NOT NULL, format TEXT NOT NULL,
  datastore TEXT NOT NULL, url TEXT NOT NULL, location TEXT NOT NULL,
  description TEXT, tags TEXT NOT NULL DEFAULT '{}',
  run TEXT, step TEXT, output TEXT, created REAL NOT NULL, mark TEXT,
  PRIMARY KEY(name, version));
CREATE TABLE uploads(url TEXT, location TEXT, digest TEXT NOT NULL, mark TEXT NOT NULL,
  PRIMARY KEY(url, location));
"""
_WITH_COSTS = """
ALTER TABLE inputs ADD COLUMN url TEXT;
ALTER TABLE inputs ADD COLUMN bytes INTEGER;
ALTER TABLE inputs ADD COLUMN files INTEGER;
ALTER TABLE inputs ADD COLUMN requests INTEGER;
ALTER TABLE inputs ADD COLUMN seconds REAL;
ALTER TABLE inputs ADD COLUMN listing_seconds REAL;
ALTER TABLE inputs ADD COLUMN mounting_seconds REAL;
"""
_VERSIONS = (_FIRST, _WITH_COSTS)
"""What makes each version of the file of the one before, the first of an empty one. Never changed:
files that were written by any of them are there."""
VERSION = len(_VERSIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run. ``status`` is running, completed, failed or interrupted; times are Unix seconds.

    ``staging`` are the folders where its outputs are staged.
    """

    id: str
    pipeline: str
    target: str | None
    job: str
    status: str
    created: float
    finished: float | None = None
    message: str | None = None
    experiment: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    staging: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """A step of a run. ``publishing`` is the status between its success and its last rename.

    ``key`` decides about reuse, ``own`` is that part of it which its inputs have no say in;
    ``made_by`` is the run whose outputs it took over.
    """

    run: str
    step: str
    position: int
    status: str
    reused: bool | None = None
    seconds: float | None = None
    moved_bytes: int | None = None
    message: str | None = None
    attempts: int = 0
    key: str | None = None
    own: str | None = None
    code: str | None = None
    made_by: str | None = None
    finished: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRecord:
    """What a step read: the content's digest and where it lay. ``made_by`` is the run whose step
    wrote it; ``how`` the view that was given (bind, link, copy, fuse, direct).

    ``bytes`` in ``files`` lay at the source. ``moved_bytes`` of them were read from it, and the
    step waited for ``seconds`` until they had come; ``requests`` are counted of a mount alone.
    """

    run: str
    step: str
    input: str
    source: str
    mode: str
    digest: str
    how: str | None = None
    datastore: str | None = None
    location: str | None = None
    dataset: str | None = None
    version: int | None = None
    made_by: str | None = None
    moved_bytes: int | None = None
    url: str | None = None
    bytes: int | None = None
    files: int | None = None
    requests: int | None = None
    seconds: float | None = None
    listing_seconds: float | None = None
    mounting_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRecord:
    """What a step published: ``location`` in the datastore at ``url``, and the content's digest.

    ``mark`` is the digest of a remote listing, by which a later change is noticed; ``kept`` is how
    many files lay at the place that no run has put there.
    """

    run: str
    step: str
    output: str
    type: str
    format: str
    datastore: str
    url: str
    location: str
    digest: str
    files: int
    bytes: int
    dataset: str | None = None
    version: int | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    mark: str | None = None
    kept: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A rename that is about to happen: what lies at ``staged``, known by device and inode, comes
    to ``place`` (None: it is uploaded).
    """

    run: str
    step: str
    output: str
    staged: str
    place: str | None = None
    device: int | None = None
    inode: int | None = None


_HIGHEST = "WHERE name=? ORDER BY version DESC LIMIT 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRecord:
    """A version of a registered dataset; ``created`` is when it was registered last."""

    name: str
    version: int
    digest: str
    format: str
    datastore: str
    url: str
    location: str
    created: float
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    run: str | None = None
    step: str | None = None
    output: str | None = None
    mark: str | None = None


Record = TypeVar(
    "Record", RunRecord, StepRecord, InputRecord, OutputRecord, Publication, DatasetRecord
)
_TABLES: dict[type, str] = {
    RunRecord: "runs",
    StepRecord: "steps",
    InputRecord: "inputs",
    OutputRecord: "outputs",
    Publication: "publications",
    DatasetRecord: "datasets",
}
_COLUMNS = {kind: tuple(each.name for each in fields(kind)) for kind in _TABLES}


class Records:
    """The records of a state folder. Safe for many threads and processes."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises BackendError where it cannot be read."""
        self.path = path
        self._lock = RLock()
        try:
            self._db = sqlite3.connect(
                path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
            self._set_up()
        except sqlite3.Error as error:
            raise BackendError(unusable(path, error)) from error

    def _set_up(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        with self.change():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            for statement in filter(str.strip, ";".join(_VERSIONS[version:]).split(";")):
                self._db.execute(statement)
            if version < VERSION:
                self._db.execute(f"PRAGMA user_version={VERSION}")
            elif version > VERSION:
                raise BackendError(
                    f"{self.path} was written by a newer amlshare (its version {version}, this one "
                    f"reads {VERSION}): upgrade amlshare, or remove the folder {self.path.parent} "
                    "to start anew"
                )

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """One transaction: all of it happens or nothing. May be entered again within itself."""
        with self._lock:
            if self._is_changing():
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._is_changing():  # a full disk ends it by itself
                    self._db.execute("ROLLBACK")
                raise

    def _is_changing(self) -> bool:
        return self._db.in_transaction

    def put(self, *records: Any) -> None:
        """Write records, each in place of the one with its primary key."""
        with self.change():
            for record in records:
                columns = _COLUMNS[type(record)]
                marks = ",".join("?" * len(columns))
                self._db.execute(
                    f"INSERT OR REPLACE INTO {_TABLES[type(record)]}({','.join(columns)}) "
                    f"VALUES({marks})",
                    [_cell(getattr(record, column)) for column in columns],
                )

    def find(self, kind: type[Record], tail: str = "", *values: Any) -> list[Record]:
        """Records of a kind; ``tail`` is what follows FROM TABLE."""
        columns = _COLUMNS[kind]
        # names of tables and columns are ours; values never get into the text
        query = f"SELECT {','.join(columns)} FROM {_TABLES[kind]} {tail}"  # noqa: S608
        with self._lock:
            rows = self._db.execute(query, values).fetchall()
        return [kind(**_read(dict(zip(columns, row, strict=True)))) for row in rows]

    # runs

    def last_run(self, pipeline: str, target: str | None) -> RunRecord | None:
        """The newest run of a pipeline and target."""
        tail = "WHERE pipeline=? AND target IS ? ORDER BY created DESC, id DESC LIMIT 1"
        return _first(self.find(RunRecord, tail, pipeline, target))

    def end_run(self, run: str, status: str, message: str | None = None) -> None:
        with self.change():
            self._db.execute(
                "UPDATE runs SET status=?, finished=?, message=? WHERE id=?",
                (status, time.time(), message, run),
            )

    def reopen_run(self, run: str) -> None:
        """An interrupted run goes on: what had not finished is queued again."""
        with self.change():
            self._db.execute(
                "UPDATE runs SET status='running', finished=NULL, message=NULL WHERE id=?", (run,)
            )
            self._db.execute(
                "UPDATE steps SET status='queued', message=NULL, seconds=NULL, moved_bytes=NULL "
                "WHERE run=? AND status<>'completed'",
                (run,),
            )

    def interrupt_run(self, run: str) -> None:
        """Note that a run was stopped or killed before its end."""
        with self.change():
            self.end_run(run, "interrupted")
            self._db.execute(
                "UPDATE steps SET status='canceled' WHERE run=? AND status='running'", (run,)
            )

    def forget_runs(self, runs: Iterable[str]) -> None:
        """Remove runs and all that refers to them; the catalogue stays."""
        with self.change():
            for run in runs:
                self._db.execute("DELETE FROM runs WHERE id=?", (run,))
                for table in ("steps", "inputs", "outputs", "publications", "reuse"):
                    self._db.execute(f"DELETE FROM {table} WHERE run=?", (run,))  # noqa: S608

    # steps

    def steps(self, run: str) -> list[StepRecord]:
        return self.find(StepRecord, "WHERE run=? ORDER BY position", run)

    def outputs(self, run: str, step: str) -> list[OutputRecord]:
        return self.find(OutputRecord, "WHERE run=? AND step=? ORDER BY output", run, step)

    def inputs(self, run: str, step: str) -> list[InputRecord]:
        return self.find(InputRecord, "WHERE run=? AND step=? ORDER BY input", run, step)

    def publications(self, run: str, step: str) -> list[Publication]:
        return self.find(Publication, "WHERE run=? AND step=?", run, step)

    def is_unfinished(self, place: str) -> bool:
        """Whether a publication to ``place`` was begun and never ended."""
        return bool(self.find(Publication, "WHERE place=? LIMIT 1", place))

    def published(self, datastore: str, location: str) -> list[OutputRecord]:
        """The outputs that were published at a location, the last one first. Each may be what lies
        there: a run that began earlier may have published later.
        """
        tail = (
            "WHERE datastore=? AND location=? ORDER BY (SELECT finished FROM steps "
            "WHERE steps.run=outputs.run AND steps.step=outputs.step) DESC"
        )
        return self.find(OutputRecord, tail, datastore, location)

    def forget_publication(self, run: str, step: str) -> None:
        """A publication that failed, and was undone, leaves no trace."""
        with self.change():
            for table in ("outputs", "publications"):
                query = f"DELETE FROM {table} WHERE run=? AND step=?"  # noqa: S608
                self._db.execute(query, (run, step))

    def finish_step(self, step: StepRecord, *, reusable: bool) -> list[OutputRecord]:
        """A step has published: register its datasets, make it known for reuse, end it.

        Returns its outputs, with the versions that they became.
        """
        with self.change():
            outputs = [self._registered(each) for each in self.outputs(step.run, step.step)]
            self.put(step, *outputs)
            self._forget_publications(step)
            if reusable and step.key:
                self._db.execute(
                    "INSERT OR REPLACE INTO reuse(key, run, step) VALUES(?,?,?)",
                    (step.key, step.run, step.step),
                )
        return outputs

    def _forget_publications(self, step: StepRecord) -> None:
        """Those of a step, and unfinished ones at the same places, where it lies now."""
        mine = (step.run, step.step)
        self._db.execute(
            "DELETE FROM publications WHERE place IN "
            "(SELECT place FROM publications WHERE run=? AND step=?)",
            mine,
        )
        self._db.execute("DELETE FROM publications WHERE run=? AND step=?", mine)

    def reusable(self, key: str) -> tuple[str, str] | None:
        """The run and step that last had this key."""
        with self._lock:
            row = self._db.execute("SELECT run, step FROM reuse WHERE key=?", (key,)).fetchone()
        return (row[0], row[1]) if row else None

    def last_made(self, pipeline: str, target: str | None, step: str) -> StepRecord | None:
        """The newest finish of a step in any run of a pipeline and target."""
        tail = (
            "WHERE step=? AND status='completed' AND run IN "
            "(SELECT id FROM runs WHERE pipeline=? AND target IS ?) "
            "ORDER BY finished DESC LIMIT 1"
        )
        return _first(self.find(StepRecord, tail, step, pipeline, target))

    # datasets

    def _registered(self, output: OutputRecord) -> OutputRecord:
        """Same content, same version; else the next one. A version lies where its content was last
        published, since what lay there before may be gone, and is then the latest again.
        """
        if output.dataset is None:
            return output
        tail = "WHERE name=? AND digest=? ORDER BY version DESC LIMIT 1"
        same = _first(self.find(DatasetRecord, tail, output.dataset, output.digest))
        highest = _first(self.find(DatasetRecord, _HIGHEST, output.dataset))
        number = same.version if same else (highest.version if highest else 0) + 1
        self.put(_dataset(output, number, time.time()))
        return replace(output, version=number)

    def dataset(self, name: str, version: int | None = None) -> DatasetRecord | None:
        """A version of a dataset, the one registered last where none is named."""
        if version is None:
            tail = "WHERE name=? ORDER BY created DESC, version DESC LIMIT 1"
            return _first(self.find(DatasetRecord, tail, name))
        return _first(self.find(DatasetRecord, "WHERE name=? AND version=?", name, version))

    # uploads

    def uploaded(self, url: str, location: str) -> tuple[str, str] | None:
        """The content's digest and the mark of the listing after an upload."""
        with self._lock:
            row = self._db.execute(
                "SELECT digest, mark FROM uploads WHERE url=? AND location=?", (url, location)
            ).fetchone()
        return (row[0], row[1]) if row else None

    def note_upload(self, url: str, location: str, digest: str, mark: str) -> None:
        with self.change():
            self._db.execute(
                "INSERT OR REPLACE INTO uploads VALUES(?,?,?,?)", (url, location, digest, mark)
            )


def _dataset(output: OutputRecord, version: int, created: float) -> DatasetRecord:
    assert output.dataset is not None
    return DatasetRecord(
        name=output.dataset,
        version=version,
        digest=output.digest,
        format=output.format,
        datastore=output.datastore,
        url=output.url,
        location=output.location,
        created=created,
        description=output.description,
        tags=output.tags,
        run=output.run,
        step=output.step,
        output=output.output,
        mark=output.mark,
    )


def _first(found: list[Record]) -> Record | None:
    return found[0] if found else None


def _cell(value: Any) -> Any:
    if isinstance(value, Mapping):
        return json.dumps(dict(value), sort_keys=True)
    return json.dumps(value) if isinstance(value, tuple) else value


def _read(row: dict[str, Any]) -> dict[str, Any]:
    if "tags" in row:
        row["tags"] = json.loads(row["tags"])
    if "staging" in row:
        row["staging"] = tuple(json.loads(row["staging"]))
    if row.get("reused") is not None:
        row["reused"] = bool(row["reused"])
    return row


def unusable(path: Path, error: sqlite3.Error) -> str:
    """What a person should know of a database that fails, and do."""
    if "locked" in str(error):
        return f"{path} is held by another process for longer than {_PATIENCE:.0f} s: end that one"
    return (
        f"{path} cannot be used ({error}): remove it to start anew; what steps published stays "
        "where it is, but nothing is known to be reusable"
    )
