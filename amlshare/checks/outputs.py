"""Rules about outputs: where they are written, under which name, what is expected of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from amlshare.checks.data import GLOB, bad_dataset_name, location_form
from amlshare.checks.names import DATASET_NAME
from amlshare.checks.views import each_output
from amlshare.diagnostics import Finding, Note, Route, closest
from amlshare.spec import Output, Spec

DEFAULT_DATASTORE = "workspaceblobstore"
PLACEHOLDERS = ("pipeline", "step", "output", "output-name", "run-id")
_BRACES = re.compile(r"(?<!\$)\{([^{}]*)\}")
EXPECTED_FILES = re.compile(r"(==|>=|<=|>|<)?\s*(\d+)", re.ASCII)


def _placed(spec: Spec) -> Iterator[tuple[str, str, Output, Route, str]]:
    """The outputs at a place of their own, with the route of the location, and the location."""
    for step, name, output, route in each_output(spec):
        if output.location is not None and output.type != "path":
            yield step, name, output, (*route, "location"), output.location


def paths_unplaced(spec: Spec) -> Iterator[Finding]:
    """location-of-path: where a path lies is the workspace's affair."""
    for _, _, output, route in each_output(spec):
        if output.location is not None and output.type == "path":
            yield Finding(
                code="location-of-path",
                message="a path output has no location",
                route=(*route, "location"),
                on="key",
                label="Azure ML chooses where it lies",
                help="use `type: directory` for files at a place you choose",
            )


def locations(spec: Spec) -> Iterator[Finding]:
    """absolute-location, location-outside: an output's location stays in its datastore."""
    for _, _, _, route, location in _placed(spec):
        yield from location_form(location, route)


def locations_plain(spec: Spec) -> Iterator[Finding]:
    """output-to-pattern: an output is written to one place."""
    for _, name, _, route, location in _placed(spec):
        if glob := GLOB.search(location):
            yield Finding(
                code="output-to-pattern",
                message=f"the location of output '{name}' is a pattern",
                route=route,
                fragment=glob.group(),
                label="where to?",
                help="name a folder; `only:` chooses which files are uploaded",
            )


def placeholders(spec: Spec) -> Iterator[Finding]:
    """unknown-placeholder: {date} would become part of the name."""
    for _, _, _, route, location in _placed(spec):
        for braces in _BRACES.finditer(location):
            if braces.group(1) not in PLACEHOLDERS:
                yield _unknown_placeholder(braces.group(), braces.group(1), route)


def _unknown_placeholder(text: str, name: str, route: Route) -> Finding:
    similar = closest(name, PLACEHOLDERS)
    return Finding(
        code="unknown-placeholder",
        message=f"{text} means nothing in a location",
        route=route,
        fragment=text,
        label=f"did you mean '{{{similar}}}'?" if similar else "",
        help=f"known: {', '.join('{' + known + '}' for known in PLACEHOLDERS)}",
    )


def fixed_locations(spec: Spec) -> Iterator[Finding]:
    """fixed-location: uploads to a fixed place fail on the second run."""
    for _, name, output, route, location in _placed(spec):
        if "{run-id}" not in location and output.mode != "mount" and not output.overwrite:
            yield Finding(
                code="fixed-location",
                message=f"output '{name}' goes to a fixed location and may not overwrite it",
                route=route,
                label="the second run would fail",
                help="add {run-id} to the location to keep every run, "
                "or `overwrite: true` to replace it",
            )


def shared_locations(spec: Spec) -> Iterator[Finding]:
    """shared-location, nested-location: two outputs that write over or into each other."""
    places: dict[tuple[str, str], Route] = {}
    for step, name, output, route, location in _placed(spec):
        datastore = output.datastore or spec.defaults.datastore or DEFAULT_DATASTORE
        key = (datastore, fill(location, spec.name, step, name).strip("/"))
        if other := places.get(key):
            yield _shared_location(route, other)
        places.setdefault(key, route)
    for (datastore, place), route in places.items():
        parts = place.split("/")
        for end in range(1, len(parts)):
            if outer := places.get((datastore, "/".join(parts[:end]))):
                yield _nested_location(route, outer)
                break


def fill(location: str, pipeline: str, step: str, output: str) -> str:
    """A location with all but ``{run-id}`` filled in."""
    for word, value in (
        ("pipeline", pipeline),
        ("step", step),
        ("output", output),
        ("output-name", output),
    ):
        location = location.replace("{" + word + "}", value)
    return location


