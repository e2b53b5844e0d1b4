"""Pipeline endpoints: a name that stays, and runs by default what was published last."""

from __future__ import annotations

from typing import Any

from amlshare.backends.azureml.once import once
from amlshare.backends.azureml.sdk import ServiceError, asking
from amlshare.backends.azureml.service import service
from amlshare.backends.interface import BackendError

_MOST = 10_000
# somebody else has made it, or changed it, in the meantime
_OVERTAKEN = frozenset({409, 412})


def point(workspace: Any, name: str, description: str | None, number: str) -> tuple[str, str]:
    """Make a published pipeline the default of the endpoint ``name``, which is made if need be.

    Returns the endpoint's id, and a note of what was done, empty for nothing.
    """
    endpoint = _endpoint(workspace, name)
    if endpoint is None:
        endpoint = once(
            f"making the pipeline endpoint '{name}'",
            lambda: _make(workspace, name, description, number),
            lambda: _endpoint(workspace, name),
        )
        if _default(endpoint) == number:
            return endpoint.id, f"pipeline endpoint '{name}' was made"
    if endpoint.entity_status not in ("0", "Active"):
        raise BackendError(
            f"pipeline endpoint '{name}' is {endpoint.entity_status}: enable it in the workspace, "
            "or name another with --endpoint"
        )
    if _default(endpoint) == number:
        return endpoint.id, ""
    changed = _make_default(workspace, endpoint, number)
    return endpoint.id, (
        f"pipeline endpoint '{name}' now runs version {changed.default_version} by default"
    )


def default_of(workspace: Any, name: str) -> str | None:
    """The id of the published pipeline that the endpoint ``name`` runs; None where it is none."""
    endpoint = _endpoint(workspace, name)
    return None if endpoint is None else _default(endpoint)


def defaults(workspace: Any) -> dict[str, str]:
    """The names of active endpoints by the id of the published pipeline that each runs."""
    caller = service(workspace)
    with asking("listing the pipeline endpoints"):
        found = caller.get_all_pipeline_endpoints_async(True, _MOST)
    return {number: each.name for each in found if (number := _default(each))}


def _endpoint(workspace: Any, name: str) -> Any | None:
    caller = service(workspace)
    try:
        with asking(f"looking for the pipeline endpoint '{name}'"):
            return caller.get_pipeline_endpoint_by_name_async(name)
    except ServiceError as error:
        if error.status == 404:
            return None
        raise


def _make(workspace: Any, name: str, description: str | None, number: str) -> Any:
    from azureml.pipeline.core._restclients.aeva.models import PipelineEndpointCreationInfo

    info = PipelineEndpointCreationInfo(
        name=name, description=description or name, pipeline_id=number, properties={}
    )
    return service(workspace).create_pipeline_endpoint_async(info)


def _make_default(workspace: Any, endpoint: Any, number: str) -> Any:
    """The endpoint with the new default; once more where another job has changed it meanwhile."""
    try:
        return _changed(workspace, endpoint, number)
    except ServiceError as error:
        if error.status not in _OVERTAKEN:
            raise
    newer = _endpoint(workspace, endpoint.name)
    return _changed(workspace, newer or endpoint, number)


def _changed(workspace: Any, endpoint: Any, number: str) -> Any:
    """Add a version where it is none yet, and make it the default; the endpoint as it is then."""
    caller = service(workspace)

    def look() -> Any | None:
        found = _endpoint(workspace, endpoint.name)
        return found if found is not None and _default(found) == number else None

    return once(
        f"setting the default of pipeline endpoint '{endpoint.name}'",
        lambda: caller.update_pipeline_endpoint_async(endpoint.id, _with_default(endpoint, number)),
        look,
    )


def _with_default(endpoint: Any, number: str) -> Any:
    """The entity that is sent: what the service has, which refuses an older one, and the change."""
    from azureml.pipeline.core._restclients.aeva.models import PipelineVersion

    versions = _versions(endpoint)
    if number not in versions:
        newest = max(map(int, versions.values()), default=-1)
        versions[number] = str(newest + 1)
        added = PipelineVersion(pipeline_id=number, version=versions[number])
        endpoint.pipeline_version_list.append(added)
    endpoint.default_version = versions[number]
    return endpoint


def _default(endpoint: Any) -> str | None:
    """The id of the published pipeline that an endpoint runs by default."""
    versions = {version: number for number, version in _versions(endpoint).items()}
    return versions.get(str(endpoint.default_version))


def _versions(endpoint: Any) -> dict[str, str]:
    return {each.pipeline_id: str(each.version) for each in endpoint.pipeline_version_list}
