"""Rules about what a step's script accepts, read from its source.

What its parser certainly refuses is an error; what is only likely, such as an input that nothing
reads, is a hint. Of a script that cannot be followed nothing is said but that, once for a spec.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from amlshare.checks.files import code_of, script_of
from amlshare.checks.views import Program, each_program, parse
from amlshare.diagnostics import Finding, Note, Route, did_you_mean
from amlshare.references import Reference
from amlshare.script_arguments import (
    Accepted,
    Counted,
    Matched,
    Option,
    Parsing,
    Place,
    Refusal,
    Word,
    match,
    read,
)
from amlshare.script_arguments.uses import Uses
from amlshare.scripts import Sources, sources
from amlshare.snapshots import Snapshots
from amlshare.spec import Part, Spec, Step

_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}
_LISTED = 8


class _Said(NamedTuple):
    """A word that the spec passes: where it stands, and the reference that is all of it."""

    word: Word
    route: Route
    on_key: bool = False
    whole: Reference | None = None
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Script:
    """The script of a step, or of a part of one, as read."""

    file: str
    code: str
    accepted: Accepted
    sources: Sources

    def at(self, place: Place) -> str:
        return f"{place.file}:{place.line}"


class _Reader:
    """Reads each script once, and holds the same words against it once."""

    def __init__(self, spec: Spec, snapshots: Snapshots) -> None:
        self._spec = spec
        self._snapshots = snapshots
        self._scripts: dict[tuple[str, str, bool], _Script | None] = {}
        self._matched: dict[tuple[Any, ...], tuple[tuple[Parsing, Matched], ...]] = {}
        self._uses: dict[tuple[str, str], Uses] = {}

    def script(self, program: Program) -> _Script | None:
        """The script of a program; None for one that is not there, or could be another file."""
        step = program.owner
        found = script_of(program)
        code, _ = code_of(self._spec, program.step, step)
        elsewhere = "PYTHONPATH" in step.env or "PYTHONPATH" in self._spec.defaults.env
        if found is None or code is None or elsewhere:
            return None
        key = (code, found[0], step.parallel is not None)
        if key not in self._scripts:
            self._scripts[key] = self._read(*key)
        return self._scripts[key]

    def _read(self, code: str, file: str, parallel: bool) -> _Script | None:
        if file not in self._snapshots.files(code) or not file.endswith(".py"):
            return None
        folder = sources(self._snapshots, code)
        accepted = read(folder, file, parallel=parallel)
        return _Script(file=file, code=code, accepted=accepted, sources=folder)

    def matched(
        self, script: _Script, words: tuple[Word, ...]
    ) -> tuple[tuple[Parsing, Matched], ...]:
        """What each parser of a script says to the words."""
        key = (id(script), words)
        if key not in self._matched:
            self._matched[key] = tuple(
                (each, match(each.parser, words[each.start :])) for each in script.accepted.parsings
            )
        return self._matched[key]

    def uses(self, script: _Script) -> Uses:
        key = (script.code, script.file)
        if key not in self._uses:
            self._uses[key] = Uses(script.sources, script.file)
        return self._uses[key]


def accepted(spec: Spec, snapshots: Snapshots) -> Iterator[Finding]:
    """unknown-argument and its like, for every step with a script."""
    reader, words = _Reader(spec, snapshots), _Words(spec)
    unclear: dict[str, tuple[Program, str]] = {}
    for program in each_program(spec):
        script = reader.script(program)
        if script is None:
            continue
        said = words.of(program.body, program.route)
        if script.accepted.unclear and said and not script.accepted.parsings:
            unclear.setdefault(script.file, (program, script.accepted.unclear))
        yield from dict.fromkeys(_of_program(program, script, said, reader))
    if unclear:
        yield _unclear(unclear)


def _of_program(
    program: Program, script: _Script, said: list[_Said], reader: _Reader
) -> Iterator[Finding]:
    words = tuple(each.word for each in said)
    for _, matched in reader.matched(script, words):
        for refusal in _apart(matched.refusals):
            yield _refused(refusal, program, script, said)
        yield from _uses(matched, script, said, reader)
    for counted in _decisive(script.accepted.counted, len(words)):
        yield _miscounted(counted, program, script, said)


def _apart(refusals: tuple[Refusal, ...]) -> Iterator[Refusal]:
    """The refusals, but for an argument that is only missing because its flag is misspelt."""
    meant = {
        did_you_mean(each.word.text.partition("=")[0], each.known)
        for each in refusals
        if each.trouble == "unknown" and each.word
    }
    for each in refusals:
        flags = each.option.flags if each.option and each.trouble == "missing" else ()
        if not any(f"did you mean '{flag}'?" in meant for flag in flags):
            yield each


def _decisive(counted: tuple[Counted, ...], number: int) -> list[Counted]:
    """The one count that most is missing for, or else the one that most is too much for."""
    few = [each for each in counted if number < each.least]
    many = [each for each in counted if each.most is not None and number > each.most]
    return [max(few, key=lambda each: each.least)] if few else many[:1]


# The words of a step


class _Words:
    """Makes the words of steps; the same text stands in many of them."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._filled: dict[str, tuple[str, bool, tuple[Reference, ...], Reference | None]] = {}

    def of(self, body: Step | Part, at: Route) -> list[_Said]:
        """The words that are passed to a script, in their order."""
        route: Route = (*at, "arguments")
        found: list[_Said] = []
        if isinstance(body.arguments, list):
            for index, value in enumerate(body.arguments):
                found.append(self._word(value, (*route, index), len(found)))
            return found
        for flag, value in sorted(body.arguments.items()):
            if value is None or value is False:
                continue
            found.append(_Said(Word(flag, True, len(found)), (*route, flag), on_key=True))
            if isinstance(value, list):
                for index, each in enumerate(value):
                    if each is not None:
                        found.append(self._word(each, (*route, flag, index), len(found)))
            elif value is not True:
                found.append(self._word(value, (*route, flag), len(found)))
        return found

    def _word(self, value: object, route: Route, key: int) -> _Said:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if text not in self._filled:
            self._filled[text] = self._fill(text)
        filled, certain, references, whole = self._filled[text]
        return _Said(Word(filled, certain, key), route, whole=whole, references=references)

    def _fill(self, text: str) -> tuple[str, bool, tuple[Reference, ...], Reference | None]:
        """A text with what is known of its references filled in, and a path for the others."""
        parts, bad = parse(text)
        filled, certain = "", not bad
        for part in parts:
            if isinstance(part, Reference):
                known = _default(self._spec, part)
                filled += f"/{part.name}" if known is None else known
                certain = certain and known is not None
            else:
                filled += part
        references = tuple(part for part in parts if isinstance(part, Reference))
        whole = references[0] if len(parts) == 1 and references else None
        return filled, certain, references, whole


