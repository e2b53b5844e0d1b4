"""Around the SDK: quiet, and every failure one sentence without a secret."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from pathlib import Path

import pytest
from backends.azureml.apart import SIGN_IN, run, signed_in
from backends.azureml.offline import Catalogue, send_plan
from backends.azureml.refusing import CUT, LOST, PAGE, Server, reply, serving

from amlshare import commands
from amlshare.backends.azureml import sdk
from amlshare.backends.azureml.sdk import ServiceError
from amlshare.backends.interface import BackendError

requests = pytest.importorskip("requests")
KEY = "Zm9v" * 21 + "Zg=="
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(sdk.wire.time, "sleep", lambda _seconds: None)
    with serving() as told:
        yield told


def failing(server: Server, *answers: object) -> ServiceError:
    """What `asking` makes of a call whose request is answered like this."""
    server.replies = list(answers)
    with pytest.raises(ServiceError) as raised, sdk.asking("publishing the pipeline"):
        requests.post(f"{server.url}/Pipelines/Create?sig=abc", json={}).raise_for_status()
    return raised.value


def test_a_refusal_says_what_was_done_the_request_what_the_service_said_and_what_to_do(server):
    body = {"error": {"code": "Forbidden", "message": "You may not publish here."}}
    error = failing(server, reply(403, body, x_ms_request_id="id-1"))
    assert str(error) == (
        f"publishing the pipeline failed: POST {server.url}/Pipelines/Create was answered 403 "
        "Forbidden: You may not publish here (request id id-1); give the identity that is signed "
        "in a role on the workspace, such as 'AzureML Data Scientist'"
    )
    assert error.status == 403
    assert not error.is_open


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_is_busy_is_named_with_the_setting_that_waits_longer(server, status):
    error = failing(server, reply(status, Retry_After="999"))
    assert f"was answered {status}" in str(error)
    assert "AMLSHARE_RETRY_SECONDS" in str(error)
    assert error.is_open


def test_a_lost_connection_says_so_and_that_the_outcome_is_open(server, monkeypatch):
    monkeypatch.setenv("AMLSHARE_RETRY_SECONDS", "0")
    error = failing(server, LOST)
    assert "the connection was lost" in str(error)
    assert error.is_open
    assert error.status is None


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (CUT, "the reply broke off (ChunkedEncodingError)"),
        (PAGE, "not as the service answers: 'Log in'"),
    ],
)
def test_half_a_reply_and_a_page_are_told_and_the_outcome_is_open(
    server, monkeypatch, answer, told
):
    monkeypatch.setenv("AMLSHARE_RETRY_SECONDS", "0")
    error = failing(server, answer)
    assert f"POST {server.url}/Pipelines/Create was answered 200 OK, but {told};" in str(error)
    assert error.is_open
    assert error.status is None


@pytest.mark.parametrize("status", [409, 412])
def test_a_change_by_somebody_else_is_told_with_what_to_do(server, status):
    error = failing(server, reply(status))
    assert str(error).endswith("changed it at the same time: run the same command again")


def test_an_answer_that_the_sdk_cannot_use_names_the_request_and_leaves_its_outcome_open(server):
    server.replies = [reply(200, {"is": "foreign"})]
    with pytest.raises(ServiceError) as raised, sdk.asking("publishing"):
        requests.post(f"{server.url}/Create").json()["Id"]
    assert str(raised.value) == (
        f"publishing failed: KeyError: 'Id', after POST {server.url}/Create was answered 200 OK; "
        "`-v` shows the SDK's own log"
    )
    assert raised.value.is_open


@pytest.mark.parametrize(
    "secret", [KEY, TOKEN, f"https://a.blob.core.windows.net/c?sv=1&sig={KEY}"]
)
def test_a_secret_that_the_service_repeats_is_masked(server, secret):
    error = failing(server, reply(400, {"error": {"message": f"bad: {secret}"}}))
    assert KEY not in str(error)
    assert TOKEN not in str(error)
    assert "bad: " in str(error)


def test_the_secret_of_the_service_principal_is_masked_whatever_its_shape(server, monkeypatch):
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "open-sesame")
    assert "open-sesame" not in str(failing(server, reply(400, {"message": "open-sesame?"})))


def test_an_error_without_a_request_is_told_in_its_own_words():
    told = "building failed: ValueError: no such mode"
    with pytest.raises(ServiceError, match=told) as raised, sdk.asking("building"):
        raise ValueError("no such mode")
    assert raised.value.exchange is None


def test_an_error_of_ours_passes_as_it_is():
    with pytest.raises(BackendError, match="ours"), sdk.asking("building"):
        raise BackendError("ours")


def test_what_the_sdk_prints_does_not_show(capsys):
    with sdk.asking("building"):
        print("Created step clean")  # noqa: T201
    assert capsys.readouterr() == ("", "")


def test_the_url_of_the_git_remote_is_not_sent():
    sdk.prepare()
    from azureml._base_sdk_common.tracking import GitTrackingInfoProvider
    from azureml._base_sdk_common.tracking import global_tracking_info_registry as registry

    assert not [each for each in registry.providers if isinstance(each, GitTrackingInfoProvider)]


def test_preparing_again_keeps_what_others_registered():
    sdk.prepare()
    from azureml._base_sdk_common.tracking import global_tracking_info_registry as registry

    registry.providers.append(ours := object())
    try:
        sdk.prepare()
        assert ours in registry.providers
    finally:
        registry.providers.remove(ours)


def test_the_classes_of_steps_have_equals_where_their_package_is_missing(monkeypatch):
    real = builtins.__import__

    def without_steps(name, *args, **named):
        if name.startswith("azureml.pipeline.steps") or (args[2:] and "steps" in (args[2] or ())):
            raise ImportError(name)
        return real(name, *args, **named)

    sdk.prepare()
    import azureml.pipeline.core  # noqa: F401

    monkeypatch.setattr(builtins, "__import__", without_steps)
    classes = sdk.steps_classes()
    assert [each.__name__ for each in classes] == list(classes._fields)
    assert classes.PythonScriptStep.__module__ == "amlshare.backends.azureml.sdk"


def test_the_equals_are_sent_as_the_classes_of_the_package_are(monkeypatch):
    pytest.importorskip("azureml.pipeline.steps")
    folder = Path(__file__).parent / "everything"
    plan = commands.plan(commands.Request(spec=str(folder / "everything.yaml")))
    catalogue = Catalogue(tables=frozenset({"routes"}))
    plain = send_plan(plan, folder, catalogue)
    monkeypatch.setattr(sdk, "steps_classes", sdk._bases)
    assert send_plan(plan, folder, catalogue).text == plain.text


LOOK = """
with sdk.asking("looking"):
    workspace.datastores
    workspace.compute_targets
"""


def test_it_makes_no_noise_and_contacts_no_other_host(workspace):
    done = signed_in(LOOK, workspace.environment)
    assert (done.stdout, done.stderr, done.exit_code) == ("", "", 0)
    assert workspace.refused == []


def test_verbose_shows_the_sdks_log_without_its_secrets(workspace):
    code = "from amlshare.backends.azureml import sdk; sdk.prepare(verbose=True)\n"
    done = run(code + SIGN_IN + LOOK, workspace.environment)
    assert done.stdout == ""
    assert "azureml" in done.stderr
    assert "GET https://management.azure.com/subscriptions: 200" in done.stderr
    assert workspace.client_secret not in done.stderr
    assert not [token for token in workspace.tokens if token in done.stderr]


def test_preparing_imports_no_sdk_before_it_has_said_no_to_telemetry():
    code = """
        from amlshare.backends.azureml import sdk
        import os, sys
        assert not [name for name in sys.modules if name.startswith(("azureml", "msrest"))]
        sdk.prepare()
        print(os.environ["HBI_WORKSPACE_JOB"])
    """
    assert run(code, {}).stdout == "true\n"
