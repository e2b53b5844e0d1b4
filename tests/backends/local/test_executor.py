"""Runs of whole pipelines, with real processes."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from backends.local.plans import Project, command, data, output, reading, script, step

from amlshare.backends.interface import (
    BackendError,
    Noted,
    Outcome,
    RunStarted,
    StepFinished,
    StepPrinted,
    StepStarted,
)
from amlshare.backends.local import sources
from amlshare.datastores import DatastoreError, open_datastore
from amlshare.pipeline import Data, Distribution, Environment, Expect, Parallel, Parameter


def published(outcome: Outcome, name: str) -> Path:
    return Path(outcome.outputs[name])


# order, results, what is told


def test_a_step_reads_what_another_wrote(project: Project) -> None:
    project.write("data/raw/a b.txt", "hello")
    out = project.run(
        command(
            "one", 'cat "${inputs.raw}/a b.txt" > ${outputs.out}/x', reads=["raw"], writes=["out"]
        ),
        command("two", "cat ${inputs.out}/x > ${outputs.end}/y", reads=["one.out"], writes=["end"]),
        data=[data("raw", "raw")],
    )
    assert out.status == "completed"
    assert (published(out, "two.end") / "y").read_text() == "hello"


def test_every_step_is_told_once_at_its_start_and_once_at_its_end(project: Project) -> None:
    project.run(command("a", "echo hi"), command("b", "true", after=("a",)))
    assert [type(event) for event in project.events] == [
        RunStarted, StepStarted, StepPrinted, StepFinished, StepStarted, StepFinished,
    ]  # fmt: skip


def test_what_is_printed_is_told_and_kept(project: Project) -> None:
    out = project.run(command("a", "echo hé; printf 'no end'"))
    assert project.printed() == ("hé", "no end")
    assert (project.state / "runs" / out.run / "a" / "log.txt").read_text() == "hé\nno end"


def test_steps_run_at_the_same_time(project: Project) -> None:
    """Each waits for the other to have started."""
    meet = "touch {0}; while [ ! -e {1} ]; do sleep 0.01; done"
    one, two = project.base / "one", project.base / "two"
    out = project.run(
        command("a", meet.format(f"'{one}'", f"'{two}'"), timeout=20),
        command("b", meet.format(f"'{two}'", f"'{one}'"), timeout=20),
    )
    assert out.status == "completed"


def test_an_order_without_data_is_kept(project: Project) -> None:
    mark = project.base / "mark"
    out = project.run(
        command("z", f"sleep 0.1; touch '{mark}'"), command("a", f"test -e '{mark}'", after=("z",))
    )
    assert out.status == "completed"


def test_nothing_stays_of_a_finished_run_but_logs_outputs_and_records(project: Project) -> None:
    project.write("data/raw/x", "1")
    project.write("code/x.py", "open('new file', 'w').write('x')\n")
    out = project.run(
        script("a", "x.py", reads=["raw"], writes=["out", output("f", format="file")][:1]),
        command("b", "echo 1 > ${outputs.f}", writes=[output("f", format="file")]),
        data=[data("raw", "raw")],
    )
    run = project.state / "runs" / out.run
    assert sorted(str(path.relative_to(run)) for path in run.rglob("*")) == [
        "a", "a/log.txt", "b", "b/log.txt",
    ]  # fmt: skip
    assert sorted(path.name for path in project.store.iterdir()) == ["f", "out", "raw"]


def test_the_state_stays_out_of_version_control(project: Project) -> None:
    project.run(command("a", "true"))
    assert (project.state / ".gitignore").read_text() == "*\n"


# programs


def test_arguments_stay_the_words_that_they_are(project: Project) -> None:
    project.write("code/show.py", "import sys\nprint(sys.argv[1:])\n")
    project.write("data/raw/x", "")
    project.parameters = [
        Parameter(name="flag", type="boolean", value=True),
        Parameter(name="rate", type="number", value=0.5),
    ]
    project.run(
        script("a", "show.py", "--a b", "lr=${parameters.rate}", "${parameters.flag}", "é'\"$X"),
        data=[data("raw", "raw")],
    )
    assert project.printed() == (str(["--a b", "lr=0.5", "true", "é'\"$X"]),)


def test_a_script_imports_what_lies_beside_it_and_reads_files_of_its_folder(
    project: Project,
) -> None:
    project.write("code/main.py", "import lib.part\nprint(open('conf/a.txt').read())\n")
    project.write("code/lib/part.py", "print('part')\n")
    project.write("code/conf/a.txt", "conf")
    project.run(script("a", "main.py"))
    assert project.printed() == ("part", "conf")


def test_what_a_step_writes_into_its_folder_is_not_seen_by_another(project: Project) -> None:
    project.write("code/w.py", "import os\nprint(sorted(os.listdir()))\nopen('new', 'w')\n")
    project.run(script("a", "w.py"), script("b", "w.py", after=("a",)))
    assert project.printed() == ("['w.py']",) * 2
    assert [path.name for path in (project.base / "code").iterdir()] == ["w.py"]


def test_code_that_is_edited_during_a_run_runs_as_it_was_planned(project: Project) -> None:
    code = project.write("code/x.py", "print('planned')\n")
    edit = command("edit", f"echo \"print('edited')\" > '{code}'")
    project.run(edit, script("x", "x.py", after=("edit",)))
    assert project.printed() == ("planned",)


def test_code_that_changed_since_the_plan_is_refused(project: Project) -> None:
    project.write("code/x.py", "print(1)\n")
    plan = project.plan(script("a", "x.py"))
    project.write("code/x.py", "print(2)\n")
    with pytest.raises(BackendError, match=r"code/x\.py.*changed since the plan"):
        project.submit(plan)


def test_the_variables_of_a_step_are_its_own_and_the_callers(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "caller")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "hidden")
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "hidden")
    line = "echo $MINE $OWN $AZURE_CLIENT_SECRET$AZURE_STORAGE_CONNECTION_STRING."
    project.run(command("a", line, env={"OWN": "step"}))
    assert project.printed() == ("caller step .",)


def test_python_in_a_command_is_the_python_of_the_steps(project: Project) -> None:
    import sys

    project.run(command("a", "command -v python"))
    assert project.printed() == (str(Path(sys.executable).with_name("python")),)


def test_a_python_that_is_not_there_is_refused_before_anything_runs(project: Project) -> None:
    with pytest.raises(BackendError, match=r"'/no/python' is no Python.*--python"):
        project.run(command("a", "true"), python="/no/python")


def test_another_python_can_be_named(project: Project, tmp_path: Path) -> None:
    import sys

    other = tmp_path / "env" / "bin" / "python"
    other.parent.mkdir(parents=True)
    other.symlink_to(sys.executable)
    project.write("code/x.py", "import sys\nprint(sys.executable)\n")
    project.run(script("a", "x.py"), python=str(other))
    assert project.printed() == (str(other),)


# failures


def test_a_failed_step_is_told_with_its_last_lines(project: Project) -> None:
    out = project.run(command("a", "echo why; exit 3", writes=["out"]))
    end = project.end("a")
    assert (out.status, end.status, end.message) == ("failed", "failed", "exit code 3")
    assert end.log_tail == ("why",)


def test_a_failed_step_publishes_nothing(project: Project) -> None:
    out = project.run(command("a", "echo 1 > ${outputs.out}/x; exit 1", writes=["out"]))
    assert (out.outputs, list(project.store.iterdir())) == ({}, [])


def test_what_a_failed_step_feeds_is_skipped_and_nothing_new_starts(project: Project) -> None:
    out = project.run(
        command("a", "false", writes=["out"]),
        command("b", "true", reads=["a.out"]),
        command("c", "true"),
        jobs=1,
    )
    assert {each.name: each.status for each in out.steps} == {
        "a": "failed", "b": "skipped", "c": "skipped",
    }  # fmt: skip
    assert project.end("b").message == "not run, because step 'a' failed"


def test_other_branches_go_on_where_that_is_wanted(project: Project) -> None:
    out = project.run(
        command("a", "false", writes=["out"]),
        command("b", "true", reads=["a.out"]),
        command("c", "true"),
        jobs=1,
        continue_on_step_failure=True,
    )
    assert [each.status for each in out.steps] == ["failed", "skipped", "completed"]


def test_a_killed_step_names_its_signal(project: Project) -> None:
    project.run(command("a", "kill -9 $$"))
    message = project.end("a").message
    assert message.startswith("killed by SIGKILL (exit code 137); most often the system ran out of")


def test_a_step_that_takes_too_long_is_ended(project: Project) -> None:
    project.run(command("a", "sleep 60", timeout=1))
    assert project.end("a").message == "ran longer than its timeout of 1 s and was ended"


def test_a_step_is_tried_again_as_often_as_it_says(project: Project) -> None:
    count = project.base / "count"
    line = f"echo x >> '{count}'; n=$(wc -l < '{count}'); echo $n > ${{outputs.out}}/n; test $n = 3"
    out = project.run(command("a", line, retries=2, writes=["out"]))
    assert [event.attempt for event in project.of(StepStarted)] == [1, 2, 3]
    assert (published(out, "a.out") / "n").read_text() == "3\n"


def test_the_log_says_where_another_attempt_begins(project: Project) -> None:
    project.run(command("a", "echo x; exit 3", retries=2))
    assert project.printed() == ("x", "==> attempt 2 of 3 <==", "x", "==> attempt 3 of 3 <==", "x")


def test_of_a_failed_step_is_told_why_how_long_it_took_and_what_it_moved(project: Project) -> None:
    project.write("data/raw/x", "12345")
    fails = command("a", "cat ${inputs.raw}/x; exit 3", reads=[reading("raw", mode="download")])
    (told,) = project.run(fails, data=[data("raw", "raw")]).steps
    assert (told.status, told.message, told.moved_bytes) == ("failed", "exit code 3", 5)
    assert (told.seconds or 0) > 0


def test_a_missing_bash_is_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    project.run(command("a", "true"))
    assert "no bash on PATH" in project.end("a").message


def test_missing_data_is_named_with_the_place_where_it_should_be(project: Project) -> None:
    project.run(command("a", "true", reads=["raw"]), data=[data("raw", "raw/x.csv")])
    assert "data 'raw'" in project.end("a").message
    assert "raw/x.csv" in project.end("a").message


def test_data_that_vanishes_during_the_run_is_named(project: Project) -> None:
    raw = project.write("data/raw/x", "1")
    project.run(
        command("a", f"rm -r '{raw.parent}'"),
        command("b", "true", reads=["raw"], after=("a",)),
        data=[data("raw", "raw")],
    )
    assert project.end("b").status == "failed"
    assert "data 'raw'" in project.end("b").message


def test_a_variable_that_is_not_set_is_named(project: Project) -> None:
    project.local = {"datastores": {"store": "${env.NO_SUCH}/x"}}
    with pytest.raises(BackendError, match=r"local\.datastores\.store names .*NO_SUCH is not set"):
        project.run(command("a", "true", writes=["out"]))


def test_a_variable_that_nothing_to_run_needs_may_be_missing(project: Project) -> None:
    project.local = {"datastores": {"store": "store", "far": "${env.NO_SUCH}/x"}}
    steps = [command("a", "true", writes=["out"]), command("b", "true", reads=["raw"])]
    raw = data("raw", "raw", datastore="far")
    project.submit(project.plan(*steps, data=[raw], selected=["a"]))
    assert project.end("a").status == "completed"
    with pytest.raises(BackendError, match=r"local\.datastores\.far names .*NO_SUCH is not set"):
        project.run(*steps, data=[raw])


# outputs


def test_an_expectation_that_does_not_hold_fails_the_step(project: Project) -> None:
    few = output("out", expect=Expect(files=(">=", 2), glob="*.csv"))
    project.run(command("a", "echo 1 > ${outputs.out}/a.csv", writes=[few]))
    assert project.end("a").message.startswith(
        "output 'out' breaks its `expect`: files >=2, found 1 that match *.csv"
    )
    assert list(project.store.iterdir()) == []


def test_an_empty_folder_is_published_and_said(project: Project) -> None:
    out = project.run(command("a", "true", writes=["out"]))
    assert list(published(out, "a.out").iterdir()) == []
    assert [note.message for note in project.of(Noted)] == [
        "output 'out' is an empty folder; it is published as one"
    ]


def test_a_single_file_lies_where_its_location_says(project: Project) -> None:
    out = project.run(
        command("a", "echo 1 > ${outputs.m}; echo 2 > ${outputs.n}",
                writes=[output("m", format="file", location="m/{run-id}/model.pkl"),
                        output("n", format="file", location="n/{run-id}/")]),
        command("b", "cat ${inputs.m} ${inputs.n}; basename ${inputs.m}",
                reads=[reading("a.m", format="file"), reading("a.n", format="file")]),
    )  # fmt: skip
    assert out.outputs["a.m"].endswith(f"m/{out.run}/model.pkl")
    assert out.outputs["a.n"].endswith(f"n/{out.run}/n")
    assert project.printed() == ("1", "2", "model.pkl")


def test_a_fixed_place_is_not_written_twice_without_leave(project: Project) -> None:
    fixed = command(
        "a", "echo 1 > ${outputs.out}/x", writes=[output("out", location="models/")], reuse=False
    )
    assert project.run(fixed).status == "completed"
    assert project.run(fixed).status == "failed"
    message = project.end("a").message
    assert "overwrite: true" in message
    assert "{run-id}" in message


def test_an_overwritten_place_holds_the_new_files_alone(project: Project) -> None:
    place = output("out", location="models/", overwrite=True)
    project.run(command("a", "echo 1 > ${outputs.out}/old", writes=[place]))
    project.run(command("a", "echo 2 > ${outputs.out}/new", writes=[place]))
    assert [path.name for path in (project.store / "models").iterdir()] == ["new"]


def test_files_that_others_put_at_an_overwritten_place_are_kept(project: Project) -> None:
    project.write("data/models/mine.txt", "precious")
    project.write("data/models/x", "theirs")
    place = output("out", location="models/", overwrite=True)
    out = project.run(command("a", "echo 1 > ${outputs.out}/x", writes=[place]))
    assert out.status == "completed"
    assert (project.store / "models" / "mine.txt").read_text() == "precious"
    assert (project.store / "models" / "x").read_text() == "1\n"
    assert "1 files that no run here has put there" in project.of(Noted)[0].message


def test_files_of_others_are_kept_however_often_their_place_is_overwritten(
    project: Project,
) -> None:
    project.write("data/models/mine.txt", "precious")
    place = output("out", location="models/", overwrite=True)
    for content in "abc":
        project.run(command("a", f"echo {content} > ${{outputs.out}}/x", writes=[place]))
    assert (project.store / "models" / "mine.txt").read_text() == "precious"
    assert (project.store / "models" / "x").read_text() == "c\n"


def test_only_the_wanted_files_are_published(project: Project) -> None:
    some = output("out", only=("*.csv", "deep/**"))
    line = "cd ${outputs.out}; mkdir -p deep/er no; touch a.csv b.txt deep/er/c no/d"
    out = project.run(command("a", line, writes=[some]))
    found = published(out, "a.out")
    assert sorted(str(path.relative_to(found)) for path in found.rglob("*") if path.is_file()) == [
        "a.csv", "deep/er/c",
    ]  # fmt: skip


def test_a_link_inside_an_output_becomes_the_file_it_leads_to(project: Project) -> None:
    line = "cd ${outputs.out}; echo 1 > real; ln -s real link; mkdir d; echo 2 > d/f; ln -s d e"
    out = project.run(command("a", line, writes=["out"]))
    found = published(out, "a.out")
    assert not any(path.is_symlink() for path in found.rglob("*"))
    assert ((found / "link").read_text(), (found / "e" / "f").read_text()) == ("1\n", "2\n")


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("/etc/passwd", "outside the output"),
        ("gone", "to nothing"),
        (".", "folder that it lies in"),
    ],
)
def test_any_other_link_fails_the_step_and_is_named(project: Project, link: str, why: str) -> None:
    project.run(
        command(
            "a", f"mkdir ${{outputs.out}}/d; ln -s {link} '${{outputs.out}}/d/ö x'", writes=["out"]
        )
    )
    assert "d/ö x is a link that leads" in project.end("a").message
    assert why in project.end("a").message


def test_an_output_that_is_not_there_fails_the_step(project: Project) -> None:
    project.run(command("a", "rmdir ${outputs.out}", writes=["out"]))
    assert project.end("a").message == "output 'out': the step left no folder at ${outputs.out}"


def test_a_file_where_a_folder_should_be_says_how_to_declare_it(project: Project) -> None:
    project.run(command("a", "rmdir ${outputs.out}; echo > ${outputs.out}", writes=["out"]))
    assert "declare 'format: file'" in project.end("a").message


def test_names_may_hold_spaces_and_any_letters(project: Project) -> None:
    out = project.run(
        command("a", "echo 1 > \"${outputs.out}/naïve ☃ 'q'.txt\"", writes=["out"]),
        command("b", 'cat "${inputs.out}"/*', reads=["a.out"]),
    )
    assert out.status == "completed"
    assert project.printed() == ("1",)


def test_outputs_with_no_stand_in_lie_in_the_state(project: Project) -> None:
    project.local = {"datastores": {}}
    out = project.run(command("a", "echo 1 > ${outputs.out}/x", writes=["out"]))
    assert published(out, "a.out").is_relative_to(project.state / "datastores" / "store")


# reuse


def test_an_unchanged_step_is_not_run_again(project: Project) -> None:
    count = project.base / "count"
    steps = [
        command("a", f"echo a >> '{count}'; echo 1 > ${{outputs.out}}/x", writes=["out"]),
        command("b", f"echo b >> '{count}'; cat ${{inputs.out}}/x", reads=["a.out"]),
    ]
    first = project.run(*steps)
    second = project.run(*steps)
    assert count.read_text() == "a\nb\n"
    assert [each.reused for each in second.steps] == [True, True]
    assert second.outputs == first.outputs


def test_changed_data_is_noticed_though_its_date_is_old(project: Project) -> None:
    raw = project.write("data/raw/x", "1")
    step = command("a", "cat ${inputs.raw}/x", reads=["raw"])
    os.utime(raw, (0, 0))
    project.run(step, data=[data("raw", "raw")])
    raw.write_text("2")
    os.utime(raw, (0, 0))
    project.run(step, data=[data("raw", "raw")])
    assert project.printed() == ("2",)


def test_what_was_made_of_data_that_changed_meanwhile_is_not_reused(project: Project) -> None:
    line = f"cat ${{inputs.raw}}/x; echo new > '{project.store}/raw/x'"
    changes = command("a", line, reads=[reading("raw", mode="download")])
    for _ in range(2):
        project.write("data/raw/x", "old")
        project.run(changes, data=[data("raw", "raw")])
        assert project.end("a").reused is False
        assert "changed while the run went on" in project.of(Noted)[-1].message


def test_the_same_content_at_another_time_is_no_change(project: Project) -> None:
    raw = project.write("data/raw/x", "1")
    step = command("a", "cat ${inputs.raw}/x", reads=["raw"])
    project.run(step, data=[data("raw", "raw")])
    os.utime(raw, (5, 5))
    assert project.run(step, data=[data("raw", "raw")]).steps[0].reused


def test_changed_code_runs_again_and_so_does_what_it_feeds_with_something_new(
    project: Project,
) -> None:
    steps = [
        script("a", "a.py", "${outputs.out}", writes=["out"]),
        command("b", "cat ${inputs.out}/x", reads=["a.out"]),
        command("c", "true"),
    ]
    write = "import sys\nopen(sys.argv[1] + '/x', 'w').write('{}')\n"
    project.write("code/a.py", write.format("1"))
    project.run(*steps)
    project.write("code/a.py", "# same result\n" + write.format("1"))
    assert [each.reused for each in project.run(*steps).steps] == [False, True, True]
    project.write("code/a.py", write.format("2"))
    assert [each.reused for each in project.run(*steps).steps] == [False, False, True]


def test_outputs_removed_or_changed_by_hand_are_made_again(project: Project) -> None:
    step = command("a", "echo 1 > ${outputs.out}/x", writes=["out"])
    made = project.run(step).outputs["a.out"]
    Path(made, "x").write_text("2")
    again = project.run(step)
    assert again.steps[0].reused is False
    assert "changed or removed by hand" in project.of(Noted)[0].message


def test_reuse_can_be_switched_off_for_a_step_and_for_a_run(project: Project) -> None:
    kept, fresh = command("a", "true"), command("b", "true", reuse=False)
    project.run(kept, fresh)
    assert [each.reused for each in project.run(kept, fresh).steps] == [True, False]
    assert [each.reused for each in project.run(kept, fresh, regenerate=True).steps] == [
        False,
        False,
    ]


def test_a_failed_step_runs_again(project: Project) -> None:
    project.run(command("a", "false"))
    project.run(command("a", "false"))
    assert project.end("a").status == "failed"


def test_what_does_not_change_a_result_does_not_run_it_again(project: Project) -> None:
    line = "echo 1 > ${outputs.out}/x"
    project.run(command("a", line, writes=["out"], timeout=50, title="old"))
    out = project.run(command("a", line, writes=["out"], timeout=60, title="new", tags={"a": "b"}))
    assert out.steps[0].reused is True


# datasets


def register(text: str, **more: object) -> object:
    made = output("d", type="dataset", dataset="names", location="names/{run-id}/", **more)
    return command("a", f"echo {text} > ${{outputs.d}}/x", writes=[made])


def registered(version: str) -> list[Data]:
    return [Data(name="names", type="dataset", dataset="names", version=version)]


def test_the_same_content_is_the_same_version(project: Project) -> None:
    from amlshare.backends.local.runs import show

    versions = []
    for text in ("one", "two", "one"):
        out = project.run(register(text), regenerate=True)
        (made,) = show(project.state, out.run).steps[0].outputs
        versions.append(made.version)
    assert versions == [1, 2, 1]


def test_the_latest_version_is_the_one_registered_last(project: Project) -> None:
    for text in ("one", "two", "one"):
        project.run(register(text), regenerate=True)
    project.run(command("r", "cat ${inputs.names}/x", reads=["names"]), data=registered("latest"))
    assert project.printed() == ("one",)


def test_a_registered_dataset_is_found_by_name_and_version(project: Project) -> None:
    project.run(register("one"))
    project.run(register("two"))
    read = command("r", "cat ${inputs.names}/x", reads=["names"])
    project.run(read, data=registered("latest"))
    assert project.printed() == ("two",)
    project.run(read, data=registered("1"))
    assert project.printed() == ("one",)


def test_a_failed_step_registers_nothing(project: Project) -> None:
    project.run(register("one", expect=Expect(files=(">=", 9))))
    project.run(command("r", "true", reads=["names"]), data=registered("latest"))
    message = project.end("r").message
    assert "the local catalogue has not any version of dataset 'names'" in message
    assert "local.datasets.names" in message


def test_a_version_whose_files_were_overwritten_is_refused(project: Project) -> None:
    made = output("d", type="dataset", dataset="names", location="names/", overwrite=True)
    for text in ("one", "two"):
        project.run(command("a", f"echo {text} > ${{outputs.d}}/x", writes=[made]))
    project.run(command("r", "true", reads=["names"]), data=registered("1"))
    assert "version 1 of dataset 'names' is gone" in project.end("r").message


def test_a_stand_in_takes_the_place_of_a_registered_dataset(project: Project) -> None:
    project.write("airports.csv", "JFK")
    project.local = {"datasets": {"names": "airports.csv"}}
    project.run(
        command("r", "cat ${inputs.names}; basename ${inputs.names}", reads=["names"]),
        data=registered("latest"),
    )
    assert project.printed() == ("JFKairports.csv",)


def test_local_files_are_put_at_their_location_before_they_are_read(project: Project) -> None:
    project.write("mine/a.csv", "1")
    given = data("raw", "raw/", upload="mine")
    step = command("r", "cat ${inputs.raw}/a.csv", reads=["raw"])
    project.run(step, data=[given])
    project.write("mine/a.csv", "2")
    project.run(step, data=[given])
    assert project.printed() == ("2",)
    assert (project.store / "raw" / "a.csv").read_text() == "2"


# a part of the pipeline


def test_a_selected_step_reads_what_an_earlier_run_made(project: Project) -> None:
    steps = [
        command("a", "echo 1 > ${outputs.out}/x", writes=["out"]),
        command("b", "cat ${inputs.out}/x", reads=["a.out"], reuse=False),
    ]
    project.run(*steps)
    out = project.submit(project.plan(*steps, selected=["b"]))
    assert [each.name for each in out.steps] == ["b"]
    assert project.printed() == ("1",)


def test_a_selected_step_without_what_it_reads_is_refused(project: Project) -> None:
    steps = [command("a", "true", writes=["out"]), command("b", "true", reads=["a.out"])]
    with pytest.raises(BackendError, match=r"'b' reads a\.out, .*'a' is not selected.*\+b"):
        project.submit(project.plan(*steps, selected=["b"]))


# what is told of this machine


def test_environments_and_nodes_are_named_as_not_applied(project: Project) -> None:
    steps = [
        command("a", "true", environment="sk"),
        command("b", "true", environment="sk", nodes=4, distribution=Distribution(type="mpi")),
    ]
    environment = Environment(name="sk", kind="conda", conda="sk.yml")
    project.write("sk.yml", "")
    project.submit(project.plan(*steps, environments=(environment,)))
    notes = [(note.step, note.message.partition(":")[0]) for note in project.of(Noted)]
    assert notes == [
        (None, "environment 'sk' (conda file sk.yml) is not applied"),
        ("b", "runs as one process here"),
    ]


# parallel steps


def test_a_parallel_step_goes_over_its_files(project: Project) -> None:
    project.write(
        "code/score.py", "def run(batch):\n    return [open(each).read() for each in batch]\n"
    )
    for i in range(5):
        project.write(f"data/raw/{i}.txt", f"row {i}")
    run = Parallel(file="score.py", over="raw", mini_batch=2, rows_to=("out", "rows.txt"))
    out = project.run(
        step("p", run, reads=["raw"], writes=["out"], code="code"), data=[data("raw", "raw")]
    )
    assert (published(out, "p.out") / "rows.txt").read_text().splitlines() == [
        f"row {i}" for i in range(5)
    ]


@pytest.mark.parametrize(("mode", "comes_as"), [("mount", "str"), ("direct", "DataFrame")])
def test_a_parallel_step_goes_over_the_rows_of_a_table_that_is_read_direct(
    project: Project, mode: str, comes_as: str
) -> None:
    pytest.importorskip("pandas")
    kind = "batch if not isinstance(batch, list) else batch[0]"
    project.write("code/kind.py", f"def run(batch):\n    return [type({kind}).__name__]\n")
    project.write("data/raw/a.csv", "n\n1\n")
    run = Parallel(file="kind.py", over="raw", rows_to=("out", "rows.txt"))
    given = reading("raw", type="directory", format="csv", mode=mode)
    out = project.run(
        step("p", run, reads=[given], writes=["out"], code="code"),
        data=[data("raw", "raw", type="directory", format="csv")],
    )
    assert (published(out, "p.out") / "rows.txt").read_text() == f"{comes_as}\n"


# what is as in the cloud, and what is not


def test_an_output_that_is_mounted_is_written_over_what_is_there(project: Project) -> None:
    place = output("out", location="models/", mode="mount")
    for content in ("1", "2"):
        line = f"echo {content} > ${{outputs.out}}/x"
        assert project.run(command("a", line, writes=[place])).status == "completed"
    assert (project.store / "models" / "x").read_text() == "2\n"


@pytest.mark.parametrize("damage", ["echo 2 >> {0}", "rm {0}"])
def test_a_location_that_a_step_was_handed_is_not_to_be_changed(
    project: Project, damage: str
) -> None:
    project.write("data/raw/x", "1")
    given = reading("raw", type="directory", mode="direct")
    out = project.run(
        command("a", damage.format("${inputs.raw}/x"), reads=[given]),
        data=[data("raw", "raw", type="directory")],
    )
    assert out.status == "failed"
    assert "the step changed its input 'raw': raw/x" in project.end("a").message


def test_a_path_on_the_compute_target_is_named_as_not_applied(project: Project) -> None:
    project.write("data/raw/x", "1")
    project.run(
        command("a", "true", reads=[reading("raw", at="/mnt/x")]), data=[data("raw", "raw")]
    )
    assert [note.message for note in project.of(Noted)] == [
        "input 'raw' is not placed at /mnt/x here: the script gets its path as an argument"
    ]


def test_the_python_of_the_spec_may_come_from_a_variable(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPS_PYTHON", sys.executable)
    project.local = project.local | {"python": "${env.STEPS_PYTHON}"}
    project.write("code/x.py", "print('ran')\n")
    assert project.run(script("a", "x.py")).status == "completed"


# publications that fail midway


class Elsewhere:
    """A folder as a datastore that lies elsewhere, which takes no file whose name holds "bad"."""

    folder = None

    def __init__(self, name: str, value: str, base: Path) -> None:
        self._real = open_datastore(name, value, base)
        self.name, self.url, self.key = name, "elsewhere", "elsewhere"
        self.list, self.exists, self.remove = (
            self._real.list, self._real.exists, self._real.remove,
        )  # fmt: skip

    def put(self, source: Path, path: str) -> None:
        if "bad" in path:
            raise DatastoreError(f"{path} is not taken")
        self._real.put(source, path)


@pytest.fixture
def elsewhere(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose datastore `far` lies elsewhere, its files in the folder `far`."""
    project.local = {"datastores": {"store": "data", "far": "far"}}
    project.write("far/other", "")

    def open_one(name: str, value: str, base: Path) -> object:
        return (Elsewhere if name == "far" else open_datastore)(name, value, base)

    monkeypatch.setattr(sources, "open_datastore", open_one)
    return project


