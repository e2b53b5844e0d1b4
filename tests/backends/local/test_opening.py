"""What a run of some steps reads of earlier runs."""

from __future__ import annotations

import sys

import pytest
from backends.local.plans import Project, command

from amlshare.backends.interface import Noted
from amlshare.pipeline import Step


@pytest.mark.parametrize(("value", "said"), [("1", []), ("2", ["the step has changed since"])])
def test_a_step_that_would_be_another_by_now_is_said(
    project: Project, value: str, said: list[str]
) -> None:
    reads = command("b", "cat ${inputs.o}/x", reads=["a.o"])

    def makes(value: str) -> Step:
        return command("a", "echo $N > ${outputs.o}/x", writes=["o"], env={"N": value})

    project.run(makes("1"), reads)
    project.submit(project.plan(makes(value), reads, selected=["b"]), python=sys.executable)
    assert [note.message.partition(": ")[2] for note in project.of(Noted)] == said
