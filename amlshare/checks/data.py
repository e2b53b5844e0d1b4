"""Rules about `data`: which keys belong to which type, and where it may lie."""

from __future__ import annotations

import re
from collections.abc import Iterator

from amlshare.checks.parallel import partition_keys
from amlshare.diagnostics import Finding, Route
from amlshare.spec import Spec

GLOB = re.compile(r"[*?\[]")
_BRACES = re.compile(r"\{[^{}]*\}")
_LIKE_A_FILE = re.compile(
    r"[^/]+\.(csv|tsv|txt|json|jsonl|parquet|feather|avro|xlsx?|pkl|pickle|npy|npz|h5|zip|gz|tar"
    r"|xml|joblib|onnx|pt|pth|jpe?g|png)",
    re.IGNORECASE,
)
# azureml://datastores/NAME/paths/PATH, as SDK v2 writes it
_V2_LOCATION = re.compile(r"azureml://(?:.*/)?datastores/([^/]+)/paths/(.+)")


def keys_given(spec: Spec) -> Iterator[Finding]:
    """missing-key: a dataset has a name and a version, the others have a location."""
    for name, data in spec.data.items():
        for key in ("name", "version") if data.type == "dataset" else ("location",):
            if getattr(data, key) is None:
                yield Finding(
                    code="missing-key",
                    message=f"data '{name}' is a {data.type} and has no '{key}'",
                    route=("data", name),
                    on="key",
                    label=f"'{key}' is required",
                    help=_MISSING[key],
                )


_MISSING = {
    "name": "name the registered dataset: `name: airports`",
    "version": "pin it with `version: 3`, or say `version: latest`",
    "location": "say where it lies in the datastore: `location: raw/flights.csv`",
}
_ALIEN = {
    "dataset": ("location", "datastore", "upload"),
    "directory": ("name", "version"),
    "path": ("name", "version", "partitions"),
}


def keys_fit(spec: Spec) -> Iterator[Finding]:
    """misplaced-key: a key that belongs to data of another type."""
    for name, data in spec.data.items():
        for key in _ALIEN[data.type]:
            if getattr(data, key) is not None:
                what = "a registered dataset" if data.type == "dataset" else f"a {data.type}"
                yield Finding(
                    code="misplaced-key",
                    message=f"{what} has no '{key}'",
                    route=("data", name, key),
                    on="key",
                    label=f"data '{name}' has `type: {data.type}`",
                    help=f"take `{key}` out, or change the type",
                )


def versions(spec: Spec) -> Iterator[Finding]:
    """bad-version: a number or `latest`; those of environments are free text."""
    for name, data in spec.data.items():
        version = data.version
        if version and version != "latest" and not re.fullmatch(r"[1-9]\d*", version, re.ASCII):
            yield Finding(
                code="bad-version",
                message=f"'{version}' is no version",
                route=("data", name, "version"),
                label="expected a number, or latest",
            )


def locations(spec: Spec) -> Iterator[Finding]:
    """absolute-location, location-outside: a data entry's location stays in its datastore."""
    for name, data in spec.data.items():
        if data.location is not None:
            yield from location_form(data.location, ("data", name, "location"))


def location_form(location: str, route: Route) -> Iterator[Finding]:
    """absolute-location, location-outside: relative to its datastore, and inside it."""
    if location.startswith("/") or "://" in location or re.match(r"[A-Za-z]:[\\/]", location):
        v2 = _V2_LOCATION.fullmatch(location)
        yield Finding(
            code="absolute-location",
            message=f"'{location}' is absolute",
            route=route,
            label="expected a path in the datastore",
            help=f"write `datastore: {v2[1]}` and `location: {v2[2]}`"
            if v2
            else "write it relative to the datastore; another place is another `datastore:`",
        )
    elif ".." in location.split("/"):
        yield Finding(
            code="location-outside",
            message=f"'{location}' leaves the datastore",
            route=route,
            fragment="..",
            label="there is nothing above a datastore",
            help="write the path without `..`",
        )


