"""Compute targets that the spec describes, made where the workspace has none."""

from __future__ import annotations

import pytest
from backends.azureml.apart import error, signed_in

BEGIN = """
from amlshare.backends.azureml import compute
from amlshare.backends.azureml.job import Job, JobCompute

def make(**named):
    job = Job(pipeline="p", experiment="p", compute=(JobCompute(**named),))
    print(*compute.create_missing(job, workspace), sep="\\n", end="")
"""
SIZED = 'name="cpu", cluster="cpu-big", vm_size="STANDARD_DS3_V2"'


@pytest.fixture
def make(workspace):
    def make(call: str) -> str:
        done = signed_in(f"{BEGIN}\nmake({call})", workspace.environment)
        assert (done.exit_code, done.stderr) == (0, ""), done.stderr
        return done.stdout

    return make


def scale(workspace, name: str) -> dict:
    return workspace.computes[name]["properties"]["properties"]["scaleSettings"]


def test_a_cluster_is_made_as_the_spec_says(workspace, make):
    said = make(f"{SIZED}, min_nodes=1, max_nodes=8, idle_seconds=600")
    assert said == "made compute target 'cpu-big' (STANDARD_DS3_V2, 1 to 8 nodes)"
    assert (scale(workspace, "cpu-big")["minNodeCount"]) == 1
    assert (scale(workspace, "cpu-big")["maxNodeCount"]) == 8


def test_a_cluster_costs_nothing_while_idle_unless_the_spec_says_so(workspace, make):
    make(SIZED)
    assert scale(workspace, "cpu-big")["minNodeCount"] == 0


def test_a_cluster_that_is_there_is_left_as_it_is(workspace, make):
    workspace.add_compute("cpu-big", max_nodes=2)
    assert make(f"{SIZED}, max_nodes=8") == ""
    assert scale(workspace, "cpu-big")["maxNodeCount"] == 2


@pytest.mark.parametrize(
    "call",
    [
        'name="cpu", cluster="cpu"',
        f'{SIZED}, type="Kubernetes"',
        f'{SIZED}, type="ComputeInstance"',
    ],
)
def test_what_cannot_be_made_stays_missing(workspace, make, call):
    assert make(call) == ""
    assert not workspace.computes


def test_a_refusal_names_the_compute_target(workspace):
    workspace.fail(route="PUT *computes/*", how="403")
    told = error(signed_in(f"{BEGIN}\nmake({SIZED})", workspace.environment))
    assert told.startswith("making compute target 'cpu-big' failed: PUT https://management.azure")


def test_one_that_is_not_made_in_time_is_left_with_what_to_do(workspace):
    workspace.compute_status = "Creating"
    code = f"{BEGIN}\ncompute._LONGEST = 0.0\ncompute._PAUSE = 0.01\nmake({SIZED})"
    assert error(signed_in(code, workspace.environment)) == (
        "compute target 'cpu-big' is still being made after 0 minutes: this goes on in the"
        " workspace; look at it there, then run the same command again"
    )


def test_one_that_cannot_be_made_says_so(workspace):
    workspace.compute_status = "Failed"
    told = error(signed_in(f"{BEGIN}\nmake({SIZED})", workspace.environment))
    assert told.startswith("making compute target 'cpu-big' failed: ")


INTERRUPTED = f"""
import signal
notes = []
job = Job(pipeline="p", experiment="p", compute=(JobCompute({SIZED}),))
compute.time.sleep = lambda _seconds: signal.raise_signal(signal.SIGINT)
try:
    notes += compute.create_missing(job, workspace)
except KeyboardInterrupt:
    print(*notes, end="")
"""


def test_an_interruption_leaves_what_was_begun_and_says_so(workspace):
    workspace.compute_status = "Creating"
    done = signed_in(BEGIN + INTERRUPTED, workspace.environment)
    assert done.stdout.startswith("compute target 'cpu-big' may still be being made: this goes")
    assert "cpu-big" in workspace.computes
