"""One rule for sending again, in place of all those in the SDK."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pytest
from backends.azureml.refusing import CUT, LOST, PAGE, Server, reply, serving

from amlshare.backends.azureml import sdk, wire
from amlshare.backends.interface import BackendError

GARBAGE = reply(200, "{'a': 1}", Content_Type="application/json")

requests = pytest.importorskip("requests")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(wire.time, "sleep", lambda _seconds: None)
    sdk.prepare()
    with serving() as told:
        yield told


def creates_a_pipeline(server: Server) -> None:
    """The call of the SDK that publishes, with nothing in it."""
    from azureml.pipeline.core._restclients.aeva.aml_pipelines_api10 import AMLPipelinesAPI10

    client = AMLPipelinesAPI10(base_url=server.url)
    name = next(
        each for each in dir(client) if each.endswith("workspace_name_pipelines_create_post")
    )
    getattr(client, name)(
        subscription_id="s", resource_group_name="g", workspace_name="w", custom_headers={}
    )


def reads_history(server: Server) -> None:
    """A call through the loop that the SDK's clients of run history send again in."""
    from azureml._restclient.clientbase import ClientBase

    ClientBase._execute_func(requests.post, f"{server.url}/history", json={}).raise_for_status()


@pytest.mark.parametrize(
    "refusal",
    [reply(429), reply(500), reply(502), reply(503), reply(504), LOST, CUT, PAGE, GARBAGE],
)
def test_what_fails_for_the_moment_is_sent_again(server, refusal):
    server.replies = [refusal, refusal, reply(200)]
    assert requests.get(f"{server.url}/x").status_code == 200
    assert len(server.heard) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_a_refusal_is_final(server, status):
    server.replies = [reply(status)]
    assert requests.get(f"{server.url}/x").status_code == status
    assert len(server.heard) == 1


def test_a_service_that_stays_away_is_given_up_after_some_attempts(server, monkeypatch):
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(wire.time, "monotonic", lambda: next(clock))
    server.replies = [reply(503)]
    assert requests.get(f"{server.url}/x").status_code == 503
    assert 2 < len(server.heard) < 8


def test_a_loop_in_the_sdk_does_not_multiply_the_attempts(server, monkeypatch):
    monkeypatch.setenv("AMLSHARE_RETRY_SECONDS", "0")
    server.replies = [reply(503)]
    with pytest.raises(requests.HTTPError):
        reads_history(server)
    assert len(server.heard) == 1


def test_the_service_may_say_when(server, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(wire.time, "sleep", slept.append)
    server.replies = [reply(429, Retry_After="7"), reply(200)]
    requests.get(f"{server.url}/x")
    assert slept == [7.0]


def test_a_wait_longer_than_patience_is_not_begun(server):
    server.replies = [reply(429, Retry_After="3600")]
    assert requests.get(f"{server.url}/x").status_code == 429
    assert len(server.heard) == 1


@pytest.mark.parametrize("refusal", [LOST, CUT, PAGE, GARBAGE, reply(503), reply(429)])
@pytest.mark.parametrize("call", [creates_a_pipeline, reads_history])
def test_what_creates_is_sent_once_inside_sent_once(server, refusal, call):
    server.replies = [refusal]
    with wire.sent_once(), pytest.raises(Exception):  # noqa: B017, PT011 - the SDK's are many
        call(server)
    assert len(server.heard) == 1


def test_a_loop_around_what_creates_gets_the_first_failure_again(server):
    server.replies = [LOST]
    with wire.sent_once():
        for _ in range(3):
            with pytest.raises(requests.ConnectionError):
                requests.post(f"{server.url}/x", json={"a": 1})
    assert len(server.heard) == 1


def test_what_only_reads_is_sent_again_inside_sent_once(server):
    server.replies = [LOST, reply(200)]
    with wire.sent_once():
        assert requests.get(f"{server.url}/x").ok
    assert len(server.heard) == 2


@pytest.mark.parametrize("answer", [CUT, PAGE])
def test_what_a_get_streams_is_left_to_whoever_reads_it(server, answer):
    server.replies = [answer]
    assert requests.get(f"{server.url}/x", stream=True).raw.read(4) == answer[2][:4]
    assert len(server.heard) == 1


@pytest.mark.parametrize("answer", [reply(200, "", Content_Type="application/json"), reply(204)])
def test_no_body_at_all_is_an_answer(server, answer):
    server.replies = [answer]
    assert requests.post(f"{server.url}/x").ok


@pytest.mark.parametrize("refusal", [CUT, PAGE, GARBAGE])
def test_what_is_no_answer_of_the_services_leaves_open_whether_it_was_done(server, refusal):
    server.replies = [refusal]
    with wire.recording() as exchanges, wire.sent_once(), pytest.raises(requests.ConnectionError):
        requests.put(f"{server.url}/x", stream=True, data=BytesIO(b"a"))
    assert [(each.status, each.is_open()) for each in exchanges] == [(None, True)]


def test_after_sent_once_all_is_as_before(server):
    with wire.sent_once():
        pass
    server.replies = [reply(503), reply(200)]
    assert requests.post(f"{server.url}/x", json={}).ok


def test_a_stream_is_not_sent_twice_since_it_is_used_up(server):
    server.replies = [reply(503)]
    assert requests.post(f"{server.url}/x", data=iter([b"a"])).status_code == 503
    assert len(server.heard) == 1


def test_every_request_has_a_time_out_and_the_environment_may_shorten_it(monkeypatch):
    assert wire._limited(None) == (20.0, 120.0)
    assert wire._limited(300) == (20.0, 120.0)
    assert wire._limited((5, 100)) == (5, 100)
    monkeypatch.setenv("AMLSHARE_TIMEOUT", "3")
    assert wire._limited((5, 100)) == (3.0, 3.0)


@pytest.mark.parametrize("given", ["soon", "-1", "nan", "inf"])
def test_a_setting_that_is_no_number_of_seconds_is_told(monkeypatch, given):
    monkeypatch.setenv("AMLSHARE_TIMEOUT", given)
    with pytest.raises(BackendError, match=f"AMLSHARE_TIMEOUT is '{given}'; expected a number"):
        wire.seconds("AMLSHARE_TIMEOUT", 1.0)


def test_an_exchange_is_named_without_what_may_be_a_secret():
    assert wire.plain_url("https://me:pw@host:8/a/b?sig=x#y") == "https://host:8/a/b"
