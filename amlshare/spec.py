"""The spec: the file, field for field. What pydantic cannot see is in ``checks``.

The models are frozen, refuse unknown keys and convert nothing (``strict``): a number where text
belongs is an error with its place. Short forms (``inputs: {flights: flights}``) are spelled out
here, so that whoever reads a :class:`Spec` sees one form only.
"""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

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
        except ValueError:
            pass
    raise PydanticCustomError("bad-size", "{form}", {"form": units.SIZE_FORM})


def _time(value: object) -> object:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        try:
            return units.parse_time(value)
        except ValueError:
            pass
    raise PydanticCustomError("bad-time", "{form}", {"form": units.TIME_FORM})


def _number(value: object) -> object:
    """A whole number, or a text that is one ``${parameters.N}``."""
    if isinstance(value, str):
        parts, bad = parse(value)
        if not bad and len(parts) == 1 and isinstance(parts[0], Reference):
            return parts[0]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise PydanticCustomError("bad-number", "a whole number from 1 on, or ${parameters.NAME}")


def _text(value: object) -> object:
    """Numbers and truth values where a text is meant: as they stand in YAML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) and _is_scalar(value) else value


def _whole(value: object) -> object:
    """A whole number itself: pydantic would take true and 1.0 for 1."""
    if type(value) in {bool, float}:
        raise PydanticCustomError("literal_error", "{expected}", {"expected": "1"})
    return value


def _is_scalar(value: object) -> bool:
    """A text, true, false or a number; one beyond the range of floats is none."""
    match value:
        case int():
            return value.bit_length() <= 1024
        case float():
            return isfinite(value)
        case _:
            return isinstance(value, str)


def _scalar(value: object) -> object:
    if _is_scalar(value):
        return value
    raise PydanticCustomError("not-a-scalar", "a text, a number, true or false")


def _argument(value: object) -> object:
    """A word, several words, or None for none."""
    items = value if isinstance(value, list) else [value]
    if all(item is None or _is_scalar(item) for item in items):
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
    """``[a, b]`` is short for both with every key at its default."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        if len(set(value)) < len(value):
            raise PydanticCustomError("duplicate-output", "each output once")
        return {name: {} for name in value}
    return value


def _empty(value: object) -> object:
    return {} if value is None else value


# What a spec holds, each with its form in the JSON Schema: that is what people write, not what
# the field becomes.

_SCALAR: Json = {"type": ["string", "number", "boolean"]}
_NAME = {"pattern": r"^[A-Za-z_][A-Za-z0-9_]*$"}
_NAMES: Json = {"propertyNames": _NAME}
_OUTPUT = r"^[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*$"
_SOURCE = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$"
_REFERENCE: Json = {
    "type": "string",
    "pattern": r"^\$\{\s*parameters\.[A-Za-z_][A-Za-z0-9_]*\s*\}$",
}

Size = Annotated[
    int,
    BeforeValidator(_size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": units.SIZE_PATTERN},
                {"type": "integer", "minimum": 0},
            ],
            "examples": ["30 MB", "2 GiB"],
        }
    ),
]
Time = Annotated[
    int,
    BeforeValidator(_time),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": units.TIME_PATTERN},
                {"type": "integer", "minimum": 1},
            ],
            "examples": ["90 s", "2h"],
        }
    ),
]
Scalar = Annotated[
    Any,
    BeforeValidator(_scalar),
    WithJsonSchema(_SCALAR | {"description": "A text, a number, true or false."}),
]
Argument = Annotated[
    Any,
    BeforeValidator(_argument),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["string", "number", "boolean", "null"]},
                {"type": "array", "items": {"type": ["string", "number", "boolean", "null"]}},
            ],
            "description": "A word; several words; true for the bare flag; false or null for none.",
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
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, _REFERENCE]}),
]
Version = Annotated[
    str,
    BeforeValidator(_text),
    WithJsonSchema({"type": ["string", "number"], "examples": [3, "latest"]}),
]
Count = Annotated[
    str,
    BeforeValidator(_text),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^\s*(==|>=|<=|>|<)?\s*\d+\s*$"},
                {"type": "integer", "minimum": 0},
            ]
        }
    ),
]
Day = Annotated[str, WithJsonSchema({"enum": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]})]
Tags = dict[
    str,
    Annotated[
        str, BeforeValidator(_text), WithJsonSchema(_SCALAR | {"description": "The tag's value."})
    ],
]
Env = dict[
    str,
    Annotated[
        str,
        BeforeValidator(_text),
        WithJsonSchema(_SCALAR | {"description": "The variable's value: literal text."}),
    ],
]


