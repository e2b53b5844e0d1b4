"""The pipelines service: what pipelines are made of, published pipelines, endpoints, schedules.

Every route here is one that the SDK's own client calls, and every body is checked against the
model that the client sends; so is what is answered, which keeps this honest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from standin import swagger
from standin.graphs import Graph, check
from standin.proxy import Reply
from standin.routes import REGION, WS, Call, Refusal, new_id, now, route

if TYPE_CHECKING:
    from standin.workspace import Workspace

PIPELINES = "/pipelines/v1.0{WS}"
DATA_TYPES = (
    "AnyDirectory AnyFile AzureBlobReference AzureDataLakeReference AzureFilesReference"
    " AzureSqlDatabaseReference AzurePostgresDatabaseReference AzureDataLakeGen2Reference"
    " AzureMLDataset AzureMySqlDatabaseReference DBFSReference"
).split()
STATUS = {"0": "Active", "1": "Deprecated", "2": "Disabled"}
FREQUENCY = dict(zip("01234", ("Month", "Week", "Day", "Hour", "Minute"), strict=True))
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def serve(method: str, path: str) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
    """A route of the SDK's client, which takes and gives what the client's models say."""
    url = (PIPELINES + path).replace("{WS}", WS)

    def add(work: Callable[[Call], Any]) -> Callable[[Call], Any]:
        def checked(call: Call) -> Any:
            taken, given = swagger.client_routes().get((method, url), (None, None))
            if taken:
                _check_body(call, taken)
            value = work(call)
            if given and not isinstance(value, Reply):
                wrong = list(swagger.problems(value, given, "reply"))
                assert not wrong, wrong
            return value

        return route(method, PIPELINES + path)(checked)

    return add


def _check_body(call: Call, kind: str) -> None:
    if call.body is None:
        raise Refusal(400, "UserError", "A request body is required.")
    if wrong := list(swagger.problems(call.body, kind, kind)):
        raise Refusal(400, "UserError", " ".join(wrong))


def stamped(**keys: Any) -> dict[str, Any]:
    """What every entity has."""
    return {
        "Id": new_id(),
        "Etag": f'"{new_id()}"',
        "CreatedDate": now(),
        "LastModifiedDate": now(),
        **keys,
    }


def missing(kind: str, number: str) -> Refusal:
    return Refusal(404, "UserError", f"{kind} {number} was not found.")


def found(things: Mapping[str, Any], kind: str, number: str) -> Any:
    if number not in things:
        raise missing(kind, number)
    return things[number]


# --- data types, modules, data sources --------------------------------------------------------


@serve("GET", "/DataTypes")
def data_types(call: Call) -> Any:
    held = call.workspace.data_types
    for name in DATA_TYPES:
        if name not in held:
            held[name] = stamped(
                Id=name, Name=name, IsDirectory=name == "AnyDirectory", EntityStatus="Active"
            )
    return list(held.values())


@serve("POST", "/DataTypes")
def post_data_type(call: Call) -> Any:
    if call.body["Id"] in call.workspace.data_types:
        raise Refusal(400, "UserError", f"DataType {call.body['Id']} already exists.")
    call.workspace.data_types[call.body["Id"]] = stamped(EntityStatus="Active", **call.body)
    return call.workspace.data_types[call.body["Id"]]


@serve("POST", "/Modules")
def post_module(call: Call) -> Any:
    body = call.body
    _check_module(call.workspace, body)
    copied = (
        "Name Description IsDeterministic ModuleExecutionType ModuleType IdentifierHash Properties"
        " StructuredInterface Runconfig Category StepType Hash"
    ).split()
    entity = stamped(
        **{key: body.get(key) for key in copied},
        UploadState="Completed",
        EntityStatus="Active",
        DataLocation={"StorageType": "Snapshot", "StorageId": body.get("StorageId")},
        tags=body.get("KvTags"),
    )
    interface = _interface(body["StructuredInterface"])
    call.workspace.modules[entity["Id"]] = {"Data": entity, "Interface": interface}
    return entity


def _check_module(workspace: Workspace, body: Mapping[str, Any]) -> None:
    if not body.get("Name") or not body.get("StructuredInterface"):
        raise Refusal(400, "UserError", "A module has a name and a structured interface.")
    snapshot = body.get("StorageId")
    if not body.get("IsInterfaceOnly") and snapshot not in workspace.snapshots:
        raise Refusal(400, "UserError", f"Snapshot {snapshot} was not found.")
    face = body["StructuredInterface"]
    names = [port["Name"] for side in ("Inputs", "Outputs") for port in face.get(side) or []]
    for name in {name for name in names if names.count(name) > 1}:
        raise Refusal(400, "UserError", f"Two ports of module {body['Name']} are called {name}.")
    _check_arguments(face, set(names))


def _check_arguments(face: Mapping[str, Any], ports: set[str]) -> None:
    """What an argument names, the module has."""
    both = [*(face.get("Parameters") or []), *(face.get("MetadataParameters") or [])]
    parameters = {one["Name"] for one in both}
    for argument in face.get("Arguments") or []:
        value, kind = argument.get("Value") or "", argument.get("ValueType")
        names = {"Input": ports, "Output": ports, "Parameter": parameters}.get(kind, {value})
        prefix, _, name = value.partition(":")
        if prefix in {"DatasetConsumptionConfig", "DatasetOutputConfig"}:
            value, names = name, ports
        if value not in names:
            raise Refusal(400, "UserError", f"Argument {kind}:{value} names nothing.")


def _interface(face: Mapping[str, Any]) -> dict[str, Any]:
    def parameters(key: str) -> list[dict[str, Any]]:
        return [
            {"Name": one["Name"], "DefaultValue": one.get("DefaultValue"), "Type": "String"}
            for one in face.get(key) or []
        ]

    inputs = [
        {"Name": one["Name"], "DataTypesIds": one.get("DataTypeIdsList"), "IsOptional": False}
        for one in face.get("Inputs") or []
    ]
    outputs = [
        {"Name": one["Name"], "DataTypeId": one.get("DataTypeId")}
        for one in face.get("Outputs") or []
    ]
    return {
        "Parameters": parameters("Parameters"),
        "MetadataParameters": parameters("MetadataParameters"),
        "Ports": {"Inputs": inputs, "Outputs": outputs},
    }


@serve("GET", "/Modules/{id}")
def one_module(call: Call) -> Any:
    return found(call.workspace.modules, "Module", call.names["id"])


@serve("GET", "/Modules/Hash/{identifierHash}")
def module_by_hash(call: Call) -> Any:
    """The module of that fingerprint which was made last; JSON's null where there is none."""
    for module in reversed(call.workspace.modules.values()):
        if module["Data"]["IdentifierHash"] == call.names["identifierHash"]:
            return module
    return None


