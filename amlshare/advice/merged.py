"""Several steps as one, in the words of a spec: a `sequence` of what they ran."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from amlshare.checks.outputs import fill
from amlshare.document.edits import Drop, Edit, Put
from amlshare.pipeline import Input, Output, Pipeline, Step, readers_of
from amlshare.references import Kind, Reference, parse, write
from amlshare.resolution import DEFAULT_LOCATION

_LONGEST = 60
"""Characters of a step's name that still names each of the steps that it was."""
_WHOLE: tuple[str, ...] = ("compute", "environment", "code", "env", "reuse")
"""Keys that say the same in all of the steps, or are left to `defaults` by some."""


class ApartError(Exception):
    """Steps that cannot be made one without changing what they do."""


@dataclass(slots=True)
class _Names:
    """What the ports of one of the steps are called in the merged one."""

    step: Step
    references: dict[tuple[Kind, str], Reference] = field(default_factory=dict)

    def in_text(self, value: Any) -> Any:
        """A value of arguments, or a command, with the new names."""
        if isinstance(value, list):
            return [self.in_text(each) for each in value]
        if isinstance(value, dict):
            return {key: self.in_text(each) for key, each in value.items()}
        if not isinstance(value, str) or "${" not in value:
            return value
        parts, bad = parse(value)
        if bad:
            raise ApartError
        return write(tuple(map(self._renamed, parts)))

    def _renamed(self, part: str | Reference) -> str | Reference:
        if isinstance(part, str):
            return part
        return self.references.get((part.kind, part.name), part)