def _default(spec: Spec, reference: Reference) -> str | None:
    """The text of a parameter's default; None where a reference's value is not known."""
    parameter = spec.parameters.get(reference.name) if reference.kind == "parameter" else None
    if parameter is None or parameter.default is None:
        return None
    value = parameter.default
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return None  # 3.0 may travel as 3
    return str(value)


# What a parser refuses


def _refused(refusal: Refusal, program: Program, script: _Script, said: list[_Said]) -> Finding:
    if refusal.word is None:
        return _without_word(refusal, program, script)
    found = said[refusal.word.key]
    match refusal.trouble:
        case "unknown" | "ambiguous":
            return _unknown(refusal, found, script)
        case "type" | "choice":
            return _unfit(refusal, found, script)
        case _:
            return _wrong_count(refusal, found, script)


def _unknown(refusal: Refusal, said: _Said, script: _Script) -> Finding:
    assert refusal.word is not None
    flag = refusal.word.text.partition("=")[0]
    label = did_you_mean(flag, refusal.known)
    message = f"script '{script.file}' knows no argument '{flag}'"
    if refusal.trouble == "ambiguous":
        message = f"'{flag}' is short for more than one argument of script '{script.file}'"
        label = f"expected one of {refusal.detail}"
    return Finding(
        code="unknown-argument",
        message=message,
        route=said.route,
        on="key" if said.on_key else "value",
        fragment=None if said.on_key else _fragment(flag, said),
        label=label,
        help=_takes(script),
    )


def _fragment(text: str, said: _Said) -> str | None:
    return text if not said.references and text != said.word.text else None


def _takes(script: _Script) -> str:
    """What a script knows, and where it says so."""
    parsing = script.accepted.parsings[0]
    known = [each for each in parsing.parser.options if each.flags and not each.ends]
    names = [each.called for each in known[:_LISTED]]
    more = f" and {len(known) - _LISTED} more" if known[_LISTED:] else ""
    where = script.at(parsing.place)
    return f"{where} knows {', '.join(names)}{more}" if names else f"{where} knows no flags"


def _unfit(refusal: Refusal, said: _Said, script: _Script) -> Finding:
    option = refusal.option
    assert refusal.word is not None
    assert option is not None
    text = refusal.word.text
    if refusal.trouble == "type":
        code, label = "argument-type", f"expected {_KINDS[option.kind or 'int']}"
    else:
        shown = ", ".join(f"'{each}'" for each in refusal.known[:_LISTED])
        more = ", ..." if refusal.known[_LISTED:] else ""
        meant = did_you_mean(text, refusal.known)
        code, label = "argument-choice", meant or f"expected one of {shown}{more}"
    parameters = [each for each in said.references if each.kind == "parameter"]
    return Finding(
        code=code,
        message=f"argument '{option.called}' of script '{script.file}' does not take '{text}'",
        route=said.route,
        fragment=_fragment(text, said),
        label=label,
        help=f"it is defined at {script.at(option.place)}",
        notes=tuple(
            Note(message="its value", route=("parameters", each.name)) for each in parameters[:1]
        ),
    )


