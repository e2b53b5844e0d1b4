"""Small plans for tests: steps are bash commands or scripts of a folder, written in few words."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import amlshare.pipeline
from amlshare.backends.interface import (
    Event,
    Noted,
    Outcome,
    Settings,
    StepFinished,
    StepPrinted,
)
from amlshare.backends.local import submit
from amlshare.backends.local.isolation import isolate
from amlshare.pipeline import (
    Command,
    Data,
    Input,
    Local,
    Output,
    Parameter,
    Pipeline,
    Run,
    Scratch,
    Script,
    Step,
    scripts,
)
from amlshare.plan import Code, Plan, digest, make_plan
from amlshare.references import parse
from amlshare.snapshots import Snapshots


def command(name: str, line: str, *, reads: Sequence[str] = (), **more: Any) -> Step:
    """A step that runs a line of bash; ``reads`` are sources, each an input called by its tail."""
    return step(name, Command(line=parse(line)[0]), reads=reads, **more)


def script(name: str, file: str, *arguments: str, reads: Sequence[str] = (), **more: Any) -> Step:
    """A step that runs a script of the folder `code`."""
    run = Script(file=file, arguments=tuple(parse(word)[0] for word in arguments))
    return step(name, run, reads=reads, **{"code": "code"} | more)


def sequence(name: str, *parts: Step, scratch: Sequence[str | Scratch] = (), **more: Any) -> Step:
    """A step that runs what each of ``parts`` runs, in turn; its scratch are names of folders."""
    places = [each if isinstance(each, Scratch) else Scratch(name=each) for each in scratch]
    run = amlshare.pipeline.Sequence(
        parts=tuple(cast("Any", part.run) for part in parts),
        scratch=tuple(places),
        titles=more.pop("titles", ()),
    )
    has_code = any(part.code for part in parts)
    return step(name, run, **{"code": "code" if has_code else None} | more)


def step(
    name: str,
    run: Run,
    *,
    reads: Sequence[str | Input] = (),
    writes: Sequence[str | Output] = (),
    **more: Any,
) -> Step:
    """A step; what it writes are names of folders, or whole outputs."""
    return Step(
        name=name,
        run=run,
        inputs=tuple(each if isinstance(each, Input) else reading(each) for each in reads),
        outputs=tuple(each if isinstance(each, Output) else output(each) for each in writes),
        **more,
    )


def reading(source: str, **more: Any) -> Input:
    """An input that is called by the last part of its source."""
    name = more.pop("name", source.rpartition(".")[2])
    return Input(**{"name": name, "source": source, "type": "path", "format": "folder"} | more)


def output(name: str, **more: Any) -> Output:
    """An output in the datastore `store`, at a place of each run's own."""
    known = {
        "name": name,
        "type": "path",
        "format": "folder",
        "mode": "auto",
        "datastore": "store",
        "location": f"{name}/{{run-id}}/",
    }
    return Output(**known | more)


def data(name: str, location: str, **more: Any) -> Data:
    """Data in the datastore `store`."""
    known = {"name": name, "type": "path", "datastore": "store", "location": location}
    return Data(**known | more)


def _code(step: Step, snapshots: Snapshots) -> Code | None:
    """All of a step's folder."""
    if step.code is None:
        return None
    files = {name: snapshots.digest(path) for name, path in snapshots.files(step.code).items()}
    return Code(folder=step.code, scripts=scripts(step.run), digest=digest(files), files=files)


@dataclass
class Project:
    """A folder with a spec's worth of files, and the events of its last run."""

    base: Path
    events: list[Event] = field(default_factory=list)
    local: Mapping[str, Any] = field(default_factory=dict)
    parameters: Sequence[Parameter] = ()

    @property
    def state(self) -> Path:
        return self.base / ".amlshare"

    @property
    def store(self) -> Path:
        """What stands in for the datastore `store`."""
        return self.base / "data"

    def write(self, name: str, text: str) -> Path:
        """A file of the project."""
        path = self.base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def plan(self, *steps: Step, data: Sequence[Data] = (), **more: Any) -> Plan:
        """The plan of ``steps``, which stand in run order."""
        selected = more.pop("selected", None)
        local = Local(**{"datastores": {"store": "data"}} | dict(self.local))
        known = {"name": "pipe", "experiment": "pipe", "local": local, "data": tuple(data)}
        pipeline = Pipeline(**known | {"steps": steps, "parameters": tuple(self.parameters)} | more)
        snapshots = Snapshots(self.base)
        return make_plan(
            pipeline,
            backend="local",
            read_code=lambda step: _code(step, snapshots),
            digest_file=lambda file: snapshots.digest(self.base / file),
            selected=selected,
        )

    def submit(
        self, plan: Plan, *, watch: Callable[[Event], None] | None = None, **more: Any
    ) -> Outcome:
        """Run ``plan`` here; ``events`` has what happened."""
        self.store.mkdir(parents=True, exist_ok=True)
        self.events.clear()

        # whether this process can be isolated depends on how the tests are run
        expected = {Noted(message=each) for each in isolate().notes()}

        def see(event: Event) -> None:
            if event not in expected:
                self.events.append(event)
            if watch:
                watch(event)

        settings = Settings(**{"base": self.base, "state": self.state, "jobs": 2} | more)
        return submit(plan, settings, see)

    def start(self, plan: Plan, **settings: Any) -> int:
        """Run ``plan`` in a process of its own, to be killed or waited for; its id.

        It exits with 0 for a completed run, 1 for a failed one and 130 when it was stopped.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            child = os.fork()
        if child:
            return child
        code = 70
        try:
            code = 0 if self.submit(plan, **settings).status == "completed" else 1
        except KeyboardInterrupt:
            code = 130
        finally:
            os._exit(code)

    def run(self, *steps: Step, data: Sequence[Data] = (), **settings: Any) -> Outcome:
        """Plan and run ``steps``."""
        return self.submit(self.plan(*steps, data=data), **settings)

    def of(self, kind: type) -> list[Any]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def printed(self, step: str | None = None) -> tuple[str, ...]:
        """The lines that a step has printed, or all of them."""
        told = [each for each in self.of(StepPrinted) if step in (None, each.step)]
        return tuple(line for each in told for line in each.lines)

    def end(self, step: str) -> StepFinished:
        """How a step ended."""
        return next(each for each in self.of(StepFinished) if each.step == step)
