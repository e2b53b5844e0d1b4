"""What pydantic cannot see: one rule, one function, one bad example.

A rule takes the spec and yields findings; the rules in ``FILE_RULES`` look at the files beside the
spec too. Every rule runs, so that a person sees everything at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from amlshare.checks import (
    data,
    edges,
    environments,
    files,
    names,
    outputs,
    parameters,
    references,
    schedules,
    steps,
    unused,
)
from amlshare.diagnostics import Finding
from amlshare.snapshots import Snapshots
from amlshare.spec import Spec

Rule: TypeAlias = Callable[[Spec], Iterator[Finding]]
FileRule: TypeAlias = Callable[[Spec, Snapshots], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    names.step_names,
    names.port_names,
    names.reserved_parameters,
    names.shared_names,
    names.input_output_clash,
    names.environments_known,
    names.after_known,
    steps.has_steps,
    steps.one_kind,
    steps.command_without_arguments,
    steps.nodes_distributed,
    steps.number_references,
    steps.parallel_steps,
    edges.sources_known,
    edges.no_cycles,
    edges.modes_fit,
    edges.direct_is_whole_argument,
    references.references_known,
    references.env_is_literal,
    references.only_env_in_settings,
    data.data_keys,
    data.versions,
    data.locations,
    data.table_is_registered,
    outputs.locations,
    outputs.fixed_locations,
    outputs.shared_locations,
    outputs.registration,
    outputs.dataset_names,
    outputs.mode_fits,
    outputs.expectations,
    parameters.defaults_fit,
    environments.one_way,
    schedules.schedules,
    unused.unused_outputs,
    unused.unused_data,
    unused.unused_parameters,
)
FILE_RULES: tuple[FileRule, ...] = (files.code_folders, files.scripts_found, files.other_files)


def check(spec: Spec, snapshots: Snapshots | None) -> Iterator[Finding]:
    """Every finding of every rule; without ``snapshots`` the files are not looked at."""
    for rule in RULES:
        yield from rule(spec)
    if snapshots is not None:
        for file_rule in FILE_RULES:
            yield from file_rule(spec, snapshots)
