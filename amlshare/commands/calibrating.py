"""Rates from what finished runs on this machine recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from amlshare.commands.request import Request, UsageError
from amlshare.diagnostics import SpecError

if TYPE_CHECKING:
    from amlshare.calibration import Measure, Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What finished runs tell of this machine. ``file`` keeps it, where a spec is named;
    ``transfers`` came from stores elsewhere.
    """

    measures: tuple[Measure, ...]
    profile: Profile
    transfers: int
    file: Path | None = None
    written: bool = False


def calibrate(where: Path, *, write: bool = False) -> Calibration:
    """The rates of the runs beside a spec, or in a folder; with ``write`` they are kept beside
    the spec. Raises UsageError where that cannot be, SpecError for a file that is no rates file.
    """
    from amlshare import calibration
    from amlshare.backends.local.samples import samples, this_machine
    from amlshare.commands.runs import state_of

    state = state_of(where)
    file = Request(spec=str(where)).rates if where.is_file() else None
    machine, found = this_machine(state), samples(state)
    measures = calibration.calibrate(found, int(machine["cores"]))
    profile = calibration.profile(measures, machine)
    if write:
        _keep(profile, where, file)
    return Calibration(
        measures=tuple(measures),
        profile=profile,
        transfers=len(found),
        file=file,
        written=write,
    )


def _keep(profile: Profile, spec: Path, file: Path | None) -> None:
    from amlshare import calibration, document
    from amlshare.document.edits import EditError
    from amlshare.files import write_whole

    if file is None:
        raise UsageError(f"rates are kept beside a spec, and '{spec}' is a folder: name the spec")
    if not profile.rates:
        raise UsageError("no rate was measured: there is nothing to write")
    before = document.read(file) if file.exists() else None
    if before is not None and (wrong := calibration.read(before, spec.name)[1]):
        raise SpecError(wrong)
    try:
        text = calibration.write(profile, spec.name, before)
    except EditError as error:
        raise UsageError(f"{error}: take the section `local` out of it, and try again") from None
    if wrong := calibration.read(document.parse(text, file.as_posix()), spec.name)[1]:
        raise SpecError(wrong)
    try:
        write_whole(file, text.encode())
    except OSError as error:
        raise UsageError(f"cannot write '{file}': {error.strerror}") from None
