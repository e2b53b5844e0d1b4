"""Rules about outputs: where they are written, under which name, what is expected of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from amlshare.checks.data import location_form
from amlshare.checks.names import DATASET_NAME
from amlshare.diagnostics import Finding, Note, Route, closest
from amlshare.spec import Output, Spec

PLACEHOLDERS = ("pipeline", "step", "output", "output-name", "run-id")
_BRACES = re.compile(r"\{([^{}]*)\}")
EXPECTED_FILES = re.compile(r"(==|>=|<=|>|<)?\s*(\d+)", re.ASCII)


def each_output(spec: Spec) -> Iterator[tuple[str, str, Output, Route]]:
    """Every output with its step, its name and its route."""
    for step, body in spec.steps.items():
        for name, output in body.outputs.items():
            yield step, name, output, ("steps", step, "outputs", name)


def locations(spec: Spec) -> Iterator[Finding]:
    """absolute-location, unknown-placeholder, location-of-path."""
    for _step, _name, output, route in each_output(spec):
        if output.location is None:
            continue
        where = (*route, "location")
        if output.type == "path":
            yield Finding(
                code="location-of-path",
                message="a path output has no location",
                route=where,
                on="key",
                label="Azure ML chooses where it lies",
                help="use `type: directory` for files at a place you choose",
            )
        yield from location_form(output.location, where)
        for braces in _BRACES.finditer(output.location):
            if braces.group(1) not in PLACEHOLDERS:
                yield _unknown_placeholder(braces.group(), braces.group(1), where)


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
    for _step, name, output, route in each_output(spec):
        fixed = output.location is not None and "{run-id}" not in output.location
        if fixed and output.type != "path" and output.mode != "mount" and not output.overwrite:
            yield Finding(
                code="fixed-location",
                message=f"output '{name}' goes to a fixed location and may not overwrite it",
                route=(*route, "location"),
                label="the second run would fail",
                help="add {run-id} to the location to keep every run, "
                "or `overwrite: true` to replace it",
            )


def shared_locations(spec: Spec) -> Iterator[Finding]:
    """shared-location, shared-registration: two outputs that write over each other."""
    places: dict[tuple[str, ...], Route] = {}
    for step, name, output, route in each_output(spec):
        keys = [("name", output.name)] if output.name and output.type == "dataset" else []
        if output.location is not None and output.type != "path":
            place = fill(output.location, spec.name, step, name).strip("/")
            keys.append(("location", output.datastore or spec.defaults.datastore or "", place))
        for key in keys:
            if other := places.get(key):
                yield _shared(key[0], (*route, key[0]), other)
            places.setdefault(key, (*route, key[0]))


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


def _shared(key: str, route: Route, other: Route) -> Finding:
    what = "one location" if key == "location" else "one dataset name"
    code = "shared-location" if key == "location" else "shared-registration"
    return Finding(
        code=code,
        message=f"two outputs have {what}",
        route=route,
        label=f"also that of '{other[1]}.{other[3]}'",
        help="{step} and {output} in a location keep outputs apart"
        if key == "location"
        else "give each its own name",
        notes=(Note(message="the other", route=other),),
    )


def registration(spec: Spec) -> Iterator[Finding]:
    """missing-key, misplaced-key, bad-dataset-name: only a dataset is registered, under a name."""
    for step, name, output, route in each_output(spec):
        if output.type == "dataset":
            if output.name is None:
                yield Finding(
                    code="missing-key",
                    message=f"output '{name}' of step '{step}' is a dataset and has no 'name'",
                    route=route,
                    on="key",
                    label="'name' is required",
                    help=f"name the registered dataset: `name: {name}`",
                )
            elif not DATASET_NAME.fullmatch(output.name):
                yield _bad_dataset_name(output.name, (*route, "name"))
            continue
        for key in ("name", "description", "tags"):
            if getattr(output, key):
                yield Finding(
                    code="misplaced-key",
                    message=f"output '{name}' is a {output.type} and is not registered",
                    route=(*route, key),
                    on="key",
                    label=f"`{key}` belongs to a registered dataset",
                    help="use `type: dataset`, or take it out",
                )


def dataset_names(spec: Spec) -> Iterator[Finding]:
    """bad-dataset-name, for the datasets that are read."""
    for name, data in spec.data.items():
        if data.name is not None and not DATASET_NAME.fullmatch(data.name):
            yield _bad_dataset_name(data.name, ("data", name, "name"))


def _bad_dataset_name(name: str, route: Route) -> Finding:
    return Finding(
        code="bad-dataset-name",
        message=f"'{name}' cannot be a dataset's name",
        route=route,
        label="letters, digits, _, - and . only",
    )


def mode_fits(spec: Spec) -> Iterator[Finding]:
    """only-without-upload: globs choose what is uploaded."""
    for _step, _name, output, route in each_output(spec):
        if output.only and (output.mode == "mount" or output.type == "path"):
            yield Finding(
                code="only-without-upload",
                message="`only` chooses the files of an upload",
                route=(*route, "only"),
                on="key",
                label="this output is written through a mount"
                if output.mode == "mount"
                else "this output is a path",
                help="use `type: directory` (or dataset) with `mode: upload`",
            )


def expectations(spec: Spec) -> Iterator[Finding]:
    """bad-expect: a contract that says something, in a form that is known."""
    for _step, _name, output, route in each_output(spec):
        expect = output.expect
        if expect is None:
            continue
        if expect.files is None and expect.glob is None and expect.min_size is None:
            yield Finding(
                code="bad-expect",
                message="`expect` expects nothing",
                route=(*route, "expect"),
                on="key",
                help='say `files: ">=1"`, `glob: "*.csv"` or `min_size: 1 KB`',
            )
        elif expect.files is not None and not EXPECTED_FILES.fullmatch(expect.files.strip()):
            yield Finding(
                code="bad-expect",
                message=f"'{expect.files}' is no number of files",
                route=(*route, "expect", "files"),
                label='expected a number such as 3 or ">=1"',
            )
