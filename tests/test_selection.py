"""Which steps a person means."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import to_pipeline

from amlshare.pipeline import Command, Input, Pipeline, Step
from amlshare.selection import SelectionError, select

DIAMOND = to_pipeline(
    {
        "amlshare": 1,
        "name": "diamond",
        "data": {"raw": {"type": "path", "location": "raw"}},
        "steps": {
            "clean": {
                "command": "clean",
                "inputs": {"raw": "raw"},
                "outputs": ["out"],
                "tags": {"daily": "yes", "team": "ops"},
            },
            "left": {"command": "l", "inputs": {"a": "clean.out"}, "outputs": ["out"]},
            "right": {"command": "r", "inputs": {"a": "clean.out"}, "outputs": ["out"]},
            "last": {"script": "x.py", "inputs": {"l": "left.out", "r": "right.out"}},
            "other": {"command": "o", "after": ["left"], "tags": {"daily": "no"}},
        },
    }
)


@pytest.mark.parametrize(
    ("expression", "steps"),
    [
        ("left", {"left"}),
        ("l*", {"left", "last"}),
        ("[lr]*t", {"left", "right", "last"}),
        ("+left", {"clean", "left"}),
        ("left+", {"left", "last", "other"}),
        ("+left+", {"clean", "left", "last", "other"}),
        ("1+last", {"left", "right", "last"}),
        ("2+last", {"clean", "left", "right", "last"}),
        ("0+last", {"last"}),
        ("clean+1", {"clean", "left", "right"}),
        ("@right", {"clean", "left", "right", "last"}),
        ("tag:daily", {"clean", "other"}),
        ("tag:daily=yes", {"clean"}),
        ("tag:team=o*", {"clean"}),
        ("type:script", {"last"}),
        ("source:raw", {"clean"}),
        ("source:clean.*", {"left", "right"}),
        ("name:left", {"left"}),
        ("left right", {"left", "right"}),
        ("+last,clean+", {"clean", "left", "right", "last"}),
        ("+left,+right", {"clean"}),
        ("+last !clean", {"left", "right", "last"}),
        ("!clean+", set()),
        ("!left+ !right", {"clean"}),
    ],
)
def test_an_expression_names_steps(expression: str, steps: set[str]):
    if not steps:
        with pytest.raises(SelectionError, match="selects no step"):
            select(DIAMOND, expression)
    else:
        assert set(select(DIAMOND, expression)) == steps


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("clena", "did you mean 'clean'"),
        ("tag:dayly", "did you mean 'daily'"),
        ("tags:daily", "did you mean 'tag:'"),
        ("type:skript", "did you mean 'script'"),
        ("source:rew", "did you mean 'raw'"),
        ("++left", "is no selection"),
        ("left,", "is no selection"),
        ("a:b:c", "selects nothing"),
        ("!", "is no selection"),
        ("left !clena", "did you mean 'clean'"),
    ],
)
def test_a_term_that_means_nothing_is_refused(expression: str, said: str):
    with pytest.raises(SelectionError, match=said):
        select(DIAMOND, expression)


def test_exclude_takes_away_as_a_mark_of_exclamation_does():
    assert select(DIAMOND, "+last", exclude="clean left") == select(DIAMOND, "+last !clean !left")


def test_only_an_exclusion_leaves_the_rest():
    assert set(select(DIAMOND, "", exclude="left+")) == {"clean", "right"}
    with pytest.raises(SelectionError, match=r"'!clean\+' selects no step"):
        select(DIAMOND, "", exclude="clean+")


def above(pipeline: Pipeline, name: str) -> set[str]:
    """A step and all that feeds it, found in another way than the module does."""
    step = next(each for each in pipeline.steps if each.name == name)
    sources = {given.source.partition(".")[0] for given in step.inputs if "." in given.source}
    return {name}.union(*(above(pipeline, each) for each in sources | set(step.after)))


def read_by(name: str, source: str) -> Input:
    return Input(name=name, source=source, type="path", format="folder")


@st.composite
def graphs(draw: st.DrawFn) -> Pipeline:
    """Steps in a chain of possible needs: by an input or by `after`."""
    steps: list[Step] = []
    for name in "abcdefg"[: draw(st.integers(1, 7))]:
        needed = draw(st.lists(st.sampled_from([*(each.name for each in steps), None]), max_size=3))
        read = {each for each in needed[:2] if each}
        inputs = tuple(read_by(each, f"{each}.out") for each in sorted(read))
        after = tuple(each for each in needed[2:] if each)
        steps.append(Step(name=name, run=Command(line=("",)), inputs=inputs, after=after))
    return Pipeline(name="p", experiment="p", steps=tuple(steps))


@st.composite
def graph_and_terms(draw: st.DrawFn) -> tuple[Pipeline, str, str]:
    pipeline = draw(graphs())
    forms = ["{}", "+{}", "1+{}", "{}+", "{}+1", "+{}+", "@{}"]
    names = st.sampled_from([step.name for step in pipeline.steps])
    term = st.builds(str.format, st.sampled_from(forms), names)
    return pipeline, draw(term), draw(term)


@given(graphs())
def test_a_plus_in_front_adds_all_that_feeds_it(pipeline):
    for step in pipeline.steps:
        assert set(select(pipeline, f"+{step.name}")) == above(pipeline, step.name)


@given(graphs())
def test_a_plus_behind_adds_all_that_it_feeds(pipeline):
    for step in pipeline.steps:
        below = {each.name for each in pipeline.steps if step.name in above(pipeline, each.name)}
        assert set(select(pipeline, f"{step.name}+")) == below


@given(graph_and_terms())
def test_a_space_adds_a_comma_meets_and_an_exclamation_mark_takes_away(drawn):
    pipeline, one, other = drawn
    first, second = set(select(pipeline, one)), set(select(pipeline, other))
    assert set(select(pipeline, f"{one} {other}")) == first | second
    for expression, expected in (
        (f"{one},{other}", first & second),
        (f"{one} !{other}", first - second),
    ):
        if expected:
            assert set(select(pipeline, expression)) == expected
        else:
            with pytest.raises(SelectionError):
                select(pipeline, expression)


@given(graph_and_terms())
def test_the_steps_come_in_run_order_each_once(drawn):
    pipeline, one, other = drawn
    order = [step.name for step in pipeline.steps]
    chosen = select(pipeline, f"{other} {one} {other}")
    assert list(chosen) == [name for name in order if name in chosen]


@given(st.text("abc+@!,:*[] 0x", max_size=20) | st.text(max_size=20))
def test_no_expression_whatever_stops_it(expression: str):
    with suppress(SelectionError):
        assert select(DIAMOND, expression)
