"""Publishing a pipeline once: a published pipeline carries the digest of what it was made from.

The digest travels as a property of the published pipeline, and in a marker at the end of its
description, which is public. Finding one looks at both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from amlshare.backends.azureml.job import Job, to_data
from amlshare.backends.azureml.once import once
from amlshare.backends.azureml.sdk import ServiceError, asking, prepare, retried
from amlshare.backends.interface import BackendError, Published

DIGEST = "amlshare.digest"
"""The property, and the tag of a run, that says what was published or run."""
CODE = "amlshare.code"
FOLDERS = "amlshare.folders"
TARGET = "amlshare.target"

_MARKER = re.compile(r"\s*\[amlshare:([0-9a-f]{16})\]\s*$")
_MARKED = 16
_MOST_ENDPOINTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A pipeline to publish. ``digest`` has 64 hex digits; ``target`` is that of the spec.

    ``code`` maps a step to the digest of the files that it runs, ``folders`` a code folder to that
    of its snapshot.
    """

    name: str
    digest: str
    target: str | None = None
    description: str | None = None
    version: str | None = None
    continue_on_step_failure: bool = False
    code: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)

    @property
    def marked_description(self) -> str:
        """The description, with the marker that it is found by."""
        return f"{self.description or ''} [amlshare:{self.digest[:_MARKED]}]".lstrip()

    @property
    def properties(self) -> dict[str, str]:
        """What the published pipeline carries, hidden from people."""
        return {
            DIGEST: self.digest,
            CODE: json.dumps(dict(self.code), sort_keys=True),
            FOLDERS: json.dumps(dict(self.folders), sort_keys=True),
            TARGET: self.target or "",
        }


def digest(job: Job, folders: Mapping[str, str], base: Path, *settings: object) -> str:
    """64 hex digits of all that a pipeline is made from, whatever its experiment and schedules.

    ``folders`` maps a code folder to the digest of its snapshot; ``base`` is the spec's folder,
    and ``settings`` what else a published pipeline is told.
    """
    bare = replace(job, experiment="", schedules=(), tags={})
    made_from = [to_data(bare), dict(folders), _files(job, base), list(settings)]
    text = json.dumps(made_from, sort_keys=True, ensure_ascii=False)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _files(job: Job, base: Path) -> dict[str, str]:
    """The digests of the files that environments name."""
    named = {
        name
        for each in job.environments
        for name in (each.dockerfile, each.conda, each.pip)
        if isinstance(name, str)
    }
    return {name: _sha(base / name) for name in sorted(named)}


