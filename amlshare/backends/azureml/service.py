"""The pipelines service, as the SDK's own client asks it."""

from __future__ import annotations

from typing import Any

from amlshare.backends.azureml.sdk import asking, prepare


def service(workspace: Any) -> Any:
    """The SDK's client of the pipelines service, which shows what the SDK's objects hide."""
    prepare()
    from azureml.pipeline.core._aeva_provider import _AevaWorkflowProvider

    with asking("finding the pipelines service"):
        return _AevaWorkflowProvider.create_service_caller(workspace, "amlshare")
