"""Publishing a pipeline once: a published pipeline carries the digest of what it was made from.

The digest and the target travel as properties of the published pipeline, and in a marker at the end
of its description, which is public: the service may hide properties. Finding one looks at both.
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

from amlshare.backends.azureml import endpoints
from amlshare.backends.azureml.job import Job, make_job, to_data
from amlshare.backends.azureml.marks import CODE, DATA, DIGEST, FOLDERS, TARGET
from amlshare.backends.azureml.once import once
from amlshare.backends.azureml.sdk import asking, prepare
from amlshare.backends.azureml.service import service
from amlshare.backends.interface import BackendError, Published
from amlshare.pipeline import scripts
from amlshare.plan import Plan

# an older one does not say for which target
_MARKER = re.compile(r"\s*\[amlshare:(?P<digest>[0-9a-f]{16})(?::(?P<target>.*))?\]\s*$")
_MARKED = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A pipeline to publish. ``digest`` has 64 hex digits; ``target`` is that of the spec.

    ``code`` maps a step to the digest of the files that it runs, ``folders`` a code folder to that
    of its snapshot, and ``data`` a step to its version: what the lock has of its data.
    """

    name: str
    digest: str
    target: str | None = None
    description: str | None = None
    version: str | None = None
    continue_on_step_failure: bool = False
    code: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)

    def with_versions(self, versions: Mapping[str, str]) -> Publication:
        """It with the versions of environments that only the workspace knows: see `pinning`."""
        if not versions:
            return self
        return replace(self, digest=_sha_of([self.digest, dict(versions)]))

    @property
    def marked_description(self) -> str:
        """The description, with the marker that it is found by."""
        marker = f"[amlshare:{self.digest[:_MARKED]}:{self.target or ''}]"
        return f"{self.description or ''} {marker}".lstrip()

    @property
    def properties(self) -> dict[str, str]:
        """What the published pipeline carries, hidden from people."""
        return {
            DIGEST: self.digest,
            CODE: json.dumps(dict(self.code), sort_keys=True),
            FOLDERS: json.dumps(dict(self.folders), sort_keys=True),
            DATA: json.dumps(dict(self.data), sort_keys=True),
            TARGET: self.target or "",
        }


def job_of(plan: Plan) -> Job:
    """The job to publish: the values given for this plan are its defaults."""
    job = make_job(plan)
    return replace(
        job, parameters=tuple(replace(each, default=each.value) for each in job.parameters)
    )


def of_plan(
    plan: Plan,
    job: Job,
    folders: Mapping[str, str],
    base: Path,
    *,
    version: str | None = None,
    goes_on: bool = False,
) -> Publication:
    """What is published of ``plan``, or would be.

    ``job`` is its job, ``folders`` maps a code folder to the digest of its snapshot, and ``base``
    is the spec's folder. ``goes_on`` has the run go on after a failed step, as the spec may too.
    """
    said = plan.pipeline.publish
    description = (said.description if said else None) or job.description
    goes_on = goes_on or bool(said and said.continue_on_step_failure)
    return Publication(
        name=job.pipeline,
        digest=digest(job, folders, base, description, goes_on),
        target=job.target,
        description=description,
        version=version,
        continue_on_step_failure=goes_on,
        code=_code(plan),
        folders=folders,
        data={step.name: step.version for step in job.steps if step.version},
    )


def _code(plan: Plan) -> dict[str, str]:
    """The digest of the files that each step runs, of those that run any."""
    digests = {(each.folder, each.scripts): each.digest for each in plan.code}
    keys = {step.name: (step.code or "", scripts(step.run)) for step in plan.pipeline.steps}
    return {name: digests[key] for name, key in keys.items() if key in digests}


def digest(job: Job, folders: Mapping[str, str], base: Path, *settings: object) -> str:
    """64 hex digits of all that a pipeline is made from, whatever its experiment and schedules.

    ``folders`` maps a code folder to the digest of its snapshot; ``base`` is the spec's folder,
    and ``settings`` what else a published pipeline is told.
    """
    bare = replace(job, experiment="", schedules=(), tags={})
    made_from = [to_data(bare), dict(folders), _files(job, base), list(settings)]
    return _sha_of(made_from)