@serve("POST", "/DataSources")
def post_data_source(call: Call) -> Any:
    body = call.body
    store = body.get("DataStoreName")
    if store not in call.workspace.datastores:
        raise Refusal(400, "UserError", f"Datastore {store} was not found.")
    section = call.workspace.datastores[store]["azureStorageSection"]
    reference = {
        "Type": "AzureBlob",
        "AzureBlobReference": {
            "AmlDataStoreName": store,
            "RelativePath": body.get("PathOnDataStore"),
            "Account": section["accountName"],
            "Container": section["containerName"],
        },
    }
    copied = ("Name", "Description", "DataTypeId", "IdentifierHash")
    entity = stamped(
        **{key: body.get(key) for key in copied},
        UploadState="Completed",
        EntityStatus="Active",
        DataLocation={"StorageType": "DataReference", "DataReference": reference},
    )
    call.workspace.data_sources[entity["Id"]] = entity
    return entity


@serve("GET", "/DataSources/{id}")
def one_data_source(call: Call) -> Any:
    return found(call.workspace.data_sources, "DataSource", call.names["id"])


@serve("GET", "/DataSources/Hash/{hash}")
def data_source_by_hash(call: Call) -> Any:
    for entity in call.workspace.data_sources.values():
        if entity["IdentifierHash"] == call.names["hash"]:
            return entity
    return None


# --- graphs -----------------------------------------------------------------------------------


def keep_graph(
    workspace: Workspace, graph: Any, interface: Any, assignments: Any
) -> tuple[str, Graph]:
    """Check a graph and keep it, under an id of its own."""
    checked = Graph(workspace, graph or {}, interface or {}, assignments)
    check(checked)
    entity = {**graph, **stamped(EntityStatus="Active")}
    workspace.graphs[entity["Id"]] = {"Graph": entity, "Interface": interface or {}}
    return entity["Id"], checked


def kept_graph(workspace: Workspace, number: str, assignments: Any) -> Graph:
    kept = found(workspace.graphs, "Graph", number)
    return Graph(workspace, kept["Graph"], kept["Interface"], assignments)


def defaults(graph: Graph) -> dict[str, str]:
    """The values of all parameters where nobody gives others; a path as DATASTORE/PATH."""
    paths = {
        name: f"{value.get('DataStoreName')}/{value.get('RelativePath')}"
        for name, value in graph.data_paths.items()
    }
    return {name: str(value) for name, value in graph.parameters.items()} | paths


@serve("GET", "/Graphs/{graphId}")
def one_graph(call: Call) -> Any:
    return found(call.workspace.graphs, "Graph", call.names["graphId"])["Graph"]


