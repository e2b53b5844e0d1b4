"""The wrapper: what a step asks for that plain objects of SDK v1 cannot say.

The service puts a value only where a whole argument stands for it. So a wrapper gets each value as
an argument of its own, a token, and one more argument that says what to do with them.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, cast

from amlshare.backends import shell
from amlshare.backends.azureml.limits import single_file
from amlshare.pipeline import (
    Command,
    Expect,
    Output,
    Parallel,
    Run,
    Scratch,
    Script,
    Sequence,
    Step,
    called,
    texts,
)
from amlshare.plan import plain
from amlshare.references import Reference, Text, references, write

SCRIPT = "amlshare_step.py"
"""The wrapper's name in a snapshot."""

Word: TypeAlias = str | Reference
"""An argument of a step: a literal, or one reference alone, which the service resolves."""
Part: TypeAlias = str | int
"""A piece of a word or a line: text, or the index of the token that stands there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The registered dataset that an output becomes a version of."""

    name: str
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What the wrapper does with an output once the script is done: check it, then register it.

    ``token`` is the index in the wrapper's tokens of the argument that says where it lies. With
    ``only`` no other files count.
    """

    output: str
    token: int
    expect: Expect
    only: tuple[str, ...] = ()
    register: Registration | None = None
    datastore: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What the wrapper runs: ``script`` with ``words``, or ``bash`` with ``variables`` set.

    ``name`` is what a part of a sequence is called in the log.
    """

    name: str | None = None
    script: str | None = None
    words: tuple[tuple[Part, ...], ...] = ()
    bash: tuple[Part, ...] = ()
    variables: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapper:
    """The program around a step's own, for what plain objects of the SDK cannot say.

    ``reasons`` are for people. The wrapper runs ``programs`` in turn, all of them up to ``retries``
    times again, then holds ``contracts``; of the processes of a ``distributed`` step, only the
    first does so. ``tokens`` are its own arguments, which the service resolves, and ``scratch``,
    for which the wrapper itself finds a place.
    """

    reasons: tuple[str, ...]
    tokens: tuple[Reference, ...] = ()
    programs: tuple[Program, ...] = ()
    scratch: tuple[Scratch, ...] = ()
    retries: int = 0
    contracts: tuple[Contract, ...] = ()
    distributed: bool = False


# What the SDK has no words for

Files: TypeAlias = Mapping[Reference, str]
"""The single file in a folder that a reference stands for, where SDK v1 knows only the folder."""

_WORD = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
_MAGIC = re.compile(r"(DatasetConsumptionConfig|DatasetOutputConfig|parameter):")
# How a reference stands in a line while that is split into words.
_MARK = "\0{}\0"
_MARKED = re.compile(r"(?P<quote>\"?)\0(?P<index>\d+)\0(?P=quote)")
# What bash knows itself, and what only means something to it.
_BUILTINS = frozenset(
    """. : alias bg bind break builtin caller case cd command compgen complete compopt continue
    coproc declare dirs disown do done echo elif else enable esac eval exec exit export false fc fg
    fi for function getopts hash help history if in jobs kill let local logout mapfile popd printf
    pushd pwd read readarray readonly return select set shift shopt source suspend test then time
    times trap true type typeset ulimit umask unalias unset until wait while""".split()
)


def folder(output: Output) -> str:
    """Where the folder of a directory or dataset lies in its datastore."""
    if single_file(output) is None or output.location.endswith("/"):
        return output.location
    return output.location.rpartition("/")[0] + "/"


def registration(output: Output) -> Registration | None:
    """What an output is registered as, None for one that is no dataset."""
    if output.dataset is None:
        return None
    return Registration(name=output.dataset, description=output.description, tags=output.tags)


def plain_command(line: Text) -> tuple[Word, ...] | None:
    """The words of a command that needs no shell, None for one that does."""
    marked = "".join(_MARK.format(i) if isinstance(p, Reference) else p for i, p in enumerate(line))
    if "\n" in marked.strip() or any("\0" in part for part in line if isinstance(part, str)):
        return None
    words = [_word(piece, line) for piece in marked.split()]
    if not words or None in words:
        return None
    first = words[0]
    if not isinstance(first, str) or first in _BUILTINS or "=" in first:
        return None
    return tuple(word for word in words if word is not None)


def _word(piece: str, line: Text) -> Word | None:
    """A word of a command as it would be without a shell, None where only bash can tell."""
    if match := _MARKED.fullmatch(piece):
        return cast("Reference", line[int(match["index"])])
    return piece if _WORD.fullmatch(piece) and not _MAGIC.match(piece) else None


# Wrapping


