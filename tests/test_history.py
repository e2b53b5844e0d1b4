"""The last submit of each pipeline: kept whole, and read again."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import spec_data
from test_description import CONDA
from test_impacts import FILES, SHOP
from test_plan import plan_of

from amlshare.backends.interface import WorkspaceName
from amlshare.description import describe
from amlshare.history import History, HistoryError, Key
from amlshare.history_document import Begun
from amlshare.impacts import impacts
from amlshare.movement.known import Size
from amlshare.past import NO_FOLDERS
from amlshare.pipeline import Data

KEY = Key(backend="local", pipeline="shop")
FIRST = Begun(id="run-1", when="2026-11-23 08:05 UTC")
SECOND = Begun(id="run-2", when="2026-11-24 08:05 UTC")


@pytest.fixture
def history(tmp_path):
    return History(tmp_path / ".amlshare")


def begin(history, data=SHOP, submit=FIRST, key=KEY, folders=NO_FOLDERS, **keys):
    plan = plan_of(data, **keys)
    history.begin(key, plan, describe(plan, read=FILES.get), submit, folders)
    return plan


def select(data, *names):
    """The plan of some steps."""
    return replace(plan_of(data), selected=names)


def test_what_was_submitted_is_what_a_plan_is_compared_with(history):
    plan = begin(history)
    found = impacts(plan, history.past(KEY), lambda _: pytest.fail("nothing differs"))
    assert found.against == "run run-1 of 2026-11-23 08:05 UTC"
    assert {each.impact for each in found.steps.values()} == {"unchanged"}


@settings(max_examples=10)
@given(data=spec_data())
def test_any_plan_is_unchanged_since_itself(tmp_path_factory, data):
    history = History(tmp_path_factory.mktemp("state"))
    plan = plan_of(data)
    history.begin(KEY, plan, describe(plan, read=lambda _: CONDA), FIRST)
    found = impacts(plan, history.past(KEY), lambda _: pytest.fail("nothing differs"))
    assert {each.impact for each in found.steps.values()} == {"unchanged"}


def test_a_step_is_remembered_as_the_last_submit_had_it_that_ran_it(history):
    begin(history)
    changed = select({**SHOP, "parameters": {"least": 6}}, "report")
    history.begin(KEY, changed, describe(changed, read=FILES.get), SECOND)
    past = history.past(KEY)
    assert {name: step.submit for name, step in past.steps.items()} == {
        "clean": "run-1",
        "report": "run-2",
    }
    assert past.submits["run-1"].things["parameter"]["least"]["default"] == 5
    begin(history, submit=SECOND)
    assert set(history.past(KEY).submits) == {"run-2"}


def test_each_step_is_compared_with_the_code_folder_of_the_submit_that_ran_it(history):
    first, second = ({"scripts": dict.fromkeys(("clean.py", "report.py"), each)} for each in "12")
    some, every = select(SHOP, "clean"), plan_of(SHOP)

    def again(folders):
        found = impacts(
            every, history.past(KEY), lambda _: describe(every, read=FILES.get), folders
        )
        return {name: [each.what for each in step.again] for name, step in found.steps.items()}

    history.begin(KEY, some, describe(some, read=FILES.get), FIRST, {**first, "other": {"x": "1"}})
    assert again(first) == {"clean": [], "report": []}
    assert again(second)["clean"][0].startswith("clean.py, report.py changed in its code folder")
    assert set(history.past(KEY).submits["run-1"].folders) == {"scripts"}
    report = select(SHOP, "report")
    history.begin(KEY, report, describe(report, read=FILES.get), SECOND, second)
    assert {name: bool(why) for name, why in again(second).items()} == {
        "clean": True,
        "report": True,  # it reads what `clean` makes again
    }
    assert len(again(first)["report"]) == 1
    begin(history, submit=SECOND, folders=second)
    assert again(second) == {"clean": [], "report": []}


def test_how_a_step_ended_is_remembered_also_when_the_run_goes_on(history):
    begin(history)
    history.end(KEY, "run-1", {"clean": "completed", "report": "failed"})
    begin(history)
    statuses = {name: step.status for name, step in history.past(KEY).steps.items()}
    assert statuses == {"clean": "completed", "report": "failed"}
    begin(history, edited="clean")
    assert history.past(KEY).steps["clean"].status is None


def test_the_end_of_a_submit_says_nothing_of_the_one_after_it(history):
    begin(history)
    begin(history, submit=SECOND)
    history.end(KEY, "run-1", {"clean": "failed"})
    assert history.past(KEY).steps["clean"].status is None


def test_a_size_is_remembered_while_the_data_lies_at_the_same_place(history):
    data = Data(name="raw", type="path", datastore="blobs", location="raw/")
    made, read = (Size(bytes=size, files=1, origin="history") for size in (1, 2))
    history.measure(KEY, {"raw": read, "clean.table": made}, [data])
    assert history.sizes(KEY, [data]) == {"raw": read, "clean.table": made}
    elsewhere = replace(data, location="new/")
    assert history.sizes(KEY, [elsewhere]) == {"clean.table": made}


@given(st.text(min_size=1), st.text(min_size=1))
def test_every_pipeline_has_a_file_of_its_own_with_a_plain_name(one, other):
    first, second = (Key(backend="local", pipeline=name) for name in (one, other))
    assert (first.path == second.path) == (one == other)
    assert str(first.path).isascii()
    assert first.path.parent.name == "local"
    assert first.path != Key(backend="local", pipeline=one, target=other).path


def test_the_workspace_is_in_the_name_so_that_people_find_it():
    where = WorkspaceName(subscription_id="0a-1", resource_group="rg-flights", name="ws")
    key = Key(backend="azureml", pipeline="flights", target="prod", workspace=where)
    assert str(key.path) == "azureml/ws.rg-flights.0a-1/flights@prod.json"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"format": 1}',
        '{"format": 1, "steps": 3}',
        '{"format": 1, "steps": {"a": {"submit": "x"}}, "submits": {}}',
    ],
)
def test_a_broken_history_is_said_and_written_anew(history, text):
    begin(history)
    (history.folder / KEY.path).write_text(text)
    with pytest.raises(HistoryError, match="is no history; the next submit writes it anew"):
        history.past(KEY)
    (history.folder / KEY.path.with_suffix(".sizes.json")).write_text(text)
    assert history.sizes(KEY, []) == {}
    begin(history)
    assert history.past(KEY).of == str(FIRST)


def test_a_history_of_another_version_is_left_alone_until_the_next_submit(history):
    begin(history)
    path = history.folder / KEY.path
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(HistoryError, match="another version"):
        history.past(KEY)


def test_of_submits_at_a_time_each_is_remembered_of_the_steps_that_it_ran(history):
    names = [f"s{number}" for number in range(8)]
    data = {**SHOP, "steps": dict.fromkeys(names, SHOP["steps"]["clean"])}
    ready = threading.Barrier(len(names))

    def submit(name):
        plan = select(data, name)
        described = describe(plan, read=FILES.get)
        ready.wait()
        history.begin(KEY, plan, described, Begun(id=f"run of {name}", when="today"))
        history.end(KEY, f"run of {name}", {name: "completed"})

    threads = [threading.Thread(target=submit, args=(name,)) for name in names]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    steps = history.past(KEY).steps
    assert {name: (step.submit, step.status) for name, step in steps.items()} == {
        name: (f"run of {name}", "completed") for name in names
    }
    assert [path.name for path in (history.folder / "local").iterdir()] == ["shop.json"]


def test_the_texts_of_small_code_files_are_kept_by_their_digest(history):
    texts = {"small": b"print(1)\n", "large": b"x" * 300_000, "binary": b"\xff\xfe\x00"}
    digests = {name: sha256(text).hexdigest() for name, text in texts.items()}
    history.keep({digests[name]: (lambda text=text: text) for name, text in texts.items()})
    found = {name: history.text(digest) for name, digest in digests.items()}
    assert found == {"small": "print(1)\n", "large": None, "binary": None}


def test_a_file_that_changed_since_it_was_planned_is_not_kept_for_what_it_was(history):
    history.keep({sha256(b"planned").hexdigest(): lambda: b"changed"})
    assert history.text(sha256(b"planned").hexdigest()) is None


def test_texts_that_no_submit_has_any_more_are_unused(history):
    begin(history)
    history.keep({sha256(b"old").hexdigest(): lambda: b"old"})
    assert [path.name for path in history.unused()] == [sha256(b"old").hexdigest()]
