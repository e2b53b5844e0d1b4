"""Which steps need a wrapper, and what it is told."""

from __future__ import annotations

import re
from typing import Any

import pytest
from backends.local.plans import command, output, script, sequence
from hypothesis import given
from hypothesis import strategies as st

from amlshare.backends.azureml import wrapping
from amlshare.backends.azureml.wrapping import Contract, Program, Registration, Wrapper, wrap
from amlshare.pipeline import Distribution, Expect, Parallel, Scratch, Step
from amlshare.references import Reference, parse

IN, OUT = Reference("input", "x"), Reference("output", "y")


def wrapped(step: Step, files: dict[Reference, str] | None = None) -> Wrapper:
    found = wrap(step, files or {})
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("python x.py --in ${inputs.x}", ("python", "x.py", "--in", IN)),
        ('cat  "${inputs.x}" ${outputs.y}\n', ("cat", IN, OUT)),
        ("./run.sh a=1 --b=2,3", ("./run.sh", "a=1", "--b=2,3")),
        ("train", ("train",)),
    ],
)
def test_a_command_of_plain_words_needs_no_shell(line: str, words: tuple[object, ...]) -> None:
    assert wrapping.plain_command(parse(line)[0]) == words


@pytest.mark.parametrize(
    "line",
    [
        "cat ${inputs.x} > out", "a && b", "a; b", "a | b", "a &", "ls *.csv", "echo $HOME",
        "cat '${inputs.x}'", "cat ${inputs.x}/a", "cat --in=${inputs.x}", 'cat "${inputs.x}',
        "cat ${inputs.x}${outputs.y}", "a\nb", "cat ${inputs.x}\nls", "A=1 train", "cd code",
        "test -f x", "! a", "[ -f x ]", "if true", "time train", "ls ~", "echo {a,b}", "a # b",
        "${inputs.x} a", "a 'b c'", "", "a parameter:x", "a DatasetOutputConfig:x", "a \\b", "a é",
        ". x.sh", "[[ a ]]", "a !b", "a ^b", "a \0000\0",
    ],
)  # fmt: skip
def test_every_other_command_is_for_bash(line: str) -> None:
    assert wrapping.plain_command(parse(line)[0]) is None


@pytest.mark.parametrize(
    ("step", "reasons"),
    [
        (script("a", "x.py", "--in", "${inputs.x}", "a=b"), None),
        (command("a", "cat ${inputs.x}"), None),
        (command("a", "cat ${inputs.x} | sort"), ("a bash command",)),
        (script("a", "x.py", "--out=${outputs.y}/sub"),
         ("a reference inside text: --out=${outputs.y}/sub",)),
        (script("a", "x.py", retries=1), ("tries again once",)),
        (command("a", "train", retries=2), ("tries again 2 times",)),
        (command("a", "train", retries=2, timeout=60),
         ("tries again 2 times, all within one timeout",)),
        (script("a", "x.py", writes=[output("table", expect=Expect(glob="*"))]),
         ("expects files in 'table'",)),
        (Step(name="a", run=Parallel(file="x.py", over="x"), retries=2), None),
    ],
)  # fmt: skip
def test_a_wrapper_says_why_it_is_there(step: Step, reasons: tuple[str, ...] | None) -> None:
    found = wrap(step, {})
    assert (found and found.reasons) == reasons


def test_each_value_is_a_token_once() -> None:
    made = wrapped(script("a", "x.py", "${inputs.x}", "${inputs.x}:${outputs.y}/a", "b"))
    assert made.tokens == (IN, OUT)
    assert [each.words for each in made.programs] == [((0,), (0, ":", 1, "/a"), ("b",))]


def test_a_line_expands_variables_and_holds_no_value() -> None:
    (made,) = wrapped(command("a", "cat '${inputs.x}' | sort > \"${outputs.y}\"")).programs
    assert made.bash == ("""cat ''"${amlshare_input_x}"'' | sort > "${amlshare_output_y}\"""",)
    assert made.variables == {"amlshare_input_x": (0,), "amlshare_output_y": (1,)}


def test_a_value_is_a_part_of_the_line_only_where_bash_reads_nothing() -> None:
    line = "cat <<'END' > \"${outputs.y}\"\n${inputs.x}\nEND\n"
    (made,) = wrapped(command("a", line)).programs
    assert made.bash == ("cat <<'END' > \"${amlshare_output_y}\"\n", 1, "\nEND\n")


