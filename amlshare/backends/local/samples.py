"""What finished runs tell of how fast data comes to this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from amlshare.backends.local.folder import Folder
from amlshare.backends.local.program import cores
from amlshare.backends.local.records import InputRecord, Records
from amlshare.calibration import Sample
from amlshare.movement.here import is_remote

_LAST = 1000  # inputs: what came long ago came from another store, perhaps, or to another machine


def samples(state: Path) -> tuple[Sample, ...]:
    """The inputs of finished steps that came from a store elsewhere, the newest first. Whatever
    was fetched only in part, since the rest was here already, tells nothing.
    """
    database = Folder(state).database
    if not database.exists():
        return ()
    records = Records(database)
    try:
        return tuple(_samples(records))
    finally:
        records.close()


def _samples(records: Records) -> Iterator[Sample]:
    tail = "WHERE moved_bytes > 0 AND seconds > 0 ORDER BY run DESC, step, input LIMIT ?"
    for each in records.find(InputRecord, tail, _LAST):
        if is_remote(each.url):
            if each.how == "fuse":
                yield _mounted(each)
            elif each.moved_bytes == each.bytes:
                yield _downloaded(each)


def _mounted(each: InputRecord) -> Sample:
    """Each file that was opened took a request, and a large one as many as it has blocks."""
    return Sample(
        how="mount",
        moved=each.moved_bytes or 0,
        files=min(each.files or 1, each.requests or 1),
        requests=each.requests,
        seconds=each.seconds or 0.0,
        listing_seconds=each.listing_seconds,
        mounting_seconds=each.mounting_seconds,
    )


def _downloaded(each: InputRecord) -> Sample:
    return Sample(
        how="download",
        moved=each.moved_bytes or 0,
        files=each.files or 1,
        seconds=each.seconds or 0.0,
        listing_seconds=each.listing_seconds,
    )


def this_machine(state: Path) -> dict[str, float]:
    """Its cores, GiB of memory and GiB that are free where its runs keep their data."""
    folder = next(each for each in (state, *state.absolute().parents) if each.exists())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": cores(),
        "ram_gib": round(memory / 2**30, 1),
        "disk_gib": shutil.disk_usage(folder).free // 2**30,
    }
