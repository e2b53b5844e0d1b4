"""What is made once: sent, looked for where its end is open, and never made twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from backends.azureml.refusing import CUT, PAGE, Server, reply, serving

pytest.importorskip("azureml.core")

from amlshare.backends.azureml import once as module
from amlshare.backends.azureml.once import once
from amlshare.backends.azureml.sdk import ServiceError
from amlshare.backends.azureml.wire import Exchange


class Reply:
    headers: dict[str, str] = {}  # noqa: RUF012 - it never changes

    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


def failed(status: int | None) -> ServiceError:
    """A POST that was answered with a status, or whose reply was lost."""
    from requests.exceptions import ConnectionError as Broken

    error = Broken("lost") if status is None else None
    response = None if status is None else Reply(status)
    exchange = Exchange(method="POST", url="https://x/Create", response=response, error=error)
    return ServiceError("POST https://x/Create failed", exchange)


class Service:
    """Answers one after the other; ``there`` is what a look finds."""

    def __init__(self, *answers: Any, there: str | None = None) -> None:
        self.answers = list(answers)
        self.there = there
        self.looks = 0

    def make(self) -> str:
        answer = self.answers.pop(0)
        if isinstance(answer, ServiceError):
            raise answer
        return str(answer)

    def look(self) -> str | None:
        self.looks += 1
        return self.there

    def once(self) -> str:
        return once("making it", self.make, self.look)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.time, "sleep", lambda _seconds: None)


def test_what_goes_well_is_not_looked_for() -> None:
    service = Service("made")
    assert (service.once(), service.looks) == ("made", 0)


@pytest.mark.parametrize("status", [None, 500, 502, 503, 504, 409, 412])
def test_what_was_done_all_the_same_is_found(status: int | None) -> None:
    assert Service(failed(status), there="found").once() == "found"


@pytest.mark.parametrize("status", [None, 500, 504])
def test_what_may_come_to_light_later_is_not_sent_again(status: int | None) -> None:
    service = Service(failed(status), "a second one")
    with pytest.raises(ServiceError, match="it was looked for and is not there"):
        service.once()
    assert service.answers == ["a second one"]


@pytest.mark.parametrize("status", [429, 503])
def test_what_was_refused_for_the_moment_is_sent_again(status: int) -> None:
    assert Service(failed(status), failed(status), "made").once() == "made"


def test_refusals_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMLSHARE_RETRY_SECONDS", "0")
    with pytest.raises(ServiceError, match="Create"):
        Service(failed(503), "made").once()


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_plain_refusal_is_final(status: int) -> None:
    service = Service(failed(status), "made", there="found")
    with pytest.raises(ServiceError):
        service.once()
    assert service.looks == 0


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as told:
        yield told


class Asked(Service):
    """Makes things with requests; ``gets`` is whether it looks at what it has made."""

    def __init__(self, server: Server, *, gets: bool = False, there: str | None = None) -> None:
        super().__init__(there=there)
        self.server = server
        self.gets = gets

    def make(self) -> str:
        import requests

        made = requests.post(f"{self.server.url}/Create", json={})
        made.raise_for_status()
        if self.gets:
            requests.get(f"{self.server.url}/made").raise_for_status()
        return str(made.json()["Id"])


FOREIGN = reply(200, {"is": "foreign"})


@pytest.mark.parametrize("answer", [CUT, PAGE, FOREIGN])
def test_whatever_is_made_of_an_answer_it_is_looked_for(server: Server, answer: Any) -> None:
    server.replies = [answer]
    assert Asked(server, there="found").once() == "found"
    assert server.heard == ["POST /Create"]


@pytest.mark.parametrize("answer", [CUT, PAGE, FOREIGN])
def test_where_it_is_not_found_it_is_not_sent_again(server: Server, answer: Any) -> None:
    server.replies = [answer]
    with pytest.raises(ServiceError, match=r"POST http.*/Create was answered .*is not there"):
        Asked(server).once()
    assert server.heard == ["POST /Create"]


def test_a_refusal_of_what_comes_after_hides_nothing_that_was_made(server: Server) -> None:
    server.replies = [reply(200, {"Id": "1"}), reply(403)]
    assert Asked(server, gets=True, there="found").once() == "found"


def test_a_service_that_is_away_after_it_is_no_reason_to_make_another(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMLSHARE_RETRY_SECONDS", "0")
    server.replies = [reply(200, {"Id": "1"}), reply(503, Retry_After="0")]
    with pytest.raises(ServiceError, match=r"GET .* was answered 503"):
        Asked(server, gets=True).once()
    assert server.heard == ["POST /Create", "GET /made"]


def test_where_looking_fails_too_nothing_is_claimed() -> None:
    service = Service(failed(None))
    service.look = lambda: (_ for _ in ()).throw(failed(503))  # type: ignore[method-assign]
    with pytest.raises(ServiceError, match="whether it was done all the same is not known"):
        service.once()