@serve("GET", "/Graphs/{graphId}/Interface")
def one_graph_interface(call: Call) -> Any:
    return found(call.workspace.graphs, "Graph", call.names["graphId"])["Interface"]


# --- published pipelines ----------------------------------------------------------------------


@serve("POST", "/Pipelines/Create")
def publish(call: Call) -> Any:
    body, workspace = call.body, call.workspace
    if not body.get("Name"):
        raise Refusal(400, "UserError", "A published pipeline has a name.")
    assignments = body.get("DataSetDefinitionValueAssignments")
    number, graph = keep_graph(
        workspace, body.get("Graph"), body.get("GraphInterface"), assignments
    )
    return add_pipeline(workspace, body, number, graph)


def add_pipeline(
    workspace: Workspace, body: Mapping[str, Any], graph_id: str, graph: Graph
) -> dict[str, Any]:
    entity = stamped(
        Name=body["Name"],
        Description=body.get("Description"),
        Version=body.get("Version"),
        GraphId=graph_id,
        TotalRunSteps=len(graph.modules),
        ParameterAssignments=defaults(graph) | (body.get("ParameterAssignments") or {}),
        DataSetDefinitionValueAssignments=body.get("DataSetDefinitionValueAssignments") or {},
        EntityStatus="Active",
        ContinueRunOnStepFailure=bool(body.get("ContinueRunOnStepFailure")),
        Properties=body.get("Properties") or {},
        EnableNotification=bool(body.get("EnableNotification")),
    )
    submit = f"/pipelines/v1.0{workspace.path}/PipelineRuns/PipelineSubmit/{entity['Id']}"
    entity["Url"] = f"https://{REGION}{submit}"
    workspace.published[entity["Id"]] = entity
    return entity


@serve("GET", "/Pipelines")
def published(call: Call) -> Any:
    return active(call, call.workspace.published)


def active(call: Call, things: Mapping[str, Any]) -> list[Any]:
    """All of them, newest first, or those in use where the query says so."""
    only = call.query.get("activeOnly", "true").lower() == "true"
    newest = reversed(things.values())
    return [one for one in newest if not only or one["EntityStatus"] == "Active"]


@serve("GET", "/Pipelines/{pipelineId}")
def one_published(call: Call) -> Any:
    return found(call.workspace.published, "Pipeline", call.names["pipelineId"])


@serve("PUT", "/Pipelines/{pipelineId}/status")
def put_status(call: Call) -> Any:
    entity = found(call.workspace.published, "Pipeline", call.names["pipelineId"])
    entity["EntityStatus"] = entity_status(call.body)
    entity["LastModifiedDate"] = now()
    return Reply(status=200)


def entity_status(value: str) -> str:
    name = STATUS.get(value, value)
    if name not in STATUS.values():
        raise Refusal(
            400, "UserError", f"Status {value!r} is none of {', '.join(STATUS.values())}."
        )
    return name


# --- endpoints --------------------------------------------------------------------------------


@serve("POST", "/PipelineEndpoints/Create")
def post_endpoint(call: Call) -> Any:
    body, held = call.body, call.workspace.endpoints
    found(call.workspace.published, "Pipeline", body.get("PipelineId"))
    if any(one["Name"] == body["Name"] for one in held.values()):
        raise Refusal(409, "UserError", f"PipelineEndpoint {body['Name']} already exists.")
    entity = stamped(
        Name=body["Name"],
        Description=body.get("Description"),
        DefaultVersion="0",
        PipelineVersionList=[{"Version": "0", "PipelineId": body["PipelineId"]}],
        EntityStatus="Active",
        Properties=body.get("Properties") or {},
        tags={},
    )
    here = f"https://{REGION}/pipelines/v1.0{call.workspace.path}"
    entity["Url"] = f"{here}/PipelineRuns/PipelineEndpointSubmit/Id/{entity['Id']}"
    entity["SwaggerUrl"] = f"{here}/PipelineEndpoints/{entity['Id']}/swagger"
    held[entity["Id"]] = entity
    return entity


@serve("GET", "/PipelineEndpoints/Name")
def endpoint_by_name(call: Call) -> Any:
    name = call.query.get("Name", "")
    for entity in call.workspace.endpoints.values():
        if entity["Name"] == name:
            return entity
    raise missing("PipelineEndpoint", name)


@serve("GET", "/PipelineEndpoints/Id/{Id}")
def endpoint_by_id(call: Call) -> Any:
    return found(call.workspace.endpoints, "PipelineEndpoint", call.names["Id"])