class _Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, defer_build=True, allow_inf_nan=False
    )


class Workspace(_Model):
    """Where the pipeline belongs. ``${env.NAME}`` may stand in each value."""

    subscription_id: str | None = Field(default=None, description="The Azure subscription's id.")
    resource_group: str | None = Field(default=None, description="The resource group.")
    name: str | None = Field(default=None, description="The workspace's name.")


class Defaults(_Model):
    """What every step takes where it says nothing itself."""

    compute: str | None = Field(
        default=None, description="A name under `compute`, or a cluster's own."
    )
    environment: str | None = Field(default=None, description="A name under `environments`.")
    datastore: str | None = Field(default=None, description="Where data and outputs lie.")
    code: str | None = Field(
        default=None, description="The folder uploaded as a step's snapshot, relative to this file."
    )
    reuse: bool | None = Field(default=None, description="Whether an unchanged step may be reused.")
    env: Env = Field(default={}, description="Environment variables of every step: literal text.")


class _Short(_Model):
    """A section that people may write in a shorter form, ``short`` in the JSON Schema."""

    short: ClassVar[Json]

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        full = handler.resolve_ref_schema(handler(core))
        outer = {key: full.pop(key) for key in ("title", "description")}
        return outer | {"anyOf": [cls.short, full]}


class Compute(_Short):
    """A compute target; an empty entry is a cluster of that name."""

    short = {"type": "null"}

    cluster: str | None = Field(
        default=None, description="Its name in the workspace; default: the key."
    )
    kind: Literal["amlcompute", "kubernetes", "instance"] = Field(
        default="amlcompute", description="What it is."
    )
    vm_size: str | None = Field(
        default=None, description="Such as Standard_DS3_v2; feeds the model."
    )
    min_nodes: int | None = Field(default=None, ge=0, description="Nodes kept when idle.")
    max_nodes: int | None = Field(default=None, ge=1, description="Nodes at most.")
    idle_seconds: int | None = Field(
        default=None, ge=0, description="Idle seconds before scaling down."
    )
    nodes: int | None = Field(default=None, ge=1, description="Nodes, for the movement model.")
    hourly_rate: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="The price of one node for an hour; `plan` shows what waiting costs.",
    )


class Environment(_Model):
    """One of: image [+ conda or pip]; dockerfile; conda or pip alone; registered + version."""

    image: str | None = Field(default=None, description="A container image, with its tag.")
    dockerfile: str | None = Field(default=None, description="A Dockerfile, relative to this file.")
    conda: str | None = Field(default=None, description="A conda file, relative to this file.")
    pip: Requirements | None = Field(
        default=None, description="Requirements: a list, or a file relative to this file."
    )
    registered: str | None = Field(default=None, description="An environment of the workspace.")
    version: Version | None = Field(default=None, description="Its version: a number or `latest`.")


class Local(_Model):
    """What stands in for the cloud when running or measuring on this machine."""

    datastores: dict[str, Annotated[str, Field(description="A folder or an fsspec URL.")]] = Field(
        default={},
        description="For each datastore a folder, relative to this file, or an fsspec URL.",
    )
    datasets: dict[str, Annotated[str, Field(description="A file, a folder or a URL.")]] = Field(
        default={},
        description="For each registered dataset a file or folder, relative to this file, or URL.",
    )
    python: str | None = Field(default=None, description="The interpreter that runs the steps.")


class Parameter(_Short):
    """A pipeline parameter: a value, or its type, default and description."""

    short = _SCALAR

    type: Literal["string", "integer", "number", "boolean"] | None = Field(
        default=None, description="Its type; taken from the default where that says it."
    )
    default: Scalar | None = Field(
        default=None, description="Its value; with none it must be given by `-p`."
    )
    description: str | None = Field(default=None, description="For people.")


