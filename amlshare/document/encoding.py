"""Bytes as text that YAML allows: what is no UTF-8, or no text, is named and replaced."""

from __future__ import annotations

import codecs
import re

from amlshare.document.syntax import Fault

MAX_BYTES = 8 * 2**20

# What YAML does not allow, and the byte order mark, which it allows at the start alone. The
# opposite of what it allows would take ten times as long to compile.
_ILLEGIBLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]"
)


def decode(raw: bytes) -> tuple[str, list[Fault]]:
    """The text in ``raw``, and what is wrong with its bytes."""
    if len(raw) > MAX_BYTES:
        return "", [_too_large()]
    if encoding := _other_encoding(raw):
        text, faults = legible(raw.decode(encoding, "replace"))
        message = f"this file is {encoding[:6].upper()}, and a spec is UTF-8"
        return text, [_bad_encoding(message, 0, 0, "save it as UTF-8"), *faults]
    try:
        return legible(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        text, faults = legible(raw.decode("utf-8", "replace"))
        start = len(raw[: error.start].decode("utf-8").removeprefix("\ufeff"))
        letter = raw[error.start : error.start + 1].decode("latin-1")
        known = f" (in Latin-1 it would be '{letter}')" if letter.isprintable() else ""
        message = f"the byte 0x{ord(letter):02X} is not UTF-8{known}"
        fault = _bad_encoding(message, start, start + 1, "save the file as UTF-8")
        return text, [fault, *faults]


def legible(text: str) -> tuple[str, list[Fault]]:
    """The text without a byte order mark, with U+FFFD for each character YAML does not allow."""
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_BYTES:
        return "", [_too_large()]
    found = _ILLEGIBLE.search(text)
    if not found:
        return text, []
    more = len(_ILLEGIBLE.findall(text)) - 1
    return _ILLEGIBLE.sub("\ufffd", text), [
        _bad_encoding(
            f"the control character U+{ord(found[0]):04X} cannot stand in a spec",
            found.start(),
            found.end(),
            "take it out" + (f", and {more} more like it below" if more else ""),
        )
    ]


def _other_encoding(raw: bytes) -> str | None:
    """UTF-32 or UTF-16, told by its mark or by the zeros between ASCII letters."""
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros = "".join("0" if byte == 0 else "x" for byte in raw[:4])
    return {"x0x0": "utf-16-le", "0x0x": "utf-16-be"}.get(zeros)


def _bad_encoding(message: str, start: int, end: int, advice: str) -> Fault:
    return Fault(code="bad-encoding", message=message, start=start, end=end, help=advice)


def _too_large() -> Fault:
    return Fault(
        code="file-too-large",
        message=f"this file is larger than {MAX_BYTES // 2**20} MiB",
        start=0,
        end=0,
        help="a spec is written by people: split the pipeline, or keep long lists in data",
    )
