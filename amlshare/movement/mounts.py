"""How what a step mounts is kept and read ahead: variables of the job, which its mounts obey.

The presets are those of Microsoft's documentation. They are set on the job because a script that
sets them comes too late. Neither a script nor the cloud's reuse sees them, so they are no part of a
fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from amlshare.movement.choice import Choice
from amlshare.movement.disk import Disk
from amlshare.movement.estimate import Load, room, touched
from amlshare.movement.facts import Facts
from amlshare.movement.known import NOTHING, Known
from amlshare.pipeline import Input, Parallel, Pipeline, Run, Step

_BLOCKS = "DATASET_MOUNT_BLOCK_BASED_CACHE_ENABLED"
"""Its default is false in the documentation and true in Microsoft's examples: always said."""
_ON_DISK = "DATASET_MOUNT_BLOCK_FILE_CACHE_ENABLED"
_IN_MEMORY = "DATASET_MOUNT_MEMORY_CACHE_SIZE"
_AHEAD = "DATASET_MOUNT_READ_BUFFER_BLOCK_COUNT"
_MOST_KEPT = "DATASET_MOUNT_CACHE_SIZE"

_WORTH = 128 * 2**20
"""[D] The memory that a mount keeps data in by default: no setting serves less data better."""
_LARGE = 128 * 10**6
"""[D] Of files from this size on, random reads want the whole file at hand."""
_SMALL = 4 * 10**6
"""[D] In files below this size there is little to read ahead."""


def mount_settings(
    pipeline: Pipeline, modes: Mapping[str, Choice], *, known: Known = NOTHING
) -> dict[str, dict[str, str]]:
    """The variables of each step that has some. ``modes`` has what was chosen for ``STEP.INPUT``.

    One set serves all mounts of a step: the input of which most is read decides. What the spec says
    under `env` stands. There are none where the size or the machine is not known.
    """
    facts = Facts(pipeline, known)
    found = {step.name: _of_step(step, modes, facts) for step in pipeline.steps}
    return {name: settings for name, settings in found.items() if settings}


def _of_step(step: Step, modes: Mapping[str, Choice], facts: Facts) -> dict[str, str]:
    machine = facts.machine(step)
    mounted = [] if machine is None else list(_mounted(step, modes, facts))
    if machine is None or not mounted:
        return {}
    given, load = max(mounted, key=lambda each: _share(each[1]))
    if _share(load) < _WORTH:
        return {}
    left = room(machine, facts.rates) - Disk.of(step, facts, modes).bytes
    found = _preset(load, left, once=_read_once(given, load))
    return {name: value for name, value in found.items() if name not in step.env}


def _mounted(step: Step, modes: Mapping[str, Choice], facts: Facts) -> Iterator[tuple[Input, Load]]:
    for given in step.inputs:
        choice = modes.get(f"{step.name}.{given.name}")
        if facts.access(step, given, choice) == "mount" and not _is_handed(step.run, given, choice):
            load = facts.load(step, given)
            yield from ((given, load),) if load else ()


def _read_once(given: Input, load: Load) -> bool:
    """Whether somebody says so: whoever reads again after all would miss the cache dearly."""
    return load.passes == 1 and not load.random and (given.reads is not None or load.split)


def _is_handed(run: Run, given: Input, choice: Choice | None) -> bool:
    """Whether a parallel step is handed its batches, and finds no mount."""
    if not isinstance(run, Parallel) or run.over != given.name:
        return False
    return bool(run.partition_by) or (choice.mode if choice else given.mode) == "direct"


def _share(load: Load) -> float:
    """The bytes of a mount that one node reads."""
    return touched(load) / load.nodes if load.split else touched(load)


def _preset(load: Load, left: int, *, once: bool) -> dict[str, str]:
    """The variables that serve ``load`` best, where ``left`` bytes of the disk are free."""
    file = load.size / (load.files or 1)
    if once or left < _WORTH:
        in_turn = load.readers == 1 and file >= _SMALL and not load.random
        ahead = {_AHEAD: "80"} if in_turn else {}
        return {_BLOCKS: "true", _ON_DISK: "false", _IN_MEMORY: "0"} | ahead
    whole = load.random and file >= _LARGE
    kept = load.size if whole else _share(load)
    cap = {_MOST_KEPT: f"{left // 2**20}MB"} if kept > left else {}
    return {_BLOCKS: "false" if whole else "true"} | cap
