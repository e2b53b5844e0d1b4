"""Rules about `data`: which keys belong to which type, and where it may lie."""

from __future__ import annotations

import re
from collections.abc import Iterator

from amlshare.diagnostics import Finding, Route
from amlshare.spec import Data, Spec

_GLOB = re.compile(r"[*?\[]")


def data_keys(spec: Spec) -> Iterator[Finding]:
    """missing-key, misplaced-key: a dataset has a name and a version, the others a location."""
    for name, data in spec.data.items():
        dataset = data.type == "dataset"
        needed = ("name", "version") if dataset else ("location",)
        alien = ("location", "upload", "datastore") if dataset else ("name", "version")
        for key in needed:
            if getattr(data, key) is None:
                yield _missing(name, data, key)
        for key in alien:
            if getattr(data, key) is not None:
                yield _alien(name, data, key)


def _missing(name: str, data: Data, key: str) -> Finding:
    help_ = {
        "name": "name the registered dataset: `name: airports`",
        "version": "pin it with `version: 3`, or say `version: latest`",
        "location": "say where it lies in the datastore: `location: raw/flights.csv`",
    }[key]
    return Finding(
        code="missing-key",
        message=f"data '{name}' is a {data.type} and has no '{key}'",
        route=("data", name),
        on="key",
        label=f"'{key}' is required",
        help=help_,
    )


def _alien(name: str, data: Data, key: str) -> Finding:
    article = "a registered dataset" if data.type == "dataset" else f"a {data.type}"
    return Finding(
        code="misplaced-key",
        message=f"{article} has no '{key}'",
        route=("data", name, key),
        on="key",
        label=f"data '{name}' has `type: {data.type}`",
        help=f"take `{key}` out, or change the type",
    )


def versions(spec: Spec) -> Iterator[Finding]:
    """bad-version: a number or `latest`."""
    uses: list[tuple[Route, str | None]] = [
        (("data", name, "version"), data.version) for name, data in spec.data.items()
    ]
    uses += [(("environments", n, "version"), env.version) for n, env in spec.environments.items()]
    for route, version in uses:
        if version is None or version == "latest" or (version.isdigit() and int(version) > 0):
            continue
        if route[0] == "environments":
            continue  # versions of environments are free text
        yield Finding(
            code="bad-version",
            message=f"'{version}' is no version",
            route=route,
            label="expected a number from 1 on, or latest",
        )


def locations(spec: Spec) -> Iterator[Finding]:
    """Rules of a data entry's location."""
    for name, data in spec.data.items():
        if data.location is not None:
            yield from location_form(data.location, ("data", name, "location"))
            yield from _glob_fits(name, data, data.location)


def location_form(location: str, route: Route) -> Iterator[Finding]:
    """absolute-location: a location is relative to its datastore and stays inside it."""
    if location.startswith("/") or "://" in location or re.match(r"[A-Za-z]:[\\/]", location):
        yield Finding(
            code="absolute-location",
            message=f"'{location}' is absolute",
            route=route,
            label="expected a path in the datastore",
            help="write it relative to the datastore; another place is another `datastore:`",
        )
    elif ".." in location.split("/") or "\\" in location:
        yield Finding(
            code="absolute-location",
            message=f"'{location}' leaves the datastore or uses a backslash",
            route=route,
            label="expected a path such as raw/flights.csv",
        )
    elif not location.strip():
        yield Finding(
            code="absolute-location",
            message="the location is empty",
            route=route,
            label="expected a path such as raw/",
        )


def _glob_fits(name: str, data: Data, location: str) -> Iterator[Finding]:
    if data.type == "path" and (glob := _GLOB.search(location)):
        yield Finding(
            code="path-glob",
            message=f"data '{name}' is a path, and a path cannot be a pattern",
            route=("data", name, "location"),
            fragment=glob.group(),
            label="a pattern",
            help="use `type: directory`, or name the folder",
        )
    elif data.format == "file" and _GLOB.search(location) is None and location.endswith("/"):
        yield Finding(
            code="file-location",
            message=f"data '{name}' is a file, and its location is a folder",
            route=("data", name, "location"),
            label="ends in /",
            help="name the file, or use `format: folder`",
        )


def table_is_registered(spec: Spec) -> Iterator[Finding]:
    """table-unregistered: `format: table` is a registered table whose format is known there."""
    for name, data in spec.data.items():
        if data.format == "table" and data.type != "dataset":
            yield Finding(
                code="table-unregistered",
                message=f"data '{name}' is a table that is not registered",
                route=("data", name, "format"),
                label="only a `type: dataset` can be a table of unknown format",
                help="say `format: csv` or `parquet`",
            )
