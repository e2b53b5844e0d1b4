"""How fast data really comes: rates from what finished runs recorded, and the file that keeps them.

A rate is the median over those samples in which it is what takes the time: of many small files,
requests; of a few large ones, bytes. What too few samples tell of stays as it was assumed.
``NAME.rates.yaml`` lies beside ``NAME.yaml``, under version control, so that a plan says the same
whoever makes it. Pure: whoever calibrates passes in the samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any, Literal, TypeAlias

from amlshare.diagnostics import Diagnostic, Route
from amlshare.document import Document
from amlshare.document.edits import Drop, Edit, EditError, Put
from amlshare.document.reading import Reader
from amlshare.document.writing import flow
from amlshare.movement.machines import Machine
from amlshare.movement.rates import RATES, Rates
from amlshare.units import parse_size, show_size

FORMAT = 1
_FEW = 2
"""Samples that make no median yet: one may have been disturbed, and nobody would see it."""
_SMALL = 100_000
"""Bytes: a file of so many takes a request, and next to no time for its bytes."""
_LARGE = 4_000_000
"""Bytes: a file of so many takes its bytes' time, and next to none for its requests."""
_MANY = 50
"""Files of which the time for a request, or an entry, can be told from that of a first one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An input of a finished run, as it came from a store elsewhere.

    ``moved`` of its bytes came from ``files``, which it took ``seconds`` to wait for. A mount has
    its ``requests`` counted, and the seconds until it was there.
    """

    how: Literal["mount", "download"]
    moved: int
    files: int
    seconds: float
    requests: int | None = None
    listing_seconds: float | None = None
    mounting_seconds: float | None = None

    @property
    def each(self) -> float:
        """Bytes of a file, on average."""
        return self.moved / max(self.files, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A rate: what is assumed, and what ``samples`` tell; None where they are too few.

    ``needed`` says what tells of it, in the plural: it takes two at least.
    """

    rate: str
    assumed: float
    measured: float | None
    samples: int
    moved: int
    needed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is known of how fast data comes to a backend, in place of what is assumed.

    ``machine`` is the one on which all steps run, where the backend has one.
    """

    rates: Mapping[str, float] = field(default_factory=dict)
    machine: Mapping[str, float] = field(default_factory=dict)

    def applied(self, base: Rates = RATES) -> Rates:
        """``base`` with what is known in place."""
        known: dict[str, Any] = dict(self.rates)
        return replace(base, **known)

    def host(self) -> Machine | None:
        """The machine. Of its network nothing is known but what it brought: that is its NIC."""
        if not self.machine:
            return None
        rates, cores = self.applied(), int(self.machine["cores"])
        return Machine(
            name="this machine",
            cores=cores,
            nic_mbit=math.ceil(cores * rates.core * 8 / 1e6 / rates.nic),
            ram_gib=self.machine["ram_gib"],
            temp_gib=int(self.machine["disk_gib"]),
            temp_mb_s=None,
        )


# Measuring


def calibrate(samples: Iterable[Sample], cores: int, assumed: Rates = RATES) -> list[Measure]:
    """What ``samples`` of a machine with so many cores tell, rate by rate."""
    every = tuple(samples)
    measures = []
    now = assumed
    for name, (needed, tell) in _TELLING.items():
        told = [(tell(each, cores, now), each.moved) for each in every]
        found = [(value, moved) for value, moved in told if value and math.isfinite(value)]
        enough = len(found) >= _FEW
        value = _rounded(median(value for value, _ in found)) if enough else None
        measures.append(
            Measure(
                rate=name,
                assumed=getattr(assumed, name),
                measured=value,
                samples=len(found),
                moved=sum(moved for _, moved in found),
                needed=needed,
            )
        )
        if value is not None:  # the next ones stand on it
            now = Profile(rates={name: value}).applied(now)
    return measures


def profile(measures: Iterable[Measure], machine: Mapping[str, float]) -> Profile:
    """What was measured, of a machine with these facts."""
    rates = {each.rate: each.measured for each in measures}
    return Profile(
        rates={name: rate for name, rate in rates.items() if rate is not None}, machine=machine
    )


_Tell: TypeAlias = Callable[[Sample, int, Rates], float | None]


def _latency(each: Sample, _cores: int, _rates: Rates) -> float | None:
    few = each.how == "download" or each.each > _SMALL or (each.requests or 0) < _MANY
    return None if few else each.seconds / (each.requests or 1)


def _threads(each: Sample, cores: int, rates: Rates) -> float | None:
    few = each.how == "mount" or each.each > _SMALL or each.files < _MANY
    return None if few else each.files * rates.latency / each.seconds / cores


def _file(each: Sample, _cores: int, rates: Rates) -> float | None:
    if each.how == "download" or each.each < _LARGE:
        return None
    return each.moved / max(each.seconds - each.files * rates.latency, each.seconds / 2)


def _core(each: Sample, cores: int, _rates: Rates) -> float | None:
    return None if each.how == "mount" or each.each < _LARGE else each.moved / each.seconds / cores


def _listing(each: Sample, _cores: int, _rates: Rates) -> float | None:
    few = not each.listing_seconds or each.files < _MANY
    return None if few else each.files / (each.listing_seconds or 1)


def _mounting(each: Sample, _cores: int, _rates: Rates) -> float | None:
    return each.mounting_seconds


_TELLING: Mapping[str, tuple[str, _Tell]] = {
    "core": (f"downloads of files of {show_size(_LARGE)} or more", _core),
    "latency": (f"mounts of which {_MANY} small files are read", _latency),
    "threads": (f"downloads of {_MANY} small files", _threads),
    "file": (f"mounts of files of {show_size(_LARGE)} or more that are read", _file),
    "listing": (f"listings of {_MANY} files", _listing),
    "mounting": ("mounts", _mounting),
}


def _rounded(value: float) -> float:
    """Three digits: the fourth is noise."""
    return float(f"{value:.3g}")


# As text

SECTIONS = ("local", "azureml")
"""Whose rates a file has; that of Azure is for both of its backends."""


def section(backend: str) -> str:
    """The section of a file that a backend goes by."""
    return "local" if backend == "local" else "azureml"


def write(profile: Profile, spec: str, before: Document | None = None) -> str:
    """The text of the rates of ``spec``, the name of its file, with ``profile`` as those of this
    machine. What else is in ``before``, a file of rates, stays as it is.

    Raises EditError for a file whose text cannot say that.
    """
    if before is None:
        return "\n".join([*_head(spec), "local:", *_lines(profile)]) + "\n"
    from amlshare.document.rewriting import edited

    source, _ = before.origin(())
    new = _plain(profile)
    try:
        texts = edited(before, _edits(before.data.get("local"), new))
    except EditError:  # an alias, say: it goes
        texts = edited(before, [Put(route=("local",), value=new)])
    return texts.get(source.file, source.text)


def _head(spec: str) -> Iterator[str]:
    yield f"# How fast data comes: `local` is of `amlshare calibrate {spec} --write`."
    yield "# Keep it beside the spec, under version control. What is missing is as assumed."
    yield f"rates: {FORMAT}"


def _lines(profile: Profile) -> Iterator[str]:
    for name, value in _plain(profile).items():
        line = f"  {name}: {flow(value)}"
        yield f"{line:<22}# {_RATES[name].meaning}" if name in _RATES else line


def _plain(profile: Profile) -> dict[str, Any]:
    """The profile as its file has it."""
    machine = {key: _number(value) for key, value in profile.machine.items()}
    return {
        **({"machine": machine} if machine else {}),
        **{
            name: show_size(round(value)) if _RATES[name].is_size else _number(value)
            for name, value in profile.rates.items()
        },
    }


def _number(value: float) -> float:
    return int(value) if value == int(value) else value


def _edits(old: Any, new: Mapping[str, Any]) -> Iterator[Edit]:
    """What makes one section the other, with the comments that stand in it."""
    if not old or not new:
        yield Put(route=("local",), value=new)
        return
    yield from (
        Put(route=("local", key), value=value)
        for key, value in new.items()
        if old.get(key) != value
    )
    yield from (Drop(route=("local", key)) for key in old if key not in new)


# From text


def read(document: Document, spec: str) -> tuple[dict[str, Profile], tuple[Diagnostic, ...]]:
    """The profiles in a document by section, and what is wrong with it: then there are none."""
    reader = _Reader(
        f"mend it, or take it out to go by what is assumed: `amlshare calibrate {spec}` shows that"
    )
    if wrong := reader.broken(document):
        return {}, wrong
    profiles = reader.profiles(document.data)
    wrong = reader.located(document)
    return ({}, wrong) if wrong else (profiles, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """What may stand under a key: a number or a size, above 0."""

    meaning: str
    is_size: bool = False
    most: float = math.inf

    @property
    def expected(self) -> str:
        if self.is_size:
            return "a number of bytes a second, such as 90 MB"
        return "a number above 0" + (f", at most {self.most:g}" if self.most < math.inf else "")

    def value(self, given: Any) -> float | None:
        """What is given as a number; None where it does not fit."""
        if self.is_size and isinstance(given, (str, int)) and not isinstance(given, bool):
            try:
                given = parse_size(given)
            except ValueError:
                return None
        if isinstance(given, bool) or not isinstance(given, (int, float)):
            return None
        return given if 0 < given <= self.most else None


_RATES: Mapping[str, _Key] = {
    "core": _Key(meaning="a second, into each core", is_size=True),
    "file": _Key(meaning="a second, of one file", is_size=True),
    "latency": _Key(meaning="seconds until a request is answered"),
    "threads": _Key(meaning="requests at a time, for each core"),
    "listing": _Key(meaning="entries listed in a second"),
    "mounting": _Key(meaning="seconds until a mount is there"),
    "nic": _Key(meaning="part of the network that is filled", most=1),
}
_MACHINE: Mapping[str, _Key] = {
    "cores": _Key(meaning="cores"),
    "ram_gib": _Key(meaning="GiB of memory"),
    "disk_gib": _Key(meaning="GiB free for data"),
}


class _Reader(Reader):
    """Plain data as profiles."""

    code = "bad-rates"
    name = "rates file"

    def profiles(self, data: Mapping[str, Any]) -> dict[str, Profile]:
        if data.get("rates") != FORMAT:
            route: Route = ("rates",) if "rates" in data else ()
            self.wrong(route, "these are no rates of amlshare", f"expected rates: {FORMAT}")
            return {}
        self.no_others(data, (), ("rates", *SECTIONS))
        return {name: self._profile(data[name], (name,)) for name in SECTIONS if name in data}

    def _profile(self, given: Any, route: Route) -> Profile:
        given = self.mapping(given, route)
        own = ("machine",) if route == ("local",) else ()
        self.no_others(given, route, (*own, *_RATES))
        machine = self._values(given.get("machine", {}), (*route, "machine"), _MACHINE)
        if machine and len(machine) < len(_MACHINE):
            expected = f"expected {', '.join(_MACHINE)}"
            self.wrong((*route, "machine"), "this is not all of the machine", expected)
        rates = {key: value for key, value in given.items() if key in _RATES}
        return Profile(rates=self._values(rates, route, _RATES), machine=machine)

    def _values(self, given: Any, route: Route, keys: Mapping[str, _Key]) -> dict[str, float]:
        given = self.mapping(given, route)
        self.no_others(given, route, keys)
        found = {}
        for name, key in keys.items():
            if name in given and (value := key.value(given[name])) is not None:
                found[name] = value
            elif name in given:
                self.wrong((*route, name), f"'{name}' must be {key.expected}", key.meaning)
        return found
