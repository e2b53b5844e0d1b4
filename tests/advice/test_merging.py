"""Steps made one do what they did, and fetch less."""

from __future__ import annotations

from hypothesis import given
from strategies import Data, few, spec_data, to_pipeline

from amlshare.advice import Subject
from amlshare.advice.merging import merges
from amlshare.advice.suggestions import suggested
from amlshare.document.edits import applied
from amlshare.layers import spelled_out
from amlshare.pipeline import Pipeline, Sequence, texts
from amlshare.plan import Plan, moves_of
from amlshare.references import references

ALIKE = {"compute": "cpu", "environment": "first", "env": {}, "reuse": True}


def alike(data: Data) -> Data:
    """A spec whose steps could be one, and whose sources all have a size."""
    left_out = ("timeout", "tags", *ALIKE)
    for step in data["steps"].values():
        for key in left_out:
            step.pop(key, None)
        outputs = step["outputs"]
        step["outputs"] = {
            name: {**(entry or {}), "size": "1 GB", "mode": "upload"}
            for name, entry in (
                dict.fromkeys(outputs) if isinstance(outputs, list) else outputs
            ).items()
        }
    for entry in data["data"].values():
        entry["size"] = "1 GB"
    return data


def plan(pipeline: Pipeline) -> Plan:
    return Plan(backend="azureml", pipeline=pipeline)


def done(pipeline: Pipeline) -> list[str]:
    """What a pipeline runs, without the names of ports and steps."""
    return sorted(
        " ".join(
            part if isinstance(part, str) else f"<{part.kind == 'parameter' and part.name}>"
            for part in text
        )
        for step in pipeline.steps
        for text in texts(step.run)
    )


@few
@given(spec_data().map(alike))
def test_a_merge_runs_the_same_words_and_every_name_in_it_is_one_of_its_ports(data: Data):
    before = to_pipeline(data)
    found = list(merges(Subject.of(plan(before), moves_of(plan(before))), data))
    for advice in found:
        after = to_pipeline(applied(data, spelled_out(data, advice.edits)))
        assert done(after) == done(before)
        names = {step.name for step in before.steps}
        (merged,) = (step for step in after.steps if step.name not in names)
        assert isinstance(merged.run, Sequence)
        named = {(part.kind, part.name) for text in texts(merged.run) for part in references(text)}
        assert {name for kind, name in named if kind == "input"} == {
            each.name for each in merged.inputs
        }
        assert {name for kind, name in named if kind == "output"} == {
            each.name for each in merged.outputs
        }
        assert {name for kind, name in named if kind == "scratch"} == {
            each.name for each in merged.run.scratch
        }
        assert len(after.steps) < len(before.steps)


@few
@given(spec_data().map(alike))
def test_what_may_be_saved_is_not_more_than_what_moved(data: Data):
    before = plan(to_pipeline(data))
    total = moves_of(before).movement.moved_bytes or 0
    for advice in suggested(before, moves_of(before), data):
        assert 0 <= (advice.saved_bytes or 0) <= total
