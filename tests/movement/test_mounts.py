from __future__ import annotations

import pytest
from movement.test_modes import CPU, GB, MB, pipeline
from render.plans import data, given, made, plan, step

from amlshare.movement import Known, Size
from amlshare.movement.modes import choose_modes
from amlshare.movement.mounts import mount_settings
from amlshare.pipeline import Parallel, Reads

TURN = {
    "DATASET_MOUNT_BLOCK_BASED_CACHE_ENABLED": "true",
    "DATASET_MOUNT_BLOCK_FILE_CACHE_ENABLED": "false",
    "DATASET_MOUNT_MEMORY_CACHE_SIZE": "0",
}
AHEAD = TURN | {"DATASET_MOUNT_READ_BUFFER_BLOCK_COUNT": "80"}
AGAIN = {"DATASET_MOUNT_BLOCK_BASED_CACHE_ENABLED": "true"}
WHOLE = {"DATASET_MOUNT_BLOCK_BASED_CACHE_ENABLED": "false"}


def settings(size=9 * GB, files=9, *, run=None, outputs=(), env=None, **reads):
    """Of a step that mounts a source of ``size`` and ``files``."""
    entry = data("x", size=size, files=files)
    ports = (given("a", "x", mode="mount", reads=Reads(**reads)),)
    keys = {"inputs": ports, "outputs": outputs, "env": env or {}} | ({"run": run} if run else {})
    found = plan(step("s", **keys), data=(entry,), compute=(CPU,)).pipeline
    return mount_settings(found, {}).get("s")


@pytest.mark.parametrize(
    ("expected", "keys"),
    [
        (AHEAD, {}),
        (TURN, {"files": 100_000}),
        (AGAIN, {"passes": 5}),
        (WHOLE, {"pattern": "random"}),
        (AGAIN, {"pattern": "random", "files": 10_000}),
        (TURN, {"run": Parallel(file="run.py", over="a", processes_per_node=4)}),
        (None, {"run": Parallel(file="run.py", over="a", partition_by=("day",))}),
    ],
)
def test_what_is_read_and_how_chooses_the_preset(expected, keys):
    assert settings(**keys) == expected


def test_a_cache_is_left_where_nobody_says_that_all_is_read_once():
    found = pipeline(given("a", "x", mode="mount"), sizes={"x": 9 * GB})
    assert mount_settings(found, {}) == {"s": AGAIN}
    batches = Parallel(file="run.py", over="a")
    found = pipeline(given("a", "x", mode="mount"), sizes={"x": 9 * GB}, run=batches)
    assert mount_settings(found, {}) == {"s": AHEAD}


def test_what_the_memory_holds_needs_no_settings():
    assert settings(size=100 * MB) is None
    assert settings(size=9 * GB, fraction=0.01) is None


def test_a_cache_is_held_to_what_the_disk_has_left():
    capped = settings(size=40 * GB, passes=5)
    assert capped == AGAIN | {"DATASET_MOUNT_CACHE_SIZE": "28528MB"}  # 28 GiB but for 150 MB
    written = (made("s", "o", mode="upload", size=20 * GB),)
    beside = settings(size=40 * GB, passes=5, outputs=written)
    assert beside["DATASET_MOUNT_CACHE_SIZE"] == "9455MB"


def test_nothing_is_kept_on_a_disk_that_is_full():
    full = (made("s", "o", mode="upload", size=29 * GB + 900 * MB),)
    assert settings(size=9 * GB, passes=5, outputs=full) == AHEAD


def test_what_the_spec_says_stands():
    mine = {"DATASET_MOUNT_READ_BUFFER_BLOCK_COUNT": "32"}
    assert settings(env=mine) == TURN


def test_the_input_of_which_most_is_read_decides():
    few = given("few", "x", mode="mount")
    ports = (few, given("much", "y", mode="mount", reads=Reads(passes=1)))
    found = pipeline(*ports, sizes={"x": GB, "y": 2 * GB})
    many = Known(sizes={"y": Size(bytes=2 * GB, files=100_000, origin="measured")})
    assert mount_settings(found, {}, known=many) == {"s": TURN}


def test_nothing_is_set_where_nothing_is_mounted_or_known():
    download = pipeline(given("a", "x", mode="download"), sizes={"x": GB})
    unknown = pipeline(given("a", "x", mode="mount"))
    elsewhere = pipeline(given("a", "x", mode="mount"), sizes={"x": GB}, compute="other")
    assert all(mount_settings(each, {}) == {} for each in (download, unknown, elsewhere))


def test_what_a_parallel_step_is_to_download_is_a_mount_like_others():
    ports = (given("few", "x", mode="mount"), given("much", "y", mode="download"))
    run = Parallel(file="run.py", over="few")
    found = pipeline(*ports, sizes={"x": MB, "y": 9 * GB}, run=run)
    assert mount_settings(found, {}) == {"s": AGAIN}


def test_a_mount_that_was_chosen_is_set_up_too():
    found = pipeline(given("a", "x", reads=Reads(fraction=0.9)), sizes={"x": 90 * GB})
    assert mount_settings(found, choose_modes(found)) == {"s": AHEAD}
    small = pipeline(given("a", "x"), sizes={"x": 9 * GB})
    assert mount_settings(small, choose_modes(small)) == {}
