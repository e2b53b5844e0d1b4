from __future__ import annotations

from amlshare.backends.interface import Outcome, Published, StepFinished, StepOutcome
from amlshare.render.documents import outcome_document
from amlshare.render.outcome import outcome_text
from amlshare.render.paper import Paper

LOGS = "amlshare logs"
STEPS = (
    StepOutcome(name="clean", status="completed", reused=True, seconds=0.0),
    StepOutcome(
        name="features", status="completed", reused=False, seconds=75, moved_bytes=30_000_000
    ),
    StepOutcome(name="train", status="failed", seconds=0.4),
    StepOutcome(name="evaluate", status="skipped"),
)
FAILED = Outcome(run="r1", backend="local", status="failed", steps=STEPS)
FAILURE = StepFinished(
    step="train",
    status="failed",
    message="exit code 1",
    log_tail=(*(f"line {number}" for number in range(20)), "ValueError: \x1b[2Jno rows"),
)


def screen(outcome, failures=None, **paper) -> str:
    return outcome_text(outcome, failures or {}, Paper(**paper), logs=LOGS, seconds=83.2)


def test_the_screen_of_a_failed_run(golden):
    text = screen(FAILED, {"train": FAILURE}, width=80)
    golden(text, "render/golden/outcome-failed.txt")


def test_the_screen_of_a_completed_run(golden):
    done = Outcome(
        run="r1",
        backend="local",
        status="completed",
        steps=STEPS[:2],
        outputs={"clean.cleaned": "/data/flights/cleaned", "features.table": "/data/" + "x" * 80},
    )
    golden(screen(done, width=80), "render/golden/outcome-completed.txt")


def test_a_failed_step_shows_its_last_lines_and_the_way_to_all_of_them():
    text = screen(FAILED, {"train": FAILURE})
    assert "step train failed: exit code 1" in text
    assert "line 8" not in text
    assert "line 9" in text
    assert "| ValueError: no rows\n" in text
    assert "amlshare logs r1 train" in text


def test_the_document_of_a_run_says_why_a_step_failed():
    failed = StepOutcome(name="train", status="failed", seconds=0.4, message="exit code 1")
    done = Outcome(run="r1", backend="local", status="failed", steps=(STEPS[0], failed))
    told = [(step["name"], step["message"]) for step in outcome_document(done)["steps"]]
    assert told == [("clean", None), ("train", "exit code 1")]


def test_a_failure_of_which_nothing_is_known_is_no_crash():
    assert "step train failed: no reason is known" in screen(FAILED)


def test_a_run_of_no_steps_is_a_line():
    assert screen(Outcome(run="r1", backend="local", status="completed")) == (
        "run r1 completed in 1 min 23 s: 0 steps\n"
    )


def test_a_run_in_the_cloud_shows_its_address():
    text = screen(Outcome(run="r1", backend="azureml", status="completed", url="https://x/r1"))
    assert text.endswith("https://x/r1\n")


def test_a_long_run_shows_only_what_did_not_go_well():
    fine = tuple(StepOutcome(name=f"s{n}", status="completed", reused=False) for n in range(99))
    text = screen(Outcome(run="r1", backend="local", status="failed", steps=fine + STEPS[2:]))
    assert "s98" not in text
    assert "101 steps, 99 ran, 1 failed, 1 skipped" in text


def test_the_screen_of_what_was_published(golden):
    done = Outcome(
        run=None,
        backend="azureml",
        status="completed",
        published=Published(
            id="4bcc", name="flights", version="17", endpoint="delays", url="https://host/submit"
        ),
        notes=("the same pipeline was published at the same time as 4bcc, which stays",),
    )
    golden(screen(done, width=60), "render/golden/outcome-published.txt")


def test_what_was_published_before_is_said_to_be():
    known = Published(id="4bcc", name="flights", created=False)
    done = Outcome(run=None, backend="azureml", status="completed", published=known)
    assert screen(done) == "already published flights: 4bcc\n"


def test_a_run_that_nobody_waits_for_took_no_time_yet():
    queued = Outcome(run="r1", backend="azureml", status="queued", steps=())
    assert screen(queued) == "run r1 queued\n"
