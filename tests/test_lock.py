"""The lock of a spec: what lay at its data, as a file that people review."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from amlshare import lock as locks
from amlshare.document import parse
from amlshare.lock import EMPTY, Content, Entry, Lock
from amlshare.pipeline import Data

FLIGHTS = Data(name="flights", type="path", datastore="lake", location="raw/flights.csv")
WEATHER = Data(name="weather", type="directory", datastore="lake", location="raw/weather/**/*.csv")
AIRPORTS = Data(name="airports", type="dataset", dataset="airports", version="latest")
ONE = Content(bytes=10, files=1, digest="sha256:1111111111111111")
TWO = Content(bytes=12, files=1, digest="sha256:2222222222222222")
BEGUN = locks.refreshed(EMPTY, {"flights": ONE}, [FLIGHTS], today="2026-11-20")

counts = st.integers(min_value=0, max_value=2**60)
contents = st.builds(
    Content,
    bytes=counts,
    files=counts,
    digest=st.none() | st.text("09af", min_size=16, max_size=16).map("sha256:{}".format),
    version=st.none() | counts,
)
# what a spec can hold as text
texts = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1)
entries = st.dictionaries(
    st.text("abz_09", min_size=1) | st.sampled_from(["on", "null", "1e1"]),
    st.builds(
        Entry,
        at=texts,
        content=contents,
        since=st.dates().map(str),
        changes=counts,
    ),
    max_size=3,
)
lock_files = st.builds(
    Lock, data=entries, targets=st.dictionaries(texts, entries.filter(bool), max_size=2)
)


@settings(max_examples=30)
@given(lock_files)
def test_what_is_written_is_read_again_the_same(lock):
    text = locks.write(lock, "flights.yaml")
    assert locks.read(parse(text, "flights.lock.yaml"), "flights.yaml") == (lock, ())
    assert locks.write(lock, "flights.yaml") == text


@settings(max_examples=30)
@given(lock_files)
def test_any_other_reader_of_yaml_finds_the_same_texts(lock):
    found = yaml.safe_load(locks.write(lock, "flights.yaml"))["data"]
    assert {name: entry["at"] for name, entry in found.items()} == {
        name: entry.at for name, entry in lock.data.items()
    }


def test_it_is_small_sorted_and_says_who_writes_it():
    found = {"flights": ONE, "airports": replace(TWO, version=4)}
    lock = locks.refreshed(BEGUN, found, [AIRPORTS, FLIGHTS], today="2026-11-23")
    assert locks.write(lock, "flights.yaml") == (
        "# Written by `amlshare plan flights.yaml --refresh`: what lay at its data then.\n"
        "# Keep it beside the spec, under version control.\n"
        "lock: 1\n"
        "data:\n"
        "  airports:\n"
        "    at: airports@latest\n"
        "    version: 4\n"
        "    size: 12\n"
        "    files: 1\n"
        "    digest: sha256:2222222222222222\n"
        "    since: 2026-11-23\n"
        "  flights:\n"
        "    at: lake:raw/flights.csv\n"
        "    size: 10\n"
        "    files: 1\n"
        "    digest: sha256:1111111111111111\n"
        "    since: 2026-11-20\n"
    )


def test_unchanged_data_keeps_its_entry():
    assert locks.refreshed(BEGUN, {"flights": ONE}, [FLIGHTS], today="2026-12-24") == BEGUN


def test_changed_data_is_counted_from_the_day_it_was_seen():
    lock = locks.refreshed(BEGUN, {"flights": TWO}, [FLIGHTS], today="2026-11-21")
    lock = locks.refreshed(lock, {"flights": ONE}, [FLIGHTS], today="2026-11-22")
    entry = lock.data["flights"]
    assert (entry.content, entry.since, entry.changes) == (ONE, "2026-11-22", 2)


def test_a_spec_that_names_another_place_takes_nothing_from_the_old_one():
    moved = replace(FLIGHTS, location="raw/2014.csv")
    assert BEGUN.find(FLIGHTS, None) is not None
    assert BEGUN.find(moved, None) is None
    entry = locks.refreshed(BEGUN, {"flights": TWO}, [moved], today="2026-11-21").data["flights"]
    assert (entry.at, entry.changes) == ("lake:raw/2014.csv", 0)


def test_another_version_of_a_dataset_is_another_place_and_a_newer_latest_another_content():
    assert locks.place(AIRPORTS) != locks.place(replace(AIRPORTS, version="3"))
    first = replace(ONE, version=3)
    lock = locks.refreshed(EMPTY, {"airports": first}, [AIRPORTS], today="2026-11-20")
    later = {"airports": replace(ONE, version=4)}
    assert (
        locks.refreshed(lock, later, [AIRPORTS], today="2026-11-21").data["airports"].changes == 1
    )


def test_data_that_is_gone_goes_and_what_was_not_looked_at_stays():
    lock = locks.refreshed(
        EMPTY, {"flights": ONE, "weather": TWO}, [FLIGHTS, WEATHER], today="2026-11-20"
    )
    lock = locks.refreshed(lock, {}, [WEATHER], today="2026-11-21")
    assert lock.data.keys() == {"weather"}


def test_a_target_takes_what_the_spec_has_of_the_same_place_until_it_has_its_own():
    found = BEGUN.find(FLIGHTS, "prod")
    assert found is not None
    assert found.content == ONE
    lock = locks.refreshed(BEGUN, {"flights": TWO}, [FLIGHTS], "prod", today="2026-11-23")
    own, base = (lock.find(FLIGHTS, target) for target in ("prod", None))
    assert (own.content, own.since, base) == (TWO, "2026-11-23", BEGUN.data["flights"])
    assert lock.find(FLIGHTS, "test") == base


def test_of_a_place_that_a_target_shares_with_the_spec_there_is_one_entry():
    found = {"flights": TWO, "weather": ONE}
    lock = locks.refreshed(
        BEGUN, found, [FLIGHTS, WEATHER], "prod", shared={"flights"}, today="2026-11-23"
    )
    assert (lock.data.keys(), lock.targets["prod"].keys()) == ({"flights"}, {"weather"})
    assert (lock.data["flights"].content, lock.data["flights"].changes) == (TWO, 1)
    assert locks.without(lock, "prod", {"weather"}).find(WEATHER, "prod") is None


GOOD = locks.write(BEGUN, "flights.yaml")


@pytest.mark.parametrize(
    ("wrong", "line", "told"),
    [
        (GOOD.replace("lock: 1", "lock: 2"), 3, "this is no lock of amlshare"),
        ("rates: {}\n", 1, "this is no lock of amlshare"),
        (GOOD.replace("size: 10", "size: -1"), 7, "'size' must be a number of bytes"),
        (GOOD.replace("files: 1", "files: true"), 8, "'files' must be a number of files"),
        (GOOD.replace("11-20", "20"), 10, "'since' must be a day"),
        (GOOD.replace("sha256:", "md5:"), 9, "'digest' must be sha256: and 16 hex digits"),
        (GOOD.replace("    size: 10\n", ""), 5, "'size' is missing here"),
        (GOOD + "    etag: x\n", 11, "a lock has no key 'etag' here"),
        (GOOD + "more: x\n", 11, "a lock has no key 'more' here"),
        (GOOD + "targets: [prod]\n", 11, "'targets' must be a mapping"),
        (GOOD + "targets: {prod: {flights: {}}}\n", 11, "a lock has no key 'flights' here"),
        ("lock: 1\ndata: {flights: 3}\n", 2, "'data.flights' must be a mapping"),
        ("lock: 1\ndata: 3\n", 2, "'data' must be a mapping"),
    ],
)
def test_what_is_wrong_with_it_is_told_at_its_place(wrong, line, told):
    lock, found = locks.read(parse(wrong, "flights.lock.yaml"), "flights.yaml")
    assert lock == EMPTY
    assert told in found[0].message
    assert (found[0].code, found[0].span.line) == ("bad-lock", line)
    assert "`amlshare plan flights.yaml --refresh`" in found[0].help


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_marks_of_a_merge_are_told_with_the_way_out(ending):
    sides = "<<<<<<< HEAD\n    size: 10\n=======\n    size: 12\n>>>>>>> theirs\n"
    text = GOOD.replace("    size: 10\n", sides).replace("\n", ending)
    lock, (found,) = locks.read(parse(text, "flights.lock.yaml"), "flights.yaml")
    assert lock == EMPTY
    assert found.message == "git has left the marks of a merge in this lock"
    assert (found.code, found.span.line, found.span.column) == ("bad-lock", 7, 1)
    assert "delete the file and run `amlshare plan flights.yaml --refresh`" in found.help


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD.replace("at: lake", 'at: "lake'), "this lock cannot be read: this quote is"),
        (GOOD + GOOD.partition("lock: 1\n")[2], "this lock cannot be read: the key 'data' is"),
        ("", "this lock cannot be read: there is nothing in this file"),
    ],
)
def test_what_is_no_yaml_is_a_bad_lock_too(text, told):
    lock, (found, *_) = locks.read(parse(text, "flights.lock.yaml"), "flights.yaml")
    assert (lock, found.code) == (EMPTY, "bad-lock")
    assert found.message.startswith(told)
    assert "delete the file" in found.help


def test_a_secret_in_it_is_told_as_one():
    text = GOOD.replace("raw/flights.csv", "https://me:hunter2@host/")
    _, (found,) = locks.read(parse(text, "flights.lock.yaml"), "flights.yaml")
    assert found.code == "secret-in-spec"
    assert "hunter2" not in f"{found} {found.source}"


@given(st.text())
def test_no_text_whatever_breaks_the_reader(text):
    locks.read(parse("lock: 1\n" + text, "x.lock.yaml"), "x.yaml")


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    )
)
def test_no_data_whatever_breaks_the_reader(data):
    text = yaml.safe_dump({"lock": 1, "data": data, "targets": {"prod": data}})
    locks.read(parse(text, "x.lock.yaml"), "x.yaml")
