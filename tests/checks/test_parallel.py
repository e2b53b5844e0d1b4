from __future__ import annotations

import pytest
from checks.specimen import codes, only


def of(parallel: str = "", given: str = "days", data: str = "type: directory") -> str:
    return f"""
data: {{days: {{{data}, location: raw/}}}}
steps:
  score:
    parallel: {{script: a.py, over: days, {parallel}}}
    inputs: {{days: {given}}}
    outputs: {{rows: {{type: directory}}}}
    arguments: {{--out: "${{outputs.rows}}"}}
"""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("10", []),
        ("'10'", []),
        ("0", ["bad-mini-batch"]),
        ("-1", ["bad-mini-batch"]),
        ("1.5", ["bad-mini-batch"]),
        ("true", ["bad-mini-batch"]),
        ("10 iB", ["bad-mini-batch"]),
        ("'${parameters.n} files'", ["bad-mini-batch"]),
        ("'${parameters.n}'", ["unknown-parameter"]),
        ("10 KB", ["mini-batch-unit"]),
    ],
)
def test_a_mini_batch_of_files_is_a_number(value: str, expected: list[str]):
    assert codes(of(f"mini_batch: {value}")) == expected


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("direct", "10 KB", []),
        ("direct", "10", ["mini-batch-unit"]),
        ("mount", "10", []),
        ("mount", "10 KB", ["mini-batch-unit"]),
        ("auto", "10", []),
        ("auto", "10 KB", []),
    ],
)
def test_a_table_is_cut_by_size_where_it_comes_as_one(mode: str, value: str, expected: list[str]):
    text = of(
        f"mini_batch: {value}", f"{{from: days, mode: {mode}}}", "type: directory, format: csv"
    )
    assert codes(text) == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("rows/rows.txt", []),
        ("rows", ["bad-rows-to"]),
        ("rows/", ["bad-rows-to"]),
        ("rows/sub/rows.txt", ["bad-rows-to"]),
        ("rows/..", ["bad-rows-to"]),
        ("rows/a*b", ["bad-rows-to"]),
        ("row/rows.txt", ["unknown-output"]),
    ],
)
def test_rows_go_to_a_file_in_an_output(rows: str, expected: list[str]):
    assert codes(of(f"rows_to: {rows}")) == expected


def test_partitions_are_those_of_the_data():
    data = "type: directory, partitions: '{user}/{day}.csv'"
    assert codes(of("partition_by: [user]", data=data)) == []
    found = only(of("partition_by: [usr]", data=data))
    assert (found.code, found.label) == ("unknown-partition", "did you mean 'user'?")
    assert only(of("partition_by: [user]")).help == (
        'say how its files are laid out: `partitions: "{user}/*.csv"`'
    )


def test_a_table_is_partitioned_by_its_columns():
    direct = "{from: days, mode: direct}"
    assert codes(of("partition_by: [user]", direct, "type: directory, format: csv")) == []


def test_a_parallel_step_says_itself_on_how_many_nodes_it_runs():
    assert codes(of("nodes: 4") + "    nodes: 4\n") == ["parallel-nodes"]
    assert codes(of("nodes: 4, processes_per_node: 2")) == []


def test_the_other_inputs_may_be_paths():
    text = of().replace("inputs: {", "inputs: {extra: {from: more, at: /x}, ")
    assert codes(text.replace("data: {", "data: {more: {type: path, location: x/}, ")) == []
    assert codes(of(data="type: path")) == ["parallel-path"]
