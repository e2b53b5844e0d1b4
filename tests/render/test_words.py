from __future__ import annotations

import pytest

from amlshare.movement import Estimate
from amlshare.render.words import lasting, span, wait


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
