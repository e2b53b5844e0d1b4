"""The mistakes that SDK v1 lets through, and what becomes of each when it is written in a spec.

A mistake is refused with a diagnostic before anything is sent, shown as a hint, or cannot be made:
then what is sent for the spec that tries shows the right thing instead.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from backends.azureml.offline import Catalogue, Sent, needs_sdk, send, spec_of

from amlshare import commands
from amlshare.backends.interface import BackendError
from amlshare.commands import Request, UsageError

pytestmark = needs_sdk
DAYS = "data: {days: {type: directory, location: raw/}}\n"


class Refused(NamedTuple):
    """`check` finds an error with this code, and no other."""

    code: str


class Hinted(NamedTuple):
    """`check` shows a hint with this code, and finds no error."""

    code: str


Sends = Callable[[Sent], bool]
"""The spec can be written, and this holds of what is sent for it."""


class Row(NamedTuple):
    mistake: str
    outcome: Refused | Hinted | Sends
    spec: str


def registered(sent: Sent) -> bool:
    return bool(sent.output("a", "o")["DatasetRegistration"]["Name"] == "kept")


def placed_at(sent: Sent) -> bool:
    return bool(sent.output("a", "o")["DatasetOutputOptions"]["PathOnDatastore"] == "kept/x/")


def reference_is_a_word(sent: Sent) -> bool:
    literal = [word for word in sent.words("a") if not word.startswith(("Output:", "Parameter:"))]
    return (
        {"Output:o", "Parameter:year"} <= set(sent.words("a"))
        and literal[0::2] == ["--amlshare", "--"]
        and "AZUREML_DATAREFERENCE" not in sent.text
        and "PipelineParameter_Name" not in sent.text
    )


def both_read(sent: Sent) -> bool:
    expected = {"days": ("mount", None)}
    words = ["--in", "DatasetConsumptionConfig:days"]
    return all(
        (sent.modes(step), sent.words(step)) == (expected, words) and sent.source(step, "days")
        for step in ("a", "b")
    )


def own_inputs(sent: Sent) -> bool:
    return sent.modes("a").keys() == {"days", "o"} and sent.modes("b").keys() == {"days", "p"}


def dataset_parameter(sent: Sent) -> bool:
    definition = sent.source("a", "days")["DataSetDefinition"]
    return (
        definition["ParameterName"] == "days"
        and sent.words("a") == ["DatasetConsumptionConfig:days"]
        and sent.modes("a") == {"days": ("download", None)}
        and "days" in sent.body["assigned"]
    )


def path_parameter(sent: Sent) -> bool:
    return (
        sent.source("a", "days") == {"DataPathParameterName": "days"}
        and sent.modes("a") == {"days": ("download", None)}
        and sent.words("a") == ["Input:days"]
    )


def one_target(sent: Sent) -> bool:
    # `local` is what every RunConfiguration says; the module's own setting is what counts
    return (sent.settings("a")["Target"], sent.run("a")["target"]) == ("cpu", "local")


def nothing_but_the_wrapper(sent: Sent) -> bool:
    # the same step with other files in the working directory: see test_two_builds
    return sent.settings("a")["Script"] == "amlshare_step.py"


def text_parameter(sent: Sent) -> bool:
    text = "3"
    (found,) = sent.body["interface"]["Parameters"]
    return (found["Type"], found["DefaultValue"]) == (text, "true")


def path_on_compute(sent: Sent) -> bool:
    return sent.modes("a") == {"o": ("upload", "/tmp/amlshare/a/o")}


def one_name(sent: Sent) -> bool:
    return (
        sent.modes("a").keys() == {"o"}
        and sent.words("a") == ["Output:o"]
        and sent.output("a", "o")["DataReferenceName"] == "o"
        and sent.source("b", "days") == "a.o"
    )


def late_bound(sent: Sent) -> bool:
    reference = sent.source("a", "days")["DataSetDefinition"]["Value"]["DataSetReference"]
    return "Version" not in reference and reference["Name"] == "kept"


def pinned(sent: Sent) -> bool:
    reference = sent.source("a", "days")["DataSetDefinition"]["Value"]["DataSetReference"]
    return bool(reference["Version"] == "7")


def mounted(sent: Sent) -> bool:
    return sent.modes("a") == {"days": ("mount", None)}


def own_environment(sent: Sent) -> bool:
    run = sent.run("a")
    image = run["environment"]["docker"]["baseImage"]
    return (image, run["docker"]["useDocker"]) == ("python:3.11.4", True)


STEP = "steps: {a: {script: a.py}}"
READS = DAYS + "steps: {a: {script: a.py, inputs: {days: %s}, arguments: ['${inputs.days}']}}"
WRITES = "steps: {a: {script: a.py, outputs: {o: %s}, arguments: ['${outputs.o}']}}"
PARALLEL = """
data: {days: {type: directory, location: raw/}}
steps: {a: {parallel: {script: a.py, over: days}, inputs: {days: days}, arguments: %s}}
"""
KEPT = """
data: {days: {type: dataset, name: kept, version: %s}}
steps: {a: {script: a.py, inputs: {days: days}, arguments: ['${inputs.days}']}}
"""

ROWS = [
    Row(
        "1 destination as a list",
        Refused("wrong-type"),
        WRITES % "{type: directory, location: [lake, kept/x/], overwrite: true}",
    ),
    Row(
        "1 the path of a destination is dropped",
        placed_at,
        WRITES % "{type: directory, location: kept/x/, overwrite: true}",
    ),
    Row(
        "2 unknown placeholder",
        Refused("unknown-placeholder"),
        WRITES % '{type: directory, location: "kept/{date}/{run-id}/"}',
    ),
    Row(
        "2 absolute destination",
        Refused("absolute-location"),
        WRITES % '{type: directory, location: "/kept/{run-id}/"}',
    ),
    Row(
        "3 two outputs with one destination",
        Refused("shared-location"),
        """
        steps:
          a:
            script: a.py
            outputs:
              o: {type: directory, location: kept/, overwrite: true}
              p: {type: directory, location: kept, overwrite: true}
            arguments: ["${outputs.o}", "${outputs.p}"]
        """,
    ),
    Row(
        "3 two outputs that register one name",
        Refused("shared-registration"),
        """
        steps:
          a:
            script: a.py
            outputs:
              o: {type: dataset, name: kept}
              p: {type: dataset, name: kept}
            arguments: ["${outputs.o}", "${outputs.p}"]
        """,
    ),
    Row(
        "4 the result of register_on_complete is ignored",
        registered,
        WRITES % "{type: dataset, name: kept, mode: upload}",
    ),
    Row(
        "5 f-strings around SDK objects",
        reference_is_a_word,
        """
        parameters: {year: 2014}
        steps:
          a:
            script: a.py
            outputs: [o]
            arguments: ["--out=${outputs.o}/sub", "year=${parameters.year}"]
        """,
    ),
    Row(
        "5 the same in a parallel step",
        Refused("parallel-reference"),
        """
        data: {days: {type: directory, location: raw/}}
        steps:
          a:
            parallel: {script: a.py, over: days}
            inputs: {days: days}
            outputs: [o]
            arguments: ["--out=${outputs.o}/sub"]
        """,
    ),
    Row(
        "6 arguments in one text",
        Refused("wrong-type"),
        "steps: {a: {script: a.py, arguments: '--a b'}}",
    ),
    Row(
        "7 None, bool and number literals",
        lambda sent: sent.words("a") == ["--flag", "--number", "2.5", "--text", "true"],
        """
        steps:
          a:
            script: a.py
            arguments: {--nothing: null, --flag: true, --off: false, --number: 2.5, --text: "true"}
        """,
    ),
    Row(
        "7 None in a list",
        Refused("wrong-type"),
        "steps: {a: {script: a.py, arguments: [--x, null]}}",
    ),
    Row(
        "7 bytes",
        Refused("unknown-tag"),
        "steps: {a: {script: a.py, arguments: [!!binary aGVsbG8=]}}",
    ),
    Row(
        "8 one arguments list for two steps",
        both_read,
        """
        data: {days: {type: directory, location: raw/}}
        steps:
          a: {script: a.py, inputs: {days: days}, arguments: &words [--in, "${inputs.days}"]}
          b: {script: a.py, inputs: {days: days}, arguments: *words}
        """,
    ),
    Row(
        "9 one inputs list for two steps",
        own_inputs,
        """
        data: {days: {type: directory, location: raw/}}
        steps:
          a:
            script: a.py
            inputs: &read {days: days}
            outputs: [o]
            arguments: ["${inputs.days}", "${outputs.o}"]
          b:
            script: a.py
            inputs: *read
            outputs: [p]
            arguments: ["${inputs.days}", "${outputs.p}"]
        """,
    ),
    Row(
        "10 a dataset as a parameter, straight in the arguments",
        dataset_parameter,
        """
        data: {days: {type: directory, location: raw/, parameter: true}}
        steps:
          a:
            script: a.py
            inputs: {days: {from: days, mode: download}}
            arguments: ["${inputs.days}"]
        """,
    ),
    Row(
        "10 the same, as a parameter of the pipeline",
        Refused("unknown-reference"),
        """
        data: {days: {type: directory, location: raw/, parameter: true}}
        steps: {a: {script: a.py, arguments: ["${parameters.days}"]}}
        """,
    ),
    Row(
        "11 a DataPath parameter without a DataPathComputeBinding",
        path_parameter,
        """
        data: {days: {type: path, location: raw/, parameter: true}}
        steps:
          a:
            script: a.py
            inputs: {days: {from: days, mode: download}}
            arguments: ["${inputs.days}"]
        """,
    ),
    Row(
        "12 no compute target",
        Refused("missing-compute"),
        "defaults: {environment: python, code: code}\n" + STEP,
    ),
    Row(
        "13 a RunConfiguration with another target",
        one_target,
        STEP,
    ),
    Row(
        "14 an absolute script",
        Refused("script-outside"),
        "steps: {a: {script: /opt/a.py}}",
    ),
    Row(
        "14 a script outside of the code folder",
        Refused("script-outside"),
        "steps: {a: {script: ../a.py}}",
    ),
    Row(
        "14 a script that is ignored",
        Refused("script-ignored"),
        "steps: {a: {script: ignored.py}}",
    ),
    Row(
        "15 a script without a folder",
        Refused("missing-code"),
        "defaults: {environment: python, compute: cpu}\n" + STEP,
    ),
    Row(
        "15 a command without a folder",
        nothing_but_the_wrapper,
        "steps: {a: {command: 'echo $HOME', code: none}}",
    ),
    Row(
        "16 two steps of one name", Refused("duplicate-key"), "steps: {a: &a {script: a.py}, a: *a}"
    ),
    Row("16 an empty name", Refused("bad-step-name"), 'steps: {"": {script: a.py}}'),
    Row("16 an empty pipeline", Refused("no-steps"), "steps: {}"),
    Row(
        "17 a blank in a parameter's name",
        Refused("bad-name"),
        "parameters: {two words: 2}\n" + STEP,
    ),
    Row(
        "17 unicode in a registration",
        Refused("bad-dataset-name"),
        WRITES % "{type: dataset, name: modèle}",
    ),
    Row(
        "17 a blank in an alias",
        Refused("bad-name"),
        WRITES % "{}" + "\noutputs: {my output: a.o}",
    ),
    Row(
        "18 an input and an output of one name",
        Refused("input-output-clash"),
        """
        data: {days: {type: directory, location: raw/}}
        steps:
          a:
            script: a.py
            inputs: {days: days}
            outputs: {days: {}}
            arguments: ["${inputs.days}", "${outputs.days}"]
        """,
    ),
    Row(
        "19 a bool parameter is an Int",
        text_parameter,
        """
        parameters: {strict: true}
        steps: {a: {script: a.py, arguments: ["${parameters.strict}"]}}
        """,
    ),
    Row(
        "20 a run of what is published has an unknown parameter",
        Refused("unknown-parameter"),
        "schedules: {s: {every: day, parameters: {yaer: 1}}}\n" + STEP,
    ),
    Row(
        "20 a run of what is published has a parameter of the wrong type",
        Refused("parameter-type"),
        """
        parameters: {year: 2014}
        steps: {a: {script: a.py, arguments: ["${parameters.year}"]}}
        schedules: {s: {every: day, parameters: {year: last}}}
        """,
    ),
    Row(
        "21 upload without a path on the compute target", path_on_compute, WRITES % "{mode: upload}"
    ),
    Row(
        "22 output_name is not name",
        one_name,
        """
        steps:
          a: {script: a.py, outputs: {o: {}}, arguments: ["${outputs.o}"]}
          b: {script: a.py, inputs: {days: a.o}, arguments: ["${inputs.days}"]}
        """,
    ),
    Row(
        "23 disable_metadata_cache",
        Refused("unknown-key"),
        WRITES % "{type: directory, mode: mount, disable_metadata_cache: true}",
    ),
    Row(
        "24 the latest version is the one when the pipeline was built", late_bound, KEPT % "latest"
    ),
    Row("24 a version that is meant to stay", pinned, KEPT % "7"),
    Row(
        "24 the latest version as a parameter",
        Refused("late-bound-parameter"),
        KEPT % "latest, parameter: true",
    ),
    Row("25 an unused output", Hinted("unused-output"), WRITES % "{}"),
    Row(
        "25 an unused parameter",
        Hinted("unused-parameter"),
        "parameters: {year: 2014}\n" + STEP,
    ),
    Row("26 hdfs", Refused("unknown-value"), READS % "{from: days, mode: hdfs}"),
    Row(
        "snippet: datastore.path('x').as_input()",
        mounted,
        READS.replace("directory", "path") % "days",
    ),
    Row(
        "snippet: a DataReference as destination",
        Refused("wrong-type"),
        WRITES % "{type: directory, datastore: {from: days}}",
    ),
    Row(
        "snippet: RunConfiguration() without an environment",
        Refused("missing-environment"),
        "defaults: {compute: cpu, code: code}\n" + STEP,
    ),
    Row(
        "snippet: RunConfiguration() without Docker",
        own_environment,
        STEP,
    ),
    Row("snippet: DatasetConsumptionConfig is direct by itself", mounted, READS % "days"),
    Row(
        "further: a parameter that replaces a setting of the SDK",
        Refused("reserved-parameter"),
        """
        parameters: {Target: gpu}
        steps: {a: {script: a.py, arguments: ["${parameters.Target}"]}}
        """,
    ),
    Row(
        "further: a word that is replaced",
        Refused("magic-word"),
        "steps: {a: {script: a.py, arguments: ['DatasetConsumptionConfig:days']}}",
    ),
    Row(
        "further: a word that is replaced by a parameter's value, and what follows is lost",
        Refused("magic-word"),
        """
        parameters: {year: 2014}
        steps:
          a: {script: a.py, arguments: ["parameter:yearparameter:x", "${parameters.year}"]}
        """,
    ),
    Row(
        "further: a flag that makes a parallel step forget its data",
        Refused("parallel-flag"),
        PARALLEL % "{--rank: 2}",
    ),
    Row(
        "further: a flag that ends the program that builds the pipeline",
        Refused("parallel-flag"),
        PARALLEL % "[-h]",
    ),
    Row(
        "further: a port that is left out",
        Refused("port-name"),
        "steps: {a: {script: a.py, outputs: [_run_after_o], "
        "arguments: ['${outputs._run_after_o}']}}",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.mistake for row in ROWS])
def test_a_mistake_is_refused_or_shown_or_cannot_be_made(row: Row, tmp_path: Path):
    spec = spec_of(tmp_path, row.spec)
    (tmp_path / "code/.amlignore").write_text("ignored.py\n")
    found = commands.check([str(spec)], Request(spec=str(spec)))
    errors = {each.code for each in found if each.severity == "error"}
    match row.outcome:
        case Refused(code):
            assert errors == {code}
        case Hinted(code):
            assert errors == set()
            assert code in {each.code for each in found if each.severity == "hint"}
        case holds:
            assert errors == set()
            assert holds(send(tmp_path, row.spec))


def test_every_one_of_the_27_mistakes_has_a_row():
    numbers = {row.mistake.split()[0] for row in ROWS} - {"snippet:", "further:"}
    in_the_workspace = {"27"}
    assert numbers | in_the_workspace == set(map(str, range(1, 28)))


def test_27_an_output_goes_to_blob_storage_or_nothing_is_sent(tmp_path: Path):
    text = WRITES % "{datastore: files}"
    with pytest.raises(BackendError, match=r"output 'a\.o' goes to datastore 'files'"):
        send(tmp_path, text, Catalogue(datastores={"files": "file"}))


@pytest.mark.parametrize("given", ["yaer=1", "year=last", "year"])
def test_20_a_run_gets_no_parameter_that_is_unknown_or_of_another_type(tmp_path: Path, given: str):
    text = """
        parameters: {year: 2014}
        steps: {a: {script: a.py, arguments: ["${parameters.year}"]}}
    """
    with pytest.raises(UsageError, match="-p"):
        commands.plan(Request(spec=str(spec_of(tmp_path, text)), parameters=(given,)))


def test_15_what_lies_in_the_working_directory_is_no_part_of_a_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = "steps: {a: {command: 'echo $HOME', code: none}}"
    hashes = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "large.bin").write_text(name)
        monkeypatch.chdir(tmp_path / name)
        hashes.append(send(tmp_path, text).module("a")["IdentifierHash"])
    assert hashes[0] == hashes[1]


def test_7_no_literal_is_the_name_of_a_python_object(tmp_path: Path):
    sent = send(tmp_path, "steps: {a: {script: a.py, arguments: [true, 1, 1.5, 0x1F, on, '']}}")
    assert sent.words("a") == ["true", "1", "1.5", "0x1F", "on", ""]
