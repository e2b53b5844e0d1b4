"""What holds of every spec: no text makes a check fail, and one mistake is told once."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from checks import specimen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amlshare import commands
from amlshare.checks.keys import keys_at
from amlshare.commands import Request
from amlshare.diagnostics import Diagnostic, SpecError

DATA: dict[str, Any] = yaml.safe_load(specimen.SPEC)
ROUTES = [route for route in specimen.routes(DATA) if route[0] != "targets"]
KEYS = [route for route in ROUTES if route[-1] in keys_at(route[:-1])]
SCALARS = [route for route in ROUTES if not isinstance(specimen.at(DATA, route), (dict, list))]
JUNK = (None, True, -1, 1.5, 10**30, "", "junk", "${", "${inputs.x}", "a.b", "*", "/", "..")
JUNK += ([], {}, ["junk"], [1], {"?": 1}, {"type": "path"}, [[]])


@pytest.fixture(scope="module", autouse=True)
def _beside(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("laws")
    specimen.put_files(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield


def read(text: str, backend: str = "azureml") -> tuple[Diagnostic, ...]:
    Path("spec.yaml").write_text(text)
    return commands.read(Request(spec="spec.yaml", backend=backend)).diagnostics


def mistakes(data: Any) -> list[Diagnostic]:
    found = read(yaml.safe_dump(data, sort_keys=False))
    return [each for each in found if each.severity != "hint"]


@pytest.mark.parametrize("backend", ["azureml", "local"])
def test_the_specimen_has_no_mistake(backend: str):
    assert not [each for each in read(specimen.SPEC, backend) if each.severity != "hint"]


@pytest.mark.parametrize("route", KEYS, ids=lambda route: ".".join(map(str, route)))
def test_a_misspelled_key_is_one_mistake(route: specimen.Route):
    (found,) = mistakes(specimen.renamed(DATA, route, f"{route[-1]}q"))
    assert found.code == "unknown-key"
    assert found.label == f"did you mean '{route[-1]}'?"


@pytest.mark.parametrize("route", SCALARS, ids=lambda route: ".".join(map(str, route)))
def test_a_list_in_the_place_of_a_value_is_one_mistake(route: specimen.Route):
    found = mistakes(specimen.replaced(DATA, route, [["junk"]]))
    assert len(found) == 1


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """The specimen with one to three things dropped, replaced, renamed, moved or doubled."""
    data = copy.deepcopy(DATA)
    for _ in range(draw(st.integers(1, 3))):
        routes = list(specimen.routes(data))
        if not routes:
            break
        route, other = draw(st.sampled_from(routes)), draw(st.sampled_from(routes))
        owner = specimen.at(data, route[:-1])
        match draw(st.sampled_from(["drop", "junk", "rename", "move", "double"])):
            case "drop":
                data = specimen.without(data, route)
            case "junk":
                junk = copy.deepcopy(draw(st.sampled_from(JUNK)))
                data = specimen.replaced(data, route, junk)
            case "rename" if isinstance(owner, dict):
                name = draw(
                    st.sampled_from(["x", "", "a b", "type", "from", "${x}", str(other[-1])])
                )
                data = specimen.renamed(data, route, name)
            case "move":
                data = specimen.replaced(data, route, copy.deepcopy(specimen.at(data, other)))
            case "double" if isinstance(owner, list):
                owner.append(copy.deepcopy(owner[route[-1]]))
    return data


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutated(), st.sampled_from(["azureml", "azureml-v2", "local"]))
def test_any_mutation_is_checked_and_what_has_no_error_can_be_planned(data: Any, backend: str):
    found = read(yaml.safe_dump(data, sort_keys=False), backend)
    assert all(each.span is not None for each in found)
    request = Request(spec="spec.yaml", backend=backend)
    if any(each.severity == "error" for each in found):
        with pytest.raises(SpecError):
            commands.plan(request)
    else:
        assert commands.plan_document(*commands.planned(request))
