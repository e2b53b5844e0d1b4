"""Everything that is to say of specs, whatever target they are planned for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from amlshare import layers
from amlshare.commands.reading import Reading, in_order, read
from amlshare.commands.request import Request
from amlshare.diagnostics import Diagnostic, SpecError
from amlshare.snapshots import BESIDE_A_SPEC


def check(paths: Sequence[str], request: Request) -> tuple[Diagnostic, ...]:
    """Every diagnostic of the specs, for each of their targets where none is chosen.

    What a plan shows besides are hints: advice. A parameter without a value is only a hint here:
    whoever plans or submits gives it.
    """
    found: dict[Diagnostic, None] = {}
    for path in paths:
        if path.endswith(BESIDE_A_SPEC):
            continue  # `specs/*.yaml` names it too, and each spec is read with what is beside it
        targets: list[str | None] = [None, *_targets(path)]
        for target in [request.target] if request.target else targets:
            asked = replace(request, spec=path, target=target)
            reading = read(asked)
            found |= dict.fromkeys(map(_without_values, reading.diagnostics))
            found |= dict.fromkeys(_of_the_plan(reading, asked))
    return in_order(found)


def _of_the_plan(reading: Reading, request: Request) -> Iterator[Diagnostic]:
    """The errors that only a plan shows, made without the code, which decides over none of them."""
    if reading.pipeline is None or reading.document is None:
        return
    from amlshare.advice import advise
    from amlshare.commands.knowledge import known
    from amlshare.plan import make_plan, moves_of

    made = make_plan(
        reading.pipeline,
        backend=request.backend,
        read_code=lambda _step: None,
        digest_file=lambda _file: "",
        known=known(request, reading.pipeline, reading.lock, reading.profiles),
    )
    for each in advise(made, moves_of(made)):
        if each.finding.severity == "error":
            yield reading.document.locate(each.said)


def _without_values(each: Diagnostic) -> Diagnostic:
    return replace(each, severity="hint") if each.code == "no-parameter-value" else each


def _targets(path: str) -> list[str]:
    """The names of a spec's targets."""
    try:
        targets = layers.load(path).data.get("targets")
    except SpecError:
        return []
    return [name for name in targets if isinstance(name, str)] if isinstance(targets, dict) else []
