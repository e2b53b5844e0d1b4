"""Phrases that every format shares: what a thing is called in one line, with no layout."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from amlshare.movement import Cost, Duplicate, EdgeBytes, Estimate, Movement, Waiting
from amlshare.movement.known import NOTHING, Known, Origin
from amlshare.movement.waiting import UNTIMED
from amlshare.pipeline import (
    Compute,
    Data,
    EdgeType,
    Environment,
    Expect,
    Format,
    Input,
    Number,
    Output,
    Parallel,
    Parameter,
    Part,
    Pipeline,
    Publish,
    Run,
    Schedule,
    Sequence,
    Step,
    programs,
)
from amlshare.references import Text, write
from amlshare.render.paper import clean
from amlshare.units import show_size, show_times

UNKNOWN = "size unknown"
LINE_END = "⏎"
"""Where a line of a command ends, when all of them are shown on one."""


def count(number: int, noun: str) -> str:
    """``1 step``, ``1,000 steps``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size_or_unknown(size: int | None) -> str:
    return UNKNOWN if size is None else show_size(size)


def duration(seconds: float) -> str:
    """``0.3 s``, ``12 s``, ``3 min 5 s``, ``2 h 5 min``, ``1 d 2 h``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, name, small, small_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if whole >= unit:
            return _two(whole // unit, name, whole % unit // small, small_name)
    return _two(whole // 60, "min", whole % 60, "s")


def _two(large: int, name: str, small: int, small_name: str) -> str:
    parts = (f"{large} {name}" if large else "", f"{small} {small_name}" if small else "")
    return " ".join(part for part in parts if part) or "0 s"


def listed(names: Iterable[str], most: int = 6) -> str:
    """``a, b, c and 12 more``."""
    shown = list(names)
    more = len(shown) - most
    text = ", ".join(shown[:most])
    return f"{text} and {more:,} more" if more > 0 else text


def pairs(values: Mapping[str, object]) -> str:
    return ", ".join(clean(f"{name}={value}") for name, value in values.items())


def kind(type_: EdgeType, format_: Format) -> str:
    """An edge's type and what it holds; a folder of files is the default and not said."""
    return type_ if format_ == "folder" else f"{type_} {format_}"


def parameter(given: Parameter) -> str:
    text = f"{given.name}={_scalar(given.value)}"
    if given.default is not None and given.default != given.value:
        text += f" (default {_scalar(given.default)})"
    return clean(text)


