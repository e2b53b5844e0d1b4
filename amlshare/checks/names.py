"""Rules about names: their form, what they clash with, what is found under them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from amlshare.checks.places import NOUNS
from amlshare.checks.views import each_input, each_output, once
from amlshare.diagnostics import Finding, Note, Route, closest
from amlshare.spec import Spec, Step

# folders and logs are called like the step, and a file name ends at 255 bytes
STEP_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}", re.ASCII)
PORT_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
DATASET_NAME = re.compile(r"[A-Za-z0-9_][\w.-]{0,254}", re.ASCII)
# A pipeline's name is a folder in locations too, and an experiment's unless that has its own.
EXPERIMENT_NAME = re.compile(r"[A-Za-z0-9][\w-]{0,254}", re.ASCII)
ENDPOINT_NAME = re.compile(r"[\w-]{1,255}", re.ASCII)

# The module parameters of SDK v1: a pipeline parameter of that name would replace them silently.
RESERVED = frozenset(
    """AMLComputeLocation AMLComputeName AMLComputeNodeCount AMLComputeRetainCluster
    AMLComputeVmPriority AMLComputeVmSize Arguments AutoPrepareEnvironment BaseDockerfile
    BaseDockerImage BaseImageRegistryAddress BaseImageRegistryPassword BaseImageRegistryUsername
    BatchAiResourceGroup BatchAiSubscriptionId BatchAiWorkspaceName BatchInferencingMetaData
    ClusterName Command Communicator CondaDependencies ContainerInstanceCpuCores
    ContainerInstanceMemoryGb ContainerInstanceRegion DirectoriesToWatch DockerArguments
    DockerEnabled EnvironmentVariables ExposedPorts Framework GpuSupport HistoryOutputCollection
    InterpreterPath JobName MaxRunDurationSeconds MLCComputeType MpiProcessCountPerNode
    NativeSharedDirectory NodeCount PrecachePackages PrepareEnvironment RunConfiguration RunType
    Script SharedVolumes ShmSize SourceDirectoryDataStore SparkConfiguration SparkMavenPackages
    SparkRepositories Target TargetType TensorflowParameterServerCount TensorflowWorkerCount
    UserManagedDependencies YarnDeployMode""".split()
)
# Ports become environment variables on the compute target, where these mean something already.
_VARIABLES = frozenset(
    "HOME LANG PATH PWD PYTHONPATH SHELL TEMP TMP TMPDIR USER LD_LIBRARY_PATH".split()
)


def pipeline_name(spec: Spec) -> Iterator[Finding]:
    """bad-pipeline-name: it stands in locations, and names the experiment."""
    if not EXPERIMENT_NAME.fullmatch(spec.name):
        yield Finding(
            code="bad-pipeline-name",
            message=f"'{spec.name}' cannot be a pipeline's name",
            route=("name",),
            label=_for_example(spec.name, "flight_delays"),
            help="letters, digits, - and _ only: locations and the experiment are named after it; "
            "`description:` is for people",
        )


def experiment_names(spec: Spec) -> Iterator[Finding]:
    """bad-experiment-name: Azure ML refuses it when the run starts."""
    uses: list[tuple[Route, str | None]] = [(("experiment",), spec.experiment)]
    for name, schedule in spec.schedules.items():
        uses.append((("schedules", name, "experiment"), schedule.experiment))
    for route, given in uses:
        if given is not None and not EXPERIMENT_NAME.fullmatch(given):
            yield Finding(
                code="bad-experiment-name",
                message=f"'{given}' cannot be an experiment's name",
                route=route,
                label=_for_example(given, "flights"),
                help="it starts with a letter or digit and has only letters, digits, - and _",
            )


def endpoint_name(spec: Spec) -> Iterator[Finding]:
    """bad-endpoint-name: it is a part of the address that serves the pipeline."""
    given = spec.publish.endpoint if spec.publish else None
    if given is not None and not ENDPOINT_NAME.fullmatch(given):
        yield Finding(
            code="bad-endpoint-name",
            message=f"'{given}' cannot be an endpoint's name",
            route=("publish", "endpoint"),
            label=_for_example(given, "flight_delays"),
            help="letters, digits, - and _ only",
        )


def _for_example(name: str, otherwise: str) -> str:
    fixed = re.sub(r"[^\w-]+", "_", name, flags=re.ASCII).strip("_-")
    return f"for example '{fixed or otherwise}'"


def step_names(spec: Spec) -> Iterator[Finding]:
    """bad-step-name: a step's name is lower case, and fits every backend."""
    for name in spec.steps:
        if not STEP_NAME.fullmatch(name):
            fixed = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
            fixed = fixed if STEP_NAME.fullmatch(fixed) and fixed != name else ""
            yield Finding(
                code="bad-step-name",
                message=f"'{name}' cannot be a step's name",
                route=("steps", name),
                on="key",
                label=f"for example '{fixed}'" if fixed else "lower case letters, digits and _",
                help="a step's name starts with a letter and has only a-z, 0-9 and _, 100 at most; "
                "`title:` is for people",
            )


