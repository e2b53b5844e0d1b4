"""What SDK v1 cannot do, or does otherwise than it is asked."""

from __future__ import annotations

import pytest
import yaml

from amlshare.backends.azureml import limits
from amlshare.checks.names import RESERVED
from amlshare.resolution import resolve
from amlshare.spec import Spec

HEAD = {
    "amlshare": 1,
    "name": "demo",
    "defaults": {"compute": "cpu", "environment": "python", "code": "code"},
    "environments": {"python": {"image": "python:3.11"}},
    "steps": {"a": {"script": "a.py"}},
}


def codes(text: str) -> list[str]:
    spec = Spec.model_validate(HEAD | yaml.safe_load(text))
    return [each.code for each in limits.check(resolve(spec).pipeline, lambda _: None)]


def parallel(arguments: str, reads: str = "days") -> list[str]:
    """The codes for a parallel step over a csv file, with these arguments."""
    return codes(f"""
        data: {{days: {{type: directory, location: raw/, format: csv}}}}
        steps:
          a:
            parallel: {{script: a.py, over: days}}
            inputs: {{days: {reads}}}
            arguments: {arguments}
    """)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("[--out, x]", []),
        ("[--ranking, x]", []),
        ("[--, -x]", []),
        ("[--, --r]", ["parallel-flag"]),
        ("[--rank, 2]", ["parallel-flag"]),
        ("['--rank_mini=2']", ["parallel-flag"]),
        ("[-h]", ["parallel-flag"]),
        ("[-hx]", ["parallel-flag"]),
        ("[--he]", ["parallel-flag"]),
        ("[--hello]", []),
        ("[--partition_keys, x]", ["parallel-flag"]),
    ],
)
def test_the_sdk_looks_among_a_parallel_steps_words_for_its_own(
    arguments: str, expected: list[str]
):
    assert parallel(arguments) == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("mount", []),
        ("auto", []),
        ("direct", []),
        ("download", ["parallel-download"]),
    ],
)
def test_a_table_alone_stays_direct_in_a_parallel_step(mode: str, expected: list[str]):
    assert parallel("[]", f"{{from: days, mode: {mode}}}") == expected


def test_files_stay_direct_only_where_they_are_divided_by_partitions():
    text = """
        data: {{days: {{type: directory, location: raw/, partitions: '{{day}}.csv'}}}}
        steps:
          a:
            parallel: {{script: a.py, over: days{}}}
            inputs: {{days: {{from: days, mode: direct}}}}
    """
    assert codes(text.format("")) == ["parallel-direct"]
    assert codes(text.format(", partition_by: [day]")) == []


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("nodes: 2, distribution: {type: mpi, processes_per_node: 4}", []),
        ("nodes: 2, distribution: {type: pytorch, processes_per_node: 4}", []),
        ("nodes: 2, distribution: {type: tensorflow}", []),
        ("nodes: 2, distribution: {type: tensorflow, processes_per_node: 2}", ["processes"]),
        ("nodes: '${parameters.n}', distribution: {type: mpi, processes_per_node: 4}", []),
        ("nodes: '${parameters.n}', distribution: {type: pytorch}", []),
        (
            "nodes: '${parameters.n}', distribution: {type: pytorch, processes_per_node: 4}",
            ["processes"],
        ),
    ],
)
def test_how_many_processes_there_are_is_known_in_advance(step: str, expected: list[str]):
    found = codes(f"parameters: {{n: 2}}\nsteps: {{a: {{script: a.py, {step}}}}}")
    assert [code.partition("-")[0] for code in found] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sklearn", []),
        ("py-3.11_x", []),
        ("azureml-mine", ["environment-name"]),
        ("Microsoft", ["environment-name"]),
        ("two words", ["environment-name"]),
        ("-x", ["environment-name"]),
    ],
)
def test_an_environment_has_a_name_that_the_workspace_can_keep(name: str, expected: list[str]):
    entry = yaml.safe_dump({"environments": {name: {"image": "x:1"}}})
    assert codes(entry + f"defaults: {{compute: cpu, environment: '{name}'}}") == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("direct", "direct", []),
        ("mount", "auto", []),
        ("direct", "auto", ["parameter-two-ways"]),
        ("download", "direct", ["parameter-two-ways"]),
    ],
)
@pytest.mark.parametrize("is_parameter", [True, False])
def test_a_parameter_is_a_table_or_files(
    first: str, second: str, expected: list[str], *, is_parameter: bool
):
    data = f"{{type: directory, location: x.csv, format: csv, parameter: {is_parameter}}}"
    found = codes(f"""
        data: {{d: {data}}}
        steps:
          a: {{script: a.py, inputs: {{d: {{from: d, mode: {first}}}}}}}
          b: {{script: a.py, inputs: {{d: {{from: d, mode: {second}}}}}}}
    """)
    assert found == (expected if is_parameter else [])


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("page/page.html", []),
        ("page/{run-id}/page.html", []),
        ("page/{run-id}/", []),
        ("page.html", ["file-without-folder"]),
        ("page/{run-id}.html", ["file-without-folder"]),
    ],
)
def test_a_single_file_has_a_folder_and_a_name_of_its_own(location: str, expected: list[str]):
    output = f"{{type: directory, format: file, location: '{location}'}}"
    assert codes(f"steps: {{a: {{script: a.py, outputs: {{o: {output}}}}}}}") == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("DatasetConsumptionConfig:x", ["magic-word"]),
        ("DatasetOutputConfig:x", ["magic-word"]),
        ("xDatasetOutputConfig:x", []),
        ("parameter:year", ["magic-word"]),
        ("parameter:yearparameter:x", ["magic-word"]),
        ("parameter:days", ["magic-word"]),
        ("parameter:other", []),
    ],
)
def test_a_word_that_is_a_name_to_the_sdk_does_not_arrive(word: str, expected: list[str]):
    found = codes(f"""
        parameters: {{year: 2014}}
        data: {{days: {{type: directory, location: raw/, parameter: true}}}}
        steps:
          a:
            script: a.py
            inputs: {{days: days}}
            arguments: ["{word}", "${{parameters.year}}"]
    """)
    assert found == expected


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ("[pandas==2.1.0]", ["parallel-packages"]),
        ("[azureml-core==1.61.0]", ["parallel-packages"]),
        ("[azureml-defaults]", []),
        ("[azureml_core, 'azureml-dataset-runtime[fuse]']", []),
        ("[-r /opt/more.txt]", []),
        ("requirements.txt", []),
    ],
)
def test_a_parallel_step_runs_inside_a_program_that_needs_the_sdk(
    packages: str, expected: list[str]
):
    found = codes(f"""
        environments: {{python: {{pip: {packages}}}}}
        data: {{days: {{type: directory, location: raw/}}}}
        steps: {{a: {{parallel: {{script: a.py, over: days}}, inputs: {{days: days}}}}}}
    """)
    assert found == expected


@pytest.mark.filterwarnings("ignore")
def test_no_parameter_may_have_the_name_of_one_of_the_sdk_s_own():
    from azureml.pipeline.core._module_parameter_provider import _ModuleParameterProvider

    theirs = {each.name for each in _ModuleParameterProvider().get_params_list()}
    assert theirs <= RESERVED
