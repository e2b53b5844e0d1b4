from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlshare.movement import Load
from amlshare.movement.choice import choose
from amlshare.movement.estimate import estimate, room
from amlshare.movement.machines import Machine, find

MB, GB = 10**6, 10**9


def machine(name: str) -> Machine:
    found = find(name)
    assert found is not None
    return found


DS3 = machine("DS3_v2")
CASES = [
    (Load(size=30 * MB, files=1, single=True), "download", "all of 30 MB is read, fits the 28"),
    (Load(size=34_500_000, files=12, fraction=0.16), "mount", "16 % of 34.5 MB is read"),
    (Load(size=40 * GB, files=40), "mount", "40 GB does not fit the 28 GiB disk"),
    (Load(size=40 * GB, files=40, passes=9), "mount", "40 GB does not fit the 28 GiB disk"),
    (Load(size=GB, files=1, single=True, passes=9), "download", "all of 1 GB is read 9 times"),
    (Load(size=GB, files=1, random=True), "download", "all of 1 GB is read in no order"),
    (Load(size=GB, files=1, fraction=0.01), "mount", "1 % of 1 GB is read"),
    (Load(size=GB, files=10_000), "download", "10,000 files, fetched 16 at a time, fits"),
    (Load(size=GB, files=100_000, fraction=0.16), "download", "100,000 files, fetched 16 at a"),
    (Load(size=20 * GB, files=20), "mount", "a download of 20 GB would wait for the disk"),
]


@pytest.mark.parametrize(("load", "mode", "reason"), CASES)
def test_a_mode_is_chosen_and_the_reason_said(load, mode, reason):
    found = choose(load, DS3)
    assert (found.mode, found.reason[: len(reason)]) == (mode, reason)


def test_what_is_not_known_is_mounted():
    assert choose(None, DS3).reason == "neither the spec nor its lock has its size"
    unknown = choose(Load(size=GB), None)
    assert unknown.mode == "mount"
    assert "VM size is not known" in unknown.reason


def test_what_fits_an_empty_disk_may_not_fit_beside_other_data():
    load = Load(size=9 * GB, files=9, single=True)
    assert choose(load, DS3).mode == "download"
    full = choose(load, DS3, others=25 * GB)
    assert (full.mode, full.reason) == (
        "mount",
        "9 GB does not fit the 28 GiB disk beside 25 GB of other data",
    )


loads = st.builds(
    Load,
    size=st.integers(0, 10**13),
    files=st.none() | st.integers(1, 10**6),
    fraction=st.floats(1e-3, 1),
    passes=st.integers(1, 20),
    random=st.booleans(),
    nodes=st.integers(1, 9),
    readers=st.integers(1, 8),
)
machines = st.sampled_from(["DS3_v2", "D15_v2", "NC6s_v3", "L8s_v2"]).map(machine)


@given(loads, machines)
def test_what_does_not_fit_the_disk_is_never_downloaded(load, size):
    found = choose(load, size)
    assert found.mode == "mount" or load.size <= room(size)


@given(loads, machines)
def test_what_is_all_read_many_times_is_downloaded_if_it_fits(load, size):
    found = choose(replace(load, fraction=1.0, passes=load.passes + 1), size)
    assert (found.mode == "download") == (load.size <= room(size))


@given(loads, machines)
def test_the_choice_is_never_much_slower_where_a_part_is_read(load, size):
    part = replace(load, fraction=min(load.fraction, 0.99))
    mount, download = (estimate(mode, part, size).seconds for mode in ("mount", "download"))
    if part.size <= room(size):
        chosen = download if choose(part, size).mode == "download" else mount
        assert chosen <= 1.25 * min(mount, download)


@given(loads, machines)
def test_a_download_that_moves_more_than_is_needed_is_faster(load, size):
    part = replace(load, fraction=load.fraction / 1.3)
    mount, download = (estimate(mode, part, size).seconds for mode in ("mount", "download"))
    if choose(part, size).mode == "download" and part.size > 100:
        assert download <= mount / 1.25
