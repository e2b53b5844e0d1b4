"""What a failure of the SDK means: the service's own words, and what to do next."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from amlshare.backends.azureml.wire import CHANGING, PASSING, Exchange, plain_url

_LONG = 600
_IDS = ("x-ms-request-id", "x-request-id", "x-ms-correlation-request-id", "x-ms-client-request-id")
_CHANGED = "somebody else changed it at the same time: run the same command again"
_NEXT = {
    400: "correct what the service names, or run again with -v to see what was sent",
    401: "sign in again: check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or run"
    " `az login`",
    403: "give the identity that is signed in a role on the workspace, such as 'AzureML Data"
    " Scientist'",
    404: "check the name, and that the workspace is the right one",
    409: _CHANGED,
    412: _CHANGED,
    413: "make the code folder smaller: name what it need not have in .amlignore",
}
_LATER = "try again later; AMLSHARE_RETRY_SECONDS sets how long it is tried"


def failing(error: BaseException, exchanges: Sequence[Exchange]) -> Exchange | None:
    """The exchange that an error of the SDK is about, as far as can be known.

    ``exchanges`` are the latest, oldest first. The SDK looks for what need not be there, so a
    refusal further back says nothing; but for one while signing in, which is followed by other
    looks. Where none failed, it is the latest that changes something, whose reply may be what is
    wrong.
    """
    for each in _chain(error):
        if lost := next((one for one in exchanges if one.error is each), None):
            return lost
        response = getattr(each, "response", None)
        response = getattr(response, "internal_response", response)
        if getattr(response, "request", None) is not None and hasattr(response, "status_code"):
            return _exchange(response)
    if meant := next((each for each in exchanges if _is_meant(each, str(error))), None):
        return meant
    signing_in = type(error).__name__.startswith("Authentication")
    latest = list(exchanges) if signing_in else list(exchanges)[-1:]
    if failed := next((each for each in reversed(latest) if _is_failed(each)), None):
        return failed
    return next((each for each in reversed(exchanges) if each.method in CHANGING), None)


def _is_meant(exchange: Exchange, said: str) -> bool:
    """Whether the words of an error are about this exchange for certain, though others were made
    since: the SDK sends with several threads, and looks in a second place for a dataset.
    """
    status = exchange.status or 0
    return status >= 400 and (exchange.url in said or f"Request failed ({status})" in said)


def _is_failed(exchange: Exchange) -> bool:
    return exchange.error is not None or (exchange.status or 0) >= 400


def _exchange(response: Any) -> Exchange:
    request = response.request
    return Exchange(method=request.method, url=plain_url(request.url), response=response)


def tell(
    error: BaseException, exchange: Exchange | None, advice: Mapping[int, str] | None = None
) -> str:
    """What happened and what to do, without a full stop. ``advice`` is by status."""
    if exchange is None:
        return f"{_own_words(error)}; `-v` shows the SDK's own log"
    if exchange.error is not None:
        return f"{_unanswered(exchange)}; {_reach(exchange)}"
    if not _is_failed(exchange):
        after = f"{exchange.request} was answered {_status(exchange.response)}"
        return f"{_own_words(error)}, after {after}; `-v` shows the SDK's own log"
    return f"{_answered(exchange)}; {_next_step(exchange.status or 0, advice or {})}"


def _answered(exchange: Exchange) -> str:
    status = _status(exchange.response)
    name = status.partition(" ")[2]
    said = words(exchange.response).removeprefix(f"{name.replace(' ', '')}: ")
    trace = _trace(exchange.response)
    told = f"{exchange.request} was answered {status}"
    return told + (f": {said}" if said else "") + (f" (request id {trace})" if trace else "")


def _status(response: Any) -> str:
    """A status with its name: "403 Forbidden"."""
    status = int(response.status_code)
    name = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    return f"{status} {name}".rstrip()


def _next_step(status: int, advice: Mapping[int, str]) -> str:
    usual = _LATER if status in PASSING or status >= 500 else _NEXT[400]
    return advice.get(status) or _NEXT.get(status, usual)


def _unanswered(exchange: Exchange) -> str:
    from requests.exceptions import ConnectTimeout, ReadTimeout, SSLError
    from urllib3.exceptions import NameResolutionError

    error = exchange.error
    if exchange.response is not None:
        said = words(exchange.response)
        told = f"{exchange.request} was answered {_status(exchange.response)}, but {error}"
        return told + (f": '{said}'" if said else "")
    if isinstance(error, ReadTimeout):
        return f"{exchange.request} had no reply in time"
    if isinstance(error, ConnectTimeout):
        return f"{exchange.request}: the connection was not made in time"
    if isinstance(error, SSLError):
        return f"{exchange.request}: the certificate was not accepted ({innermost(error)})"
    if error is not None and any(isinstance(each, NameResolutionError) for each in _chain(error)):
        return f"{exchange.request}: the name of the host is not known"
    return f"{exchange.request}: the connection was lost or refused ({innermost(error)})"


def _reach(exchange: Exchange) -> str:
    from requests.exceptions import ReadTimeout, SSLError

    if isinstance(exchange.error, SSLError):
        return "name the certificate of a proxy in REQUESTS_CA_BUNDLE"
    if isinstance(exchange.error, ReadTimeout):
        return "it may have been done all the same; AMLSHARE_TIMEOUT sets how long to wait"
    return "check the network, and HTTPS_PROXY where there is a proxy"


def innermost(error: BaseException | None) -> str:
    """The last words of a chain of errors: what the operating system said."""
    said = str(list(_chain(error, _wrapped))[-1]) if error is not None else ""
    return shorten(said) or type(error).__name__


def _chain(
    error: BaseException | None, inner: Callable[[BaseException], Any] | None = None
) -> Iterator[BaseException]:
    """An error, and those that it wraps, was raised from or raised after."""
    inner = inner or _inner
    seen: set[int] = set()
    while isinstance(error, BaseException) and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = inner(error)


def _inner(error: BaseException) -> Any:
    return _wrapped(error) or error.__context__


def _wrapped(error: BaseException) -> Any:
    """What an error is about, not what else had failed before it."""
    wrapped = getattr(error, "inner_exception", None) or getattr(error, "reason", None)
    if isinstance(wrapped, BaseException):
        return wrapped
    held = [each for each in error.args if isinstance(each, BaseException)]
    return held[0] if held else error.__cause__


def _own_words(error: BaseException) -> str:
    """What the SDK says itself: its exceptions print a form with the message in it."""
    said = getattr(error, "message", None)
    text = said if isinstance(said, str) and said else str(error)
    kind = type(error).__name__
    return shorten(text) if _is_of_sdk(error) and text else f"{kind}: {shorten(text)}".rstrip(": ")


def _is_of_sdk(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in {"azureml", "msrest", "azure", "msal"}


def words(response: Any) -> str:
    """The message in a body: of ARM, of the pipelines' service, of Entra, of storage."""
    try:
        text = response.text
    except Exception:  # noqa: BLE001 # a stream that cannot be read has no message
        return ""
    try:
        return shorten(_message(json.loads(text)))
    except ValueError:
        return shorten(_marked_up(text))


