"""The spec as a whole: its file, the files it includes, and the chosen target laid over it.

Included files come first, each name once; a target comes last and wins. What is merged knows
where it was written, so that a diagnostic points into the right file.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from amlshare.diagnostics import Diagnostic, Finding, Label, Route, SpecError, did_you_mean
from amlshare.document import Document, parse, read
from amlshare.document.source import Source

if TYPE_CHECKING:
    from amlshare.document.edits import Edit

AS_THEY_ARE: Mapping[str, str] = MappingProxyType({})
"""No text in place of a file's own."""

# what an included file may hold, and how many levels of names down its entries are
_SECTIONS = {
    "amlshare": 0,
    "compute": 1,
    "data": 1,
    "environments": 1,
    "local": 2,
    "parameters": 1,
    "schedules": 1,
    "tags": 1,
    "targets": 1,
    "workspace": 1,
}
# what is settled before a target is laid over the spec
_SETTLED = ("amlshare", "include", "targets")
# where a text is a path on this machine, in a file and in each of its targets
_PATHS: tuple[tuple[str, ...], ...] = (
    ("environments", "*", "conda"),
    ("environments", "*", "dockerfile"),
    ("environments", "*", "pip"),
    ("local", "datastores", "*"),
    ("local", "datasets", "*"),
    ("local", "python"),
    ("data", "*", "upload"),
    ("defaults", "code"),
    ("steps", "*", "code"),
)
# where a plain value is short for a mapping with one key
_SHORT: dict[tuple[str, ...], str] = {
    ("parameters", "*"): "default",
    ("steps", "*", "inputs", "*"): "from",
}


def load(
    path: Path | str, *, target: str | None = None, texts: Mapping[str, str] = AS_THEY_ARE
) -> Document:
    """The spec in a file (standard input for ``-``) with all that belongs to it.

    ``texts`` are read in place of files of the names that people call them by. What is wrong with
    the spec is in the document's diagnostics; ``SpecError`` is raised only where there is nothing
    to go on with.
    """
    shown = Path(path).as_posix()
    main = parse(texts[shown], shown) if shown in texts else read(path)
    if not main.readable:
        raise SpecError(main.diagnostics)
    layers = _Layers(main, Path(path), texts)
    layers.include(main, "", {_real(Path(path)): main.places[()][0].file})
    return layers.with_target(target)


