"""What must be made once: sent once, and looked for where its reply says nothing for certain."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import TypeVar

from amlshare.backends.azureml import wire
from amlshare.backends.azureml.sdk import ServiceError, asking, sent_once
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
        if result.status not in _REFUSED or time.monotonic() + pause > ends:
            raise _not_done(result)
        time.sleep(pause)
    raise AssertionError("unreachable")


def _attempt(what: str, make: Callable[[], Made]) -> Made | ServiceError:
    """What was made, or the error after which it may have been made all the same."""
    try:
        with asking(what), sent_once():
            return make()
    except ServiceError as error:
        if error.is_open or error.status in _CONFLICT:
            return error
        raise


def _looked_for(look: Callable[[], Made | None], error: ServiceError) -> Made | None:
    try:
        return look()
    except BackendError as second:
        raise ServiceError(
            f"{error}; whether it was done all the same is not known: {second}", error.exchange
        ) from None


def _not_done(error: ServiceError) -> ServiceError:
    """The error, with what looking for it told; a conflict says itself what is the matter."""
    if error.status in _CONFLICT:
        return error
    return ServiceError(
        f"{error}; it was looked for and is not there: run the same command again", error.exchange
    )