class Merged:
    """Several steps as one. Raises ApartError where that would change what they do.

    ``sources`` says what their outputs are called then (``STEP.OUTPUT``), ``relocated`` which of
    these are kept at another place, since the step's name is in it, and ``spread`` which tags not
    all of the steps had.
    """

    def __init__(self, pipeline: Pipeline, data: Mapping[str, Any], names: Sequence[str]) -> None:
        self._data = data
        self._names = names
        self._name = _name(names)
        self._raw = [_raw_step(data, name) for name in names]
        self._parts = [_Names(step) for step in pipeline.steps if step.name in names]
        self._readers = readers_of(pipeline)
        self._exported = set(pipeline.outputs.values())
        self._inputs: dict[str, Any] = {}
        self._outputs: dict[str, Any] = {}
        self._scratch: dict[str, Any] = {}
        self._pipeline = pipeline.name
        self.sources: dict[str, str] = {}
        self.relocated: list[str] = []
        self._tags = _tags(self._parts)
        self.spread = {
            key: value
            for key, value in self._tags.items()
            if any(key not in part.step.tags for part in self._parts)
        }
        taken = {step.name for step in pipeline.steps} | _strings(data.get("targets"))
        if self._name in taken or _named(names, data.get("targets")):
            raise ApartError
        for part, raw in zip(self._parts, self._raw, strict=True):
            self._add_outputs(part, raw)
        for part, raw in zip(self._parts, self._raw, strict=True):
            self._add_inputs(part, raw)

    def edits(self) -> Iterator[Edit]:
        """The merged step in place of the others, and its name wherever theirs stood."""
        yield Put(route=("steps", self._name), value=self._body(), after=self._names[-1])
        for name in self._names:
            yield Drop(route=("steps", name))
        for name, step in self._data["steps"].items():
            if name not in self._names:
                yield from self._in_step(name, step)
        outputs = self._data.get("outputs")
        for name, source in outputs.items() if isinstance(outputs, dict) else ():
            if source in self.sources:
                yield Put(route=("outputs", name), value=self.sources[source])

    def _in_step(self, name: str, step: Any) -> Iterator[Edit]:
        """The names that another step calls these by."""
        inputs = step.get("inputs") if isinstance(step, dict) else None
        for key, given in inputs.items() if isinstance(inputs, dict) else ():
            route = ("steps", name, "inputs", key)
            source = given.get("from") if isinstance(given, dict) else given
            if source in self.sources:
                below = ("from",) if isinstance(given, dict) else ()
                yield Put(route=(*route, *below), value=self.sources[source])
        after = step.get("after") if isinstance(step, dict) else None
        if after and not set(self._names).isdisjoint(_listed(after)):
            names = [self._name if each in self._names else each for each in _listed(after)]
            yield Put(route=("steps", name, "after"), value=list(dict.fromkeys(names)))

    def _body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"sequence": self._sequence()}
        if self._scratch:
            plain = not any(self._scratch.values())
            body["scratch"] = list(self._scratch) if plain else self._scratch
        for key in _WHOLE:
            stated = [raw[key] for raw in self._raw if raw.get(key) is not None]
            if stated:
                body[key] = stated[0]
        body |= {"inputs": self._inputs} if self._inputs else {}
        body |= {"outputs": self._outputs} if self._outputs else {}
        after = [each for raw in self._raw for each in _listed(raw.get("after"))]
        if apart := [each for each in dict.fromkeys(after) if each not in self._names]:
            body["after"] = apart
        return body | self._settings()

    def _sequence(self) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        for part, raw in zip(self._parts, self._raw, strict=True):
            title = {"title": raw["title"]} if raw.get("title") else {}
            for program in raw.get("sequence") or [raw]:
                kept = {
                    key: program[key]
                    for key in ("script", "command", "arguments")
                    if key in program
                }
                parts.append({**title, **part.in_text(kept)})
                if program is not raw and program.get("title"):
                    parts[-1]["title"] = program["title"]
        return parts

    def _settings(self) -> dict[str, Any]:
        """What they have in common, or can be added up."""
        steps = [part.step for part in self._parts]
        found: dict[str, Any] = {}
        if retries := steps[0].retries:  # all have as many
            found["retries"] = retries
        if timeout := sum(step.timeout or 0 for step in steps):
            found["timeout"] = timeout
        said = [raw["description"] for raw in self._raw if raw.get("description")]
        found |= {"description": " ".join(said)} if said else {}
        return found | ({"tags": self._tags} if self._tags else {})

    def _add_outputs(self, part: _Names, raw: Mapping[str, Any]) -> None:
        stated = raw.get("outputs") or {}
        entries = dict.fromkeys(stated) if isinstance(stated, list) else dict(stated)
        for name, format_ in _scratch_of(raw).items():
            new = self._free(name, part)
            self._scratch[new] = format_
            part.references["scratch", name] = Reference("scratch", new)
        outputs = {output.name: output for output in part.step.outputs}
        for output in map(outputs.__getitem__, entries):
            source = f"{part.step.name}.{output.name}"
            inside, outside = self._split(source)
            new = self._free(output.name, part)
            if inside and not outside and _is_passed_on(output, source in self._exported):
                self._scratch[new] = {"format": "file"} if output.format == "file" else None
                kind: Kind = "scratch"
            else:
                self._outputs[new] = _kept(entries.get(output.name), output, read=bool(inside))
                self.sources[source] = f"{self._name}.{new}"
                self.relocated += [source] * self._is_named_by_step(part.step, output)
                kind = "output"
            part.references["output", output.name] = Reference(kind, new)

    def _is_named_by_step(self, step: Step, output: Output) -> bool:
        """Whether the place of an output that is kept is the one it has where nobody says any."""
        place = fill(DEFAULT_LOCATION, self._pipeline, step.name, output.name)
        return output.type != "path" and output.location == place

    def _split(self, source: str) -> tuple[list[Input], list[Input]]:
        """The inputs that read a source, in these steps and in others."""
        found = self._readers.get(source, [])
        inside = [given for step, given in found if step.name in self._names]
        return inside, [given for step, given in found if step.name not in self._names]

    def _add_inputs(self, part: _Names, raw: Mapping[str, Any]) -> None:
        stated = raw.get("inputs") or {}
        inputs = {given.name: given for given in part.step.inputs}
        for given in map(inputs.__getitem__, stated):
            maker, _, output = given.source.partition(".")
            if maker in self._names and output:
                self._hand_on(part, given, maker, output)
                continue
            entry = stated[given.name]
            entry = dict(entry) if isinstance(entry, dict) else {"from": entry}
            new = self._shared(entry) or self._free(given.name, part)
            known = self._inputs.get(new)
            self._inputs[new] = _short(entry if known is None else _both(_long(known), entry))
            part.references["input", given.name] = Reference("input", new)

    def _hand_on(self, part: _Names, given: Input, maker: str, output: str) -> None:
        """An input that is an output of one of these steps is read where that writes it."""
        if given.mode == "direct" or given.at is not None:
            raise ApartError
        made = next(each for each in self._parts if each.step.name == maker)
        if made.step.name == part.step.name or ("output", output) not in made.references:
            raise ApartError
        part.references["input", given.name] = made.references["output", output]

    def _shared(self, entry: Mapping[str, Any]) -> str | None:
        """The input there is already that reads the same; a script that is handed a location has
        one of its own.
        """
        for name, known in self._inputs.items():
            other = _long(known)
            modes = {each.get("mode", "auto") == "direct" for each in (other, entry)}
            if other["from"] == entry["from"] and len(modes) == 1:
                return name
        return None

    def _free(self, name: str, part: _Names) -> str:
        """A name for a port that no other port of the merged step has."""
        taken = {*self._inputs, *self._outputs, *self._scratch}
        if name not in taken:
            return name
        new = f"{part.step.name}_{name}"
        if new in taken:
            raise ApartError
        return new