def entry_names(spec: Spec) -> Iterator[Finding]:
    """bad-name: names of inputs, outputs, data and parameters, which `${...}` refers to."""
    for what, route, name in _named(spec):
        if not PORT_NAME.fullmatch(name):
            fixed = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
            yield Finding(
                code="bad-name",
                message=f"'{name}' cannot be the name of {what}",
                route=route,
                on="key",
                label=f"for example '{fixed}'" if PORT_NAME.fullmatch(fixed) else "",
                help="a name starts with a letter or _ and has only letters, digits and _",
            )


def variable_names(spec: Spec) -> Iterator[Finding]:
    """reserved-name: a port that would hide an environment variable of every process."""
    for what, route, name in _named(spec):
        if name in _VARIABLES and what not in ("a parameter", "scratch"):
            yield Finding(
                code="reserved-name",
                message=f"'{name}' cannot be the name of {what}",
                route=route,
                on="key",
                label=f"Azure ML would set the environment variable {name}",
                help=f"rename it, for example to '{name.lower()}'",
            )


@once
def _named(spec: Spec) -> list[tuple[str, Route, str]]:
    """What has a name that `${...}` or a source refers to: what it is, its route and its name."""
    found: list[tuple[str, Route, str]] = [("data", ("data", name), name) for name in spec.data]
    found += [("a parameter", ("parameters", name), name) for name in spec.parameters]
    found += [("an output of the pipeline", ("outputs", name), name) for name in spec.outputs]
    found += [("an input", route, name) for _, name, _, route in each_input(spec)]
    found += [("an output", route, name) for _, name, _, route in each_output(spec)]
    for step, body in spec.steps.items():
        found += [("scratch", ("steps", step, "scratch", name), name) for name in body.scratch]
    return found


def env_names(spec: Spec) -> Iterator[Finding]:
    """bad-variable-name: no shell can read such an environment variable."""
    groups: list[tuple[Route, Mapping[str, str]]] = [(("defaults", "env"), spec.defaults.env)]
    groups += [(("steps", name, "env"), step.env) for name, step in spec.steps.items() if step.env]
    for route, env in groups:
        for name in env:
            if not PORT_NAME.fullmatch(name):
                yield Finding(
                    code="bad-variable-name",
                    message=f"'{name}' cannot be an environment variable's name",
                    route=(*route, name),
                    on="key",
                    help="it starts with a letter or _ and has only letters, digits and _",
                )


def reserved_parameters(spec: Spec) -> Iterator[Finding]:
    """reserved-parameter: one called like the SDK's own would replace it."""
    routes: list[Route] = [("parameters", name) for name in spec.parameters]
    routes += [("data", name) for name, data in spec.data.items() if data.parameter]
    for route in routes:
        name = str(route[-1])
        if name in RESERVED:
            yield Finding(
                code="reserved-parameter",
                message=f"a parameter cannot be called '{name}'",
                route=route,
                on="key",
                label="Azure ML's own setting of that name would be replaced",
                help=f"rename it, for example to '{_snake(name)}'",
            )


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def shared_names(spec: Spec) -> Iterator[Finding]:
    """ambiguous-name: parameters and `parameter: true` data share one namespace."""
    for name, data in spec.data.items():
        if data.parameter and name in spec.parameters:
            yield Finding(
                code="ambiguous-name",
                message=f"'{name}' is both a parameter and data with `parameter: true`",
                route=("data", name),
                on="key",
                label="`-p` could mean either",
                help="rename one of them",
                notes=(Note(message="the parameter", route=("parameters", name), on="key"),),
            )


