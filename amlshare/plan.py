"""The plan: a pipeline and a fingerprint for each of its steps. A pure function of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from amlshare.diagnostics import Diagnostic
from amlshare.pipeline import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """The files that a step's run depends on: ``files`` maps a path in ``folder`` to a sha256."""

    folder: str
    script: str | None
    digest: str
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What decides whether a step runs again.

    ``own`` has a digest for each part (code, run, environment, inputs, outputs, compute, settings,
    parameters); ``upstream`` the digest of the source of each input.
    """

    digest: str
    own: Mapping[str, str]
    upstream: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a submit would do. ``selected`` names the steps to run, None for all of them."""

    backend: str
    pipeline: Pipeline
    code: tuple[Code, ...] = ()
    fingerprints: Mapping[str, Fingerprint] = field(default_factory=dict)
    selected: tuple[str, ...] | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
