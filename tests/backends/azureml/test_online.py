"""What a job names, looked for in a workspace with the SDK itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from backends.azureml.apart import signed_in

BEGIN = """
from amlshare.backends.azureml import online
from amlshare.backends.azureml.job import *

def data(name, **named):
    return JobData(name=name, format=named.pop("format", "folder"), **named)

def step(name="clean", compute="cpu", **named):
    return JobStep(name=name, kind="PythonScriptStep", compute=compute, environment="e", **named)

def job(**named):
    found = online.missing(Job(pipeline="p", experiment="p", **named), workspace)
    print([[each.code, each.message, each.route, each.label, each.help] for each in found])

def read(name, mode):
    return JobInput(name="i", source=name, via="Dataset.get_by_name", mode=mode)

def output(store):
    return JobOutput(name="o", via="OutputFileDatasetConfig", mode="mount", datastore=store)
"""


@pytest.fixture
def look(workspace):
    """The findings for a job: [code, message, route, label, help] each."""

    def look(call: str) -> list[list]:
        done = signed_in(BEGIN + call, workspace.environment)
        assert (done.exit_code, done.stderr) == (0, ""), done.stderr
        return ast.literal_eval(done.stdout)

    return look


def test_a_job_that_names_what_there_is_has_no_findings(workspace, look):
    workspace.add_compute("cpu-cluster")
    workspace.add_dataset("weather", 3)
    workspace.add_dataset("airports", 1, kind="tabular")
    workspace.add_environment("sklearn", "2")
    assert not look("""job(
        steps=(step(outputs=(output("workspaceblobstore"),),
                    inputs=(read("w", "mount"), read("a", "direct"))),),
        compute=(JobCompute(name="cpu", cluster="cpu-cluster"),),
        data=(data("w", dataset="weather", version=3),
              data("a", dataset="airports", format="table"),
              data("f", datastore="workspaceblobstore", path="raw/")),
        environments=(JobEnvironment(name="e", registered="sklearn", version="2"),))""")


def test_a_job_that_names_nothing_asks_nothing(workspace, look):
    assert look("job()") == []
    assert not [r for r in workspace.requests if "/computes" in r.path or "/datastore" in r.path]


def test_a_compute_target_is_missed_where_the_spec_names_its_cluster(workspace, look):
    workspace.add_compute("cpu-cluster")
    entry = 'JobCompute(name="cpu", cluster="cpu-clutser", vm_size="STANDARD_DS3_V2")'
    assert look(f"job(steps=(step(),), compute=({entry},))") == [
        [
            "missing-in-workspace",
            "the workspace has no compute target 'cpu-clutser'",
            ("compute", "cpu", "cluster"),
            "did you mean 'cpu-cluster'?",
            "submit with --create-compute to make it",
        ]
    ]


def test_a_compute_target_without_an_entry_is_missed_at_the_first_step_that_runs_there(look):
    found = look('job(steps=(step(),), compute=(JobCompute(name="cpu", cluster="cpu"),))')
    assert found[0][2] == ("steps", "clean", "compute")
    assert "compute: {cpu: {vm_size: STANDARD_DS3_V2" in found[0][4]


def test_a_compute_target_of_another_kind_is_told(workspace, look):
    workspace.add_compute("cpu")
    entry = 'JobCompute(name="cpu", cluster="cpu", type="Kubernetes")'
    code, message, *_, advice = look(f"job(steps=(step(),), compute=({entry},))")[0]
    assert code == "unfit-in-workspace"
    assert message == "compute target 'cpu' is of kind amlcompute in the workspace"
    assert advice == "write `compute: {cpu: {kind: amlcompute}}`"


def test_datastores_are_missed_where_data_lies_and_where_outputs_go(look):
    found = look("""job(
        steps=(step(outputs=(output("workspaceblobstor"),)),),
        data=(data("f", datastore="elsewhere", path="raw/"),))""")
    assert [(message, route) for _, message, route, *_ in found] == [
        ("the workspace has no datastore 'elsewhere'", ("data", "f", "datastore")),
        (
            "the workspace has no datastore 'workspaceblobstor'",
            ("steps", "clean", "outputs", "o", "datastore"),
        ),
    ]
    assert found[1][3] == "did you mean 'workspaceblobstore'?"


def test_an_output_goes_to_blob_storage_alone_and_data_lies_in_a_file_share_too(workspace, look):
    entry = {**workspace.datastores["workspaceblobstore"], "name": "share"}
    entry["dataStoreType"] = "AzureFile"
    entry["azureStorageSection"] = {**entry["azureStorageSection"], "containerName": "share"}
    workspace.datastores["share"] = entry
    found = look("""job(
        steps=(step(outputs=(output("share"),)),), data=(data("f", datastore="share", path="x/"),))
    """)
    assert [(code, message, label) for code, message, _, label, _ in found] == [
        (
            "unfit-in-workspace",
            "datastore 'share' is AzureFile",
            "SDK v1 writes only to blob storage",
        )
    ]


def test_a_dataset_is_missed_by_its_name_and_its_version(workspace, look):
    workspace.add_dataset("weather", 3)
    found = look("""job(data=(
        data("a", dataset="weathr"), data("b", dataset="weather", version=9)))""")
    assert [each[1:4] for each in found] == [
        ["the workspace has no dataset 'weathr'", ("data", "a", "name"), "did you mean 'weather'?"],
        [
            "dataset 'weather' has no version 9 in the workspace",
            ("data", "b", "version"),
            "the newest is 3",
        ],
    ]


def test_a_table_is_not_read_as_files_nor_files_as_a_table(workspace, look):
    workspace.add_dataset("rows", 1, kind="tabular")
    workspace.add_dataset("files", 1)
    found = look("""job(
        steps=(step(inputs=(read("t", "mount"), read("f", "direct"))),),
        data=(data("t", dataset="rows"), data("f", dataset="files", format="table")))""")
    assert [(code, message) for code, message, *_ in found] == [
        ("unfit-in-workspace", "dataset 'rows' is a table and cannot be read as files"),
        ("unfit-in-workspace", "dataset 'files' is files and cannot be read as a table"),
    ]


def test_an_environment_is_missed_by_its_name_and_its_version(workspace, look):
    workspace.add_environment("sklearn", "2")
    found = look("""job(environments=(
        JobEnvironment(name="a", registered="sklaern"),
        JobEnvironment(name="b", registered="sklearn", version="7"),
        JobEnvironment(name="c", image="python:3.11")))""")
    assert [each[1:4] for each in found] == [
        [
            "the workspace has no environment 'sklaern'",
            ("environments", "a", "registered"),
            "did you mean 'sklearn'?",
        ],
        [
            "environment 'sklearn' has no version 7 in the workspace",
            ("environments", "b", "version"),
            "the newest is 2",
        ],
    ]


def test_a_service_that_refuses_to_list_is_an_error_and_no_finding(workspace):
    workspace.fail(at=5, how="403", times=9)
    code = 'job(steps=(step(),), compute=(JobCompute(name="cpu", cluster="cpu"),))'
    done = signed_in(BEGIN + code, workspace.environment)
    assert done.exit_code == 1
    assert "listing the compute targets of the workspace failed: GET https://" in done.stderr


MODULES = """
from pathlib import Path
from amlshare import commands
from amlshare.backends.azureml import build, online, staging
from amlshare.backends.azureml.job import make_job

spec = Path({spec!r})
job = make_job(commands.plan(commands.Request(spec=str(spec), backend="azureml")))
with staging.staged(job, spec.parent) as code:
    for _ in range(2):
        pipeline = build.build(job, workspace, code, spec.parent)
        print(dict(online.modules(pipeline)))
        with sdk.asking("publishing"):
            pipeline.publish("p", "p", "1")
"""


def test_steps_that_the_workspace_knows_are_told_from_new_ones(workspace):
    workspace.add_compute("cpu-cluster")
    spec = Path(__file__).parents[3] / "specs/path.yaml"
    done = signed_in(MODULES.format(spec=str(spec)), workspace.environment)
    assert done.stderr == ""
    before, after = map(ast.literal_eval, done.stdout.splitlines())
    assert before == {"process": False, "consume": False}
    assert after == {"process": True, "consume": True}
