"""The spec: the file, field for field. What pydantic cannot see is in ``checks``.

The models are frozen, refuse unknown keys and convert nothing (``strict``): a number where text
belongs is an error with its place. Short forms (``inputs: {flights: flights}``) are spelled out
here, so that whoever reads a :class:`Spec` sees one form only.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError

from amlshare import units
from amlshare.references import Reference, parse

Json: TypeAlias = dict[str, Any]


def _size(value: object) -> object:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        try:
            return units.parse_size(value)
        except ValueError as error:
            raise PydanticCustomError("bad-size", "{form}", {"form": str(error)}) from None
    raise PydanticCustomError("bad-size", "{form}", {"form": units.SIZE_FORM})


def _time(value: object) -> object:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        try:
            return units.parse_time(value)
        except ValueError as error:
            raise PydanticCustomError("bad-time", "{form}", {"form": str(error)}) from None
    raise PydanticCustomError("bad-time", "{form}", {"form": units.TIME_FORM})


def _number(value: object) -> object:
    """A whole number, or a text that is one ``${parameters.N}``."""
    if isinstance(value, str):
        parts, bad = parse(value)
        if not bad and len(parts) == 1 and isinstance(parts[0], Reference):
            return parts[0]
    if isinstance(value, int) and not isinstance(value, bool):
        if value >= 1:
            return value
        raise PydanticCustomError("bad-number", "a whole number from 1 on")
    raise PydanticCustomError("bad-number", "a whole number or ${{parameters.NAME}}", {})


def _text(value: object) -> object:
    """Numbers and truth values where a text is meant: as they stand in YAML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value


def _scalar(value: object) -> object:
    if isinstance(value, (str, int, float)):
        return value
    raise PydanticCustomError("not-a-scalar", "a text, a number, true or false")


def _argument(value: object) -> object:
    """A word, several words, or None for none."""
    items = value if isinstance(value, list) else [value]
    if all(item is None or isinstance(item, (str, int, float)) for item in items):
        return value
    raise PydanticCustomError("not-a-scalar", "a text, a number, true, false or a list of these")


def _many(value: object) -> object:
    """One text is short for a list of one."""
    return [value] if isinstance(value, str) else value


def _form(value: object) -> str:
    """Which form of a union stands there; the names never show in a route (see ``checks``)."""
    return "(list)" if isinstance(value, list) else "(text)" if isinstance(value, str) else "(map)"


def _source(value: object) -> object:
    return {"from": value} if isinstance(value, str) else value


def _typed(value: object) -> object:
    return value if isinstance(value, dict) else {"default": value}


