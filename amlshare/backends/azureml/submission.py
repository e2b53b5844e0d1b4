"""Submitting: from a plan to a run, a published pipeline, or both, in a workspace.

Whatever can be refused is refused before the first request, and what the workspace lacks before
anything in it is changed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from amlshare.backends.azureml import (
    build,
    compute,
    endpoints,
    marks,
    matching,
    online,
    pinning,
    publication,
    runs,
    schedules,
    sdk,
    signin,
    staging,
    uploads,
)
from amlshare.backends.azureml.following import follow, goes_on
from amlshare.backends.azureml.job import Job, make_job
from amlshare.backends.azureml.once import once
from amlshare.backends.azureml.publication import Publication
from amlshare.backends.azureml.sdk import ServiceError, asking
from amlshare.backends.azureml.service import service
from amlshare.backends.interface import (
    BackendError,
    Noted,
    NotInWorkspaceError,
    Outcome,
    Published,
    Publishing,
    RunStarted,
    Settings,
    Status,
    StepOutcome,
    Watch,
)
from amlshare.diagnostics import Route
from amlshare.plan import Plan

_NAME = "azureml"


def submit(plan: Plan, settings: Settings, watch: Watch) -> Outcome:
    """Run the pipeline of ``plan`` in the workspace, or publish it, and wait for a run's end.

    Raises BackendError, NotInWorkspaceError for what the workspace lacks, and KeyboardInterrupt
    while waiting: the run goes on.
    """
    settings = replace(settings, publishing=_publishing(plan, settings.publishing))
    job = make_job(plan) if settings.publishing is None else publication.job_of(plan)
    _refuse(plan, job, settings)
    assert settings.workspace is not None
    with ExitStack() as stack:
        code = stack.enter_context(staging.staged(job, settings.base))
        identity = _publication(plan, job, settings)
        sdk.prepare()
        workspace = signin.workspace(settings.workspace)
        submission = _Submission(
            job=job,
            workspace=workspace,
            code=code,
            settings=settings,
            identity=identity,
            locked=plan.known.versions,
            watch=watch,
            sent=stack.close,
        )
        return submission.submit()


def _publishing(plan: Plan, given: Publishing | None) -> Publishing | None:
    """How to publish: what the spec says holds where the command line says nothing."""
    said = plan.pipeline.publish
    if given is None or said is None:
        return given
    return replace(
        given,
        endpoint=given.endpoint or said.endpoint,
        version_label=given.version_label or said.version,
    )


def _refuse(plan: Plan, job: Job, settings: Settings) -> None:
    """Raise BackendError for what needs no workspace to be refused."""
    if settings.workspace is None:
        raise BackendError(
            "no workspace is known: name it with --workspace, --resource-group and --subscription, "
            "or run on this machine with `--backend local`"
        )
    schedules.wanted(job)
    if settings.publishing is None:
        return
    if plan.selected is not None:
        raise BackendError("a pipeline is published as a whole: take --select out")
    if settings.regenerate:
        raise BackendError(
            "--regenerate goes with a run of the spec itself: a published pipeline runs as it was "
            "published; take --publish out, or set `reuse: false` in the spec"
        )


def _publication(plan: Plan, job: Job, settings: Settings) -> Publication:
    """What is published, or would be: its digest marks a run too."""
    publishing = settings.publishing
    return publication.of_plan(
        plan,
        job,
        staging.digests(job, settings.base),
        settings.base,
        version=publishing.version_label if publishing else None,
        goes_on=publishing is not None and settings.continue_on_step_failure,
    )


def _creatable(job: Job) -> set[Route]:
    """Where the spec names the clusters that `--create-compute` makes."""
    clusters = (each for each in job.compute if each.type == "AmlCompute" and each.vm_size)
    return {("compute", each.name, "cluster") for each in clusters}


@dataclass(slots=False, kw_only=True)
class _Submission:
    """One submit, once signed in: each method does one thing in the workspace."""

    job: Job
    workspace: Any
    code: Mapping[str, Path]
    settings: Settings
    identity: Publication
    locked: Mapping[str, int]
    watch: Watch
    sent: Callable[[], None]
    """What to do when the code is in the workspace."""
    mark: str = field(default_factory=lambda: str(uuid.uuid4()))
    notes: list[str] = field(default_factory=list)

    def submit(self) -> Outcome:
        """All of it. Where it ends early, what was done until then is told."""
        try:
            return self._submit()
        except BaseException:
            for note in self.notes:
                self.watch(Noted(message=note))
            raise

    def _submit(self) -> Outcome:
        """In this order, since each needs what is before it."""
        self._prepare()
        published = None
        if self.settings.publishing is not None:
            published = self._publish(self.settings.publishing)
            if not self.settings.publishing.run:
                return self._outcome(None, "completed", published)
        run = self._run_published(published) if published else self._run()
        return self._follow(run, published)

    def _prepare(self) -> None:
        """Nothing is changed in a workspace that lacks something."""
        missing = online.missing(self.job, self.workspace)
        if self.settings.create_compute:
            missing = [each for each in missing if each.route not in _creatable(self.job)]
        if self.settings.publishing is not None:
            missing += schedules.unwatchable(self.job, self.workspace)
        if missing:
            raise NotInWorkspaceError(missing)
        self.notes += online.other_versions(self.job, self.workspace, self.locked)
        self._pin()
        if self.settings.create_compute:
            self.notes += compute.create_missing(self.job, self.workspace)
        self.notes += uploads.upload(self.job, self.workspace, self.settings.base)

    def _pin(self) -> None:
        """Take the latest version of an environment to be the one that it is now."""
        versions = pinning.latest(self.job, self.workspace)
        self.job = pinning.pinned(self.job, versions)
        self.identity = self.identity.with_versions(versions)

    @cached_property
    def _pipeline(self) -> Any:
        """The SDK's pipeline, its code uploaded and its steps known to the service."""
        made = build.build(self.job, self.workspace, self.code, self.settings.base)
        with asking("sending the code and the steps"):
            made.graph._validate_and_finalize(  # noqa: SLF001 # what publish and submit do first
                pipeline_parameters=None, regenerate_outputs=self.settings.regenerate
            )
        return made

    # Publishing

    def _publish(self, publishing: Publishing) -> Published:
        published, notes = publication.publish(
            self.workspace, self.identity, lambda: self._pipeline
        )
        self.notes += notes
        published, endpoint = self._point(publishing, published)
        held = matching.Runs(pipeline=published.id, endpoint=endpoint)
        self.notes += matching.match(self.job, self.workspace, self.settings.base, held)
        if publishing.disable_old:
            self.notes += publication.disable_old(self.workspace, self.identity, published.id)
        return published

    def _point(self, publishing: Publishing, published: Published) -> tuple[Published, str | None]:
        """Give the endpoint what was published, where one is named; the endpoint's id."""
        name = publishing.endpoint
        if not name:
            return published, None
        before = endpoints.default_of(self.workspace, name)
        number, note = endpoints.point(
            self.workspace, name, self.identity.description, published.id
        )
        self.notes += [note] if note else []
        self.notes += self._taken_from(name, before) if note and before else []
        return replace(published, endpoint=name), number

    def _taken_from(self, endpoint: str, before: str) -> list[str]:
        """That an endpoint served another target of the spec until now."""
        target = publication.target_of(publication.one(self.workspace, before))
        if target is None or target == (self.identity.target or ""):
            return []
        whose = f"target '{target}'" if target else "the spec without a target"
        return [f"until now, pipeline endpoint '{endpoint}' served {whose}: give each its own"]

    # Running

    @property
    def _experiment(self) -> str:
        return self.settings.experiment or self.job.experiment

    @property
    def _tags(self) -> dict[str, str]:
        return {
            **self.job.tags,
            **self.settings.tags,
            marks.DIGEST: self.identity.digest,
            marks.SUBMISSION: self.mark,
            marks.PIPELINE: self.job.pipeline,
            **({marks.TARGET: self.job.target} if self.job.target else {}),
        }

    def _run(self) -> str:
        """The id of a run of the spec itself: created, which starts nothing, and then submitted."""
        pipeline = self._pipeline
        with asking(f"opening experiment '{self._experiment}'"):
            self._open_experiment()
        provider = pipeline.graph._graph_provider  # noqa: SLF001 # the SDK sends tags too late
        with asking("describing the run"):
            info = provider.get_pipeline_run_creation_info_with_graph(
                pipeline.graph, self._values(), self.settings.continue_on_step_failure
            )
        info.creation_info.tags = self._tags
        info.creation_info.description = self.job.description or self.job.pipeline
        caller = service(self.workspace)
        entity = once(
            "creating the run",
            lambda: caller.create_unsubmitted_pipeline_run_async(info, self._experiment),
            self._look,
        )
        once(
            f"submitting run {entity.id}",
            lambda: caller.submit_saved_pipeline_run_async(entity.id) or entity,
            lambda: _submitted(caller, entity.id),
        )
        return str(entity.id)

    def _run_published(self, published: Published) -> str:
        """The id of a run of the published pipeline, whose defaults are the values of this plan."""
        from azureml.pipeline.core._restclients.aeva.models import PipelineSubmissionInfo

        info = PipelineSubmissionInfo(
            experiment_name=self._experiment,
            description=self.job.description or self.job.pipeline,
            run_source="SDK",
            run_type="SDK",
            continue_run_on_step_failure=self.identity.continue_on_step_failure,
            tags=self._tags,
        )
        with asking(f"opening experiment '{self._experiment}'"):
            self._open_experiment()
        caller = service(self.workspace)
        entity = once(
            f"running the published pipeline {published.id}",
            lambda: caller.submit_pipeline_run_from_pipeline_async(published.id, info),
            self._look,
        )
        return str(entity.id)

    def _open_experiment(self) -> Any:
        from azureml.core import Experiment

        return Experiment(self.workspace, self._experiment)

    def _look(self) -> Any | None:
        """The run that this submit made, if it did: nothing else has its mark."""
        with asking("looking for the run"):
            experiment = self._open_experiment()
            found = list(experiment.get_runs(tags={marks.SUBMISSION: self.mark}))
        return found[0] if found else None

    def _values(self) -> dict[str, str | int | float]:
        """The values that differ from what the pipeline is built with."""
        return {each.name: each.value for each in self.job.parameters if each.value != each.default}

    def _follow(self, number: str, published: Published | None) -> Outcome:
        self.sent()
        names = tuple(step.name for step in self.job.steps)
        try:
            run = runs.Run(self.workspace, number)
        except ServiceError as error:
            told = goes_on(number, self.settings.found_with)
            raise ServiceError(f"{error}; {told}", error.exchange) from None
        self.watch(RunStarted(run=run.id, steps=names, url=run.url))
        if not self.settings.wait:
            self.notes.append(goes_on(run.id, self.settings.found_with))
            return self._outcome(run, "queued", published)
        status, steps = follow(run, names, self.watch, self.settings.found_with)
        return self._outcome(run, status, published, steps)

    def _outcome(
        self,
        run: runs.Run | None,
        status: Status,
        published: Published | None,
        steps: tuple[StepOutcome, ...] = (),
    ) -> Outcome:
        return Outcome(
            run=run.id if run else None,
            backend=_NAME,
            status=status,
            published=published,
            notes=tuple(self.notes),
            url=run.url if run else None,
            steps=steps,
            outputs=dict(_places(self.job, steps)),
        )


def _submitted(caller: Any, number: str) -> Any | None:
    """The run, if the service has taken it up."""
    with asking(f"looking for run {number}"):
        entity = caller.get_pipeline_run_async(number)
    return entity if entity.is_submitted else None


def _places(job: Job, ended: Iterable[StepOutcome]) -> Iterator[tuple[str, str]]:
    """Where the outputs of completed steps lie, for people.

    That of a reused step whose place has the id of a run in it is not known: it is another run's.
    """
    steps = {step.name: step for step in job.steps}
    for each in ended:
        outputs = steps[each.name].outputs if each.name in steps else ()
        for output in outputs if each.status == "completed" else ():
            place = output.path and _filled(output.path, each)
            if place:
                name = f" ({output.registered.name})" if output.registered else ""
                yield f"{each.name}.{output.name}", f"{output.datastore}:{place}{name}"


def _filled(path: str, step: StepOutcome) -> str | None:
    if "{run-id}" not in path:
        return path
    return None if step.reused or step.run is None else path.replace("{run-id}", step.run)
