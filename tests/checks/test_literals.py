from __future__ import annotations

import pytest
from checks.specimen import codes, only


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("data: {x: {type: path, location: 'a/${parameters.y}'}}", "'location' of data 'x'"),
        ("steps: {a: {script: '${inputs.x}'}}", "'script' of step 'a'"),
        ("steps: {a: {script: a.py, env: {X: '${HOME}'}}}", "'env.X' of step 'a'"),
        ("steps: {a: {script: a.py, tags: {x: '${{y}}'}}}", "'tags.x' of step 'a'"),
        ("parameters: {x: '${parameters.y}'}", "'default' of parameter 'x'"),
        ("defaults: {code: '${inputs.x}'}", "'defaults.code'"),
    ],
)
def test_a_reference_stands_in_arguments_only(text: str, place: str):
    found = only(text)
    assert found.code == "misplaced-reference"
    assert found.message == f"{place} cannot hold a reference"


def test_an_environment_variable_of_this_machine_is_a_mistake_of_its_own():
    assert codes("steps: {a: {script: a.py, env: {X: '${env.USER}'}}}") == ["env-reference"]


def test_prose_may_hold_anything():
    assert codes("description: 'for ${inputs.x} and C:\\\\data'") == []
    assert codes("steps: {a: {script: a.py, title: '', description: '${x'}}") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps: {a: {script: ''}}", ["empty-text"]),
        ("steps: {a: {script: a.py, env: {name: ''}}}", []),
        ("parameters: {location: ''}", []),
        ("environments: {e: {image: ' '}}", ["empty-text"]),
        ("steps: {a: {script: sub\\a.py}}", ["backslash-in-path"]),
        ("steps: {a: {script: a.py, env: {X: 'a\\b'}}}", []),
        ("defaults: {code: /data/code}", ["machine-path"]),
        ("defaults: {code: 'C:/data/code'}", ["machine-path"]),
        ("local: {datastores: {lake: /mnt/lake}}", []),
    ],
)
def test_texts_that_are_empty_or_of_one_machine(text: str, expected: list[str]):
    assert codes(text) == expected
