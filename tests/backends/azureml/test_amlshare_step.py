"""The wrapper's program, run as the job runs it."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from backends.local.plans import command, output, script, sequence

from amlshare.backends.azureml import amlshare_step, wrapping
from amlshare.backends.local import outputs
from amlshare.pipeline import Distribution, Expect, Scratch, Step
from amlshare.references import Reference, parse
from amlshare.units import show_size

HERE = Path(sys.executable)
# whatever the tests make of HOME, this is where pyenv puts them
_VERSIONS = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".pyenv/versions"
PYTHONS = [HERE] + [
    python
    for version in ("3.8", "3.10", "3.11", "3.12")
    for python in sorted(_VERSIONS.glob(f"{version}.*/bin/python"))
]
AWKWARD = """it's "a" $HOME `b` \\ $(touch made) * ; & é\nnew line"""

# A package like the SDK's, with what a job uses of it: it writes down how it was called.
FAKE = """
    class Datastore:
        @staticmethod
        def get(workspace, name):
            return f"{workspace}/{name}"

    class FileDataset:
        version = 7
        def __init__(self, path):
            self.path = path
        def register(self, workspace, name, description=None, tags=None, create_new_version=False):
            print("registered", workspace, self.path, name, description, tags, create_new_version)
            return self

    class Dataset:
        class File:
            @staticmethod
            def from_files(path, validate=True):
                assert not validate
                return FileDataset(path)

    class Run:
        id = "RUN"
        class experiment:
            workspace = "ws"
        @staticmethod
        def get_context(allow_offline=True):
            assert not allow_offline
            return Run
"""


class Job:
    """A snapshot in which steps run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "code"
        self.folder.mkdir()
        self.out = folder / "out"
        self.out.mkdir()
        self.env: dict[str, str] = {}
        shutil.copy(amlshare_step.__file__, self.folder)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(dedent(text), "utf-8")

    def arguments(self, step: Step, values: dict[str, str], python: Path) -> list[str]:
        wrapper = wrapping.wrap(step, {})
        assert wrapper is not None
        known = {"outputs.out": str(self.out)} | values
        words = [
            known[str(word)[2:-1]] if isinstance(word, Reference) else word
            for word in wrapping.words(wrapper)
        ]
        return [str(python), amlshare_step.Path(amlshare_step.__file__).name, *words]

    def start(self, step: Step, **values: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.arguments(step, values, HERE), cwd=self.folder, env=os.environ | self.env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(
        self, step: Step, values: dict[str, str] | None = None, python: Path = HERE
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.arguments(step, values or {}, python), cwd=self.folder, capture_output=True,
            env=os.environ | self.env, text=True, timeout=60,
        )  # fmt: skip

    def with_sdk(self, text: str = FAKE) -> None:
        """Give the job a package like the SDK's."""
        package = self.folder.parent / "packages/azureml/core"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(dedent(text))
        (package.parent / "__init__.py").touch()
        self.env["PYTHONPATH"] = str(package.parent.parent)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def expecting(**expect: Any) -> Step:
    """A step that is held to what it writes."""
    line = "true; : ${outputs.out}"
    return command("a", line, writes=[output("out", expect=Expect(**expect))])


KEPT = {
    "type": "dataset", "dataset": "made", "description": "D", "tags": {"a": "b"},
    "expect": Expect(glob="*"), "location": "o/{run-id}/",
}  # fmt: skip


@pytest.mark.parametrize("python", PYTHONS, ids=lambda path: path.parent.parent.name)
def test_it_runs_on_every_python_of_a_job(job: Job, python: Path) -> None:
    job.write("x.py", "import sys; print(sys.argv, sys.executable)")
    made = script(
        "a", "x.py", "--out=${outputs.out}/x", retries=1,
        writes=[output("out", expect=Expect(files=("==", 0)))],
    )  # fmt: skip
    done = job.run(made, python=python)
    assert (done.returncode, done.stdout) == (0, f"{['x.py', f'--out={job.out}/x']} {python}\n")
    assert done.stderr == "amlshare: output 'out' is as expected: files 0, 0 B\n"


