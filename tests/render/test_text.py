from __future__ import annotations

from dataclasses import replace

import pytest
from render.plans import CLEAN, FLIGHTS, MERGED, data, given, made, plan, step

from amlshare.diagnostics import Diagnostic, Span
from amlshare.movement.modes import choose_modes
from amlshare.movement.mounts import mount_settings
from amlshare.pipeline import Command, Compute, Distribution, Expect, Local, Parallel
from amlshare.plan import moves_of
from amlshare.references import Reference
from amlshare.render.paper import Paper, cells
from amlshare.render.text import plan_text

SUBMIT = "amlshare submit specs/flights.yaml --backend local"


def screen(shown, width=100, **paper) -> str:
    return plan_text(shown, moves_of(shown), Paper(width=width, **paper), submit=SUBMIT)


def block(shown, name: str, **paper) -> str:
    """The lines of one step."""
    blocks = screen(shown, **paper).split("\n\n")
    return next(each for each in blocks if f". {name}" in each.partition("\n")[0])


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_the_screen_of_a_plan(golden, width):
    golden(screen(FLIGHTS, width), f"render/golden/plan-{width}.txt")


def test_the_screen_of_a_plan_for_this_machine(golden):
    golden(screen(replace(FLIGHTS, backend="local"), 80), "render/golden/plan-local.txt")


def test_the_screen_of_a_selection(golden):
    selected = replace(FLIGHTS, selected=("train", "evaluate"))
    golden(screen(selected, 80), "render/golden/plan-selected.txt")


def test_the_screen_in_ascii(golden):
    text = screen(FLIGHTS, 80, unicode=False)
    assert text.isascii()
    golden(text, "render/golden/plan-ascii.txt")


def test_colour_changes_nothing_but_the_colours():
    import re

    coloured = screen(FLIGHTS, colour=True)
    assert "\x1b[" in coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in plain.splitlines()] == screen(FLIGHTS).splitlines()


@pytest.mark.parametrize("width", [60, 80, 100])
def test_lines_that_can_be_folded_fit_the_width(width):
    for line in screen(FLIGHTS, width).splitlines():
        assert cells(line) <= width or " " not in line.strip(), line


def test_what_all_steps_share_is_said_once():
    assert screen(FLIGHTS).count("sklearn:") == 1
    other = step("other", compute="gpu", environment="sklearn")
    shown = screen(plan(CLEAN, other))
    assert "1. clean  on cpu" in shown
    assert "2. other  on gpu" in shown


def test_variables_of_every_step_are_said_once():
    text = screen(plan(step("a", env={"SEED": "1", "A": "x"}), step("b", env={"SEED": "1"})))
    assert "  variables  SEED=1\n" in text
    assert "1. a  sets A\n" in text
    assert "2. b\n" in text


def test_a_plan_for_this_machine_says_what_stands_in_for_the_cloud():
    stand_ins = {"datastores": {"blobs": "../.data"}, "datasets": {"airports": "a.csv"}}
    local = Local(**stand_ins, python="../venv/bin/python")
    text = screen(plan(step("a"), backend="local", local=local))
    assert "  python    ../venv/bin/python\n" in text
    assert "  stand-in  blobs: ../.data\n  stand-in  airports: a.csv\n" in text


def test_a_default_location_is_said_once():
    text = screen(plan(step("a", outputs=(made("a", "x"), made("a", "y", location="kept/")))))
    assert "blobs:flight_delays/STEP/OUTPUT/{run-id}/" in text
    assert "→ x  auto  path\n" in text
    assert "→ y  auto  path  blobs:kept/\n" in text


def test_settings_are_said_where_they_matter():
    trained = step(
        "train",
        nodes=Reference("parameter", "nodes"),
        distribution=Distribution(type="mpi", processes_per_node=2),
        tags={"stage": "x"},
        after=("clean",),
        reuse=False,
    )
    text = block(plan(trained), "train", width=120)
    assert "always runs" in text
    assert "${parameters.nodes} nodes · mpi, 2 processes on each node" in text
    assert "tags stage=x · after clean" in text


def test_a_parallel_step_says_how_it_cuts_its_work():
    run = Parallel(file="score.py", over="images", mini_batch=10, nodes=4, allow_failed=-1)
    text = block(plan(step("score", run=run)), "score")
    assert "over images, 10 files a batch · on 4 nodes · any may fail" in text


def test_a_sequence_shows_what_it_runs_in_turn():
    assert block(plan(MERGED), "merged").splitlines()[:4] == [
        "1. merged  scratch cleaned",
        "    1/2 clean.py --out ${scratch.cleaned} (Clean it)",
        "    2/2 $ sort ${scratch.cleaned} > ${outputs.sorted}",
        "    → sorted  auto  path file",
    ]


def test_a_contract_is_checked_by_a_wrapper_on_azure_alone():
    kept = step("a", outputs=(made("a", "x", expect=Expect(glob="*.csv", min_size=1000)),))
    assert "expects a file like *.csv, at least 1 KB, checked by a wrapper" in screen(plan(kept))
    assert "wrapper" not in screen(plan(kept, backend="local"))


def test_a_step_alone_without_data_reads_well():
    assert screen(plan(step("alone"))).endswith(
        "1. alone\n    run.py\n\n1 step, 0 edges; nothing is fetched.\n\n"
        "Run it here:  amlshare submit specs/flights.yaml --backend local\n"
    )


def test_a_source_of_unknown_size_that_several_fetch_is_named_without_a_number():
    steps = [step(name, inputs=(given("x", "raw"),)) for name in ("a", "b")]
    text = screen(plan(*steps, data=(data("raw"),)))
    assert "fetched 2 times by a, b: size unknown" in text
    assert "2 steps, 2 edges; 2 edges of unknown size." in text


