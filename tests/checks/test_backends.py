"""What each backend cannot do of a pipeline."""

from __future__ import annotations

import pytest
import yaml

from amlshare import backends
from amlshare.diagnostics import Finding
from amlshare.resolution import resolve
from amlshare.spec import Spec

HERE = {"compute": "cpu", "environment": "python", "code": "code"}


def findings(backend: str, text: str) -> list[Finding]:
    data = {
        "amlshare": 1,
        "name": "demo",
        "defaults": HERE,
        "environments": {"python": {"image": "python:3.11"}},
        "steps": {"a": {"script": "a.py"}},
    }
    spec = Spec.model_validate(data | yaml.safe_load(text))
    return list(backends.check(backend, resolve(spec).pipeline, lambda _: None))


def codes(backend: str, text: str) -> list[str]:
    return [each.code for each in findings(backend, text)]


@pytest.mark.parametrize("backend", ["azureml", "azureml-v2"])
def test_in_the_cloud_a_step_runs_somewhere_and_in_something(backend: str):
    assert codes(backend, "steps: {a: {script: a.py}}") == []
    (compute, environment) = findings(backend, "{defaults: {code: code}}")
    assert (compute.code, compute.message) == (
        "missing-compute",
        "step 'a' has no compute target",
    )
    assert environment.code == "missing-environment"


def test_on_this_machine_it_need_not():
    assert codes("local", "{defaults: {code: code}}") == []


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("*/15 * * * *", []),
        ("30 22 * * *", []),
        ("0,30 6-8 * * mon-fri", []),
        ("0 6 1 * *", ["cron-not-recurrence"]),
        ("0 6 * jan *", ["cron-not-recurrence"]),
    ],
)
def test_sdk_v1_follows_cron_by_days_and_weeks(cron: str, expected: list[str]):
    text = f"schedules: {{s: {{cron: '{cron}'}}}}"
    assert codes("azureml", text) == expected
    assert codes("azureml-v2", text) == []


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("{every: week, days: [mon], at: '06:30'}", []),
        ("{every: day, at: '06:30'}", []),
        ("{every: 3 days, days: [mon]}", ["days-without-week"]),
        ("{every: month, days: [mon], at: '06:30'}", ["days-without-week", "at-with-month"]),
        ("{on_change: d, poll: 5m}", []),
        ("{on_change: d, poll: 30 s}", ["poll-in-minutes"]),
    ],
)
def test_sdk_v1_has_recurrences_of_its_own(schedule: str, expected: list[str]):
    data = "data: {d: {type: directory, location: x/}}"
    assert codes("azureml", f"{{{data}, schedules: {{s: {schedule}}}}}") == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("{--year: '${parameters.year}'}", []),
        ("['--year=${parameters.year}']", ["parallel-reference"]),
        ("{--output: csv}", ["parallel-flag"]),
        ("['--output=csv']", ["parallel-flag"]),
        ("[csv]", ["parallel-first-word"]),
        ("['${parameters.year}']", ["parallel-first-word"]),
    ],
)
def test_sdk_v1_shares_the_arguments_of_a_parallel_step(arguments: str, expected: list[str]):
    step = f"{{parallel: {{script: a.py, over: d}}, inputs: {{d: d}}, arguments: {arguments}}}"
    text = "{parameters: {year: 2013}, data: {d: {type: directory, location: x/}}, "
    assert codes("azureml", f"{text}steps: {{a: {step}}}}}") == expected
    assert (
        codes(
            "local",
            f"{text}local: {{datastores: {{workspaceblobstore: x}}}}, steps: {{a: {step}}}}}",
        )
        == []
    )


def test_in_other_steps_a_reference_may_stand_inside_a_text():
    step = "{script: a.py, arguments: ['--year=${parameters.year}', csv, --output]}"
    assert codes("azureml", f"{{parameters: {{year: 2013}}, steps: {{a: {step}}}}}") == []


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("DatasetOutputConfig:x", ["magic-word"]),
        ("parameter:year", ["magic-word"]),
        ("parameter:day", []),
        ("see parameter:year", []),
    ],
)
def test_sdk_v1_takes_some_words_for_its_own(word: str, expected: list[str]):
    step = f"{{script: a.py, arguments: ['{word}', '${{parameters.year}}']}}"
    text = f"{{parameters: {{year: 2013}}, steps: {{a: {step}}}}}"
    assert codes("azureml", text) == expected
    assert codes("azureml-v2", text) == []


def test_an_order_that_data_implies_needs_no_after():
    chain = "a: {script: a.py, outputs: [x]}, b: {script: a.py, inputs: {x: a.x}, outputs: [x]}, "
    text = "steps: {%s c: {script: a.py, inputs: {x: b.x}, after: [%s]}, d: {script: a.py}}"
    assert codes("azureml-v2", text % (chain, "a, b")) == []
    (found,) = findings("azureml-v2", text % (chain, "a, d"))
    assert (found.code, found.route) == ("order-only", ("steps", "c", "after", "d"))


def test_data_called_like_a_step_is_not_the_step():
    text = "{data: {a: {type: path, location: x/}}, steps: {a: {script: a.py}, "
    assert codes("azureml-v2", text + "b: {script: a.py, inputs: {a: a}, after: a}}}") == [
        "order-only"
    ]


def test_a_datastore_without_a_stand_in_is_told_once():
    data = "a: {type: path, location: a/}, b: {type: path, location: b/}, "
    data += "c: {type: path, location: c/, upload: x}, d: {type: dataset, name: d, version: 1}"
    step = "{script: a.py, inputs: {a: a, b: b, c: c, d: d}}"
    (found,) = findings("local", f"{{data: {{{data}}}, steps: {{a: {step}}}}}")
    assert (found.code, found.label) == ("no-stand-in", "data 'a' lies there, and 1 more")


def test_data_that_no_step_reads_needs_no_stand_in():
    assert codes("local", "data: {a: {type: path, location: a/}}") == []


def test_an_output_of_the_pipeline_is_a_path_on_sdk_v1():
    text = "{steps: {a: {script: a.py, outputs: {x: {type: %s}}}}, outputs: {x: a.x, y: a.x}}"
    assert codes("azureml", text % "path") == ["exported-twice"]
    assert codes("azureml", text % "directory") == ["export-not-path", "export-not-path"]
    assert codes("azureml-v2", text % "directory") == []


@pytest.mark.parametrize(
    ("given", "arguments", "expected"),
    [
        ("{from: d, mode: direct}", "[]", ["input-not-told"]),
        ("{from: d, at: /mnt/d}", "[]", ["input-not-told"]),
        ("{from: d, at: /mnt/d}", "['${inputs.d}']", []),
        ("d", "[]", []),
    ],
)
def test_here_a_script_learns_of_its_inputs_by_arguments(
    given: str, arguments: str, expected: list[str]
):
    here = "local: {datastores: {workspaceblobstore: x}}"
    data = "data: {d: {type: directory, location: x/}}"
    step = f"{{script: a.py, inputs: {{d: {given}}}, arguments: {arguments}}}"
    assert codes("local", f"{{{here}, {data}, steps: {{a: {step}}}}}") == expected