def _scalar(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def commands(run: Run) -> list[list[str]]:
    """What is run, one after the other: each as :func:`command` has it, then its title."""
    every = programs(run)
    titles = (isinstance(run, Sequence) and run.titles) or (None,) * len(every)
    return [
        command(each) + ([f"({clean(title)})"] if title else [])
        for each, title in zip(every, titles, strict=True)
    ]


def files_run(run: Run) -> list[str]:
    """What is run without its words: scripts, and that there are commands."""
    return ["command" if each.kind == "command" else each.file for each in programs(run)]


def command(run: Part | Parallel) -> list[str]:
    """What is run, in pieces that belong together: the script, then each flag and its value."""
    if run.kind == "command":
        lines = write(run.line).strip().splitlines()
        return ["$", *clean(f" {LINE_END} ".join(lines)).split(" ")]
    pieces = [run.file]
    for word in map(_word, run.arguments):
        if pieces[-1].startswith("-") and " " not in pieces[-1] and not word.startswith("-"):
            pieces[-1] += f" {word}"
        else:
            pieces.append(word)
    return list(map(clean, pieces))


def _word(text: Text) -> str:
    word = write(text)
    return f'"{word}"' if not word or any(char in word for char in ' "\t\n') else word


def batches(run: Parallel) -> Iterator[str]:
    """How a parallel step cuts and spreads its work."""
    cut = ""
    if run.partition_by:
        cut = f" by {', '.join(run.partition_by)}"
    elif run.mini_batch is not None:
        cut = f", {_batch(run)} a batch"
    yield f"over {run.over}{cut}"
    if run.nodes != 1:
        yield f"on {number(run.nodes)} nodes"
    if run.processes_per_node is not None:
        yield f"{number(run.processes_per_node)} processes on each node"
    if run.allow_failed:
        yield "any may fail" if run.allow_failed < 0 else f"{run.allow_failed:,} may fail"
    if run.batch_timeout:
        yield f"at most {duration(run.batch_timeout)} a batch"
    if run.batch_retries:
        yield f"a batch retried up to {count(run.batch_retries, 'time')}"
    if run.rows_to:
        yield f"rows to {clean('/'.join(run.rows_to))}"


def _batch(run: Parallel) -> str:
    if isinstance(run.mini_batch, int):
        by_bytes = run.batch_unit == "bytes"
        return show_size(run.mini_batch) if by_bytes else count(run.mini_batch, "file")
    return f"{run.mini_batch} {run.batch_unit}"


def number(given: Number) -> str:
    return f"{given:,}" if isinstance(given, int) else str(given)


def settings(step: Step, backend: str) -> Iterator[str]:
    """What a step says beyond the usual, in a few words each; its reuse is not among them."""
    if step.run.kind == "parallel":
        yield from batches(step.run)
    if step.run.kind == "sequence" and step.run.scratch:
        yield f"scratch {listed(each.name for each in step.run.scratch)}"
    if step.nodes != 1:
        yield f"{number(step.nodes)} nodes"
    if step.distribution:
        each = step.distribution.processes_per_node
        yield step.distribution.type + (f", {each} processes on each node" if each > 1 else "")
    if step.retries:
        yield f"retried up to {count(step.retries, 'time')}{by_wrapper(backend)}"
    if step.timeout:
        yield f"at most {duration(step.timeout)}"
    if step.tags:
        yield f"tags {pairs(step.tags)}"
    if step.after:
        yield f"after {listed(step.after)}"


def by_wrapper(backend: str) -> str:
    """On Azure a small generated program does what the service has no setting for."""
    return "" if backend == "local" else " by a wrapper"


def input_notes(given: Input) -> Iterator[str]:
    if given.at:
        yield f"at {clean(given.at)}"
    if given.reads:
        if given.reads.fraction < 1:
            yield f"{100 * given.reads.fraction:.3g} % of it read"
        if given.reads.passes > 1:
            yield f"read {given.reads.passes} times"
        if given.reads.pattern == "random":
            yield "in random order"


def mode(edge: EdgeBytes) -> str:
    """``auto: mount`` where the spec leaves it open."""
    return edge.edge.mode if edge.reason is None else f"auto: {edge.edge.mode}"


def reason(edge: EdgeBytes) -> Iterator[str]:
    """Why a mode was chosen, where its size stands beside; what is not known is said elsewhere."""
    if edge.reason is not None and edge.time is not None:
        yield edge.reason.replace(f" of {size_or_unknown(edge.bytes)}", "", 1)


def mount_settings(settings: Mapping[str, str]) -> list[str]:
    """How a step's mounts are set up, in pieces; the names share their beginning."""
    found = [f"{name.removeprefix(_MOUNT)}={value}" for name, value in settings.items()]
    return [f"mounts with {_MOUNT}*:", *found] if found else []


_MOUNT = "DATASET_MOUNT_"


def place(output: Output) -> str:
    """Where an output lies, and what it is registered as."""
    where = clean(f"{output.datastore}:{output.location}")
    return f"registers {clean(output.dataset)} at {where}" if output.dataset else where


def output_notes(output: Output, backend: str) -> Iterator[str]:
    if output.size is not None:
        yield show_size(output.size)
    if output.overwrite:
        yield "overwrites"
    if output.only:
        yield f"only {listed(map(clean, output.only))}"
    if output.expect:
        checked = by_wrapper(backend) and f", checked{by_wrapper(backend)}"
        yield f"expects {expected(output.expect)}{checked}"
    if output.tags:
        yield f"tags {pairs(output.tags)}"


def expected(expect: Expect) -> str:
    parts = []
    if expect.files:
        comparison, files = expect.files
        parts.append(f"{'' if comparison == '==' else comparison}{count(files, 'file')}")
    if expect.glob:
        parts.append(f"a file like {clean(expect.glob)}")
    if expect.min_size is not None:
        parts.append(f"at least {show_size(expect.min_size)}")
    return ", ".join(parts)


def data_place(data: Data, known: Known = NOTHING) -> str:
    """Where data lies: ``DATASTORE:LOCATION``, or ``NAME@VERSION`` of a registered dataset, with
    the version that `latest` was when somebody looked.
    """
    if data.dataset is not None:
        latest = known.versions.get(data.name) if data.version == "latest" else None
        seen = "" if latest is None else f" ({latest})"
        return clean(f"{data.dataset}@{data.version}{seen}")
    return clean(f"{data.datastore}:{data.location}")


def data_notes(data: Data, known: Known = NOTHING) -> Iterator[str]:
    files = known.size(data.name, data).files
    if files is not None and data.format != "file":
        yield count(files, "file")
    if data.upload:
        yield f"uploaded from {clean(data.upload)} when new"
    if data.partitions:
        yield f"partitions {clean(data.partitions)}"
    if data.parameter:
        yield f"a parameter (-p {data.name}=..)"


def compute_target(target: Compute) -> str:
    parts = [clean(target.cluster)] if target.cluster != target.name else []
    parts += [target.kind] if target.kind != "amlcompute" else []
    parts += [clean(target.vm_size)] if target.vm_size else []
    if target.max_nodes is not None:
        parts.append(f"{target.min_nodes or 0} to {count(target.max_nodes, 'node')}")
    elif target.nodes is not None:
        parts.append(count(target.nodes, "node"))
    parts += [f"idle {duration(target.idle_seconds)}"] if target.idle_seconds else []
    return ", ".join(parts)


def environment(given: Environment) -> str:
    if given.registered:
        return clean(f"registered {given.registered}@{given.version}")
    parts = [f"image {given.image}"] if given.image else []
    parts += [f"dockerfile {given.dockerfile}"] if given.dockerfile else []
    parts += [f"conda {given.conda}"] if given.conda else []
    if isinstance(given.pip, str):
        parts.append(f"pip {given.pip}")
    elif given.pip:
        parts.append(f"pip {listed(given.pip, 4)}")
    return clean(", ".join(parts))


def publishing(publish: Publish) -> str:
    parts = [f"endpoint {publish.endpoint}"] if publish.endpoint else []
    parts += [f"version {publish.version}"] if publish.version else []
    parts += ["goes on when a step fails"] if publish.continue_on_step_failure else []
    parts += [publish.description] if publish.description else []
    return clean(", ".join(parts)) or "with the defaults"


FROZEN = (
    "goes by the lock as it is published: data that changes later is noticed after "
    "`plan --refresh` and another `--publish`"
)
"""What holds for all schedules of a pipeline with a lock."""


def schedule(given: Schedule) -> str:
    parts = [_when(given)]
    parts += [given.time_zone] if given.time_zone else []
    values = {name: _scalar(value) for name, value in given.parameters.items()}
    parts += [pairs(values)] if values else []
    parts += [f"experiment {given.experiment}"] if given.experiment else []
    return clean(", ".join(parts))


def _when(given: Schedule) -> str:
    if given.cron:
        return f"cron {given.cron}"
    if given.on_change:
        looked = f", looked at every {duration(given.poll)}" if given.poll else ""
        return f"when {given.on_change} changes{looked}"
    if given.every is None:
        return "never"
    times, unit = given.every
    text = f"every {unit}" if times == 1 else f"every {times} {unit}s"
    text += f" on {', '.join(given.days)}" if given.days else ""
    return text + (f" at {', '.join(given.at)}" if given.at else "")


def totals(
    pipeline: Pipeline,
    movement: Movement,
    selected: Collection[str] | None,
    waiting: Waiting = UNTIMED,
) -> str:
    """The whole plan in one sentence; what is unknown is said, never counted as zero."""
    steps = [step for step in pipeline.steps if selected is None or step.name in selected]
    edges = sum(len(step.inputs) for step in steps)
    of_all = "" if selected is None else f" of {len(pipeline.steps):,}"
    text = f"{len(steps):,}{of_all} {'step' if len(pipeline.steps) == 1 else 'steps'}, "
    text += f"{count(edges, 'edge')}; {moved(movement)}"
    if waiting.total:
        who = "the step waits" if len(steps) == 1 else "all steps together wait"
        known = " of known size" if waiting.unknown else ""
        text += f"; {who} {span(waiting.total)} for data{known}"
        text += at_a_cost(waiting.cost)
    return f"{text}."


_ORIGINS: Mapping[Origin, str] = {
    "measured": "measured",
    "history": "of an earlier run",
    "hint": "hints of the spec",
}


def origins(edges: Iterable[EdgeBytes]) -> str:
    """Who says how large the sources are: most of them, and others; and who could say the rest.

    "Sizes are measured; hints of the spec: clean.cleaned, train.model."
    """
    found: dict[Origin, dict[str, None]] = {}
    for each in edges:
        found.setdefault(each.bytes_from, {})[each.edge.source] = None
    known = [each for each in _ORIGINS if each in found]
    texts = []
    if known:
        first, *others = sorted(known, key=lambda each: -len(found[each]))
        rest = "".join(f"; {_ORIGINS[each]}: {listed(found[each])}" for each in others)
        texts.append(f"Sizes are {_ORIGINS[first]}{rest}.")
    return " ".join([*texts, *_unknown(list(found.get("unknown", ())))])


def _unknown(sources: list[str]) -> Iterator[str]:
    """Which sizes are not known, and what would tell them."""
    ways = {
        "--refresh measures": [each for each in sources if "." not in each],
        "a run here, or a size in the spec, tells": [each for each in sources if "." in each],
    }
    texts = [f"{listed(names)} ({way})" for way, names in ways.items() if names]
    if texts:
        yield f"Of unknown size: {', '.join(texts)}."


def untimed(waiting: Waiting) -> str:
    """Why there are no times, where a machine is at fault: said once."""
    silent = [name for name, size in waiting.machines.items() if size is None]
    texts = [f"{listed(map(clean, silent))} has no vm_size in the spec"] if silent else []
    texts += [
        f"{clean(size)} ({clean(name)}) is not a VM size known here"
        for name, size in waiting.machines.items()
        if size
    ]
    return f"No times: {'; '.join(texts)}." if texts else ""


def moved(movement: Movement) -> str:
    """How much moves, and how much of it twice."""
    unknown = len(movement.unknown_edges)
    if movement.moved_bytes is None:
        return f"{count(unknown, 'edge')} of unknown size"
    if not movement.moved_bytes and not unknown:
        return "nothing is fetched"
    text = f"{show_size(movement.moved_bytes)} {'known ' if unknown else ''}to move"
    text += f", {count(unknown, 'edge')} of unknown size" if unknown else ""
    twice = movement.duplicate_bytes
    if twice:
        share = round(100 * twice / movement.moved_bytes)
        text += f"; {show_size(twice)} ({share} %) of it fetched more than once"
    return text


def fetched(duplicate: Duplicate) -> str:
    """What it costs that several steps fetch one source."""
    times, twice = len(duplicate.consumers), duplicate.duplicate_bytes
    cost = UNKNOWN
    if twice is not None and duplicate.moved_bytes is not None:
        once = duplicate.moved_bytes - twice
        cost = f"{show_size(duplicate.moved_bytes)} moved for {show_size(once)}"
    names = listed(dict.fromkeys(duplicate.consumers))
    return f"fetched {times:,} times by {names}: {cost}"


def span(time: Estimate) -> str:
    """``0.2-0.8 s``, ``<0.1 s``, ``3-12 min``."""
    return show_times(time.low, time.high)


def lasting(time: Estimate | None) -> str:
    """The span of what lasts long enough to be seen, else nothing."""
    return span(time) if time and time.high >= 0.15 else ""


def wait(time: Estimate | None) -> str:
    """The span of what a whole step waits for, where a person would notice."""
    return span(time) if time and time.high >= 1 else ""


def at_a_cost(cost: Cost | None) -> str:
    """The span of a cost, ``0.05-0.20``, ``<0.01`` or ``12-48``, in whatever currency it is."""
    if cost is None:
        return ""
    digits = 2 if cost.high < 10 else 0
    low, high = (f"{value:,.{digits}f}" for value in (cost.low, cost.high))
    few = f"<{max(high, '0.01')}"
    return ", at a cost of " + (f"{low}-{high}" if float(low.replace(",", "")) else few)


def waits(step: str, waiting: Waiting) -> str:
    """For how long a step waits, where a person would notice, and what that costs."""
    if not (text := wait(waiting.steps.get(step))):
        return ""
    return f"waits {text} for data{at_a_cost(waiting.costs.get(step))}"


_SLOW = {
    "disk": "waits for the disk",
    "requests": "waits for requests",
    "listing": "waits for the listing",
    "account": "waits for the storage account",
}


def slow(edge: EdgeBytes) -> Iterator[str]:
    """What an edge waits for, where that is not the network and takes long enough to matter."""
    time = edge.time
    if time and time.bound in _SLOW and time.high >= _LONG:
        yield _SLOW[time.bound]


_LONG = 10
"""Seconds from which on it is worth saying what they are spent on."""
