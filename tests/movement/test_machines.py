from __future__ import annotations

import pytest

from amlshare.movement.machines import find


@pytest.mark.parametrize("name", ["Standard_DS3_v2", "STANDARD_DS3_V2", "ds3_v2"])
def test_a_size_is_found_however_it_is_written(name):
    found = find(name)
    assert found is not None
    assert (found.name, found.cores, found.nic_mbit) == ("Standard_DS3_v2", 4, 3000)
    assert (found.ram_gib, found.temp_gib, found.temp_mb_s) == (14, 28, 128)


@pytest.mark.parametrize("name", [None, "", "Standard_NC6", "Basic_A1"])
def test_a_size_that_no_page_describes_is_unknown(name):
    assert find(name) is None


def test_a_disk_whose_speed_no_page_gives_has_none():
    found = find("Standard_NC6s_v3")
    assert found is not None
    assert (found.temp_gib, found.temp_mb_s) == (736, None)