class Data(_Model):
    """Data from outside the pipeline."""

    type: Literal["path", "directory", "dataset"] = Field(
        description="path: passed by where it lies; directory: files at a location; "
        "dataset: registered and versioned."
    )
    location: str | None = Field(default=None, description="Where it lies in the datastore.")
    datastore: str | None = Field(default=None, description="The datastore; default: `defaults`.")
    name: str | None = Field(default=None, description="A registered dataset's name.")
    version: Version | None = Field(default=None, description="Its version: a number or `latest`.")
    format: Literal["folder", "file", "csv", "parquet", "table"] = Field(
        default="folder",
        description="What it is; csv, parquet and table are tables when read `direct`.",
    )
    parameter: bool = Field(default=False, description="Whether `-p` may replace it at submit.")
    upload: str | None = Field(
        default=None, description="A local file or folder put there before the run when it is new."
    )
    partitions: str | None = Field(default=None, description='Such as "{user}/{day}.csv".')
    size: Size | None = Field(default=None, description="A hint: its bytes.")
    files: int | None = Field(default=None, ge=0, description="A hint: how many files.")


class Reads(_Model):
    """How a step reads an input: hints for the movement model."""

    fraction: float = Field(
        default=1.0, gt=0, le=1, strict=False, description="The part that is read."
    )
    passes: int = Field(default=1, ge=1, description="How many times it is read.")
    pattern: Literal["sequential", "random"] = Field(
        default="sequential", description="In what order."
    )


class Input(_Short):
    """Data, or another step's output, that a step reads."""

    short = {"type": "string", "pattern": _SOURCE}

    source: str = Field(alias="from", description="DATA or STEP.OUTPUT.")
    mode: Literal["mount", "download", "direct", "auto"] = Field(
        default="auto", description="How the data reaches the step."
    )
    at: str | None = Field(default=None, description="The path on the compute target (v1).")
    reads: Reads | None = Field(default=None, description="How it is read: hints.")


class Expect(_Model):
    """The contract of an output: a step that breaks it fails, and nothing is registered."""

    files: Count | None = Field(default=None, description='How many files: 3, ">=1", "<100".')
    glob: str | None = Field(default=None, description="A pattern that at least one file matches.")
    min_size: Size | None = Field(default=None, description="The least bytes in all.")


class Output(_Short):
    """What a step writes; an empty entry is a path to a folder."""

    short = {"type": "null"}

    type: Literal["path", "directory", "dataset"] = Field(
        default="path",
        description="path: handed on; directory: kept; dataset: kept and registered.",
    )
    format: Literal["folder", "file", "csv", "parquet"] = Field(
        default="folder", description="What it is."
    )
    mode: Literal["mount", "upload", "auto"] = Field(
        default="auto", description="How it is written."
    )
    datastore: str | None = Field(default=None, description="The datastore; default: `defaults`.")
    location: str | None = Field(
        default=None, description="Where; default: {pipeline}/{step}/{output}/{run-id}/."
    )
    name: str | None = Field(default=None, description="The registered dataset's name.")
    description: str | None = Field(
        default=None, description="The registered dataset's description."
    )
    tags: Tags = Field(default={}, description="The registered dataset's tags.")
    overwrite: bool = Field(default=False, description="Whether a fixed location may be replaced.")
    only: list[str] = Field(default=[], description="Globs: only these files are uploaded.")
    expect: Expect | None = Field(
        default=None, description="What must be there when the step ends."
    )
    size: Size | None = Field(default=None, description="A hint: its bytes.")
    files: int | None = Field(default=None, ge=0, description="A hint: how many files.")


