"""A plan as people read it on a screen all day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from amlshare.movement import Duplicate, EdgeBytes, Movement, Moves
from amlshare.movement.known import Known
from amlshare.pipeline import Data, Pipeline, Step, edges
from amlshare.plan import Plan
from amlshare.render import words
from amlshare.render.built import HERE, Built
from amlshare.render.diagnostics import brief
from amlshare.render.impacts import impacts_of, summary
from amlshare.render.paper import Paper, Style, cells, clean, flow, fold, pad, pad_left
from amlshare.render.steps import Shared, default_location, shared_by, step_blocks

if TYPE_CHECKING:
    from amlshare.impacts import Since

_BELOW = " " * 6
_RUN = "Run it here:"


def plan_text(
    plan: Plan,
    found: Moves,
    paper: Paper,
    *,
    submit: str,
    built: Built = HERE,
    since: Since | None = None,
) -> str:
    """The screen of ``plan`` and of what moves in it, ``found``. ``submit`` is the command line
    that would run it, ``since`` says what became of its steps.
    """
    chosen = None if plan.selected is None else frozenset(plan.selected)
    steps = tuple(step for step in plan.pipeline.steps if chosen is None or step.name in chosen)
    lines = [
        *_head(plan, steps, paper),
        *step_blocks(plan, steps, found, paper, built, impacts_of(since)),
        *_data(plan, steps, found.movement, paper),
        *_afterwards(plan, paper),
        "",
        *_totals(plan, found, paper),
        *_since(since, plan, paper),
        *_in_the_cloud(found, paper),
        *map(paper.dim, fold(built.summary, paper.width)),
        *brief(plan.diagnostics, paper),
        "",
        *flow(paper.dim(_RUN), len(_RUN), [(submit, str)], below=2, width=paper.width),
    ]
    return "\n".join(lines) + "\n"


def _totals(plan: Plan, found: Moves, paper: Paper) -> Iterator[str]:
    text = words.totals(plan.pipeline, found.movement, plan.selected, found.waiting)
    yield from map(paper.bold, fold(text, paper.width))
    yield from map(paper.dim, fold(words.untimed(found.waiting), paper.width))
    yield from map(paper.dim, fold(words.origins(_chosen(plan, found)), paper.width))


def _chosen(plan: Plan, found: Moves) -> Iterator[EdgeBytes]:
    """The edges of the steps that are selected."""
    chosen = plan.selected
    return (each for each in found.edges if chosen is None or each.edge.step in chosen)


def _since(since: Since | None, plan: Plan, paper: Paper) -> Iterator[str]:
    """How many steps are as they were, where somebody has looked."""
    if since is not None:
        style = paper.bold if impacts_of(since) else paper.dim
        yield from map(style, fold(summary(since, plan.selected), paper.width))


def _in_the_cloud(found: Moves, paper: Paper) -> Iterator[str]:
    """What the cloud would move, where this machine moves less."""
    cloud = found.cloud
    if cloud and cloud.moved_bytes and cloud.moved_bytes != found.movement.moved_bytes:
        text = f"On Azure each step fetches for itself: {words.moved(cloud)}."
        yield from map(paper.dim, fold(text, paper.width))


def _head(plan: Plan, steps: tuple[Step, ...], paper: Paper) -> Iterator[str]:
    pipeline, shared = plan.pipeline, shared_by(plan, steps)
    yield f"{paper.bold(clean(pipeline.name))} on {plan.backend}"
    yield from map(paper.dim, fold(clean(pipeline.description or ""), paper.width))
    facts = [*_facts(pipeline), *_machines(plan, steps), *_shared(pipeline, shared)]
    facts += _stand_ins(plan)
    if plan.selected is not None:
        chosen = frozenset(plan.selected)
        left = [step.name for step in pipeline.steps if step.name not in chosen]
        facts.append(("not selected", words.listed(left) or "nothing"))
    if facts:
        yield ""
        yield from _entries(facts, paper)


def _facts(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    if pipeline.target:
        yield "target", clean(pipeline.target)
    if pipeline.experiment != pipeline.name:
        yield "experiment", clean(pipeline.experiment)
    if pipeline.workspace.name:
        group = pipeline.workspace.resource_group
        yield "workspace", clean(pipeline.workspace.name + (f" in {group}" if group else ""))
    if pipeline.parameters:
        yield "parameters", ", ".join(map(words.parameter, pipeline.parameters))
    if pipeline.tags:
        yield "tags", words.pairs(pipeline.tags)


def _machines(plan: Plan, steps: tuple[Step, ...]) -> Iterator[tuple[str, str]]:
    """The compute targets and environments that the steps name."""
    targets = {step.compute for step in steps}
    wanted = {step.environment for step in steps}
    here = plan.backend == "local"
    for target in plan.pipeline.compute:
        if target.name in targets:
            what = ": ".join(filter(None, (clean(target.name), words.compute_target(target))))
            yield "compute", what + ("; not used here" if here else "")
    for given in plan.pipeline.environments:
        if given.name in wanted:
            note = "; not applied here" if here else ""
            yield "environment", f"{clean(given.name)}: {words.environment(given)}{note}"


def _stand_ins(plan: Plan) -> Iterator[tuple[str, str]]:
    """What stands in for the cloud, where the pipeline runs on this machine."""
    if plan.backend == "local":
        local = plan.pipeline.local
        yield "python", clean(local.python or "the one that runs this; --python names another")
        for name, place in {**local.datastores, **local.datasets}.items():
            yield "stand-in", clean(f"{name}: {place}")


def _shared(pipeline: Pipeline, shared: Shared) -> Iterator[tuple[str, str]]:
    """What the steps have in common and do not say again."""
    known = {target.name for target in pipeline.compute}
    if shared.compute and shared.compute not in known:
        yield "compute", clean(shared.compute)
    if shared.code:
        yield "code", clean(shared.code)
    if shared.env:
        yield "variables", words.pairs(shared.env)
    if shared.datastore:
        where = default_location(pipeline.name, "STEP", "OUTPUT")
        yield "outputs", clean(f"{shared.datastore}:{where} where a step says nothing else")


def _entries(facts: Iterable[tuple[str, str]], paper: Paper) -> Iterator[str]:
    """``name  text`` with the texts in one column, folded below themselves."""
    facts = list(facts)
    width = min(max(cells(name) for name, _ in facts), paper.width // 3)
    for name, text in facts:
        yield from _entry(name, text, width, paper)


def _entry(name: str, text: str, width: int, paper: Paper) -> Iterator[str]:
    label = pad(name, width)
    first = cells(label) + 4
    for number, line in enumerate(fold(text, max(paper.width - first, 20))):
        yield f"  {paper.dim(label)}  {line}" if number == 0 else " " * first + line


def _data(plan: Plan, steps: tuple[Step, ...], movement: Movement, paper: Paper) -> Iterator[str]:
    """Each source from outside, who reads it, and whatever is fetched more than once."""
    pipeline = plan.pipeline
    repeated = {duplicate.source: duplicate for duplicate in movement.duplicates}
    made = [source for source in repeated if "." in source]
    readers = _readers(pipeline, {step.name for step in steps})
    whole = len(steps) == len(pipeline.steps)
    shown = [data for data in pipeline.data if whole or data.name in readers]
    if not shown and not made:
        return
    sizes = {data.name: plan.known.size(data.name, data).bytes for data in shown}
    columns = _Columns(
        name=min(max(map(len, [*(data.name for data in shown), *made])), paper.width // 4),
        kind=max((len(words.kind(data.type, data.format)) for data in shown), default=0),
        size=max((len(words.size_or_unknown(size)) for size in sizes.values()), default=0),
    )
    yield ""
    yield paper.bold("Data")
    for data in shown:
        read = _fetches(readers.get(data.name, []), repeated.get(data.name), paper)
        yield from _data_lines(data, plan.known, read, columns, paper)
        yield from _advice(repeated.get(data.name), paper)
    for source in made:
        text, style = _fetches(readers[source], repeated[source], paper)
        yield f"  {source}"
        yield from (_BELOW + style(line) for line in fold(text, paper.width - len(_BELOW)))
        yield from _advice(repeated[source], paper)


def _advice(duplicate: Duplicate | None, paper: Paper) -> Iterator[str]:
    """What would avoid that several steps fetch a source."""
    text = clean(duplicate.advice) if duplicate else ""
    for line in fold(text, paper.width - len(_BELOW)):
        yield _BELOW + paper.dim(line)


class _Columns(NamedTuple):
    name: int
    kind: int
    size: int


def _data_lines(
    data: Data, known: Known, read: tuple[str, Style], columns: _Columns, paper: Paper
) -> Iterator[str]:
    lying = known.size(data.name, data).bytes
    kind = pad(words.kind(data.type, data.format), columns.kind)
    size = pad_left(words.size_or_unknown(lying), columns.size)
    name = pad(data.name, columns.name)
    line = f"  {name}  {paper.dim(kind)}  {paper.dim(size) if lying is None else size}"
    used = len(name) + len(kind) + len(size) + 6
    notes = ", ".join(words.data_notes(data, known))
    parts = ((words.data_place(data, known), str), (notes, paper.dim), read)
    yield from flow(line, used, parts, below=len(_BELOW), width=paper.width)


def _readers(pipeline: Pipeline, steps: set[str]) -> dict[str, list[str]]:
    readers: dict[str, list[str]] = {}
    for edge in edges(pipeline):
        if edge.step in steps:
            readers.setdefault(edge.source, []).append(edge.step)
    return readers


def _fetches(readers: list[str], duplicate: Duplicate | None, paper: Paper) -> tuple[str, Style]:
    """Who reads a source; where several fetch it, what that costs."""
    if duplicate is not None:
        return words.fetched(duplicate), paper.yellow
    names = words.listed(dict.fromkeys(readers))
    return (f"read by {names}" if names else "read by no step"), paper.dim


def _afterwards(plan: Plan, paper: Paper) -> Iterator[str]:
    """What the pipeline gives as a whole, and what only a published one does."""
    pipeline = plan.pipeline
    facts = [("gives", f"{clean(name)} = {source}") for name, source in pipeline.outputs.items()]
    if pipeline.publish:
        facts.append(("publishes", words.publishing(pipeline.publish)))
    schedules = pipeline.schedules
    facts += [("schedule", f"{clean(given.name)}: {words.schedule(given)}") for given in schedules]
    if schedules and plan.known.digests and plan.backend != "local":
        facts.append(("", words.FROZEN))
    if facts:
        yield ""
        yield from _entries(facts, paper)
