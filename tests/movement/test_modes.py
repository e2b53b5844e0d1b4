from __future__ import annotations

from dataclasses import replace

from hypothesis import given as drawn
from render.plans import data, given, made, plan, step
from strategies import few, pipelines

from amlshare.movement import Known, Size, moves
from amlshare.movement.disk import Disk
from amlshare.movement.facts import Facts
from amlshare.movement.modes import choose_as_in_the_cloud, choose_modes, with_modes
from amlshare.movement.rates import Rates
from amlshare.pipeline import Compute, Parallel, Pipeline, Reads

MB, GB = 10**6, 10**9
CPU = Compute(name="cpu", cluster="cpu", vm_size="Standard_DS3_v2")  # a disk of 28 GiB


def pipeline(*inputs, sizes=None, outputs=(), **keys) -> Pipeline:
    """A step `s` that reads ``inputs``; ``sizes`` are the bytes of data by name."""
    entries = tuple(data(name, size=size) for name, size in (sizes or {}).items())
    found = plan(step("s", inputs=inputs, outputs=outputs, **keys), data=entries, compute=(CPU,))
    return found.pipeline


def modes(*inputs, **keys) -> dict[str, str]:
    return {name: each.mode for name, each in choose_modes(pipeline(*inputs, **keys)).items()}


def test_only_what_the_spec_leaves_open_is_chosen():
    inputs = (given("a", "x"), given("b", "x", mode="mount"))
    assert modes(*inputs, sizes={"x": MB}) == {"s.a": "download"}


def test_the_size_that_was_measured_decides():
    large = Known(sizes={"x": Size(bytes=90 * GB, files=9, origin="measured")})
    found = choose_modes(pipeline(given("a", "x"), sizes={"x": MB}), known=large)
    assert found["s.a"].reason == "90 GB does not fit the 28 GiB disk"


def test_a_part_that_is_read_is_mounted():
    part = given("a", "x", reads=Reads(fraction=0.01))
    assert modes(part, sizes={"x": GB}) == {"s.a": "mount"}


def test_what_fits_alone_and_not_together_is_mounted_the_largest_first():
    inputs = (given("large", "x"), given("small", "y"))
    twice = Reads(passes=2)
    inputs = tuple(given(each.name, each.source, reads=twice) for each in inputs)
    found = choose_modes(pipeline(*inputs, sizes={"x": 20 * GB, "y": 15 * GB}))
    assert [(name, each.mode) for name, each in found.items()] == [
        ("s.large", "mount"),
        ("s.small", "download"),
    ]
    assert found["s.large"].reason.endswith("beside 15 GB of other data")


def test_what_the_spec_puts_on_the_disk_comes_first():
    inputs = (given("a", "x", reads=Reads(passes=2)), given("b", "y", mode="download"))
    sizes = {"x": 15 * GB, "y": 20 * GB}
    assert modes(*inputs, sizes=sizes) == {"s.a": "mount"}
    assert modes(inputs[0], sizes=sizes) == {"s.a": "download"}
    written = (made("s", "o", mode="upload", size=20 * GB),)
    assert modes(inputs[0], sizes=sizes, outputs=written) == {"s.a": "mount"}


def test_a_registered_table_is_opened_by_the_script():
    assert modes(given("a", "x", format="table"), sizes={"x": MB}) == {"s.a": "direct"}


def test_a_parallel_step_mounts_whatever_the_sizes():
    inputs = (given("a", "x", type="directory"), given("side", "x"))
    run = Parallel(file="run.py", over="a")
    assert set(modes(*inputs, sizes={"x": MB}, run=run).values()) == {"mount"}


def test_a_parallel_step_gets_the_rows_of_a_table():
    rows = Parallel(file="run.py", over="a", mini_batch=10_000, batch_unit="bytes")
    assert modes(given("a", "x", format="csv"), sizes={"x": MB}, run=rows) == {"s.a": "direct"}


def test_an_edge_moves_what_its_mode_moves_and_says_why():
    found = pipeline(given("a", "x", reads=Reads(fraction=0.9)), sizes={"x": 9 * MB})
    (edge,) = moves(found, modes=choose_modes(found)).edges
    assert (edge.edge.mode, edge.access, edge.moved_bytes) == ("download", "download", 9 * MB)
    assert edge.reason == "90 % of 9 MB is read, fits the 28 GiB disk"


@drawn(pipelines())
@few
def test_nothing_is_left_open_and_nothing_else_is_changed(found):
    chosen = choose_modes(found)
    done = with_modes(found, chosen)
    stated = {
        f"{each.name}.{port.name}": port.mode
        for each in found.steps
        for port in each.inputs
        if port.mode != "auto"
    }
    ports = {f"{each.name}.{port.name}": port.mode for each in done.steps for port in each.inputs}
    assert ports == stated | {name: each.mode for name, each in chosen.items()}
    assert choose_modes(done) == {}


def on_disk(*outputs, **keys) -> Disk:
    found = pipeline(given("a", "x", mode="download"), outputs=outputs, sizes={"x": GB}, **keys)
    return Disk.of(found.steps[0], Facts(found, Known()))


def test_an_upload_lies_on_the_disk_whole_and_a_mount_a_file_at_a_time():
    disk = on_disk(
        made("s", "up", mode="upload", size=900, files=9),
        made("s", "through", mode="mount", size=900, files=9),
        made("s", "unknown", mode="upload"),
    )
    assert disk.downloads == {"a": GB}
    assert disk.outputs == {"up": 900, "through": 100}
    assert disk.bytes == GB + 1000


def test_each_node_downloads_all_and_writes_its_share():
    disk = on_disk(made("s", "up", mode="upload", size=900), nodes=3)
    assert (disk.downloads, disk.outputs) == ({"a": GB}, {"up": 300})


def test_a_run_as_in_the_cloud_goes_by_the_rates_of_the_cloud():
    reads = Reads(fraction=0.5)
    found = pipeline(given("a", "x", reads=reads), given("t", "y", format="table"))
    sizes = {"x": Size(bytes=20 * GB, files=10_000, origin="measured")}
    for rates in (Rates(), Rates(latency=1e-4)):
        known = Known(sizes=sizes, rates=Rates(latency=9), cloud_rates=rates)
        azure = choose_modes(found, known=replace(known, rates=rates))
        assert choose_as_in_the_cloud(found, known=known) == {"s.a": azure["s.a"]}


def test_a_run_as_in_the_cloud_mounts_whatever_a_parallel_step_reads():
    inputs = (given("over", "x"), given("side", "y", mode="download"), given("s", "y"))
    found = pipeline(*inputs, run=Parallel(file="run.py", over="over"))
    chosen = choose_as_in_the_cloud(found)
    assert {name: each.mode for name, each in chosen.items()} == {
        "s.over": "mount",
        "s.side": "mount",
        "s.s": "mount",
    }
