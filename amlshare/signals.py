"""What ends a command from outside: Ctrl-C, a CI job that is canceled, a terminal that is closed.

It says so and leaves nothing behind, from the first moment on. While a command works, the signal
becomes a KeyboardInterrupt with its number; before and after that nothing is left to clear up, and
the process ends at once.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows lacks the last
_NUMBERS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


def end_at_once() -> None:
    """From now on a signal ends this process, with one word and no traceback."""
    _handle(_end)


@contextmanager
def raised() -> Iterator[None]:
    """Within the block a signal raises KeyboardInterrupt, with its number, in the main thread."""
    before = _handle(_raise)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code(error: BaseException) -> int:
    """That of a process which such an error ends, as a shell shows it: 130 for Ctrl-C."""
    return 128 + int(error.args[0] if error.args else signal.SIGINT)


def _handle(handler: Callable[[int, Any], None]) -> dict[int, Any]:
    """Handle every signal that is not ignored, as `nohup` has it; what handled them before."""
    handled = [each for each in _NUMBERS if signal.getsignal(each) is not signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in handled}


def _raise(number: int, _frame: Any) -> None:
    raise KeyboardInterrupt(number)


def _end(number: int, _frame: Any) -> None:
    # where the process was started without it, 2 may be any other file
    if sys.__stderr__ is not None:
        with suppress(OSError):
            os.write(2, b"interrupted\n")
    os._exit(128 + number)
