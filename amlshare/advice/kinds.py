"""Which kind of edge serves: path, directory or dataset.

| what it is                                            | serves best | said                      |
|-------------------------------------------------------|-------------|---------------------------|
| data, path or directory, of 1 MB or more, that several| dataset     | `dataset-serves-better`   |
| steps read and no lock pins                           |             |                           |
| data, path or directory, found changed twice or more  | dataset     | `dataset-serves-better`   |
| data that another `-p` or `upload:` puts in its place | as it is    | nothing: a run says which |
| other data, and a dataset                             | as it is    | nothing                   |
| a directory that one step reads, with nothing chosen  | path        | `path-serves-better`      |
| a directory with a place, a contract or `only`        | as it is    | nothing: somebody wants it|
| a path of 1,000 files or more that several steps read,| directory   | `directory-serves-better` |
| or that has a contract                                |             |                           |
| another path that steps read                          | as it is    | nothing                   |
| a path that the pipeline gives                        | as it is    | nothing: it must be one   |
| a path that nobody reads                              | directory   | `unused-output`, a check  |

Several readers of raw data must read the same; only a version, pinned in the spec, says so. A lock
says it of what lay there when it was written; of data that changes it cannot give back what was. A
directory leaves a place of its own and a definition behind for each run; a path does not. What
nobody says is who else uses data: other pipelines are not looked at.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from amlshare.advice.interface import Advice, Subject
from amlshare.checks.outputs import fill
from amlshare.diagnostics import Finding, Route
from amlshare.document.edits import Drop, Edit, Put
from amlshare.pipeline import TABLES, Data, Input, Output, Parallel, Pipeline, Step, readers_of
from amlshare.plan import Plan
from amlshare.resolution import DEFAULT_LOCATION
from amlshare.units import show_size

_OFTEN = 2
"""Times that another content was found before it is said to change."""
_SMALL = 10**6
"""Bytes below which data that does not change needs no version: it can lie in git, and `upload:`
puts it there."""
_MANY = 1000
"""Files that are slow to make again one by one."""


def datasets(about: Subject) -> Iterator[Advice]:
    """dataset-serves-better: data that several steps read, or that changes, has no version."""
    plan = about.plan
    readers = readers_of(plan.pipeline)
    for data in plan.pipeline.data:
        if data.type == "dataset" or data.parameter or data.upload is not None:
            continue
        steps = list(dict.fromkeys(step.name for step, _ in readers.get(data.name, [])))
        changes = plan.known.changes.get(data.name, 0)
        if steps and (changes >= _OFTEN or (len(steps) > 1 and _is_at_stake(plan, data))):
            yield _dataset(plan, data, steps, changes)


def _is_at_stake(plan: Plan, data: Data) -> bool:
    """Whether data is too large for git, as far as that is known, and nothing says what it was."""
    size = plan.known.size(data.name, data).bytes
    return data.name not in plan.known.digests and (size is None or size >= _SMALL)


def _dataset(plan: Plan, data: Data, steps: list[str], changes: int) -> Advice:
    name = _free_name(plan.pipeline, data.name)
    size = plan.known.size(data.name, data).bytes
    why = [f"{len(steps)} steps read it"] if len(steps) > 1 else []
    why += [f"its content was found changed {changes:,} times"] if changes >= _OFTEN else []
    shown = f", {show_size(size)}," if size is not None else ""
    pinned = data.name in plan.known.digests
    lost = (
        "changes at its place: what a run has read before is lost"
        if pinned
        else "has no version: nothing says what a run has read"
    )
    return Advice(
        finding=Finding(
            code="dataset-serves-better",
            severity="hint",
            message=f"data '{data.name}'{shown} {lost}",
            route=("data", data.name),
            on="key",
            label=" and ".join(why),
            help=f"register it once in the workspace as dataset '{name}' and pin that version",
        ),
        edits=tuple(_to_dataset(plan.pipeline, data, name)),
    )


def _to_dataset(pipeline: Pipeline, data: Data, name: str) -> Iterator[Edit]:
    route = ("data", data.name)
    yield Put(route=(*route, "type"), value="dataset")
    yield Put(route=(*route, "name"), value=name, after="type")
    yield Put(route=(*route, "version"), value=1, after="name")
    yield Drop(route=(*route, "datastore"))
    yield Drop(route=(*route, "location"))
    folder = pipeline.local.datastores.get(data.datastore or "")
    if folder is not None:  # what stood in for it here goes on doing so
        place = posixpath.join(folder, data.location or "")
        yield Put(route=("local", "datasets", name), value=place)


def _free_name(pipeline: Pipeline, name: str) -> str:
    """What the dataset is registered as: another may have its name."""
    taken = {data.dataset for data in pipeline.data}
    taken |= {output.dataset for step in pipeline.steps for output in step.outputs}
    return f"{pipeline.name}_{name}" if name in taken else name


def paths(about: Subject) -> Iterator[Advice]:
    """path-serves-better: a directory of which nothing was chosen, for one step alone."""
    plan = about.plan
    readers = readers_of(plan.pipeline)
    for step in plan.pipeline.steps:
        for output in step.outputs:
            source = f"{step.name}.{output.name}"
            found = readers.get(source, [])
            if len(found) == 1 and _nothing_chosen(plan.pipeline, step, output, found[0]):
                yield _path(plan, step, output, found[0][0])


def _nothing_chosen(
    pipeline: Pipeline, step: Step, output: Output, reader: tuple[Step, Input]
) -> bool:
    """Whether a path would do as well: the same files, at the same time."""
    place = fill(DEFAULT_LOCATION, pipeline.name, step.name, output.name)
    reads, given = reader
    split = isinstance(reads.run, Parallel) and reads.run.over == given.name
    return (
        output.type == "directory"
        and output.location == place
        and output.expect is None
        and not output.only
        and not output.overwrite
        and output.format not in TABLES
        and given.mode != "direct"
        and not split
    )


def _path(plan: Plan, step: Step, output: Output, reader: Step) -> Advice:
    size = plan.known.size(f"{step.name}.{output.name}", output).bytes
    shown = f" {show_size(size)} of" if size is not None else ""
    return Advice(
        finding=Finding(
            code="path-serves-better",
            severity="hint",
            message=f"'{step.name}.{output.name}' is a directory for one step: a path would do",
            route=("steps", step.name, "outputs", output.name, "type"),
            label=f"only {reader.name} reads it",
            help=f"nobody chose where{shown} its files are kept or under which name, and yet each "
            "run leaves a dataset behind for it; write `type: path`, or give it a `location:` "
            "where it is meant to be found again",
        ),
        edits=(Put(route=("steps", step.name, "outputs", output.name, "type"), value="path"),),
    )


def directories(about: Subject) -> Iterator[Advice]:
    """directory-serves-better: many files that are handed on, and wanted more than once."""
    plan = about.plan
    readers, given = readers_of(plan.pipeline), set(plan.pipeline.outputs.values())
    for step in plan.pipeline.steps:
        for output in step.outputs:
            source = f"{step.name}.{output.name}"
            if output.type != "path" or source in given:  # SDK v1 gives paths alone
                continue
            steps = list(dict.fromkeys(each.name for each, _ in readers.get(source, [])))
            files = plan.known.size(source, output).files or 0
            if files >= _MANY and steps and (len(steps) > 1 or output.expect is not None):
                yield _directory(plan, step, output, steps, files)


def _directory(plan: Plan, step: Step, output: Output, steps: list[str], files: int) -> Advice:
    source = f"{step.name}.{output.name}"
    route: Route = ("steps", step.name, "outputs", output.name)
    size = plan.known.size(source, output).bytes
    shown = f" of {show_size(size)}" if size is not None else ""
    why = [f"{len(steps)} steps read them"] if len(steps) > 1 else []
    why += ["an `expect` says what they are"] if output.expect is not None else []
    return Advice(
        finding=Finding(
            code="directory-serves-better",
            severity="hint",
            message=f"'{source}' is a path to {files:,} files{shown}: a directory would keep them",
            route=route,
            on="key",
            label=" and ".join(why),
            help="only this run knows where a path lies; write `type: directory`, which others can "
            "go on from without making the files again",
        ),
        edits=(Put(route=(*route, "type"), value="directory"),),
    )