class _Layers:
    """A spec in the making: its data, where each part is written, and what is wrong."""

    def __init__(self, main: Document, path: Path, texts: Mapping[str, str]) -> None:
        self._folder = path.parent
        self._texts = texts
        self._main = main.places[()][0]
        self._included = {_real(path)}
        self._data = main.data
        self._places = dict(main.places)
        self._diagnostics = list(main.diagnostics)

    @property
    def _document(self) -> Document:
        return Document(data=self._data, diagnostics=tuple(self._diagnostics), places=self._places)

    def include(self, file: Document, name: str, chain: dict[str, str]) -> None:
        """Add what ``file`` includes; ``name`` is its path from the main spec's folder.

        ``chain`` holds the files that led here, by their real paths, as people call them.
        """
        shown_folder = posixpath.dirname(file.places[()][0].file)
        for route, wanted in self._includes(file):
            relative = posixpath.join(posixpath.dirname(name), wanted)
            path = self._folder / relative
            real = _real(path)
            shown = posixpath.normpath(posixpath.join(shown_folder, wanted))
            if real in chain:
                files = [*list(chain.values())[list(chain).index(real) :], shown]
                self._diagnostics.append(file.locate(_cycle(route, files)))
            elif real not in self._included:
                self._included.add(real)
                text = self._texts.get(shown)
                included = read(path, shown) if text is None else parse(text, shown)
                self._diagnostics += (
                    found if found.span else _placed(found, file, route)
                    for found in included.diagnostics
                )
                self.include(included, relative, {**chain, real: shown})
                self._unite(included, posixpath.dirname(relative))

    def _includes(self, file: Document) -> Iterator[tuple[Route, str]]:
        """The files that ``file`` names, with the route of each; what is no name is taken out."""
        listed = file.data.pop("include", None) or []
        single = not isinstance(listed, list)
        names = [listed] if single else listed
        if names:
            file.data["include"] = list(filter(_is_path, names))
        for number, name in enumerate(names):
            route: Route = ("include",) if single else ("include", number)
            if _is_path(name):
                yield route, name
            else:
                self._diagnostics.append(file.locate(_bad_include(route)))

    def _unite(self, file: Document, folder: str) -> None:
        """Add the entries of an included file; its paths start from ``folder``."""
        _rebase(file.data, folder)
        for key, value in file.data.items():
            if key in _SECTIONS:
                self._join((key,), value, _SECTIONS[key], file)
            elif key != "include":
                self._diagnostics.append(file.locate(_not_includable(key)))

    def _join(self, route: Route, value: Any, levels: int, file: Document) -> None:
        """Put a value of an included file where there is none, or its entries one by one."""
        parent: Any = self._data
        for part in route[:-1]:
            parent = parent[part]
        known = parent.get(route[-1])
        if route[-1] not in parent or (levels and known is None):
            parent[route[-1]] = value
            self._places[route] = file.origin(route)
        elif levels and isinstance(known, dict) and isinstance(value, dict):
            for name, entry in value.items():
                self._join((*route, name), entry, levels - 1, file)
        elif route == ("amlshare",) and value == known:
            pass
        elif levels and isinstance(known, dict):
            if value is not None:
                self._diagnostics.append(file.locate(_no_mapping(route)))
        else:
            self._diagnostics.append(self._twice(route, file))

    def _twice(self, route: Route, file: Document) -> Diagnostic:
        """The second of two places is the one to change: the including file's, or the later."""
        first, second = self._document, file
        if first.origin(route)[0] is self._main:
            first, second = second, first
        within = f" under '{'.'.join(map(str, route[:-1]))}'" if route[1:] else ""
        finding = Finding(
            code="duplicate-name",
            message=f"'{route[-1]}'{within} is defined twice",
            route=route,
            on="key",
            help="keep one of them, or give one another name; a target may change a value",
        )
        label = Label(span=first.span(route, "key"), message="first defined here")
        return replace(second.locate(finding), related=(label,))

    def with_target(self, chosen: str | None) -> Document:
        """The document with the chosen target laid over it; all of them are looked at."""
        spec, laid = self._document, None
        targets = spec.data.get("targets")
        for name, over in targets.items() if isinstance(targets, dict) else ():
            if isinstance(over, dict):
                overlay = _Overlay(name)
                data = overlay.lay(spec.data, over)
                self._diagnostics += map(spec.locate, overlay.findings)
                laid = (data, overlay) if name == chosen else laid
        if chosen is not None and not spec.has(("targets", chosen)):
            self._diagnostics.append(spec.locate(_unknown_target(chosen, targets)))
        if laid:
            self._data, overlay = laid
            self._places |= overlay.places(spec)
        return self._document


class _Overlay:
    """A target laid over a spec: mappings are merged, all else replaces, null deletes."""

    def __init__(self, name: str) -> None:
        self._route: Route = ("targets", name)
        # for each route of the merged data that the target sets: its route in the target
        self._written: dict[Route, Route] = {}
        self.findings: list[Finding] = []

    def lay(self, base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
        for key in filter(over.__contains__, _SETTLED):
            self.findings.append(_not_in_target((*self._route, key)))
        changes = {key: value for key, value in over.items() if key not in _SETTLED}
        return self._mapping(base, changes, ())

    def places(self, spec: Document) -> dict[Route, tuple[Source, Route]]:
        """Where each value that the target sets is written."""
        return {
            route: spec.origin((*self._route, *written)) for route, written in self._written.items()
        }

    def _merge(self, base: Any, over: Any, route: Route) -> Any:
        short = next((key for form, key in _SHORT.items() if _matches(route, form)), None)
        if isinstance(over, dict):
            return self._mapping(_spelled_out(base, route, short), over, route)
        if short and isinstance(base, dict) and not isinstance(over, list):
            default = (*route, short)
            self._written[default] = route
            return {**base, short: over}
        self._written[route] = route
        return over

    def _mapping(self, base: Any, over: dict[str, Any], route: Route) -> dict[str, Any]:
        if not isinstance(base, dict):
            self._written[route] = route
            return _without_nulls(over)
        merged = dict(base)
        for key, value in over.items():
            if value is not None:
                merged[key] = self._merge(base.get(key), value, (*route, key))
            elif key in merged:
                del merged[key]
            else:
                self.findings.append(_nothing_to_delete((*self._route, *route, key), base))
        return merged


# where a list of names is short for a mapping with an empty entry for each
_LISTED = (("steps", "*", "outputs"), ("steps", "*", "scratch"))


def _spelled_out(base: Any, route: Route, short: str | None) -> Any:
    """A short form as the mapping that it is short for."""
    if isinstance(base, list) and any(_matches(route, form) for form in _LISTED):
        return {name: {} for name in base if isinstance(name, str)}
    if short and base is not None and not isinstance(base, (dict, list)):
        return {short: base}
    return base


def _without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nulls(entry) if isinstance(entry, dict) else entry
        for key, entry in value.items()
        if entry is not None
    }