def _listed(value: object) -> object:
    """``outputs: [a, b]`` is short for both with every key at its default."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        if len(set(value)) < len(value):
            raise PydanticCustomError("duplicate-output", "each output once")
        return dict.fromkeys(value, {})
    return value


def _empty(value: object) -> object:
    return {} if value is None else value


Size = Annotated[
    int,
    BeforeValidator(_size),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["30 MB", "2 GiB"]}),
]
Time = Annotated[
    int,
    BeforeValidator(_time),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["90 s", "2h"]}),
]
Scalar = Annotated[
    Any,
    BeforeValidator(_scalar),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
Argument = Annotated[
    Any,
    BeforeValidator(_argument),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["string", "number", "boolean", "null"]},
                {"type": "array", "items": {"type": ["string", "number", "boolean"]}},
            ]
        }
    ),
]
Arguments = Annotated[
    Annotated[list[Scalar], Tag("(list)")] | Annotated[dict[str, Argument], Tag("(map)")],
    Discriminator(
        _form,
        custom_error_type="not-arguments",
        custom_error_message="a list or a mapping FLAG: VALUE",
    ),
]
Requirements = Annotated[
    Annotated[list[str], Tag("(list)")] | Annotated[str, Tag("(text)")],
    Discriminator(
        _form,
        custom_error_type="not-requirements",
        custom_error_message="a list of requirements, or a file",
    ),
]
Many = Annotated[
    list[str],
    BeforeValidator(_many),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
NumberOrReference = Annotated[
    Any,
    BeforeValidator(_number),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": r"^\$\{"}]}
    ),
]
TextValue = Annotated[
    str,
    BeforeValidator(_text),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
Version = Annotated[
    str,
    BeforeValidator(_text),
    WithJsonSchema({"type": ["string", "integer"], "examples": [3, "latest"]}),
]


class _Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        defer_build=True,
    )


class Workspace(_Model):
    """Where the pipeline belongs. ``${env.NAME}`` may stand in each value."""

    subscription_id: str | None = Field(None, description="The Azure subscription's id.")
    resource_group: str | None = Field(None, description="The resource group.")
    name: str | None = Field(None, description="The workspace's name.")


class Defaults(_Model):
    """What every step takes where it says nothing itself."""

    compute: str | None = Field(None, description="A name under `compute`, or a cluster's own.")
    environment: str | None = Field(None, description="A name under `environments`.")
    datastore: str | None = Field(None, description="Where data and outputs lie.")
    code: str | None = Field(
        None, description="The folder uploaded as a step's snapshot, relative to this file."
    )
    reuse: bool | None = Field(None, description="Whether an unchanged step may be reused.")
    env: dict[str, TextValue] = Field({}, description="Environment variables of every step.")


class Compute(_Model):
    """A compute target."""

    cluster: str | None = Field(None, description="Its name in the workspace; default: the key.")
    kind: Literal["amlcompute", "kubernetes", "instance"] = Field(
        "amlcompute", description="What it is."
    )
    vm_size: str | None = Field(None, description="Such as Standard_DS3_v2; feeds the model.")
    min_nodes: int | None = Field(None, ge=0, description="Nodes kept when idle.")
    max_nodes: int | None = Field(None, ge=1, description="Nodes at most.")
    idle_seconds: int | None = Field(None, ge=0, description="Idle seconds before scaling down.")
    nodes: int | None = Field(None, ge=1, description="Nodes, for the movement model.")


class Environment(_Model):
    """One of: image [+ conda or pip]; dockerfile; conda or pip alone; registered + version."""

    image: str | None = Field(None, description="A container image, with its tag.")
    dockerfile: str | None = Field(None, description="A Dockerfile, relative to this file.")
    conda: str | None = Field(None, description="A conda file, relative to this file.")
    pip: Requirements | None = Field(
        None, description="Requirements: a list, or a file relative to this file."
    )
    registered: str | None = Field(None, description="An environment of the workspace.")
    version: Version | None = Field(None, description="Its version: a number or `latest`.")


class Local(_Model):
    """What stands in for the cloud when running or measuring on this machine."""

    datastores: dict[str, str] = Field(
        {}, description="For each datastore a folder, relative to this file, or an fsspec URL."
    )
    datasets: dict[str, str] = Field(
        {}, description="For each registered dataset a file, folder or URL."
    )
    python: str | None = Field(None, description="The interpreter that runs the steps.")


class Parameter(_Model):
    """A pipeline parameter: a value, or its type, default and description."""

    type: Literal["string", "integer", "number", "boolean"] | None = Field(
        None, description="Its type; taken from the default where that says it."
    )
    default: Scalar | None = Field(
        None, description="Its value; with none it must be given by `-p`."
    )
    description: str | None = Field(None, description="For people.")

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        return _or(handler, core, {"type": ["string", "number", "boolean"]})


class Data(_Model):
    """Data from outside the pipeline."""

    type: Literal["path", "directory", "dataset"] = Field(
        description="path: passed by where it lies; directory: files at a location; "
        "dataset: registered and versioned."
    )
    location: str | None = Field(None, description="Where it lies in the datastore.")
    datastore: str | None = Field(None, description="The datastore; default: `defaults`.")
    name: str | None = Field(None, description="A registered dataset's name.")
    version: Version | None = Field(None, description="Its version: a number or `latest`.")
    format: Literal["folder", "file", "csv", "parquet", "table"] = Field(
        "folder", description="What it is; csv, parquet and table are tables when read `direct`."
    )
    parameter: bool = Field(False, description="Whether `-p` may replace it at submit.")
    upload: str | None = Field(
        None, description="A local file or folder put there before the run when it is new."
    )
    partitions: str | None = Field(None, description='Such as "{user}/{day}.csv".')
    size: Size | None = Field(None, description="A hint: its bytes.")
    files: int | None = Field(None, ge=0, description="A hint: how many files.")


class Reads(_Model):
    """How a step reads an input: hints for the movement model."""

    fraction: float = Field(1.0, gt=0, le=1, strict=False, description="The part that is read.")
    passes: int = Field(1, ge=1, description="How many times it is read.")
    pattern: Literal["sequential", "random"] = Field("sequential", description="In what order.")


class Input(_Model):
    """Data, or another step's output, that a step reads."""

    source: str = Field(alias="from", description="DATA or STEP.OUTPUT.")
    mode: Literal["mount", "download", "direct", "auto"] = Field(
        "auto", description="How the data reaches the step."
    )
    at: str | None = Field(None, description="The path on the compute target (v1).")
    reads: Reads | None = Field(None, description="How it is read: hints.")

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        return _or(handler, core, {"type": "string"})


