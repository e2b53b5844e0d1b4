"""From a job to the SDK's own objects: every port named, every mode said, nothing decided here.

What the SDK would draw at random or leave open is fixed, so that two builds of one job are equal
on the wire: names of ports and of data, the ids of table transformations, the order of steps.
"""

# ruff: noqa: SLF001 # what has to be fixed here, the SDK has no public way to say

from __future__ import annotations

import contextlib
import sys
import uuid
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amlshare.backends.azureml import run_configurations, sdk, wrapping
from amlshare.backends.azureml.found import Found
from amlshare.references import Reference

if TYPE_CHECKING:
    from amlshare.backends.azureml.job import Job, JobInput, JobOutput, JobStep, ParallelConfig

_BLOCKS = uuid.UUID("3f0a3a4e-6d3c-5b0b-8a55-3b1f6a2a7c11")
_CONSUMED = "DatasetConsumptionConfig:{}"
_WRITTEN = "DatasetOutputConfig:{}"


def build(job: Job, workspace: Any, code: Mapping[str, Path], base: Path) -> Any:
    """The ``azureml.pipeline.core.Pipeline`` of a job, not yet sent.

    ``code`` maps each step to the folder that is its snapshot; ``base`` is the spec's folder. Asks
    the workspace for the datastores, datasets and environments that the job names, and raises
    BackendError where one is not what the job needs.
    """
    from azureml.pipeline.core import Pipeline

    found = Found(job, workspace, base)
    with sdk.asking("building the pipeline"):
        made = steps(job, found, code)
        pipeline = Pipeline(
            workspace,
            made,
            description=job.description or job.pipeline,
            # every output names its own; the SDK would ask the workspace for one that is not used
            default_datastore=object(),
        )
        # the SDK finds only those that an argument names
        pipeline.graph._add_pipeline_params(found.dataset_parameters())
    _name_latest(pipeline)
    return pipeline


def steps(job: Job, found: Found, code: Mapping[str, Path]) -> list[Any]:
    """The SDK's step for each of the job's, in run order."""
    makers = _Steps(job, found, code)
    made: dict[str, Any] = {}
    with warnings.catch_warnings(), _same_search_path():
        warnings.simplefilter("ignore")
        for step in job.steps:
            made[step.name] = makers.make(step)
    for step in job.steps:
        for other in sorted(step.after):
            made[step.name].run_after(made[other])
    return list(made.values())


@contextlib.contextmanager
def _same_search_path() -> Iterator[None]:
    """ParallelRunStep puts the code folder before everything that this process imports."""
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before


def _name_latest(pipeline: Any) -> None:
    """Send the name of the dataset with a late-bound one, where the SDK sends the input's.

    The id is right either way, and which of them the service goes by is not documented.
    """
    for node in pipeline.graph.datasource_nodes:
        definition = node._datasource.datasource_def if node._datasource else None
        bound = definition._pipeline_dataset if definition else None
        if bound is not None and getattr(bound.dataset, "_consume_latest", False):
            bound._name = bound.dataset.name