def _message(body: Any) -> str:
    if isinstance(body, str):
        return body
    if not isinstance(body, dict):
        return ""
    fields = {str(key).lower(): value for key, value in body.items()}
    if isinstance(fields.get("error_description"), str):
        return re.split(r"\s+Trace ID:", str(fields["error_description"]))[0]
    if isinstance(fields.get("error"), dict):
        return _message(fields["error"])
    said = fields.get("message") or fields.get("title") or fields.get("detail") or ""
    code = fields.get("code")
    told = f"{code}: {said}" if isinstance(code, str) and code not in said else str(said)
    return "; ".join([told, *filter(None, map(_message, _details(fields)))])


def _details(fields: dict[str, Any]) -> list[Any]:
    details = fields.get("details")
    return details[:3] if isinstance(details, list) else []


def _marked_up(text: str) -> str:
    """Storage answers in XML, a proxy in HTML."""
    found = {
        name.lower(): inner.strip()
        for name, inner in re.findall(r"(?is)<(code|message|title)>(.*?)</\1>", text[:20000])
    }
    if not found:
        return text if not text.lstrip().startswith("<") else ""
    said = found.get("message") or found.get("title", "")
    return f"{found['code']}: {said}" if "code" in found else said


def _trace(response: Any) -> str:
    headers = response.headers
    return next((headers[name] for name in _IDS if headers.get(name)), "") or _correlation(response)


def _correlation(response: Any) -> str:
    try:
        body = json.loads(response.text)
        found = body.get("correlation") or {}
        return str(found.get("request") or found.get("operation") or body.get("trace_id") or "")
    except Exception:  # noqa: BLE001 # only a convenience
        return ""


def shorten(text: str) -> str:
    """One line of bearable length."""
    line = " ".join(text.split()).rstrip(" .;:")
    return line if len(line) <= _LONG else f"{line[: _LONG - 1]}…"