class Expect(_Model):
    """The contract of an output: a step that breaks it fails, and nothing is registered."""

    files: (
        Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": ["string", "integer"]})]
        | None
    ) = Field(None, description='How many files: 3, ">=1", "<100".')
    glob: str | None = Field(None, description="A pattern that at least one file matches.")
    min_size: Size | None = Field(None, description="The least bytes in all.")


class Output(_Model):
    """What a step writes."""

    type: Literal["path", "directory", "dataset"] = Field(
        "path", description="path: handed on; directory: kept; dataset: kept and registered."
    )
    format: Literal["folder", "file", "csv", "parquet"] = Field("folder", description="What it is.")
    mode: Literal["mount", "upload", "auto"] = Field("auto", description="How it is written.")
    datastore: str | None = Field(None, description="The datastore; default: `defaults`.")
    location: str | None = Field(
        None, description="Where; default: {pipeline}/{step}/{output}/{run-id}/."
    )
    name: str | None = Field(None, description="The registered dataset's name.")
    description: str | None = Field(None, description="The registered dataset's description.")
    tags: dict[str, TextValue] = Field({}, description="The registered dataset's tags.")
    overwrite: bool = Field(False, description="Whether a fixed location may be replaced.")
    only: list[str] = Field([], description="Globs: only these files are uploaded.")
    expect: Expect | None = Field(None, description="What must be there when the step ends.")
    size: Size | None = Field(None, description="A hint: its bytes.")
    files: int | None = Field(None, ge=0, description="A hint: how many files.")


class Distribution(_Model):
    """How the processes of a step on several nodes find each other."""

    type: Literal["mpi", "pytorch", "tensorflow"] = Field(description="The framework's way.")
    processes_per_node: int = Field(1, ge=1, description="Processes on each node.")


class Parallel(_Model):
    """A script with init() and run(mini_batch), called over the files or rows of an input."""

    script: str = Field(description="The script, relative to `code`.")
    over: str = Field(description="The input that is cut into mini batches.")
    mini_batch: Scalar | None = Field(None, description='"10" files, or "10 KB" of rows.')
    partition_by: list[str] = Field([], description="Keys of the data's `partitions`.")
    nodes: NumberOrReference = Field(1, description="Nodes.")
    processes_per_node: NumberOrReference | None = Field(None, description="Processes on each.")
    allow_failed: int = Field(0, ge=-1, description="How many items may fail; -1: all.")
    batch_timeout: Time | None = Field(None, description="The time that one mini batch may take.")
    batch_retries: int | None = Field(None, ge=0, description="How often a mini batch is retried.")
    rows_to: str | None = Field(None, description="OUTPUT/FILE: where returned rows are written.")


class Step(_Model):
    """A step: exactly one of `script`, `command` and `parallel`."""

    script: str | None = Field(None, description="A Python script, relative to `code`.")
    command: str | None = Field(None, description="One line for bash.")
    parallel: Parallel | None = Field(None, description="A script run over many files or rows.")
    title: str | None = Field(None, description="For people.")
    description: str | None = Field(None, description="For people.")
    code: str | None = Field(
        None, description="The folder uploaded as the snapshot, relative to this file; or `none`."
    )
    compute: str | None = Field(None, description="A name under `compute`, or a cluster's own.")
    environment: str | None = Field(None, description="A name under `environments`.")
    inputs: dict[str, Annotated[Input, BeforeValidator(_source)]] = Field(
        {}, description="What it reads: INPUT: SOURCE, or INPUT: {from: SOURCE, mode: ..}."
    )
    outputs: Annotated[
        dict[str, Annotated[Output, BeforeValidator(_empty)]], BeforeValidator(_listed)
    ] = Field({}, description="What it writes: a list of names, or OUTPUT: {type: ..}.")
    arguments: Arguments = Field([], description="Words, or FLAG: VALUE (passed sorted by flag).")
    env: dict[str, TextValue] = Field({}, description="Environment variables: literal text.")
    after: Many = Field([], description="Steps that must finish first.")
    reuse: bool | None = Field(None, description="Whether it may be reused when unchanged.")
    retries: int = Field(0, ge=0, description="How often it is tried again.")
    nodes: NumberOrReference = Field(1, description="Nodes; more than 1 needs `distribution`.")
    distribution: Distribution | None = Field(None, description="How nodes work together.")
    timeout: Time | None = Field(None, description='The time it may take, such as "2h".')
    tags: dict[str, TextValue] = Field({}, description="Tags; `--select tag:x` finds them.")


