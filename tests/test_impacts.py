"""What is new, changed, downstream or unchanged in a plan, and why."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from strategies import few, spec_data
from test_description import CONDA, SPEC
from test_plan import fed_by, plan_of, specs_and_a_step

from amlshare.description import describe
from amlshare.diff import compare
from amlshare.impacts import Impacts, impacts, of_diff
from amlshare.movement.known import Known
from amlshare.past import past_of

SECOND = {
    "script": "report.py",
    "code": "scripts",
    "compute": "cpu",
    "environment": "sklearn",
    "inputs": {"table": "clean.table"},
    "arguments": ["--in", "${inputs.table}"],
}
SHOP = {**SPEC, "steps": {**SPEC["steps"], "report": SECOND}}
FILES = {"env.yml": CONDA}


def since(before, after, files=FILES, now=FILES, folders=(None, {}), **statuses):
    """What became of the steps of ``after``; ``statuses`` says how those before had ended, and
    ``folders`` are the whole code folders before and after.
    """
    old = past_of(before, describe(before, read=files.get, of="the last run"), folders[0])
    steps = {name: replace(step, status=statuses.get(name)) for name, step in old.steps.items()}
    past = replace(old, steps=steps)
    described = partial(describe, after, read=now.get)
    return impacts(after, past, lambda names: described(steps=names), folders[1])


def edited(*route, to):
    """The shop with another value at a route; None takes it away."""
    data = deepcopy(SHOP)
    at = data
    for key in route[:-1]:
        at = at.setdefault(key, {})
    if to is None:
        del at[route[-1]]
    else:
        at[route[-1]] = to
    return data


def became(found: Impacts) -> dict[str, str]:
    return {name: each.impact for name, each in found.steps.items()}


def reasons(found: Impacts, step: str = "clean") -> list[str]:
    return [str(each) for each in found.steps[step].reasons]


def again(found: Impacts, step: str = "clean") -> list[tuple[str, tuple[str, ...]]]:
    """Why a step that is as it was runs, and where the spec says so."""
    return [(str(each), each.route) for each in found.steps[step].again]


def test_a_plan_beside_itself_is_unchanged_and_nothing_is_described():
    plan = plan_of(SHOP)
    past = past_of(plan, describe(plan, read=FILES.get))
    found = impacts(plan, past, lambda names: pytest.fail(f"described {names}"))
    assert became(found) == {"clean": "unchanged", "report": "unchanged"}


CHANGES = {
    "argument --least: ${parameters.least} -> 3": edited(
        "steps", "clean", "arguments", "--least", to=3
    ),
    "argument --title: two words -> none": edited(
        "steps", "clean", "arguments", "--title", to=None
    ),
    "parameter 'least': 5 -> 6": edited("parameters", "least", to=6),
    "inputs.raw.mode: download -> mount": edited(
        "steps", "clean", "inputs", "raw", "mode", to="mount"
    ),
    "env.LEVEL: none -> 2": edited("steps", "clean", "env", "LEVEL", to="2"),
    "timeout: 2 h -> 30 min": edited("steps", "clean", "timeout", to="30m"),
    "image of environment 'sklearn': registry/image:1 -> registry/image:2": edited(
        "environments", "sklearn", "image", to="registry/image:2"
    ),
    "vm_size of compute 'cpu': Standard_DS3_v2 -> Standard_D4_v2": edited(
        "compute", "cpu", "vm_size", to="Standard_D4_v2"
    ),
}


@pytest.mark.parametrize("reason", CHANGES)
def test_a_change_of_a_steps_own_is_told_in_the_words_of_the_spec(reason):
    found = since(plan_of(SHOP), plan_of(CHANGES[reason]))
    assert found.steps["clean"].impact == "changed"
    assert reasons(found) == [reason]


def test_a_package_of_another_version_is_told():
    old, new = CONDA, CONDA.replace("1.26.4", "2.0.0")
    before, after = (plan_of(SHOP, files={"env.yml": text}) for text in (old, new))
    found = since(before, after, {"env.yml": old}, {"env.yml": new})
    assert became(found) == {"clean": "changed", "report": "changed"}
    said = "pip.numpy of environment 'sklearn': 1.26.4 -> 2.0.0"
    assert reasons(found) == [said]
    assert reasons(found, "report")[0] == said


def test_a_file_that_differs_in_no_word_of_the_spec_is_told_all_the_same():
    found = since(plan_of(SHOP), plan_of(SHOP, files={"env.yml": "a comment"}))
    assert reasons(found) == ["environment 'sklearn' changed"]


def test_an_edited_script_is_told_by_its_name_and_what_reads_from_it_is_downstream():
    found = since(plan_of(SHOP), plan_of(SHOP, edited="clean"))
    assert became(found) == {"clean": "changed", "report": "downstream"}
    assert reasons(found) == ["code clean.py changed"]
    assert reasons(found, "report") == ["it reads clean.table of step 'clean', which changed"]


def test_other_data_is_downstream_of_what_the_lock_says():
    one, other = (plan_of(SHOP, known=Known(digests={"raw": each * 8})) for each in ("ab", "cd"))
    found = since(one, other)
    assert became(found) == {"clean": "downstream", "report": "downstream"}
    assert reasons(found) == ["content of data 'raw': 2 MB, abababababab -> 2 MB, cdcdcdcdcdcd"]


def test_data_at_another_place_is_told():
    found = since(plan_of(SHOP), plan_of(edited("data", "raw", "location", to="new/")))
    assert reasons(found) == ["location of data 'raw': raw/ -> new/"]


def test_words_for_people_are_cosmetic():
    found = since(plan_of(SHOP), plan_of(edited("steps", "clean", "title", to="Clean")))
    assert became(found) == {"clean": "cosmetic", "report": "unchanged"}
    assert reasons(found) == ["title: none -> Clean"]


def test_a_new_step_is_added_and_one_that_is_gone_is_named():
    less = {**SHOP, "steps": {"clean": SHOP["steps"]["clean"]}}
    assert became(since(plan_of(less), plan_of(SHOP))) == {"clean": "unchanged", "report": "added"}
    assert since(plan_of(SHOP), plan_of(less)).removed == ("report",)


def lines(first, **more):
    """Commands that read from each other, the first of them under a name."""
    common = {"code": "none", "compute": "cpu"}
    made = {"command": "date > ${outputs.x}", "outputs": {"x": {"datastore": "blobs"}}, **more}
    read = {"command": "cat ${inputs.x}", "inputs": {"x": f"{first}.x"}}
    last = {"command": "ls", "after": [first]}
    steps = {name: {**common, **step} for name, step in ((first, made), ("read", read),
                                                         ("last", last))}  # fmt: skip
    return plan_of({**SPEC, "steps": steps})


def differing(before, after):
    return of_diff(compare(*(describe(each, read=FILES.get) for each in (before, after))), after)


@pytest.mark.parametrize(
    "where", [{}, {"outputs": {"x": {"datastore": "blobs", "location": "x/"}}}]
)
def test_a_step_under_another_name_is_renamed_as_a_difference_says_it_and_none_is_gone(where):
    before, after = lines("clean", **where), lines("tidy", **where)
    found = since(before, after)
    assert found.removed == ()
    assert became(found) == {"tidy": "renamed", "read": "downstream", "last": "downstream"}
    assert reasons(found, "tidy") == ["it was called 'clean'"]
    assert reasons(found, "read") == ["it reads tidy.x of step 'tidy', which was renamed"]
    assert reasons(found, "last") == ["it runs after step 'tidy', which was renamed"]
    assert became(differing(before, after)) == became(found)


def test_a_step_that_was_renamed_and_changed_is_another():
    found = since(lines("clean"), lines("tidy", timeout="30m"))
    assert found.removed == ("clean",)
    assert became(found)["tidy"] == "added"


def test_another_name_of_the_pipeline_is_told_where_outputs_lie_below_it():
    before, after = plan_of(SHOP), plan_of({**SHOP, "name": "store"})
    found = since(before, after)
    assert became(found) == {"clean": "changed", "report": "downstream"}
    (reason,) = found.steps["clean"].reasons
    assert (str(reason), reason.route) == ("pipeline name: shop -> store", ("name",))
    diff = compare(*(describe(each, read=FILES.get) for each in (before, after)))
    assert [(each.kind, each.name, each.effect) for each in diff.changes] == [
        ("pipeline", "store", "renamed"),
        ("step", "clean", "downstream"),
        ("step", "report", "downstream"),
    ]
    assert diff.changes[1].reasons == ("writes below the name of the pipeline, which was renamed",)


def test_another_name_of_the_pipeline_is_no_matter_to_a_step_that_says_where_it_writes():
    data = edited("steps", "clean", "outputs", "table", "location", to="table/")
    found = since(plan_of(data), plan_of({**data, "name": "store"}))
    assert set(became(found).values()) == {"unchanged"}


def test_a_step_that_failed_and_one_that_is_never_reused_run_again_with_what_they_feed():
    found = since(plan_of(SHOP), plan_of(SHOP), clean="failed", report="skipped")
    assert became(found) == {"clean": "unchanged", "report": "unchanged"}
    assert again(found) == [("it failed the last time", ())]
    assert again(found, "report") == [
        ("it was not reached the last time", ()),
        ("it reads clean.table, which is made again", ("steps", "report", "inputs", "table")),
    ]
    always = plan_of(edited("steps", "clean", "reuse", to=False))
    found = since(always, always, clean="completed")
    assert again(found) == [("`reuse: false`: it always runs", ("steps", "clean", "reuse"))]
    assert [said for said, _ in again(found, "report")] == [
        "it reads clean.table, which is made again"
    ]


WHOLE = {"clean.py": "1", "report.py": "2", "unused.py": "3"}
CODE = ("steps", "clean", "code")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (WHOLE, None),
        (WHOLE | {"unused.py": "4"}, "unused.py changed in"),
        (WHOLE | {"new.py": "4"}, "new.py is new in"),
        ({name: WHOLE[name] for name in ("clean.py", "report.py")}, "unused.py is gone from"),
        (WHOLE | dict.fromkeys("abc", "4") | {"unused.py": "4"}, "a, b, c, ... changed in"),
    ],
)
def test_azure_takes_a_code_folder_as_a_whole(now, said):
    plan = plan_of(SHOP)
    found = since(plan, plan, folders=({"scripts": WHOLE}, {"scripts": now}))
    assert became(found) == {"clean": "unchanged", "report": "unchanged"}
    whole = f"{said} its code folder, which Azure takes as a whole"
    assert again(found)[:1] == ([(whole, CODE)] if said else [])
    assert again(since(plan, plan)) == []


def test_of_a_saved_plan_nobody_knows_which_other_files_were_in_a_code_folder():
    before, after = plan_of(SHOP), plan_of(SHOP, edited="report")
    files = [{name: sha for code in each.code for name, sha in code.files.items()}
             for each in (before, after)]  # fmt: skip
    same, other = ({"scripts": {**each, "unused.py": "3"}} for each in files)
    assert again(since(before, before, folders=(None, same))) == []
    said = "report.py changed in its code folder, which Azure takes as a whole"
    assert again(since(before, after, folders=(None, other))) == [(said, CODE)]


def test_what_lies_in_another_code_folder_is_no_matter():
    plan = plan_of(SHOP)
    folders = [{"scripts": WHOLE, "other": {"x": each}} for each in "12"]
    assert again(since(plan, plan, folders=folders)) == []


def test_the_impacts_of_a_difference_are_those_of_its_steps():
    before, after = plan_of(SHOP), plan_of(edited("steps", "clean", "timeout", to="30m"))
    diff = compare(*(describe(each, read=FILES.get) for each in (before, after)))
    found = of_diff(diff, after)
    assert became(found) == {"clean": "changed", "report": "downstream"}
    assert reasons(found) == ["timeout: 2 h -> 30 min"]


@few
@given(specs_and_a_step())
def test_one_edited_step_is_changed_and_what_it_feeds_is_downstream(drawn):
    data, name = drawn
    before, after = plan_of(data), plan_of(data, edited=name)
    found = since(before, after)
    touched = {"changed"} if before != after else {"unchanged"}
    assert {found.steps[name].impact} == touched
    if before != after:
        below = {each for each, impact in became(found).items() if impact == "downstream"}
        assert below == fed_by(after, {name}) - {name}
        assert all(found.steps[each].reasons for each in below | {name})


@few
@given(spec_data())
def test_words_and_hints_of_any_spec_are_at_most_cosmetic(data):
    worded = deepcopy(data)
    for step in worded["steps"].values():
        step |= {"title": "another", "description": "other words"}
    found = since(plan_of(data), plan_of(worded), {}, {})
    assert set(became(found).values()) == {"cosmetic"}
