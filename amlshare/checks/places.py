"""Routes in words: what a sentence calls the place that a finding speaks of."""

from __future__ import annotations

from amlshare.diagnostics import Route

# What an entry of each mapping by name is called.
NOUNS = {
    "steps": "step",
    "data": "data",
    "inputs": "input",
    "outputs": "output",
    "scratch": "scratch",
    "compute": "compute target",
    "environments": "environment",
    "parameters": "parameter",
    "schedules": "schedule",
    "targets": "target",
}
_OF_A_STEP = ("inputs", "outputs", "scratch")


def place(route: Route) -> str:
    """The thing at a route: ``'env.LEVEL' of step 'clean'``, ``item 2 of 'include'``."""
    named: list[str] = []
    keys = list(route)
    while len(keys) >= 2 and keys[0] in (_OF_A_STEP if named else NOUNS):
        named.insert(0, f"{NOUNS[str(keys[0])]} '{keys[1]}'")
        del keys[:2]
    if len(keys) >= 2 and keys[0] == "sequence":
        named.insert(0, f"part {int(keys[1]) + 1}")
        del keys[:2]
    items = [f"item {key + 1}" for key in keys[-1:] if isinstance(key, int)]
    dotted = ".".join(key for key in keys if isinstance(key, str))
    inner = [f"'{dotted}'"] if dotted else []
    return " of ".join([*items, *inner, *named]) or "the spec"


def who(steps: list[str]) -> str:
    """``step 'clean' has``; ``steps 'clean', 'train' and 3 more have``."""
    if len(steps) == 1:
        return f"step '{steps[0]}' has"
    named = ", ".join(f"'{name}'" for name in steps[:2])
    more = f" and {len(steps) - 2} more" if steps[2:] else ""
    return f"steps {named}{more} have"
