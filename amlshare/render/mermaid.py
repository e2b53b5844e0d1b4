"""The graph of a plan for Mermaid: steps are boxes, data and datasets are cylinders.

Nodes have made-up ids, and every text is quoted with all that Mermaid reads spelled as an entity:
no title can become syntax.
"""

from __future__ import annotations

from collections.abc import Iterator

from amlshare.movement import Facts, edge_bytes
from amlshare.pipeline import Pipeline, Step
from amlshare.plan import Plan
from amlshare.render import words
from amlshare.render.paper import clean

MOST_EDGES = 500
"""What Mermaid draws unless it is configured otherwise."""

# a directive, a comment, markup, a formula, an entity and the end of the text begin with these
_SPELLED = str.maketrans({char: f"#{ord(char)};" for char in '"#<>&`\\%{}$'})


def plan_mermaid(plan: Plan) -> str:
    """The graph of the selected steps and what they read and register."""
    chosen = None if plan.selected is None else frozenset(plan.selected)
    steps = [step for step in plan.pipeline.steps if chosen is None or step.name in chosen]
    nodes = _nodes(plan.pipeline, steps)
    lines = [
        "flowchart TD",
        *_data(plan.pipeline, nodes),
        *(_box(step, nodes[step.name]) for step in steps),
        *_edges(plan, nodes),
        *_order(steps, nodes),
        *_registered(steps, nodes),
    ]
    return "\n".join(lines) + "\n"


def _nodes(pipeline: Pipeline, steps: list[Step]) -> dict[str, str]:
    """The id of each step and of the data that they read."""
    read = {given.source for step in steps for given in step.inputs}
    data = [entry.name for entry in pipeline.data if entry.name in read]
    ids = {name: f"data{number}" for number, name in enumerate(data, 1)}
    return ids | {step.name: f"step{number}" for number, step in enumerate(steps, 1)}


def _data(pipeline: Pipeline, nodes: dict[str, str]) -> Iterator[str]:
    for entry in pipeline.data:
        if entry.name in nodes:
            kind = words.kind(entry.type, entry.format)
            text = _text(entry.name, kind, words.data_place(entry))
            yield f"  {nodes[entry.name]}[({text})]"


def _box(step: Step, node: str) -> str:
    texts = [step.name, step.title] if step.title else [step.name]
    return f"  {node}[{_text(*texts, *words.files_run(step.run))}]"


def _edges(plan: Plan, nodes: dict[str, str]) -> Iterator[str]:
    for each in edge_bytes(Facts(plan.pipeline, plan.known), modes=plan.modes):
        edge = each.edge
        maker, _, output = edge.source.partition(".")
        if edge.step in nodes and maker in nodes:
            size = words.size_or_unknown(each.bytes)
            label = f"{output}: {edge.mode}, {size}" if output else f"{edge.mode}, {size}"
            yield f"  {nodes[maker]} -- {_text(label)} --> {nodes[edge.step]}"


def _order(steps: list[Step], nodes: dict[str, str]) -> Iterator[str]:
    """Steps that only wait for each other."""
    for step in steps:
        for earlier in step.after:
            if earlier in nodes:
                yield f"  {nodes[earlier]} -. {_text('after')} .-> {nodes[step.name]}"


def _registered(steps: list[Step], nodes: dict[str, str]) -> Iterator[str]:
    outputs = ((step, output) for step in steps for output in step.outputs if output.dataset)
    for number, (step, output) in enumerate(outputs, 1):
        node = f"dataset{number}"
        yield f"  {node}[({_text(output.dataset or '', 'registered dataset')})]"
        yield f"  {nodes[step.name]} -- {_text(output.name)} --> {node}"


def _text(*lines: str) -> str:
    return '"' + "<br/>".join(clean(line).translate(_SPELLED) for line in lines) + '"'
