"""The run history: experiments, and every run and step of a run with its tags and its logs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from standin import progress
from standin.proxy import Reply
from standin.routes import Call, Refusal, new_id, now, route

if TYPE_CHECKING:
    from standin.workspace import Workspace

HISTORY = "/history/v1.0{WS}"
RUNS = f"{HISTORY}/experiments/{{experimentName}}/runs"
BY_ID = f"{HISTORY}/experimentids/{{experimentId}}/runs"
STATUS = {"Finished": "Completed"}


def experiment(workspace: Workspace, name: str) -> dict[str, Any]:
    if name not in workspace.experiments:
        workspace.experiments[name] = {
            "experimentId": new_id(),
            "name": name,
            "description": None,
            "createdUtc": now(),
            "tags": {},
            "archivedTime": None,
            "latestModifiedRunStartTimeUtc": None,
            "artifactLocation": None,
        }
    return workspace.experiments[name]


@route("GET", f"{HISTORY}/experiments/{{experimentName}}")
def one_experiment(call: Call) -> Any:
    name = call.names["experimentName"]
    if name not in call.workspace.experiments:
        raise Refusal(404, "UserError", f"Experiment {name} was not found.")
    return call.workspace.experiments[name]


@route("POST", f"{HISTORY}/experiments/{{experimentName}}")
def post_experiment(call: Call) -> Any:
    return experiment(call.workspace, call.names["experimentName"])


@route("GET", f"{HISTORY}/experimentids/{{experimentId}}")
def experiment_by_id(call: Call) -> Any:
    return call.workspace.experiments[_experiment(call)]


@route("POST", f"{HISTORY}/experiments:query")
def query_experiments(call: Call) -> Any:
    return {"value": list(call.workspace.experiments.values()), "continuationToken": None}


def _experiment(call: Call) -> str:
    """The name of the experiment that the path names, by its name or by its id."""
    name, number = call.names.get("experimentName"), call.names.get("experimentId")
    for one in call.workspace.experiments.values():
        if one["name"] == name or one["experimentId"] == number:
            return one["name"]
    raise Refusal(404, "UserError", f"Experiment {name or number} was not found.")


def _run(call: Call) -> tuple[progress.PipelineRun, progress.Step | None]:
    """A run of the experiment, or of any where the path names none; or a step of one."""
    number = call.names["runId"]
    within = _experiment(call) if "experiment" in " ".join(call.names) else None
    for run in call.workspace.runs.values():
        if run.submitted and within in {None, run.experiment}:
            for step in (None, *begun(run)):
                if number == (step.run_id if step else run.id):
                    return run, step
    raise Refusal(404, "UserError", f"Run {number} was not found.")


def begun(run: progress.PipelineRun) -> list[progress.Step]:
    """The steps that have a run of their own."""
    return [step for step in run.steps if step.status != "NotStarted"]


def run_dto(workspace: Workspace, run: progress.PipelineRun) -> dict[str, Any]:
    properties = {
        "azureml.runsource": "azureml.PipelineRun",
        "runSource": run.entity["RunSource"] or "Unavailable",
        "runType": run.entity["RunType"] or "HTTP",
        "azureml.continue_on_step_failure": str(run.goes_on),
        "azureml.pipelineComponent": "pipelinerun",
    }
    if run.entity["PipelineId"]:
        properties["azureml.pipelineid"] = run.entity["PipelineId"]
    return _dto(workspace, run, run.id, run.status) | {
        "parentRunId": None,
        "runType": "azureml.PipelineRun",
        "runTypeV2": {"orchestrator": "Pipeline", "traits": []},
        "description": run.entity["Description"],
        "startTimeUtc": run.started,
        "endTimeUtc": run.ended,
        "tags": dict(run.tags),
        "properties": properties | run.properties,
        "error": _error(f"Pipeline run {run.status}.") if run.status == "Failed" else None,
    }


def step_dto(
    workspace: Workspace, run: progress.PipelineRun, step: progress.Step
) -> dict[str, Any]:
    marks = {"azureml.nodeid": step.id, "azureml.pipeline": run.id}
    properties = {
        **marks,
        "azureml.runsource": "azureml.StepRun",
        "azureml.moduleid": step.module["Id"],
        "azureml.moduleName": step.name,
        "azureml.pipelinerunid": run.id,
        "ContentSnapshotId": step.module["DataLocation"]["StorageId"] or "",
        "StepType": step.module["StepType"] or "",
    }
    if step.reused:
        properties |= {
            "azureml.isreused": "true",
            "azureml.reusedrunid": step.made_by or run.id,
            "azureml.reusednodeid": step.id,
            "azureml.reusedpipeline": run.id,
        }
    failed = _error(f"User program failed: step {step.name}") if step.status == "Failed" else None
    return _dto(workspace, run, step.run_id, step.status) | {
        "parentRunId": run.id,
        "name": step.name,
        "displayName": step.name,
        "runType": "azureml.StepRun",
        "runTypeV2": {"orchestrator": "AzureML", "traits": []},
        "startTimeUtc": step.started,
        "endTimeUtc": step.ended,
        "target": _target(step),
        "tags": marks | step.tags,
        "properties": properties,
        "error": failed,
    }


def _dto(
    workspace: Workspace, run: progress.PipelineRun, number: str, status: str
) -> dict[str, Any]:
    return {
        "runId": number,
        "runUuid": number,
        "runNumber": run.number,
        "rootRunId": run.id,
        "experimentId": experiment(workspace, run.experiment)["experimentId"],
        "createdUtc": run.entity["CreatedDate"],
        "userId": workspace.client_id,
        "status": STATUS.get(status, status),
        "dataContainerId": f"dcid.{number}",
        "hidden": False,
        "createdBy": {"userObjectId": workspace.client_id, "userName": workspace.name},
        "warnings": None,
        "inputDatasets": [],
        "outputDatasets": [],
    }


def _target(step: progress.Step) -> str | None:
    given = [
        *(step.node.get("ModuleParameters") or []),
        *(step.node.get("ModuleMetadataParameters") or []),
    ]
    return next((one["Value"] for one in given if one["Name"] == "Target"), None)


def _error(message: str) -> dict[str, Any]:
    return {
        "error": {"code": "UserError", "message": message, "details": []},
        "environment": "eastus",
        "location": "eastus",
        "time": now(),
    }


def _shown(
    workspace: Workspace, run: progress.PipelineRun, step: progress.Step | None
) -> dict[str, Any]:
    return step_dto(workspace, run, step) if step else run_dto(workspace, run)


@route("GET", f"{RUNS}/{{runId}}")
@route("GET", f"{BY_ID}/{{runId}}")
@route("GET", f"{HISTORY}/runs/{{runId}}")
def one_run(call: Call) -> Any:
    run, step = _run(call)
    progress.tick(call.workspace, run)
    return _shown(call.workspace, run, step)


@route("PATCH", f"{RUNS}/{{runId}}")
@route("PATCH", f"{BY_ID}/{{runId}}")
def patch_run(call: Call) -> Any:
    """Tags and properties are added to; a property, once set, stays as it is."""
    run, step = _run(call)
    owner: Any = step or run
    owner.tags |= call.body.get("tags") or {}
    if step is None:
        run.properties = (call.body.get("properties") or {}) | run.properties
    return _shown(call.workspace, run, step)


@route("DELETE", f"{RUNS}/{{runId}}/tags")
def delete_tags(call: Call) -> Any:
    run, step = _run(call)
    for name in call.body or []:
        (step or run).tags.pop(name, None)
    return _shown(call.workspace, run, step)


@route("GET", f"{RUNS}/{{runId}}/children")
def children(call: Call) -> Any:
    run, step = _run(call)
    progress.tick(call.workspace, run)
    value = [step_dto(call.workspace, run, one) for one in ([] if step else begun(run))]
    return {"value": value, "continuationToken": None}


@route("GET", f"{RUNS}/{{runId}}/details")
def details(call: Call) -> Any:
    run, step = _run(call)
    workspace = call.workspace
    dto = _shown(workspace, run, step)
    keys = "runId status startTimeUtc endTimeUtc properties error warnings".split()
    log = {workspace.log_file: progress.log_url(workspace, step)} if step and step.log else {}
    return {key: dto[key] for key in keys} | {
        "target": dto.get("target"),
        "services": {},
        "inputDatasets": [],
        "outputDatasets": [],
        "runDefinition": None,
        "logFiles": log,
    }


@route("POST", f"{RUNS}:query")
@route("POST", f"{HISTORY}/experimentids/{{experimentId}}/runs:query")
def query(call: Call) -> Any:
    """Runs of an experiment, the newest first; of filters, those that the SDK writes."""
    wanted = _experiment(call)
    body = call.body or {}
    rows = list(_rows(call.workspace, wanted))
    for group in _groups(body.get("filter") or ""):
        rows = [row for row in rows if any(_holds(row, clause) for clause in group)]
    rows.sort(key=lambda row: row["createdUtc"], reverse=True)
    return {"value": rows[: body.get("top") or None], "continuationToken": None}


def _rows(workspace: Workspace, wanted: str) -> Iterator[dict[str, Any]]:
    for run in workspace.runs.values():
        if run.experiment == wanted and run.submitted:
            yield run_dto(workspace, run)
            yield from (step_dto(workspace, run, step) for step in begun(run))


Clause = tuple[str, str, str | None]
CLAUSE = re.compile(r"""([\w./-]+) (eq|ne) ("[^"]*"|'[^']*'|null|[\w.-]+)""")


