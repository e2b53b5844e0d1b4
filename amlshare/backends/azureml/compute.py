"""Making the compute targets that a spec describes and the workspace does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amlshare.backends.azureml import sdk
from amlshare.backends.azureml.online import compute_targets

if TYPE_CHECKING:
    from amlshare.backends.azureml.job import Job, JobCompute

_NODES = 4


def create_missing(job: Job, workspace: Any) -> list[str]:
    """Make each cluster that the workspace lacks and the spec gives a ``vm_size``.

    Returns a note for each that was made; what cannot be made so stays missing. Raises
    BackendError.
    """
    wanted = [each for each in job.compute if each.type == "AmlCompute" and each.vm_size]
    if not wanted:
        return []
    known = compute_targets(workspace)
    made = {each.cluster: each for each in wanted if each.cluster not in known}
    return [_create(each, workspace) for each in made.values()]


def _create(compute: JobCompute, workspace: Any) -> str:
    from azureml.core.compute import AmlCompute, ComputeTarget

    least, most = _range(compute)
    with sdk.asking(f"making compute target '{compute.cluster}'"):
        configuration = AmlCompute.provisioning_configuration(
            vm_size=compute.vm_size,
            min_nodes=least,
            max_nodes=most,
            idle_seconds_before_scaledown=compute.idle_seconds,
        )
        target = ComputeTarget.create(workspace, compute.cluster, configuration)
        # the method of its own class waits for nodes as well, which a run does anyway
        ComputeTarget.wait_for_completion(target)
    return f"made compute target '{compute.cluster}' ({compute.vm_size}, {least} to {most} nodes)"


def _range(compute: JobCompute) -> tuple[int, int]:
    """The fewest and most nodes; by default none while idle, so that it costs nothing then."""
    least = compute.min_nodes or 0
    return least, compute.max_nodes if compute.max_nodes is not None else max(_NODES, least)
