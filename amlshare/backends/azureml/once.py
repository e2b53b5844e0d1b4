"""What must be made once: sent once, and looked for where its reply says nothing for certain."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from amlshare.backends.azureml import wire
from amlshare.backends.azureml.sdk import ServiceError, asking
from amlshare.backends.azureml.wire import CHANGING, Exchange
from amlshare.backends.interface import BackendError

Made = TypeVar("Made")

# the service says that it did not do what was asked, only that it may later
_REFUSED = frozenset({429, 503})
# it is there already, or has changed: perhaps by the same request, whose first reply was lost
_CONFLICT = frozenset({409, 412})


def once(what: str, make: Callable[[], Made], look: Callable[[], Made | None]) -> Made:
    """What ``make`` makes with one request, or what ``look`` finds where its end is open.

    ``what`` is what is done: "publishing the pipeline". What the service refused for the moment is
    sent again, once ``look`` has found nothing. Raises ServiceError, which names the request.
    """
    ends = time.monotonic() + wire.seconds("AMLSHARE_RETRY_SECONDS", wire.PATIENCE)
    for attempt in itertools.count():
        result = _attempt(what, make)
        if not isinstance(result, ServiceError):
            return result
        found = _looked_for(look, result)
        if found is not None:
            return found
        pause = result.exchange.pause(attempt) if result.exchange else 0.0
        if not _is_put_off(result) or time.monotonic() + pause > ends:
            raise _not_done(result)
        time.sleep(pause)
    raise AssertionError("unreachable")


def _attempt(what: str, make: Callable[[], Made]) -> Made | ServiceError:
    """What was made, or the error after which it may have been made all the same."""
    with wire.recording() as exchanges:
        try:
            with asking(what), wire.sent_once():
                return make()
        except ServiceError as error:
            if _is_refused(error, exchanges):
                raise
            return error


def _is_refused(error: ServiceError, exchanges: Sequence[Exchange]) -> bool:
    """Whether nothing can have been made: what was to make it was refused, or never sent.

    Whatever failed after it, the answer to the last request that changes something decides.
    """
    sent = next((each for each in reversed(exchanges) if each.method in CHANGING), error.exchange)
    return sent is None or not (sent.is_open() or sent.status in _CONFLICT)


def _is_put_off(error: ServiceError) -> bool:
    """Whether what makes it was refused for the moment, and not a look before or after it."""
    sent = error.exchange
    return sent is not None and sent.method in CHANGING and sent.status in _REFUSED


def _looked_for(look: Callable[[], Made | None], error: ServiceError) -> Made | None:
    try:
        return look()
    except BackendError as second:
        raise ServiceError(
            f"{error}; whether it was done all the same is not known: {second}", error.exchange
        ) from None


def _not_done(error: ServiceError) -> ServiceError:
    """The error, with what looking for it told; a plain refusal says itself what is the matter."""
    if not error.is_open:
        return error
    return ServiceError(
        f"{error}; it was looked for and is not there: run the same command again", error.exchange
    )
