"""Hypothesis strategies: valid specs as plain data, and what is made of them.

The data is what a reader gives for a YAML file. It uses every section, kind of step and short form
of the language, and no rule finds an error in it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from amlshare.pipeline import Pipeline
from amlshare.resolution import resolve
from amlshare.spec import Spec, parse_spec

Data = dict[str, Any]

few = settings(max_examples=40)
"""For the laws of whole specs, each of which takes as long as many small values."""

WORDS = ["alpha", "b2", "clean", "delta_x", "echo", "f", "golf_1", "h_h", "india", "j9"]
SIZES = ["30 MB", "2 GiB", 1234, "0 B"]
TEXTS = ["plain", "two words", "ünï", "a=b", "$5", "{x}", "-v", "0"]

names = st.sampled_from(WORDS)
texts = st.sampled_from(TEXTS)
scalars = texts | st.integers(-5, 5) | st.booleans() | st.sampled_from([0.5, 1.0, -2.25])


def some(strategy: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, max_size=most, unique=True)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Data]:
    """A mapping with some of the keys."""
    return st.fixed_dictionaries({}, optional=fields)


def short(outputs: Data) -> Any:
    """The short form of `outputs`, where nothing is said of them."""
    return list(outputs) if outputs and not any(outputs.values()) else outputs


tags = st.dictionaries(st.sampled_from(["team", "stage", "daily"]), texts, max_size=2)
hints = optional(size=st.sampled_from(SIZES), files=st.integers(0, 9))
environments = st.sampled_from(
    [
        {"image": "python:3.11.4"},
        {"image": "python:3.11.4", "pip": ["pandas==2.1.0"]},
        {"image": "python:3.11.4", "conda": "env.yml"},
        {"dockerfile": "Dockerfile"},
        {"conda": "env.yml"},
        {"pip": "requirements.txt"},
        {"registered": "AzureML-sklearn", "version": 4},
    ]
)
schedules = st.sampled_from(
    [
        {"every": "2 days", "at": "22:30"},
        {"every": "week", "days": ["mon", "fri"], "at": ["06:00"], "time_zone": "Europe/Berlin"},
        {"cron": "30 22 * * 1-5"},
    ]
)


@st.composite
def data_entries(draw: st.DrawFn, name: str) -> Data:
    kind = draw(st.sampled_from(["path", "directory", "dataset"]))
    entry: Data = {"type": kind, **draw(hints)}
    if kind == "dataset":
        entry |= {"name": f"registered_{name}", "version": draw(st.sampled_from([1, 7, "latest"]))}
        entry |= draw(optional(format=st.sampled_from(["folder", "csv", "parquet"])))
    else:
        entry |= {"location": f"raw/{name}/"}
        entry |= draw(optional(datastore=st.just("other"), parameter=st.booleans()))
    return entry


@st.composite
def output_entries(draw: st.DrawFn, step: str, name: str) -> Data | None:
    kind = draw(st.sampled_from([None, "path", "directory", "dataset"]))
    if kind is None:
        return draw(st.sampled_from([None, {}]))
    entry: Data = {"type": kind, **draw(hints)}
    if kind != "path":
        entry |= draw(optional(location=st.just("made/{step}/{output}/{run-id}/")))
        entry |= draw(optional(mode=st.sampled_from(["mount", "upload", "auto"])))
        entry |= draw(optional(expect=st.sampled_from([{"files": ">=1"}, {"min_size": "1 KB"}])))
    if kind == "dataset":
        entry |= {"name": f"made_{step}_{name}"}
        entry |= draw(optional(tags=tags, description=texts))
    return entry


def _input(draw: st.DrawFn, source: str, kind: str) -> Any:
    modes = ["mount", "download", "auto"] + ["direct"] * (kind != "path")
    reads = st.sampled_from([{"fraction": 0.5}, {"passes": 2, "pattern": "random"}])
    extra = draw(optional(mode=st.sampled_from(modes), reads=reads))
    return {"from": source, **extra} if extra else draw(st.sampled_from([source, {"from": source}]))


def _arguments(draw: st.DrawFn, ports: list[str], parameters: list[str]) -> Any:
    """Each port is passed, and some parameters and words; as a list or a mapping."""
    words = [f"${{{port}}}" for port in ports]
    words += [f"${{parameters.{name}}}" for name in draw(some(st.sampled_from(parameters)))]
    if draw(st.booleans()):
        return {f"--{number}": word for number, word in enumerate([*words, *draw(some(scalars))])}
    return [*words, *draw(some(texts))]


@st.composite
def steps(draw: st.DrawFn, name: str, sources: dict[str, str], parameters: list[str]) -> Data:
    """A step that reads some of ``sources``, which maps each to its type."""
    read = draw(some(st.sampled_from(sorted(sources)), 2)) if sources else []
    inputs = {f"in_{i}": _input(draw, source, sources[source]) for i, source in enumerate(read)}
    written = [f"out_{i}" for i in range(draw(st.integers(0, 2)))]
    outputs = {key: draw(output_entries(name, key)) for key in written}
    ports = [*(f"inputs.{key}" for key in inputs), *(f"outputs.{key}" for key in outputs)]
    step: Data = {"inputs": inputs, "outputs": outputs}
    divisible = [key for i, key in enumerate(inputs) if sources[read[i]] != "path"]
    kinds = ["script", "command", "sequence"] + ["parallel"] * bool(divisible)
    kind = draw(st.sampled_from(kinds))
    if kind == "sequence":
        step |= draw(sequences(name, ports, parameters))
    elif kind == "command":
        line = " ".join(["cat", *(f"${{{port}}}" for port in ports), "$${HOME}", draw(texts)])
        step |= {"command": line}
    elif kind == "parallel":
        batch = draw(optional(mini_batch=st.sampled_from(["10", 3])))
        step |= {"parallel": {"script": f"{name}.py", "over": divisible[0], **batch}}
        step |= {"arguments": {f"--{port}": f"${{{port}}}" for port in ports[1:]}}
    else:
        step |= {"script": f"{name}.py", "arguments": _arguments(draw, ports, parameters)}
    return step | draw(_settings)


@st.composite
def sequences(draw: st.DrawFn, name: str, ports: list[str], parameters: list[str]) -> Data:
    """Scripts that hand on by scratch, and a command that gets every port."""
    places: Data = draw(
        st.dictionaries(
            st.sampled_from(["mid", "rest"]),
            st.sampled_from([None, {}, {"format": "folder"}, {"format": "file"}]),
        )
    )
    scratch = [f"scratch.{key}" for key in places]
    parts = [
        {"script": f"{name}_{i}.py", "arguments": _arguments(draw, scratch, parameters)}
        for i in range(draw(st.integers(0, 2)))
    ]
    line = " ".join(["cat", *(f"${{{port}}}" for port in [*ports, *scratch]), draw(texts)])
    every = draw(st.permutations([*parts, {"command": line}]))
    titled = [each | draw(optional(title=texts)) for each in every]
    return {"sequence": titled, "scratch": short(places)}


_settings = optional(
    title=texts,
    description=texts,
    compute=st.sampled_from(["cpu", "gpu"]),
    environment=st.sampled_from(["first", "second"]),
    env=st.dictionaries(st.sampled_from(["MODE", "LEVEL"]), texts, max_size=2),
    reuse=st.booleans(),
    retries=st.integers(0, 3),
    timeout=st.sampled_from(["2h", "90 s", 60]),
    tags=tags,
)


def types_of(name: str, step: Data) -> dict[str, str]:
    """The type of each output of a step, by its name as a source."""
    return {
        f"{name}.{key}": (entry or {}).get("type", "path") for key, entry in step["outputs"].items()
    }


@st.composite
def spec_data(draw: st.DrawFn, most: int = 5) -> Data:
    """A valid spec with up to ``most`` steps, as a reader gives it."""
    parameters = {f"p_{name}": draw(scalars) for name in draw(some(names))} | {"rate": 0.5}
    data = {f"d_{name}": draw(data_entries(name)) for name in draw(some(names))}
    sources = {name: entry["type"] for name, entry in data.items()}
    made: Data = {}
    for name in draw(st.lists(names, min_size=1, max_size=most, unique=True)):
        step = draw(steps(name, sources, sorted(parameters)))
        if made:
            step |= draw(optional(after=some(st.sampled_from(sorted(made)), 1)))
        sources |= types_of(name, step)
        made[name] = step | {"outputs": short(step["outputs"])}
    exported = [source for source, kind in sources.items() if "." in source and kind == "path"]
    return {
        "amlshare": 1,
        "name": draw(names),
        "defaults": {"compute": "cpu", "environment": "first", "code": "code", "datastore": "main"},
        "compute": {
            "cpu": {"vm_size": "Standard_DS3_v2", "max_nodes": 4, **draw(_rates)},
            "gpu": None,
        },
        "environments": {"first": draw(environments), "second": draw(environments)},
        "parameters": parameters,
        "data": data,
        "steps": made,
        "outputs": {f"given_{i}": source for i, source in enumerate(exported)},
        **draw(_sections),
    }


_rates = optional(hourly_rate=st.sampled_from([1, 0.27]))
_sections = optional(
    description=texts,
    experiment=st.just("trials"),
    tags=tags,
    workspace=st.just({"name": "ws", "subscription_id": "${env.SUBSCRIPTION}"}),
    local=st.just({"datastores": {"main": "data"}, "python": "python3"}),
    publish=st.just({"endpoint": "daily", "continue_on_step_failure": True}),
    schedules=st.fixed_dictionaries({"nightly": schedules}),
)


def to_spec(data: Data) -> Spec:
    spec = parse_spec(data)
    assert isinstance(spec, Spec), spec
    return spec


def to_pipeline(data: Data) -> Pipeline:
    return resolve(to_spec(data)).pipeline


def specs() -> st.SearchStrategy[Spec]:
    return spec_data().map(to_spec)


def pipelines() -> st.SearchStrategy[Pipeline]:
    return spec_data().map(to_pipeline)
