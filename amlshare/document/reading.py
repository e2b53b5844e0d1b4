"""A file of our own beside a spec, field by field: what is wrong with it is found all at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from amlshare.diagnostics import Diagnostic, Finding, Route, did_you_mean
from amlshare.document import Document

_MARK = re.compile(r"^(?:<{7}|={7}|>{7})(?= |\r?$)", re.MULTILINE)


class Reader:
    """Reads the data of a document, and keeps ``findings`` of its ``code``.

    ``name`` is what people call such a file, and ``advice`` says what to do with one that is wrong.
    """

    code: str
    name: str

    def __init__(self, advice: str) -> None:
        self.findings: list[Finding] = []
        self._advice = advice

    def broken(self, document: Document) -> tuple[Diagnostic, ...]:
        """What is wrong with the text of a document; nothing of it is read then."""
        if document.diagnostics and (mark := _MARK.search(document.origin(())[0].text)):
            return (self._merged(document, *mark.span()),)
        return tuple(map(self._unread, document.diagnostics))

    def located(self, document: Document) -> tuple[Diagnostic, ...]:
        """The findings, at their places."""
        return tuple(map(document.locate, self.findings))

    def mapping(self, given: Any, route: Route) -> Mapping[str, Any]:
        """What is given, if it is a mapping, else an empty one."""
        if isinstance(given, dict):
            return given
        self.wrong(route, f"'{'.'.join(map(str, route))}' must be a mapping")
        return {}

    def no_others(self, given: Mapping[str, Any], route: Route, known: Iterable[str]) -> None:
        """Find the keys that are not known."""
        for key in sorted(given.keys() - set(known), key=str):
            meant = did_you_mean(str(key), known)
            self.wrong((*route, key), f"a {self.name} has no key '{key}' here", meant, on_key=True)

    def wrong(self, route: Route, message: str, label: str = "", *, on_key: bool = False) -> None:
        """Find what is wrong at a route."""
        self.findings.append(
            Finding(
                code=self.code,
                message=message,
                route=route,
                on="key" if on_key else "value",
                label=label,
                help=self._advice,
            )
        )

    def _merged(self, document: Document, start: int, end: int) -> Diagnostic:
        source, _ = document.origin(())
        span = source.span(start, end)
        return Diagnostic(
            code=self.code,
            message=f"git has left the marks of a merge in this {self.name}",
            span=span,
            source=source.line(span.line),
            label="one of the two sides",
            help=self._advice,
        )

    def _unread(self, each: Diagnostic) -> Diagnostic:
        """A mistake of YAML, of which nobody need know in a file that a command writes. A file that
        cannot be opened, and a secret, are told as they are in a spec.
        """
        if each.span is None or each.code == "secret-in-spec":
            return each
        message = f"this {self.name} cannot be read: {each.message}"
        return replace(each, code=self.code, message=message, help=self._advice)
