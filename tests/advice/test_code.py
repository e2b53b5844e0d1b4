from __future__ import annotations

from dataclasses import replace

import pytest
from render.plans import data, given, made, plan, step

from amlshare.advice import Advice, Subject
from amlshare.advice.code import coupled_reruns
from amlshare.pipeline import Compute
from amlshare.plan import Code, Plan, moves_of

GB = 10**9
CLEAN = step("clean", "clean.py", inputs=(given("raw", "raw"),), outputs=(made("clean", "out"),))
TRAIN = step("train", "train.py", inputs=(given("out", "clean.out"),))
REPORT = step("report", "report.py")
OWN = {"clean": ["clean.py"], "train": ["train.py"], "report": ["report.py"]}


def planned(*steps, size=60 * GB, uses=OWN, **keys) -> Plan:
    """Of steps in one folder; ``uses`` are the files that each step's code has."""
    cpu = Compute(name="cpu", cluster="cpu", vm_size="Standard_DS3_v2")
    found = plan(*steps, data=(data("raw", size=size, files=10),), compute=(cpu,), **keys)
    code = tuple(
        Code(
            folder="../scripts",
            scripts=(f"{name}.py",),
            digest="",
            files=dict.fromkeys([*files, "names.txt"], "sha"),
        )
        for name, files in uses.items()
    )
    return replace(found, code=code)


def advice(*steps, **keys) -> list[Advice]:
    found = planned(*steps, **keys)
    return list(coupled_reruns(Subject.of(found, moves_of(found))))


def test_a_change_of_a_late_script_runs_the_costly_step_again():
    (found,) = advice(CLEAN, TRAIN)
    assert found.finding.message.startswith(
        "on Azure, each change of 'train.py' runs 'clean' again without need: 60 GB to move"
    )
    assert found.finding.route == ("steps", "train", "script")
    assert found.finding.severity == "hint"
    assert found.edits == ()


def test_one_hint_is_enough_for_a_folder():
    assert len(advice(CLEAN, TRAIN, REPORT)) == 1


@pytest.mark.parametrize(
    ("steps", "keys"),
    [
        ((CLEAN, TRAIN), {"size": 30_000_000}),
        ((CLEAN, TRAIN), {"size": None}),
        ((CLEAN, TRAIN), {"backend": "local"}),
        ((CLEAN, TRAIN), {"selected": ("clean",)}),
        ((CLEAN, replace(TRAIN, code="../train")), {}),
        ((replace(CLEAN, reuse=False), TRAIN), {}),
        ((CLEAN, TRAIN), {"uses": {**OWN, "clean": ["clean.py", "train.py"]}}),
    ],
    ids="cheap unknown here alone apart always used".split(),
)
def test_nothing_is_said_where_it_costs_nothing_or_cannot_be_helped(steps, keys):
    assert advice(*steps, **keys) == []


def test_what_follows_anyway_is_not_counted():
    """A change of what the first step runs changes what the others read."""
    big = replace(TRAIN, inputs=(*TRAIN.inputs, given("raw", "raw")))
    assert advice(step("clean", "clean.py", outputs=CLEAN.outputs), big) == []
