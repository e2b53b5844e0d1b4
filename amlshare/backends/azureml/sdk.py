"""The SDK, quiet and plain-spoken: what has to hold around every call of it.

Call :func:`prepare` before anything of azureml is imported, and put :func:`asking` around every
call that reaches the service.
"""

from __future__ import annotations

import io
import logging
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from amlshare import secrets
from amlshare.backends.azureml import replies, wire
from amlshare.backends.azureml.wire import Exchange
from amlshare.backends.interface import BackendError

__all__ = ["ServiceError", "asking", "masked", "prepare", "steps_classes"]

# `HBI_WORKSPACE_JOB` stops all telemetry; the name of the cloud spares a look-up of all clouds
_SETTINGS = {
    "HBI_WORKSPACE_JOB": "true",
    "AZUREML_LOG_DEPRECATION_WARNING_ENABLED": "False",
    "AZUREML_CURRENT_CLOUD": "AzureCloud",
}
# Within a job these say where its own service is: elsewhere, where a token would be sent.
_REDIRECTING = ("AZUREML_SERVICE_ENDPOINT", "AZUREML_DEV_URL_")
_LOGGERS = ("azureml", "azure", "msrest", "msal", "adal", "urllib3", "amlshare.backends.azureml")
_SECRET_VARIABLES = ("AZURE_CLIENT_SECRET", "IDENTITY_HEADER", "MSI_SECRET")
_BEARER = re.compile(r"(?i)(?<=bearer )[\w.~+/=-]{16,}")
_LOG = logging.getLogger(__name__)


class ServiceError(BackendError):
    """A call of the SDK failed. ``exchange`` is the request that it failed at, if it was one."""

    def __init__(self, message: str, exchange: Exchange | None = None) -> None:
        super().__init__(message)
        self.exchange = exchange

    @property
    def status(self) -> int | None:
        """What the service answered, None where no answer came or nothing was asked."""
        return self.exchange.status if self.exchange else None

    @property
    def is_open(self) -> bool:
        """Whether the service may have done what was asked all the same."""
        return self.exchange is not None and self.exchange.is_open()


class Classes(NamedTuple):
    """The classes of SDK v1 that steps are made of."""

    PythonScriptStep: Any
    CommandStep: Any
    ParallelRunStep: Any
    ParallelRunConfig: Any