CPU = Compute(name="cpu", cluster="cpu", vm_size="Standard_DS3_v2")


def timed(size: int, *, width: int = 100, files: int = 9, compute: Compute = CPU, **keys) -> str:
    reader = step("a", inputs=(given("x", "raw", **{"mode": "download"} | keys),))
    source = data("raw", size=size, files=files)
    return screen(plan(reader, data=(source,), compute=(compute,)), width)


def test_an_edge_shows_the_seconds_that_it_takes():
    assert "9 GB  13-51 s  raw\n" in timed(9 * 10**9)


def test_a_narrow_screen_shows_the_seconds_behind_the_source():
    assert "9 GB  raw  13-51 s\n" in timed(9 * 10**9, width=60)


def test_seconds_that_nobody_notices_are_not_shown():
    row = next(line for line in timed(1000).splitlines() if "←" in line)
    assert row == "    ← x  download  path  1 KB  raw"


def test_what_an_edge_waits_for_is_said_where_it_is_not_the_network():
    assert "6-24 min  raw  waits for requests" in timed(10**8, files=24_000, mode="mount")
    assert "waits for" not in timed(10**8, files=24, mode="mount")


def test_a_step_says_how_long_it_waits_where_no_edge_does():
    two = step("a", inputs=(given("x", "raw"), given("y", "raw")))
    text = screen(plan(two, data=(data("raw", size=10**10),), compute=(CPU,)), 120)
    assert "1. a  waits 28-112 s for data\n" in text
    assert "the step waits 28-112 s for data." in text


def test_why_there_are_no_times_is_said_once():
    bare, odd = replace(CPU, vm_size=None), replace(CPU, vm_size="Standard_NC6")
    assert timed(10**9, compute=bare).count("No times: cpu has no vm_size in the spec.") == 1
    assert "No times: Standard_NC6 (cpu) is not a VM size known here." in timed(1, compute=odd)
    assert "No times" not in timed(10**9)


def test_many_readers_are_counted():
    steps = [step(f"s{number:03}", inputs=(given("x", "raw"),)) for number in range(40)]
    text = screen(plan(*steps, data=(data("raw", size=10),)))
    assert "fetched 40 times by s000, s001, s002, s003, s004, s005 and 34 more" in text


def test_long_names_push_their_own_line_only():
    name = "an_input_with_a_very_long_name_that_nobody_wanted"
    shown = plan(step("a", inputs=(given(name, "raw"), given("b", "raw"))), data=(data("raw"),))
    text = block(shown, "a", width=80)
    assert f"← {name}  auto  path" in text
    assert "← b                     auto  path" in text


def test_titles_cannot_steer_the_terminal():
    text = screen(plan(step("a", title="\x1b[2J boo"), description="\x9b31m"))
    assert "\x1b" not in text
    assert "\\x1b[2J boo" in text
    assert "\\x9b31m" in text


def test_compute_that_has_no_entry_is_named_all_the_same():
    assert "  compute  cpu\n" in screen(plan(step("a"), step("b")))
    entry = Compute(name="cpu", cluster="c1", kind="kubernetes", nodes=2, idle_seconds=600)
    text = screen(plan(step("a"), compute=(entry,)))
    assert "cpu: c1, kubernetes, 2 nodes, idle 10 min" in text


def test_warnings_are_shown_in_full_and_hints_in_a_line():
    span = Span(file="specs/x.yaml", line=3, column=5, end_line=3, end_column=8)
    found = [
        Diagnostic(code="w", severity="warning", message="careful", span=span, source="    abc"),
        Diagnostic(code="h", severity="hint", message="nobody reads it", span=span),
    ]
    text = screen(replace(plan(step("a")), diagnostics=tuple(found)))
    assert "warning[w]: careful\n --> specs/x.yaml:3:5\n  |\n3 |     abc\n  |     ^^^\n" in text
    assert "hint[h]: specs/x.yaml:3:5: nobody reads it\n" in text


@pytest.mark.parametrize(("unicode", "end"), [(True, "⏎"), (False, "\\n")])
def test_a_command_of_several_lines_shows_where_each_ends(unicode, end):
    several = replace(step("clean"), run=Command(line=("set -e\necho done",)))
    assert f"$ set -e {end} echo done" in screen(plan(several), unicode=unicode)


def test_a_step_says_why_a_mode_was_chosen_and_how_its_mounts_are_kept():
    source = data("x", size=90 * 10**9, files=90)
    reader = step("s", inputs=(given("a", "x"), given("b", "y"), given("c", "z")))
    cpu = Compute(name="cpu", cluster="cpu", vm_size="Standard_DS3_v2", hourly_rate=2)
    small = data("y", size=30 * 10**6)
    made = plan(reader, data=(source, small, data("z")), compute=(cpu,))
    modes = choose_modes(made.pipeline)
    settings = mount_settings(made.pipeline, modes)
    shown = block(replace(made, modes=modes, mount_settings=settings), "s", width=160)
    assert "waits 2.1-8.5 min for data, at a cost of 0.07-0.28" in shown
    assert "mounts with DATASET_MOUNT_*: BLOCK_BASED_CACHE_ENABLED=true CACHE_SIZE=28500MB" in shown
    rows = [" ".join(line.split()) for line in shown.splitlines()[-3:]]
    assert rows[0].endswith("x 90 GB does not fit the 28 GiB disk")
    assert rows[1].startswith("← b auto: download path 30 MB")
    assert rows[1].endswith("y all is read, fits the 28 GiB disk")
    assert rows[2] == "← c auto: mount path size unknown z"
