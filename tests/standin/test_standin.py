"""The stand-in against the unmodified SDK, in a process that gets environment variables only."""

from __future__ import annotations

import copy
import importlib.util
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import clean_environment

from standin import swagger
from standin.routes import REGION, ROUTES, WS

HERE = Path(__file__).parent


def _has(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.fixture(autouse=True)
def _plain_requests(monkeypatch):
    """The product's own sending, which another test may have put in place here, is left out."""
    from requests.adapters import HTTPAdapter

    monkeypatch.setattr(HTTPAdapter, "send", inspect.unwrap(HTTPAdapter.send))


@pytest.fixture(scope="module")
def _sdk():
    if not _has("azureml.pipeline.core"):
        pytest.skip("azureml-pipeline-core is not installed, as on 3.12")


@pytest.fixture(scope="module")
def tell(tmp_path_factory):
    """Run stories of with_sdk.py in one process, and give what the SDK said in each."""

    def run(workspace, *stories, **env):
        if set(stories) - {"get"} and not _has("azureml.pipeline.steps"):
            pytest.skip("azureml-pipeline-steps cannot be installed for this Python")
        process = subprocess.run(
            [sys.executable, HERE / "with_sdk.py", *stories],
            env=clean_environment() | workspace.environment | env,
            cwd=tmp_path_factory.mktemp("sdk"),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert process.returncode == 0, process.stderr
        return json.loads(process.stdout)

    return run


def furnish(workspace):
    workspace.add_compute("cpu-cluster")
    workspace.add_dataset("airports", 3, path="raw/airports.csv")
    workspace.add_environment("python", "2")


@pytest.fixture(scope="module")
def lived(service, tell, tmp_path_factory):
    """A workspace in which the SDK has done all that it can, and what the SDK said."""
    with service.workspace(tmp_path_factory.mktemp("home")) as workspace:
        furnish(workspace)
        (said,) = tell(workspace, "everything")
        assert "raised" not in said, said
        yield workspace, said


def test_a_run_is_seen_to_run_and_then_to_finish(lived):
    _, said = lived
    assert said["seen"] == ["Running", "Finished"]
    assert {name: step[0] for name, step in said["steps"].items()} == {
        "clean": "Finished",
        "train": "Finished",
    }


def test_the_log_of_a_step_is_read_through_its_link(lived):
    _, said = lived
    status, printed, details = said["steps"]["clean"]
    assert (status, printed) == ("Finished", "clean: done\n")
    assert details["logFiles"]["user_logs/std_log.txt"] == "clean: done\n"


def test_a_finished_step_has_registered_what_it_made(lived):
    workspace, said = lived
    assert (said["registered"], len(workspace.datasets["delays"])) == (1, 2)
    assert workspace.datasets["delays"][0]["tags"] == {"stage": "new"}


def test_a_run_is_found_by_its_tags(lived):
    workspace, said = lived
    first = next(iter(workspace.runs))
    assert said["found"] == [[first], []]
    assert workspace.runs[first].entity["ParameterAssignments"] == {"rate": "7"}


def test_snapshots_keep_the_bytes_of_every_file(lived):
    workspace, _ = lived
    (snapshot,) = workspace.snapshots.values()
    assert snapshot.files == {
        "clean.py": b"print('clean.py')\n",
        "train.py": b"print('train.py')\n",
    }


def test_what_is_published_scheduled_and_disabled_is_kept(lived):
    workspace, said = lived
    assert said["runs"] == ["Finished", "Canceled"]
    assert (said["published"], said["default"], said["schedules"]) == ([True], "1", [0, 1])
    assert [one["EntityStatus"] for one in workspace.published.values()] == ["Disabled", "Active"]


def test_the_sdk_goes_to_no_other_host(lived):
    workspace, _ = lived
    assert workspace.refused == []
    assert not workspace.asked("unknown")


def test_a_pinned_and_a_late_bound_dataset_differ_in_the_graph(lived):
    workspace, _ = lived
    graph = next(iter(workspace.graphs.values()))["Graph"]
    given = [node["DataSetDefinition"] for node in graph["DatasetNodes"] if "DatasetId" not in node]
    references = [one["Value"]["DataSetReference"] for one in given]
    assert [one.get("Version") for one in references] == ["3", None]


# --- runs ------------------------------------------------------------------------------------


@pytest.fixture
def publish_and_submit(workspace, tell, ask):
    """Publish the two steps with the SDK, and give what submits them as any client would."""

    def submit(**info):
        furnish(workspace)
        (number,) = tell(workspace, "publish")
        path = f"PipelineRuns/PipelineSubmit/{number}"
        reply = ask(workspace, "POST", path, {"ExperimentName": "flights", **info})
        return workspace.runs[reply.json()["Id"]]

    return submit


@pytest.fixture
def ask():
    """Ask the pipelines service by hand."""
    import requests

    def send(workspace, method, path, body=None, timeout=20):
        return requests.request(
            method,
            f"https://{REGION}/pipelines/v1.0{workspace.path}/{path}",
            json=body,
            headers={"Authorization": f"Bearer {next(iter(workspace.tokens))}"},
            proxies={"https": workspace.environment["HTTPS_PROXY"]},
            verify=workspace.environment["SSL_CERT_FILE"],
            timeout=timeout,
        )

    return send


def test_a_run_goes_on_by_hand_and_a_failed_step_stops_what_it_feeds(workspace, publish_and_submit):
    workspace.automatic = False
    workspace.outcome("clean", "Failed", log="no such file\n")
    run = publish_and_submit()
    seen = []
    while run.status not in {"Failed", "Finished"}:
        seen.append((run.status, *(step.status for step in run.steps)))
        workspace.advance(run.id)
    assert seen == [
        ("NotStarted", "NotStarted", "NotStarted"),
        ("Running", "Queued", "NotStarted"),
        ("Running", "Running", "NotStarted"),
        ("Running", "Failed", "NotStarted"),
    ]
    assert [step.status for step in run.steps] == ["Failed", "NotStarted"]


def test_a_test_can_carry_out_runs_itself(workspace, publish_and_submit):
    def execute(workspace, run_id):
        run = workspace.runs[run_id]
        for step in run.steps:
            snapshot = workspace.snapshots[step.module["DataLocation"]["StorageId"]]
            workspace.report(run_id, step.name, "Running")
            workspace.report(
                run_id, step.name, "Finished", snapshot.files[f"{step.name}.py"].decode()
            )

    workspace.execute = execute
    run = publish_and_submit()
    run.thread.join(20)
    assert run.status == "Finished"
    assert [step.log for step in run.steps] == ["print('clean.py')\n", "print('train.py')\n"]
    assert list(workspace.datasets) == ["airports", "delays"]


# --- graphs -----------------------------------------------------------------------------------


def edge(number, side, **keys):
    return lambda graph: graph["Edges"][number][side].update(keys)


def node(kind, number, **keys):
    return lambda graph: graph[kind][number].update(keys)


def target(graph):
    for parameter in graph["ModuleNodes"][0]["ModuleParameters"]:
        if parameter["Name"] == "Target":
            parameter["Value"] = "nowhere"


def cycle(graph):
    """Feed the first step with what the last one makes."""
    last = graph["ModuleNodes"][-1]
    for one in graph["Edges"]:
        if one["DestinationInputPort"].get("PortName") == "raw":
            one["SourceOutputPort"] = {"NodeId": last["Id"], "PortName": "model"}


BROKEN = {
    "there is no such input port": edge(1, "DestinationInputPort", PortName="nope"),
    "there is no such output port": edge(1, "SourceOutputPort", NodeId="nope"),
    "nothing feeds input port": lambda graph: graph["Edges"].pop(),
    "Two edges lead to": lambda graph: graph["Edges"].append(graph["Edges"][-1]),
    "module nope does not exist": node("ModuleNodes", 0, ModuleId="nope"),
    "It has no module nodes": lambda graph: graph.update(ModuleNodes=[], Edges=[]),
    "data source nope does not exist": node("DatasetNodes", 0, DatasetId="nope"),
    "it refers to no dataset": node("DatasetNodes", 0, DatasetId=None),
    "the run configuration is no JSON": node("ModuleNodes", 0, Runconfig="{"),
    "compute target nowhere does not exist": target,
    "It has a cycle": cycle,
    "datastore nope does not exist": lambda graph: graph["ModuleNodes"][0]["ModuleOutputSettings"][
        0
    ].update(DataStoreName="nope"),
    "the graph has no parameter nope": lambda graph: graph["ModuleNodes"][0]["ModuleParameters"][
        0
    ].update(ValueType="1", Value="nope"),
    "Could not find member 'moduleId'": node("ModuleNodes", 0, moduleId="x"),
    "to type 'bool'": node("ModuleNodes", 0, RegenerateOutput="no"),
}


@pytest.mark.parametrize("said", BROKEN)
def test_a_graph_that_does_not_hold_together_is_refused(lived, ask, said):
    workspace, _ = lived
    (sent, *_) = (copy.deepcopy(one.body) for one in workspace.asked("POST *Pipelines/Create"))
    BROKEN[said](sent["Graph"])
    count = len(workspace.published)
    reply = ask(workspace, "POST", "Pipelines/Create", sent)
    assert reply.status_code == 400
    assert said in reply.json()["error"]["message"]
    assert len(workspace.published) == count


# --- blobs ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("azurite")
def test_a_datastore_of_azurite_takes_signed_requests_at_its_azure_address(workspace):
    from azure.storage.blob import BlobClient

    section = workspace.datastores["workspaceblobstore"]["azureStorageSection"]
    client = BlobClient(
        f"https://{section['accountName']}.blob.core.windows.net",
        section["containerName"],
        "raw/a file.csv",
        credential=section["accountKey"],
        proxies={"https": workspace.environment["HTTPS_PROXY"]},
        connection_verify=workspace.environment["SSL_CERT_FILE"],
    )
    with client:
        client.upload_blob(b"a,b\n" * 1000)
        assert client.get_blob_properties().size == 4000
        assert client.download_blob(offset=4, length=4).readall() == b"a,b\n"


# --- faults -----------------------------------------------------------------------------------


def test_each_kind_of_fault_is_seen_by_the_sdk(workspace, tell):
    furnish(workspace)
    create = "POST pipelines/Pipelines/Create"
    workspace.fail(route=create, how="403", message="No such right.")
    workspace.fail(route=create, how="503")
    workspace.fail(route=create, how="reset after")
    said = tell(workspace, "publish", "publish", "publish")
    assert [one.get("raised") for one in said[:2]] == ["ErrorResponseException"] * 2
    assert "No such right." in said[0]["message"]
    # the SDK sends it again: what amlshare must not let happen
    assert len(workspace.published) == 2
    assert [record.fault for record in workspace.asked(create)] == [
        "403",
        "503",
        "reset after",
        None,
    ]


def test_a_fault_is_counted_from_the_call_and_sign_in_counts(workspace, tell):
    workspace.fail(at=2, how="401")
    (said,) = tell(workspace, "get")
    assert said["raised"] == "AuthenticationError"
    assert workspace.requests[1].route == "POST login/{tenant}/oauth2/token"
    assert workspace.requests[1].status == 401


def test_a_wrong_secret_is_refused_in_the_words_of_aad(workspace, tell):
    (said,) = tell(workspace, "get", AZURE_CLIENT_SECRET="wrong")
    assert "AADSTS7000215" in said["message"]


def test_an_unknown_workspace_and_an_unknown_compute_are_refused(workspace, tell):
    furnish(workspace)
    (lost,) = tell(workspace, "get", AZUREML_WORKSPACE="nobody")
    (said,) = tell(workspace, "nowhere")
    assert "Workspace not found" in lost["message"]
    assert "compute target nowhere does not exist in the workspace" in said["message"]
    assert workspace.published == {}


@pytest.mark.parametrize("how", ["reset before", "reset after", "cut after", "hang"])
def test_a_connection_can_be_cut_or_kept_silent(workspace, ask, how):
    from requests import RequestException

    workspace.tokens.add("a token")
    workspace.fail(route="GET pipelines/DataTypes", how=how)
    with pytest.raises(RequestException):
        ask(workspace, "GET", "DataTypes", timeout=0.5)
    assert bool(workspace.data_types) is (how in ("reset after", "cut after"))
    assert ask(workspace, "GET", "DataTypes").status_code == 200


def test_a_reply_can_be_a_page_of_something_else(workspace, ask):
    workspace.tokens.add("a token")
    workspace.fail(route="GET pipelines/DataTypes", how="garbled after")
    reply = ask(workspace, "GET", "DataTypes")
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert workspace.data_types


def test_a_host_that_is_not_azure_ml_is_refused_and_noted(workspace):
    import requests

    proxies = dict.fromkeys(("http", "https"), workspace.environment["HTTPS_PROXY"])
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get("https://dc.services.visualstudio.com/v2/track", proxies=proxies, timeout=9)
    assert (
        requests.get("http://169.254.169.254/metadata", proxies=proxies, timeout=9).status_code
        == 502
    )
    assert workspace.refused == ["CONNECT dc.services.visualstudio.com", "GET 169.254.169.254"]
    assert workspace.requests == []


def test_a_route_that_does_not_exist_cannot_be_failed(workspace):
    with pytest.raises(ValueError, match="no route is called"):
        workspace.fail(route="pipelines/Pipelines/create", how="503")


# --- the schema -------------------------------------------------------------------------------


@pytest.mark.usefixtures("_sdk")
def test_every_route_of_the_pipelines_service_is_one_that_the_sdk_calls():
    urls = set(swagger.client_routes())
    ours = {
        (one.method, one.path.replace("{WS}", WS))
        for one in ROUTES
        if one.path.startswith("/pipelines/")
    }
    assert len(ours) > 30
    assert ours <= urls


@pytest.mark.usefixtures("_sdk")
def test_a_body_that_no_model_has_is_refused():
    body = {"Name": 1, "Graph": {"moduleNodes": []}, "Properties": {"digest": "a"}}
    assert list(swagger.problems(body, "PipelineCreationInfo", "body")) == [
        "Error converting value 1 to type 'str'. Path 'body.Name'.",
        "Could not find member 'moduleNodes' on object of type 'GraphEntity'. Path 'body.Graph'.",
    ]