class _ListedForms:
    """``outputs`` and ``scratch`` in a JSON Schema: a list of names too."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        listed = {"type": "array", "items": {"type": "string"} | _NAME, "uniqueItems": True}
        return {"anyOf": [listed, handler(core) | _NAMES]}


Outputs = Annotated[
    dict[str, Annotated[Output, BeforeValidator(_empty)]], BeforeValidator(_listed), _ListedForms
]


class Scratch(_Short):
    """A place for what one part of a sequence hands to the next; an empty entry is a folder."""

    short = {"type": "null"}

    format: Literal["folder", "file"] = Field(default="folder", description="What it is.")


Scratches = Annotated[
    dict[str, Annotated[Scratch, BeforeValidator(_empty)]], BeforeValidator(_listed), _ListedForms
]


class Distribution(_Model):
    """How the processes of a step on several nodes find each other."""

    type: Literal["mpi", "pytorch", "tensorflow"] = Field(description="The framework's way.")
    processes_per_node: int = Field(default=1, ge=1, description="Processes on each node.")


class Parallel(_Model):
    """A script with init() and run(mini_batch), called over the files or rows of an input."""

    script: str = Field(description="The script, relative to `code`.")
    over: str = Field(description="The input that is cut into mini batches.")
    mini_batch: Scalar | None = Field(default=None, description='"10" files, or "10 KB" of rows.')
    partition_by: list[str] = Field(default=[], description="Keys of the data's `partitions`.")
    nodes: NumberOrReference = Field(default=1, description="Nodes.")
    processes_per_node: NumberOrReference | None = Field(
        default=None, description="Processes on each."
    )
    allow_failed: int = Field(default=0, ge=-1, description="How many items may fail; -1: all.")
    batch_timeout: Time | None = Field(
        default=None, description="The time that one mini batch may take."
    )
    batch_retries: int | None = Field(
        default=None, ge=0, description="How often a mini batch is retried."
    )
    rows_to: str | None = Field(
        default=None, description="OUTPUT/FILE: where returned rows are written."
    )


class Part(_Model):
    """A part of a sequence: exactly one of `script` and `command`."""

    script: str | None = Field(default=None, description="A Python script, relative to `code`.")
    command: str | None = Field(default=None, description="One line for bash.")
    title: str | None = Field(default=None, description="For people.")
    arguments: Arguments = Field(
        default=[], description="Words of the script, or FLAG: VALUE (passed sorted by flag)."
    )


class Step(_Model):
    """A step: exactly one of `script`, `command`, `parallel` and `sequence`."""

    script: str | None = Field(default=None, description="A Python script, relative to `code`.")
    command: str | None = Field(default=None, description="One line for bash.")
    parallel: Parallel | None = Field(
        default=None, description="A script run over many files or rows."
    )
    sequence: list[Part] | None = Field(
        default=None, description="Scripts and commands, run one after the other in one place."
    )
    scratch: Scratches = Field(
        default={},
        description="Places on the step's own disk, for what its sequence hands on: a list of "
        "names, or NAME: {format: ..}.",
    )
    title: str | None = Field(default=None, description="For people.")
    description: str | None = Field(default=None, description="For people.")
    code: str | None = Field(
        default=None,
        description="The folder uploaded as the snapshot, relative to this file; or `none`.",
    )
    compute: str | None = Field(
        default=None, description="A name under `compute`, or a cluster's own."
    )
    environment: str | None = Field(default=None, description="A name under `environments`.")
    inputs: dict[str, Annotated[Input, BeforeValidator(_source)]] = Field(
        default={},
        description="What it reads: INPUT: SOURCE, or INPUT: {from: SOURCE, mode: ..}.",
        json_schema_extra=_NAMES,
    )
    outputs: Outputs = Field(
        default={}, description="What it writes: a list of names, or OUTPUT: {type: ..}."
    )
    arguments: Arguments = Field(
        default=[], description="Words, or FLAG: VALUE (passed sorted by flag)."
    )
    env: Env = Field(default={}, description="Environment variables: literal text.")
    after: Many = Field(default=[], description="Steps that must finish first.")
    reuse: bool | None = Field(default=None, description="Whether it may be reused when unchanged.")
    retries: int = Field(default=0, ge=0, description="How often it is tried again.")
    nodes: NumberOrReference = Field(
        default=1, description="Nodes; more than 1 needs `distribution`."
    )
    distribution: Distribution | None = Field(default=None, description="How nodes work together.")
    timeout: Time | None = Field(default=None, description='The time it may take, such as "2h".')
    tags: Tags = Field(default={}, description="Tags; `--select tag:x` finds them.")


class Publish(_Model):
    """Defaults of `submit --publish`."""

    endpoint: str | None = Field(default=None, description="The pipeline endpoint's name.")
    version: Version | None = Field(default=None, description="A label of the version.")
    description: str | None = Field(default=None, description="For people.")
    continue_on_step_failure: bool = Field(
        default=False, description="Whether other branches go on when a step fails."
    )


class Schedule(_Model):
    """One of: {every, at, days, time_zone}, {cron, time_zone}, {on_change, poll}."""

    every: str | None = Field(default=None, description='Such as "2 days", "1 hour", "week".')
    at: Many = Field(default=[], description='Times of day, such as "22:30".')
    days: list[Day] = Field(
        default=[], description="Days of the week: mon, tue, wed, thu, fri, sat, sun."
    )
    time_zone: str | None = Field(default=None, description="Such as Europe/Berlin; default UTC.")
    cron: str | None = Field(default=None, description="On v1 only one that equals a recurrence.")
    on_change: str | None = Field(default=None, description="DATA whose location is watched.")
    poll: Time | None = Field(default=None, description="How often it is looked at.")
    parameters: dict[str, Scalar] = Field(
        default={}, description="Values of parameters for this schedule's runs."
    )
    experiment: str | None = Field(default=None, description="Default: the pipeline's.")


class _Overlay:
    """A target in a JSON Schema: the sections of a spec, in part."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> Json:
        sections = {
            name: {"description": field.description}
            for name, field in Spec.model_fields.items()
            if name not in _FIXED
        }
        return {
            "type": "object",
            "description": "Merged over the spec: lists and values replace, null deletes.",
            "properties": sections,
            "additionalProperties": False,
        }


