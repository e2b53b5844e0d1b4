"""What data in a published graph is called, and what its nodes tell."""

from __future__ import annotations

import json
from typing import Any

import pytest

from amlshare.backends.azureml import data_nodes
from amlshare.backends.azureml.data_nodes import DataNodes, Graph, Links
from amlshare.backends.azureml.job import Job, JobData, JobInput, JobStep

FLOW = """---
type: mltable
paths:
  - pattern: "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/lake/paths/{path}"
"""
BLOBS = {"RelativePath": "raw/a.csv", "AmlDataStoreName": "lake"}
HERE = JobData(name="", format="folder", datastore="lake", path="raw/a.csv")


def definition(path: str, more: str = "") -> str:
    return json.dumps({"blocks": [], "meta": {"RsDataflow": FLOW.format(path=path) + more}})


def module(name: str, *inputs: str) -> dict[str, Any]:
    ports = [{"Name": each, "DataStoreMode": "mount"} for each in inputs]
    return {"Name": name, "StructuredInterface": {"Inputs": ports}}


def graph(*places: str) -> Graph:
    """A step `clean` that reads saved data from each of ``places`` at inputs `a`, `b`, ..."""
    inputs = "abcdef"[: len(places)]
    nodes = [
        {"Id": place, "DataSetDefinition": {"Value": {"SavedDataSetReference": {"Id": place}}}}
        for place in places
    ]
    edges = [
        {
            "SourceOutputPort": {"NodeId": place, "PortName": "data"},
            "DestinationInputPort": {"NodeId": "1", "PortName": name},
        }
        for place, name in zip(places, inputs, strict=True)
    ]
    return Graph(
        graph={
            "ModuleNodes": [{"Id": "1", "ModuleId": "m"}],
            "DatasetNodes": nodes,
            "Edges": edges,
        },
        interface={},
        modules={"m": module("clean", *inputs)},
        saved={place: definition(place) for place in places},
    )


def spec(**data: str) -> Job:
    """A job whose step `clean` reads each of ``data``, a name and a place, at `a`, `b`, ..."""
    inputs = tuple(
        JobInput(name=port, source=name, via="File.from_files", mode="mount")
        for port, name in zip("abcdef", data, strict=False)
    )
    return Job(
        pipeline="p",
        experiment="e",
        data=tuple(
            JobData(name=name, format="folder", datastore="lake", path=place)
            for name, place in data.items()
        ),
        steps=(
            JobStep(
                name="clean", kind="PythonScriptStep", compute="c", environment="e", inputs=inputs
            ),
        ),
    )


def names(found: Graph, like: Job) -> dict[str, str]:
    """What the data of a graph is called, and where it lies."""
    return {each.name: each.path or "" for each in DataNodes(found, Links(found), like).all}


def test_data_is_called_as_the_same_data_in_the_spec() -> None:
    assert names(graph("x/", "y/"), spec(second="y/", first="x/")) == {
        "first": "x/",
        "second": "y/",
    }


def test_data_that_moved_is_called_as_what_the_same_input_reads() -> None:
    assert names(graph("x/", "y/"), spec(first="x/", second="new/")) == {
        "first": "x/",
        "second": "y/",
    }


def test_data_that_the_spec_has_no_more_is_called_by_its_place() -> None:
    assert names(graph("x/", "y/"), spec(first="x/")) == {"first": "x/", "lake:y/": "y/"}


def test_one_name_is_never_given_twice() -> None:
    found = names(graph("x/", "y/"), spec(first="y/"))
    assert found == {"lake:x/": "x/", "first": "y/"}


@pytest.mark.parametrize(
    "kind", ["AzureBlobReference", "AzureFilesReference", "AzureDataLakeGen2Reference"]
)
def test_a_data_source_of_any_datastore_is_read(kind: str) -> None:
    source = {"DataLocation": {"DataReference": {"Type": "1", kind: BLOBS}}, "Name": "raw"}
    assert data_nodes._referred(source) == HERE


def test_a_saved_dataset_is_read_from_its_definition() -> None:
    found = data_nodes._saved(
        definition("a%20b/%C3%BC.csv", "transformations:\n  - read_delimited:\n")
    )
    assert (found.data.datastore, found.data.path) == ("lake", "a b/ü.csv")
    assert found.via == "Tabular.from_delimited_files"


def test_a_definition_in_another_form_tells_nothing_and_is_no_error() -> None:
    assert data_nodes._saved('{"blocks": [{"type": "old"}]}').data.path == ""
