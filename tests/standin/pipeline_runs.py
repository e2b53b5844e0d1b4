"""The runs of pipelines, as the pipelines service shows them: submitting, status, outputs, logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from standin import history, progress
from standin.graphs import Graph
from standin.pipelines import defaults, found, keep_graph, kept_graph, serve, stamped
from standin.proxy import Reply
from standin.routes import Call, Refusal, now

if TYPE_CHECKING:
    from standin.workspace import Workspace


def _add_run(
    workspace: Workspace,
    graph: Graph,
    graph_id: str,
    info: Mapping[str, Any],
    experiment: str | None,
    pipeline: Mapping[str, Any] | None = None,
) -> progress.PipelineRun:
    """Make a run that nobody has submitted yet."""
    if not experiment:
        raise Refusal(400, "UserError", "A run belongs to an experiment.")
    history.experiment(workspace, experiment)
    given, paths = info.get("ParameterAssignments") or {}, info.get("DataPathAssignments") or {}
    _check_parameters(graph, given, paths)
    entity = _entity(info, pipeline or {}) | {
        "GraphId": graph_id,
        "RunHistoryExperimentName": experiment,
        "TotalRunSteps": len(graph.modules),
        "ParameterAssignments": defaults(graph) | given | _as_text(paths),
    }
    run = progress.PipelineRun(
        entity=entity,
        steps=_steps(graph),
        number=len(workspace.runs) + 1,
        goes_on=_goes_on(info, pipeline),
        tags=dict(entity["tags"]),
        properties=dict(entity["Properties"]),
    )
    workspace.runs[run.id] = run
    return run


def _entity(info: Mapping[str, Any], pipeline: Mapping[str, Any]) -> dict[str, Any]:
    """What a run takes over from the one who submits it, and from a published pipeline."""
    published = pipeline.get("DataSetDefinitionValueAssignments") or {}
    given = info.get("DataSetDefinitionValueAssignments") or {}
    return stamped(
        **{key: info.get(key) for key in ("Description", "RunSource", "RunType", "ScheduleId")},
        PipelineId=pipeline.get("Id"),
        DataSetDefinitionValueAssignments=published | given,
        tags=info.get("tags") or {},
        Properties=info.get("Properties") or {},
        IsSubmitted=False,
        HasErrors=False,
        HasWarnings=False,
        UploadState="Completed",
        EntityStatus="Active",
    )


def _goes_on(info: Mapping[str, Any], pipeline: Mapping[str, Any] | None) -> bool:
    keys = ("ContinueRunOnStepFailure", "ContinueExperimentOnNodeFailure")
    given = [info[key] for key in keys if info.get(key) is not None]
    return bool(given[0] if given else (pipeline or {}).get("ContinueRunOnStepFailure"))


def _check_parameters(graph: Graph, given: Mapping[str, Any], paths: Mapping[str, Any]) -> None:
    unknown = [name for name in given if name not in defaults(graph)]
    unknown += [name for name in paths if name not in graph.data_paths]
    if unknown:
        raise Refusal(400, "UserError", f"The pipeline has no parameter {', '.join(unknown)}.")
    for name, path in paths.items():
        if path.get("DataStoreName") not in graph.workspace.datastores:
            text = f"Parameter {name}: datastore {path.get('DataStoreName')} does not exist."
            raise Refusal(400, "UserError", text)


def _as_text(paths: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: f"{path.get('DataStoreName')}/{path.get('RelativePath')}"
        for name, path in paths.items()
    }


def _steps(graph: Graph) -> list[progress.Step]:
    return [
        progress.Step(
            node=node, module=graph.entity(node), after=frozenset(graph.after[node["Id"]])
        )
        for node in graph.modules
    ]


@serve("POST", "/PipelineRuns/Unsubmitted/CreationInfoWithGraph")
def create(call: Call) -> Any:
    body = call.body
    info = body.get("CreationInfo") or {}
    assignments = info.get("DataSetDefinitionValueAssignments")
    number, graph = keep_graph(
        call.workspace, body.get("Graph"), body.get("GraphInterface"), assignments
    )
    experiment = call.query.get("experimentName") or info.get("RunHistoryExperimentName")
    return shown(_add_run(call.workspace, graph, number, info, experiment))


@serve("POST", "/PipelineRuns/Submit/{pipelineRunId}")
def submit(call: Call) -> Any:
    run = _run(call)
    if run.submitted:
        raise Refusal(400, "UserError", f"Pipeline run {run.id} has already been submitted.")
    progress.start(call.workspace, run)
    return Reply(status=200)


@serve("POST", "/PipelineRuns/PipelineSubmit/{pipelineId}")
def submit_published(call: Call) -> Any:
    return shown(_submit_published(call, call.names["pipelineId"]))


@serve("POST", "/PipelineRuns/PipelineEndpointSubmit/Id/{id}")
def submit_endpoint(call: Call) -> Any:
    entity = found(call.workspace.endpoints, "PipelineEndpoint", call.names["id"])
    if entity["EntityStatus"] != "Active":
        raise Refusal(400, "UserError", f"PipelineEndpoint {entity['Id']} is disabled.")
    version = call.query.get("pipelineVersion") or entity["DefaultVersion"]
    versions = {one["Version"]: one["PipelineId"] for one in entity["PipelineVersionList"]}
    return shown(_submit_published(call, found(versions, "Version", version)))


def _submit_published(call: Call, number: str) -> progress.PipelineRun:
    pipeline = found(call.workspace.published, "Pipeline", number)
    if pipeline["EntityStatus"] != "Active":
        raise Refusal(400, "UserError", f"Pipeline {number} is disabled.")
    given = pipeline["DataSetDefinitionValueAssignments"]
    graph = kept_graph(call.workspace, pipeline["GraphId"], given)
    experiment = call.body.get("ExperimentName")
    run = _add_run(call.workspace, graph, pipeline["GraphId"], call.body, experiment, pipeline)
    progress.start(call.workspace, run)
    return run


def shown(run: progress.PipelineRun) -> dict[str, Any]:
    status = {
        "StatusCode": run.status,
        "StatusDetail": None,
        "CreationTime": run.entity["CreatedDate"],
        "EndTime": run.ended,
    }
    return {**run.entity, "Status": status, "HasErrors": run.status == "Failed", "tags": run.tags}


def _run(call: Call) -> progress.PipelineRun:
    return found(call.workspace.runs, "PipelineRun", call.names["pipelineRunId"])


@serve("GET", "/PipelineRuns/{pipelineRunId}")
def one_run(call: Call) -> Any:
    run = _run(call)
    progress.tick(call.workspace, run)
    return shown(run)


@serve("GET", "/PipelineRuns/Pipeline/{pipelineId}")
def runs_of_pipeline(call: Call) -> Any:
    number = call.names["pipelineId"]
    runs = reversed(call.workspace.runs.values())
    return [shown(run) for run in runs if run.entity["PipelineId"] == number]


@serve("GET", "/PipelineRuns/Schedule/{scheduleId}")
def runs_of_schedule(call: Call) -> Any:
    number = call.names["scheduleId"]
    runs = reversed(call.workspace.runs.values())
    return [shown(run) for run in runs if run.entity["ScheduleId"] == number]


@serve("DELETE", "/PipelineRuns/{pipelineRunId}/Execution")
def cancel(call: Call) -> Any:
    run = _run(call)
    if run.status in progress.ENDED:
        raise Refusal(400, "UserError", f"Pipeline run {run.id} has ended: {run.status}.")
    progress.cancel(run)
    return Reply(status=200)


# --- steps ------------------------------------------------------------------------------------


def _step(call: Call) -> progress.Step:
    run, path = _run(call), call.body
    try:
        return run.step(path[0])
    except (KeyError, IndexError):
        raise Refusal(404, "UserError", f"Run {run.id} has no node {path}.") from None


@serve("POST", "/PipelineRuns/{pipelineRunId}/Graph/Node/StatusCode")
def status_code(call: Call) -> Any:
    progress.tick(call.workspace, _run(call))
    return _step(call).status


@serve("POST", "/PipelineRuns/{pipelineRunId}/Graph/Node/Status")
def status(call: Call) -> Any:
    progress.tick(call.workspace, _run(call))
    return _task(_step(call))


@serve("POST", "/PipelineRuns/{pipelineRunId}/Graph/AllNodes/Status")
def all_statuses(call: Call) -> Any:
    progress.tick(call.workspace, _run(call))
    return {step.id: _task(step) for step in _run(call).steps}


@serve("POST", "/PipelineRuns/{pipelineRunId}/Graph/AllNodes/StatusCode")
def all_status_codes(call: Call) -> Any:
    progress.tick(call.workspace, _run(call))
    return {step.id: step.status for step in _run(call).steps}


def _task(step: progress.Step) -> dict[str, Any]:
    return {
        "StatusCode": step.status,
        "RunId": None if step.status == "NotStarted" else step.run_id,
        "CreationTime": now(),
        "StartTime": step.started,
        "EndTime": step.ended,
        "HasWarnings": False,
    }


@serve("POST", "/PipelineRuns/{pipelineRunId}/Graph/Shareable/STDOUT")
@serve("POST", "/PipelineRuns/{pipelineRunId}/Graph/Shareable/JobLog")
def standard_output(call: Call) -> Any:
    return Reply(status=200, body=_step(call).log.encode())


@serve("POST", "/PipelineRuns/{pipelineRunId}/Graph/Shareable/STDERR")
def standard_error(call: Call) -> Any:
    step = _step(call)
    return Reply(status=200, body=step.log.encode() if step.status == "Failed" else b"")


@serve("POST", "/PipelineRuns/{pipelineRunId}/Outputs")
def outputs(call: Call) -> Any:
    step = _step(call)
    return {one["Name"]: _output(call.workspace, step, one) for one in step.settings}


@serve("GET", "/PipelineRuns/{pipelineRunId}/PipelineRunOutputs/{pipelineRunOutputName}")
def pipeline_output(call: Call) -> Any:
    run, name = _run(call), call.names["pipelineRunOutputName"]
    edges = call.workspace.graphs[run.entity["GraphId"]]["Graph"]["Edges"]
    for edge in edges:
        if edge["DestinationInputPort"].get("GraphPortName") == name:
            source = edge["SourceOutputPort"]
            step = run.step(source["NodeId"])
            (setting,) = (one for one in step.settings if one["Name"] == source["PortName"])
            return _output(call.workspace, step, setting)
    raise Refusal(404, "UserError", f"Run {run.id} has no output {name}.")


def _output(
    workspace: Workspace, step: progress.Step, setting: Mapping[str, Any]
) -> dict[str, Any]:
    store, path = progress.location(step, setting)
    section = workspace.datastores[store]["azureStorageSection"]
    reference = {
        "AmlDataStoreName": store,
        "RelativePath": path,
        "Account": section["accountName"],
        "Container": section["containerName"],
    }
    return {
        "DataTypeId": "AnyDirectory",
        "DataLocation": {
            "StorageType": "DataReference",
            "DataReference": {"Type": "AzureBlob", "AzureBlobReference": reference},
        },
    }