class _Steps:
    """Makes one step after the other; a step's outputs are there before whoever reads them."""

    def __init__(self, job: Job, found: Found, code: Mapping[str, Path]) -> None:
        from azureml.pipeline.core import PipelineParameter

        self._classes = sdk.steps_classes()
        self._found = found
        self._code = code
        self._compute = {each.name: (each.cluster, each.type) for each in job.compute}
        self._parameters = {
            each.name: PipelineParameter(each.name, each.default) for each in job.parameters
        }
        self._defaults = {each.name: each.default for each in job.parameters}
        self._outputs: dict[str, Any] = {}
        self._tables: dict[str, Any] = {}
        self._names = found.names
        self._read_as_files = {
            given.source for step in job.steps for given in step.inputs if given.mode != "direct"
        }

    def make(self, step: JobStep) -> Any:
        """The step, its outputs kept for those that read them."""
        inputs = {given.name: self._input(step, given) for given in step.inputs}
        outputs = {out.name: self._output(step, out) for out in step.outputs}
        if step.parallel is not None:
            return self._parallel(step, step.parallel, inputs, outputs)
        return self._single(step, inputs, outputs)

    # Ports

    def _input(self, step: JobStep, given: JobInput) -> Any:
        """An input port called like the input, whatever its source is called."""
        from azureml.pipeline.core import InputPortBinding

        match given.via:
            case "DataPath":
                return self._data_path(given)
            case "DataReference" | "PipelineData":
                source = self._outputs.get(given.source)
                if source is None:
                    source = self._found.reference(given.source)
                port = InputPortBinding(
                    given.name, source, bind_mode=given.mode, path_on_compute=given.at
                )
                # two inputs of one step may read one source
                port._data_reference_name = given.name
                return port
            case "OutputFileDatasetConfig":
                return _consumed(given, self._written(given))
            case _:
                return _consumed(given, self._found.dataset(step, given))

    def _data_path(self, given: JobInput) -> Any:
        from azureml.data.datapath import DataPathComputeBinding
        from azureml.pipeline.core.graph import _PipelineIO

        return _PipelineIO(
            datapath_param=self._found.data_path(given.source),
            datapath_compute_binding=DataPathComputeBinding(
                mode=given.mode, path_on_compute=given.at
            ),
            name=given.name,
        )

    def _written(self, given: JobInput) -> Any:
        """The output that an input reads: as a table where it can be one and is read direct."""
        kept = self._tables if given.mode == "direct" else self._outputs
        return kept.get(given.source, self._outputs[given.source])

    def _output(self, step: JobStep, output: JobOutput) -> Any:
        """An output port; kept for its readers, as files and, where it is one, as a table."""
        source = f"{step.name}.{output.name}"
        store = self._found.destination(source, output.datastore)
        if output.via == "PipelineData":
            made = self._pipeline_data(source, output, store)
            self._outputs[source] = made
            return made
        files = table = _files(output, store)
        if output.table is not None:
            table = self._tables[source] = _table(files, output.table)
        self._outputs[source] = files
        port = files if source in self._read_as_files else table
        if output.registered is not None:
            port = port.register_on_complete(
                output.registered.name,
                description=output.registered.description,
                tags=dict(output.registered.tags) or None,
            )
        return port

    def _pipeline_data(self, source: str, output: JobOutput, store: Any) -> Any:
        from azureml.pipeline.core import PipelineData

        return PipelineData(
            self._names[source],
            datastore=store,
            output_name=output.name,
            output_mode=output.mode,
            output_path_on_compute=output.at,
            output_overwrite=output.overwrite or None,
            is_directory=output.is_directory,
            pipeline_output_name=output.export,
        )

    # Steps

    def _single(self, step: JobStep, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> Any:
        words = [self._word(word, inputs, outputs) for word in _words(step)]
        parameter = self._parameter(step.nodes)
        common = {
            "name": step.name,
            "compute_target": self._compute[step.compute],
            "runconfig": run_configurations.run_configuration(
                step, self._found.environment(step.environment), self._number(step.nodes)
            ),
            "runconfig_pipeline_params": (
                run_configurations.parameters(step, parameter) if parameter else None
            ),
            "inputs": list(inputs.values()),
            "outputs": list(outputs.values()),
            "source_directory": str(self._code[step.name]),
            "allow_reuse": step.reuse,
            "version": step.version,
        }
        if step.kind == "CommandStep":
            return self._classes.CommandStep(words, **common)
        script = wrapping.SCRIPT if step.wrapper else step.script
        return self._classes.PythonScriptStep(script, arguments=words, **common)

    def _word(
        self, word: str | Reference, inputs: Mapping[str, Any], outputs: Mapping[str, Any]
    ) -> Any:
        if isinstance(word, str):
            return word
        ports = {"input": inputs, "output": outputs, "parameter": self._parameters}
        return ports[word.kind][word.name]

    def _parallel(
        self,
        step: JobStep,
        config: ParallelConfig,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
    ) -> Any:
        over = inputs[config.over]
        aside = {name: port for name, port in inputs.items() if name != config.over}
        datasets = [port for port in aside.values() if _is_dataset(port)]
        marks = _Marks()
        made = self._classes.ParallelRunStep(
            name=step.name,
            parallel_run_config=self._parallel_config(step, config),
            inputs=[over],
            side_inputs=datasets or None,
            output=outputs[config.output] if config.output else None,
            arguments=[marks.put(self._word(word, inputs, outputs)) for word in _words(step)],
            allow_reuse=step.reuse,
        )
        _complete(
            made,
            [port for port in aside.values() if not _is_dataset(port)],
            [port for name, port in outputs.items() if name != config.output],
            marks,
        )
        made._compute_target = self._compute[step.compute]
        made._runconfig.max_run_duration_seconds = step.timeout
        made._version = step.version
        return made

    def _parallel_config(self, step: JobStep, config: ParallelConfig) -> Any:
        return self._classes.ParallelRunConfig(
            environment=self._found.environment(step.environment),
            entry_script=step.script,
            error_threshold=config.error_threshold,
            output_action="append_row" if config.rows_to else "summary_only",
            append_row_file_name=config.rows_to,
            compute_target=self._compute[step.compute][0],
            node_count=self._parameter(step.nodes) or self._number(step.nodes),
            process_count_per_node=self._given(config.processes_per_node),
            mini_batch_size=self._given(config.mini_batch),
            partition_keys=list(config.partition_by) or None,
            source_directory=str(self._code[step.name]),
            run_invocation_timeout=config.batch_timeout,
            run_max_try=config.batch_tries,
            environment_variables=run_configurations.variables(step.env),
        )

    def _given(self, value: str | int | Reference | None) -> Any:
        return self._parameters[value.name] if isinstance(value, Reference) else value

    def _parameter(self, value: int | Reference) -> Any:
        return self._parameters[value.name] if isinstance(value, Reference) else None

    def _number(self, value: int | Reference) -> int:
        return int(self._defaults[value.name] if isinstance(value, Reference) else value)


def _words(step: JobStep) -> tuple[wrapping.Word, ...]:
    return step.words if step.wrapper is None else wrapping.words(step.wrapper)


def _consumed(given: JobInput, dataset: Any) -> Any:
    from azureml.data.dataset_consumption_config import DatasetConsumptionConfig

    return DatasetConsumptionConfig(given.name, dataset, given.mode, given.at)


def _files(output: JobOutput, store: Any) -> Any:
    """An output of files at their place, before anybody reads them as a table."""
    from azureml.data import OutputFileDatasetConfig

    made = OutputFileDatasetConfig(name=output.name, destination=(store, output.path))
    if output.mode == "mount":
        return made.as_mount()
    return made.as_upload(overwrite=output.overwrite, source_globs=list(output.only) or None)


def _table(files: Any, form: str) -> Any:
    """The same output, read as one table; the ids of its transformations are fixed."""
    table = files.read_delimited_files() if form == "csv" else files.read_parquet_files()
    for index, block in enumerate(table._additional_transformations._get_steps()):
        block["id"] = str(uuid.uuid5(_BLOCKS, f"{form} {index} {block['type']}"))
    return table


def _is_dataset(port: Any) -> bool:
    from azureml.data.dataset_consumption_config import DatasetConsumptionConfig

    return isinstance(port, DatasetConsumptionConfig)


class _Marks:
    """Stands in for ports among the arguments of a ParallelRunStep.

    It would take each for another port, since it replaces its datasets by copies, and it refuses
    paths that are called otherwise than their source.
    """

    def __init__(self) -> None:
        self.ports: dict[str, Any] = {}

    def put(self, word: Any) -> Any:
        """The word itself, the text that the SDK makes of a dataset, or a mark for a path."""
        from azureml.data.output_dataset_config import OutputDatasetConfig
        from azureml.pipeline.core import PipelineParameter

        if isinstance(word, (str, PipelineParameter)):
            return word
        if _is_dataset(word):
            return _CONSUMED.format(word.name)
        if isinstance(word, OutputDatasetConfig):
            return _WRITTEN.format(word.name)
        mark = f"amlshare-port-{len(self.ports)}"
        self.ports[mark] = word
        return mark


def _complete(step: Any, inputs: list[Any], outputs: list[Any], marks: _Marks) -> None:
    """Give a ParallelRunStep the ports that its constructor refuses, and put them into words."""
    step._inputs.extend(inputs)
    for output in outputs:
        output._set_producer(step)
        step._outputs.append(output)
    step._arguments = [
        marks.ports.get(word, word) if isinstance(word, str) else word for word in step._arguments
    ]
