"""What the SDK's objects of a job say on the wire."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from backends.azureml.offline import Catalogue, Sent, needs_sdk, offline, send, send_plan, wire
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import WORDS, few, optional, spec_data

from amlshare import backends, checks, commands
from amlshare.backends.azureml.build import build
from amlshare.backends.azureml.job import make_job
from amlshare.backends.azureml.wrapping import SCRIPT
from amlshare.backends.interface import BackendError
from amlshare.checks import mending
from amlshare.diagnostics import Finding
from amlshare.pipeline import Pipeline
from amlshare.plan import make_plan
from amlshare.resolution import resolve

pytestmark = needs_sdk
EVERYTHING = Path(__file__).parent / "everything"
FILES = {"env.yml": "dependencies: [python=3.11]\n", "Dockerfile": "FROM x\n"} | {
    "requirements.txt": "pandas==2.1.0\n"
}


@pytest.fixture(scope="module")
def everything() -> Sent:
    plan = commands.plan(commands.Request(spec=str(EVERYTHING / "everything.yaml")))
    return send_plan(plan, EVERYTHING, Catalogue(tables=frozenset({"routes"})))


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    for name in [*(f"{word}.py" for word in WORDS), SCRIPT]:
        (folder / name).write_text("")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


FORMATS = ["folder", "file", "csv", "parquet"]


@st.composite
def broad_spec_data(draw: st.DrawFn) -> dict[str, Any]:
    """A spec with more of what matters to SDK v1; some rule may find an error in it."""
    data = draw(spec_data())
    for entry in data["data"].values():
        entry.update(draw(optional(format=st.sampled_from(FORMATS), parameter=st.booleans())))
    for step in data["steps"].values():
        for output in step["outputs"].values() if isinstance(step["outputs"], dict) else ():
            if output and output.get("type") != "path":
                output.update(
                    draw(optional(format=st.sampled_from(FORMATS), overwrite=st.booleans()))
                )
        for port in (each for each in step["inputs"].values() if isinstance(each, dict)):
            port.update(draw(optional(at=st.just(f"data/{port['from']}"))))
        if "parallel" in step:
            step["parallel"] |= draw(optional(nodes=st.just(2), allow_failed=st.integers(-1, 2)))
        else:
            kinds = st.sampled_from(["mpi", "pytorch", "tensorflow"])
            how = st.fixed_dictionaries({"type": kinds, "processes_per_node": st.integers(1, 2)})
            step.update(draw(optional(distribution=how, nodes=st.integers(1, 3))))
    return data


def accepted(data: dict[str, Any]) -> Pipeline | None:
    """The pipeline of a spec in which `check` finds no error."""
    parsed = mending.parse(data)
    if parsed.spec is None:
        return None
    found = [*parsed.findings, *parsed.certain(checks.check(parsed.spec, None))]
    pipeline = resolve(parsed.spec).pipeline if all(map(is_mild, found)) else None
    if pipeline is None:
        return None
    if not all(map(is_mild, backends.check("azureml", pipeline, lambda _: None))):
        return None
    return pipeline


def is_mild(finding: Finding) -> bool:
    return finding.severity != "error"


@few
@given(data=broad_spec_data())
def test_whatever_check_accepts_is_built_and_is_a_whole_graph(data: dict[str, Any], scripts: Path):
    pipeline = accepted(data)
    assume(pipeline is not None)
    assert pipeline is not None
    plan = make_plan(
        pipeline, backend="azureml", read_code=lambda _: None, digest_file=lambda _: ""
    )
    with offline() as workspace:
        code = dict.fromkeys(data["steps"], scripts)
        sent = Sent(wire(build(make_job(plan), workspace, code, scripts)))
    for step in pipeline.steps:
        ports = {each.name for each in (*step.inputs, *step.outputs)}
        assert sent.modes(step.name).keys() == ports


# Ports


def test_every_port_is_called_as_in_the_spec_and_has_its_mode(everything: Sent):
    assert everything.modes("clean") == {
        "again": ("mount", None),
        "chosen": ("download", None),
        "flights": ("download", "/tmp/flights"),
        "other": ("mount", None),
        "planes": ("mount", None),
        "cleaned": ("mount", None),
        "log": ("mount", None),
        "uploaded": ("upload", "/tmp/amlshare/clean/uploaded"),
    }


def test_a_source_called_like_an_output_of_its_reader_keeps_the_readers_port(everything: Sent):
    # the SDK would call it INPUT_source
    assert everything.source("readers", "source") == "clean.cleaned"
    assert everything.words("readers")[-3:] == [
        "Input:source",
        "Output:clean_cleaned",
        "Output:flights",
    ]


def test_two_ports_of_one_source_are_two_data_references(everything: Sent):
    ports = everything.module("clean")["StructuredInterface"]["Inputs"]
    named = {port["Name"]: port["DataReferenceName"] for port in ports}
    assert named == {name: name for name in ("again", "chosen", "flights", "other", "planes")}
    assert everything.source("clean", "again") == everything.source("clean", "flights")


def test_data_of_a_path_is_one_data_source_for_all_that_read_it(everything: Sent):
    names = [each["Name"] for each in everything.body["sources"]]
    assert [name for name in names if name in ("flights", "planes")] == ["flights", "planes"]
    flights = everything.source("audit", "flights")
    for step in ("bash", "clean", "score"):
        assert everything.source(step, "flights") == flights


@pytest.mark.parametrize(
    ("step", "port", "expected"),
    [
        ("clean", "chosen", {"DataPathParameterName": "chosen"}),
        ("score", "chosen", {"DataPathParameterName": "chosen"}),
        ("tables", "images", {"ParameterName": "images"}),
        ("tables", "carriers", {"ParameterName": "carriers"}),
        ("tables", "airports", {"Version": "3"}),
        ("tables", "airlines", {"Name": "known airlines"}),
        ("readers", "model", "tables.model"),
        ("score", "cleaned", "clean.cleaned"),
    ],
)
def test_an_input_is_fed_by_what_the_spec_names(
    everything: Sent, step: str, port: str, expected: Any
):
    found = everything.source(step, port)
    if isinstance(found, dict) and "DataSetDefinition" in found:
        definition = found["DataSetDefinition"]
        found = {**definition, **definition.get("Value", {}).get("DataSetReference", {})}
        found = {key: found[key] for key in expected}
    assert found == expected


def test_a_data_parameter_has_a_value_though_no_argument_names_it(tmp_path: Path):
    sent = send(
        tmp_path,
        """
        data: {days: {type: directory, location: raw/, parameter: true}}
        steps: {a: {script: a.py, inputs: {days: {from: days, mode: download, at: data}}}}
        """,
    )
    assert sent.words("a") == []
    assert sent.body["assigned"].keys() == {"days"}


# Datasets


def test_a_file_is_found_by_its_partitions_and_a_table_is_read_without_a_look_at_it(
    everything: Sent,
):
    definitions = [json.loads(each)["meta"]["RsDataflow"] for each in everything.body["datasets"]]
    (weather,) = [each for each in definitions if "/raw/weather/" in each]
    assert 'partition_format: "/{station}/{month}.csv"' in weather
    prices = [each for each in definitions if each.count("raw/prices.csv")]
    assert [("read_delimited" in each) for each in prices] == [False, True]
    assert "infer_column_types: false" in prices[1]


def test_each_entry_of_data_is_one_dataset_in_each_way_of_reading_it(everything: Sent):
    # prices is read in two ways, and each dataset parameter is two: its steps', and its default
    assert len(everything.body["datasets"]) == 6


def test_a_workspace_is_asked_once_for_each_name(tmp_path: Path):
    catalogue = Catalogue()
    text = """
        data: {kept: {type: dataset, name: kept, version: latest}}
        environments: {python: {registered: shared, version: 4}}
        steps:
          a: &a
            script: a.py
            inputs: {kept: kept}
            arguments: ["${inputs.kept}"]
          b: *a
    """
    send(tmp_path, text, catalogue)
    assert catalogue.asked == ["dataset kept latest", "environment shared 4"]


def test_a_registered_table_that_is_to_come_as_files_is_refused(tmp_path: Path):
    text = """
        data: {kept: {type: dataset, name: kept, version: 3, format: csv}}
        steps:
          a:
            script: a.py
            inputs: {kept: {from: kept, mode: mount}}
            arguments: ["${inputs.kept}"]
    """
    with pytest.raises(BackendError, match="'kept' as a table: give input 'kept' `mode: direct`"):
        send(tmp_path, text, Catalogue(tables=frozenset({"kept"})))


# Outputs


def test_an_output_is_written_to_its_place_and_registered(everything: Sent):
    assert everything.output("tables", "model") == {
        "Name": "model",
        "DataStoreName": "lake",
        "DataStoreMode": "upload",
        "Overwrite": True,
        "DataReferenceName": "model",
        "DatasetRegistration": {
            "Name": "flight_model",
            "Description": "A model.",
            "Tags": {"by": "train", "stage": "candidate"},
            "CreateNewVersion": True,
        },
        "DatasetOutputOptions": {
            "SourceGlobs": {"GlobPatterns": ["*.pkl", "*.json"]},
            "PathOnDatastore": "models/delay/",
        },
    }


def test_an_output_with_a_contract_is_registered_by_the_wrapper_alone(everything: Sent):
    assert everything.output("tables", "held")["DatasetRegistration"] == {}


def blocks(text: str) -> list[str]:
    return [each["type"].rpartition(".")[2] for each in json.loads(text)["blocks"]]


def test_an_output_that_is_read_only_as_a_table_is_one(everything: Sent):
    registration = everything.output("tables", "wide")["DatasetRegistration"]
    assert blocks(registration["AdditionalTransformations"])[0] == "ReadParquetFileBlock"


def test_an_output_that_is_read_both_ways_stays_files_and_is_made_a_table_for_its_reader(
    everything: Sent,
):
    assert everything.output("tables", "table")["DatasetRegistration"] == {}
    settings = {each["Name"]: each for each in everything.node("readers")["ModuleInputSettings"]}
    assert blocks(settings["table"]["AdditionalTransformations"])[0] == "ParseDelimitedBlock"
    assert everything.modes("readers")["table"] == ("direct", None)
    assert everything.modes("readers")["table_files"] == ("download", None)


@pytest.mark.parametrize("kind", ["file", "lake"])
def test_an_output_goes_to_blob_storage(tmp_path: Path, kind: str):
    text = "steps: {a: {script: a.py, outputs: [o], arguments: ['${outputs.o}']}}"
    catalogue = Catalogue(datastores={"lake": kind})
    with pytest.raises(BackendError, match=r"output 'a\.o' goes to datastore 'lake', which is"):
        send(tmp_path, text, catalogue)


def test_an_output_of_the_pipeline_has_its_name(everything: Sent):
    edges = everything.body["graph"]["Edges"]
    given = {
        each["DestinationInputPort"]["GraphPortName"]: each["SourceOutputPort"]["NodeId"]
        for each in edges
        if "GraphPortName" in each["DestinationInputPort"]
    }
    assert given == {"lines": "audit", "cleaned_flights": "clean"}


# Steps


def test_a_step_runs_on_its_compute_target(everything: Sent):
    found = {
        step: (everything.settings(step)["Target"], everything.settings(step)["MLCComputeType"])
        for step in ("clean", "readers", "audit", "by_station")
    }
    assert found == {
        "clean": ("cpu-cluster", "AmlCompute"),
        "readers": ("edge-cluster", "Kubernetes"),
        "audit": ("my-box", "ComputeInstance"),
        "by_station": ("edge-cluster", "Kubernetes"),
    }


def test_a_plain_command_is_a_command_step_and_another_goes_through_the_wrapper(everything: Sent):
    assert everything.settings("audit")["Command"] == "python"
    assert everything.words("audit")[:3] == ["audit.py", "--flights", "Input:flights"]
    assert everything.settings("bash")["Script"] == SCRIPT
    assert everything.words("bash")[0::2] == ["--amlshare", "--", "Output:counts"]


def test_words_arrive_as_they_stand(everything: Sent):
    assert everything.words("clean")[-4:] == [
        "--year",
        "Parameter:year",
        "",
        "$5 {x} ünï 'quoted'",
    ]


def test_parameters_have_their_types(everything: Sent):
    whole, number, text = "0", "1", "3"
    found = {each["Name"]: each["Type"] for each in everything.body["interface"]["Parameters"]}
    assert found == {
        "year": whole,
        "rate": number,
        "season": text,
        "strict": text,
        "files": whole,
        "machines": whole,
    }


def test_steps_run_after_others_in_the_order_of_their_names(everything: Sent):
    edges = everything.body["graph"]["Edges"]
    order = [
        (each["SourceOutputPort"]["NodeId"], each["DestinationInputPort"]["PortName"])
        for each in edges
        if each["DestinationInputPort"].get("NodeId") == "train_mpi"
    ]
    assert order == [("audit", "_run_after_input_0"), ("summary", "_run_after_input_1")]


def test_a_step_is_eligible_for_reuse_unless_the_spec_says_otherwise(everything: Sent):
    found = {each["Name"]: each["IsDeterministic"] for each in everything.body["modules"]}
    assert [name for name, reusable in found.items() if not reusable] == ["readers"]


def test_a_steps_environment_variables_are_texts_and_no_other_travels(everything: Sent):
    run = everything.run("clean")
    assert run["environmentVariables"] == {"A": "1", "B": "true", "LEVEL": "info"}
    assert run["environment"]["environmentVariables"] == {}
    assert (run["maxRunDurationSeconds"], run["docker"]["useDocker"]) == (7200, True)
    assert everything.run("audit")["maxRunDurationSeconds"] is None


CHOSEN = """
    compute: {cpu: {vm_size: Standard_DS3_v2}}
    data:
      few: {type: path, location: few, format: file, size: 30 MB}
      many: {type: directory, location: many/, size: 90 GB, files: 90}
    steps:
      read:
        script: read.py
        inputs:
          few: few
          many: {from: many, reads: {passes: 1}}
          part: {from: few, reads: {fraction: 0.01}}
        arguments: ["${inputs.few}", "${inputs.many}", "${inputs.part}"]
        env: {DATASET_MOUNT_MEMORY_CACHE_SIZE: 64MB}
      score:
        parallel: {script: score.py, over: many}
        inputs: {many: many}