@serve("PUT", "/PipelineEndpoints/{endpoint_id}")
def put_endpoint(call: Call) -> Any:
    """Take the whole entity back; the real service takes no older one either."""
    old = found(call.workspace.endpoints, "PipelineEndpoint", call.names["endpoint_id"])
    body = {**old, **call.body, "LastModifiedDate": now(), "Etag": f'"{new_id()}"'}
    if call.body.get("Etag") not in {None, old["Etag"]}:
        raise Refusal(412, "UserError", "The entity has changed since it was read.")
    versions = {one["Version"]: one["PipelineId"] for one in body["PipelineVersionList"]}
    for number in versions.values():
        found(call.workspace.published, "Pipeline", number)
    if body["DefaultVersion"] not in versions:
        raise Refusal(400, "UserError", f"There is no version {body['DefaultVersion']}.")
    body["EntityStatus"] = entity_status(body["EntityStatus"])
    call.workspace.endpoints[old["Id"]] = body
    return body


@serve("GET", "/PipelineEndpoints")
def endpoints(call: Call) -> Any:
    return active(call, call.workspace.endpoints)


@serve("GET", "/PipelineEndpoints/{id}/pipelines")
def endpoint_pipelines(call: Call) -> Any:
    entity = found(call.workspace.endpoints, "PipelineEndpoint", call.names["id"])
    numbers = [one["PipelineId"] for one in entity["PipelineVersionList"]]
    return [call.workspace.published[number] for number in numbers]


# --- schedules --------------------------------------------------------------------------------


@serve("POST", "/Schedules/Create")
def post_schedule(call: Call) -> Any:
    entity = stamped(**call.body, ProvisioningStatus="Completed", EntityStatus="Active")
    _check_schedule(call.workspace, entity)
    call.workspace.schedules[entity["Id"]] = entity
    return entity


@serve("PUT", "/Schedules/{scheduleId}")
def put_schedule(call: Call) -> Any:
    old = found(call.workspace.schedules, "Schedule", call.names["scheduleId"])
    entity = {**old, **call.body, "Id": old["Id"], "LastModifiedDate": now()}
    entity["EntityStatus"] = entity_status(entity["EntityStatus"])
    _check_schedule(call.workspace, entity)
    call.workspace.schedules[old["Id"]] = entity
    return entity


def _check_schedule(workspace: Workspace, entity: dict[str, Any]) -> None:
    if number := entity.get("PipelineId"):
        found(workspace.published, "Pipeline", number)
    else:
        found(workspace.endpoints, "PipelineEndpoint", entity.get("PipelineEndpointId") or "")
    if not (entity.get("PipelineSubmissionInfo") or {}).get("ExperimentName"):
        raise Refusal(400, "UserError", "A schedule names an experiment.")
    kind = {"0": "Recurrence", "1": "DataStore"}.get(entity["ScheduleType"], entity["ScheduleType"])
    entity["ScheduleType"] = kind
    if kind == "DataStore":
        store = (entity.get("DataStoreTriggerInfo") or {}).get("DataStoreName")
        if store not in workspace.datastores:
            raise Refusal(400, "UserError", f"Datastore {store} was not found.")
    else:
        _check_recurrence(entity)


def _check_recurrence(entity: dict[str, Any]) -> None:
    """Enums arrive as numbers or as names, and are given back as names."""
    given = dict(entity.get("Recurrence") or {})
    frequency = FREQUENCY.get(given.get("Frequency", ""), given.get("Frequency"))
    if frequency not in FREQUENCY.values() or int(given.get("Interval") or 0) < 1:
        raise Refusal(
            400, "UserError", "A recurrence has a frequency, and an interval of 1 or more."
        )
    given["Frequency"] = frequency
    if schedule := given.get("Schedule"):
        days = [DAYS[int(day)] if day.isdigit() else day for day in schedule.get("WeekDays") or []]
        if set(days) - set(DAYS):
            raise Refusal(400, "UserError", f"{days} are not all days of the week.")
        given["Schedule"] = {**schedule, "WeekDays": days or None}
    entity["Recurrence"] = given


@serve("GET", "/Schedules")
def schedules(call: Call) -> Any:
    return active(call, call.workspace.schedules)


@serve("GET", "/Schedules/{scheduleId}")
def one_schedule(call: Call) -> Any:
    return found(call.workspace.schedules, "Schedule", call.names["scheduleId"])


@serve("GET", "/Schedules/Pipeline/{pipelineId}")
def schedules_of_pipeline(call: Call) -> Any:
    number = call.names["pipelineId"]
    return [one for one in call.workspace.schedules.values() if one.get("PipelineId") == number]


@serve("GET", "/Schedules/PipelineEndpoint/{pipelineEndpointId}")
def schedules_of_endpoint(call: Call) -> Any:
    number = call.names["pipelineEndpointId"]
    held = call.workspace.schedules.values()
    return [one for one in held if one.get("PipelineEndpointId") == number]
