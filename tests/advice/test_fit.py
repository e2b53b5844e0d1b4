from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from render.plans import data, given, made, plan, step

from amlshare.advice import Advice, Subject
from amlshare.advice.fit import fits
from amlshare.document.edits import Put
from amlshare.movement.known import Known, Size
from amlshare.movement.modes import choose_modes
from amlshare.pipeline import Compute, Parallel
from amlshare.plan import Plan, moves_of

GB = 10**9


def planned(*inputs, sizes=None, outputs=(), vm_size="Standard_DS3_v2", **keys: Any) -> Plan:
    """Of a step `s` that reads ``inputs``; ``sizes`` are the bytes of data by name."""
    cpu = Compute(name="cpu", cluster="cpu", vm_size=vm_size)
    entries = tuple(data(name, size=size) for name, size in (sizes or {}).items())
    found = plan(step("s", inputs=inputs, outputs=outputs, **keys), data=entries, compute=(cpu,))
    return replace(found, modes=choose_modes(found.pipeline))


def advice(*inputs, backend="azureml", **keys: Any) -> list[Advice]:
    found = replace(planned(*inputs, **keys), backend=backend)
    return list(fits(Subject.of(found, moves_of(found))))


BIG = given("big", "x", mode="download")
SIZES = {"x": 40 * GB}


def test_a_download_that_does_not_fit_is_an_error_with_both_ways_out():
    (found,) = advice(BIG, sizes=SIZES)
    said = found.finding
    assert said.severity == "error"
    assert said.message == (
        "step 's' puts 40 GB on the 28 GiB disk of a Standard_DS3_v2: 40 GB of 'big'"
    )
    assert said.route == ("steps", "s", "inputs", "big", "mode")
    assert said.help == ("say `mode: mount`, or take a Standard_DS12_v2, whose disk has 56 GiB")
    assert found.edits == (Put(route=said.route, value="mount"),)


@pytest.mark.parametrize(
    "keys", [{"sizes": {}}, {"vm_size": None}, {"backend": "local"}, {"vm_size": "Standard_DS4_v2"}]
)
def test_what_is_not_known_to_be_too_large_is_no_error(keys):
    assert advice(BIG, **({"sizes": SIZES} | keys)) == []


def test_what_a_parallel_step_reads_lies_on_no_disk_whatever_its_mode():
    run = Parallel(file="run.py", over="small")
    assert advice(given("small", "y"), BIG, sizes={"x": 40 * GB, "y": GB}, run=run) == []


def test_what_a_run_of_somebody_has_found_is_no_error_for_them_alone():
    seen = {"x": Size(bytes=40 * GB, files=1, origin="history")}
    found = replace(planned(BIG), known=Known(sizes=seen))
    assert list(fits(Subject.of(found, moves_of(found)))) == []


def test_what_was_chosen_always_fits():
    assert advice(given("big", "x"), given("again", "x"), sizes={"x": 20 * GB}) == []


def test_all_that_lies_there_counts():
    written = (made("s", "table", mode="upload", size=15 * GB),)
    assert advice(BIG, sizes={"x": 20 * GB}) == []
    (found,) = advice(BIG, sizes={"x": 20 * GB}, outputs=written)
    assert found.finding.message.endswith("20 GB of 'big', 15 GB of 'table'")
    assert found.edits


def test_where_one_mount_is_not_enough_it_takes_more():
    inputs = (BIG, given("more", "y", mode="download"))
    (found,) = advice(*inputs, sizes={"x": 40 * GB, "y": 39 * GB})
    assert "mount` here and for others, or take a Standard_DS13_v2" in (found.finding.help or "")
    assert found.edits == ()


def test_an_upload_that_does_not_fit_may_be_mounted_file_by_file():
    outputs = (made("s", "o", type="directory", mode="upload", size=40 * GB, files=40),)
    (found,) = advice(outputs=outputs)
    assert found.finding.route == ("steps", "s", "outputs", "o", "mode")
    assert found.finding.label == "40 GB lie there until they are uploaded"
    mounted = (replace(outputs[0], mode="mount"),)
    assert advice(outputs=mounted) == []


def test_of_a_single_file_that_no_disk_holds_less_is_to_be_written():
    outputs = (made("s", "o", mode="mount", format="file", size=9_000 * GB),)
    (found,) = advice(outputs=outputs)
    assert found.finding.route == ("steps", "s", "outputs", "o")
    assert found.finding.help == ("let the step write less at a time: no VM size has such a disk")


def test_steps_that_are_not_selected_are_not_looked_at():
    found = replace(planned(BIG, sizes=SIZES), selected=())
    assert list(fits(Subject.of(found, moves_of(found)))) == []