def test_a_script_runs_with_the_same_python_where_it_would_have_run(job: Job) -> None:
    job.write("sub/x.py", "import sys, os; print(sys.executable, os.getcwd(), *sys.argv[1:])")
    done = job.run(script("a", "sub/x.py", "a${inputs.x}", "b c"), {"inputs.x": AWKWARD})
    assert done.stdout == f"{sys.executable} {job.folder} a{AWKWARD} b c\n"
    assert done.stderr == ""


def test_a_file_of_the_step_that_is_called_like_one_of_pythons_is_left_alone(job: Job) -> None:
    for name in ("json", "subprocess", "base64", "signal"):
        job.write(f"{name}.py", "raise SystemExit('mine')")
    job.write("x.py", "import sys; sys.path.remove(sys.path[0]); print('fine')")
    assert job.run(script("a", "x.py", retries=1)).stdout == "fine\n"


@pytest.mark.parametrize(
    "line",
    [
        "printf %s ${inputs.x} | cat",
        "printf %s '${inputs.x}' | cat",
        'x="$(printf %s "${inputs.x}")"; printf %s "$x"',
        "cat <<END | head -c -1\n${inputs.x}\nEND",
    ],
)
def test_a_value_is_never_read_by_bash_as_code(job: Job, line: str) -> None:
    done = job.run(command("a", line), {"inputs.x": AWKWARD})
    assert done.stdout == AWKWARD
    assert not (job.folder / "made").exists()


def test_a_value_of_several_lines_cannot_end_a_quoted_here_document(job: Job) -> None:
    line = "cat <<'END'\n${inputs.x}\nEND"
    done = job.run(command("a", line), {"inputs.x": "a\nEND\ntouch made"})
    assert (done.returncode, done.stdout) == (1, "")
    assert "the value of ${inputs.x} has several lines" in done.stderr
    assert job.run(command("a", line), {"inputs.x": "$HOME"}).stdout == "$HOME\n"


@pytest.mark.parametrize(("ends", "code"), [("exit 7", 7), ("kill -9 $$", 137)])
def test_the_exit_code_is_the_steps_own(job: Job, ends: str, code: int) -> None:
    assert job.run(command("a", f"{ends}; :")).returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_step_and_ends_its_attempts(job: Job, number: int) -> None:
    line = "trap 'echo stopped; exit 5' TERM INT; echo ready; while :; do sleep 0.1; done"
    step = command("a", line, retries=3)
    with job.start(step) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(number)
        said, _ = running.communicate(timeout=30)
    assert (said, running.returncode) == ("stopped\n", 5)


def test_it_tries_again_as_often_as_it_may(job: Job) -> None:
    step = command("a", "echo run; exit 3", retries=2)
    done = job.run(step)
    assert (done.returncode, done.stdout) == (3, "run\n" * 3)
    assert done.stderr.splitlines() == [
        f"amlshare: attempt {i} of 3 failed with exit code 3; {then}"
        for i, then in ((1, "trying again"), (2, "trying again"), (3, "giving up"))
    ]


def test_what_a_failed_attempt_wrote_is_removed_and_nothing_else(job: Job) -> None:
    (job.out / "old").mkdir()
    (job.out / "old/kept").touch()
    step = command(
        "a",
        'cd "${outputs.out}"; test ! -e n -a ! -e old/f || exit 9; mkdir n; touch n/f old/f; ! :',
        retries=1,
        writes=["out"],
    )
    done = job.run(step)
    assert done.returncode == 1, "the second attempt saw what the first had written"
    assert (job.out / "old/kept").exists()


