"""Inputs of steps: views that nobody can damage, copies that are fetched once, locations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from backends.local import apart
from backends.local.plans import Project, command, data, output, reading, script

from amlshare.backends.interface import Noted
from amlshare.backends.local.fuse import can_fuse
from amlshare.backends.local.runs import show

RAW = [data("raw", "raw")]


def damage(folder: Path, mode: str) -> tuple[Any, str, str]:
    """A step that writes to its input, and one that reads the same input after it."""
    project = Project(folder)
    project.write("data/raw/a b.txt", "whole")
    given = reading("raw", mode=mode)
    project.run(
        command("bad", 'echo broken > "${inputs.raw}/a b.txt"; exit 0', reads=[given]),
        command("good", 'cat "${inputs.raw}/a b.txt"', reads=[given]),
        data=RAW,
        jobs=1,
        continue_on_step_failure=True,
    )
    read = "".join(project.printed("good"))
    objects = (project.state / "store" / "objects").glob("*/*")
    kept = [path.read_text() for path in (project.store / "raw" / "a b.txt", *objects)]
    return project.end("bad"), read, " ".join(kept)


@pytest.mark.parametrize("mode", ["mount", "download"])
def test_where_binding_works_an_input_cannot_be_written(tmp_path: Path, mode: str) -> None:
    bad, read, kept = apart.call_isolated(damage, tmp_path, mode)
    assert (bad.status, read) == ("completed", "whole")
    assert set(kept.split()) == {"whole"}


def test_elsewhere_a_changed_mount_fails_the_step_and_names_the_file(tmp_path: Path) -> None:
    bad, _, _ = apart.call(damage, tmp_path, "mount", AMLSHARE_ISOLATION="none")
    assert bad.status == "failed"
    assert "the step changed its input 'raw': a b.txt changed" in bad.message


def test_elsewhere_a_changed_download_fails_the_step_and_the_stores_copy_is_whole(
    tmp_path: Path,
) -> None:
    bad, read, kept = apart.call(damage, tmp_path, "download", AMLSHARE_ISOLATION="none")
    assert "the step changed its input 'raw': a b.txt changed" in bad.message
    assert (read, set(kept.split())) == ("whole", {"whole"})


def test_a_download_is_fetched_once_however_many_steps_want_it(project: Project) -> None:
    project.write("data/raw/x", "x" * 1000)
    steps = [
        command(f"s{i}", "wc -c < ${inputs.raw}/x", reads=[reading("raw", mode="download")])
        for i in range(4)
    ]
    first = project.run(*steps, data=RAW)
    assert sum(each.moved_bytes for each in first.steps) == 1000
    again = project.run(*steps, data=RAW, regenerate=True)
    assert sum(each.moved_bytes for each in again.steps) == 0


def test_a_mount_of_local_files_moves_nothing(project: Project) -> None:
    project.write("data/raw/x", "x" * 1000)
    out = project.run(command("a", "cat ${inputs.raw}/x", reads=["raw"]), data=RAW)
    assert out.steps[0].moved_bytes == 0


@pytest.mark.parametrize("mode", ["mount", "download"])
def test_as_in_the_cloud_every_step_fetches_for_itself(project: Project, mode: str) -> None:
    project.write("data/raw/x", "x" * 1000)
    given = reading("raw", mode=mode)
    steps = [command(f"s{i}", "cat ${inputs.raw}/x", reads=[given]) for i in range(3)]
    for _ in range(2):
        out = project.run(*steps, data=RAW, as_cloud=True, regenerate=True)
        assert [each.moved_bytes for each in out.steps] == [1000] * 3


def test_what_a_step_wrote_is_fetched_too_as_in_the_cloud(project: Project) -> None:
    out = project.run(
        command("a", "printf 12345 > ${outputs.o}/x", writes=["o"]),
        command("b", "cat ${inputs.o}/x", reads=["a.o"]),
        as_cloud=True,
    )
    assert [each.moved_bytes for each in out.steps] == [0, 5]


def test_a_direct_input_is_a_location(project: Project) -> None:
    project.write("data/raw/x.csv", "1")
    given = reading("raw", mode="direct", format="csv", type="directory")
    project.run(
        command("a", "echo ${inputs.raw}", reads=[given]),
        data=[data("raw", "raw/x.csv", type="directory", format="csv")],
    )
    assert project.printed() == (str(project.store / "raw" / "x.csv"),)


def test_what_another_step_publishes_below_a_location_is_no_change(project: Project) -> None:
    project.write("data/in/x.csv", "1")
    place = output("out", location="in/derived/{run-id}/")
    out = project.run(
        command("a", "until [ -e ../published ]; do sleep 0.01; done",
                reads=[reading("raw", type="directory", mode="direct")]),
        command("b", "echo 1 > ${outputs.out}/y", writes=[place]),
        command("c", "touch ../published", after=("b",)),
        data=[data("raw", "in", type="directory")],
    )  # fmt: skip
    assert out.status == "completed", project.end("a").message


def test_a_glob_shows_the_files_that_match_below_its_folder(project: Project) -> None:
    for name in ("a/1.csv", "b/2.csv", "b/no.txt"):
        project.write(f"data/raw/{name}", "")
    project.run(
        command("a", "cd ${inputs.raw}; find . -name '*.*' -not -type d | sort", reads=["raw"]),
        data=[data("raw", "raw/**/*.csv", type="directory")],
    )
    assert project.printed() == ("./a/1.csv", "./b/2.csv")


def test_a_single_file_keeps_its_name(project: Project) -> None:
    project.write("data/raw/é x.csv", "1")
    for mode in ("mount", "download"):
        project.run(
            command("a", "cat ${inputs.raw}; basename ${inputs.raw}",
                    reads=[reading("raw", mode=mode, format="file")]),
            data=[data("raw", "raw/é x.csv", format="file")],
            regenerate=True,
        )  # fmt: skip
        assert project.printed() == ("1é x.csv",)


def test_how_an_input_was_given_is_kept_in_the_lineage(project: Project) -> None:
    project.write("data/raw/x", "1")
    out = project.run(
        command("a", "cat ${inputs.raw}/x > ${outputs.o}/y", reads=["raw"], writes=["o"]),
        command("b", "cat ${inputs.o}/y", reads=["a.o"]),
        data=RAW,
    )
    a, b = show(project.state, out.run).steps
    (raw,), (o,) = a.inputs, b.inputs
    assert (raw.source, raw.location, raw.how in {"bind", "link"}) == ("raw", "raw", True)
    assert (o.source, o.made_by, o.digest) == ("a.o", out.run, a.outputs[0].digest)


# elsewhere: a file system in this process's memory, which fsspec reaches by URL


@pytest.fixture
def remote(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project whose datastore is no folder."""
    fsspec = pytest.importorskip("fsspec")
    monkeypatch.setenv("AMLSHARE_FUSE", "none")
    name = hashlib.sha256(str(project.base).encode()).hexdigest()[:12]
    project.local = {"datastores": {"store": f"memory://{name}"}}
    fsspec.filesystem("memory").pipe(f"/{name}/raw/x", b"x" * 1000)
    can_fuse.cache_clear()
    yield project
    can_fuse.cache_clear()