def left(project: Project, folder: str) -> dict[str, str]:
    """The files below a folder of the project, by path."""
    root = project.base / folder
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_text() for path in files}


def records(project: Project, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(project.state / "state.db")) as db:
        return db.execute(query).fetchall()


def test_a_publication_that_cannot_be_recorded_is_taken_back(project: Project) -> None:
    places = [output("o", location="fixed/", overwrite=True),
              output("f", format="file", location="file", overwrite=True)]  # fmt: skip
    line = "echo {0} > ${{outputs.o}}/x; echo {0} > ${{outputs.f}}"
    project.run(command("a", line.format("old"), writes=places))
    records(project, "CREATE TRIGGER t BEFORE INSERT ON reuse BEGIN SELECT RAISE(ABORT, 'no'); END")
    project.run(command("a", line.format("new"), writes=places))
    assert project.end("a").status == "failed"
    assert left(project, "data") == {"fixed/x": "old\n", "file": "old\n"}
    assert records(project, "SELECT count(*) FROM publications") == [(0,)]
    assert records(project, "SELECT count(*) FROM outputs") == [(2,)]


def test_an_upload_that_fails_leaves_nothing(elsewhere: Project) -> None:
    line = "touch ${outputs.o}/a ${outputs.o}/bad ${outputs.p}/x"
    writes = [output("o", datastore="far", location="o/"), output("p", location="p/")]
    elsewhere.run(command("a", line, writes=writes))
    assert elsewhere.end("a").message == "o/bad is not taken"
    assert left(elsewhere, "far") == {"other": ""}
    assert left(elsewhere, "data") == {}
    for table in ("publications", "outputs"):
        assert records(elsewhere, f"SELECT * FROM {table}") == []