class Publish(_Model):
    """Defaults of `submit --publish`."""

    endpoint: str | None = Field(None, description="The pipeline endpoint's name.")
    version: Version | None = Field(None, description="A label of the version.")
    description: str | None = Field(None, description="For people.")
    continue_on_step_failure: bool = Field(
        False, description="Whether other branches go on when a step fails."
    )


class Schedule(_Model):
    """One of: {every, at, days, time_zone}, {cron, time_zone}, {on_change, poll}."""

    every: str | None = Field(None, description='Such as "2 days", "1 hour", "week".')
    at: Many = Field([], description='Times of day, such as "22:30".')
    days: list[str] = Field([], description="Days of the week: mon, tue, wed, thu, fri, sat, sun.")
    time_zone: str | None = Field(None, description="Such as Europe/Berlin; default UTC.")
    cron: str | None = Field(None, description="On v1 only one that equals a recurrence.")
    on_change: str | None = Field(None, description="DATA whose location is watched.")
    poll: Time | None = Field(None, description="How often it is looked at.")
    parameters: dict[str, Scalar] = Field({}, description="Values for this schedule's runs.")
    experiment: str | None = Field(None, description="Default: the pipeline's.")


class Spec(_Model):
    """A pipeline for Azure ML: its steps, compute targets and typed data edges."""

    amlshare: Literal[1] = Field(description="The version of this language.")
    name: str = Field(description="The pipeline's name.")
    description: str | None = Field(None, description="For people.")
    experiment: str | None = Field(None, description="Default: the name.")
    tags: dict[str, TextValue] = Field({}, description="Tags of the run.")
    include: Many = Field([], description="Files whose entries are added by name.")
    workspace: Workspace = Field(Workspace(), description="Where the pipeline belongs.")
    defaults: Defaults = Field(Defaults(), description="What a step takes that says nothing.")
    compute: dict[str, Annotated[Compute, BeforeValidator(_empty)]] = Field(
        {}, description="Compute targets by name."
    )
    environments: dict[str, Environment] = Field({}, description="Environments by name.")
    local: Local = Field(Local(), description="What stands in for the cloud on this machine.")
    parameters: dict[str, Annotated[Parameter, BeforeValidator(_typed)]] = Field(
        {}, description="Pipeline parameters: a value, or {type, default, description}."
    )
    data: dict[str, Data] = Field({}, description="Data from outside the pipeline.")
    steps: dict[str, Step] = Field(description="The steps by name.")
    outputs: dict[str, str] = Field({}, description="What the pipeline as a whole gives.")
    publish: Publish | None = Field(None, description="Defaults of `submit --publish`.")
    schedules: dict[str, Schedule] = Field({}, description="When the published pipeline runs.")
    targets: dict[str, Any] = Field({}, description="Overlays, chosen by `--target`.")


def _or(handler: GetJsonSchemaHandler, core: CoreSchema, short: Json) -> Json:
    """The schema of a model that has a short form."""
    full = handler.resolve_ref_schema(handler(core))
    return {"anyOf": [short, full], "description": full.pop("description", "")}


def parse_spec(data: object) -> Spec | ValidationError:
    """Plain data as a spec, or pydantic's errors: ``checks.schema`` makes sentences of them."""
    try:
        return Spec.model_validate(data)
    except ValidationError as error:
        return error


def json_schema() -> Json:
    """The JSON Schema of the language, for editors."""
    schema = Spec.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema
