"""Rates that were measured beside those that are assumed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from amlshare.render.paper import Paper, Parts, clean, flow, pad, pad_left
from amlshare.render.words import count
from amlshare.units import show_size

if TYPE_CHECKING:
    from amlshare.calibration import Measure
    from amlshare.commands.calibrating import Calibration

_MEANING = {
    "core": "into each core",
    "file": "of one file",
    "latency": "until a request is answered",
    "threads": "requests at a time for each core",
    "listing": "entries listed",
    "mounting": "until a mount is there",
}


def calibration_text(found: Calibration, paper: Paper, *, keep: str) -> str:
    """A table of the rates, what is missing, and ``keep``, the command that keeps them."""
    lines = [*_head(found, paper), ""]
    rows = [("rate", "assumed", "measured", ""), *map(_row, found.measures)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for rate, assumed, measured, about in rows:
        cells = [pad(rate, widths[0]), pad_left(assumed, widths[1])]
        line = "  ".join(["", *cells, pad_left(measured, widths[2])])
        parts: Parts = [(about, paper.dim)]
        lines += flow(line, len(line), parts, below=4, width=paper.width)
    return "\n".join([*lines, "", *_end(found, keep)]) + "\n"


def _head(found: Calibration, paper: Paper) -> Iterator[str]:
    machine = found.profile.machine
    yield paper.bold("Rates of this machine") + ", from " + count(found.transfers, "transfer")
    yield paper.dim(
        f"  {count(int(machine['cores']), 'core')}, {machine['ram_gib']:g} GiB of memory, "
        f"{machine['disk_gib']:,.0f} GiB free for data"
    )


def _row(measure: Measure) -> tuple[str, str, str, str]:
    measured, meaning = measure.measured, _MEANING[measure.rate]
    assumed = _shown(measure.rate, measure.assumed)
    if measured is None:
        return measure.rate, assumed, "-", f"to measure it: two {measure.needed}"
    source = f"{count(measure.samples, 'transfer')}, {show_size(measure.moved)}"
    return measure.rate, assumed, _shown(measure.rate, measured), f"{meaning}; from {source}"


def _shown(rate: str, value: float) -> str:
    match rate:
        case "core" | "file":
            return f"{show_size(round(value))}/s"
        case "latency":
            return f"{1000 * value:.3g} ms"
        case "listing":
            return f"{value:,.0f}/s"
        case "mounting":
            return f"{value:.3g} s"
        case _:
            return f"{value:.3g}"


def _end(found: Calibration, keep: str) -> Iterator[str]:
    if found.written:
        yield f"written to {clean(str(found.file))}: `plan` goes by them from now on"
    elif not found.profile.rates:
        yield "Only data that comes from a store elsewhere tells anything: name a URL under"
        yield "`local.datastores`, and run what reads it with `submit --backend local`."
    else:
        yield f"Keep them:  {keep}"


def calibration_document(found: Calibration) -> dict[str, Any]:
    """What `calibrate --format json` prints: bytes, seconds, and entries a second."""
    return {
        "format": 1,
        "backend": "local",
        "machine": dict(found.profile.machine),
        "transfers": found.transfers,
        "rates": [
            {
                "rate": each.rate,
                "assumed": each.assumed,
                "measured": each.measured,
                "transfers": each.samples,
                "moved_bytes": each.moved,
            }
            for each in found.measures
        ],
        "file": None if found.file is None else str(found.file),
        "written": found.written,
    }