def _name(names: Sequence[str]) -> str:
    whole = "_and_".join(names)
    return whole if len(whole) <= _LONGEST else f"{names[0]}_and_{len(names) - 1}_more"


def _tags(parts: Collection[_Names]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for part in parts:
        if any(tags.get(key, value) != value for key, value in part.step.tags.items()):
            raise ApartError
        tags |= part.step.tags
    return tags


def _raw_step(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    raw = data["steps"].get(name)
    if not isinstance(raw, dict):
        raise ApartError
    return raw


def _scratch_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    stated = raw.get("scratch") or {}
    return dict.fromkeys(stated) if isinstance(stated, list) else dict(stated)


def _is_passed_on(output: Output, exported: bool) -> bool:
    """Whether an output is nothing but what one step hands to the next."""
    return output.type == "path" and not exported and output.expect is None and not output.only


def _kept(entry: Any, output: Output, *, read: bool) -> Any:
    """The entry of an output that stays one. What a later part reads must lie on the disk."""
    entry = dict(entry or {})
    if "{step}" in str(entry.get("location")) or (read and output.only):
        raise ApartError
    if read and output.mode == "mount":
        raise ApartError
    if read and output.mode == "auto":
        entry["mode"] = "upload"
    return entry


def _long(entry: Any) -> dict[str, Any]:
    return entry if isinstance(entry, dict) else {"from": entry}


def _short(entry: dict[str, Any]) -> Any:
    return entry["from"] if entry.keys() == {"from"} else entry


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """One entry for two inputs of a source: what is downloaded for one is there for the other."""
    if one.get("at") != other.get("at"):
        raise ApartError
    if one == other:
        return one
    modes = [each.get("mode", "auto") for each in (one, other)]
    mode = next(mode for mode in ("download", "mount", "auto", "direct") if mode in modes)
    kept = {key: one[key] for key in ("from", "at") if key in one}
    return kept | ({} if mode == "auto" else {"mode": mode})


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _strings(value: Any) -> set[str]:
    """Every text in data, keys too."""
    if isinstance(value, dict):
        return set(value).union(*map(_strings, value.values()))
    if isinstance(value, list):
        return set().union(*map(_strings, value))
    return {value} if isinstance(value, str) else set()


def _named(names: Collection[str], targets: Any) -> bool:
    """Whether a target speaks of one of the steps."""
    return any(text in names or text.partition(".")[0] in names for text in _strings(targets))
