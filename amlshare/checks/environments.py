"""Rules about environments: one way to say what is installed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from amlshare.diagnostics import Finding
from amlshare.spec import Environment, Spec

_WAYS = ("registered", "dockerfile", "image", "conda", "pip")
_TOGETHER = ({"image", "conda"}, {"image", "pip"})


def _given(environment: Environment) -> list[str]:
    return [way for way in _WAYS if getattr(environment, way) is not None]


def something_said(spec: Spec) -> Iterator[Finding]:
    """empty-environment: nothing says what is installed."""
    for name, environment in spec.environments.items():
        if not _given(environment) or environment.pip == []:
            yield Finding(
                code="empty-environment",
                message=f"environment '{name}' says nothing",
                route=("environments", name),
                on="key",
                help="give it an image, a dockerfile, a conda or pip file, or a registered name",
            )


def one_way(spec: Spec) -> Iterator[Finding]:
    """mixed-environment: image [+ conda or pip]; dockerfile; conda or pip alone; registered."""
    for name, environment in spec.environments.items():
        given = _given(environment)
        if len(given) > 1 and set(given) not in _TOGETHER:
            first, second = given[:2]
            yield Finding(
                code="mixed-environment",
                message=f"environment '{name}' has both '{first}' and '{second}'",
                route=("environments", name, second),
                on="key",
                label="these do not go together",
                help="image with conda or pip; or one of dockerfile, conda, pip, registered",
            )


def versions_given(spec: Spec) -> Iterator[Finding]:
    """missing-key: a registered environment has a version."""
    for name, environment in spec.environments.items():
        if environment.registered is not None and environment.version is None:
            yield Finding(
                code="missing-key",
                message=f"environment '{name}' is registered and has no 'version'",
                route=("environments", name),
                on="key",
                label="'version' is required",
                help="pin it with `version: 12`, or say `version: latest`",
            )


def versions_fit(spec: Spec) -> Iterator[Finding]:
    """misplaced-key: only a registered environment has a version."""
    for name, environment in spec.environments.items():
        if environment.registered is None and environment.version and _given(environment):
            yield Finding(
                code="misplaced-key",
                message="only a registered environment has a version",
                route=("environments", name, "version"),
                on="key",
                label=f"environment '{name}' is made from this spec",
                help="take it out, or name the environment with `registered:`",
            )


def images_pinned(spec: Spec) -> Iterator[Finding]:
    """unpinned-image: what it is may change without the spec changing."""
    for name, environment in spec.environments.items():
        image = environment.image
        if image and not re.search(r"@sha256:|:(?!latest$)[^/:]+$", image):
            yield Finding(
                code="unpinned-image",
                severity="hint",
                message=f"the image of environment '{name}' has no fixed tag",
                route=("environments", name, "image"),
                label="it may change while the plan says unchanged",
                help="name a tag: `image: REPOSITORY:TAG`",
            )
