"""The service's own words, found in whatever form each of its parts gives them."""

from __future__ import annotations

import json

import pytest

from amlshare.backends.azureml import replies, sdk
from amlshare.backends.azureml.replies import words

requests = pytest.importorskip("requests")


def answer(body: object, status: int = 400, **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = (body if isinstance(body, str) else json.dumps(body)).encode()
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response


STORAGE = """\ufeff<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code>
<Message>Server failed to authenticate.
RequestId:1</Message></Error>"""
BODIES = {
    "ARM": (
        {"error": {"code": "ResourceNotFound", "message": "The Resource 'ws' was not found."}},
        "ResourceNotFound: The Resource 'ws' was not found",
    ),
    "pipelines": (
        {
            "error": {"code": "UserError", "message": "Graph is bad.", "innerError": {"code": "X"}},
            "correlation": {"operation": "op", "request": "req"},
        },
        "UserError: Graph is bad",
    ),
    "details": (
        {"error": {"code": "Bad", "message": "no", "details": [{"message": "Compute is off"}]}},
        "Bad: no; Compute is off",
    ),
    "Entra": (
        {
            "error": "invalid_client",
            "error_description": "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: abc",
        },
        "AADSTS7000215: Invalid client secret provided",
    ),
    "problem": ({"title": "One or more errors", "status": 400}, "One or more errors"),
    "plain": ("the service is down", "the service is down"),
    "storage": (
        STORAGE,
        "AuthenticationFailed: Server failed to authenticate. RequestId:1",
    ),
    "a proxy": ("<html><head><title>502 Bad Gateway</title></head></html>", "502 Bad Gateway"),
    "nothing": ("", ""),
    "a number": ("7", ""),
    "null": ("null", ""),
    "other HTML": ("<html><body>x</body></html>", ""),
}


@pytest.mark.parametrize(("body", "said"), BODIES.values(), ids=BODIES)
def test_the_message_is_found(body, said):
    assert words(answer(body)) == said


def test_a_long_message_is_cut():
    assert len(words(answer("x" * 10_000))) == 600


def told(error: Exception) -> str:
    return replies.tell(error, replies.failing(error, []))


def test_the_request_is_found_in_an_error_of_msrest_whose_text_says_nothing():
    sdk.prepare()
    from azureml.pipeline.core._restclients.aeva.models import ErrorResponseException

    response = answer(
        {"error": {"code": "UserError", "message": "Graph is bad."}}, x_request_id="i"
    )
    response.request = requests.Request("POST", "https://host/Create?sig=x").prepare()
    error = ErrorResponseException(lambda *_: None, response)
    assert told(error).startswith(
        "POST https://host/Create was answered 400 Bad Request: UserError: Graph is bad (request"
        " id i); correct what the service names"
    )


def test_the_request_is_found_below_an_error_of_the_sdk_that_wraps_another():
    sdk.prepare()
    from azureml.exceptions import ComputeTargetException

    response = answer("no", status=403)
    response.request = requests.Request("GET", "https://host/computes").prepare()
    error = ComputeTargetException("Error occurred retrieving targets")
    error.__context__ = requests.HTTPError(response=response)
    assert told(error).startswith("GET https://host/computes was answered 403 Forbidden: no; give")


def test_an_error_of_the_sdk_without_a_request_is_told_by_its_message_alone():
    sdk.prepare()
    from azureml.exceptions import UserErrorException

    assert told(UserErrorException("No such mode.")) == "No such mode; `-v` shows the SDK's own log"


@pytest.mark.parametrize("status", [418, 530, 599, 600])
def test_a_status_that_nobody_knows_is_told_too(status):
    response = answer("", status=status)
    response.request = requests.Request("GET", "https://host/x").prepare()
    assert f"was answered {status}" in told(requests.HTTPError(response=response))


def test_a_certificate_that_is_not_accepted_names_the_setting():
    from amlshare.backends.azureml.wire import Exchange

    error = requests.exceptions.SSLError("certificate verify failed")
    exchange = Exchange(method="GET", url="https://host/x", error=error)
    assert "REQUESTS_CA_BUNDLE" in replies.tell(error, exchange)
