"""Plans in the terms of SDK v1."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from backends.local.plans import command, data, output, reading, script, step
from hypothesis import given
from hypothesis import strategies as st
from strategies import few, spec_data, to_pipeline

from amlshare import commands
from amlshare.backends.azureml import to_job
from amlshare.backends.azureml.job import Job, JobInput, JobOutput, JobStep, make_job
from amlshare.backends.azureml.wrapping import Registration
from amlshare.backends.interface import BackendError
from amlshare.movement.modes import choose_modes
from amlshare.pipeline import (
    Compute,
    Distribution,
    Environment,
    Expect,
    Parallel,
    Parameter,
    Pipeline,
    Schedule,
    Step,
)
from amlshare.plan import Plan
from amlshare.references import Reference, parse

SPECS = Path(__file__).parents[3] / "specs"


@pytest.mark.parametrize("name", sorted(file.stem for file in SPECS.glob("*.yaml")))
def test_every_example_has_its_job(golden: Callable[[str, str], None], name: str) -> None:
    plan = commands.plan(commands.Request(spec=str(SPECS / f"{name}.yaml"), backend="azureml"))
    text = json.dumps(to_job(plan), indent=1, ensure_ascii=False)
    golden(text + "\n", f"backends/azureml/golden/{name}.job.json")


# laws


def planned(pipeline: Pipeline) -> Plan:
    return Plan(backend="azureml", pipeline=pipeline, modes=choose_modes(pipeline))


def job_data(pipeline: Pipeline) -> dict[str, Any] | str:
    """The job as data, or what cannot be."""
    try:
        return to_job(planned(pipeline))
    except BackendError as error:
        return str(error)


def turned_round(value: Any) -> Any:
    """The same with the keys of every mapping in the opposite order."""
    if isinstance(value, dict):
        return {key: turned_round(value[key]) for key in reversed(value)}
    return [turned_round(item) for item in value] if isinstance(value, list) else value


@few
@given(data=spec_data())
def test_a_job_is_plain_data_and_the_same_each_time(data: dict[str, Any]) -> None:
    job = job_data(to_pipeline(data))
    assert job_data(to_pipeline(data)) == job
    assert json.loads(json.dumps(job)) == job


@few
@given(data=spec_data())
def test_the_order_of_keys_changes_nothing(data: dict[str, Any]) -> None:
    assert job_data(to_pipeline(turned_round(data))) == job_data(to_pipeline(data))


@given(word=st.text(max_size=9).filter(bool))
def test_a_word_that_looks_like_a_reference_is_told_from_one(word: str) -> None:
    def words(*texts: str) -> Any:
        run = script("a", "x.py", *texts, compute="cpu", environment="e")
        return to_job(planned(Pipeline(name="p", experiment="p", steps=(run,))))["steps"][0]

    reference = words("${parameters.p}", word.replace("${", "$${"))["words"]
    assert reference != words("$${parameters.p}", word.replace("${", "$${"))["words"]


# each construct


def job_of(*steps: Step, selected: tuple[str, ...] | None = None, **more: Any) -> Job:
    """The job of ``steps``."""
    known = {"name": "p", "experiment": "p", "steps": steps}
    return make_job(replace(planned(Pipeline(**known | more)), selected=selected))


def port(job: Job, name: str) -> JobInput | JobOutput:
    """A port by ``STEP.NAME``."""
    step, _, key = name.partition(".")
    ports = next(each for each in job.steps if each.name == step)
    return next(each for each in (*ports.inputs, *ports.outputs) if each.name == key)


def the_step(*steps: Step, **more: Any) -> JobStep:
    """The last step of the job of ``steps``."""
    return job_of(*steps, **more).steps[-1]


@pytest.mark.parametrize(
    ("kept", "read", "via", "mode"),
    [
        ({"type": "path"}, {}, "DataReference", "mount"),
        ({"type": "path"}, {"mode": "download"}, "DataReference", "download"),
        ({"type": "path", "parameter": True}, {}, "DataPath", "mount"),
        ({"type": "directory"}, {}, "File.from_files", "mount"),
        ({"type": "directory"}, {"mode": "direct"}, "File.from_files", "direct"),
        ({"type": "directory", "format": "csv"}, {}, "File.from_files", "mount"),
        ({"type": "directory", "format": "csv"}, {"mode": "direct"},
         "Tabular.from_delimited_files", "direct"),
        ({"type": "directory", "format": "parquet", "parameter": True}, {"mode": "direct"},
         "Tabular.from_parquet_files", "direct"),
        ({"type": "dataset", "version": "3"}, {}, "Dataset.get_by_name", "mount"),
        ({"type": "dataset", "format": "table", "version": "3"}, {},
         "Dataset.get_by_name", "direct"),
    ],
)  # fmt: skip
def test_data_from_outside_has_an_object_of_the_sdk(
    kept: dict[str, Any], read: dict[str, Any], via: str, mode: str
) -> None:
    known = {"type": kept["type"], "format": kept.get("format", "folder")} | read
    job = job_of(command("a", "true", reads=[reading("d", **known)]), data=[data("d", "x", **kept)])
    found = port(job, "a.d")
    assert isinstance(found, JobInput)
    assert (found.via, found.mode) == (via, mode)


def test_a_pinned_version_is_a_number_and_the_latest_is_left_open() -> None:
    kept = [
        data(name, "x", type="dataset", dataset=name, version=version)
        for name, version in (("one", "3"), ("two", "latest"))
    ]
    job = job_of(command("a", "true", reads=["one", "two"]), data=kept)
    assert [each.version for each in job.data] == [3, None]


def test_an_edge_between_steps_goes_through_what_was_written() -> None:
    job = job_of(
        command("a", "true", writes=["p", output("d", type="directory")]),
        command("b", "true", reads=["a.p", reading("a.d", type="directory")]),
    )
    assert (port(job, "b.p").via, port(job, "b.d").via) == (
        "PipelineData", "OutputFileDatasetConfig",
    )  # fmt: skip


def test_an_output_of_type_path_has_its_place_on_the_compute_only_where_it_is_uploaded() -> None:
    job = job_of(
        command("a", "true", writes=["p", output("u", mode="upload", format="file")]),
        outputs={"given": "a.p"},
    )
    assert port(job, "a.p") == JobOutput(
        name="p", via="PipelineData", mode="mount", datastore="store", export="given"
    )
    assert port(job, "a.u") == JobOutput(
        name="u", via="PipelineData", mode="upload", datastore="store", is_directory=False,
        at="/tmp/amlshare/a/u",
    )  # fmt: skip


def test_a_dataset_is_registered_by_the_sdk_unless_something_is_expected_of_it() -> None:
    known = {"type": "dataset", "dataset": "kept", "tags": {"a": "b"}, "only": ("*.csv",)}
    job = job_of(
        command("a", "true", writes=[output("o", **known)]),
        command("b", "true", writes=[output("o", **known, expect=Expect(glob="*"))]),
    )
    first, second = (port(job, name) for name in ("a.o", "b.o"))
    assert isinstance(first, JobOutput)
    assert isinstance(second, JobOutput)
    assert first.registered == Registration(name="kept", tags={"a": "b"})
    assert (first.path, first.only, second.registered) == ("o/{run-id}/", ("*.csv",), None)


def test_an_output_is_a_table_where_a_step_reads_it_as_one() -> None:
    known = {"type": "directory", "format": "csv"}
    write = command("a", "true", writes=[output("o", **known)])
    direct = command("b", "true", reads=[reading("a.o", **known, mode="direct")])
    files = command("c", "true", reads=[reading("a.o", **known)])
    assert port(job_of(write, direct, files), "a.o").table == "csv"
    assert port(job_of(write, direct, files, selected=("a",)), "a.o").table == "csv"
    assert port(job_of(write, files), "a.o").table is None


@pytest.mark.parametrize(
    ("location", "folder", "file"),
    [("o/{run-id}/", "o/{run-id}/", "o"), ("models/{run-id}/m.pkl", "models/{run-id}/", "m.pkl")],
)
def test_a_single_file_in_a_directory_is_named_by_the_wrapper(
    location: str, folder: str, file: str
) -> None:
    known = {"type": "directory", "format": "file"}
    job = job_of(
        script("a", "x.py", "${outputs.o}", writes=[output("o", **known, location=location)]),
        script("b", "x.py", "${inputs.o}", reads=[reading("a.o", **known)]),
    )
    written = port(job, "a.o")
    assert isinstance(written, JobOutput)
    assert (written.path, written.is_directory) == (folder, True)
    for made in job.steps:
        assert made.wrapper is not None
        assert made.wrapper.programs[0].words == ((0, f"/{file}"),)


@pytest.mark.parametrize("location", ["m.pkl", "models/{run-id}.pkl"])
def test_a_single_file_without_a_folder_is_refused(location: str) -> None:
    with pytest.raises(BackendError, match=r"such as o/\{run-id\}/o"):
        job_of(
            script("a", "x.py", writes=[
                output("o", type="directory", format="file", location=location)
            ])
        )  # fmt: skip


def test_parameters_travel_in_the_types_of_the_sdk() -> None:
    parameters = (
        Parameter(name="on", type="boolean", value=True, default=False),
        Parameter(name="rate", type="number", value=2),
        Parameter(name="unused", type="integer", value=3),
    )
    run = script("a", "x.py", "${parameters.on}", "${parameters.rate}")
    job = job_of(run, parameters=parameters)
    assert [(each.name, each.type, each.default, each.value) for each in job.parameters] == [
        ("on", "string", "false", "true"), ("rate", "number", 2.0, 2.0),
    ]  # fmt: skip
    assert isinstance(job.parameters[1].value, float)


def test_a_number_that_is_a_parameter_stays_one() -> None:
    n = Reference("parameter", "n")
    run = Parallel(file="x.py", over="d", nodes=n, mini_batch=n, processes_per_node=n)
    kept = [data("d", "x", type="directory")]
    made = the_step(step("a", run, reads=[reading("d", type="directory")], code="c"), data=kept)
    assert made.parallel is not None
    assert (made.nodes, made.parallel.mini_batch, made.parallel.processes_per_node) == (n, n, n)


def test_a_parallel_step_has_one_output_of_its_own() -> None:
    run = Parallel(
        file="x.py", over="d", rows_to=("rows", "r.txt"), allow_failed=-1, batch_retries=2
    )
    read = [reading("d", type="directory", mode="download")]
    kept = [data("d", "x", type="directory")]
    writes = [output("more", type="directory"), "rows"]
    made = the_step(step("a", run, reads=read, writes=writes, code="c"), data=kept)
    assert made.parallel is not None
    assert (made.kind, made.script, made.inputs[0].mode) == ("ParallelRunStep", "x.py", "mount")
    assert (made.parallel.output, made.parallel.rows_to) == ("rows", "r.txt")
    assert (made.parallel.error_threshold, made.parallel.batch_tries) == (-1, 3)
    beside = the_step(step("a", run, reads=read, writes=["more", "rows"], code="c"), data=kept)
    assert beside.parallel is not None
    assert beside.parallel.output == "rows"


@pytest.mark.parametrize(
    ("run", "kept", "via", "mode"),
    [
        ({"partition_by": ("k",)}, {"partitions": "{k}.csv"}, "File.from_files", "direct"),
        ({"partition_by": ("k",)}, {"format": "csv"}, "File.from_files", "direct"),
        ({"batch_unit": "bytes", "mini_batch": 9}, {"format": "csv"},
         "Tabular.from_delimited_files", "direct"),
        ({"mini_batch": 9}, {"format": "csv"}, "File.from_files", "mount"),
    ],
)  # fmt: skip
def test_a_parallel_step_goes_over_files_rows_or_partitions(
    run: dict[str, Any], kept: dict[str, Any], via: str, mode: str
) -> None:
    read = [reading("d", type="directory", format=kept.get("format", "folder"))]
    made = the_step(
        step("a", Parallel(file="x.py", over="d", **run), reads=read, code="c"),
        data=[data("d", "x", type="directory", **kept)],
    )
    assert (made.inputs[0].via, made.inputs[0].mode) == (via, mode)


def test_a_parallel_step_is_not_told_a_file_as_a_folder() -> None:
    known = {"type": "directory", "format": "file"}
    run = Parallel(file="x.py", over="d", arguments=(("-f",), parse("${inputs.o}")[0]))
    reads = [reading("d", type="directory"), reading("a.o", **known)]
    with pytest.raises(BackendError, match=r"step 'b' is given \$\{inputs.o\}, a single file"):
        job_of(
            command("a", "true", writes=[output("o", **known)]),
            step("b", run, reads=reads, code="c"),
            data=[data("d", "x", type="directory")],
        )


def test_only_what_is_used_is_in_a_job() -> None:
    job = job_of(
        command("a", "true", reads=["one"], compute="cpu", environment="plain"),
        command("b", "true", reads=["two"], compute="gpu", environment="other"),
        data=[data(name, name) for name in ("one", "three", "two", "watched")],
        compute=tuple(Compute(name=name, cluster=f"{name}-x") for name in ("cpu", "gpu")),
        environments=tuple(
            Environment(name=n, kind="image", image="i") for n in ("other", "plain")
        ),
        schedules=(Schedule(name="s", on_change="watched", parameters={"gone": 1}),),
        selected=("a",),
    )
    assert [each.name for each in job.data] == ["one", "watched"]
    assert [each.cluster for each in job.compute] == ["cpu-x"]
    assert [each.name for each in job.environments] == ["plain"]
    assert job.schedules[0].parameters == {}


def test_packages_alone_have_a_pinned_python() -> None:
    environments = (
        Environment(name="e", kind="pip", image="i", pip=("pandas",)),
        Environment(name="f", kind="registered", registered="R", version="latest"),
    )
    steps = [command(name, "true", environment=name) for name in "ef"]
    pip, registered = job_of(*steps, environments=environments).environments
    assert (pip.image, pip.python, pip.pip) == ("i", "3.11", ("pandas",))
    assert (registered.python, registered.version) == (None, None)


def test_a_selected_step_must_find_what_it_reads() -> None:
    steps = [command("a", "true", writes=["o"]), command("b", "true", reads=["a.o"])]
    with pytest.raises(BackendError, match=r"reads a\.o, but step 'a', .*--select \+b"):
        job_of(*steps, selected=("b",))


def test_a_step_waits_only_for_steps_that_run() -> None:
    steps = [command("a", "true"), command("b", "true"), command("c", "true", after=("a", "b"))]
    assert the_step(*steps).after == ("a", "b")
    assert the_step(*steps, selected=("b", "c")).after == ("b",)


def test_how_a_step_runs_is_kept() -> None:
    spread = Distribution(type="mpi", processes_per_node=2)
    made = the_step(
        script("a", "x.py", "--n", "1", nodes=2, distribution=spread, timeout=60, reuse=False,
               env={"A": "1"}, compute="cpu", environment="e")
    )  # fmt: skip
    assert made == JobStep(
        name="a", kind="PythonScriptStep", compute="cpu", environment="e", code="code",
        script="x.py", words=("--n", "1"), nodes=2, distribution=spread, timeout=60, reuse=False,
        env={"A": "1"},
    )  # fmt: skip


def test_a_plain_command_is_a_command_step() -> None:
    made = the_step(command("a", 'cat "${inputs.d}" -n', reads=["d"]), data=[data("d", "x")])
    assert (made.kind, made.words) == ("CommandStep", ("cat", Reference("input", "d"), "-n"))