def _shared_location(route: Route, other: Route) -> Finding:
    return Finding(
        code="shared-location",
        message="two outputs have one location",
        route=route,
        label=f"also that of '{other[1]}.{other[3]}'",
        help="{step} and {output} in a location keep outputs apart",
        notes=(Note(message="the other", route=other),),
    )


def _nested_location(route: Route, outer: Route) -> Finding:
    return Finding(
        code="nested-location",
        severity="warning",
        message=f"'{route[1]}.{route[3]}' is written into '{outer[1]}.{outer[3]}'",
        route=route,
        label="whoever reads that one reads this too",
        help="put them beside each other",
        notes=(Note(message="the outer one", route=outer),),
    )


def shared_registrations(spec: Spec) -> Iterator[Finding]:
    """shared-registration: two outputs that would be versions of one dataset."""
    names: dict[str, Route] = {}
    for _, _, output, route in each_output(spec):
        if output.name is None or output.type != "dataset":
            continue
        if other := names.get(output.name):
            yield Finding(
                code="shared-registration",
                message=f"two outputs are registered as '{output.name}'",
                route=(*route, "name"),
                label=f"also '{other[1]}.{other[3]}'",
                help="give each its own name",
                notes=(Note(message="the other", route=other),),
            )
        names.setdefault(output.name, (*route, "name"))


def names_given(spec: Spec) -> Iterator[Finding]:
    """missing-key: a dataset is registered under a name."""
    for step, name, output, route in each_output(spec):
        if output.type == "dataset" and output.name is None:
            yield Finding(
                code="missing-key",
                message=f"output '{name}' of step '{step}' is a dataset and has no 'name'",
                route=route,
                on="key",
                label="'name' is required",
                help=f"name the registered dataset: `name: {name}`",
            )


def keys_fit(spec: Spec) -> Iterator[Finding]:
    """misplaced-key: only a dataset is registered."""
    for _, name, output, route in each_output(spec):
        if output.type == "dataset" or not (output.name or output.description or output.tags):
            continue
        keys = [key for key in ("name", "description", "tags") if getattr(output, key)]
        listed = " and ".join(f"`{key}`" for key in keys)
        yield Finding(
            code="misplaced-key",
            message=f"output '{name}' is a {output.type} and is not registered",
            route=(*route, keys[0]),
            on="key",
            label=f"{listed} {'goes' if len(keys) == 1 else 'go'} with a registered dataset",
            help=f"use `type: dataset`, or take {listed} out",
        )


def registered_names(spec: Spec) -> Iterator[Finding]:
    """bad-dataset-name, for the datasets that are registered."""
    for _, _, output, route in each_output(spec):
        if output.name and output.type == "dataset" and not DATASET_NAME.fullmatch(output.name):
            yield bad_dataset_name(output.name, (*route, "name"))


def uploads_only(spec: Spec) -> Iterator[Finding]:
    """only-without-upload: globs choose what is uploaded."""
    for _, _, output, route in each_output(spec):
        if output.only and (output.mode == "mount" or output.type == "path"):
            path = output.type == "path"
            yield Finding(
                code="only-without-upload",
                message="`only` chooses the files of an upload",
                route=(*route, "only"),
                on="key",
                label="this output is a path" if path else "this output is written as it is made",
                help="use `type: directory` (or dataset) with `mode: upload`",
            )


def expectations_said(spec: Spec) -> Iterator[Finding]:
    """empty-expect: a contract that says nothing."""
    for _, _, output, route in each_output(spec):
        if output.expect is not None and not output.expect.model_dump(exclude_none=True):
            yield Finding(
                code="empty-expect",
                message="`expect` expects nothing",
                route=(*route, "expect"),
                on="key",
                help='say `files: ">=1"`, `glob: "*.csv"` or `min_size: 1 KB`',
            )


def expected_files(spec: Spec) -> Iterator[Finding]:
    """bad-file-count: a number of files, or a comparison with one."""
    for _, _, output, route in each_output(spec):
        files = output.expect.files if output.expect else None
        if files is not None and not EXPECTED_FILES.fullmatch(files.strip()):
            yield Finding(
                code="bad-file-count",
                message=f"'{files}' is no number of files",
                route=(*route, "expect", "files"),
                label='expected a number such as 3 or ">=1"',
            )
