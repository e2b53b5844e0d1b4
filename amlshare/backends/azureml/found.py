"""What a job names and the workspace has: datastores, data and environments, each asked for once.

One object of the SDK stands for one entry of the spec, however many steps read it.
"""

# ruff: noqa: SLF001 # the SDK has no public way to copy an environment, or to bind late

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amlshare.backends.azureml import run_configurations, sdk
from amlshare.backends.interface import BackendError

if TYPE_CHECKING:
    from amlshare.backends.azureml.job import Job, JobData, JobInput, JobStep

BLOB = "AzureBlob"


class Found:
    """The SDK's objects for what the steps of a job share."""

    def __init__(self, job: Job, workspace: Any, base: Path) -> None:
        self._workspace = workspace
        self._base = base
        self._data = {each.name: each for each in job.data}
        self._environments = {each.name: each for each in job.environments}
        self._kept: dict[tuple[str, ...], Any] = {}
        self._parameters: dict[str, Any] = {}
        self.names = names(job)

    def datastore(self, name: str) -> Any:
        """A ``Datastore`` of the workspace."""
        from azureml.core import Datastore

        key = ("datastore", name)
        if key not in self._kept:
            with sdk.asking(f"looking up datastore '{name}'"):
                self._kept[key] = Datastore.get(self._workspace, name)
        return self._kept[key]

    def destination(self, source: str, name: str) -> Any:
        """A datastore that the output ``source`` can be written to. Raises BackendError."""
        store = self.datastore(name)
        if store.datastore_type != BLOB:
            raise BackendError(
                f"output '{source}' goes to datastore '{name}', which is {store.datastore_type}; "
                "SDK v1 writes outputs only to blob storage: name another `datastore:` for it"
            )
        return store

    def environment(self, name: str) -> Any:
        """An ``Environment``, a new one for each that asks."""
        from azureml.core import Environment

        entry = self._environments[name]
        if entry.registered is None:
            return run_configurations.environment(entry, self._base)
        key = ("environment", name)
        if key not in self._kept:
            with sdk.asking(f"looking up environment '{entry.registered}'"):
                self._kept[key] = Environment.get(self._workspace, entry.registered, entry.version)
        found = self._kept[key]
        return Environment._deserialize_and_add_to_object(Environment._serialize_to_dict(found))

    def reference(self, name: str) -> Any:
        """The ``DataReference`` of data of type path."""
        from azureml.data.data_reference import DataReference

        key = ("reference", name)
        if key not in self._kept:
            entry = self._data[name]
            self._kept[key] = DataReference(
                self.datastore(_given(entry.datastore)),
                self.names[name],
                path_on_datastore=entry.path,
                mode="mount",
            )
        return self._kept[key]

    def data_path(self, name: str) -> Any:
        """The ``PipelineParameter`` of data of type path."""
        from azureml.data.datapath import DataPath
        from azureml.pipeline.core import PipelineParameter

        key = ("path", name)
        if key not in self._kept:
            entry = self._data[name]
            store = self.datastore(_given(entry.datastore))
            self._kept[key] = PipelineParameter(name, DataPath(store, entry.path, name=name))
        return self._kept[key]

    def dataset(self, step: JobStep, given: JobInput) -> Any:
        """A dataset for an input, or the ``PipelineParameter`` that holds one.

        Raises BackendError for a registered table that is to come as files.
        """
        from azureml.data import TabularDataset
        from azureml.pipeline.core import PipelineParameter

        entry = self._data[given.source]
        key = (given.via, entry.name)
        if key not in self._kept:
            made = self._dataset(entry, given)
            self._kept[key] = made, PipelineParameter(entry.name, made) if entry.parameter else made
        made, bound = self._kept[key]
        if entry.parameter:
            self._parameters[entry.name] = bound
        if isinstance(made, TabularDataset) and given.mode != "direct":
            raise BackendError(
                f"step '{step.name}' reads '{entry.name}' as files, and the workspace has "
                f"'{entry.dataset}' as a table: give input '{given.name}' `mode: direct`, and data "
                f"'{entry.name}' `format: table`"
            )
        return bound

    def dataset_parameters(self) -> list[Any]:
        """The ``PipelineParameter`` of each dataset that is one and has been asked for."""
        return list(self._parameters.values())

    def _dataset(self, entry: JobData, given: JobInput) -> Any:
        from azureml.core import Dataset

        if entry.dataset is not None:
            latest = entry.version is None
            version = "latest" if latest else entry.version
            with sdk.asking(f"looking up dataset '{entry.dataset}'"):
                found = Dataset.get_by_name(self._workspace, entry.dataset, version=version)
            found._consume_latest = latest
            return found
        place = [(self.datastore(_given(entry.datastore)), entry.path)]
        layout = f"/{entry.partitions}" if entry.partitions else None
        with _proxies_for_the_engine():
            match given.via:
                case "Tabular.from_delimited_files":
                    # without a look at the data every column is text
                    return Dataset.Tabular.from_delimited_files(
                        place, validate=False, infer_column_types=False, partition_format=layout
                    )
                case "Tabular.from_parquet_files":
                    return Dataset.Tabular.from_parquet_files(
                        place, validate=False, partition_format=layout
                    )
                case _:
                    return Dataset.File.from_files(place, validate=False, partition_format=layout)


@contextlib.contextmanager
def _proxies_for_the_engine() -> Iterator[None]:
    """The SDK's data engine refuses to start where NO_PROXY has an IPv6 address.

    It takes what follows the first colon for a port. It asks no service here, so it can do without.
    """
    before = {name: os.environ[name] for name in ("NO_PROXY", "no_proxy") if name in os.environ}
    for name, value in before.items():
        os.environ[name] = ",".join(each for each in value.split(",") if each.count(":") < 2)
    try:
        yield
    finally:
        os.environ.update(before)


def _given(name: str | None) -> str:
    assert name is not None, "data that is no dataset lies in a datastore"
    return name


def names(job: Job) -> Mapping[str, str]:
    """What data and outputs of type path are called in the graph, each by its source.

    No two have one name, and none has that of an output of a step that reads it: the SDK would
    rename the input.
    """
    found: dict[str, str] = {}
    taken = _outputs_beside(job)
    for source in [*(each.name for each in job.data), *_outputs(job)]:
        name = source.replace(".", "_")
        while name in taken.get(source, ()) or name in found.values():
            name += "_"
        found[source] = name
    return found


def _outputs(job: Job) -> list[str]:
    return [f"{step.name}.{output.name}" for step in job.steps for output in step.outputs]


def _outputs_beside(job: Job) -> dict[str, set[str]]:
    """The outputs of the steps that read a source."""
    beside: dict[str, set[str]] = {}
    for step in job.steps:
        for given in step.inputs:
            beside.setdefault(given.source, set()).update(output.name for output in step.outputs)
    return beside
