"""What a refresh says, and how a plan shows what was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from render.plans import data, given, step

from amlshare.commands.refreshing import Looked, Refreshed
from amlshare.lock import Content, Entry
from amlshare.movement.known import Known, Size
from amlshare.pipeline import Data, Pipeline, Schedule
from amlshare.plan import Plan, moves_of
from amlshare.render.paper import Paper
from amlshare.render.refreshing import refreshed_text
from amlshare.render.text import plan_text

FLIGHTS = data("flights", format="file")
AIRPORTS = Data(name="airports", type="dataset", dataset="airports", version="latest")
OLD = Entry(
    at="lake:raw/flights.csv",
    content=Content(bytes=31_100_000, files=1, digest="sha256:1111111111111111"),
    since="2026-11-20",
)


def changed(**content: object) -> Entry:
    return replace(OLD, content=replace(OLD.content, **content), since="2026-11-23", changes=1)


def said(looked: Looked, *, written: bool = True) -> list[str]:
    found = Refreshed(path=Path("specs/flights.lock.yaml"), looked=(looked,), written=written)
    return refreshed_text(found, Paper(width=200)).splitlines()


def test_each_of_the_data_has_a_line_that_says_whether_it_changed():
    first, same, more, little, other, newer, problem = (
        said(looked)[0]
        for looked in (
            Looked(data=FLIGHTS, after=OLD),
            Looked(data=FLIGHTS, before=OLD, after=OLD),
            Looked(data=FLIGHTS, before=OLD, after=changed(bytes=32_000_000, files=2)),
            Looked(data=FLIGHTS, before=OLD, after=changed(bytes=OLD.content.bytes + 2)),
            Looked(data=FLIGHTS, before=OLD, after=changed(digest="sha256:2222222222222222")),
            Looked(data=AIRPORTS, before=changed(version=3), after=changed(version=4)),
            Looked(data=FLIGHTS, before=OLD, problem="datastore 'lake' is AzureFile"),
        )
    )
    assert first == "flights  31.1 MB in 1 file, looked at for the first time"
    assert same == "flights  31.1 MB in 1 file, unchanged since 2026-11-20"
    assert more == "flights  32 MB in 2 files, changed: was 31.1 MB in 1 file"
    assert little == "flights  31.1 MB in 1 file, changed: 2 bytes more"
    assert other == "flights  31.1 MB in 1 file, changed: as much as there was, of other content"
    assert newer == (
        "airports  version 4, 31.1 MB in 1 file, changed: was version 3, 31.1 MB in 1 file"
    )
    assert problem == "flights  not looked at: datastore 'lake' is AzureFile"


def test_the_last_line_says_whether_the_lock_is_another():
    looked = Looked(data=FLIGHTS, before=OLD, after=OLD)
    assert said(looked)[-1] == "wrote specs/flights.lock.yaml"
    assert said(looked, written=False)[-1] == "specs/flights.lock.yaml is up to date"


READER = step("audit", inputs=(given("flights", "flights"), given("airports", "airports")))
PIPELINE = Pipeline(
    name="tiny",
    experiment="tiny",
    data=(AIRPORTS, replace(FLIGHTS, size=5)),
    steps=(READER,),
    schedules=(Schedule(name="daily", every=(1, "day")),),
)


def screen(known: Known) -> str:
    shown = Plan(backend="azureml-v2", pipeline=PIPELINE, known=known)
    return plan_text(shown, moves_of(shown), Paper(width=100), submit="")


def test_sizes_are_told_by_who_says_so():
    airports = {"airports": Size(bytes=2_000, files=2, origin="measured")}
    unknown = "Of unknown size: airports (--refresh measures)."
    assert f"Sizes are hints of the spec. {unknown}\n" in screen(Known())
    shown = screen(Known(sizes=airports, versions={"airports": 4}))
    assert "Sizes are measured; hints of the spec: flights.\n" in shown
    assert "  2 KB  airports@latest (4)  2 files" in shown


def test_a_schedule_takes_data_as_it_is_published():
    assert "goes by the lock" not in screen(Known())
    assert "daily: every day\n" in screen(Known())
    assert "goes by the lock as it is published" in screen(Known(digests={"airports": "x"}))