def _sha(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BackendError(f"'{path}' cannot be read: {error.strerror}") from None


def digest_of(entity: Any) -> str | None:
    """The digest that a published pipeline carries: 64 digits, or the 16 of the marker, or None."""
    said = (entity.properties or {}).get(DIGEST)
    if said:
        return str(said)
    found = _MARKER.search(entity.description or "")
    return found[1] if found else None


def unmarked(description: str | None) -> str | None:
    """A description as the spec has it."""
    return _MARKER.sub("", description or "") or None


def service(workspace: Any) -> Any:
    """The SDK's client of the pipelines service, which shows what the SDK's objects hide."""
    prepare()
    from azureml.pipeline.core._aeva_provider import _AevaWorkflowProvider

    with asking("finding the pipelines service"):
        return _AevaWorkflowProvider.create_service_caller(workspace, "amlshare")


def published(workspace: Any) -> list[Any]:
    """The entities of all active published pipelines, the oldest first."""
    caller = service(workspace)
    with asking("listing the published pipelines"):
        entities = retried(lambda: caller.get_all_published_pipelines(active_only=True))
    return sorted(entities, key=_age)


def _age(entity: Any) -> tuple[str, str]:
    return str(entity.created_date or ""), str(entity.id)


def find(workspace: Any, digest: str) -> Any | None:
    """The entity of the oldest active published pipeline that carries ``digest``, or None."""
    return next((each for each in published(workspace) if _carries(each, digest)), None)


def ours(workspace: Any, name: str, target: str | None) -> list[Any]:
    """The entities of what was published of a spec for a target, the oldest first."""
    return [each for each in published(workspace) if each.name == name and _is_for(each, target)]


def _carries(entity: Any, digest: str) -> bool:
    said = digest_of(entity)
    return said is not None and said[:_MARKED] == digest[:_MARKED] and digest.startswith(said)


def _is_for(entity: Any, target: str | None) -> bool:
    """Whether amlshare published it for ``target``; not where nothing says for which."""
    return (entity.properties or {}).get(TARGET) == (target or "")


def publish(
    workspace: Any, publication: Publication, build: Callable[[], Any]
) -> tuple[Published, tuple[str, ...]]:
    """Publish, where the same is not published already; notes say what else was done.

    ``build`` makes the SDK's pipeline, with its code uploaded; it is called only when needed.
    """
    entity = find(workspace, publication.digest)
    if entity is not None:
        return _shown(entity, created=False), _kept_version(entity, publication)
    pipeline = build()
    made = once(
        "publishing the pipeline",
        lambda: _post(pipeline, publication),
        lambda: find(workspace, publication.digest),
    )
    return _settle(workspace, publication, made)


def _kept_version(entity: Any, publication: Publication) -> tuple[str, ...]:
    """Nothing of a published pipeline can be changed, its label neither."""
    if publication.version is None or entity.version == publication.version:
        return ()
    label = f"'{entity.version}'" if entity.version else "none"
    return (f"it is published already, and keeps its version label: {label}",)


def _post(pipeline: Any, publication: Publication) -> Any:
    with carrying(publication.properties):
        return pipeline.publish(
            name=publication.name,
            description=publication.marked_description,
            version=publication.version,
            continue_on_step_failure=publication.continue_on_step_failure,
        )


def _settle(
    workspace: Any, publication: Publication, made: Any
) -> tuple[Published, tuple[str, ...]]:
    """Two jobs at once may both find nothing and publish: the oldest stays, whoever made it."""
    same = [each for each in published(workspace) if _carries(each, publication.digest)]
    entity = next((each for each in same if each.id == made.id), None)
    if entity is None:  # the list is behind: it has what was made in a moment
        return _shown(_one(workspace, made.id), created=True), ()
    if same[0].id == entity.id:
        return _shown(entity, created=True), ()
    disable(workspace, entity.id)
    note = (
        f"the same pipeline was published at the same time as {same[0].id}, which stays; "
        f"{entity.id} is disabled"
    )
    return _shown(same[0], created=False), (note,)


def _one(workspace: Any, number: str) -> Any:
    caller = service(workspace)
    with asking("looking at the published pipeline"):
        return retried(lambda: caller.get_pipeline_async(number))


def _shown(entity: Any, *, created: bool) -> Published:
    return Published(
        id=entity.id, name=entity.name, version=entity.version, created=created, url=entity.url
    )


def disable(workspace: Any, number: str) -> None:
    """Disable a published pipeline: nothing can be run from it any more."""
    caller = service(workspace)
    with asking(f"disabling the published pipeline {number}"):
        retried(lambda: caller.update_published_pipeline_status_async(number, "Disabled"))


@contextmanager
def carrying(properties: Mapping[str, str]) -> Iterator[None]:
    """Within it, what the SDK makes carries ``properties``."""
    prepare()
    from azureml._base_sdk_common.tracking import TrackingInfoProvider
    from azureml._base_sdk_common.tracking import global_tracking_info_registry as registry

    class Ours(TrackingInfoProvider):  # type: ignore[misc]
        def gather(self) -> dict[str, str]:
            return dict(properties)

    provider = Ours()
    registry.register(provider)
    try:
        yield
    finally:
        registry.providers.remove(provider)


# Endpoints


def point(workspace: Any, name: str, description: str | None, number: str) -> tuple[str, str]:
    """Make a published pipeline the default of the endpoint ``name``, which is made if need be.

    Returns the endpoint's id, and a note of what was done, empty for nothing.
    """
    endpoint = _endpoint(workspace, name)
    if endpoint is None:
        made = once(
            f"making the pipeline endpoint '{name}'",
            lambda: _make_endpoint(workspace, name, description, number),
            lambda: _endpoint(workspace, name),
        )
        if _default(made) == number:
            return made.id, f"pipeline endpoint '{name}' was made"
        endpoint = made
    if endpoint.entity_status not in ("0", "Active"):
        raise BackendError(
            f"pipeline endpoint '{name}' is {endpoint.entity_status}: enable it in the workspace, "
            "or name another with --endpoint"
        )
    if _default(endpoint) == number:
        return endpoint.id, ""
    version = _make_default(workspace, endpoint, number)
    return endpoint.id, f"pipeline endpoint '{name}' now runs version {version} by default"


def default_of(workspace: Any, name: str) -> str | None:
    """The id of the published pipeline that the endpoint ``name`` runs; None where it is none."""
    endpoint = _endpoint(workspace, name)
    return None if endpoint is None else _default(endpoint)


def _endpoint(workspace: Any, name: str) -> Any | None:
    caller = service(workspace)
    try:
        with asking(f"looking for the pipeline endpoint '{name}'"):
            return retried(lambda: caller.get_pipeline_endpoint_by_name_async(name))
    except ServiceError as error:
        if error.status == 404:
            return None
        raise


def _make_endpoint(workspace: Any, name: str, description: str | None, number: str) -> Any:
    from azureml.pipeline.core._restclients.aeva.models import PipelineEndpointCreationInfo

    info = PipelineEndpointCreationInfo(
        name=name, description=description or name, pipeline_id=number, properties={}
    )
    return service(workspace).create_pipeline_endpoint_async(info)


def _make_default(workspace: Any, endpoint: Any, number: str) -> str:
    """Add a version where it is none yet, and make it the default; returns the version."""
    from azureml.pipeline.core._aeva_provider import _AevaPipelineEndpointProvider

    known = _versions(endpoint).get(number)
    version = known or str(max(map(int, _versions(endpoint).values()), default=-1) + 1)
    change: dict[str, Any] = (
        {"version": known} if known else {"pipeline_id": number, "add_default": True}
    )
    provider = _AevaPipelineEndpointProvider(service(workspace), workspace, None)

    def look() -> Any | None:
        found = _endpoint(workspace, endpoint.name)
        return found if found is not None and _default(found) == number else None

    once(
        f"setting the default of pipeline endpoint '{endpoint.name}'",
        lambda: provider.update_pipeline_endpoint(endpoint.id, **change),
        look,
    )
    return version


def _default(endpoint: Any) -> str | None:
    """The id of the published pipeline that an endpoint runs by default."""
    versions = {version: number for number, version in _versions(endpoint).items()}
    return versions.get(str(endpoint.default_version))


def _versions(endpoint: Any) -> dict[str, str]:
    return {each.pipeline_id: str(each.version) for each in endpoint.pipeline_version_list}


# What was published before


def disable_old(workspace: Any, publication: Publication, kept: str) -> tuple[str, ...]:
    """Disable what was published of the same spec and target before, where nothing runs it.

    Kept are the default of an endpoint, and what an active schedule runs. Returns notes.
    """
    old = [
        each for each in ours(workspace, publication.name, publication.target) if each.id != kept
    ]
    if not old:
        return ()
    used = _in_use(workspace)
    notes = []
    for entity in old:
        if entity.id in used:
            notes.append(f"published pipeline {entity.id} stays: {used[entity.id]}")
        else:
            disable(workspace, entity.id)
            notes.append(f"published pipeline {entity.id} is disabled")
    return tuple(notes)


def _in_use(workspace: Any) -> dict[str, str]:
    """The ids of published pipelines that something runs, and what does."""
    caller = service(workspace)
    with asking("listing the pipeline endpoints"):
        endpoints = retried(lambda: caller.get_all_pipeline_endpoints_async(True, _MOST_ENDPOINTS))
    with asking("listing the schedules"):
        schedules = retried(lambda: caller.get_all_schedules_async(active_only=True))
    used = {
        each.pipeline_id: f"schedule '{each.name}' runs it"
        for each in schedules
        if each.pipeline_id
    }
    for endpoint in endpoints:
        if number := _default(endpoint):
            used[number] = f"it is the default of pipeline endpoint '{endpoint.name}'"
    return used
