"""A stand-in of the Azure ML v1 service, for commands that run the unmodified SDK.

    def test_it_publishes_once(amlshare, workspace):
        workspace.add_compute("cpu-cluster")
        amlshare("submit", spec, "--publish", env=workspace.environment)
        assert len(workspace.published) == 1

The command knows nothing of it. ``workspace.environment`` names a proxy on loopback, the file of a
throw-away CA, and a service principal; the proxy ends TLS for login.microsoftonline.com,
management.azure.com, eastus.api.azureml.ms and ACCOUNT.blob.core.windows.net, and answers itself.
Any other host is refused with 502 and noted in ``workspace.refused``, so that a test can say that
no telemetry was sent. Each workspace listens on a port of its own: no two tests share any state.

Arrange: ``add_compute``, ``add_dataset``, ``add_environment``, ``add_datastore``; there is a
default datastore, ``workspaceblobstore``, and no compute. Where the test uses the fixture
``azurite`` too, that datastore is a container of Azurite's, and the bytes in it are real.

Inspect: ``computes datastores datasets saved_datasets environments modules data_sources snapshots
graphs published endpoints schedules runs experiments``, each by name or id, in the words of
the service (``runs`` and ``snapshots`` hold dataclasses: see PipelineRun, Step and Snapshot);
``requests``, a Record of each request in order, and ``asked("POST pipelines/Pipelines/Create")``,
those of one route. Files of a snapshot: ``workspace.snapshots[id].files["clean.py"]``.

Faults: ``workspace.fail(at=3, how="503")``, counted from here, sign-in included; or
``fail(route="pipelines/Pipelines/Create", how="reset after", times=2)``. The ``how`` is a status
(the work is not done), "reset before" (nor here), "hang" (not done, and no reply ever); or of what
is done: "reset after" (the reply is lost), "cut after" (it breaks off in its body) or "garbled
after" (in its place comes 200 with an HTML page, as from a proxy).

Runs: a run goes NotStarted, Queued, Running, Finished as it is looked at: in small steps at the
first ``small_steps`` looks, then to its end. ``automatic = False`` leaves that to ``advance(id)``;
``outcome("train", "Failed", log="...")`` says how a step ends; ``execute`` (a function of workspace
and run id, called in a thread) carries runs out itself and tells how with ``report``:
``execution.attach`` runs them with the local backend, over Azurite.

It is strict where the service is: tokens, ids, the swagger models of the installed SDK for every
body of the pipelines service, and graphs that hold together (graphs.py). What the real service does
where the SDK does not show it is a guess: that it echoes Properties, what a failed step does to the
rest, its very words.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from azurite import Azurite

# the modules whose import puts routes on the table
from standin import datasets, history, identity, pipeline_runs, pipelines, resources, storage  # noqa: F401
from standin.workspace import Record, Snapshot, Workspace

__all__ = ["Record", "Service", "Snapshot", "Workspace", "service", "workspace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What all workspaces of a session share: the authority that vouches for their hosts."""

    ca: trustme.CA
    ca_file: Path

    @contextmanager
    def workspace(self, home: Path, azurite: Azurite | None = None) -> Iterator[Workspace]:
        """A new workspace, on a port of its own, until the block ends."""
        made = Workspace(ca=self.ca, ca_file=str(self.ca_file), home=str(home), azurite=azurite)
        try:
            yield made
        finally:
            made.close()
        assert not made.proxy.crashes, "\n".join(made.proxy.crashes)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    ca = trustme.CA()
    file = tmp_path_factory.mktemp("standin") / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    return Service(ca=ca, ca_file=file)


@pytest.fixture
def workspace(
    service: Service, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    """A workspace of the test's own; its blobs are Azurite's where the test uses `azurite`."""
    uses = "azurite" in request.fixturenames
    azurite = request.getfixturevalue("azurite") if uses else None
    with service.workspace(tmp_path_factory.mktemp("home"), azurite) as made:
        yield made
