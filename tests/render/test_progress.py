from __future__ import annotations

import io
import threading

import pytest

from amlshare.backends.interface import (
    Noted,
    RunStarted,
    StepFinished,
    StepPrinted,
    StepStarted,
)
from amlshare.render.paper import Paper
from amlshare.render.progress import Lines, Live, Progress, Running, running_lines

STARTED = RunStarted(run="r1", steps=("clean", "train"))


def lines(*events, **paper) -> list[str]:
    of = Lines(Paper(**paper)).of
    return [line for event in events for line in of(event)]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (STARTED, "run r1: 2 steps"),
        (RunStarted(run="r1", steps=("a",), url="https://x/1"), "run r1: 1 step, https://x/1"),
        (
            RunStarted(run="r1", steps=("a", "b"), resumed=True, finished_before=1),
            "run r1 goes on where it was interrupted: 1 of 2 steps had finished",
        ),
        (StepStarted(step="clean"), "→ clean started"),
        (StepStarted(step="clean", attempt=2), "→ clean started again (attempt 2)"),
        (
            StepFinished(step="clean", status="completed", seconds=12.3, moved_bytes=30_000_000),
            "✓ clean ran, 12 s, 30 MB moved",
        ),
        (StepFinished(step="clean", status="completed", reused=True), "↺ clean reused"),
        (
            StepFinished(step="clean", status="failed", seconds=0.31, message="exit 1"),
            "✗ clean failed, 0.3 s: exit 1",
        ),
        (
            StepFinished(step="train", status="skipped", message="clean failed"),
            "⊘ train skipped: clean failed",
        ),
        (Noted(message="env \x1b is not applied"), "note: env \\x1b is not applied"),
        (Noted(message="fetched", step="clean"), "note: clean: fetched"),
    ],
)
def test_an_event_is_a_line(event, line):
    assert lines(event) == [line]


def test_what_a_step_prints_has_its_name_before_it():
    event = StepPrinted(step="clean", lines=("one", "\x1b[2Jtwo"), omitted=1200)
    assert lines(event) == [
        "[clean] … 1,200 lines only in the log",
        "[clean] one",
        "[clean] two",
    ]


def test_a_step_keeps_its_colour():
    a, b, again = lines(
        *(StepPrinted(step=step, lines=("x",)) for step in ("a", "b", "a")), colour=True
    )
    assert a == again
    assert a.replace("[a]", "[b]") != b


def test_without_a_terminal_progress_is_plain_lines():
    stream = io.StringIO()
    with Progress(stream, Paper(unicode=False)) as progress:
        progress.watch(STARTED)
        progress.watch(StepStarted(step="clean"))
        progress.watch(StepFinished(step="clean", status="completed"))
    assert stream.getvalue() == "run r1: 2 steps\n-> clean started\n+ clean ran\n"


def test_failures_are_kept_for_the_end():
    progress = Progress(io.StringIO(), Paper())
    failed = StepFinished(step="clean", status="failed", log_tail=("boom",))
    progress.watch(failed)
    assert progress.failures == {"clean": failed}


def test_the_running_steps_are_drawn_with_their_time():
    running = Running(steps=5, done=2, since=0.0, started={"clean": 60.0, "train": 118.8})
    first, second, last = running_lines(running, 120.0, Paper())
    assert first[1:] == " clean 1 min"
    assert second[1:] == " train 1.2 s"
    assert last == "  2 of 5 steps done, 2 min"


def test_many_running_steps_are_counted_and_long_names_cut():
    running = Running(steps=20, since=0.0, started={f"{'x' * 50}{n}": 0.0 for n in range(11)})
    drawn = list(running_lines(running, 1.0, Paper(width=40, unicode=False)))
    assert len(drawn) == 10
    assert drawn[8] == "  and 3 more"
    assert all(len(line) <= 40 for line in drawn)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_nothing_is_drawn_and_no_thread_runs_before_the_first_event(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream, before = Terminal(), threading.active_count()
    with Live(stream, Paper(width=80)) as progress:
        assert (threading.active_count(), stream.getvalue()) == (before, "")
        progress.watch(STARTED)
        assert threading.active_count() == before + 1


def test_on_a_terminal_lines_scroll_by_above_what_is_drawn(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    stream = Terminal()
    with Live(stream, Paper(width=80)) as progress:
        progress.watch(STARTED)
        progress.watch(StepStarted(step="clean"))
        progress.watch(StepPrinted(step="clean", lines=("[bold]no markup[/bold] :smile:",)))
        progress.watch(StepFinished(step="clean", status="completed"))
    shown = stream.getvalue()
    assert "[clean] [bold]no markup[/bold] :smile:" in shown
    assert "✓ clean ran" in shown
    assert "1 of 2 steps done" in shown
    assert "clean started" not in shown
