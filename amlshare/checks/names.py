"""Rules about names: their form, what they clash with, what is found under them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from amlshare.diagnostics import Finding, Note, Route, closest
from amlshare.spec import Spec

STEP_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
PORT_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
DATASET_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)

# The SDK's own module parameters: a pipeline parameter of that name would replace them silently.
# Source: the arguments of the SDK v1's module definitions, as measured.
RESERVED = frozenset(
    """Target MLCComputeType Script Arguments Framework MaxRunDurationSeconds InterpreterPath
    UserManagedDependencies GitRepository PrepareEnvironment CondaDependencies DockerEnabled
    BaseDockerImage GpuSupport HistoryEnabled Command EnvironmentVariables Dockerfile BaseImage
    SharedVolumes NodeCount MpiProcessCountPerNode ProcessCountPerNode TensorflowWorkerCount
    TensorflowParameterServerCount SparkMavenPackages SparkRepositories SparkConfiguration
    VmSize VmPriority RetainCluster Name Location AmlComputeName AmlComputeVmSize
    YarnDeployMode Communicator AutoPrepareEnvironment DirectoriesToWatch JobName
    MaxNodeCount AppendRowFileName""".split()
)
# Ports become environment variables on the compute target.
_PORTS_TAKEN = frozenset({"PATH", "HOME", "USER", "SHELL", "PWD", "LANG", "TMP", "TEMP", "TMPDIR"})


def step_names(spec: Spec) -> Iterator[Finding]:
    """bad-step-name: a step's name is lower case, and fits every backend."""
    for name in spec.steps:
        if not STEP_NAME.fullmatch(name):
            fixed = re.sub(r"\W+|-", "_", name, flags=re.ASCII).strip("_").lower()
            fixed = fixed if STEP_NAME.fullmatch(fixed) else ""
            yield Finding(
                code="bad-step-name",
                message=f"'{name}' cannot be a step's name",
                route=("steps", name),
                on="key",
                label=f"for example '{fixed}'" if fixed else "lower case letters, digits and _",
                help="a step's name starts with a letter and has only a-z, 0-9 and _; "
                "`title:` is for people",
            )


def port_names(spec: Spec) -> Iterator[Finding]:
    """bad-name: names of inputs, outputs, data and parameters."""
    for kind, route, name in _named(spec):
        if not PORT_NAME.fullmatch(name) or name in _PORTS_TAKEN:
            taken = name in _PORTS_TAKEN
            yield Finding(
                code="bad-name",
                message=f"'{name}' cannot be the name of {kind}",
                route=route,
                on="key",
                label="an environment variable of every process" if taken else "",
                help="a name starts with a letter or _ and has only letters, digits and _",
            )


def _named(spec: Spec) -> Iterator[tuple[str, Route, str]]:
    for name in spec.data:
        yield "data", ("data", name), name
    for name in spec.parameters:
        yield "a parameter", ("parameters", name), name
    for step, body in spec.steps.items():
        for name in body.inputs:
            yield "an input", ("steps", step, "inputs", name), name
        for name in body.outputs:
            yield "an output", ("steps", step, "outputs", name), name


def reserved_parameters(spec: Spec) -> Iterator[Finding]:
    """reserved-parameter: one called like the SDK's own would replace it."""
    for name in spec.parameters:
        if name in RESERVED:
            yield Finding(
                code="reserved-parameter",
                message=f"a parameter cannot be called '{name}'",
                route=("parameters", name),
                on="key",
                label="Azure ML's own setting of that name would be replaced",
                help=f"rename it, for example to '{name.lower()}_value'",
            )


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
        for name in sorted(body.inputs.keys() & body.outputs.keys()):
            yield Finding(
                code="input-output-clash",
                message=f"step '{step}' has an input and an output called '{name}'",
                route=("steps", step, "outputs", name),
                on="key",
                label="rename one of them",
                notes=(Note(message="the input", route=("steps", step, "inputs", name), on="key"),),
            )


def environments_known(spec: Spec) -> Iterator[Finding]:
    """unknown-environment: an `environment:` that names no entry."""
    uses: list[tuple[Route, str | None]] = [
        (("defaults", "environment"), spec.defaults.environment)
    ]
    uses += [(("steps", n, "environment"), step.environment) for n, step in spec.steps.items()]
    for route, name in uses:
        if name is not None and name not in spec.environments:
            yield unknown("environment", name, route, spec.environments)


def after_known(spec: Spec) -> Iterator[Finding]:
    """unknown-step: an `after:` that names no step, or the step itself."""
    for name, step in spec.steps.items():
        for index, other in enumerate(step.after):
            if other not in spec.steps:
                route = ("steps", name, "after", index)
                yield unknown("step", other, route, spec.steps)


def unknown(noun: str, name: str, route: Route, known: Iterable[str]) -> Finding:
    """The finding of a name that nothing is known by."""
    names = list(known)
    similar = closest(name, names)
    return Finding(
        code=f"unknown-{noun}",
        message=f"no {noun} is called '{name}'",
        route=route,
        label=f"did you mean '{similar}'?" if similar else "",
        help=None if similar else _listing(noun, names),
    )


def _listing(noun: str, names: list[str]) -> str:
    if not names:
        return f"the spec has no {noun} yet"
    shown = ", ".join(sorted(names)[:10])
    return f"known: {shown}{', ...' if len(names) > 10 else ''}"
