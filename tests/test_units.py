"""Sizes and times as people write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlshare.units import (
    SIZE_PATTERN,
    TIME_PATTERN,
    parse_percent,
    parse_size,
    parse_time,
    show_size,
)

sizes = st.integers(0, 10**18)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (0, 0),
        (1234, 1234),
        ("1234", 1234),
        ("0 B", 0),
        ("30 MB", 30_000_000),
        ("30MB", 30_000_000),
        (" 30 mb ", 30_000_000),
        ("30 MiB", 30 * 2**20),
        ("1.5 GB", 1_500_000_000),
        ("0.1 KiB", 102),
        ("2 TB", 2 * 10**12),
        ("1 PB", 10**15),
        ("9007199254740993 B", 2**53 + 1),
    ],
)
def test_a_size_is_bytes(text: str | int, size: int):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "MB", "30 M", "-1 B", -1, "1e3 B", "1.5", "30 MB/s", "٣ MB", "1_0 B", "9" * 400 + " TB"],
)
def test_what_is_no_size_says_what_one_is(text: str | int):
    with pytest.raises(ValueError, match="30 MB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (60, 60),
        ("60", 60),
        ("90 s", 90),
        ("30m", 1800),
        ("2h", 7200),
        ("1.5 hours", 5400),
        ("1 day", 86400),
        ("2 minutes", 120),
        ("10 sec", 10),
    ],
)
def test_a_time_is_seconds(text: str | int, seconds: int):
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "0 s", 0, -1, "0.1 s", "500 ms", "2 weeks", "1h 30m"])
def test_what_is_no_time_says_what_one_is(text: str | int):
    with pytest.raises(ValueError, match="2h"):
        parse_time(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 KB"),
        (1234, "1.23 KB"),
        (30_000_000, "30 MB"),
        (999_499, "999 KB"),
        (999_500, "1 MB"),
        (1_999_999_999, "2 GB"),
        (10**18, "1000 PB"),
    ],
)
def test_a_size_is_shown_with_three_digits(size: int, text: str):
    assert show_size(size) == text


@given(sizes)
def test_a_size_that_is_shown_can_be_read(size: int):
    assert abs(parse_size(show_size(size)) - size) <= size * 0.005


@given(st.integers(0, 999), st.sampled_from(["B", "KB", "MB", "GB", "TB", "PB"]))
def test_a_size_of_three_digits_is_shown_as_it_was_written(number: int, unit: str):
    shown = show_size(parse_size(f"{number} {unit}"))
    assert shown == (f"{number} {unit}" if number else "0 B")


@given(sizes, sizes)
def test_a_larger_size_is_never_shown_as_a_smaller_one(one: int, other: int):
    small, large = sorted((one, other))
    assert parse_size(show_size(small)) <= parse_size(show_size(large))


@given(st.from_regex(re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})? ?[A-Za-z]{0,3}"), fullmatch=True))
def test_the_pattern_of_the_schema_takes_what_is_a_size(text: str):
    try:
        parse_size(text)
    except ValueError:
        assert not re.search(SIZE_PATTERN, text)
    else:
        assert re.search(SIZE_PATTERN, text)


@given(
    st.from_regex(re.compile(r"[1-9][0-9]{0,8}(\.[0-9]{1,3})? ?[a-z]{0,7}"), fullmatch=True)
    | st.sampled_from(["2h", "90 s", "3 days", "1.5 hours", "5 min"])
)
def test_the_pattern_of_the_schema_takes_what_is_a_time(text: str):
    try:
        parse_time(text)
    except ValueError:
        assert not re.search(TIME_PATTERN, text)
    else:
        assert re.search(TIME_PATTERN, text)


@pytest.mark.parametrize(
    ("text", "percent"), [("10%", 10), (" 2.5 % ", 2.5), ("10", 10), ("0%", 0), ("100", 100)]
)
def test_a_share_is_per_cent(text: str, percent: float):
    assert parse_percent(text) == percent


@pytest.mark.parametrize("text", ["", "%", "0.1", "-1%", "101%", "100.5 %", "10 percent", "1e1%"])
def test_what_may_be_no_share_is_refused(text: str):
    with pytest.raises(ValueError, match="from 0 to 100 %"):
        parse_percent(text)