def prepare(*, verbose: bool = False) -> None:
    """Make the SDK quiet, keep its telemetry and the git remote's URL here. May be called again.

    With ``verbose``, or where amlshare logs, its log goes to stderr, without its secrets.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    os.environ["HBI_WORKSPACE_JOB"] = "true"
    for name in [name for name in os.environ if name.startswith(_REDIRECTING)]:
        del os.environ[name]
    if not os.environ.get("HOME"):
        os.environ["HOME"] = _home()
    warnings.filterwarnings("ignore")
    if verbose or logging.getLogger("amlshare").isEnabledFor(logging.INFO):
        _show_log()
    elif not any(map(_has_ours, map(logging.getLogger, _LOGGERS))):
        _hide_log()
    from azureml._base_sdk_common.tracking import GitTrackingInfoProvider
    from azureml._base_sdk_common.tracking import global_tracking_info_registry as registry

    # it sends the URL of the git remote along, with a token where there is one in it
    registry.providers[:] = [
        each for each in registry.providers if not isinstance(each, GitTrackingInfoProvider)
    ]
    _still_datasets()
    wire.install()


def _home() -> str:
    """Where the SDK, which cannot be imported without a home, keeps what it has looked up."""
    home = os.path.expanduser("~")  # noqa: PTH111 # where nobody's is known, it stays as it is
    return home if os.path.isabs(home) else tempfile.gettempdir()  # noqa: PTH117 # the same


def _still_datasets() -> None:
    """Tell the native part of datasets to send no telemetry of its own.

    It is told by azureml-telemetry, which reads `HBI_WORKSPACE_JOB`; on Python 3.12 that cannot be
    installed, and nothing else tells it.
    """
    try:
        from azureml.dataprep.api import _rslex_executor
    except ImportError:
        return
    _rslex_executor.HBI_MODE = True


@contextmanager
def asking(what: str, advice: Mapping[int, str] | None = None) -> Iterator[None]:
    """Around calls of the SDK. ``what`` is what they do: "publishing the pipeline".

    Raises ServiceError, a BackendError, for whatever they raise. ``advice`` is the next step by
    the status that the service answered, where a better one can be given than for any request.
    """
    prepare()
    with wire.recording() as exchanges, redirect_stdout(_Sink()):
        try:
            yield
        except BackendError:
            raise
        except Exception as error:  # noqa: BLE001 # the SDK raises of every kind
            _LOG.debug("%s failed", what, exc_info=error)
            exchange = replies.failing(error, exchanges)
            told = masked(f"{what} failed: {replies.tell(error, exchange, advice)}")
            raise ServiceError(told, exchange) from None


def masked(text: str) -> str:
    """``text`` without the secrets that are known by their shape, or from the environment."""
    for name in _SECRET_VARIABLES:
        value = os.environ.get(name, "")
        text = text.replace(value, secrets.MASK * 8) if len(value) >= 4 else text
    return secrets.mask(_BEARER.sub(secrets.MASK * 8, text))


def steps_classes() -> Classes:
    """The classes of `azureml.pipeline.steps`, or equal ones where it cannot be installed.

    On Python 3.12 it needs a package of which there is no release; its classes add only names to
    the bases in `azureml.pipeline.core`.
    """
    prepare()
    try:
        from azureml.pipeline import steps
    except ImportError:
        return _bases()
    return Classes(
        steps.PythonScriptStep, steps.CommandStep, steps.ParallelRunStep, steps.ParallelRunConfig
    )


def _bases() -> Classes:
    from azureml.pipeline.core._parallel_run_config_base import _ParallelRunConfigBase
    from azureml.pipeline.core._parallel_run_step_base import _ParallelRunStepBase
    from azureml.pipeline.core._python_script_step_base import _PythonScriptStepBase

    class PythonScriptStep(_PythonScriptStepBase):  # type: ignore[misc]
        """A script in Python."""

    class CommandStep(_PythonScriptStepBase):  # type: ignore[misc]
        """A command: a list whose first word is the program."""

        def __init__(self, command: list[Any], **named: Any) -> None:
            program, *arguments = command
            super().__init__(command=program, script_name=None, arguments=arguments, **named)

    class ParallelRunStep(_ParallelRunStepBase):  # type: ignore[misc]
        """A script over the parts of a dataset."""

    class ParallelRunConfig(_ParallelRunConfigBase):  # type: ignore[misc]
        """How such a step divides its input."""

    return Classes(PythonScriptStep, CommandStep, ParallelRunStep, ParallelRunConfig)


class _Sink(io.StringIO):
    """Where the SDK's progress goes: to its log."""

    def write(self, text: str) -> int:
        if text.strip():
            _LOG.debug("%s", text.rstrip())
        return len(text)


class _MaskedFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


if TYPE_CHECKING:
    _StreamHandler = logging.StreamHandler[TextIO]
else:  # on Python 3.10 it takes no parameter
    _StreamHandler = logging.StreamHandler


class _Handler(_StreamHandler):
    """Shows the log on what is stderr at the time."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(_MaskedFormatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def _has_ours(logger: logging.Logger) -> bool:
    return any(isinstance(handler, _Handler) for handler in logger.handlers)


def _show_log() -> None:
    handler = _Handler()
    for logger in map(logging.getLogger, _LOGGERS):
        if not _has_ours(logger):
            logger.addHandler(handler)
            logger.setLevel(logging.DEBUG)
            logger.propagate = False


def _hide_log() -> None:
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
    logging.lastResort = logging.NullHandler()
