"""Values in bash commands, tried with bash itself."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amlshare.backends import shell
from amlshare.references import Reference, parse

AWKWARD = """it's "a" $HOME `b` \\ * ; & é"""


@pytest.mark.parametrize(
    "line",
    [
        "printf %s ${inputs.x}",
        'printf %s "${inputs.x}"',
        "printf %s '${inputs.x}'",
        """printf %s it\\'s > /dev/null; printf %s "${inputs.x}" """,
        """printf '' 'a"b'; printf %s ${inputs.x}""",
        """printf '' "a'\\"b"; printf %s '${inputs.x}'""",
        'printf %s "$(printf %s ${inputs.x})"',
        'printf %s "$(printf %s "${inputs.x}")"',
        """printf %s "$(cd . && (printf %s '${inputs.x}'))" """,
        'printf "(%s" "" > /dev/null; printf %s ${inputs.x}',
        'x=$(cat <<END\n${inputs.x}\nEND\n); printf %s "$x"',
        "x=$(cat <<'END'\n${inputs.x}\nEND\n); printf %s \"$x\"",
        'cat <<END > made\n${inputs.x}\nEND\nprintf %s "$(cat made)"',
        'cat <<END > "${inputs.out}"\n${inputs.x}\nEND\nprintf %s "$(cat made)"',
        "cat <<'END' > ${inputs.out}\n${inputs.x}\nEND\nprintf %s \"$(cat made)\"",
        'cat - <<A 3<<B > made\n${inputs.x}\nA\n"\nB\nprintf %s "$(cat made)"; : ${inputs.x}',
        'cat <<<no > made\nprintf %s "${inputs.x}"',
        "f() { printf %s ${inputs.x}; }; f",
    ],
)
def test_a_value_stays_one_word_wherever_it_stands(line: str, tmp_path: Path) -> None:
    values = {Reference("input", "x"): AWKWARD, Reference("input", "out"): "./made"}
    text = shell.fill(parse(line)[0], values)
    done = subprocess.run(
        ["bash", "-c", "".join(map(str, text))],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == AWKWARD


def test_a_plain_value_is_not_quoted() -> None:
    text = shell.fill(parse("cat ${inputs.x}")[0], {Reference("input", "x"): "/a/b.csv"})
    assert "".join(map(str, text)) == "cat /a/b.csv"


def test_what_is_not_known_yet_stays_a_reference() -> None:
    line = parse("cat ${inputs.x} > ${outputs.y}")[0]
    assert shell.fill(line, {Reference("input", "x"): "a"})[-1] == Reference("output", "y")


HOSTILE_PLACES = """
x=${inputs.x}; y="$(echo ${inputs.x})"; : '${inputs.x}' `echo ${inputs.x}` "`: ${inputs.x}`"
cat <<END > /dev/null
${inputs.x}
END
if [ -e made ]; then echo made; else echo end; fi
"""


@given(value=st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])))
@settings(max_examples=30)
def test_no_value_is_read_as_code(value: str) -> None:
    hostile = f"{value}$(touch made)`touch made`'\";touch made;"
    text = shell.fill(parse(HOSTILE_PLACES)[0], {Reference("input", "x"): hostile})
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["bash", "-c", "".join(map(str, text))], cwd=folder, capture_output=True, check=False
        )
    assert done.stdout == b"end\n"