def test_a_file_that_a_failed_attempt_wrote_is_removed(job: Job, tmp_path: Path) -> None:
    step = command("a", 'test ! -e "${outputs.out}" || exit 9; touch "${outputs.out}"; exit 3',
                   retries=1, writes=["out"])  # fmt: skip
    assert job.run(step, {"outputs.out": str(tmp_path / "file")}).returncode == 3


# several programs in turn


@pytest.mark.parametrize("python", PYTHONS, ids=lambda path: path.parent.parent.name)
def test_one_part_hands_to_the_next_by_scratch(job: Job, python: Path) -> None:
    job.write("x.py", "import sys; open(sys.argv[1], 'w').write(sys.argv[2]); print('made')")
    step = sequence(
        "a",
        script("", "x.py", "${scratch.file}", "in ${inputs.x}"),
        command("", 'cp ${scratch.file} "${scratch.rest}"; cat ${scratch.rest}/*'),
        scratch=[Scratch(name="file", format="file"), "rest"],
    )
    done = job.run(step, {"inputs.x": AWKWARD}, python=python)
    assert done.stdout == f"made\nin {AWKWARD}"
    assert done.stderr.splitlines() == [
        "==> 1/2 x.py",
        '==> 2/2 cp ${scratch.file} "${scratch.rest}"; cat ${scratch.rest}/*',
    ]


def test_scratch_lies_where_the_job_has_its_temporary_files_and_is_gone_at_the_end(
    job: Job, tmp_path: Path
) -> None:
    job.env["TMPDIR"] = str(tmp_path / "tmp")
    (tmp_path / "tmp").mkdir()
    done = job.run(
        sequence("a", command("", "touch ${scratch.s}/x; echo ${scratch.s}"), scratch=["s"])
    )
    assert Path(done.stdout.strip()).is_relative_to(tmp_path / "tmp")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_without_a_place_for_scratch_it_says_so(job: Job) -> None:
    job.write("tempfile.py", "def mkdtemp(prefix, dir):\n    raise OSError(28, 'No space left')")
    job.env["PYTHONPATH"] = str(job.folder)
    done = job.run(sequence("a", command("", "true"), scratch=["unused"]))
    why = "there is no place for scratch: No space left; TMPDIR can name one"
    assert (done.returncode, done.stderr) == (1, f"amlshare: {why}\n")


def test_scratch_that_nobody_names_is_no_mistake(job: Job) -> None:
    assert job.run(sequence("a", command("", "true"), scratch=["unused"])).returncode == 0


def test_the_first_part_that_fails_ends_the_step(job: Job) -> None:
    parts = [command("", line) for line in ("echo a", "exit 3", "echo b")]
    done = job.run(sequence("a", *parts))
    assert (done.returncode, done.stdout) == (3, "a\n")
    assert done.stderr.splitlines()[-1] == "amlshare: 2/3 exit 3 failed with exit code 3"


def test_all_parts_are_tried_again_with_scratch_that_is_empty(job: Job) -> None:
    count = job.folder.parent / "count"
    first = command("", f"ls ${{scratch.s}}; touch ${{scratch.s}}/old; echo x >> {count}")
    second = command("", f"test $(wc -l < {count}) = 2")
    done = job.run(sequence("a", first, second, scratch=["s"], retries=1))
    assert (done.returncode, done.stdout) == (0, "")
    assert count.read_text() == "x\n" * 2


def test_each_part_starts_in_the_code_as_it_was(job: Job) -> None:
    job.write("sub/x.py", "import os, sys; print(*sys.argv, open('note').read(), end='')")
    job.write("note", "as it was\n")
    first = command("", "echo changed >> note; touch made sub/made")
    second = command("", "ls . sub | grep made; cat note")
    done = job.run(sequence("a", first, second, script("", "sub/x.py")))
    assert done.stdout == "as it was\nsub/x.py as it was\n"
    assert not (job.folder / "made").exists()


