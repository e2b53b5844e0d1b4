"""Making the compute targets that a spec describes and the workspace does not have."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from amlshare.backends.azureml import sdk
from amlshare.backends.azureml.online import compute_targets
from amlshare.backends.interface import BackendError

if TYPE_CHECKING:
    from amlshare.backends.azureml.job import Job, JobCompute

_NODES = 4
# seconds to wait for a cluster, which takes less than one minute where there is a quota for it
_LONGEST = 1200.0
_PAUSE = 5.0
_ENDED = frozenset({"Succeeded", "Failed", "Canceled"})
_GOES_ON = "this goes on in the workspace; look at it there, then run the same command again"


def create_missing(job: Job, workspace: Any) -> Iterator[str]:
    """Make each cluster that the workspace lacks and the spec gives a ``vm_size``.

    Gives a note for each as soon as it is made, and for one that is still being made when waiting
    for it is interrupted. What cannot be made so stays missing. Raises BackendError.
    """
    wanted = [each for each in job.compute if each.type == "AmlCompute" and each.vm_size]
    if not wanted:
        return
    known = compute_targets(workspace)
    made = {each.cluster: each for each in wanted if each.cluster not in known}
    for each in made.values():
        yield from _made(each, workspace)


def _made(compute: JobCompute, workspace: Any) -> Iterator[str]:
    try:
        yield _create(compute, workspace)
    except KeyboardInterrupt:
        yield f"compute target '{compute.cluster}' may still be being made: {_GOES_ON}"
        raise


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
        _wait(ComputeTarget.create(workspace, compute.cluster, configuration))
    return f"made compute target '{compute.cluster}' ({compute.vm_size}, {least} to {most} nodes)"


def _wait(target: Any) -> None:
    """Wait until it is made, but not for ever, as the SDK does. Raises of its failure."""
    from azureml.core.compute import ComputeTarget

    ends = time.monotonic() + _LONGEST
    while target._operation_endpoint and not _is_ended(target):  # noqa: SLF001 # no public way
        if time.monotonic() > ends:
            since = f"after {_LONGEST / 60:g} minutes"
            raise BackendError(
                f"compute target '{target.name}' is still being made {since}: {_GOES_ON}"
            )
        time.sleep(_PAUSE)
    # the method of its own class waits for nodes as well, which a run does anyway
    ComputeTarget.wait_for_completion(target)


def _is_ended(target: Any) -> bool:
    state, _ = target._get_operation_state()  # noqa: SLF001 # no public way
    return state in _ENDED


def _range(compute: JobCompute) -> tuple[int, int]:
    """The fewest and most nodes; by default none while idle, so that it costs nothing then."""
    least = compute.min_nodes or 0
    return least, compute.max_nodes if compute.max_nodes is not None else max(_NODES, least)
