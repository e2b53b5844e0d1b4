"""The law: what is read from a script's source refuses no words that its real parser takes.

Parsers are made up as source, with names that begin alike so that abbreviations clash; the source
is run to have the real parser, and read to have ours.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path

from hypothesis import event, given, settings
from hypothesis import strategies as st

from amlshare.script_arguments import Word, match, read
from amlshare.scripts import Sources

FLAGS = ["--in", "--input", "--in-dir", "--out", "--out_dir", "--epochs", "--lr", "--no-cache"]
SHORT = ["-i", "-o", "-v", "-q", "-lr", "-n"]
ACTIONS = ["store_true", "store_false", "append", "count", "argparse.BooleanOptionalAction"]
NARGS = ["'?'", "'*'", "'+'", "1", "2", "argparse.REMAINDER"]
TYPES = ["int", "float", "str", "bool", "lambda text: text", "Path"]
VALUES = ["3", "0.5", "-1", "-2.5", "abc", "data/in", "a b", "", "x", "red", "--", "@file"]
CHOICES = ["['red', 'blue']", "('x', 'abc')", "range(4)"]


@st.composite
def argument(draw: st.DrawFn) -> str:
    """The words between the parentheses of an ``add_argument``."""
    positional = draw(st.integers(0, 4)) == 0
    if positional:
        names = [draw(st.sampled_from(["source", "target", "files", "mode"]))]
    else:
        flags = st.lists(st.sampled_from(FLAGS), min_size=1, max_size=2, unique=True)
        names = draw(flags) + draw(st.lists(st.sampled_from(SHORT), max_size=1))
    parts = [repr(name) for name in names]
    form = draw(st.integers(0, 9))
    if form < 3 and not positional:
        action = draw(st.sampled_from(ACTIONS))
        parts.append(f"action={action if '.' in action else repr(action)}")
    else:
        if draw(st.booleans()):
            parts.append(f"nargs={draw(st.sampled_from(NARGS))}")
        if draw(st.booleans()):
            parts.append(f"type={draw(st.sampled_from(TYPES))}")
        if form == 9:
            parts.append(f"choices={draw(st.sampled_from(CHOICES))}")
    if not positional:
        parts += draw(st.sampled_from([[], [], ["required=True"], ["default=None"], ["default=3"]]))
    return ", ".join(parts)


SETTINGS = ["", "", "", "allow_abbrev=False", "add_help=False", "fromfile_prefix_chars='@'"]
SETTINGS += ["prefix_chars='-+'", "prog='tool', description=__doc__"]
HEAD = "import argparse, sys\nfrom pathlib import Path\n"


def flat(arguments: list[str], setting: str) -> str:
    lines = [f"parser = argparse.ArgumentParser({setting})"]
    lines += [f"parser.add_argument({each})" for each in arguments]
    return "\n".join([*lines, "args = parser.parse_args()"])


def in_functions(arguments: list[str], setting: str) -> str:
    first, rest = arguments[:1], arguments[1:]
    lines = [f"def make():\n    parser = argparse.ArgumentParser({setting})"]
    lines += [f"    parser.add_argument({each})" for each in first]
    lines += ["    more(parser)\n    return parser\ndef more(parser):\n    pass"]
    lines += [f"    parser.add_argument({each})" for each in rest]
    lines += ["def main(argv=None):\n    args, _ = make().parse_known_args(argv)"]
    return "\n".join([*lines, "if __name__ == '__main__':\n    main()"])


def in_a_loop(arguments: list[str], setting: str) -> str:
    lines = [f"parser = argparse.ArgumentParser({setting})", "for names, named in ["]
    lines += [f"    call({each})," for each in arguments]
    lines += [
        "]:\n    parser.add_argument(*names, **named)",
        "args = parser.parse_args(sys.argv[1:])",
    ]
    return "\n".join(["def call(*names, **named):\n    return names, named", *lines])


def exclusive(arguments: list[str], setting: str) -> str:
    lines = [f"parser = argparse.ArgumentParser({setting})"]
    lines += ["group = parser.add_mutually_exclusive_group(required=True)"]
    lines += [f"group.add_argument({each})" for each in arguments[:2]]
    lines += [f"parser.add_argument({each})" for each in arguments[2:]]
    return "\n".join([*lines, "args = parser.parse_args()"])


def with_commands(arguments: list[str], setting: str) -> str:
    lines = [f"parser = argparse.ArgumentParser({setting})"]
    lines += [f"parser.add_argument({each})" for each in arguments[:1]]
    lines += ["commands = parser.add_subparsers(dest='command', required=True)"]
    lines += ["train = commands.add_parser('train', aliases=['x'])", "commands.add_parser('abc')"]
    lines += [f"train.add_argument({each})" for each in arguments[1:]]
    return "\n".join([*lines, "args = parser.parse_args()"])


def with_parents(arguments: list[str], setting: str) -> str:
    lines = ["common = argparse.ArgumentParser(add_help=False)"]
    lines += [f"common.add_argument({each})" for each in arguments[:1]]
    lines += [f"parser = argparse.ArgumentParser(parents=[common]{setting and ', '}{setting})"]
    lines += ["named = parser.add_argument_group('named')"]
    lines += [f"named.add_argument({each})" for each in arguments[1:]]
    return "\n".join([*lines, "args = parser.parse_args()"])


def sometimes(arguments: list[str], setting: str) -> str:
    lines = [f"parser = argparse.ArgumentParser({setting})", "if sys.platform == 'linux':"]
    lines += ["    pass", *(f"    parser.add_argument({each})" for each in arguments[:1])]
    lines += [f"parser.add_argument({each})" for each in arguments[1:]]
    return "\n".join([*lines, "args = parser.parse_args()"])


def caught(arguments: list[str], setting: str) -> str:
    lines = flat(arguments, setting).splitlines()
    return "\n".join([*lines[:-1], "try:", f"    {lines[-1]}", "except SystemExit:", "    pass"])


def left_early(arguments: list[str], setting: str) -> str:
    lines = [f"    {line}" for line in flat(arguments, setting).splitlines()]
    early = ["def main():", "    if len(sys.argv) > 3:", "        return"]
    return "\n".join([*early, *lines, "main()"])


FORMS = [flat, in_functions, in_a_loop, exclusive, with_commands, with_parents]
FORMS += [sometimes, caught, left_early]


@st.composite
def command_line(draw: st.DrawFn) -> list[str]:
    flag = st.sampled_from([*FLAGS, *SHORT, "--inp", "--o", "--epocs", "-vq", "-n5", "-h", "+x"])
    value = st.sampled_from(VALUES)
    both = st.tuples(flag, st.sampled_from(VALUES)).map("=".join)
    word = st.one_of(flag, value, value, both, st.sampled_from(["train", "abc"]))
    pair = st.tuples(flag, st.sampled_from(["3", "x", "0.5"]))
    first = draw(st.sampled_from([[], [], ["train"], ["3", "3"]]))
    if draw(st.booleans()):
        return first + [word for each in draw(st.lists(pair, max_size=3)) for word in each]
    return draw(st.lists(word, max_size=6))


def really_refused(source: str, words: list[str]) -> bool | None:
    """Whether the script exits with an error; None where it is no program that works."""
    before = sys.argv
    sys.argv = ["main.py", *words]
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            exec(compile(source, "main.py", "exec"), {"__name__": "__main__"})
    except SystemExit as error:
        return error.code not in (None, 0)
    except Exception:  # noqa: BLE001 - made-up parsers fail in every way
        return None
    finally:
        sys.argv = before
    return False


def ours_refused(source: str, words: list[str]) -> list[object]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "main.py")
        file.write_text(source)
        accepted = read(Sources({"main.py": file}), "main.py")
    given = [Word(text=word, key=key) for key, word in enumerate(words)]
    return [
        refusal
        for parsing in accepted.parsings
        for refusal in match(parsing.parser, given[parsing.start :]).refusals
    ]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(FORMS),
    st.lists(argument(), max_size=4),
    st.sampled_from(SETTINGS),
    st.lists(command_line(), min_size=1, max_size=5),
)
def test_what_the_real_parser_takes_is_not_refused(form, arguments, setting, lines):
    source = HEAD + form(arguments, setting)
    for words in lines:
        refused = really_refused(source, words)
        ours = ours_refused(source, words)
        event(f"really refused: {refused}, ours: {bool(ours)}")
        if refused is False:
            assert not ours, f"{source}\n{words}"
