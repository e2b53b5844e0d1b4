"""Rates from what finished runs recorded, and the file that keeps them."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlshare import document
from amlshare.calibration import Profile, Sample, calibrate, profile, read, section, write
from amlshare.movement.estimate import Load, estimate
from amlshare.movement.rates import RATES

MACHINE = {"cores": 2, "ram_gib": 7.8, "disk_gib": 60}
SMALL = Sample(
    how="mount",
    moved=400_000,
    files=100,
    requests=100,
    seconds=0.5,
    listing_seconds=0.02,
    mounting_seconds=0.4,
)
MANY = Sample(how="download", moved=400_000, files=100, seconds=0.125, listing_seconds=0.02)
LARGE = Sample(how="download", moved=100_000_000, files=10, seconds=0.5)
ONE = Sample(how="mount", moved=50_000_000, files=1, requests=48, seconds=0.505)


def measured(*samples: Sample) -> dict[str, float | None]:
    return {each.rate: each.measured for each in calibrate(samples, cores=2)}


def test_each_rate_is_told_by_the_transfers_in_which_it_is_what_takes_the_time():
    every = [SMALL, MANY, LARGE, ONE] * 2
    assert measured(*every) == {
        "core": 100e6,  # 200 MB/s on two cores
        "latency": 0.005,
        "threads": 2,  # 100 requests of 5 ms in 0.125 s, on two cores
        "file": 100e6,
        "listing": 5000,
        "mounting": 0.4,
    }


def test_one_transfer_tells_nothing_and_the_rate_stays_as_assumed():
    assert set(measured(SMALL, MANY, LARGE, ONE).values()) == {None, 5000}  # two listings


def test_a_transfer_that_was_disturbed_changes_no_rate():
    slow = replace(LARGE, seconds=50)
    assert measured(LARGE, LARGE, slow)["core"] == 100e6


def test_with_no_transfer_there_are_no_rates():
    assert set(measured().values()) == {None}
    assert profile(calibrate([], cores=2), MACHINE).applied() == RATES


@given(
    st.builds(
        Sample,
        how=st.sampled_from(["mount", "download"]),
        moved=st.integers(1, 10**12),
        files=st.integers(1, 10**6),
        seconds=st.floats(1e-6, 1e6),
        requests=st.none() | st.integers(1, 10**6),
        listing_seconds=st.none() | st.floats(0, 100),
        mounting_seconds=st.none() | st.floats(0.001, 100),
    )
)
def test_whatever_was_recorded_a_rate_is_a_number_above_0(sample: Sample):
    for value in measured(sample, sample).values():
        assert value is None or (0 < value < math.inf)


def test_a_profile_predicts_the_transfers_that_it_was_made_of():
    found = profile(calibrate([SMALL, MANY, LARGE, ONE] * 2, cores=2), MACHINE)
    host, rates = found.host(), found.applied()

    def seconds(how: str, load: Load) -> float:
        return estimate(how, load, host, rates=rates).seconds

    small = Load(size=400_000, files=100)
    listing = 100 / 5000
    assert seconds("mount", small) == pytest.approx(0.5 + listing + 0.4, rel=0.02)
    assert seconds("download", small) == pytest.approx(0.125 + listing, rel=0.02)
    large = Load(size=100_000_000, files=10)
    assert seconds("download", large) == pytest.approx(0.5, rel=0.02)


def test_where_the_machine_is_not_known_its_rates_still_are():
    found = Profile(rates={"latency": 0.05})
    assert found.host() is None
    assert found.applied() == replace(RATES, latency=0.05)


# the file


def loaded(text: str) -> dict[str, Profile]:
    profiles, wrong = read(document.parse(text, "a.rates.yaml"), "a.yaml")
    assert wrong == ()
    return profiles


FOUND = profile(calibrate([SMALL, MANY, LARGE, ONE] * 2, cores=2), MACHINE)


def test_what_was_written_is_read_back():
    assert loaded(write(FOUND, "a.yaml")) == {"local": FOUND}


def test_the_file_says_who_writes_it_and_in_which_units():
    assert write(Profile(rates={"core": 100e6, "latency": 0.005}), "a.yaml") == (
        "# How fast data comes: `local` is of `amlshare calibrate a.yaml --write`.\n"
        "# Keep it beside the spec, under version control. What is missing is as assumed.\n"
        "rates: 1\n"
        "local:\n"
        "  core: 100 MB        # a second, into each core\n"
        "  latency: 0.005      # seconds until a request is answered\n"
    )


@pytest.mark.parametrize(
    "before",
    [
        "rates: 1\nazureml: {latency: 0.05}  # of our region\n",
        "rates: 1\nlocal:\n  latency: 1\n  core: 1 MB\n\nazureml:\n  latency: 0.05\n",
        "# ours\nazureml:\n  latency: 0.05\nlocal: {latency: 1}\nrates: 1\n",
        "azureml:\n  latency: 0.05\nrates: 1",
    ],
)
def test_what_else_the_file_has_stays_as_it_is(before: str):
    after = write(FOUND, "a.yaml", before)
    assert loaded(after) == {"local": FOUND, "azureml": Profile(rates={"latency": 0.05})}
    assert write(FOUND, "a.yaml", after) == after
    kept = [line for line in before.splitlines() if "azureml" in line or "#" in line]
    assert set(kept) <= set(after.splitlines())


def test_the_example_of_the_language_reference_is_read():
    text = (Path(__file__).parents[1] / "specs/README.md").read_text("utf-8")
    (example,) = re.findall(r"```\n(rates: 1\n.*?)```", text, re.DOTALL)
    found = loaded(example)
    assert found["local"].rates == {"core": 41_000_000, "latency": 0.062}
    assert found["local"].host().cores == 8
    assert found["azureml"].rates == {"latency": 0.045}


def test_both_backends_of_azure_go_by_the_same_rates():
    assert [section(name) for name in ("azureml", "azureml-v2", "local")] == [
        "azureml", "azureml", "local",
    ]  # fmt: skip


@given(st.text(max_size=200))
def test_no_text_whatever_is_more_than_a_diagnostic(text: str):
    profiles, wrong = read(document.parse(f"rates: 1\n{text}", "a.rates.yaml"), "a.yaml")
    assert not (profiles and wrong)


@pytest.mark.parametrize("value", ["-1", "0", "yes", "[1]", ".inf", ".nan", "", "1 MB"])
def test_a_rate_that_is_no_number_above_0_is_refused(value: str):
    text = f"rates: 1\nlocal: {{latency: {value}}}\n"
    profiles, wrong = read(document.parse(text, "a.rates.yaml"), "a.yaml")
    assert profiles == {}
    assert [(each.code, each.span.line) for each in wrong] == [("bad-rates", 2)]