def input_output_clash(spec: Spec) -> Iterator[Finding]:
    """input-output-clash: Azure ML renames an input that is called like an output."""
    for step, body in spec.steps.items():
        for name in body.inputs.keys() & body.outputs.keys():
            yield Finding(
                code="input-output-clash",
                message=f"step '{step}' has an input and an output called '{name}'",
                route=("steps", step, "outputs", name),
                on="key",
                label="Azure ML would rename the input",
                help=f"rename one of them, for example this to 'new_{name}'",
                notes=(Note(message="the input", route=("steps", step, "inputs", name), on="key"),),
            )
        for name in body.scratch:
            yield from _scratch_clash(step, body, name)


def _scratch_clash(step: str, body: Step, name: str) -> Iterator[Finding]:
    for key, ports in (("inputs", body.inputs), ("outputs", body.outputs)):
        if name in ports:
            noun = NOUNS[key]
            yield Finding(
                code="input-output-clash",
                message=f"step '{step}' has an {noun} and scratch called '{name}'",
                route=("steps", step, "scratch", name),
                on="key",
                label="a name means one place in a step",
                help=f"rename one of them, for example this to 'scratch_{name}'",
                notes=(Note(message=f"the {noun}", route=("steps", step, key, name), on="key"),),
            )


def environments_known(spec: Spec) -> Iterator[Finding]:
    """unknown-environment: an `environment:` that names no entry."""
    guess = Guesses(spec.environments)
    for route, name in _uses(spec, "environment"):
        if name not in spec.environments:
            yield unknown("unknown-environment", name, route, guess)


def compute_meant(spec: Spec) -> Iterator[Finding]:
    """unlisted-compute: taken as a cluster's own name, though an entry is called nearly so."""
    if not spec.compute:
        return
    guess = Guesses(spec.compute)
    clusters = {entry.cluster for entry in spec.compute.values()}
    for route, name in _uses(spec, "compute"):
        similar = None if name in spec.compute or name in clusters else guess(name)
        if similar and _is_slip(name, similar):
            yield Finding(
                code="unlisted-compute",
                severity="hint",
                message=f"'{name}' is no entry of `compute:` and is taken as a cluster's name",
                route=route,
                label=f"did you mean '{similar}'?",
                help=f"if it is the cluster's name, say so: `compute: {{{name}: {{}}}}`",
            )


def _is_slip(name: str, meant: str) -> bool:
    """Nearer than `gpu` is to `cpu`."""
    from difflib import SequenceMatcher

    return SequenceMatcher(None, name.lower(), meant.lower()).ratio() > 0.75


def _uses(spec: Spec, key: str) -> Iterator[tuple[Route, str]]:
    """Where `defaults` and the steps name something under ``key``."""
    if (name := getattr(spec.defaults, key)) is not None:
        yield ("defaults", key), name
    for step, body in spec.steps.items():
        if (name := getattr(body, key)) is not None:
            yield ("steps", step, key), name


def after_known(spec: Spec) -> Iterator[Finding]:
    """unknown-step: an `after:` that names no step."""
    guess = Guesses(spec.steps)
    for name, step in spec.steps.items():
        for index, other in enumerate(step.after):
            if other not in spec.steps:
                yield unknown("unknown-step", other, ("steps", name, "after", index), guess)


class Guesses:
    """What a word was probably meant to be, out of ``names``.

    A word is looked up once, and after fifty different ones no more: each costs a comparison with
    every name.
    """

    def __init__(self, names: Iterable[str], limit: int = 50) -> None:
        self.names = list(names)
        self._known: dict[str, str | None] = {}
        self._limit = limit

    def __call__(self, word: str) -> str | None:
        if word not in self._known:
            spent = len(self._known) >= self._limit
            self._known[word] = None if spent else closest(word, self.names)
        return self._known[word]

    def label(self, word: str) -> str:
        """``did you mean 'x'?``, or nothing."""
        similar = self(word)
        return f"did you mean '{similar}'?" if similar else ""


def unknown(code: str, name: str, route: Route, known: Guesses) -> Finding:
    """The finding of a name that nothing is known by; ``code`` is ``unknown-`` and a noun."""
    noun = code.partition("-")[2]
    label = known.label(name)
    return Finding(
        code=code,
        message=f"no {noun} is called '{name}'",
        route=route,
        label=label,
        help=None if label else _listing(noun, known.names),
    )


def _listing(noun: str, names: list[str]) -> str:
    if not names:
        return f"the spec has no {noun} yet"
    shown = ", ".join(sorted(names)[:10])
    return f"known: {shown}{', ...' if len(names) > 10 else ''}"
