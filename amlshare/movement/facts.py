"""What a pipeline says of its sources, machines and parameters, and what is known beside it."""

from __future__ import annotations

from amlshare.movement.choice import Choice
from amlshare.movement.estimate import Access, Load
from amlshare.movement.here import elsewhere
from amlshare.movement.known import NOTHING, UNKNOWN, Known, Size
from amlshare.movement.machines import Machine, find
from amlshare.pipeline import (
    Data,
    Input,
    Number,
    Output,
    Parallel,
    Pipeline,
    Reads,
    Run,
    Sequence,
    Step,
    readers,
)

_WHOLE = Reads()


class Facts:
    """All of that by name, looked up once.

    ``here`` is on this machine: it runs every step, and much of the data lies there.
    """

    def __init__(self, pipeline: Pipeline, known: Known = NOTHING, *, here: bool = False) -> None:
        self.pipeline = pipeline
        self.rates = known.rates
        self.here = here
        self._elsewhere = elsewhere(pipeline) if here else frozenset()
        self._host = known.machine
        entries: dict[str, Data | Output] = {data.name: data for data in pipeline.data}
        for step in pipeline.steps:
            for output in step.outputs:
                entries[f"{step.name}.{output.name}"] = output
        self._sizes = {name: known.size(name, entry) for name, entry in entries.items()}
        self._single = {name for name, entry in entries.items() if entry.format == "file"}
        self._machines = {target.name: find(target.vm_size) for target in pipeline.compute}
        self._values = {parameter.name: parameter.value for parameter in pipeline.parameters}

    def size(self, source: str) -> Size:
        return self._sizes.get(source, UNKNOWN)

    def is_at_hand(self, source: str) -> bool:
        """Whether a source lies on the machine that runs the steps."""
        return self.here and source not in self._elsewhere

    def machine(self, step: Step) -> Machine | None:
        return self._host if self.here else self._machines.get(step.compute or "")

    def nodes(self, step: Step) -> int:
        if self.here:
            return 1
        return self.number(step.run.nodes if isinstance(step.run, Parallel) else step.nodes)

    def access(self, step: Step, given: Input, choice: Choice | None = None) -> Access:
        """How an input counts; `auto` does as a mount where nothing was chosen.

        What a parallel step cuts into batches is fetched for it as it reads, and in the cloud it
        mounts all else that it reads, whatever the spec says; a table is opened by the script.
        """
        parallel = step.run if isinstance(step.run, Parallel) else None
        if parallel is not None and parallel.over == given.name:
            return "mount"
        mode = choice.mode if choice is not None else given.mode
        if mode == "auto":
            return "direct" if given.format == "table" else "mount"
        return "mount" if mode == "download" and parallel is not None and not self.here else mode

    def load(self, step: Step, given: Input) -> Load | None:
        """What a step reads of an input; None where its size is not known."""
        size, single = self.size(given.source), given.source in self._single
        if size.bytes is None:
            return None
        reads = given.reads or _WHOLE
        parallel = step.run if isinstance(step.run, Parallel) else None
        return Load(
            size=size.bytes,
            files=1 if single else size.files,
            single=single,
            fraction=reads.fraction,
            passes=max(reads.passes, _readers(step.run, given)),
            random=reads.pattern == "random",
            nodes=self.nodes(step),
            split=parallel is not None and parallel.over == given.name,
            readers=self.number((parallel and parallel.processes_per_node) or 1),
        )

    def number(self, given: Number) -> int:
        """A number, or the value of the parameter that it names; 1 where that is no number."""
        value = given if isinstance(given, int) else self._values.get(given.name)
        return value if isinstance(value, int) and value > 0 else 1


def _readers(run: Run, given: Input) -> int:
    """How many parts of a sequence read an input, one after the other."""
    return readers(run, given.name) if isinstance(run, Sequence) else 1
