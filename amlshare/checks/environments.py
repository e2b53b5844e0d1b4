"""Rules about environments: one way to say what is installed."""

from __future__ import annotations

from collections.abc import Iterator

from amlshare.diagnostics import Finding
from amlshare.spec import Environment, Spec

_WAYS = ("registered", "dockerfile", "image", "conda", "pip")
_TOGETHER = ({"image", "conda"}, {"image", "pip"})


def one_way(spec: Spec) -> Iterator[Finding]:
    """environment-kind: image [+ conda or pip]; dockerfile; conda or pip alone; registered."""
    for name, environment in spec.environments.items():
        given = [way for way in _WAYS if getattr(environment, way) is not None]
        if not given:
            yield Finding(
                code="environment-kind",
                message=f"environment '{name}' says nothing",
                route=("environments", name),
                on="key",
                help="give it an image, a dockerfile, a conda or pip file, or a registered name",
            )
        elif len(given) > 1 and set(given) not in _TOGETHER:
            yield Finding(
                code="environment-kind",
                message=f"environment '{name}' has both '{given[0]}' and '{given[1]}'",
                route=("environments", name, given[1]),
                on="key",
                label="these do not go together",
                help="image with conda or pip; or one of dockerfile, conda, pip, registered",
            )
        yield from _version(name, environment)


def _version(name: str, environment: Environment) -> Iterator[Finding]:
    if environment.registered is not None and environment.version is None:
        yield Finding(
            code="missing-key",
            message=f"environment '{name}' is registered and has no 'version'",
            route=("environments", name),
            on="key",
            label="'version' is required",
            help="pin it with `version: 12`, or say `version: latest`",
        )
    elif environment.registered is None and environment.version is not None:
        yield Finding(
            code="misplaced-key",
            message="only a registered environment has a version",
            route=("environments", name, "version"),
            on="key",
            help="take it out, or name the environment with `registered:`",
        )