def test_a_file_in_a_folder_is_named_behind_its_token() -> None:
    made = wrapped(script("a", "x.py", "${outputs.y}"), {OUT: "m.pkl"})
    assert made.programs[0].words == ((0, "/m.pkl"),)
    assert made.reasons == ("a file in a folder: ${outputs.y} is m.pkl",)
    (line,) = wrapped(command("a", "cp a ${outputs.y}"), {OUT: "m.pkl"}).programs
    assert line.bash == ('cp a "${amlshare_output_y}"',)
    assert line.variables == {"amlshare_output_y": (0, "/m.pkl")}


def test_what_is_expected_is_checked_and_then_registered() -> None:
    known: dict[str, Any] = {"expect": Expect(files=(">=", 1)), "location": "o/{run-id}/"}
    made = wrapped(
        script("a", "x.py", "--quiet", writes=[
            output("plain", **known),
            output("kept", **known, type="dataset", dataset="d", only=("*.csv",)),
        ])
    )  # fmt: skip
    assert made.tokens == (Reference("output", "plain"), Reference("output", "kept"))
    assert made.contracts == (
        Contract(output="plain", token=0, expect=known["expect"]),
        Contract(
            output="kept", token=1, expect=known["expect"], only=("*.csv",),
            register=Registration(name="d"), datastore="store", path="o/{run-id}/",
        ),
    )  # fmt: skip


def test_a_contract_for_a_single_file_looks_at_no_other() -> None:
    made = wrapped(
        script("a", "x.py", writes=[
            output("o", type="dataset", dataset="d", format="file", location="o/m[1].pkl",
                   expect=Expect(min_size=1)),
        ])
    )  # fmt: skip
    assert made.contracts[0].only == ("m[[]1].pkl",)
    assert made.contracts[0].path == "o/m[1].pkl"


def test_a_step_that_tries_again_knows_where_its_outputs_lie() -> None:
    made = wrapped(script("a", "x.py", "${inputs.x}", retries=1, writes=["y"]))
    assert made.tokens == (IN, OUT)


def test_a_distributed_step_says_so() -> None:
    spread = Distribution(type="mpi")
    assert wrapped(script("a", "x.py", retries=1, distribution=spread)).distributed


def test_a_sequence_is_programs_that_share_their_tokens_and_scratch() -> None:
    made = wrapped(
        sequence(
            "a",
            script("", "x.py", "${inputs.x}", "${scratch.s}"),
            command("", "sort ${scratch.s} > ${outputs.y}"),
            scratch=[Scratch(name="s", format="file")],
        )
    )
    assert made.reasons == ("2 programs in turn",)
    assert made.tokens == (IN, Reference("scratch", "s"), OUT)
    assert made.programs == (
        Program(name="x.py", script="x.py", words=((0,), (1,))),
        Program(
            name="sort ${scratch.s} > ${outputs.y}",
            bash=('sort "${amlshare_scratch_s}" > "${amlshare_output_y}"',),
            variables={"amlshare_scratch_s": (1,), "amlshare_output_y": (2,)},
        ),
    )


def test_the_service_is_asked_for_no_place_of_scratch() -> None:
    part = script("", "x.py", "${scratch.s}", "${outputs.y}")
    made = wrapped(sequence("a", part, scratch=["s"]))
    assert wrapping.words(made)[2:] == ("--", OUT)


texts = st.text(st.characters(blacklist_categories=["Cs"]))
parts = st.lists(texts | st.integers(0, 9), max_size=4).map(tuple)


@given(st.lists(parts, max_size=4).map(tuple), st.dictionaries(texts, parts, max_size=2))
def test_a_task_is_one_argument_that_nobody_expands(words: Any, variables: Any) -> None:
    program = Program(words=words, variables=variables)
    made = Wrapper(reasons=("r",), tokens=(IN, OUT), programs=(program,), retries=2)
    text = wrapping.encode(made)
    assert re.fullmatch(r"[\w-]+", text, re.ASCII)
    assert wrapping.words(made) == ("--amlshare", text, "--", IN, OUT)
    task = wrapping.decode(text)
    (ran,) = task["programs"]
    assert ran.get("words", []) == [list(word) for word in words]
    assert ran.get("variables", {}) == {name: list(value) for name, value in variables.items()}
    assert (task["tokens"], task["retries"]) == (["${inputs.x}", "${outputs.y}"], 2)
    assert "reasons" not in task