"""


def test_the_modes_that_were_chosen_and_how_mounts_are_kept_arrive(tmp_path: Path):
    sent = send(tmp_path, CHOSEN)
    modes = {name: mode for name, (mode, _) in sent.modes("read").items()}
    assert modes == {"few": "download", "many": "mount", "part": "mount"}
    assert sent.run("read")["environmentVariables"] == {
        "DATASET_MOUNT_BLOCK_BASED_CACHE_ENABLED": "true",
        "DATASET_MOUNT_BLOCK_FILE_CACHE_ENABLED": "false",
        "DATASET_MOUNT_MEMORY_CACHE_SIZE": "64MB",
        "DATASET_MOUNT_READ_BUFFER_BLOCK_COUNT": "80",
    }
    assert sent.run("score")["environmentVariables"] == {
        "DATASET_MOUNT_BLOCK_BASED_CACHE_ENABLED": "true",
        "DATASET_MOUNT_BLOCK_FILE_CACHE_ENABLED": "false",
        "DATASET_MOUNT_MEMORY_CACHE_SIZE": "0",
        "DATASET_MOUNT_READ_BUFFER_BLOCK_COUNT": "80",
    }


def environment(sent: Sent, step: str) -> dict[str, Any]:
    found = sent.run(step)["environment"]
    python, docker = found["python"], found["docker"]
    said = {
        "name": found["name"],
        "version": found["version"],
        "image": docker["baseImage"],
        "dockerfile": docker["baseDockerfile"],
        "own_python": python["userManagedDependencies"],
        "conda": python.get("condaDependencies", {}).get("dependencies"),
    }
    return {key: value for key, value in said.items() if value}


DEFAULT_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20251130.v1"
HASH = "--hash=sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("audit", {"name": "image", "image": "python:3.11.4", "own_python": True}),
        (
            "clean",
            {
                "name": "image_conda",
                "image": "python:3.11.4",
                "conda": ["python=3.11", {"pip": ["pandas==2.1.0"]}],
            },
        ),
        (
            "score",
            {
                "name": "image_pip",
                "image": "python:3.11.4",
                "conda": ["python=3.11", "pip", {"pip": ["pandas==2.1.0"]}],
            },
        ),
        (
            "tables",
            {
                "name": "pip",
                "image": DEFAULT_IMAGE,
                "conda": [
                    "python=3.11",
                    "pip",
                    {"pip": [f"pandas==2.1.0 {HASH}", "azureml-core==1.61.0"]},
                ],
            },
        ),
        (
            "train_mpi",
            {
                "name": "dockerfile",
                "dockerfile": "FROM python:3.11.4\nRUN pip install pandas==2.1.0\n",
                "own_python": True,
            },
        ),
        (
            "train_torch",
            {
                "name": "AzureML-sklearn",
                "version": "12",
                "image": "registered:1",
                "own_python": True,
            },
        ),
        (
            "train_flow",
            {"name": "shared", "version": "7", "image": "registered:1", "own_python": True},
        ),
    ],
)
def test_an_environment_is_what_the_spec_says(
    everything: Sent, step: str, expected: dict[str, Any]
):
    assert environment(everything, step) == expected


def test_a_step_on_several_nodes_is_told_how_its_processes_meet(everything: Sent):
    mpi, torch, flow = (everything.run(f"train_{kind}") for kind in ("mpi", "torch", "flow"))
    assert (mpi["communicator"], mpi["nodeCount"], mpi["mpi"]) == (
        "IntelMpi",
        2,
        {"processCountPerNode": 4, "nodeCount": 2},
    )
    assert (torch["framework"], torch["communicator"]) == ("PyTorch", "Nccl")
    assert torch["pytorch"]["processCount"] == 4
    assert (flow["framework"], flow["communicator"]) == ("TensorFlow", "ParameterServer")
    assert everything.settings("train_flow")["NodeCount"] == "parameter machines"
    assert everything.settings("train_flow")["TensorflowWorkerCount"] == "parameter machines"


# Parallel steps


def options(sent: Sent, step: str) -> dict[str, str]:
    words = sent.words(step)
    return dict(zip(words[::2], words[1::2], strict=True))


def test_a_parallel_step_has_its_configuration(everything: Sent):
    found = options(everything, "score")
    assert {flag: found[flag] for flag in list(found)[2:]} == {
        "--mini_batch_size": "Parameter:files",
        "--error_threshold": "3",
        "--output_action": "append_row",
        "--logging_level": "INFO",
        "--run_invocation_timeout": "300",
        "--run_max_try": "2",
        "--create_snapshot_at_runtime": "True",
        "--append_row_file_name": "rows.txt",
        "--output": "Output:scores",
        "--process_count_per_node": "2",
        "--chosen": "Input:chosen",
        "--cleaned": "Input:cleaned",
        "--extra": "DatasetOutputConfig:extra",
        "--flights": "Input:flights",
        "--images": "DatasetConsumptionConfig:images",
        "--model": "DatasetConsumptionConfig:model",
        "--routes": "DatasetConsumptionConfig:routes",
        "--year": "Parameter:year",
        "--input_fds_0": "images",
        "--input_pipeline_param_0": "DatasetConsumptionConfig:images",
    }
    assert everything.settings("score")["NodeCount"] == "parameter machines"
    run = everything.run("score")
    assert (run["maxRunDurationSeconds"], run["environmentVariables"]["A"]) == (3600, "1")


def test_a_parallel_step_divides_rows_files_or_partitions(everything: Sent):
    rows, files, partitions = (
        options(everything, step) for step in ("by_rows", "summary", "by_station")
    )
    assert (rows["--mini_batch_size"], rows["--input_ds_0"]) == ("10000", "rows")
    assert files["--input_fds_0"] == "latest"
    assert partitions["--partition_keys"] == '["station"]'
    assert everything.modes("by_station")["weather"] == ("direct", None)
    assert everything.modes("summary")["latest"] == ("mount", None)


def test_a_parallel_step_writes_as_many_paths_as_the_spec_says(tmp_path: Path):
    sent = send(
        tmp_path,
        """
        data: {days: {type: directory, location: raw/}}
        steps:
          a:
            parallel: {script: a.py, over: days, rows_to: rows/r.txt}
            inputs: {days: days}
            outputs: [rows, more, most]
            arguments: {--more: "${outputs.more}", --most: "${outputs.most}"}
        """,
    )
    assert sent.modes("a").keys() == {"days", "rows", "more", "most"}
    assert options(sent, "a")["--more"] == "Output:more"


def test_building_leaves_this_process_as_it_was(tmp_path: Path):
    before = list(sys.path)
    send(
        tmp_path,
        """
        data: {days: {type: directory, location: raw/}}
        steps: {a: {parallel: {script: a.py, over: days}, inputs: {days: days}}}
        """,
    )
    assert sys.path == before


def test_a_pipeline_needs_no_datastore_of_its_own(tmp_path: Path):
    catalogue = Catalogue()
    sent = send(tmp_path, "steps: {a: {script: a.py}}", catalogue)
    assert (sent.words("a"), catalogue.asked) == ([], [])


def test_an_address_in_no_proxy_does_not_stop_the_data_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("NO_PROXY", "localhost,::1,10.0.0.1:80")
    text = """
        data: {days: {type: directory, location: raw/}}
        steps: {a: {script: a.py, inputs: {days: days}, arguments: ["${inputs.days}"]}}
    """
    assert len(send(tmp_path, text).body["datasets"]) == 1
