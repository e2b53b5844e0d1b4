"""Steps that run several programs in turn, with real processes."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

from backends.local.plans import Project, command, data, script, sequence

from amlshare.backends.interface import StepStarted
from amlshare.pipeline import Parameter, Scratch


def test_one_part_hands_to_the_next_what_nobody_else_sees(project: Project) -> None:
    project.write("data/raw/x", "b\na\n")
    project.write("code/upper.py", "import sys; open(sys.argv[2], 'w').write(open(sys.argv[1] + "
                  "'/x').read().upper())")  # fmt: skip
    out = project.run(
        sequence(
            "a",
            script("", "upper.py", "${inputs.raw}", "${scratch.upper}"),
            command("", "sort ${scratch.upper} > ${outputs.out}/x; touch '${scratch.rest}/y'"),
            command("", "cp ${outputs.out}/x ${outputs.out}/again"),
            scratch=[Scratch(name="upper", format="file"), "rest"],
            reads=["raw"],
            writes=["out"],
        ),
        data=[data("raw", "raw")],
    )
    made = Path(out.outputs["a.out"])
    assert {path.name: path.read_text() for path in made.iterdir()} == dict.fromkeys(
        ("x", "again"), "A\nB\n"
    )
    assert list((project.state / "runs" / out.run / "a").glob("scratch*")) == []


def test_each_part_starts_in_the_code_as_it_was(project: Project) -> None:
    project.write("code/note", "as it was\n")
    project.write("code/x.py", "import os; print(open('note').read(), os.path.exists('made'))")
    line = "touch made; rm note; echo changed > note"
    project.run(sequence("a", command("", line), command("", "cat note"), script("", "x.py")))
    said = [each for each in project.printed() if not each.startswith("==>")]
    assert said == ["as it was", "as it was", " False"]


def test_the_log_says_which_part_begins(project: Project) -> None:
    project.write("code/x.py", "print('one')")
    project.run(sequence("a", script("", "x.py"), command("", "echo  \\\n  two")))
    assert project.printed() == ("==> 1/2 x.py", "one", "==> 2/2 echo \\ two", "two")


def test_a_part_is_called_by_its_title(project: Project) -> None:
    parts = [command("", "printf one"), command("", "exit 3")]
    project.run(sequence("a", *parts, titles=(None, "The one that fails")))
    assert project.printed() == ("==> 1/2 printf one", "one", "==> 2/2 The one that fails")
    assert project.end("a").message == "2/2 The one that fails: exit code 3"


def test_the_first_part_that_fails_ends_the_step_and_is_named(project: Project) -> None:
    project.run(sequence("a", command("", "true"), command("", "exit 3"), command("", "echo no")))
    assert project.end("a").message == "2/3 exit 3: exit code 3"
    assert "no" not in project.printed()


def test_all_parts_are_tried_again_with_scratch_that_is_empty(project: Project) -> None:
    count = project.base / "count"
    line = f"ls '${{scratch.s}}'; touch '${{scratch.s}}/old'; echo x >> '{count}'"
    fails_once = command("", f"test $(wc -l < '{count}') = 2")
    out = project.run(sequence("a", command("", line), fails_once, scratch=["s"], retries=1))
    assert out.status == "completed"
    assert [event.attempt for event in project.of(StepStarted)] == [1, 2]
    assert "old" not in project.printed()


def test_the_time_that_a_step_may_take_is_that_of_all_parts_together(project: Project) -> None:
    short = command("", "sleep 0.7")
    project.run(sequence("a", short, short, timeout=1))
    # on a busy machine the first alone may take longer; the two together always do
    message = r"[12]/2 sleep 0\.7: ran longer than its timeout of 1 s and was ended"
    assert re.fullmatch(message, project.end("a").message)


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that is sure to come."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_signal_reaches_the_part_that_runs_and_no_other_begins(project: Project) -> None:
    note = project.base / "note"
    line = f"trap \"echo ended >> '{note}'; exit 0\" TERM; echo ready; sleep 60 & wait"
    plan = project.plan(sequence("a", command("", line), command("", f"echo next >> '{note}'")))
    child = project.start(plan)
    logs = (project.state / "runs").glob
    until(lambda: any("ready\n" in log.read_text() for log in logs("*/*/log.txt")))
    os.kill(child, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130
    assert note.read_text() == "ended\n"


def test_a_parameter_of_any_part_decides_about_reuse(project: Project) -> None:
    part = sequence("a", command("", "true"), command("", "echo ${parameters.p}"))

    def run(value: str) -> bool:
        project.parameters = [Parameter(name="p", type="string", value=value)]
        return project.run(part).steps[0].reused

    assert [run(value) for value in ("1", "1", "2")] == [False, True, False]


def test_a_title_of_a_part_decides_about_nothing(project: Project) -> None:
    plain, titled = (sequence("a", command("", "true"), titles=titles) for titles in ((), ("New",)))
    assert [project.run(each).steps[0].reused for each in (plain, titled)] == [False, True]
