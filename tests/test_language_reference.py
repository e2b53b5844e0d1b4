"""The reference of the language says what the code does.

Every fence of YAML in specs/README.md is checked. Its first words say what it is: `yaml` is a whole
spec, `yaml part` sections of the last whole spec (each entry in place of the one of its name), and
`yaml FILE` a file that a spec includes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

import pytest
from pydantic import BaseModel

from amlshare import commands
from amlshare.document import parse
from amlshare.selection import select
from amlshare.spec import Spec

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "specs" / "README.md").read_text("utf-8")


class Fence(NamedTuple):
    line: int
    kind: str
    text: str


def fences() -> Iterator[Fence]:
    for found in re.finditer(r"^```yaml ?(.*)\n((?:.*\n)*?)```$", TEXT, re.MULTILINE):
        yield Fence(TEXT[: found.start()].count("\n") + 1, found[1], found[2])


FENCES = list(fences())
WHOLE = [each for each in FENCES if not each.kind]
PARTS = [each for each in FENCES if each.kind == "part"]
FILES = [each for each in FENCES if each.kind not in ("", "part")]


def by_line(fence: Fence) -> str:
    return f"line-{fence.line}"


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    """A folder like specs/, with the scripts beside it and the files that the text shows."""
    folder = tmp_path / "specs"
    (folder / "common").mkdir(parents=True)
    for file in (ROOT / "specs" / "common").iterdir():
        (folder / "common" / file.name).symlink_to(file)
    (folder / "data").symlink_to(ROOT / "specs" / "data")
    (tmp_path / "scripts").mkdir()
    for file in (ROOT / "scripts").glob("*.py"):
        (tmp_path / "scripts" / file.name).symlink_to(file)
    for name in ("scale.py", "fit.py"):  # which take whatever a part shows
        (tmp_path / "scripts" / name).touch()
    for fence in FILES:
        (folder / fence.kind).write_text(fence.text, "utf-8")
    return folder


def data_of(fence: Fence) -> dict[str, Any]:
    document = parse(fence.text, f"specs/README.md:{fence.line}")
    assert not document.diagnostics
    return document.data


def laid_over(base: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Sections by name, their entries by name; what is no mapping is replaced."""
    merged = dict(base)
    for key, value in part.items():
        entries = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = base[key] | value if entries and key != "outputs" else value
    return merged


def faults(spec: Path) -> list[str]:
    found = commands.check([str(spec)], commands.Request(spec=str(spec)))
    return [f"{each.code}: {each.message}" for each in found if each.severity != "hint"]


@pytest.mark.parametrize("fence", WHOLE, ids=by_line)
def test_a_whole_spec_passes_the_check(fence, specs):
    spec = specs / "spec.yaml"
    spec.write_text(fence.text, "utf-8")
    assert faults(spec) == []


@pytest.mark.parametrize("fence", PARTS, ids=by_line)
def test_a_part_passes_the_check_in_the_spec_that_it_is_a_part_of(fence, specs):
    spec = specs / "spec.yaml"
    spec.write_text(json.dumps(laid_over(data_of(WHOLE[-1]), data_of(fence))), "utf-8")
    assert faults(spec) == []


@pytest.mark.parametrize("fence", FILES, ids=by_line)
def test_a_file_that_is_shown_is_included_by_a_part(fence):
    assert any(fence.kind in data_of(each).get("include", []) for each in PARTS)


@pytest.mark.parametrize("fence", WHOLE, ids=by_line)
def test_a_whole_spec_runs_on_this_machine(fence, specs, amlshare):
    (specs / "spec.yaml").write_text(fence.text, "utf-8")
    done = amlshare("submit", "spec.yaml", "--backend", "local", cwd=specs)
    assert done.exit_code == 0, done.stdout + done.stderr


# --- every key --------------------------------------------------------------------------------


def models(model: type[BaseModel] = Spec, route: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Every model of the language with its route; `*` is a name that people choose."""
    yield route, model
    for name, field in model.model_fields.items():
        for inner, named in models_in(field.annotation, named=False):
            parts = [route, field.alias or name, "*" if named else ""]
            yield from models(inner, ".".join(filter(None, parts)))


def models_in(annotation: Any, *, named: bool) -> Iterator[tuple[type[BaseModel], bool]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, named
    for inner in get_args(annotation):
        yield from models_in(inner, named=named or get_origin(annotation) is dict)


def tables() -> dict[str, dict[str, list[str]]]:
    """The tables of keys by route: the cells of each key's row."""
    found = {}
    for title, section in re.findall(r"^### `(.+)`\n((?:(?!#).*\n)*)", TEXT, re.MULTILINE):
        route = "" if title == "top level" else re.sub(r"\.[A-Z]\b", ".*", title)
        rows = re.findall(r"^\| (`.*) \|$", section, re.MULTILINE)
        cells = [[cell.strip() for cell in row.split("|")] for row in rows]
        found[route] = {key.strip("`"): rest for key, *rest in cells}
    return found


MODELS = dict(models())
TABLES = tables()


def test_every_section_of_the_language_has_its_table():
    assert TABLES.keys() == MODELS.keys()


@pytest.mark.parametrize("route", MODELS)
def test_a_table_has_the_keys_of_its_section_in_their_order(route):
    assert list(TABLES[route]) == [f.alias or n for n, f in MODELS[route].model_fields.items()]


def choices(annotation: Any) -> Iterator[str]:
    for inner in get_args(annotation):
        if get_origin(annotation) is Literal:
            yield str(inner)
        elif get_origin(annotation) is not dict:
            yield from choices(inner)


@pytest.mark.parametrize("route", MODELS)
def test_a_table_names_the_values_that_each_key_can_have(route):
    for name, field in MODELS[route].model_fields.items():
        form, *_ = TABLES[route][field.alias or name]
        assert [each for each in choices(field.annotation) if f"`{each}`" not in form] == []


@pytest.mark.parametrize("route", MODELS)
def test_a_table_says_the_default_of_each_key(route):
    for name, field in MODELS[route].model_fields.items():
        _, said, _ = TABLES[route][field.alias or name]
        assert (said == "required") == field.is_required(), name
        assert said == written(field.default) or not written(field.default), name


def written(default: object) -> str:
    """A default as its row shows it; nothing where words say it better."""
    match default:
        case bool():
            return f"`{str(default).lower()}`"
        case int() | float():
            return f"`{default:g}`"
        case str():
            return f"`{default}`"
        case _:
            return ""


# --- what else can be tried -------------------------------------------------------------------


@pytest.mark.parametrize("expression", re.findall(r'`--select "(.+?)"`', TEXT))
def test_an_expression_selects_steps_of_flights(expression):
    pipeline = commands.read(commands.Request(spec=str(ROOT / "specs" / "flights.yaml"))).pipeline
    assert pipeline is not None
    assert select(pipeline, expression)


@pytest.mark.parametrize("given", sorted(set(re.findall(r"`-p (\w+=[^` ]+)`", TEXT))))
def test_a_value_given_by_p_fits_the_spec(given, specs):
    spec = specs / "spec.yaml"
    spec.write_text(WHOLE[-1].text, "utf-8")
    commands.plan(commands.Request(spec=str(spec), parameters=(given,)))


def test_a_link_within_the_page_leads_to_a_heading():
    titles = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors


@pytest.mark.parametrize("file", sorted(set(re.findall(r"\]\(([^)#]+)\)", TEXT))))
def test_a_file_that_is_linked_is_there(file):
    assert (ROOT / "specs" / file).exists()