def test_remote_files_are_fetched_once_and_never_again(remote: Project) -> None:
    given = reading("raw", mode="auto")
    steps = [command(f"s{i}", "wc -c < ${inputs.raw}/x", reads=[given]) for i in range(3)]
    assert sum(each.moved_bytes for each in remote.run(*steps, data=RAW).steps) == 1000
    again = remote.run(*steps, data=RAW, regenerate=True)
    assert sum(each.moved_bytes for each in again.steps) == 0


def test_what_it_took_to_fetch_an_input_is_recorded(remote: Project) -> None:
    given = reading("raw", mode="download")
    steps = [command(f"s{i}", "wc -c < ${inputs.raw}/x", reads=[given]) for i in range(2)]
    out = remote.run(*steps, data=RAW, jobs=1)
    first, second = (step.inputs[0] for step in show(remote.state, out.run).steps)
    assert (first.bytes, first.files, first.moved_bytes) == (1000, 1, 1000)
    assert first.url.startswith("memory://")
    assert first.seconds > 0
    assert first.listing_seconds > 0
    assert (second.bytes, second.moved_bytes, second.seconds) == (1000, 0, 0)


def test_a_remote_mount_that_becomes_a_download_is_said_once(remote: Project) -> None:
    given = reading("raw", mode="mount")
    steps = [command(f"s{i}", "wc -c < ${inputs.raw}/x", reads=[given]) for i in range(3)]
    assert remote.run(*steps, data=RAW).status == "completed"
    (note,) = remote.of(Noted)
    assert "cannot be mounted on this machine (AMLSHARE_FUSE=none)" in note.message


def test_outputs_are_uploaded_and_read_back(remote: Project) -> None:
    steps = [
        command("a", "mkdir ${outputs.o}/d; printf 12345 > ${outputs.o}/d/é", writes=["o"]),
        command("b", "cat ${inputs.o}/d/é", reads=["a.o"]),
    ]
    out = remote.run(*steps)
    assert [each.moved_bytes for each in out.steps] == [5, 5]
    assert remote.printed() == ("12345",)
    assert [each.reused for each in remote.run(*steps).steps] == [True, True]


def test_remote_data_that_changed_is_noticed(remote: Project) -> None:
    import fsspec

    step = command("a", "wc -c < ${inputs.raw}/x", reads=["raw"])
    remote.run(step, data=RAW)
    assert remote.run(step, data=RAW).steps[0].reused
    root = remote.local["datastores"]["store"].removeprefix("memory:/")
    fsspec.filesystem("memory").pipe(f"{root}/raw/x", b"other")
    assert remote.run(step, data=RAW).steps[0].reused is False


def test_a_fixed_remote_place_is_not_written_twice_without_leave(remote: Project) -> None:
    step = command(
        "a", "echo 1 > ${outputs.o}/x", writes=[output("o", location="fixed/")], reuse=False
    )
    assert remote.run(step).status == "completed"
    assert remote.run(step).status == "failed"
    assert "overwrite: true" in remote.end("a").message


def test_a_step_that_opens_a_remote_place_may_sign_in(
    remote: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "needed")
    remote.write("code/x.py", "import os\nprint(os.environ.get('AZURE_CLIENT_SECRET'))\n")
    given = reading("raw", mode="direct", type="directory")
    raw = [data("raw", "raw", type="directory")]
    remote.run(script("a", "x.py", reads=[given]), script("b", "x.py"), data=raw, jobs=1)
    assert remote.printed() == ("needed", "None")