def paths_plain(spec: Spec) -> Iterator[Finding]:
    """path-pattern: a path is one file or folder."""
    for name, data in spec.data.items():
        glob = GLOB.search(data.location or "")
        if data.type == "path" and glob:
            yield Finding(
                code="path-pattern",
                message=f"data '{name}' is a path, and a path cannot be a pattern",
                route=("data", name, "location"),
                fragment=glob.group(),
                label="a pattern",
                help="use `type: directory`, or name the folder",
            )


def formats_fit(spec: Spec) -> Iterator[Finding]:
    """folder-as-file, file-as-folder: `format` and the look of the location disagree."""
    for name, data in spec.data.items():
        location = data.location or ""
        if GLOB.search(location):
            continue
        if data.format == "file" and location.endswith("/"):
            yield Finding(
                code="folder-as-file",
                message=f"data '{name}' is a file, and its location is a folder",
                route=("data", name, "location"),
                label="ends in /",
                help="name the file, or use `format: folder`",
            )
        elif data.format == "folder" and _LIKE_A_FILE.fullmatch(location.rpartition("/")[2]):
            yield Finding(
                code="file-as-folder",
                severity="warning",
                message=f"data '{name}' is a folder, and its location looks like a file",
                route=("data", name, "location"),
                label="a file?",
                help="say `format: file` (or csv, parquet): `folder` holds where nothing is said",
            )


def placeholders(spec: Spec) -> Iterator[Finding]:
    """placeholder-in-data: only an output's location is filled in."""
    for name, data in spec.data.items():
        if braces := _BRACES.search((data.location or "").replace("${", "")):
            yield Finding(
                code="placeholder-in-data",
                message=f"{braces.group()} means nothing where data lies",
                route=("data", name, "location"),
                fragment=braces.group(),
                label="data has one place",
                help="use a pattern such as raw/*/flights.csv, or `parameter: true` and `-p`",
            )


def uploads(spec: Spec) -> Iterator[Finding]:
    """upload-to-pattern: a file is put at a place, not at a pattern."""
    for name, data in spec.data.items():
        location = data.location or ""
        glob = GLOB.search(location)
        if data.upload is not None and glob and data.type != "dataset":
            folder = location[: glob.start()].rpartition("/")[0] or "raw"
            yield Finding(
                code="upload-to-pattern",
                message=f"data '{name}' is uploaded, and its location is a pattern",
                route=("data", name, "location"),
                fragment=glob.group(),
                label="where to?",
                help=f"name the folder: `location: {folder}/`",
            )


def partitions(spec: Spec) -> Iterator[Finding]:
    """bad-partitions: a layout such as "{user}/{day}.csv"."""
    for name, data in spec.data.items():
        if data.partitions is None or not data.partitions.strip():
            continue
        keys = partition_keys(data.partitions)
        rest = re.sub(r"\{[A-Za-z_]\w*\}", "", data.partitions)
        if not keys or "{" in rest or "}" in rest or len(set(keys)) < len(keys):
            yield Finding(
                code="bad-partitions",
                message=f"'{data.partitions}' is no layout of files",
                route=("data", name, "partitions"),
                label="expected keys in braces, each once",
                help='for example `partitions: "{user}/{day}.csv"`',
            )


def tables_registered(spec: Spec) -> Iterator[Finding]:
    """table-unregistered: `format: table` is a registered table whose format is known there."""
    for name, data in spec.data.items():
        if data.format == "table" and data.type != "dataset":
            yield Finding(
                code="table-unregistered",
                message=f"data '{name}' is a table that is not registered",
                route=("data", name, "format"),
                label="goes with `type: dataset`",
                help="say `format: csv` or `parquet`",
            )


def registered_names(spec: Spec) -> Iterator[Finding]:
    """bad-dataset-name, for datasets that are read: SDK v1 let people use blanks."""
    for name, data in spec.data.items():
        if data.name and data.name.strip() and not re.fullmatch(r"\w[\w .-]*", data.name):
            yield bad_dataset_name(data.name, ("data", name, "name"))


def bad_dataset_name(name: str, route: Route) -> Finding:
    """The finding of a name that no dataset can have."""
    fixed = re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).strip("_")
    return Finding(
        code="bad-dataset-name",
        message=f"'{name}' cannot be a dataset's name",
        route=route,
        label=f"for example '{fixed}'" if fixed and fixed != name else "",
        help="letters, digits, _, - and . only; a version stands under `version:`",
    )
