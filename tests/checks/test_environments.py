from __future__ import annotations

import pytest
from checks.specimen import codes, hints, only


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("{image: 'a:1'}", []),
        ("{image: 'a:1', conda: c.yml}", []),
        ("{image: 'a:1', pip: [pandas]}", []),
        ("{conda: c.yml}", []),
        ("{pip: requirements.txt}", []),
        ("{dockerfile: Dockerfile}", []),
        ("{registered: e, version: latest}", []),
        ("{registered: e, version: 2024-01}", []),
        ("{}", ["empty-environment"]),
        ("{pip: []}", ["empty-environment"]),
        ("{conda: c.yml, pip: [pandas]}", ["mixed-environment"]),
        ("{image: 'a:1', dockerfile: Dockerfile}", ["mixed-environment"]),
        ("{image: 'a:1', conda: c.yml, pip: [pandas]}", ["mixed-environment"]),
        ("{registered: e}", ["missing-key"]),
        ("{image: 'a:1', version: 3}", ["misplaced-key"]),
        ("{version: 3}", ["empty-environment"]),
    ],
)
def test_an_environment_is_described_in_one_way(environment: str, expected: list[str]):
    assert codes(f"environments: {{e: {environment}}}") == expected


@pytest.mark.parametrize(
    ("image", "pinned"),
    [
        ("python", False),
        ("python:latest", False),
        ("localhost:5000/python", False),
        ("localhost:5000/python:3.11", True),
        ("python@sha256:0123", True),
        ("mcr.microsoft.com/azureml/openmpi:20251130.v1", True),
    ],
)
def test_an_image_has_a_tag_that_stays(image: str, pinned: bool):
    assert ("unpinned-image" in hints(f"environments: {{e: {{image: '{image}'}}}}")) != pinned


def test_the_second_of_two_ways_is_underlined():
    assert only("environments: {e: {conda: c.yml, pip: x}}").route == ("environments", "e", "pip")
