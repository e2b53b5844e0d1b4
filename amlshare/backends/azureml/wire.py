"""What the SDK sends: every request of its clients passes here, below all of them.

The SDK's clients each have their own idea of when to send again: msrest's policy, urllib3's in
three forms, a loop around run history and snapshots, another around datasets. A reply that is lost
on the way then makes two published pipelines of one. So there is one rule, here, and theirs are
switched off: what failed for the moment is sent again for up to ``AMLSHARE_RETRY_SECONDS``
(default 60), later and later or when the service says; inside :func:`sent_once`, nothing that
creates is. Nothing waits for ever: ``AMLSHARE_TIMEOUT`` (seconds) holds for every request.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from amlshare.backends.interface import BackendError

CONNECT_TIMEOUT = 20.0
READ_TIMEOUT = 120.0
PATIENCE = 60.0

# refused for the moment: 408 too slow, 429 too many, the rest broken or away
PASSING = frozenset({408, 429, 500, 502, 503, 504})
# what may make a second one of something when it is sent twice
CREATING = frozenset({"POST", "PATCH"})
# what leaves something in the workspace that was not there
CHANGING = CREATING | {"PUT"}
# where a virtual machine finds its identity, if it has one: it answers at once or never
LINK_LOCAL = "169.254.169.254"
# exchanges that are remembered for a message
_KEPT = 20
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and what came of it: a response of `requests`, or an error.

    There are both where a reply broke off, or came from something else than the service. ``url``
    has no query, which may hold a signature.
    """

    method: str
    url: str
    response: Any = None
    error: Exception | None = None

    @property
    def status(self) -> int | None:
        """What the service answered, None where no answer of its own came, or not the whole."""
        return None if self.error or self.response is None else int(self.response.status_code)

    @property
    def request(self) -> str:
        return f"{self.method} {self.url}"

    def is_passing(self) -> bool:
        """Whether the same request may well succeed in a moment."""
        from requests.exceptions import ConnectionError as Broken
        from requests.exceptions import ReadTimeout, SSLError

        if self.error is None:
            return self.status in PASSING
        return isinstance(self.error, (Broken, ReadTimeout)) and not isinstance(
            self.error, SSLError
        )

    def is_open(self) -> bool:
        """Whether the service may have done what was asked, though the call did not end well."""
        done = self.status is not None and self.status < 400
        return self.is_passing() or (done and self.method in CHANGING)

    def pause(self, attempt: int) -> float:
        """Seconds to wait after the attempt: what the service asks for, else 1, 2, 4, 8, ..."""
        asked = "" if self.response is None else self.response.headers.get("Retry-After", "")
        return max(float(2**attempt), float(asked) if asked.isdigit() else 0.0)

    def outcome(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.response


@dataclass(slots=True, kw_only=True)
class _Line:
    """What holds at the moment. The SDK's own threads send too, so it is one for the process.

    ``failed`` are requests within :func:`sent_once` that had no good end; ``exhausted`` those that
    patience ran out for, so that a loop further up does not start it anew.
    """

    open: bool = False
    records: list[deque[Exchange]] = field(default_factory=list)
    failed: dict[tuple[str, str, int], Exchange] | None = None
    exhausted: set[tuple[str, str]] = field(default_factory=set)


_line = _Line()


def install() -> None:
    """Put this module between `requests` and the network, once for the process."""
    if _line.open:
        return
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    _line.open = True
    send = HTTPAdapter.send
    once = Retry(0, read=False)

    @wraps(send)
    def send_here(
        self: HTTPAdapter,
        request: Any,
        stream: bool = False,
        timeout: Any = None,
        *args: Any,
        **named: Any,
    ) -> Any:
        self.max_retries = once
        limit = _limited(timeout)
        # what a GET streams may be of any kind and size, and whoever asked for it reads it
        read = _leave if stream and request.method == "GET" else _read
        return _persist(request, lambda: send(self, request, stream, limit, *args, **named), read)

    setattr(HTTPAdapter, "send", send_here)  # noqa: B010 # mypy knows it as a method
    _still_clients()


def _still_clients() -> None:
    """Switch off the loops that the SDK's own clients send again in."""
    _still_storage()
    from azureml._restclient.clientbase import ClientBase

    execute = ClientBase._execute_func_internal.__func__  # noqa: SLF001 # no public way

    def execute_once(cls: Any, back_off: float, _retries: int, *args: Any, **named: Any) -> Any:
        return execute(cls, back_off, 0, *args, **named)

    ClientBase._execute_func_internal = classmethod(execute_once)  # noqa: SLF001


def _still_storage() -> None:
    """Storage waits for a minute and a half, but what it reads from a stream only it can rewind."""
    from azureml._vendor.azure_storage.blob._shared import policies

    client: Any = policies.StorageRetryPolicy
    increment = client.increment

    def increment_streams(self: Any, settings: Any, request: Any, **outcome: Any) -> bool:
        again = hasattr(request.body, "read") and increment(self, settings, request, **outcome)
        return bool(again)

    client.increment = increment_streams


@contextmanager
def recording() -> Iterator[Sequence[Exchange]]:
    """The latest exchanges of those inside, of all threads, oldest first."""
    exchanges: deque[Exchange] = deque(maxlen=_KEPT)
    _line.records.append(exchanges)
    try:
        yield exchanges
    finally:
        # by identity: two empty ones are equal
        _line.records[:] = [each for each in _line.records if each is not exchanges]


@contextmanager
def sent_once() -> Iterator[None]:
    """Within it no request that creates or changes (POST, PATCH) is sent a second time.

    Neither by the rule here nor by a loop in the SDK, which gets the first failure again. What
    only reads is still repeated, and so is a PUT or DELETE, which has the same end twice.

    Outside it a POST is repeated too. What is made so on the way to a pipeline (modules, data
    sources, saved datasets, snapshots) does no harm when there are two of it: it starts nothing,
    and the pipeline refers to the one whose reply arrived.
    """
    before, _line.failed = _line.failed, {}
    try:
        yield
    finally:
        _line.failed = before


def seconds(variable: str, default: float) -> float:
    """A number of seconds from the environment. Raises BackendError for anything else."""
    given = os.environ.get(variable, "").strip()
    try:
        value = float(given) if given else default
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise BackendError(f"{variable} is '{given}'; expected a number of seconds, such as 30")
    return value


def check_settings() -> None:
    """Raise BackendError for a setting in the environment that says nothing."""
    seconds("AMLSHARE_RETRY_SECONDS", PATIENCE)
    most()


def most() -> float:
    """The most seconds that one reply may take."""
    # no time at all is no setting that anybody means
    return seconds("AMLSHARE_TIMEOUT", READ_TIMEOUT) or READ_TIMEOUT


def _persist(request: Any, send: Callable[[], Any], read: Callable[[Any], None]) -> Any:
    """Send, and send again while that may help and is allowed."""
    key = (request.method, request.url, hash(request.body))
    if _line.failed is not None and key in _line.failed:
        return _line.failed[key].outcome()
    exchange = _repeat(request, send, read)
    failed = _line.failed
    if failed is not None and request.method in CREATING and exchange.is_passing():
        failed[key] = exchange
    return exchange.outcome()


def _repeat(request: Any, send: Callable[[], Any], read: Callable[[Any], None]) -> Exchange:
    target = (request.method, request.url)
    patience = _patience(request)
    started = time.monotonic()
    for attempt in itertools.count():
        exchange = _attempt(request, send, read)
        if not exchange.is_passing():
            _line.exhausted.discard(target)
            break
        pause = exchange.pause(attempt)
        if time.monotonic() - started + pause > patience:
            _line.exhausted.add(target)
            break
        _LOG.info("%s: %s; again in %g s", exchange.request, _result(exchange), pause)
        time.sleep(pause)
    return exchange


def _attempt(request: Any, send: Callable[[], Any], read: Callable[[Any], None]) -> Exchange:
    response, error = None, None
    try:
        response = send()
        read(response)
    except Exception as raised:  # noqa: BLE001 # whatever it is, `outcome` raises it again
        error = raised
    exchange = Exchange(
        method=request.method, url=plain_url(request.url), response=response, error=error
    )
    _LOG.debug("%s: %s", exchange.request, _result(exchange))
    for record in list(_line.records):
        record.append(exchange)
    return exchange


def _read(response: Any) -> None:
    """Read the body while the connection is open; the response keeps it.

    Raises ConnectionError of `requests` for a reply that is as good as lost: one that breaks off,
    or that is none of the service's, as from a proxy.
    """
    from requests.exceptions import ConnectionError as Broken
    from requests.exceptions import RequestException

    try:
        content = response.content
    except RequestException as error:
        raise Broken(f"the reply broke off ({type(error).__name__})") from error
    if response.status_code < 300 and content and _is_foreign(response):
        raise Broken("not as the service answers")


def _leave(response: Any) -> None:
    """Leave the body of what went well to be streamed."""
    if response.status_code >= 400:
        _read(response)


def _is_foreign(response: Any) -> bool:
    """Whether a reply is a page, or says that it is JSON and is not."""
    kind = response.headers.get("Content-Type", "").lower()
    if "json" not in kind:
        return str(kind).startswith("text/html")
    try:
        json.loads(response.content)
    except ValueError:
        return True
    return False


def _result(exchange: Exchange) -> str:
    return type(exchange.error).__name__ if exchange.error else str(exchange.status)


def _patience(request: Any) -> float:
    """How long to go on with a request: not at all where that is of no use, or not allowed."""
    creating = _line.failed is not None and request.method in CREATING
    whole = isinstance(request.body, (str, bytes, type(None)))
    if creating or not whole or LINK_LOCAL in request.url:
        return 0.0
    if (request.method, request.url) in _line.exhausted:
        return 0.0
    return seconds("AMLSHARE_RETRY_SECONDS", PATIENCE)


def _limited(timeout: Any) -> Any:
    """A time-out for connecting and for reading, for requests sent with a long one or none."""
    longest = most()
    connect, read = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    if not all(isinstance(each, (int, float, type(None))) for each in (connect, read)):
        return timeout
    return (
        min(connect or longest, longest, CONNECT_TIMEOUT),
        min(read or longest, longest),
    )


def plain_url(url: str) -> str:
    """A URL without its query and without a name and password in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