def test_an_upload_in_place_of_an_earlier_one_removes_the_files_of_that(elsewhere: Project) -> None:
    place = output("o", datastore="far", location="o/", overwrite=True)
    elsewhere.run(command("a", "touch ${outputs.o}/a ${outputs.o}/b", writes=[place]))
    elsewhere.run(command("a", "touch ${outputs.o}/c", writes=[place]))
    assert left(elsewhere, "far") == {"other": "", "o/c": ""}
    elsewhere.write("far/o/mine", "")
    elsewhere.run(command("a", "touch ${outputs.o}/d", writes=[place]))
    assert left(elsewhere, "far") == {"other": "", "o/c": "", "o/d": "", "o/mine": ""}
    assert "held 2 files" in elsewhere.of(Noted)[-1].message


def test_a_store_that_no_step_needs_is_not_opened(project: Project) -> None:
    stores = project.local.get("datastores", {"store": "data"})
    project.local = {"datastores": {**stores, "far": "az://container/raw"}}
    far = data("far", "raw", datastore="far")
    assert project.run(command("a", "true"), data=[far]).status == "completed"


def test_a_state_that_is_damaged_inside_says_what_to_do(project: Project) -> None:
    project.run(command("a", "true"))
    database = project.state / "state.db"
    for log in project.state.glob("state.db-*"):
        log.unlink()
    whole = database.read_bytes()
    database.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(BackendError, match=r"state\.db cannot be used.*remove it to start anew"):
        project.run(command("a", "true"))
