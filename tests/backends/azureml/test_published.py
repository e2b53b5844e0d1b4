"""A spec is compared with what is published of it, through the command and the stock SDK."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
EVERYTHING = Path(__file__).parent / "everything"


def diffed(flights: Any, *options: str) -> dict[str, Any]:
    """The diff of the spec with what is published, as JSON."""
    done = flights.run(
        "diff", "flights.yaml", "--against", "published", "--format", "json", *options
    )
    assert done.exit_code == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def impacts(shown: dict[str, Any]) -> dict[str, str]:
    return {change["name"]: change["impact"] for change in shown["changes"]}


def test_what_was_just_published_does_not_differ(flights: Any) -> None:
    flights.submitted("--publish")
    done = flights.run("diff", "flights.yaml", "--exit-code")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(
        "No differences: flights.yaml is the same as the published pipeline"
    )
    assert done.stderr == ""
    assert not flights.workspace.refused


def test_one_changed_thing_is_shown_with_what_it_feeds(flights: Any) -> None:
    flights.submitted("--publish")
    flights.write(replaced=("inputs: {raw: raw}", "inputs: {raw: {from: raw, mode: download}}"))
    shown = diffed(flights)
    assert impacts(shown) == {"clean": "changed", "train": "downstream"}
    assert shown["changes"][0]["fields"] == [
        {"field": "inputs.raw.mode", "before": "mount", "after": "download"}
    ]
    assert flights.run("diff", "flights.yaml", "--exit-code").exit_code == 4


def test_edited_code_is_a_change_of_the_steps_that_run_it(flights: Any) -> None:
    flights.submitted("--publish")
    (flights.folder / "code" / "train.py").write_text("print('otherwise')\n", encoding="utf-8")
    shown = diffed(flights)
    assert impacts(shown) == {"train": "changed"}
    assert [each["field"] for each in shown["changes"][0]["fields"]] == ["code"]
    assert "the code folder 'code'" in shown["notes"][0]


def test_where_nothing_is_published_it_says_so(flights: Any) -> None:
    done = flights.run("diff", "flights.yaml")
    assert done.exit_code == 1
    assert "no pipeline called 'flights' is published" in done.stderr


def test_what_another_target_published_is_not_compared_with(flights: Any) -> None:
    flights.write("targets: {prod: {parameters: {least: 9}}}\n")
    flights.submitted("--publish", "--target", "prod")
    assert diffed(flights, "--target", "prod")["changes"] == []
    done = flights.run("diff", "flights.yaml")
    assert "no pipeline called 'flights' is published" in done.stderr


def test_the_newest_is_compared_with_unless_an_endpoint_runs_another(flights: Any) -> None:
    flights.submitted("--publish", "--endpoint", "live")
    flights.write(replaced=("least: 3", "least: 4"))
    flights.submitted("--publish")
    assert diffed(flights)["changes"] == []
    flights.write("publish: {endpoint: live}\n", replaced=("least: 3", "least: 4"))
    assert impacts(diffed(flights)) == {
        "least": "changed",
        "clean": "downstream",
        "train": "downstream",
    }


def test_after_going_back_it_is_compared_with_what_is_published_already(flights: Any) -> None:
    for least in ("least: 3", "least: 4", "least: 3"):
        flights.write(replaced=("least: 3", least))
        last = flights.submitted("--publish")["published"]
    assert not last["created"]
    done = flights.run("diff", "flights.yaml", "--exit-code")
    assert (done.exit_code, last["id"] in done.stdout) == (0, True)


LATEST = ("{image: mcr.microsoft.com/azureml/base:1}", "{registered: shared, version: latest}")


def test_a_new_version_of_an_environment_is_published_anew(flights: Any, workspace: Any) -> None:
    workspace.add_environment("shared", "3")
    flights.write(replaced=LATEST)
    flights.submitted("--publish")
    assert not flights.submitted("--publish")["published"]["created"]
    assert diffed(flights) == {**diffed(flights), "changes": [], "notes": []}
    workspace.add_environment("shared", "4")
    assert diffed(flights)["changes"][0]["fields"] == [
        {"field": "version", "before": "3", "after": "4"}
    ]
    assert flights.submitted("--publish")["published"]["created"]
    assert diffed(flights)["changes"] == []


def test_where_the_service_keeps_no_properties_the_code_is_not_compared(flights: Any) -> None:
    flights.submitted("--publish")
    for entity in flights.workspace.published.values():
        entity["Properties"] = {}
    (flights.folder / "code" / "train.py").write_text("print('otherwise')\n", encoding="utf-8")
    shown = diffed(flights)
    assert shown["changes"] == []
    assert shown["notes"] == [
        "the code could not be compared: the published pipeline does not say what it was"
    ]


def test_schedules_are_compared_in_words(flights: Any) -> None:
    nightly = 'schedules: {nightly: {every: "2 days", at: "22:30", parameters: {least: 4}}}\n'
    flights.write(nightly)
    flights.submitted("--publish")
    assert diffed(flights)["changes"] == []
    flights.write(nightly.replace("22:30", "23:30"))
    (change,) = diffed(flights)["changes"]
    assert (change["kind"], change["impact"]) == ("pipeline", "changed")
    (field,) = change["fields"]
    assert field["field"] == "schedules.nightly"
    assert field["before"] == "every 2 days at 22:30 UTC, experiment flights, least=4"
    assert field["after"] == "every 2 days at 23:30 UTC, experiment flights, least=4"


def test_a_schedule_that_was_changed_by_hand_is_shown_as_it_is_there(flights: Any) -> None:
    flights.write('schedules: {nightly: {every: day, at: "22:30"}}\n')
    flights.submitted("--publish")
    (entity,) = flights.workspace.schedules.values()
    entity["Recurrence"]["Schedule"]["Hours"] = [4]
    (change,) = diffed(flights)["changes"]
    assert change["fields"] == [
        {
            "field": "schedules.nightly",
            "before": "every day at 04:30 UTC, experiment flights",
            "after": "every day at 22:30 UTC, experiment flights",
        }
    ]


def test_what_only_the_publishing_command_said_is_told(flights: Any) -> None:
    flights.submitted("--publish", "--continue-on-step-failure", "-p", "least=7")
    notes = diffed(flights)["notes"]
    assert "give the same -p here" in notes[0]
    assert "--continue-on-step-failure" in notes[1]


def test_what_it_cannot_read_it_names(flights: Any) -> None:
    flights.submitted("--publish")
    for graph in flights.workspace.graphs.values():
        for node in graph["Graph"]["ModuleNodes"]:
            node["Runconfig"] = "no JSON"
    done = flights.run("diff", "flights.yaml")
    assert done.exit_code == 1
    assert "holds what amlshare does not know" in done.stderr


def test_a_value_that_is_given_is_compared_as_it_would_be_published(flights: Any) -> None:
    flights.submitted("--publish", "-p", "least=7")
    assert impacts(diffed(flights))["least"] == "changed"
    assert diffed(flights, "-p", "least=7")["changes"] == []


def test_a_diff_changes_nothing_in_the_workspace(flights: Any) -> None:
    flights.submitted("--publish")
    asked = len(flights.workspace.requests)
    diffed(flights)
    made = flights.workspace.requests[asked:]
    assert {each.method for each in made if each.host != "login.microsoftonline.com"} == {"GET"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--backend", "local"), "nothing is published with `--backend local`"),
        (("--select", "train"), "take --select and --exclude out"),
        (("--against", "main"), "is none of last, published, a revision that git knows here"),
    ],
)
def test_what_cannot_be_compared_is_wrong_usage(
    flights: Any, options: tuple[str, ...], said: str
) -> None:
    done = flights.run("diff", "flights.yaml", *options)
    assert done.exit_code == 2
    assert said in done.stderr


class Examples:
    """The specs of the repository in a folder of their own, and the workspace that they name."""

    def __init__(self, folder: Path, workspace: Any, command: Any) -> None:
        self._workspace, self._command = workspace, command
        for name in ("specs", "scripts"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copytree(EVERYTHING, folder / "everything")
        workspace.add_compute("cpu-cluster")
        for name, version in (("hourly_weather", 1), ("airports", 3), ("known airlines", 7)):
            workspace.add_dataset(name, version)
        workspace.add_dataset("carriers", 4)

    def run(self, *arguments: str) -> Any:
        return self._command(*arguments, env=self._workspace.environment)

    def publish_and_compare(self, spec: str) -> str:
        done = self.run("submit", spec, "--publish")
        assert done.exit_code == 0, done.stderr
        done = self.run("diff", spec)
        assert done.exit_code == 0, done.stderr
        return str(done.stdout)


@pytest.mark.parametrize("name", ["flights", "dataset"])
def test_a_published_example_does_not_differ(
    name: str, tmp_path: Path, workspace: Any, amlshare: Any
) -> None:
    examples = Examples(tmp_path, workspace, amlshare)
    assert examples.publish_and_compare(f"specs/{name}.yaml").startswith("No differences: ")


@pytest.mark.usefixtures("azurite")
@pytest.mark.parametrize("name", ["path", "directory"])
def test_neither_does_one_that_uploads_its_data(
    name: str, tmp_path: Path, workspace: Any, amlshare: Any
) -> None:
    examples = Examples(tmp_path, workspace, amlshare)
    assert examples.publish_and_compare(f"specs/{name}.yaml").startswith("No differences: ")


def test_a_pipeline_with_every_construct_does_not_differ(
    tmp_path: Path, workspace: Any, amlshare: Any
) -> None:
    examples = Examples(tmp_path, workspace, amlshare)
    for name in ("edge-cluster", "my-box"):
        workspace.add_compute(name)
    for name in ("lake", "other"):
        workspace.add_datastore(name, "account", "box", "a2V5")
    workspace.add_dataset("routes", 2, "tabular")
    workspace.add_dataset("airlines", 1, "tabular")
    for name, version in (("AzureML-sklearn", "12"), ("shared", "3")):
        workspace.add_environment(name, version)
    spec = tmp_path / "everything" / "everything.yaml"
    text = spec.read_text("utf-8").replace(", kind: kubernetes", "").replace(", kind: instance", "")
    spec.write_text(text, "utf-8")
    said = examples.publish_and_compare("everything/everything.yaml")
    assert said.startswith("No differences: ")


def test_two_targets_of_a_spec_are_not_mixed_up(flights: Any) -> None:
    flights.write("publish: {endpoint: ours}\ntargets: {prod: {parameters: {least: 9}}}\n")
    flights.submitted("--publish")
    other = flights.run("diff", "flights.yaml", "--against", "published", "--target", "prod")
    assert "is published for target 'prod'" in other.stderr
    taken = flights.submitted("--publish", "--target", "prod")["notes"]
    assert any("served the spec without a target" in note for note in taken), taken
    for words in ((), ("--target", "prod")):
        done = flights.run("diff", "flights.yaml", "--against", "published", *words)
        assert done.stdout.startswith("No differences"), done.stdout