def test_what_a_part_leaves_for_azure_to_keep_is_left_to_the_job(job: Job) -> None:
    job.write("outputs/known", "x")
    parts = [command("", "echo 1 > outputs/a; cat outputs/known"), command("", "echo 2 > logs/b")]
    assert job.run(sequence("a", *parts)).stdout == "x"
    assert [(job.folder / name).read_text() for name in ("outputs/a", "logs/b")] == ["1\n", "2\n"]


def test_temporary_files_are_to_lie_where_nothing_can_is_said(job: Job) -> None:
    job.env["TMPDIR"] = "/nonexistent"
    done = job.run(sequence("a", command("", "echo ran"), scratch=["s"]))
    why = "there is no place for scratch in /nonexistent: No such file or directory"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"amlshare: {why}; TMPDIR can name one\n"


def test_no_part_begins_after_a_signal(job: Job) -> None:
    line = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done"
    with job.start(sequence("a", command("", line), command("", "echo next"))) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGTERM)
        said, _ = running.communicate(timeout=30)
    assert (said, running.returncode) == ("", 128 + signal.SIGTERM)


# what is expected


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ({"files": ("==", 2)}, None),
        ({"files": (">", 2)}, "files >2, found 2; it holds a.csv, sub/b.txt"),
        ({"glob": "*.csv"}, None),
        ({"glob": "*.png"}, "files >=1, found 0 that match *.png; it holds a.csv, sub/b.txt"),
        ({"glob": "**/*.txt", "min_size": 3}, None),
        ({"min_size": 2000}, "at least 2 KB, found 8 B"),
        ({"files": ("<=", 1), "min_size": 9}, "files <=1, found 2, at least 9 B, found 8 B"),
    ],
)
def test_an_output_is_held_to_what_is_expected(
    job: Job, expect: dict[str, Any], message: str | None
) -> None:
    (job.out / "sub").mkdir()
    (job.out / "a.csv").write_text("12345")
    (job.out / "sub/b.txt").write_text("678")
    done = job.run(expecting(**expect))
    assert done.returncode == (1 if message else 0)
    said = f"amlshare: output 'out' breaks its `expect`: {message}" if message else "is as expected"
    assert said in done.stderr


def test_what_is_not_there_is_said(job: Job) -> None:
    job.out.rmdir()
    done = job.run(expecting(glob="*"))
    assert (done.returncode, done.stderr) == (
        1, "amlshare: output 'out': the step left nothing at ${outputs.out}\n",
    )  # fmt: skip


def test_only_the_files_that_are_uploaded_count(job: Job) -> None:
    (job.out / "a.txt").touch()
    writes = [output("out", only=("*.csv",), expect=Expect(files=("==", 0)))]
    assert job.run(command("a", "true", writes=writes)).returncode == 0


def test_a_step_that_failed_is_held_to_nothing(job: Job) -> None:
    writes = [output("out", expect=Expect(glob="*"))]
    done = job.run(command("a", "exit 4; :", writes=writes))
    assert (done.returncode, done.stderr) == (4, "")


def test_its_rules_are_those_of_this_machine() -> None:
    names = ["a", "a/b", "a/b/c.csv", "x.csv", ".x", "a b/c"]
    globs = ["*", "**", "*.csv", "**/*.csv", "a/*", "a/**", "a/**/c.csv", "?", "[ax]", "/a/", ""]
    for name in names:
        for glob in globs:
            assert amlshare_step.matches(name, glob) == outputs.matches(name, glob), (name, glob)
    for size in (0, 999, 1000, 1234, 9999, 99_950, 999_499, 999_501, 31_053_850, 5 * 10**17):
        assert amlshare_step.show_size(size) == show_size(size)


# registering


