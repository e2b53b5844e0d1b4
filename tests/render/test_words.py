from __future__ import annotations

import pytest

from amlshare.movement import Cost, Estimate
from amlshare.render.words import at_a_cost, lasting, mount_settings, span, wait


def between(low: float, high: float) -> Estimate:
    return Estimate(seconds=(low * high) ** 0.5, low=low, high=high, bound="NIC")


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.2, 0.8, "0.2-0.8 s"),
        (0.001, 0.002, "<0.1 s"),
        (0.04, 0.16, "<0.2 s"),
        (2.4, 9.6, "2.4-9.6 s"),
        (2.5, 10, "2-10 s"),
        (29.9, 119.6, "30-120 s"),
        (30, 120, "0.5-2.0 min"),
        (119, 121, "2.0 min"),
        (1800, 7200, "0.5-2.0 h"),
        (43_200, 172_800, "0.5-2.0 d"),
    ],
)
def test_a_span_is_short_and_has_one_unit(low, high, shown):
    assert span(between(low, high)) == shown


def test_what_nobody_notices_is_left_out():
    assert lasting(None) == lasting(between(0.03, 0.12)) == ""
    assert lasting(between(0.04, 0.16)) == "<0.2 s"
    assert wait(between(0.2, 0.8)) == ""


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.05, 0.2, "0.05-0.20"),
        (12, 48, "12-48"),
        (1200, 4800, "1,200-4,800"),
        (0.001, 0.004, "<0.01"),
        (0.004, 0.02, "<0.02"),
    ],
)
def test_a_cost_is_a_span_in_whatever_currency(low, high, text):
    assert at_a_cost(Cost(amount=low, low=low, high=high)) == f", at a cost of {text}"
    assert at_a_cost(None) == ""


def test_variables_of_mounts_share_their_prefix():
    pieces = mount_settings({"DATASET_MOUNT_CACHE_SIZE": "9MB", "DATASET_MOUNT_READ_THREADS": "4"})
    assert " ".join(pieces) == "mounts with DATASET_MOUNT_*: CACHE_SIZE=9MB READ_THREADS=4"
    assert mount_settings({}) == []