def _groups(text: str) -> list[list[Clause]]:
    """What has to hold: of each group, one clause (name, eq or ne, value).

    The SDK sets every `or` in parentheses and joins the rest with `and`; nothing else is read.
    """
    groups: list[list[Clause]] = [[]]
    end = 0
    for found in CLAUSE.finditer(text):
        between = text[end : found.start()].strip("() ")
        if between not in {"", "and", "or"}:
            raise Refusal(400, "UserError", f"The filter {text!r} is not understood.")
        if between == "and":
            groups.append([])
        value = None if found[3] == "null" else found[3].strip("\"'")
        groups[-1].append((found[1], found[2], value))
        end = found.end()
    return groups if end else []


def _holds(row: dict[str, Any], clause: Clause) -> bool:
    name, relation, wanted = clause
    head, _, rest = name.partition("/")
    value = row.get(head[0].lower() + head[1:])
    if rest:
        value = (value or {}).get(rest)
    return (value == wanted) == (relation == "eq")


@route("GET", "/artifact/v2.0{WS}/artifacts/prefix/contentinfo/{origin}/{container}/{path*}")
@route("GET", "/artifact/v2.0{WS}/artifacts/{origin}/{container}")
def artifacts(call: Call) -> Any:
    """The log of a step, which is all that a run of ours leaves among its artifacts."""
    number = call.names["container"].removeprefix("dcid.")
    steps = [step for run in call.workspace.runs.values() for step in run.steps]
    value = [_artifact(call, one) for one in steps if one.run_id == number and one.log]
    return {"value": value, "continuationToken": None}


def _artifact(call: Call, step: progress.Step) -> dict[str, Any]:
    return {
        "origin": "ExperimentRun",
        "container": f"dcid.{step.run_id}",
        "path": call.workspace.log_file,
        "artifactId": f"ExperimentRun/dcid.{step.run_id}/{call.workspace.log_file}",
        "contentUri": progress.log_url(call.workspace, step),
        "etag": "1",
        "createdTime": now(),
    }


@route("POST", f"{RUNS}/{{runId}}/events")
def post_event(_: Call) -> Any:
    return Reply(status=200)
