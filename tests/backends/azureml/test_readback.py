"""What the steps of a published graph tell."""

from __future__ import annotations

from typing import Any

import pytest

from amlshare.backends.azureml import readback
from amlshare.backends.azureml.data_nodes import Graph
from amlshare.backends.azureml.job import Job
from amlshare.references import Reference


def test_a_step_of_another_tool_is_read_as_far_as_it_goes() -> None:
    graph = Graph(
        graph={"ModuleNodes": [{"Id": "1", "ModuleId": "m"}]},
        interface={},
        modules={"m": {"Name": "clean"}},
    )
    (step,) = readback.read("p", graph, Job(pipeline="p", experiment="e")).job.steps
    assert (step.name, step.compute, step.environment, step.words) == ("clean", "", "", ())


@pytest.mark.parametrize(
    ("kind", "value", "word"),
    [
        ("Literal", "DatasetConsumptionConfig:a", Reference("input", "a")),
        ("Literal", "DatasetOutputConfig:a", Reference("output", "a")),
        ("Literal", "--DatasetOutputConfig:a", "--DatasetOutputConfig:a"),
        ("Input", "a", Reference("input", "a")),
        ("Output", "a", Reference("output", "a")),
        ("Parameter", "a", Reference("parameter", "a")),
        ("Literal", None, ""),
    ],
)
def test_an_argument_is_a_text_or_what_it_stands_for(kind: str, value: str, word: Any) -> None:
    assert readback._word({"ValueType": kind, "Value": value}) == word


def test_the_drivers_flags_are_told_from_a_parallel_steps_own_words() -> None:
    flags = "--scoring_module_name a.py --error_threshold 0 --run_invocation_timeout 60"
    flags += " --run_max_try 3 --mini_batch_size 5"
    found = readback._parallel([*f"{flags} --mini_batch_size own --input_fds_0 images".split()])
    assert found["words"] == ("--mini_batch_size", "own")
    assert (found["parallel"].over, found["parallel"].mini_batch) == ("images", 5)
