"""Plans that the renderers' tests look at: one with a bit of everything, and small ones."""

from __future__ import annotations

from typing import Any

from amlshare.pipeline import Command as ShellCommand
from amlshare.pipeline import (
    Compute,
    Data,
    Environment,
    Expect,
    Input,
    Output,
    Parameter,
    Pipeline,
    Publish,
    Reads,
    Schedule,
    Scratch,
    Script,
    Sequence,
    Step,
)
from amlshare.plan import Plan
from amlshare.references import Text, parse

NAME = "flight_delays"


def texts(line: str) -> tuple[Text, ...]:
    """The words of a command line, as a step keeps them."""
    return tuple(parse(word)[0] for word in line.split())


def given(name: str, source: str, **keys: Any) -> Input:
    defaults: dict[str, Any] = {"type": "path", "format": "folder"}
    return Input(name=name, source=source, **(defaults | keys))


def made(step: str, name: str, **keys: Any) -> Output:
    defaults = {
        "type": "path",
        "format": "folder",
        "mode": "auto",
        "datastore": "blobs",
        "location": f"{NAME}/{step}/{name}/{{run-id}}/",
    }
    return Output(name=name, **(defaults | keys))


def data(name: str, **keys: Any) -> Data:
    defaults: dict[str, Any] = {"type": "path", "datastore": "blobs", "location": f"raw/{name}"}
    return Data(name=name, **(defaults | keys))


def step(name: str, line: str = "run.py", **keys: Any) -> Step:
    """A script step; ``line`` is the script and its arguments."""
    script, *words = line.split()
    run = Script(file=script, arguments=texts(" ".join(words)))
    defaults: dict[str, Any] = {"run": run, "code": "../scripts", "compute": "cpu"}
    return Step(name=name, **(defaults | keys))


def plan(*steps: Step, backend: str = "azureml", selected: Any = None, **keys: Any) -> Plan:
    pipeline = Pipeline(**({"name": NAME, "experiment": NAME, "steps": steps} | keys))
    return Plan(backend=backend, pipeline=pipeline, selected=selected)


MERGED = step(
    "merged",
    run=Sequence(
        parts=(
            Script(file="clean.py", arguments=texts("--out ${scratch.cleaned}")),
            ShellCommand(line=parse("sort ${scratch.cleaned} > ${outputs.sorted}")[0]),
        ),
        scratch=(Scratch(name="cleaned", format="file"),),
        titles=("Clean it", None),
    ),
    outputs=(made("merged", "sorted", format="file"),),
)
CLEAN = step(
    "clean",
    "clean.py --flights ${inputs.flights} --min-distance ${parameters.min_distance} "
    "--out ${outputs.cleaned}",
    environment="sklearn",
    inputs=(given("flights", "flights", format="file", mode="download"),),
    outputs=(made("clean", "cleaned"),),
)
PROFILE = step(
    "profile",
    title="Profile the raw table",
    run=ShellCommand(line=parse("wc -l ${inputs.raw} > ${outputs.counts}/lines.txt")[0]),
    environment="sklearn",
    inputs=(given("raw", "flights", format="file", mode="mount"),),
    outputs=(made("profile", "counts"),),
    retries=2,
    timeout=1800,
)
FEATURES = step(
    "features",
    "features.py --airports ${inputs.airports} --in ${inputs.cleaned} --out ${outputs.table} "
    "--weather ${inputs.weather}",
    environment="sklearn",
    inputs=(
        given("cleaned", "clean.cleaned", mode="download"),
        given("weather", "weather", type="directory", mode="mount", reads=Reads(fraction=0.3)),
        given("airports", "airport_codes", type="dataset", format="csv", mode="direct"),
    ),
    outputs=(
        made(
            "features",
            "table",
            type="directory",
            mode="upload",
            location="features/{run-id}/",
            expect=Expect(files=(">=", 1)),
            size=12_300_000,
        ),
    ),
)
TRAIN = step(
    "train",
    "train.py --model ${outputs.model} --table ${inputs.table}",
    environment="sklearn",
    inputs=(given("table", "features.table", type="directory"),),
    outputs=(
        made(
            "train",
            "model",
            type="dataset",
            dataset="flight_delay_model",
            location="models/delay/",
            overwrite=True,
            tags={"stage": "candidate"},
        ),
    ),
    reuse=False,
)
EVALUATE = step(
    "evaluate",
    "evaluate.py",
    environment="sklearn",
    inputs=(
        given("table", "features.table", type="directory", mode="download"),
        given("model", "train.model", type="dataset", mode="download"),
    ),
    outputs=(made("evaluate", "report"),),
    after=("profile",),
)
FLIGHTS = plan(
    CLEAN,
    PROFILE,
    FEATURES,
    TRAIN,
    EVALUATE,
    experiment="flights",
    description="Predict arrival delays from raw flight records.",
    tags={"team": "ops"},
    target="prod",
    compute=(
        Compute(
            name="cpu", cluster="cpu-cluster", vm_size="Standard_DS3_v2", min_nodes=0, max_nodes=4
        ),
    ),
    environments=(
        Environment(
            name="sklearn", kind="image", image="mcr.example/openmpi:4.1", conda="sklearn.yml"
        ),
    ),
    parameters=(Parameter(name="min_distance", type="integer", value=0, default=200),),
    data=(
        data("flights", format="file", location="raw/flights.csv", size=30_000_000),
        data("weather", type="directory", location="raw/weather/**/*.csv"),
        data("airport_codes", type="dataset", dataset="airports", version="3", format="csv"),
    ),
    outputs={"cleaned": "clean.cleaned"},
    publish=Publish(endpoint="flights-endpoint"),
    schedules=(
        Schedule(name="nightly", every=(2, "day"), at=("22:30",), time_zone="Europe/Berlin"),
    ),
)