def _wrong_count(refusal: Refusal, said: _Said, script: _Script) -> Finding:
    option, word = refusal.option, refusal.word
    assert word is not None
    if option is None:
        message = f"script '{script.file}' has no place for the word '{word.text}'"
        label, help_ = "no argument takes it", _takes(script)
    elif refusal.detail == "value":
        message = f"argument '{option.called}' of script '{script.file}' takes no value"
        label, help_ = "a flag alone", f"it is defined at {script.at(option.place)}"
    else:
        message = f"argument '{option.called}' of script '{script.file}' takes {_words(option)}"
        label = f"it gets {refusal.detail}"
        help_ = f"it is defined at {script.at(option.place)}"
    return Finding(
        code="argument-count",
        message=message,
        route=said.route,
        on="key" if said.on_key else "value",
        label=label,
        help=help_,
    )


def _words(option: Option) -> str:
    many = f"{option.least} word" + ("" if option.least == 1 else "s")
    return many if option.least == option.most else f"{many} or more"


def _without_word(refusal: Refusal, program: Program, script: _Script) -> Finding:
    option = refusal.option
    called = option.called if option else ""
    if refusal.trouble == "conflict":
        message = f"script '{script.file}' takes '{refusal.detail}' or '{called}', not both"
        code = "argument-conflict"
    else:
        called = refusal.detail or called
        message = f"script '{script.file}' is not given '{called}', which it requires"
        code = "missing-argument"
    given = bool(program.body.arguments)
    kind = "script" if program.owner.parallel is None else "parallel"
    return Finding(
        code=code,
        message=message,
        route=(*program.route, "arguments" if given else kind),
        on="key",
        help=_how(option, program.owner, script, code),
    )


def _how(option: Option | None, step: Step, script: _Script, code: str) -> str | None:
    if option is None:
        return None
    where = script.at(option.place)
    if code == "argument-conflict":
        return f"they exclude each other at {where}: take one of them out"
    if not option.flags:
        return f"{where} wants it as a word without a flag: write `arguments:` as a list"
    return f"{where} defines it: write `{option.called}: {_port(option, step)}`"


def _port(option: Option, step: Step) -> str:
    """The input, output or scratch of the name that an argument has."""
    names = (("inputs", step.inputs), ("outputs", step.outputs), ("scratch", step.scratch))
    for kind, ports in names:
        if option.name in ports:
            return f"${{{kind}.{option.name}}}"
    return "VALUE"


def _miscounted(counted: Counted, program: Program, script: _Script, said: list[_Said]) -> Finding:
    few = len(said) < counted.least
    wanted = counted.least if few else counted.most
    bound = "at least " if few and counted.most is None else "" if few else "at most "
    if counted.least == counted.most:
        bound = ""
    words = f"{bound}{wanted} word" + ("" if wanted == 1 else "s")
    return Finding(
        code="missing-argument" if few else "argument-count",
        message=f"script '{script.file}' needs {words} in sys.argv, and gets {len(said)}",
        route=(*program.route, "arguments" if program.body.arguments else "script"),
        on="key",
        help=f"{script.at(counted.place)} reads them",
    )


# What is only likely


def _uses(
    matched: Matched, script: _Script, said: list[_Said], reader: _Reader
) -> Iterator[Finding]:
    for option, word in matched.taken:
        if word.key < 0:
            continue
        found = said[word.key]
        uses = reader.uses(script)
        if uses.unread(option.name):
            yield _ignored(option, found, script)
        elif found.whole and found.whole.kind == "input":
            place = uses.written(option.name)
            if place is not None:
                yield _written(found.whole, place, found, script)


def _ignored(option: Option, said: _Said, script: _Script) -> Finding:
    """unread-input, unwritten-output, unread-argument."""
    kind = said.whole.kind if said.whole else ""
    code = {"input": "unread-input", "output": "unwritten-output"}.get(kind, "unread-argument")
    port = said.whole.name if said.whole else ""
    message = {
        "unread-input": f"script '{script.file}' seems not to read input '{port}'",
        "unwritten-output": f"script '{script.file}' seems not to write output '{port}'",
    }.get(code, f"script '{script.file}' seems not to use its argument '{option.called}'")
    return Finding(
        code=code,
        severity="hint",
        message=message,
        route=said.route,
        help=f"{script.at(option.place)} takes '{option.called}', and nothing uses its value",
    )


def _written(port: Reference, place: Place, said: _Said, script: _Script) -> Finding:
    return Finding(
        code="write-to-input",
        severity="hint",
        message=f"script '{script.file}' seems to write to input '{port.name}'",
        route=said.route,
        label="an input is read-only when it is mounted",
        help=f"{script.at(place)} writes there: let it write to an output",
    )


def _unclear(unclear: dict[str, tuple[Program, str]]) -> Finding:
    """unclear-script: said once for all of them."""
    file, (program, reason) = next(iter(unclear.items()))
    others = f"; the same goes for {', '.join(list(unclear)[1:_LISTED])}" if unclear else ""
    key = "parallel" if program.owner.parallel else "script"
    return Finding(
        code="unclear-script",
        severity="hint",
        message=f"what script '{file}' accepts cannot be told from its source: {reason}",
        route=(*program.route, key),
        on="key" if key == "parallel" else "value",
        help=f"its arguments are not checked{others if len(unclear) > 1 else ''}",
    )
