"""What was run: lists, lineage, logs, cleaning."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from backends.local.plans import Project, command, data, output, reading

from amlshare.backends.interface import BackendError
from amlshare.backends.local.records import Records
from amlshare.backends.local.runs import Candidate, clean, clean_candidates, log_path, runs, show
from amlshare.pipeline import Data, Step


def pipeline(text: str = "1") -> list[Step]:
    made = output("d", type="dataset", dataset="names", location="names/{run-id}/")
    return [
        command("a", f"echo {text}; echo {text} > ${{outputs.o}}/x", writes=["o"]),
        command("b", "cat ${inputs.o}/x > ${outputs.d}/y", reads=["a.o"], writes=[made]),
    ]


def test_runs_are_listed_the_newest_first(project: Project) -> None:
    first = project.run(*pipeline())
    second = project.run(command("f", "false"), *pipeline(), jobs=1)
    newest, oldest = runs(project.state)
    assert (newest.id, newest.status, newest.reused) == (second.run, "failed", 0)
    assert newest.steps == {"failed": 1, "skipped": 2}
    assert (oldest.id, oldest.status, oldest.steps) == (first.run, "completed", {"completed": 2})


def test_a_run_shows_what_made_what(project: Project) -> None:
    out = project.run(*pipeline())
    a, b = show(project.state, out.run).steps
    assert a.step.code == b.step.code
    (given,), (made,) = b.inputs, b.outputs
    assert (given.source, given.made_by, given.digest) == ("a.o", out.run, a.outputs[0].digest)
    assert (made.dataset, made.version, made.files, made.bytes) == ("names", 1, 1, 2)


def test_a_run_that_took_over_refers_to_the_run_that_made_it(project: Project) -> None:
    first = project.run(*pipeline())
    second = project.run(*pipeline())
    a, b = show(project.state, second.run).steps
    assert (a.step.made_by, b.step.made_by) == (first.run, first.run)
    assert a.outputs[0].location == f"o/{first.run}"
    assert log_path(project.state, second.run, "a").read_text() == "1\n"


def test_a_run_is_found_by_the_beginning_of_its_id(project: Project) -> None:
    out = project.run(*pipeline())
    assert show(project.state, out.run[:-2]).run.id == out.run
    with pytest.raises(BackendError, match="no run here is called 'x%'"):
        show(project.state, "x%")
    project.run(*pipeline())
    with pytest.raises(BackendError, match="is the beginning of 2 runs"):
        show(project.state, out.run[:4])


def test_a_log_that_is_not_there_is_explained(project: Project) -> None:
    out = project.run(command("f", "false", writes=["o"]), command("g", "true", reads=["f.o"]))
    with pytest.raises(BackendError, match=r"has no step 'x'; its steps are f, g"):
        log_path(project.state, out.run, "x")
    with pytest.raises(BackendError, match=r"'g' of run .* has no log: it is skipped"):
        log_path(project.state, out.run, "g")


def test_where_nothing_was_run_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="nothing was run here yet"):
        runs(tmp_path)
    assert clean_candidates(tmp_path) == ()


def test_of_old_runs_what_nothing_refers_to_can_be_removed(project: Project) -> None:
    old, new = (project.run(*pipeline(text)) for text in ("1", "2"))
    found = {(each.kind, each.name) for each in clean_candidates(project.state)}
    assert found == {("output", f"store:o/{old.run}"), ("run", old.run)}
    clean(project.state, clean_candidates(project.state))
    assert [run.id for run in runs(project.state)] == [new.run]
    assert [path.name for path in (project.store / "o").iterdir()] == [new.run]
    assert clean_candidates(project.state) == ()


def test_what_is_still_referred_to_stays(project: Project) -> None:
    """The version in the catalogue, and what the last run took over."""
    first = project.run(*pipeline())
    again = project.run(*pipeline())
    assert clean_candidates(project.state) == ()
    project.run(*pipeline("2"))
    names = {each.name for each in clean_candidates(project.state)}
    assert names == {first.run, again.run, f"store:o/{first.run}"}
    clean(project.state, clean_candidates(project.state))
    old = [Data(name="n", type="dataset", dataset="names", version="1")]
    assert (
        project.run(command("r", "cat ${inputs.n}/y", reads=["n"]), data=old).status == "completed"
    )


def test_what_the_last_run_has_read_of_an_earlier_one_stays(project: Project) -> None:
    project.run(*pipeline())
    project.submit(project.plan(*pipeline(), selected=["b"]), regenerate=True)
    assert clean_candidates(project.state) == ()


def test_the_last_run_that_completed_stays(project: Project) -> None:
    project.run(*pipeline())
    for _ in range(2):
        failed = project.run(command("f", "false"))
    assert [each.kind for each in clean_candidates(project.state)] == ["run"]
    clean(project.state, clean_candidates(project.state))
    assert runs(project.state)[0].id == failed.run
    assert all(step.reused for step in project.run(*pipeline()).steps)


def test_while_a_run_is_under_way_nothing_can_be_removed(project: Project) -> None:
    for text in ("1", "2"):
        project.run(*pipeline(text))
    shown = clean_candidates(project.state)
    found: list[Candidate] = []

    def look(_: object) -> None:
        found.extend(clean_candidates(project.state))
        clean(project.state, shown)

    project.submit(project.plan(*pipeline("1")), watch=look)
    assert (found, len(shown)) == ([], 2)
    assert {step.reused for step in project.run(*pipeline("1")).steps} == {True}


def test_what_is_needed_by_now_is_not_removed(project: Project) -> None:
    for text in ("1", "2"):
        project.run(*pipeline(text))
    shown = clean_candidates(project.state)
    again = project.run(*pipeline("1"))
    clean(project.state, shown)
    assert all(step.reused for step in again.steps)
    assert all(step.reused for step in project.run(*pipeline("1")).steps)


def test_fetched_files_can_be_removed_and_are_fetched_again(project: Project) -> None:
    project.write("data/raw/x", "12345")
    step = command("a", "cat ${inputs.raw}/x", reads=[reading("raw", mode="download")])
    raw = [data("raw", "raw")]
    project.run(step, data=raw)
    (store,) = clean_candidates(project.state)
    assert (store.kind, store.files, store.bytes) == ("store", 1, 5)
    clean(project.state, [store])
    assert clean_candidates(project.state) == ()
    assert project.run(step, data=raw, regenerate=True).steps[0].moved_bytes == 5


def test_a_look_at_a_dead_run_does_not_keep_it_from_going_on(project: Project) -> None:
    out = project.run(*pipeline())
    with closing(Records(project.state / "state.db")) as records:
        records.put(replace(records.last_run("pipe", None), status="running"))
    alive = project.state / "runs" / out.run / "alive"
    alive.write_text("999999999")
    assert runs(project.state)[0].status == "interrupted"
    assert alive.read_text() == "999999999"  # else whoever goes on with it took it for alive


def test_results_that_were_cleaned_away_are_made_again(project: Project) -> None:
    project.run(*pipeline("1"))
    project.run(*pipeline("2"))
    clean(project.state, clean_candidates(project.state))
    out = project.run(*pipeline("1"))
    assert (out.status, out.steps[0].reused) == ("completed", False)


def test_copies_of_code_can_be_removed(project: Project) -> None:
    project.write("code/x.py", "print(1)\n")
    step = command("a", "cat x.py", code="code")
    project.run(step, data=[data("unused", "x")])
    (copy,) = clean_candidates(project.state)
    assert (copy.kind, copy.files) == ("code", 1)
    clean(project.state, [copy])
    assert project.run(step, regenerate=True).status == "completed"
