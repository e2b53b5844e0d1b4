"""What a user of the plain SDK writes, run in a process of its own: `python with_sdk.py STORY`.

Prints one JSON document of what the SDK said. Nothing here knows of the stand-in.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
import time
import warnings
from pathlib import Path

os.environ["HBI_WORKSPACE_JOB"] = "true"  # no telemetry
logging.getLogger("azureml").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore")

from azureml.core import (  # noqa: E402
    Dataset,
    Datastore,
    Environment,
    Experiment,
    RunConfiguration,
    Workspace,
)
from azureml.core.authentication import ServicePrincipalAuthentication  # noqa: E402
from azureml.data import OutputFileDatasetConfig  # noqa: E402
from azureml.data.data_reference import DataReference  # noqa: E402
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig  # noqa: E402


def sign_in():
    given = os.environ
    auth = ServicePrincipalAuthentication(
        given["AZURE_TENANT_ID"], given["AZURE_CLIENT_ID"], given["AZURE_CLIENT_SECRET"]
    )
    return Workspace.get(
        given["AZUREML_WORKSPACE"],
        auth=auth,
        subscription_id=given["AZURE_SUBSCRIPTION_ID"],
        resource_group=given["AZUREML_RESOURCE_GROUP"],
    )


def pipeline(workspace, compute="cpu-cluster"):
    """Two steps that use data of every kind."""
    from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter
    from azureml.pipeline.steps import PythonScriptStep

    code = Path("code")
    code.mkdir(exist_ok=True)
    for name in ("clean.py", "train.py"):
        (code / name).write_text(f"print('{name}')\n", encoding="utf-8")
    store = Datastore.get(workspace, "workspaceblobstore")
    shared = {
        "source_directory": str(code),
        "compute_target": (compute, "AmlCompute"),
        "runconfig": RunConfiguration(),
    }
    shared["runconfig"].environment = Environment.get(workspace, "python", "2")
    raw = DataReference(store, "raw", path_on_datastore="raw/flights.csv", mode="mount")
    pinned = DatasetConsumptionConfig(
        "pinned", Dataset.get_by_name(workspace, "airports", version=3), mode="mount"
    )
    late = DatasetConsumptionConfig("airports", (workspace, "airports"), mode="mount")
    cleaned = PipelineData(
        "clean_cleaned",
        datastore=store,
        output_name="cleaned",
        output_mode="mount",
        is_directory=True,
        pipeline_output_name="cleaned",
    )
    clean = PythonScriptStep(
        "clean.py",
        name="clean",
        inputs=[raw, pinned],
        outputs=[cleaned],
        arguments=["--raw", raw, "--out", cleaned, "--rate", PipelineParameter("rate", 5)],
        **shared,
    )
    table = cleaned.as_download("table")
    model = (
        OutputFileDatasetConfig("model", destination=(store, "models/{run-id}/"))
        .as_upload(overwrite=True)
        .register_on_complete("delays", description="Learned.", tags={"stage": "new"})
    )
    train = PythonScriptStep(
        "train.py",
        name="train",
        inputs=[table, late],
        arguments=["--in", table, "--model", model],
        **shared,
    )
    return Pipeline(workspace, [clean, train])


def everything(workspace):
    from azureml.pipeline.core import PipelineRun

    said = {}
    started = time.perf_counter()
    run = Experiment(workspace, "flights").submit(
        pipeline(workspace), tags={"team": "ops"}, pipeline_parameters={"rate": 7}
    )
    said["submit_seconds"] = time.perf_counter() - started
    said["seen"] = [run.get_status(), run.wait_for_completion(show_output=False)]
    run = PipelineRun.get(workspace, run.id)
    said["tags"] = run.get_tags()
    said["steps"] = {
        step.name: [step.get_status(), step.get_stdout_log(), step.get_details_with_logs()]
        for step in run.get_steps()
    }
    said["output"] = run.get_pipeline_output("cleaned")._data_reference.path_on_datastore
    said["registered"] = Dataset.get_by_name(workspace, "delays").version
    runs = Experiment(workspace, "flights").get_runs
    said["found"] = [[one.id for one in runs(tags={"team": team})] for team in ("ops", "none")]
    return said | publishing(workspace)


def publishing(workspace):
    from azureml.pipeline.core import (
        PipelineEndpoint,
        PublishedPipeline,
        Schedule,
        ScheduleRecurrence,
    )

    said = {}
    started = time.perf_counter()
    first = pipeline(workspace).publish("flights", "Predicts.", "1")
    said["publish_seconds"] = time.perf_counter() - started
    endpoint = PipelineEndpoint.publish(workspace, "delays", "An endpoint.", first)
    second = pipeline(workspace).publish("flights", "Predicts.", "2")
    endpoint.add_default(second)
    every_monday = ScheduleRecurrence("Week", 1, week_days=["Monday"], time_of_day="06:30")
    schedule = Schedule.create(
        workspace,
        "weekly",
        first.id,
        "flights",
        recurrence=every_monday,
        wait_for_provisioning=True,
    )
    schedule.disable()
    submitted = first.submit(workspace, "flights", pipeline_parameters={"rate": 3})
    canceled = endpoint.submit("flights")
    canceled.cancel()
    first.disable()
    return said | {
        "runs": [submitted.wait_for_completion(show_output=False), canceled.get_status()],
        "published": [one.id == second.id for one in PublishedPipeline.list(workspace)],
        "default": PipelineEndpoint.get(workspace, name="delays").default_version,
        "schedules": [len(Schedule.list(workspace, active_only=on)) for on in (True, False)],
    }


def stories():
    """What can be asked for, by its name."""
    return {
        "everything": everything,
        "get": lambda workspace: workspace.name,
        "submit": lambda workspace: (
            Experiment(workspace, "flights").submit(pipeline(workspace), tags={"team": "ops"}).id
        ),
        "publish": lambda workspace: pipeline(workspace).publish("flights", "", "1").id,
        "nowhere": lambda workspace: pipeline(workspace, "nowhere").publish("flights", "", "1").id,
    }


def tell(name):
    try:
        return stories()[name](sign_in())
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises is what is asked for
        text = getattr(getattr(error, "response", None), "text", "")
        return {"raised": type(error).__name__, "message": f"{error} {text}"}


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        answers = [tell(name) for name in sys.argv[1:]]
    sys.stdout.write(json.dumps(answers, default=str))
