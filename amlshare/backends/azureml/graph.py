"""The graph of a job: its nodes and edges as the SDK will build them, for `plan` to show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from amlshare.backends.azureml.job import Job, JobData, JobInput, JobOutput, JobStep, Via


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A step's node. ``wrapped`` says why a wrapper runs in its place; empty for none."""

    step: str
    kind: str
    compute: str
    wrapped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataNode:
    """Data from outside, as one step gets it: the SDK makes a node for every such edge."""

    data: str
    via: Via
    place: str
    step: str
    input: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An edge into a step's port. ``source`` is ``DATA`` or ``STEP.OUTPUT``."""

    source: str
    step: str
    input: str
    via: Via
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """An output port. ``place`` is where it goes, empty where the SDK chooses."""

    step: str
    output: str
    via: Via
    mode: str
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What a submit sends: modules in run order, data nodes, edges and outputs."""

    modules: tuple[Module, ...] = ()
    data: tuple[DataNode, ...] = ()
    links: tuple[Link, ...] = ()
    outputs: tuple[Port, ...] = ()


def make_graph(job: Job) -> Graph:
    """The graph of ``job``."""
    data = {each.name: each for each in job.data}
    ends = [(step, given) for step in job.steps for given in step.inputs]
    return Graph(
        modules=tuple(_module(step, job) for step in job.steps),
        data=tuple(
            _node(data[given.source], step, given) for step, given in ends if given.source in data
        ),
        links=tuple(_link(step, given) for step, given in ends),
        outputs=tuple(_outputs(job)),
    )


def _module(step: JobStep, job: Job) -> Module:
    clusters = {each.name: each.cluster for each in job.compute}
    return Module(
        step=step.name,
        kind=step.kind,
        compute=clusters[step.compute],
        wrapped=step.wrapper.reasons if step.wrapper else (),
    )


def _node(data: JobData, step: JobStep, given: JobInput) -> DataNode:
    version = "latest" if data.version is None else data.version
    place = f"{data.dataset}:{version}" if data.dataset else f"{data.datastore}:{data.path}"
    return DataNode(data=data.name, via=given.via, place=place, step=step.name, input=given.name)


def _link(step: JobStep, given: JobInput) -> Link:
    return Link(
        source=given.source, step=step.name, input=given.name, via=given.via, mode=given.mode
    )


def _outputs(job: Job) -> Iterator[Port]:
    for step in job.steps:
        for output in step.outputs:
            yield Port(
                step=step.name,
                output=output.name,
                via=output.via,
                mode=output.mode,
                place=_place(output),
            )


def _place(output: JobOutput) -> str:
    return f"{output.datastore}:{output.path}" if output.path else ""