def test_what_is_as_expected_is_registered_in_the_runs_workspace(job: Job) -> None:
    job.with_sdk()
    (job.out / "x").touch()
    done = job.run(script("a", "x.py", writes=[output("out", **KEPT)]))
    assert done.returncode == 2, "there is no x.py yet"
    job.write("x.py", "")
    done = job.run(script("a", "x.py", writes=[output("out", **KEPT)]))
    assert done.stdout == "registered ws ('ws/store', 'o/RUN/') made D {'a': 'b'} True\n"
    assert "amlshare: registered output 'out' as made, version 7" in done.stderr


def test_nothing_is_registered_where_one_output_is_not_as_expected(job: Job) -> None:
    job.with_sdk()
    (job.out / "x").touch()
    bad = output("more", expect=Expect(files=(">=", 5)))
    step = command("a", "true", writes=[output("out", **KEPT), bad])
    done = job.run(step, {"outputs.more": str(job.out)})
    assert (done.returncode, done.stdout) == (1, "")


def test_without_the_sdk_it_says_what_to_install(job: Job) -> None:
    job.with_sdk("raise ImportError('no azureml')")
    (job.out / "x").touch()
    done = job.run(command("a", "true", writes=[output("out", **KEPT)]))
    assert done.returncode == 1
    assert "cannot be registered as made: no azureml; add azureml-core and" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_refusal_of_the_service_is_a_message(job: Job) -> None:
    job.with_sdk(FAKE.replace('print("registered"', 'raise OSError("403") or print("registered"'))
    (job.out / "x").touch()
    done = job.run(command("a", "true", writes=[output("out", **KEPT)]))
    assert done.returncode == 1
    assert "output 'out' cannot be registered as made: OSError: 403" in done.stderr
    assert "Traceback" not in done.stderr


def task_of(kind: str, index: int, *others: str) -> str:
    cluster = {each: ["host:1", "host:2"] for each in (kind, *others)}
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize(
    ("name", "value", "registers"),
    [
        ("OMPI_COMM_WORLD_RANK", "0", True),
        ("OMPI_COMM_WORLD_RANK", "1", False),
        ("RANK", "3", False),
        ("TF_CONFIG", task_of("worker", 0), True),
        ("TF_CONFIG", task_of("worker", 1), False),
        ("TF_CONFIG", task_of("worker", 0, "chief"), False),
        ("TF_CONFIG", task_of("chief", 0, "worker"), True),
        ("TF_CONFIG", task_of("ps", 0, "worker"), False),
    ],
)
def test_of_many_processes_one_registers(job: Job, name: str, value: str, registers: bool) -> None:
    job.with_sdk()
    job.env[name] = value
    (job.out / "x").touch()
    spread = Distribution(type="mpi")
    step = command("a", "true", writes=[output("out", **KEPT)], distribution=spread)
    assert bool(job.run(step).stdout) == registers


def test_a_rank_that_is_a_variable_of_the_users_means_nothing(job: Job) -> None:
    job.with_sdk()
    job.env["RANK"] = "3"
    (job.out / "x").touch()
    assert job.run(command("a", "true", writes=[output("out", **KEPT)])).stdout


# how it is called


def test_a_value_that_is_missing_is_said(job: Job) -> None:
    arguments = job.arguments(command("a", "echo ${inputs.x} ${inputs.y};"),
                              {"inputs.x": "1", "inputs.y": ""}, HERE)  # fmt: skip
    done = subprocess.run(arguments[:-1], cwd=job.folder, capture_output=True, text=True)
    assert done.returncode == 1
    assert "expected 2 values, of ${inputs.x}, ${inputs.y}, and got 1" in done.stderr


def test_other_arguments_are_refused(job: Job) -> None:
    done = subprocess.run(
        [HERE, "amlshare_step.py", "x"], cwd=job.folder, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "expected the arguments --amlshare TASK" in done.stderr


def test_a_reference_that_stands_for_itself_is_text(job: Job) -> None:
    assert parse("$${x}")[0] == ("${x}",)
    assert job.run(command("a", "x=5; echo $${x}")).stdout == "5\n"
