"""Rates from what finished runs recorded, and the file that keeps them."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import few

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


def written(profile: Profile, before: str) -> str:
    """The text of a file that had another before."""
    return write(profile, "a.yaml", document.parse(before, "a.rates.yaml"))


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
    after = written(FOUND, before)
    assert loaded(after) == {"local": FOUND, "azureml": Profile(rates={"latency": 0.05})}
    assert written(FOUND, after) == after
    kept = [line for line in before.splitlines() if "azureml" in line or "#" in line]
    assert set(kept) <= set(after.splitlines())


def test_comments_inside_the_section_stay_too():
    before = "rates: 1\nlocal:\n  latency: 1  # of a bad day\n# and of one core\n  core: 1 MB\n"
    after = written(Profile(rates={"core": 2e6, "latency": 0.5, "nic": 0.9}), before)
    assert after == (
        "rates: 1\nlocal:\n  latency: 0.5  # of a bad day\n# and of one core\n  core: 2 MB\n"
        "  nic: 0.9\n"
    )


@pytest.mark.parametrize(
    "before",
    [
        "rates: 1\nlocal:\n  latency: 1\n# of ours\n  core: 1 MB\nazureml: {latency: 0.05}\n",
        "{rates: 1, local: {latency: 1}, azureml: {latency: 0.05}}\n",
        'rates: 1\n"local":\n  latency: 1\nazureml: {latency: 0.05}\n',
        "rates: 1\nlocal :\n  latency: 1\nazureml : {latency: 0.05}\n",
        "rates: 1\nlocal: {}\nazureml: {latency: 0.05}\n",
        "rates: 1\nazureml: &ours {latency: 0.05}\nlocal: *ours\n",
        "# none of its own\nrates: 1\nazureml: {latency: 0.05}",
    ],
)
def test_a_file_is_a_file_of_rates_afterwards_however_it_was_written(before: str):
    for text in (before, before.replace("\n", "\r\n"), f"---\n{before}", f"\ufeff{before}"):
        after = written(FOUND, text)
        assert loaded(after) == {"local": FOUND, "azureml": Profile(rates={"latency": 0.05})}
        assert after.count("\r\n") == (after.count("\n") if "\r\n" in text else 0)


digits = st.integers(1, 999).flatmap(lambda n: st.integers(-4, 3).map(lambda e: float(f"{n}e{e}")))
sizes = st.integers(1, 999).flatmap(lambda n: st.integers(0, 9).map(lambda e: float(n * 10**e)))
rates = st.fixed_dictionaries(
    {},
    optional={"core": sizes, "file": sizes}
    | dict.fromkeys(("latency", "threads", "listing", "mounting"), digits),
)
profiles = st.builds(
    Profile,
    rates=rates,
    machine=st.just({}) | st.fixed_dictionaries(dict.fromkeys(MACHINE, st.integers(1, 999))),
)


@st.composite
def rate_files(draw: st.DrawFn) -> str:
    """Files of rates as people may write them, with rates of Azure among others."""
    azure = draw(rates)
    old = draw(rates)

    def entry(key: str, value: object, indent: str = "") -> str:
        name = draw(st.sampled_from([key, f'"{key}"', f"'{key}'"]))
        colon = draw(st.sampled_from([": ", " : ", ":   "]))
        above = draw(
            st.sampled_from(["", "", "\n", "# ours\n", f"{indent}# ours\n", "\n# ours\n\n"])
        )
        comment = draw(st.sampled_from(["", "", "  # measured", " #"]))
        if not isinstance(value, dict) or not value or draw(st.booleans()):
            return f"{above}{indent}{name}{colon}{written_in_flow(value)}{comment}\n"
        deeper = indent + draw(st.sampled_from([" ", "  ", "    "]))
        inner = "".join(entry(each, held, deeper) for each, held in value.items())
        return f"{above}{indent}{name}{colon}{comment}\n{inner}"

    def written_in_flow(value: object) -> str:
        if not isinstance(value, dict):
            return f"{value:g}" if isinstance(value, float) else str(value)
        inner = ", ".join(f"{key}: {written_in_flow(each)}" for key, each in value.items())
        return draw(st.sampled_from(["{%s}", "{ %s }"])) % inner

    data: dict[str, object] = {"rates": 1}
    data |= {"azureml": as_text(azure)} if draw(st.booleans()) else {}
    data |= {"local": as_text(old)} if draw(st.booleans()) else {}
    keys = draw(st.permutations(sorted(data)))
    if draw(st.integers(0, 3)) == 0:
        text = written_in_flow({key: data[key] for key in keys}) + "\n"
    else:
        text = "".join(entry(key, data[key]) for key in keys)
    text = draw(st.sampled_from(["", "---\n", "# rates\n\n"])) + text
    text += draw(st.sampled_from(["", "", "\n\n", "# the end\n", "...\n"]))
    text = text if draw(st.booleans()) else text.rstrip("\n")
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


def as_text(found: dict[str, float]) -> dict[str, object]:
    return {key: int(each) if key in ("core", "file") else each for key, each in found.items()}


@few
@given(profiles, rate_files())
def test_whatever_a_file_had_only_the_rates_of_this_machine_change(new: Profile, before: str):
    after = written(new, before)
    assert loaded(after) == {**loaded(before), "local": new}
    assert written(new, after) == after
    for comment in ("# rates", "# the end"):
        assert after.count(comment) == before.count(comment)


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


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("rates: 1\n<<<<<<< a\nlocal:\n=======\n", 2, "git has left the marks of a merge in this"),
        ("rates: 1\nlocal: [1\n", 2, "this rates file cannot be read: this '[' is never closed"),
    ],
)
def test_what_is_no_yaml_is_told_with_the_way_out(text: str, line: int, told: str):
    _, (found,) = read(document.parse(text, "a.rates.yaml"), "a.yaml")
    assert (found.code, found.span.line) == ("bad-rates", line)
    assert found.message.startswith(told)
    assert "`amlshare calibrate a.yaml`" in found.help


@pytest.mark.parametrize("value", ["-1", "0", "yes", "[1]", ".inf", ".nan", "", "1 MB"])
def test_a_rate_that_is_no_number_above_0_is_refused(value: str):
    text = f"rates: 1\nlocal: {{latency: {value}}}\n"
    profiles, wrong = read(document.parse(text, "a.rates.yaml"), "a.yaml")
    assert profiles == {}
    assert [(each.code, each.span.line) for each in wrong] == [("bad-rates", 2)]
