"""The standard library's own programs: what is read of them is what they make when they run."""

from __future__ import annotations

import argparse
import runpy
import sys
import sysconfig
import warnings
from pathlib import Path

import pytest

from amlshare.script_arguments import read
from amlshare.scripts import Sources

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
PROGRAMS = """ast calendar compileall dis gzip inspect json/tool pickle pickletools py_compile
tarfile tokenize trace zipapp zipfile http/server""".split()


class FoundError(Exception):
    """The parser at the moment when it parses."""


def real(file: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.ArgumentParser | None:
    def found(parser: argparse.ArgumentParser, *_args: object, **_named: object) -> None:
        raise FoundError(parser)

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", found)
    monkeypatch.setattr(argparse.ArgumentParser, "parse_known_args", found)
    monkeypatch.setattr(sys, "argv", [str(file), "x"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            runpy.run_path(str(file), run_name="__main__")
        except FoundError as error:
            return error.args[0]
        except BaseException:  # noqa: BLE001 - a program that wants something else
            return None
    return None


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_read_of_a_program_is_what_it_makes(name: str, monkeypatch: pytest.MonkeyPatch):
    file = LIBRARY / f"{name}.py"
    ours = read(Sources({file.name: file}), file.name).parsings[0].parser
    parser = real(file, monkeypatch)
    assert parser is not None
    assert ours.by_flag.keys() == parser._option_string_actions.keys()
    words = [each.dest for each in parser._actions if not each.option_strings]
    assert [each.called for each in ours.positionals] == words
    for flag, option in ours.by_flag.items():
        action = parser._option_string_actions[flag]
        assert option.required == action.required
        assert (option.most == 0) == (action.nargs == 0)
        assert option.kind is None or option.kind == getattr(action.type, "__name__", None)
