"""Plans in the terms of this machine."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backends.local.plans import Project, command, data, output, reading, script, step

from amlshare import commands
from amlshare.backends.local import to_job
from amlshare.pipeline import Parallel, Parameter
from amlshare.references import Reference

SPECS = Path(__file__).parents[3] / "specs"
_DIGEST = re.compile(r'"([0-9a-f]{64}|[0-9a-f]{16})"')


@pytest.mark.parametrize("name", ["flights", "path", "directory", "dataset"])
def test_every_example_has_its_job(golden: Callable[[str, str], None], name: str) -> None:
    plan = commands.plan(commands.Request(spec=str(SPECS / f"{name}.yaml"), backend="local"))
    text = json.dumps(to_job(plan), indent=1, ensure_ascii=False)
    # scripts and data change more often than what is made of them
    golden(_DIGEST.sub('"DIGEST"', text) + "\n", f"backends/local/golden/{name}.job.json")


def one(job: dict[str, Any], name: str) -> dict[str, Any]:
    return next(step for step in job["steps"] if step["name"] == name)


def test_a_job_is_the_same_each_time_and_survives_json(project: Project) -> None:
    project.write("code/x.py", "")
    plan = project.plan(script("a", "x.py", "${outputs.o}", writes=["o"]))
    job = to_job(plan)
    assert to_job(plan) == job
    assert json.loads(json.dumps(job)) == job
    assert str(project.base) not in json.dumps(job)


def test_parameters_are_put_in_and_inputs_stay_to_be_filled(project: Project) -> None:
    project.parameters = [
        Parameter(name="on", type="boolean", value=True),
        Parameter(name="text", type="string", value="it's"),
        Parameter(name="n", type="integer", value=3),
    ]
    project.write("code/x.py", "")
    run = Parallel(file="x.py", over="raw", mini_batch=Reference("parameter", "n"))
    job = to_job(
        project.plan(
            script("a", "x.py", "${parameters.on}", "--n=${parameters.n}", "${outputs.o}",
                   writes=["o"]),
            command("b", "echo ${parameters.text} ${inputs.o}", reads=["a.o"]),
            step("c", run, reads=["raw"], code="code"),
            data=[data("raw", "raw", partitions="{a}/{b}")],
        )
    )  # fmt: skip
    assert one(job, "a")["run"]["arguments"] == ["true", "--n=3", "${outputs.o}"]
    assert one(job, "b")["run"]["line"] == (
        """amlshare_parameter_text='it'"'"'s'; echo "$${amlshare_parameter_text}" ${inputs.o}"""
    )
    assert one(job, "c")["run"]["mini_batch"] == 3
    assert one(job, "c")["partitions"] == "{a}/{b}"


def test_what_is_here_is_mounted_and_what_is_elsewhere_fetched(project: Project) -> None:
    project.local = {
        "datastores": {"near": "data", "file": "file:///x", "far": "az://container"},
        "datasets": {"names": "https://example.com/names.csv"},
    }
    given = [data(name, "x", datastore=name) for name in ("near", "file", "far", "nowhere")]
    given.append(data("names", "x", type="dataset", dataset="names", datastore=None))
    reads = [reading(each.name) for each in given]
    reads += [
        reading("far", name="direct", mode="direct"),
        reading("near", name="t", format="table"),
    ]
    job = to_job(project.plan(command("a", "true", reads=reads), data=given))
    assert {each["name"]: each["mode"] for each in one(job, "a")["inputs"]} == {
        "near": "mount", "file": "mount", "far": "download", "nowhere": "mount",
        "names": "download", "direct": "direct", "t": "direct",
    }  # fmt: skip


def test_what_a_step_wrote_elsewhere_is_fetched(project: Project) -> None:
    project.local = {"datastores": {"far": "az://container"}}
    job = to_job(
        project.plan(
            command("a", "true", writes=[output("o", datastore="far")]),
            command("b", "true", reads=["a.o"]),
        )
    )
    assert one(job, "b")["inputs"][0]["mode"] == "download"


def test_hints_titles_and_places_on_the_compute_are_no_part_of_a_job(project: Project) -> None:
    plain = project.plan(command("a", "true", reads=["raw"]), data=[data("raw", "x")])
    told = project.plan(
        command("a", "true", reads=[reading("raw", at="/mnt")], title="T", description="D"),
        data=[data("raw", "x", size=5, files=1)],
    )
    assert one(to_job(told), "a")["inputs"] == one(to_job(plain), "a")["inputs"]
    assert to_job(told)["data"] == to_job(plain)["data"]


def test_a_selection_names_its_steps_in_run_order(project: Project) -> None:
    steps = [command(name, "true") for name in "abc"]
    assert to_job(project.plan(*steps))["selected"] == ["a", "b", "c"]
    assert to_job(project.plan(*steps, selected=["c", "a"]))["selected"] == ["a", "c"]


def over(project: Project, source: str, unit: str, **more: Any) -> dict[str, Any]:
    """The parallel step over an input of the datastore that is elsewhere, or of the one here."""
    project.local = {"datastores": {"near": "data", "far": "https://example.com/x/*.csv"}}
    project.write("code/x.py", "")
    run = Parallel(file="x.py", over=source, batch_unit=unit, partition_by=("user",))
    kept = data(source, "raw", datastore=source, partitions=more.pop("partitions", None))
    read = reading(source, **more)
    plan = project.plan(step("p", run, reads=[read], code="code"), data=[kept])
    return one(to_job(plan), "p")


def test_how_files_are_cut_into_partitions_decides_about_reuse(project: Project) -> None:
    one, other = (
        over(project, "near", "files", partitions=partitions)["key"]
        for partitions in ("{user}/{day}.csv", "{day}/{user}.csv")
    )
    assert {part for part in one if one[part] != other[part]} == {"cut"}


@pytest.mark.parametrize("unit", ["files", "bytes"])
def test_a_table_to_be_cut_into_rows_is_brought_here(project: Project, unit: str) -> None:
    far = over(project, "far", unit, format="table")
    near = over(project, "near", unit, format="table", mode="direct")
    assert (far["inputs"][0]["mode"], far["rows"]) == ("download", True)
    assert (near["inputs"][0]["mode"], near["rows"]) == ("mount", True)
