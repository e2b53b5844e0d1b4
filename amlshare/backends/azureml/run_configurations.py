"""Where a step runs: its Environment and RunConfiguration, made anew for each step.

The SDK writes into both, so no two steps share one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amlshare.backends.interface import BackendError
from amlshare.packages import requirements

if TYPE_CHECKING:
    from amlshare.backends.azureml.job import JobEnvironment, JobStep
    from amlshare.pipeline import Distribution


def environment(entry: JobEnvironment, base: Path) -> Any:
    """An ``Environment`` as the spec describes it. Raises BackendError for a file not to be read.

    Its own variables are emptied: the SDK would send an example of one.
    """
    from azureml.core import Environment

    made = Environment(entry.name)
    made.environment_variables = {}
    made.docker.base_image = entry.image
    if entry.dockerfile is not None:
        made.docker.base_dockerfile = _text(entry, base / entry.dockerfile)
    packages = _packages(entry, base)
    made.python.user_managed_dependencies = packages is None
    made.python.conda_dependencies = packages
    return made


def _packages(entry: JobEnvironment, base: Path) -> Any:
    """The ``CondaDependencies``; None for an image or dockerfile that brings its own Python."""
    from azureml.core.conda_dependencies import CondaDependencies

    if entry.conda is not None:
        _text(entry, base / entry.conda)
        return CondaDependencies(str(base / entry.conda))
    if entry.pip is None:
        return None
    lines = entry.pip
    if isinstance(lines, str):
        lines = requirements(_text(entry, base / lines))
    python = [f"python={entry.python}"] if entry.python else []
    return CondaDependencies(
        _underlying_structure={"dependencies": [*python, "pip", {"pip": list(lines)}]}
    )


def _text(entry: JobEnvironment, file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BackendError(
            f"cannot read '{file}' of environment '{entry.name}': {reason}"
        ) from None


def run_configuration(step: JobStep, environment: Any, nodes: int) -> Any:
    """A ``RunConfiguration`` for a step in its environment; ``nodes`` is the number at first."""
    from azureml.core.runconfig import DockerConfiguration, RunConfiguration

    made = RunConfiguration()
    made.environment = environment
    made.environment_variables = variables(step.env)
    made.docker = DockerConfiguration(use_docker=True)
    made.node_count = nodes
    if step.timeout is not None:
        made.max_run_duration_seconds = step.timeout
    if step.kind == "CommandStep":
        made.command = None  # as the SDK's own class leaves it, and its base does not
    if step.distribution is not None:
        _distribute(made, step.distribution, nodes)
    return made


def variables(env: Mapping[str, str]) -> dict[str, str]:
    """Environment variables as plain texts, which alone the SDK can send."""
    return {name: str(value) for name, value in env.items()}


def _distribute(made: Any, distribution: Distribution, nodes: int) -> None:
    """What ``ScriptRunConfig(distributed_job_config=..)`` would do to a RunConfiguration."""
    from azureml.core.runconfig import (
        MpiConfiguration,
        PyTorchConfiguration,
        TensorflowConfiguration,
    )

    each = distribution.processes_per_node
    match distribution.type:
        case "mpi":
            made.mpi = MpiConfiguration(process_count_per_node=each, node_count=nodes)
            made.communicator = "IntelMpi"
        case "pytorch":
            # None is one process on each node, however many there are in the end
            processes = each * nodes if each > 1 else None
            made.pytorch = PyTorchConfiguration(process_count=processes, node_count=nodes)
            made.framework, made.communicator = "PyTorch", "Nccl"
        case "tensorflow":
            made.tensorflow = TensorflowConfiguration(worker_count=nodes, parameter_server_count=0)
            made.framework, made.communicator = "TensorFlow", "ParameterServer"


def parameters(step: JobStep, nodes: Any) -> dict[str, Any]:
    """The settings that ``nodes``, a ``PipelineParameter``, decides at the time of a run."""
    names = ["NodeCount"]
    if step.distribution is not None and step.distribution.type == "tensorflow":
        names.append("TensorflowWorkerCount")
    return dict.fromkeys(names, nodes)