_FIXED = ("amlshare", "include", "targets")


class Spec(_Model):
    """A pipeline for Azure ML: its steps, compute targets and typed data edges."""

    amlshare: Annotated[Literal[1], BeforeValidator(_whole)] = Field(
        description="The version of this language."
    )
    name: str = Field(description="The pipeline's name.", examples=["flight_delays"])
    description: str | None = Field(default=None, description="For people.")
    experiment: str | None = Field(
        default=None, description="The experiment that its runs belong to; default: the name."
    )
    tags: Tags = Field(default={}, description="Tags of the run.")
    include: list[str] = Field(
        default=[], description="Files, relative to this one, whose entries are added by name."
    )
    workspace: Workspace = Field(
        default_factory=Workspace, description="Where the pipeline belongs."
    )
    defaults: Defaults = Field(
        default_factory=Defaults, description="What every step takes where it says nothing itself."
    )
    compute: dict[str, Annotated[Compute, BeforeValidator(_empty)]] = Field(
        default={}, description="Compute targets by name."
    )
    environments: dict[str, Environment] = Field(default={}, description="Environments by name.")
    local: Local = Field(
        default_factory=Local, description="What stands in for the cloud on this machine."
    )
    parameters: dict[str, Annotated[Parameter, BeforeValidator(_typed)]] = Field(
        default={},
        description="Pipeline parameters: a value, or {type, default, description}.",
        json_schema_extra=_NAMES,
    )
    data: dict[str, Data] = Field(
        default={}, description="Data from outside the pipeline, by name.", json_schema_extra=_NAMES
    )
    steps: dict[str, Step] = Field(
        description="The steps by name. They run in the order in which they need each other.",
        json_schema_extra={
            "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,99}$"},
            "minProperties": 1,
        },
    )
    outputs: dict[
        str,
        Annotated[
            str,
            WithJsonSchema({"type": "string", "pattern": _OUTPUT, "description": "Its source."}),
        ],
    ] = Field(default={}, description="What the pipeline as a whole gives: NAME: STEP.OUTPUT.")
    publish: Publish | None = Field(default=None, description="Defaults of `submit --publish`.")
    schedules: dict[str, Schedule] = Field(
        default={}, description="When the published pipeline runs."
    )
    targets: dict[str, Annotated[Any, _Overlay]] = Field(
        default={}, description="Overlays, such as dev and prod, chosen by `--target`."
    )


def parse_spec(data: object) -> Spec | ValidationError:
    """Plain data as a spec, or pydantic's errors: ``checks.schema`` makes sentences of them."""
    try:
        return Spec.model_validate(data)
    except ValidationError as error:
        return error


def json_schema() -> Json:
    """The JSON Schema of the language, for editors."""
    from pydantic.json_schema import GenerateJsonSchema

    class Generator(GenerateJsonSchema):
        """Keys speak for themselves: no titles made of them."""

        def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
            return False

    schema: Json = _tidy(Spec.model_json_schema(schema_generator=Generator))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def _tidy(schema: Any) -> Any:
    """Without what tells a person nothing: a default of null, and "or null" as a branch."""
    if isinstance(schema, list):
        return [_tidy(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {key: _tidy(value) for key, value in schema.items()}
    if "default" in tidy and tidy["default"] is None:
        del tidy["default"]
    match tidy.get("anyOf"):
        case [{"type": str(one), **rest}, {"type": "null"}] if "enum" not in rest:
            del tidy["anyOf"]
            return tidy | {"type": [one, "null"], **rest}
        case [{"anyOf": list(forms), **rest}, {"type": "null"} as null]:
            return tidy | {"anyOf": [*forms, null], **rest}
        case _:
            return tidy
