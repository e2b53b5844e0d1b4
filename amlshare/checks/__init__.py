"""What pydantic cannot see: one rule, one function, one bad example.

A rule takes the spec and yields findings; the rules in ``FILE_RULES`` look at the files beside the
spec too. Every rule runs, so that a person sees everything at once. ``schema`` puts what pydantic
refuses into words, and ``mending`` lets the rules look at the rest of such a spec.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from amlshare.checks import (
    arguments,
    code,
    compute,
    data,
    edges,
    environments,
    files,
    literals,
    names,
    outputs,
    parallel,
    parameters,
    references,
    schedules,
    script_arguments,
    steps,
    targets,
    unused,
    views,
)
from amlshare.diagnostics import Finding
from amlshare.snapshots import Snapshots
from amlshare.spec import Spec

Rule: TypeAlias = Callable[[Spec], Iterator[Finding]]
FileRule: TypeAlias = Callable[[Spec, Snapshots], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    literals.plain_texts,
    names.pipeline_name,
    names.experiment_names,
    names.endpoint_name,
    names.step_names,
    names.entry_names,
    names.variable_names,
    names.env_names,
    names.reserved_parameters,
    names.shared_names,
    names.input_output_clash,
    names.environments_known,
    names.compute_meant,
    names.after_known,
    steps.has_steps,
    steps.runs_something,
    steps.runs_one_thing,
    steps.command_without_arguments,
    steps.sequence_alone,
    steps.sequence_nodes,
    steps.nodes_distributed,
    steps.nodes_available,
    steps.number_parameters,
    steps.each_once,
    parallel.over,
    parallel.own_nodes,
    parallel.mini_batches,
    parallel.mini_batch_units,
    parallel.one_division,
    parallel.partitions_known,
    parallel.rows_to,
    edges.sources_known,
    edges.exports_known,
    edges.no_cycles,
    edges.paths_not_direct,
    edges.tables_direct,
    edges.direct_is_whole_argument,
    edges.paths_on_compute,
    references.references_known,
    references.references_formed,
    references.env_references,
    references.settings,
    arguments.one_word_each,
    arguments.flags_in_mappings,
    arguments.placeholders,
    arguments.ports_passed,
    compute.node_ranges,
    compute.keys_fit,
    data.keys_given,
    data.keys_fit,
    data.versions,
    data.locations,
    data.paths_plain,
    data.formats_fit,
    data.placeholders,
    data.uploads,
    data.partitions,
    data.tables_registered,
    data.registered_names,
    outputs.paths_unplaced,
    outputs.locations,
    outputs.locations_plain,
    outputs.placeholders,
    outputs.fixed_locations,
    outputs.shared_locations,
    outputs.shared_registrations,
    outputs.names_given,
    outputs.keys_fit,
    outputs.registered_names,
    outputs.uploads_only,
    outputs.expectations_said,
    outputs.expected_files,
    parameters.types_known,
    parameters.defaults_fit,
    parameters.scheduled_values_fit,
    environments.something_said,
    environments.one_way,
    environments.versions_given,
    environments.versions_fit,
    environments.images_pinned,
    schedules.one_way,
    schedules.keys_fit,
    schedules.intervals,
    schedules.times_of_day,
    schedules.times_fit,
    schedules.days,
    schedules.time_zones,
    schedules.crons,
    schedules.changes,
    schedules.parameters,
    targets.mappings,
    unused.outputs,
    unused.scratch,
    unused.data,
    unused.parameters,
    unused.stand_ins,
)
FILE_RULES: tuple[FileRule, ...] = (
    files.code_given,
    files.code_folders,
    files.code_readable,
    files.code_sizes,
    files.scripts_found,
    files.scripts_are_python,
    files.other_files,
    code.sizes,
    code.data,
    code.notebooks,
    code.junk,
    code.line_ends,
    code.secret_values,
    script_arguments.accepted,
)


def check(spec: Spec, snapshots: Snapshots | None) -> Iterator[Finding]:
    """Every finding of every rule; without ``snapshots`` the files are not looked at."""
    try:
        for rule in RULES:
            yield from rule(spec)
        if snapshots is not None:
            for file_rule in FILE_RULES:
                yield from file_rule(spec, snapshots)
    finally:
        views.forget()