def _sha_of(data: object) -> str:
    text = json.dumps(data, sort_keys=True, ensure_ascii=False)
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
    return found["digest"] if found else None


def target_of(entity: Any) -> str | None:
    """The target that a published pipeline is for, empty for none; None where nothing says so."""
    said = (entity.properties or {}).get(TARGET)
    if said is not None:
        return str(said)
    found = _MARKER.search(entity.description or "")
    return found["target"] if found else None


def unmarked(description: str | None) -> str | None:
    """A description as the spec has it."""
    return _MARKER.sub("", description or "") or None


def published(workspace: Any) -> list[Any]:
    """The entities of all active published pipelines, the oldest first."""
    caller = service(workspace)
    with asking("listing the published pipelines"):
        entities = caller.get_all_published_pipelines(active_only=True)
    return sorted(entities, key=_age)


def _age(entity: Any) -> tuple[str, str]:
    return str(entity.created_date or ""), str(entity.id)


def find(workspace: Any, digest: str) -> Any | None:
    """The entity of the oldest active published pipeline that carries ``digest``, or None."""
    return next((each for each in published(workspace) if carries(each, digest)), None)


def carries(entity: Any, digest: str) -> bool:
    """Whether a published pipeline was made from what has this digest."""
    said = digest_of(entity)
    return said is not None and said[:_MARKED] == digest[:_MARKED] and digest.startswith(said)


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
    same = [each for each in published(workspace) if carries(each, publication.digest)]
    entity = next((each for each in same if each.id == made.id), None)
    if entity is None:  # the list is behind: it has what was made in a moment
        return _shown(one(workspace, made.id), created=True), ()
    if same[0].id == entity.id:
        return _shown(entity, created=True), ()
    disable(workspace, entity.id)
    note = (
        f"the same pipeline was published at the same time as {same[0].id}, which stays; "
        f"{entity.id} is disabled"
    )
    return _shown(same[0], created=False), (note,)


def one(workspace: Any, number: str) -> Any:
    """The entity of a published pipeline, by its id."""
    caller = service(workspace)
    with asking("looking at the published pipeline"):
        return caller.get_pipeline_async(number)


def _shown(entity: Any, *, created: bool) -> Published:
    return Published(
        id=entity.id, name=entity.name, version=entity.version, created=created, url=entity.url
    )


def disable(workspace: Any, number: str) -> None:
    """Disable a published pipeline: nothing can be run from it any more."""
    caller = service(workspace)
    with asking(f"disabling the published pipeline {number}"):
        caller.update_published_pipeline_status_async(number, "Disabled")


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


# What was published before


def disable_old(workspace: Any, publication: Publication, kept: str) -> tuple[str, ...]:
    """Disable what was published of the same spec and target before, where nothing runs it.

    Kept are the default of an endpoint, what an active schedule runs, and what does not say for
    which target it was published. Returns notes.
    """
    same = [each for each in published(workspace) if each.name == publication.name]
    old = [each for each in same if each.id != kept and digest_of(each)]
    targets = {each.id: target_of(each) for each in old}
    notes = [_unsaid(each) for each in old if targets[each.id] is None]
    old = [each for each in old if targets[each.id] == (publication.target or "")]
    used = _in_use(workspace) if old else {}
    for entity in old:
        if entity.id in used:
            notes.append(f"published pipeline {entity.id} stays: {used[entity.id]}")
        else:
            disable(workspace, entity.id)
            notes.append(f"published pipeline {entity.id} is disabled")
    return tuple(notes)


def _unsaid(entity: Any) -> str:
    return (
        f"published pipeline {entity.id} stays: it does not say for which target it was "
        "published; disable it in the workspace if nothing runs it"
    )


def _in_use(workspace: Any) -> dict[str, str]:
    """The ids of published pipelines that something runs, and what does."""
    caller = service(workspace)
    with asking("listing the schedules"):
        schedules = caller.get_all_schedules_async(active_only=True)
    scheduled = {
        each.pipeline_id: f"schedule '{each.name}' runs it"
        for each in schedules
        if each.pipeline_id
    }
    defaults = {
        number: f"it is the default of pipeline endpoint '{name}'"
        for number, name in endpoints.defaults(workspace).items()
    }
    return {**scheduled, **defaults}