def spelled_out(data: Mapping[str, Any], edits: Iterable[Edit]) -> list[Edit]:
    """The edits, with one for each short form that another reaches into: it is spelled out."""
    from amlshare.document.edits import Put, applied

    result: list[Edit] = []
    changed = dict(data)
    for edit in edits:
        new = [edit]
        for length in range(2, len(edit.route)) if isinstance(edit, Put) else ():
            route = edit.route[:length]
            value = _value(changed, route)
            short = next((key for form, key in _SHORT.items() if _matches(route, form)), None)
            spelled = _spelled_out(value, route, short)
            if spelled is not value:
                below = replace(edit, route=edit.route[length:])
                new = [Put(route=route, value=applied(spelled, [below]))]
        changed = applied(changed, new)
        result += new
    return result


def _value(data: Any, route: Route) -> Any:
    """What is at a route, None for nothing."""
    for part in route:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def _rebase(data: dict[str, Any], folder: str) -> None:
    """Make local paths relative to the main spec's folder; ``folder`` is theirs, seen from it."""
    targets = data.get("targets")
    for part in (data, *(targets.values() if isinstance(targets, dict) else ())):
        for form in _PATHS if folder else ():
            for holder, key in _places(part, form):
                if _is_path(holder[key]) and (key != "python" or "/" in holder[key]):
                    holder[key] = posixpath.normpath(posixpath.join(folder, holder[key]))


def _places(value: Any, form: tuple[str, ...]) -> Iterator[tuple[dict[str, Any], str]]:
    """Every mapping in ``value`` with a key that ``form`` leads to."""
    if not isinstance(value, dict):
        return
    for key in list(value) if form[0] == "*" else [form[0]] if form[0] in value else []:
        if len(form) == 1:
            yield value, key
        else:
            yield from _places(value[key], form[1:])


def _is_path(value: Any) -> bool:
    """A path on this machine; relative, or it stays as it is."""
    return isinstance(value, str) and not re.match(r"\s*\Z|none\Z|[$~]|.*://", value)


def _matches(route: Route, form: tuple[str, ...]) -> bool:
    return len(route) == len(form) and all(
        name in ("*", part) for part, name in zip(route, form, strict=True)
    )


def _real(path: Path) -> str:
    try:
        return os.path.realpath(path)
    except ValueError:  # a NUL in the name
        return str(path)


def _placed(found: Diagnostic, file: Document, route: Route) -> Diagnostic:
    """A diagnostic of a file that could not be opened, at the entry that names it."""
    finding = Finding(code=found.code, message=found.message, route=route, help=found.help)
    return file.locate(finding)


def _cycle(route: Route, files: list[str]) -> Finding:
    return Finding(
        code="include-cycle",
        message=f"this file includes itself: {' -> '.join(files)}",
        route=route,
        help="take this entry out, or move what both need into a third file",
    )


def _bad_include(route: Route) -> Finding:
    return Finding(
        code="bad-include",
        message="`include` is a list of YAML files on this machine",
        route=route,
        help="write include: [common/environments.yaml]",
    )


def _not_includable(key: str) -> Finding:
    return Finding(
        code="not-includable",
        message=f"an included file cannot hold '{key}'",
        route=(key,),
        on="key",
        label=did_you_mean(key, _SECTIONS),
        help="move it into the spec; shared are " + ", ".join(list(_SECTIONS)[1:]),
    )


def _no_mapping(route: Route) -> Finding:
    return Finding(
        code="not-a-mapping",
        message=f"'{'.'.join(map(str, route))}' of an included file is a mapping of names",
        route=route,
        label="expected NAME: VALUE",
        help="write each entry on a line of its own below it, by its name",
    )


def _not_in_target(route: Route) -> Finding:
    return Finding(
        code="not-in-target",
        message=f"a target cannot change '{route[-1]}'",
        route=route,
        on="key",
        help="it is settled when the target is laid over the spec: change it in the spec",
    )


def _nothing_to_delete(route: Route, known: dict[str, Any]) -> Finding:
    return Finding(
        code="nothing-to-delete",
        message=f"the spec has no '{'.'.join(map(str, route[2:]))}' that null could delete",
        route=route,
        on="key",
        label=did_you_mean(str(route[-1]), known),
        help="take the line out",
        severity="warning",
    )


def _unknown_target(name: str, targets: Any) -> Finding:
    names = list(targets) if isinstance(targets, dict) else []
    return Finding(
        code="unknown-target",
        message=f"no target is called '{name}'",
        route=("targets",),
        on="key",
        label=did_you_mean(name, names),
        help=f"choose one of {', '.join(names)}" if names else "the spec has no `targets`",
    )