def wrap(step: Step, files: Files) -> Wrapper | None:
    """The wrapper that a step needs, None for a step that SDK v1 can run as it is.

    ``files`` has the references that stand for a file in a folder.
    """
    if isinstance(step.run, Parallel):
        return None
    reasons = tuple(_reasons(step, files))
    if not reasons:
        return None
    tokens = _Tokens(files)
    if isinstance(step.run, Sequence):
        made = [replace(_program(part, tokens), name=called(part)) for part in step.run.parts]
    else:
        made = [_program(step.run, tokens)]
    contracts = tuple(_contracts(step, tokens))
    if step.retries:
        tokens.add(Reference("output", output.name) for output in step.outputs)
    return Wrapper(
        reasons=reasons,
        tokens=tokens.all,
        programs=tuple(made),
        scratch=step.run.scratch if isinstance(step.run, Sequence) else (),
        retries=step.retries,
        contracts=contracts,
        distributed=step.distribution is not None,
    )


def _program(part: Script | Command, tokens: _Tokens) -> Program:
    if isinstance(part, Script):
        return Program(script=part.file, words=tuple(map(tokens.parts, part.arguments)))
    bash, variables = tokens.line(part.line)
    return Program(bash=bash, variables=variables)


def _reasons(step: Step, files: Files) -> Iterator[str]:
    """Why a step needs a wrapper, in words for people."""
    yield from _reasons_to_run(step.run)
    used = (part for text in texts(step.run) for part in references(text))
    for reference in dict.fromkeys(used):
        if reference in files:
            yield f"a file in a folder: {reference} is {files[reference]}"
    if step.retries:
        again = "once" if step.retries == 1 else f"{step.retries} times"
        yield f"tries again {again}" + (", all within one timeout" if step.timeout else "")
    for output in step.outputs:
        if output.expect is not None:
            yield f"expects files in '{output.name}'"


def _reasons_to_run(run: Run) -> Iterator[str]:
    match run:
        case Sequence(parts=parts):
            yield f"{len(parts)} program{'s' * (len(parts) > 1)} in turn"
        case Command(line=line):
            if plain_command(line) is None:
                yield "a bash command"
        case _:
            for text in run.arguments:
                if len(text) > 1 and references(text):
                    yield f"a reference inside text: {write(text)}"


class _Tokens:
    """The references that a wrapper gets the values of, each once."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._found: dict[Reference, int] = {}

    @property
    def all(self) -> tuple[Reference, ...]:
        return tuple(self._found)

    def add(self, references: Iterable[Reference]) -> None:
        for reference in references:
            self.index(reference)

    def index(self, reference: Reference) -> int:
        return self._found.setdefault(reference, len(self._found))

    def parts(self, text: Text) -> tuple[Part, ...]:
        """A text with tokens in place of references."""
        found = (self.value(p) if isinstance(p, Reference) else (p,) for p in text)
        return tuple(part for parts in found for part in parts)

    def value(self, reference: Reference) -> tuple[Part, ...]:
        """What a reference stands for: its token, and the file in that folder."""
        token = self.index(reference)
        return (token, f"/{self._files[reference]}") if reference in self._files else (token,)

    def line(self, line: Text) -> tuple[tuple[Part, ...], dict[str, tuple[Part, ...]]]:
        """A line for bash, and the variables that it expands."""
        parts: list[Part] = []
        variables: dict[str, tuple[Part, ...]] = {}
        for part, place in shell.placed(line):
            if isinstance(part, str):
                parts.append(part)
                continue
            name = shell.variable(part)
            expansion = shell.expansion(name, place)
            if expansion is None:
                parts += self.value(part)
            else:
                variables[name] = self.value(part)
                parts.append(expansion)
        return _joined(parts), variables


def _joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """``parts`` with neighbouring texts as one."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, str) and isinstance(last, str):
            found[-1] = last + part
        else:
            found.append(part)
    return tuple(found)


def _contracts(step: Step, tokens: _Tokens) -> Iterator[Contract]:
    for output in step.outputs:
        if output.expect is None:
            continue
        file = single_file(output)
        kept = registration(output)
        yield Contract(
            output=output.name,
            token=tokens.index(Reference("output", output.name)),
            expect=output.expect,
            only=output.only if file is None else (_literal(file),),
            register=kept,
            datastore=output.datastore if kept else None,
            path=folder(output) + (file or "") if kept else None,
        )


def _literal(name: str) -> str:
    """A pattern that a name alone matches."""
    return re.sub(r"[*?[]", r"[\g<0>]", name)


# Handing over


def words(wrapper: Wrapper) -> tuple[Word, ...]:
    """The arguments of the wrapper's script."""
    given = (each for each in wrapper.tokens if each.kind != "scratch")
    return ("--amlshare", encode(wrapper), "--", *given)


def encode(wrapper: Wrapper) -> str:
    """What the wrapper does, as one argument.

    It has only letters, digits, ``-`` and ``_``: no service and no shell finds a quote, a brace or
    a ``$`` in it.
    """
    text = json.dumps(_task(wrapper), sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(text: str) -> dict[str, Any]:
    """What :func:`encode` wrote, as plain data. Raises ValueError for anything else."""
    padded = text + "=" * (-len(text) % 4)
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(padded))
    return found


def _task(wrapper: Wrapper) -> dict[str, Any]:
    return {key: value for key, value in plain(wrapper).items() if key != "reasons"}
