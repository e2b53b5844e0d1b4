"""Values in bash commands, tried with bash itself."""

from __future__ import annotations

import subprocess

import pytest

from amlshare.backends.local import shell
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
    ],
)
def test_a_value_stays_one_word_wherever_it_stands(line: str) -> None:
    text = shell.fill(parse(line)[0], {Reference("input", "x"): AWKWARD})
    done = subprocess.run(
        ["bash", "-c", "".join(map(str, text))], capture_output=True, text=True, check=True
    )
    assert done.stdout == AWKWARD


def test_a_plain_value_is_not_quoted() -> None:
    text = shell.fill(parse("cat ${inputs.x}")[0], {Reference("input", "x"): "/a/b.csv"})
    assert "".join(map(str, text)) == "cat /a/b.csv"


def test_what_is_not_known_yet_stays_a_reference() -> None:
    line = parse("cat ${inputs.x} > ${outputs.y}")[0]
    assert shell.fill(line, {Reference("input", "x"): "a"})[-1] == Reference("output", "y")
